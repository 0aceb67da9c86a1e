"""Hooks on the gradient of one tensor."""
from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from minidl.autograd.engine import edge_of
from minidl.autograd.op import AccumulateGrad, RemovableHandle
from minidl.autograd.tensorbase import TensorBase


def register_hook(tensor: TensorBase, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call `hook(grad)` when the tensor's gradient is complete; what it returns replaces the gradient."""
    if tensor.edge is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    op, slot = edge_of(tensor)
    if op.hooks is None:
        op.hooks = {}
    return RemovableHandle(op.hooks.setdefault(slot, []), hook)


def register_post_accumulate_grad_hook(tensor: TensorBase, hook: Callable[[Any], None]) -> RemovableHandle:
    """Call `hook(tensor)` after a gradient has been added to the `.grad` of this leaf."""
    if tensor.edge is None or not isinstance(tensor.edge[0], AccumulateGrad):
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors "
                           "or on leaves that don't require grad")
    op = tensor.edge[0]
    if op.post_hooks is None:
        op.post_hooks = []
    return RemovableHandle(op.post_hooks, hook)


def retain_grad(tensor: TensorBase) -> None:
    """Make a tensor that is no leaf receive its gradient in `.grad` too."""
    if tensor.edge is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if isinstance(tensor.edge[0], AccumulateGrad) or tensor.retains_grad:
        return
    tensor.retains_grad = True
    reference = weakref.ref(tensor)   # the tensor holds the op that holds the hook

    def store(g: Any) -> None:
        target = reference()
        if target is not None:
            target.grad = g.clone() if target.grad is None else target.grad + g

    register_hook(tensor, store)
