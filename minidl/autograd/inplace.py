"""Writing into a tensor's memory, with the gradient still right.

A write has three parts: the numbers change, the version counter of the memory goes up (so that a kept value
that was overwritten is noticed), and the tensor's handle moves to the new op. If the tensor looks into another
tensor's memory, that one has changed too: its handle moves to a `ViewWrite`, and so on up to the owner.
Views beside it notice by the version and derive their edges anew when they are next read.
"""
from __future__ import annotations

from typing import Any

from minidl.autograd.grad_mode import switches
from minidl.autograd.op import AccumulateGrad, Cast, Op, next_sequence
from minidl.autograd.tensorbase import Edge, TensorBase, move_edge, version_of
from minidl.backend.device import Array


class InPlaceOp(Op):
    """An op whose `forward` writes into its first input and returns it. It must be linear in that
    input, so that the old values are not needed on the way back."""


class ViewWrite(Op):
    """`base` after the part of it that `view` looks at has been replaced by `value`.

    The gradient of the replaced part flows to `value`, all the rest to `base`.
    """

    def __init__(self, view: Op) -> None:
        self.view = view

    def forward(self, base: Array, value: Any) -> Array:
        out = base.copy()
        self.view.forward(out)[...] = value
        return out

    def grad_base(self, g: Any) -> Any:
        return ViewWrite(self.view)(g, 0.0)

    def grad_value(self, g: Any) -> Any:
        return self.view.again(g) if isinstance(g, TensorBase) else self.view.forward(g)


def write(tensor: TensorBase, op: Op, *others: Any) -> Any:
    """`tensor = op(tensor, *others)`, into the tensor's own memory; returns the tensor.

    Errors: RuntimeError where a leaf that requires grad, or a tensor with internal overlap, would be
    overwritten, and where shape or dtype do not fit.
    """
    who = op.name()
    check_writable(tensor, who, others)
    old = tensor.array
    if isinstance(op, InPlaceOp):
        result = op(tensor, *others)
    else:
        result = op(tensor, *others)
        _check_fits(result.array, old, who)
        step = result.edge[0] if result.edge is not None else None
        _protect_kept(step, old)
        if result.array.dtype != old.dtype:
            result = Cast(old.dtype)(result)
        old[...] = result.array
    version = version_of(tensor)
    version[:] = version[0] + 1, who
    if result.edge is not None:
        step = result.edge[0]
        for name, (value, _, _) in (step.kept or {}).items():
            if value is result.array:   # `out` is kept: keep the tensor's own memory instead
                step.kept[name] = (old, version, version[0])
        move_handle(tensor, result.edge)
    elif tensor.view_of is not None:
        _mark_current(tensor)
    return tensor


def move_handle(tensor: TensorBase, edge: Edge) -> None:
    """The tensor was written by the op of `edge`: its handle moves there, and those of its bases follow."""
    move_edge(tensor, edge)
    _move_bases(tensor)
    _mark_current(tensor)


def check_writable(tensor: TensorBase, who: str, others: Any) -> None:
    """Errors: RuntimeError where the tensor must not be overwritten; see `write`."""
    if tensor.view_of is not None:
        tensor.view_of.refresh(tensor)
    way = [tensor]      # from the tensor to the owner of the memory
    while way[-1].view_of is not None:
        way.append(way[-1].view_of.base)
    for x in way:
        if overlaps(x.array):
            what = "the tensor" if x is tensor else "a tensor that this one is a view of"
            raise RuntimeError(
                f"{who}: unsupported in-place operation: several elements of {what}, shape "
                f"{tuple(x.array.shape)}, share one place in memory (it was expanded or unfolded); clone() it "
                f"before writing")
    if not switches.enabled or not any(x.edge is not None for x in (*way, *others) if isinstance(x, TensorBase)):
        return
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
    if "biuf".index(new.dtype.kind.replace("u", "i")) > "biuf".index(old.dtype.kind.replace("u", "i")):
        raise RuntimeError(f"{who}: result type {new.dtype} can't be cast to the desired output type "
                           f"{old.dtype}; use the out-of-place form, or .to({new.dtype}) first")


def _protect_kept(step: Op | None, old: Array) -> None:
    """The op that is about to overwrite its own input keeps the old values, if it needs them."""
    if step is None or step.kept is None:
        return
    for name, (value, _, _) in step.kept.items():
        if value is old:
            step.kept[name] = (old.copy(), [0, ""], 0)   # a tensor still, with a version of its own


def _move_bases(tensor: TensorBase) -> None:
    """The owner of the memory, and every view on the way to it, has a new part."""
    while tensor.view_of is not None:
        base = tensor.view_of.base
        step = ViewWrite(tensor.view_of.op)
        step.sequence = next_sequence()
        step.edges = (base.edge, tensor.edge)
        step.kept = {}
        move_edge(base, (step, 0))
        tensor = base


def _mark_current(tensor: TensorBase) -> None:
    """The handles on the way to the owner are those of the present version."""
    while tensor.view_of is not None:
        assert tensor.version is not None
        tensor.view_of.seen = tensor.version[0]
        tensor = tensor.view_of.base
