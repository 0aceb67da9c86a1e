"""Axes and the places of elements."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.array_api.dtypes import alike
from minidl.ops import index
from minidl.ops import shape as ops
from minidl.ops.base import normalize_dim
from minidl.ops.shape import moveaxis

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "expand_dims", "flip", "moveaxis", "permute_dims", "repeat",
    "reshape", "roll", "squeeze", "stack", "tile", "unstack",
]


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """The Tensors, each repeated to the shape of all."""
    return list(ops.broadcast_tensors(*arrays))


def broadcast_to(x: Tensor, /, shape: tuple[int, ...]) -> Tensor:
    """x, repeated to a shape."""
    return ops.broadcast_to(x, shape)


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """The Tensors one after another along an axis; None makes each a row of numbers first."""
    parts = alike(*arrays)
    return ops.cat([x.reshape(-1) for x in parts], 0) if axis is None else ops.cat(parts, axis)


def expand_dims(x: Tensor, /, *, axis: int = 0) -> Tensor:
    """A new axis of length 1."""
    return ops.unsqueeze(x, axis)


def flip(x: Tensor, /, *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """The elements in reverse along some axes, or along all."""
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return ops.flip(x, axes)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """The axes in another order."""
    return ops.permute(x, axes)


def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Each element several times along an axis; None makes x a row of numbers first."""
    return index.repeat_interleave(x, repeats, axis)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """The elements in another shape. Errors: ValueError where `copy=False` and a copy is needed."""
    if copy:
        x = x.clone()
    if copy is False:
        try:
            return x.view(shape)
        except RuntimeError as error:
            raise ValueError(f"reshape: copy=False, but {error}") from None
    return ops.reshape(x, shape)


def roll(x: Tensor, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """The elements moved along some axes, the last to the front."""
    return ops.roll(x, shift, axis)


def squeeze(x: Tensor, /, axis: int | tuple[int, ...]) -> Tensor:
    """Without these axes. Errors: ValueError for one whose length is not 1."""
    axes = (axis,) if isinstance(axis, int) else axis
    for a in axes:
        if x.shape[normalize_dim(a, x.ndim, "squeeze")] != 1:
            raise ValueError(f"squeeze: expected axes of length 1, but axis {a} of shape {tuple(x.shape)} is not")
    return ops.squeeze(x, axes)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """The Tensors side by side along a new axis."""
    return ops.stack(alike(*arrays), axis)


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """Copies of x in a grid."""
    return ops.tile(x, repetitions)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along an axis."""
    return ops.unbind(x, axis)
