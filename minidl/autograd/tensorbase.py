"""What the tape needs of a tensor: its array, where its gradient flows to, and its version.

The methods that users call stand in `minidl.tensors.tensor.Tensor`. This class knows no operations: it is the
knot between the tape (below) and the tensor (above), cut once.
"""
from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minidl.backend.device import empty_dense

if TYPE_CHECKING:
    from minidl.autograd.op import Op
    from minidl.backend.device import Array

Edge = tuple["Op", int]
"""Where a gradient flows to: an op, and which of its outputs this is."""

Version = list
"""`[n, who]`: how often a piece of memory was written in place, and what wrote it last. All views
of the memory share the list."""


class TensorBase:
    """The fields of a tensor. Defaults live on the class, so that making a tensor sets only `array`."""

    array: Array                        # the numbers, a raw array of some library
    edge: Edge | None = None            # None: no gradient is wanted
    grad: TensorBase | None = None      # a leaf's accumulated gradient
    version: Version | None = None      # made when a value is first kept or shared
    retains_grad: bool = False          # a tensor that is no leaf, but has its gradient collected
    view_of: View | None = None         # how this tensor looks into another's memory
    is_former: bool = False             # what a tensor was before `t_()` or its like: nobody holds it
    layout_is_free: bool = False        # nobody has looked at how the numbers lie in memory; see `memory_of`

    result_type: ClassVar[type[TensorBase]]  # what operations return

    def __init_subclass__(cls, is_result_type: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if is_result_type:
            TensorBase.result_type = cls


def wrap(array: Array, edge: Edge | None = None, version: Version | None = None) -> Any:
    """A tensor around an array; NumPy's scalars, which its reductions return, become arrays again."""
    tensor = object.__new__(TensorBase.result_type)
    tensor.array = array if not isinstance(array, np.generic) else np.asarray(array)
    if edge is not None:
        tensor.edge = edge
    if version is not None:
        tensor.version = version
    return tensor


def memory_of(tensor: TensorBase) -> Array:
    """The tensor's array, for those who share its memory or look at how the numbers lie in it.

    An op may leave its result in the order in which it was computed fastest: a convolution puts channels last. As long
    as the tensor alone knows of that memory, nobody can tell. Here it is put in row-major order, on which programs
    rely: `x.view(len(x), -1)` of the result of a convolution shares its memory.
    """
    if tensor.layout_is_free:
        tensor.layout_is_free = False
        if not tensor.array.flags.c_contiguous:
            tensor.array = tensor.array.copy(order="C")
    return tensor.array


def wrap_free(array: Array, edge: Edge | None = None) -> Any:
    """A tensor around an array that no user has seen: a gradient on its way, or what was kept for backward."""
    tensor = wrap(array, edge)
    if not tensor.array.flags.c_contiguous:
        tensor.layout_is_free = True
    return tensor


def gradient_of(tensor: TensorBase, array: Array) -> Any:
    """A gradient as a tensor. It lies in memory as its tensor does, or row by row if that has gaps."""
    if tensor.array.flags.c_contiguous or tensor.layout_is_free:
        return wrap_free(array)
    if array.strides != tensor.array.strides:
        array, given = empty_dense(tensor.array), array
        array[...] = given
    return wrap(array)


def recorded_gradient_of(tensor: TensorBase, gradient: Any) -> Any:
    """A copy of a gradient that is a tensor itself; it lies row by row where its tensor does."""
    copy = gradient.clone()
    if tensor.array.flags.c_contiguous or tensor.layout_is_free:
        copy.layout_is_free = not copy.array.flags.c_contiguous
    return copy


def tensors_in(value: Any) -> Iterator[TensorBase]:
    """All tensors in nested tuples, lists and dicts."""
    if isinstance(value, TensorBase):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))


def version_of(tensor: TensorBase) -> Version:
    """The tensor's version counter, made on first use."""
    version = tensor.version
    if version is None:
        version = tensor.version = [0, ""]
    return version


def move_edge(tensor: TensorBase, edge: Edge | None) -> None:
    """The tensor is the output of another op from now on; if it collects its gradient, then there."""
    if tensor.retains_grad and tensor.edge is not None:
        op = tensor.edge[0]
        op.retained = [(slot, reference) for slot, reference in op.retained or () if reference() is not tensor]
    tensor.edge = edge
    if tensor.retains_grad and edge is not None:
        collect_there(tensor)


def collect_there(tensor: TensorBase) -> None:
    """Have the op that made the tensor put the gradient into its `.grad`."""
    assert tensor.edge is not None
    op, slot = tensor.edge
    op.retained = [*(op.retained or ()), (slot, weakref.ref(tensor))]   # weak: the tensor holds the op


class View:
    """How a tensor looks into the memory of another: `tensor = op(base)`, sharing memory.

    An in-place write anywhere in shared memory makes the edges of the other views stale. They are
    derived anew when next read, by applying the op to the base as it now is.
    """

    __slots__ = ("array", "base", "edge_version", "op", "recorded")

    def __init__(self, base: TensorBase, op: Op, recorded: bool) -> None:
        self.base = base
        self.array = base.array             # what the op was applied to: the base may be given another since
        self.op = op
        self.recorded = recorded            # False: made under no_grad or by a Function, its edge is not derived
        self.edge_version = version_of(base)[0]     # the version that the edge was derived at

    def find_base(self) -> TensorBase:
        """The base as the op knows it. If it was turned in place since, by `t_()` for instance, then what it now is a
        view of; if it was given other memory, a tensor that holds the old one."""
        while self.base.array is not self.array:
            self.base = wrap(self.array) if self.base.view_of is None else self.base.view_of.base
        return self.base

    @staticmethod
    def refresh(tensor: TensorBase) -> None:
        """Bring the edge of a view up to date with writes into its memory: derive it from the owner."""
        view = tensor.view_of
        if view is None or view.edge_version == tensor.version[0]:  # type: ignore[index]
            return
        steps, base = [], tensor
        while base.view_of is not None and base.view_of.recorded:
            steps.append(base.view_of.op)
            base = base.view_of.find_base()
        if base.view_of is not None and base.edge is not None:
            assert base.version is not None
            raise RuntimeError(
                f"a view of shape {tuple(base.array.shape)}, returned by a custom Function, is read after the "
                f"memory that it looks into was written by {base.version[1]}: its gradient cannot be derived "
                f"anew. Return a clone() from the Function, or write after the last use of the view.")
        if steps:
            owner = base
            for op in reversed(steps):
                owner = op.reapply(owner)
            move_edge(tensor, None if base.edge is None else owner.edge)
        view.edge_version = tensor.version[0]  # type: ignore[index]
