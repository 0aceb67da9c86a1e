"""Hooks: the user's functions that receive gradients, and may replace them.

There are four kinds. A *tensor hook* receives the gradient of one tensor when it is complete. A *prehook* of an op
receives the gradients of its outputs, a *node hook* also the gradients of its inputs. A *post hook* of a leaf runs when
the leaf's `.grad` is up to date. Hooks receive Tensors, also where the engine uses arrays.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.autograd.handles import OpHooks, RemovableHandle
from minidl.autograd.op import Op
from minidl.autograd.tensorbase import Edge, SparseBase, TensorBase, retain_at_op, wrap_free
from minidl.autograd.views import current_edge

# ---------------------------------------------------------------------- registering them on a tensor


def register_hook(tensor: TensorBase, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Call `hook(grad)` when the tensor's gradient is complete; its result replaces the gradient."""
    op, slot = _edge_of(tensor, "cannot register a hook on a tensor that doesn't require gradient; try "
                                "requires_grad_() on it first")
    return RemovableHandle(op.ensure_hooks().on_output.setdefault(slot, []), hook)


def register_post_accumulate_grad_hook(tensor: TensorBase, hook: Callable[[Any], None]) -> RemovableHandle:
    """Call `hook(tensor)` after a gradient has been added to the `.grad` of this leaf."""
    who = "post accumulate grad hooks cannot be registered on non-leaf tensors or on leaves that don't require grad"
    op, _ = _edge_of(tensor, who)
    if not op.is_leaf:
        raise RuntimeError(f"{who}; try register_hook")
    return RemovableHandle(op.ensure_hooks().on_leaf, hook)


def retain_grad(tensor: TensorBase) -> None:
    """Let a tensor that is no leaf receive its gradient in `.grad` too."""
    op, _ = _edge_of(tensor, "can't retain_grad on Tensor that has requires_grad=False")
    if not op.is_leaf and not tensor.retains_grad:
        tensor.retains_grad = True
        retain_at_op(tensor)


def _edge_of(tensor: TensorBase, complaint: str) -> Edge:
    """The tensor's up-to-date edge. Errors: RuntimeError with the text `complaint` if it has none."""
    edge = current_edge(tensor)
    if edge is None:
        raise RuntimeError(complaint)
    return edge


# ---------------------------------------------------------------------- running them

def run_tensor_hooks(op: Op, hooks: OpHooks, g: Any, graph: bool) -> Any:
    """The gradient g of the op's output after its tensor hooks; `retain_grad` gets the result."""
    gs = _as_tensors(op, g)
    for slot, tensor_hooks in hooks.on_output.items():
        for hook in list(tensor_hooks):
            if gs[slot] is not None:
                gs[slot] = _replacement(hook, hook(gs[slot]), gs[slot])
    for slot, reference in hooks.retained:
        target = reference()
        if target is not None and gs[slot] is not None:
            target.grad = gs[slot].clone() if target.grad is None else target.grad + gs[slot]
    return _as_engine_values(op, gs, graph)


def run_prehooks(op: Op, hooks: OpHooks, g: Any, graph: bool) -> Any:
    """The gradient g of the op's output after the prehooks."""
    if not hooks.before:
        return g
    gs = tuple(_as_tensors(op, g))
    for hook in list(hooks.before):
        gs = _replacements(hook, hook(gs), gs)
    return _as_engine_values(op, gs, graph)


def run_node_hooks(op: Op, hooks: OpHooks, passed: Sequence[Any], g: Any, graph: bool) -> Sequence[Any]:
    """The gradients `passed` of the op's inputs after the node hooks."""
    if not hooks.after:
        return passed
    grad_inputs, grad_outputs = tuple(map(_as_tensor, passed)), tuple(_as_tensors(op, g))
    for hook in list(hooks.after):
        grad_inputs = _replacements(hook, hook(grad_inputs, grad_outputs), grad_inputs)
    return [x if graph or x is None else x.array for x in grad_inputs]


def _as_tensor(g: Any) -> Any:
    return g if g is None or isinstance(g, (TensorBase, SparseBase)) else wrap_free(g)


def _as_tensors(op: Op, g: Any) -> list[Any]:
    """The gradients of all outputs of an op, as Tensors."""
    return [_as_tensor(x) for x in (g if op.outputs > 1 else (g,))]


def _as_engine_values(op: Op, gs: Sequence[Any], graph: bool) -> Any:
    """The gradients of all outputs in the engine's form: arrays unless `graph`, a tuple if several."""
    pushed = tuple([x if graph or x is None else x.array for x in gs])
    return pushed if op.outputs > 1 else pushed[0]


def _replacements(hook: Callable[..., Any], new: Any, old: tuple[Any, ...]) -> tuple[Any, ...]:
    """The gradients after a hook that returned `new`: None, one Tensor or a tuple of them."""
    if new is None:
        return old
    new = tuple(new) if isinstance(new, (tuple, list)) else (new,)
    if len(new) != len(old):
        raise RuntimeError(f"hook {_name(hook)} has changed the number of gradients: expected {len(old)}, "
                           f"got {len(new)}")
    return tuple([None if n is None else _replacement(hook, n, o) for n, o in zip(new, old)])


def _replacement(hook: Callable[..., Any], new: Any, old: Any) -> Any:
    """The gradient after a hook that received `old` and returned `new`; None keeps `old`."""
    if new is None:
        return old
    if not isinstance(new, (TensorBase, SparseBase)):
        raise TypeError(f"hook {_name(hook)}: expected it to return a Tensor or None, but got {type(new).__name__}")
    if old is not None and (new.array.shape, new.array.dtype) != (old.array.shape, old.array.dtype):
        raise RuntimeError(f"hook {_name(hook)} has changed the size or the type of the gradient: expected shape "
                           f"{tuple(old.array.shape)} of {old.array.dtype}, got {tuple(new.array.shape)} of "
                           f"{new.array.dtype}; return a tensor like the one it is given")
    return new


def _name(hook: Callable[..., Any]) -> str:
    return f"'{getattr(hook, '__name__', type(hook).__name__)}'"
