"""Hooks on the gradient of one tensor."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.autograd.op import AccumulateGrad, RemovableHandle
from minidl.autograd.tensorbase import Edge, TensorBase, collect_there


def register_hook(tensor: TensorBase, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call `hook(grad)` when the tensor's gradient is complete; what it returns replaces the gradient."""
    op, slot = _edge_of(tensor, "cannot register a hook on a tensor that doesn't require gradient; try "
                                "requires_grad_() on it first")
    if op.hooks is None:
        op.hooks = {}
    return RemovableHandle(op.hooks.setdefault(slot, []), hook)


def register_post_accumulate_grad_hook(tensor: TensorBase, hook: Callable[[Any], None]) -> RemovableHandle:
    """Call `hook(tensor)` after a gradient has been added to the `.grad` of this leaf."""
    who = "post accumulate grad hooks cannot be registered on non-leaf tensors or on leaves that don't require grad"
    op, _ = _edge_of(tensor, who)
    if not isinstance(op, AccumulateGrad):
        raise RuntimeError(f"{who}; try register_hook")
    if op.post_hooks is None:
        op.post_hooks = []
    return RemovableHandle(op.post_hooks, hook)


def retain_grad(tensor: TensorBase) -> None:
    """Make a tensor that is no leaf receive its gradient in `.grad` too."""
    op, _ = _edge_of(tensor, "can't retain_grad on Tensor that has requires_grad=False")
    if not isinstance(op, AccumulateGrad) and not tensor.retains_grad:
        tensor.retains_grad = True
        collect_there(tensor)


def _edge_of(tensor: TensorBase, complaint: str) -> Edge:
    """The tensor's edge, up to date. Errors: RuntimeError with `complaint` where it has none."""
    if tensor.view_of is not None:
        tensor.view_of.refresh(tensor)
    if tensor.edge is None:
        raise RuntimeError(complaint)
    return tensor.edge
