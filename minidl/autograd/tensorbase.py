"""The fields of a tensor that the tape needs.

They are its array, where its gradient flows to, its version, and some marks.
`TensorBase` has the fields, and no operations. The user's class, `minidl.tensors.tensor.Tensor`, adds the methods. So
ops and the tape can be written without importing `Tensor`.
"""
from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minidl.autograd import grad_mode
from minidl.backend.layout import row_major

if TYPE_CHECKING:
    from minidl.autograd.op import Op
    from minidl.autograd.views import View
    from minidl.backend.device import Array

Edge = tuple["Op", int]
"""Where the gradient of a tensor flows to: the op that made the tensor, and which of its outputs the tensor is."""

Version = list
"""`[n, who]`: how often a piece of memory was written, and the name of the last writer. All its tensors share it."""


class _Untracked(list[Any]):
    """A version that no write changes."""

    def __setitem__(self, where: Any, value: Any) -> None:
        """Nothing is counted."""


INFERENCE: Version = _Untracked([0, ""])
"""The version of all memory that was made in `inference_mode`. Writes into it are not counted, so no op keeps it for
backward, and it is written in `inference_mode` only."""


class TensorBase:
    """The fields of a tensor. Defaults live on the class; `wrap` sets those that every op reads, for faster reading."""

    array: Array                        # the numbers, a raw array of some library
    edge: Edge | None = None            # None: no gradient is wanted
    grad: TensorBase | None = None      # the sum of the gradients so far
    version: Version | None = None      # made when a value is first kept, or memory is first shared
    retains_grad: bool = False          # it is no leaf, but receives its gradient in `.grad`
    view_of: View | None = None         # for a view: its base and the op between them
    is_replaced: bool = False           # the old form of a tensor after `t_()` or the like; no user holds it
    layout_is_free: bool = False        # its numbers may be in any memory order; see `memory_of`
    free_views: weakref.WeakValueDictionary[int, TensorBase] | None = None  # views that leave its memory order free

    result_type: ClassVar[type[TensorBase]]  # what operations return

    def __init_subclass__(cls, is_result_type: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if is_result_type:
            global _new_tensor
            TensorBase.result_type, _new_tensor = cls, functools.partial(object.__new__, cls)


_new_tensor: Callable[[], Any]      # makes an empty tensor of `TensorBase.result_type`


class SparseBase:
    """A tensor of which only some entries are stored; `ops.sparse.SparseTensor` is the class.

    Here it is a gradient: of a table of which few rows were looked up, for instance. It takes the place of an array in
    the engine, and of a Tensor in `.grad`. It adds to both, and a sum with either is what that is.
    """

    base = ()                   # like that of an array which is a view: nobody may write into it
    stored: Any                 # the Tensor of its values
    plus: Any                   # its sum with a sparse tensor or a Tensor

    @property
    def array(self) -> Any:
        """What the engine holds of it: itself."""
        return self


def wrap(array: Array, edge: Edge | None = None, version: Version | None = None) -> Any:
    """A tensor around an array. NumPy's reductions return scalars; these become arrays again."""
    tensor = _new_tensor()
    tensor.array = array if type(array) is np.ndarray or not isinstance(array, np.generic) else np.asarray(array)
    tensor.edge = edge
    tensor.version = version
    tensor.view_of = None
    tensor.layout_is_free = False
    if grad_mode.inference_blocks and version is None and grad_mode.switches.inference:
        tensor.version = INFERENCE
    return tensor


def memory_of(tensor: TensorBase) -> Array:
    """The tensor's array, for sharing its memory or reading its strides.

    An op may return its result in the memory order in which it is computed fastest: a convolution puts channels last.
    This can only be seen by sharing the memory or reading the strides. Then programs expect row-major order:
    `x.view(len(x), -1)` of the result of a convolution must share its memory. So this function makes the order
    row-major where it is still free. Slices of such a tensor leave it free, and move with it.
    """
    if tensor.layout_is_free:
        tensor.layout_is_free = False
        owner = tensor
        while owner.view_of is not None:
            owner = owner.view_of.base
        _settle(owner, owner.array if owner.array.flags.c_contiguous else row_major(owner.array))   # 0-d stays
    return tensor.array


def _settle(tensor: TensorBase, array: Array) -> None:
    """Give a tensor whose memory order is free the array that it keeps, and its views their parts of it."""
    tensor.array, tensor.layout_is_free = array, False
    views, tensor.free_views = tensor.free_views, None
    for x in list((views or {}).values()):
        _settle(x, x.view_of.move(array))   # type: ignore[union-attr]


def wrap_free(array: Array, edge: Edge | None = None) -> Any:
    """A tensor around an array that no user has seen: a gradient in the engine, or a kept value."""
    tensor = wrap(array, edge)
    if not tensor.array.flags.c_contiguous:
        tensor.layout_is_free = True
    return tensor


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


def set_edge(tensor: TensorBase, edge: Edge | None) -> None:
    """Make the tensor the output of another op.

    If the tensor retains its gradient, it does so at the new op.
    """
    if tensor.retains_grad and tensor.edge is not None:
        hooks = tensor.edge[0].ensure_hooks()
        hooks.retained = [(slot, reference) for slot, reference in hooks.retained if reference() is not tensor]
    tensor.edge = edge
    if tensor.retains_grad and edge is not None:
        retain_at_op(tensor)


def retain_at_op(tensor: TensorBase) -> None:
    """Let the op that made the tensor store the gradient in the tensor's `.grad`."""
    assert tensor.edge is not None
    op, slot = tensor.edge
    op.ensure_hooks().retained.append((slot, weakref.ref(tensor)))    # weak: the tensor holds the op


def is_leaf(tensor: TensorBase) -> bool:
    """Whether gradients that flow to the tensor stop there."""
    return tensor.edge is not None and tensor.edge[0].is_leaf
