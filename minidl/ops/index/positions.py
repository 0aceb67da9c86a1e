"""Positions: of elements that are not zero, and of triangles of matrices. No gradient passes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Device, array_module, as_device, get_library
from minidl.ops.base.checks import integer, natural
from minidl.ops.base.declaration import public
from minidl.ops.shape.views import array_of, as_result

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@overload
def nonzero(input: Tensor, *, as_tuple: Literal[False] = False, out: Tensor | None = None) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
@public
def nonzero(input: Tensor, *, as_tuple: bool = False, out: Tensor | Sequence[Tensor] | None = None) -> Any:
    """The positions of all nonzero elements: a row for each, or one tensor per axis.

        >>> import minidl
        >>> minidl.nonzero(minidl.tensor([[0, 5], [7, 0]]))
        tensor([[0, 1],
                [1, 0]])
    """
    x = array_of(input)
    axes = x.nonzero() if x.ndim else x.reshape(1).nonzero()
    if as_tuple:
        return tuple([as_result(wrap(axis)) for axis in axes])
    return wrap(array_module(x).stack(axes, axis=1)[:, :x.ndim])


@public
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` rows of `nonzero`; missing rows are filled with `fill_value`.

    Errors: RuntimeError for a negative size.

        >>> import minidl
        >>> minidl.nonzero_static(minidl.tensor([0, 5, 7]), size=3)
        tensor([[ 1],
                [ 2],
                [-1]])
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, but got {size}")
    found = nonzero(input).array[:size]
    rows = array_module(found).full((size, input.ndim), fill_value, found.dtype)
    rows[:len(found)] = found
    return wrap(rows)


@public
def argwhere(input: Tensor) -> Tensor:
    """`nonzero` under NumPy's name: one row for each nonzero element."""
    return nonzero(input)


@public
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The positions (2, n) of the lower triangle of a (row, col) matrix, row by row.

        >>> import minidl
        >>> minidl.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    row, col = natural("tril_indices", "row", row), natural("tril_indices", "col", col)
    positions = np.stack(np.tril_indices(row, integer("tril_indices", "offset", offset), col))
    return _to_device(positions.astype(_whole("tril_indices", dtype)), device)


@public
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The positions (2, n) of the upper triangle of a (row, col) matrix, row by row."""
    row, col = natural("triu_indices", "row", row), natural("triu_indices", "col", col)
    positions = np.stack(np.triu_indices(row, integer("triu_indices", "offset", offset), col))
    return _to_device(positions.astype(_whole("triu_indices", dtype)), device)


def _whole(who: str, dtype: Any) -> np.dtype:
    """The dtype of positions. Errors: NotImplementedError for one that is not of integers."""
    found = np.dtype(np.int64 if dtype is None else dtype)
    if found.kind not in "iu":
        raise NotImplementedError(f"{who}: expected an integer dtype, but got {found}: not implemented for others")
    return found


def _to_device(array: np.ndarray, device: Device | str | int | None) -> Any:
    place = as_device(device)
    return wrap(get_library(place).from_numpy(array, place))
