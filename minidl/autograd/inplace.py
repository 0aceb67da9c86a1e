"""Writing into a tensor's memory, with the gradient still right.

A write has three parts: the numbers change, the version counter of the memory goes up (so that a kept value
that was overwritten is noticed), and the tensor's handle moves to the new op. If the tensor looks into another
tensor's memory, it is the owner of the memory that has changed: its handle moves to a `ViewWrite`.
All views notice by the version and derive their edges anew when they are next read.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.autograd.grad_mode import switches
from minidl.autograd.op import AS_INPUTS, AccumulateGrad, Cast, Op, next_sequence, owner
from minidl.autograd.tensorbase import Edge, TensorBase, memory_of, move_edge, version_of, wrap
from minidl.backend.device import Array
from minidl.backend.dtype import can_cast


class InPlaceOp(Op):
    """An op whose `forward` writes into its first input and returns it. It must be linear in that
    input, so that the old values are not needed on the way back."""

    layout = AS_INPUTS


class ViewWrite(Op):
    """`base` after the part of it that `views`, one of the other, look at has been replaced by `value`.

    The gradient of the replaced part flows to `value`, all the rest to `base`.
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

    def grad_base(self, g: Any) -> Any:
        return ViewWrite(*self.views)(g, 0.0)

    def grad_value(self, g: Any) -> Any:
        for view in self.views:
            g = view.reapply(g) if isinstance(g, TensorBase) else view.forward(g)
        return g


def write(tensor: TensorBase, op: Callable[..., Any], *others: Any, who: str = "", **kwargs: Any) -> Any:
    """`tensor = op(tensor, *others)`, into the tensor's own memory; returns the tensor.

    `op` may be any function of Tensors, and is then introduced by `who`.
    Errors: RuntimeError where a leaf that requires grad, or a tensor with internal overlap, would be
    overwritten, and where shape or dtype do not fit.
    """
    who = who or op.name()  # type: ignore[attr-defined]
    way = check_writable(tensor, who, (*others, *kwargs.values()) if kwargs else others)
    if way[-1].edge is not None and way[-1].edge[0].spares_output:
        _keep_old_output(way[-1])
    old = tensor.array
    if isinstance(op, InPlaceOp):
        result = op(tensor, *others)
    else:
        since = next_sequence()
        result = op(tensor, *others, **kwargs)
        old = tensor.array      # which `op` may have laid out anew
        _check_fits(result.array, old, who)
        if result.edge is not None:
            _protect_kept(result.edge[0], tensor, since)
        if result.array.dtype != old.dtype:
            result = Cast(old.dtype)(result)
        old[...] = result.array
        if result.edge is None and tensor.edge is not None and switches.enabled:
            result = ViewWrite()(tensor, result)    # a gradient of zeros, as of eq_
    version = version_of(tensor)
    version[:] = version[0] + 1, who
    if result.edge is not None:
        step = result.edge[0]
        for name, (value, _, _) in (step.kept or {}).items():
            if value is result.array:   # `out` is kept: keep the tensor's own memory instead
                step.kept[name] = (old, version, version[0])
        rebase_history(tensor, result.edge)
    else:
        _mark_current(tensor)
    return tensor


def replace_by_view(tensor: TensorBase, op: Callable[..., Any], *args: Any, who: str) -> Any:
    """`tensor = op(tensor, *args)`, where the result looks into the same memory in another shape; returns the tensor.

    What the tensor was becomes a base that nobody else holds. Views that were made of it find that base; see `View`.
    Errors: RuntimeError for a leaf that requires grad, and under no_grad for any tensor that does.
    """
    _check_recordable(tensor, who, ())
    if tensor.edge is not None and not switches.enabled:
        raise RuntimeError(f"{who}: the shape of a tensor that requires grad cannot be changed under no_grad(), since "
                           f"its gradient would have the old one; try detach() first")
    before = wrap(memory_of(tensor), tensor.edge)
    before.view_of, before.is_former = tensor.view_of, True
    version = before.version = version_of(tensor)
    if before.edge is not None and before.edge[0].spares_output:
        _keep_old_output(before)
    result = op(before, *args)
    version[:] = version[0] + 1, who
    if result is not before:
        move_edge(tensor, result.edge)
        tensor.array, tensor.view_of = result.array, result.view_of
        tensor.view_of.recorded = True
    _mark_current(before)
    _mark_current(tensor)
    return tensor


def replace_memory(tensor: TensorBase, array: Array, who: str) -> None:
    """The tensor holds `array` from now on. Views of what it held before keep that."""
    n = version_of(tensor)[0]
    tensor.array, tensor.version, tensor.view_of = array, [n + 1, who], None


def rebase_history(tensor: TensorBase, edge: Edge) -> None:
    """The tensor was written by the op of `edge`, and its handle moves there. If it is a view, the owner of the memory
    has a new part and its handle moves; all views, this one among them, are derived from the owner when next read."""
    views: list[Op] = []
    base = tensor
    while base.view_of is not None:
        views.insert(0, base.view_of.op)
        base = base.view_of.base
    if views:
        step = ViewWrite(*views)
        step.sequence, step.edges, step.kept = next_sequence(), (base.edge, edge), {}
        edge = (step, 0)
    move_edge(base, edge)
    if tensor.view_of is not None and tensor.retains_grad:
        tensor.view_of.refresh(tensor)      # what it collects is no longer the gradient of what it was


def check_writable(tensor: TensorBase, who: str, others: Any) -> list[TensorBase]:
    """The tensors on the way to the owner of the memory. Errors: RuntimeError where the tensor must not be
    overwritten; see `write`."""
    way = _check_recordable(tensor, who, others)
    for x in way:
        if overlaps(x.array):
            what = "the tensor" if x is tensor else "a tensor that this one is a view of"
            raise RuntimeError(
                f"{who}: unsupported in-place operation: several elements of {what}, shape "
                f"{tuple(x.array.shape)}, share one place in memory (it was expanded or unfolded); clone() it "
                f"before writing")
    unlock(tensor.array)
    return way


def _check_recordable(tensor: TensorBase, who: str, others: Any) -> list[TensorBase]:
    """The tensors on the way to the owner of the memory. Errors: RuntimeError where they have a gradient that would
    not follow the tensor's handle."""
    if tensor.view_of is not None:
        tensor.view_of.refresh(tensor)
    way = [tensor]
    while way[-1].view_of is not None:
        way.append(way[-1].view_of.find_base())
    if not switches.enabled or not any(x.edge is not None for x in (*way, *others) if isinstance(x, TensorBase)):
        return way
    if any(x.view_of is not None and not x.view_of.recorded for x in way):
        raise RuntimeError(
            f"{who}: in-place write into a view that was made under no_grad() or in a custom Function, with a "
            f"gradient to record: make the view where gradients are recorded, or clone() it before writing")
    root = way[-1]
    if root.edge is not None and isinstance(root.edge[0], AccumulateGrad):
        what = "a leaf Variable" if root is tensor else "a view of a leaf Variable"
        raise RuntimeError(
            f"{who}: {what} that requires grad is being used in an in-place operation. Its gradient would "
            f"be lost. Write under minidl.no_grad() to change the values only, or work on x.clone().")
    return way


def unlock(array: Array) -> None:
    """Allow writing into what NumPy has expanded, and so locked, even where nothing was repeated."""
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        array.setflags(write=owner(array).flags.writeable)


def overlaps(array: Array) -> bool:
    """Whether elements may share a place in memory: the steps along one axis are not longer than all that the
    axes with shorter steps reach."""
    if array.flags.c_contiguous or not array.size:
        return False
    reach = 0
    for step, n in sorted([(abs(step), n) for step, n in zip(array.strides, array.shape) if n > 1]):
        if step <= reach:
            return True
        reach += step * (n - 1)
    return False


def _check_fits(new: Array, old: Array, who: str) -> None:
    if new.shape != old.shape:
        raise RuntimeError(f"{who}: output with shape {tuple(old.shape)} doesn't match the broadcast "
                           f"shape {tuple(new.shape)}; an in-place operation cannot grow its tensor")
    if new.dtype != old.dtype and not can_cast(new.dtype, old.dtype):
        raise RuntimeError(f"{who}: result type {new.dtype} can't be cast to the desired output type "
                           f"{old.dtype}; use the out-of-place form, or .to({new.dtype}) first")


def _protect_kept(step: Op, tensor: TensorBase, since: int) -> None:
    """The ops that were run to overwrite the tensor, `step` the last, keep its old values where they need them."""
    steps = [step] if step.sequence > since else []
    for step in steps:      # grows
        for name, (value, version, _) in (step.kept or {}).items():
            if version is not None and version is tensor.version:
                step.kept[name] = (value.copy(), [0, ""], 0)  # type: ignore[index]  # a tensor, with a version of its own
        steps += [e[0] for e in step.edges if e is not None and e[0].sequence > since and e[0] not in steps]


def _keep_old_output(tensor: TensorBase) -> None:
    """The op that made the tensor, and has kept it as `out`, keeps a copy of its values from now on."""
    assert tensor.edge is not None
    step, slot = tensor.edge
    value, version, number = (step.kept or {}).get("out", (None, None, 0))
    if value is tensor.array and version[0] == number:
        step.kept["out"] = (value.copy(), [0, ""], 0)  # type: ignore[index]
    elif type(value) is tuple and value[slot] is tensor.array and number[slot][0][0] == number[slot][1]:
        values, numbers = list(value), list(number)
        values[slot], numbers[slot] = values[slot].copy(), ([0, ""], 0)
        step.kept["out"] = (tuple(values), None, numbers)  # type: ignore[index]


def _mark_current(tensor: TensorBase) -> None:
    """The handle of a view, if it is one, is that of the present version."""
    if tensor.view_of is not None:
        tensor.view_of.edge_version = version_of(tensor)[0]
