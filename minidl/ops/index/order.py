"""Sorting: sort, argsort, topk, unique, searchsorted. Gradients return to the places of the values."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.errors import check_devices
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module, device_of, move
from minidl.ops.base import return_types
from minidl.ops.base.checks import check_real, check_tensors
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.index.along_axis import index_along
from minidl.ops.index.items import GetItem
from minidl.ops.shape.views import array_of, clone

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False, *,
         out: Sequence[Tensor] | None = None) -> return_types.ValuesIndices:
    """Sort along `dim`; returns the values and their former positions, `(values, indices)`.

    Equal values always keep their order, as if `stable` were set. NaN counts as the largest.

        >>> import minidl
        >>> minidl.sort(minidl.tensor([3., 1., 2.]), descending=True)
        sort(values=tensor([3., 2., 1.]), indices=tensor([0, 2, 1]))
    """
    check_real("sort", input)
    return _read("sort", input, dim, _order(array_of(input), normalize_dim(dim, input.ndim, "sort"), descending))


@public
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False, *,
            out: Tensor | None = None) -> Tensor:
    """The positions that sort `input` along `dim`; the indices of `sort`.

        >>> import minidl
        >>> minidl.argsort(minidl.tensor([3., 1., 2.]))
        tensor([1, 2, 0])
    """
    check_real("argsort", input)
    return wrap(_order(array_of(input), normalize_dim(dim, input.ndim, "argsort"), descending))


@public
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *,
         out: Sequence[Tensor] | None = None) -> return_types.ValuesIndices:
    """The k largest (or smallest) values along `dim`, best first: `(values, indices)`.

    Errors: RuntimeError where k is larger than the axis.

        >>> import minidl
        >>> minidl.topk(minidl.tensor([1., 5., 3., 4.]), 2)
        topk(values=tensor([5., 4.]), indices=tensor([1, 3]))
    """
    check_real("topk", input)
    x, axis = array_of(input), normalize_dim(dim, input.ndim, "topk")
    length = x.shape[axis] if x.ndim else 1
    if not 0 <= k <= length:
        raise RuntimeError(f"topk: selected index k out of range: k = {k}, but dimension {axis} has size {length}")
    if not x.ndim:
        return _read("topk", input, dim, _order(x, axis, largest))
    if k == 0 or 4 * k > length or type(x) is not np.ndarray:      # for CuPy's argpartition, the CPU waits
        order = _order(x, axis, largest)
        return _read("topk", input, dim, order[_slice_along(order, axis, slice(k))])
    # If k is small: move the k best to one side, in a single pass, and sort only those.
    cut, side = (length - k, slice(length - k, None)) if largest else (k - 1, slice(k))
    places = array_module(x).argpartition(x, cut, axis=axis)
    places = array_module(x).sort(places[_slice_along(x, axis, side)], axis=axis)   # equal values in order of position
    best = x[index_along(places, axis)]
    return _read("topk", input, dim, places[index_along(_order(best, axis, largest), axis)])


def _order(x: Array, axis: int, descending: bool) -> Array:
    """The positions that sort x; equal values keep their order."""
    xp = array_module(x)
    if not x.ndim:
        return xp.zeros((), np.int64)
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    # Sort the reversed array and reverse the result: descending, with equal values in order.
    backwards = _slice_along(x, axis, slice(None, None, -1))
    return x.shape[axis] - 1 - xp.argsort(x[backwards], axis=axis, kind="stable")[backwards]


def _slice_along(x: Array, axis: int, part: slice) -> Any:
    return (*(slice(None),) * axis, part)


def _read(who: str, input: Any, dim: int, places: Array) -> return_types.ValuesIndices:
    if not input.ndim:
        return getattr(return_types, who)(clone(input), wrap(places))
    indices = wrap(places)
    values = GetItem(index_along(places, normalize_dim(dim, input.ndim, "sort")), once=True).watch(indices)(input)
    return getattr(return_types, who)(values, indices)


@public
def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Any:
    """The distinct values of `input`, sorted; with `dim`, the distinct slices along it.

    With `return_inverse` also the position of every element among them, with `return_counts` how often each occurs.

        >>> import minidl
        >>> minidl.unique(minidl.tensor([3, 1, 3, 2]), return_counts=True)
        (tensor([1, 2, 3]), tensor([1, 1, 2]))
    """
    check_tensors("unique", input=input)
    check_real("unique", input)
    x = array_of(input)
    axis = None if dim is None else normalize_dim(dim, x.ndim, "unique")
    found = array_module(x).unique(x, return_inverse=return_inverse, return_counts=return_counts, axis=axis,
                                   equal_nan=False)
    if not (return_inverse or return_counts):
        return wrap(found)
    results = [found[0]]
    if return_inverse:
        results.append(found[1].reshape(x.shape if axis is None else (x.shape[axis],)))
    if return_counts:
        results.append(found[-1])
    return tuple([wrap(array) for array in results])


@public
def searchsorted(sorted_sequence: Tensor, input: Tensor | complex, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """The positions where `input` can be inserted so that `sorted_sequence` stays sorted.

    Before equal values; behind them with `right` (or `side='right'`). A batch of sequences is searched row by row.

    If the sequence is not sorted, `sorter` holds the positions that sort it, as `argsort` gives them.
    Errors: RuntimeError where shapes do not fit, or `side` contradicts `right`.

        >>> import minidl
        >>> minidl.searchsorted(minidl.tensor([1, 3, 5]), minidl.tensor([0, 3, 9]))
        tensor([0, 1, 3])
    """
    side = _side(right, side)
    if not isinstance(input, (int, float)):
        check_tensors("searchsorted", input=input)
        check_real("searchsorted", input)
    check_tensors("searchsorted", sorted_sequence=sorted_sequence)
    check_real("searchsorted", sorted_sequence)
    a = array_of(sorted_sequence)
    if not a.ndim:
        raise RuntimeError("searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension; try "
                           "reshape(1) on it")
    xp = array_module(a)
    if getattr(input, "ndim", 0):
        check_devices("searchsorted", (a, array_of(input)))
    v = move(array_of(input), device_of(a)) if hasattr(input, "shape") else xp.asarray(input)
    if sorter is not None:
        if sorter.shape != a.shape:
            raise RuntimeError(f"searchsorted(): boundary and sorter must have the same size, but got boundary "
                               f"tensor {list(a.shape)} and sorter tensor {list(sorter.shape)}")
        a = xp.take_along_axis(a, move(array_of(sorter), device_of(a)), -1)
    dtype = np.int32 if out_int32 else np.int64
    if a.ndim == 1:
        return wrap(xp.searchsorted(a, v, side=side).astype(dtype, copy=False))
    if a.shape[:-1] != v.shape[:-1]:
        raise RuntimeError(f"searchsorted: the first {a.ndim - 1} dimensions of sorted_sequence and input must match, "
                           f"but got {a.shape} and {v.shape}")
    batch = math.prod(a.shape[:-1])
    rows = [xp.searchsorted(row, values, side=side)
            for row, values in zip(a.reshape(batch, a.shape[-1]), v.reshape(batch, v.shape[-1]))]
    return wrap(xp.stack(rows).reshape(v.shape).astype(dtype, copy=False) if rows else xp.zeros(v.shape, dtype))


def _side(right: bool, side: str | None) -> str:
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side}")
    if right and side == "left":
        raise RuntimeError("searchsorted(): side and right can't be set to opposites, got side of left while right "
                           "was True")
    return "right" if right or side == "right" else "left"


@public
def bucketize(input: Tensor, boundaries: Tensor, *, out_int32: bool = False, right: bool = False,
              out: Tensor | None = None) -> Tensor:
    """The bucket between `boundaries` that each element falls into.

        >>> import minidl
        >>> minidl.bucketize(minidl.tensor([1, 4, 9]), minidl.tensor([2, 5]))
        tensor([0, 1, 2])
    """
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
