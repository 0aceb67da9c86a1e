"""Writing into a tensor's memory, with correct gradients.

A write does three things:

1. It changes the numbers.
2. It increases the version of the memory. An op that has kept a value sees from the version that it was overwritten.
3. The tensor gets the edge of the op that wrote. If the tensor is a view, the owner of the memory gets a new edge too,
   of a `ViewWrite`: the old owner with one part replaced.

The edges of other views of the memory are computed again when they are next read (`views.py`).
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.autograd.basic_ops import Cast
from minidl.autograd.grad_mode import switches
from minidl.autograd.op import AS_INPUTS, Op, Value, next_sequence
from minidl.autograd.tensorbase import INFERENCE, Edge, TensorBase, Version, memory_of, set_edge, version_of, wrap
from minidl.autograd.views import path_to_owner, refresh_edge
from minidl.backend.device import Array, dense_copy
from minidl.backend.dtype import can_cast
from minidl.backend.layout import overlaps, unlock

# ---------------------------------------------------------------------- the ops


class InPlaceOp(Op):
    """An op whose `forward` writes into its first input and returns it.

    It must be linear in that input, so that backward does not need the old values.
    """

    layout = AS_INPUTS


class ViewWrite(Op):
    """`base` with one part replaced by `value`.

    `views`, applied one after the other, select the part. The gradient of the replaced part flows to `value`, the rest
    flows to `base`.
    """

    complex_rules = "as written"

    def __init__(self, *views: Op) -> None:
        self.views = views

    def forward(self, base: Array, value: Any) -> Array:
        out = part = base.copy()
        for view in self.views:
            part = view.forward(part)
        unlock(part)
        part[...] = value
        return out

    def grad_base(self, g: Value) -> Value:
        return ViewWrite(*self.views)(g, 0.0)

    def grad_value(self, g: Value) -> Value:
        for view in self.views:
            g = view.reapply(g) if isinstance(g, TensorBase) else view.forward(g)
        return g


# ---------------------------------------------------------------------- writing

def write(tensor: TensorBase, op: Callable[..., Any], *others: Any, who: str = "", **kwargs: Any) -> Any:
    """`tensor = op(tensor, *others)`, in the tensor's own memory; returns the tensor.

    op: an op, or any function of Tensors; then `who` is its name in errors.
    Errors: RuntimeError for a write into a leaf that requires grad, or into a tensor whose elements share memory, and
    for a result with another shape or a dtype that cannot be cast.
    """
    who = who or op.name()  # type: ignore[attr-defined]
    path = check_writable(tensor, who, (*others, *kwargs.values()) if kwargs else others)
    _copy_kept_output(path[-1])
    old = tensor.array
    if isinstance(op, InPlaceOp):
        result = op(tensor, *others)
    else:
        since = next_sequence()
        result = op(tensor, *others, **kwargs)
        old = tensor.array      # `op` may have changed its memory layout
        _check_result(result.array, old, who)
        if result.edge is not None:
            _copy_kept_inputs(result.edge[0], tensor, since)
        if result.array.dtype != old.dtype:
            result = Cast(old.dtype)(result)
        old[...] = result.array
        if result.edge is None and tensor.edge is not None and switches.enabled:
            result = ViewWrite()(tensor, result)    # `op` has no gradient, like `eq_`: zeros flow back
    version = version_of(tensor)
    version[:] = version[0] + 1, who
    if result.edge is not None:
        step = result.edge[0]
        for name, (value, _, _) in (step.kept or {}).items():
            if value is result.array:   # `out` is kept: replace it by the tensor's own memory
                step.kept[name] = (old, version, version[0])
        rebase_history(path, result.edge)
    elif tensor.view_of is not None:
        tensor.view_of.edge_version = version[0]    # nothing was recorded, so the edge is still right
    return tensor


def mark_written(tensor: TensorBase, who: str) -> None:
    """Say that `who` has written into the memory of a tensor, without a gradient."""
    version = version_of(tensor)
    version[:] = version[0] + 1, who
    if tensor.view_of is not None:
        tensor.view_of.edge_version = version[0]


def rebase_history(path: list[TensorBase], edge: Edge) -> None:
    """Make the written tensor the output of the op that wrote it.

    `path` leads from the tensor to the owner of the memory. If the tensor is a view, a part of the owner is new, and
    the owner becomes the output of a `ViewWrite`. Then all views are stale, also this one, and their edges are computed
    again when they are next read. The name is PyTorch's.
    """
    tensor, owner = path[0], path[-1]
    views = [view.view_of.op for view in reversed(path[:-1])]  # type: ignore[union-attr]
    if views:
        step = ViewWrite(*views)
        step.sequence, step.edges, step.kept = next_sequence(), (owner.edge, edge), {}
        edge = (step, 0)
    set_edge(owner, edge)
    if views and tensor.retains_grad:
        refresh_edge(tensor)    # from now on it retains the gradient of its new value


def replace_by_view(tensor: TensorBase, op: Callable[..., Any], *args: Any, who: str) -> Any:
    """`tensor = op(tensor, *args)`, a view of its own memory in another shape; returns the tensor.

    The tensor's old form becomes a base that no user holds. Older views of the tensor find this base; see `View`.
    Errors: RuntimeError for a leaf that requires grad, and under no_grad for any tensor that requires grad.
    """
    _check_recordable(tensor, who, ())
    if tensor.edge is not None and not switches.enabled:
        raise RuntimeError(f"{who}: the shape of a tensor that requires grad cannot be changed under no_grad(), since "
                           f"its gradient would have the old one; try detach() first")
    before = wrap(memory_of(tensor), tensor.edge)
    before.view_of, before.is_replaced = tensor.view_of, True
    version = before.version = version_of(tensor)
    _copy_kept_output(before)
    result = op(before, *args)
    version[:] = version[0] + 1, who
    if result is not before:
        set_edge(tensor, result.edge)
        tensor.array, tensor.view_of = result.array, result.view_of
        tensor.view_of.recorded = True
    for x in (before, tensor):      # the numbers have not changed, so the edges are still right
        if x.view_of is not None:
            x.view_of.edge_version = version[0]
    return tensor


def replace_memory(tensor: TensorBase, array: Array, who: str) -> None:
    """Make `array` the tensor's memory. Views of the old memory keep the old memory."""
    memory_of(tensor)       # views of memory whose order is free would not find it any more
    n = version_of(tensor)[0]
    tensor.array, tensor.version, tensor.view_of = array, [n + 1, who], None


# ---------------------------------------------------------------------- checks before a write

def check_writable(tensor: TensorBase, who: str, others: Any) -> list[TensorBase]:
    """The tensor and its bases, up to the owner of the memory.

    Errors: RuntimeError if a result computed from `others` must not be written into the tensor; see `write`.
    """
    path = _check_recordable(tensor, who, others)
    for x in path:
        if overlaps(x.array):
            what = "the tensor" if x is tensor else "a tensor that this one is a view of"
            raise RuntimeError(
                f"{who}: unsupported in-place operation: several elements of {what}, shape "
                f"{tuple(x.array.shape)}, share one place in memory (it was expanded or unfolded); clone() it "
                f"before writing")
    unlock(tensor.array)
    return path


def _check_recordable(tensor: TensorBase, who: str, others: Any) -> list[TensorBase]:
    """The tensor and its bases, up to the owner of the memory.

    Errors: RuntimeError if the write is to be recorded, and one of them is a leaf or a view of unknown origin.
    """
    if tensor.version is INFERENCE and not switches.inference:
        raise RuntimeError(f"{who}: Inplace update to inference tensor outside InferenceMode is not allowed. You can "
                           f"make a clone() to get a normal tensor before doing inplace update.")
    if tensor.view_of is not None:
        refresh_edge(tensor)
    path = path_to_owner(tensor)
    if not switches.enabled or not any(x.edge is not None for x in (*path, *others) if isinstance(x, TensorBase)):
        return path
    for x in path:
        if x.view_of is not None and not x.view_of.recorded:
            raise RuntimeError(
                f"{who}: in-place write into a view that was made under no_grad() or in a custom Function, with a "
                f"gradient to record: make the view where gradients are recorded, or clone() it before writing")
        if x.edge is not None and x.edge[0].is_leaf:
            what = "a leaf Variable" if x is tensor else "a view of a leaf Variable"
            raise RuntimeError(
                f"{who}: {what} that requires grad is being used in an in-place operation. Its gradient would "
                f"be lost. Write under minidl.no_grad() to change the values only, or work on x.clone().")
    return path


def _check_result(new: Array, old: Array, who: str) -> None:
    """Raise RuntimeError if the result has another shape than its tensor, or a dtype that cannot be cast."""
    if new.shape != old.shape:
        raise RuntimeError(f"{who}: output with shape {tuple(old.shape)} doesn't match the broadcast "
                           f"shape {tuple(new.shape)}; an in-place operation cannot grow its tensor")
    if new.dtype != old.dtype and not can_cast(new.dtype, old.dtype):
        raise RuntimeError(f"{who}: result type {new.dtype} can't be cast to the desired output type "
                           f"{old.dtype}; use the out-of-place form, or .to({new.dtype}) first")


# ---------------------------------------------------------------------- kept values that a write would change

def _copy_kept_inputs(step: Op, tensor: TensorBase, since: int) -> None:
    """Replace by copies what the ops newer than `since`, from `step` backwards, keep of the tensor's memory."""
    steps = [step] if step.sequence > since else []
    for step in steps:      # the list grows in the loop
        for name, (value, version, _) in (step.kept or {}).items():
            if version is not None and version is tensor.version:
                # the copy has a version of its own
                step.kept[name] = (dense_copy(value), [0, ""], 0)  # type: ignore[index]
        steps += [e[0] for e in step.edges if e is not None and e[0].sequence > since and e[0] not in steps]


def _copy_kept_output(tensor: TensorBase) -> None:
    """Let the op that filled the memory keep a copy, if it keeps it as `out` and allows writes into it."""
    edge = tensor.edge
    while edge is not None and type(edge[0]).is_view:   # a function may reshape its result
        edge = edge[0].edges[0]
    if edge is None or not edge[0].copies_output_on_write:
        return
    step, slot = edge
    value, version, number = (step.kept or {}).get("out", (None, None, 0))
    if type(value) is tuple:
        if _is_kept(tensor, *number[slot]):
            values, numbers = list(value), list(number)
            values[slot], numbers[slot] = dense_copy(values[slot]), ([0, ""], 0)
            step.kept["out"] = (tuple(values), None, numbers)  # type: ignore[index]
    elif _is_kept(tensor, version, number):
        step.kept["out"] = (dense_copy(value), [0, ""], 0)  # type: ignore[index]


def _is_kept(tensor: TensorBase, version: Version | None, number: int) -> bool:
    """Whether a value kept with this version is the memory of the tensor, not overwritten since."""
    return version is not None and version is tensor.version and version[0] == number
