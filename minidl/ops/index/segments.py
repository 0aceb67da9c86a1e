"""Sums, means, products and extremes of segments of different lengths."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module, device_of, library_of, move
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.index.along_axis import index_add
from minidl.ops.index.scattered import index_reduce
from minidl.ops.shape.views import array_of, as_result, narrow, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

NEUTRAL = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}


@public
def segment_reduce(data: Tensor, reduce: str, *, lengths: Tensor | None = None, indices: Tensor | None = None,
                   offsets: Tensor | None = None, axis: int = 0, unsafe: bool = False,
                   initial: float | None = None) -> Tensor:
    """The 'sum', 'mean', 'prod', 'max' or 'min' of each segment along `axis`.

    The segments have the given `lengths` (*, S), or reach from one of the `offsets` (*, S + 1) to the next, where * are
    the dimensions of data before `axis`. Each starts from `initial`, which takes part in the result.
    An empty segment gives `initial`, else 0, nan, 1, -inf or inf.
    Errors: RuntimeError where lengths are negative or do not add up (not checked with `unsafe`), for another reduction,
    or where shapes do not fit; NotImplementedError for dtypes that are not floating.

        >>> import minidl
        >>> x = minidl.tensor([1.0, 2.0, 3.0, 4.0])
        >>> minidl.segment_reduce(x, "sum", lengths=minidl.tensor([1, 3]))
        tensor([1., 9.])
    """
    who = "segment_reduce"
    reduce = {"amax": "max", "amin": "min"}.get(reduce, reduce)
    if reduce not in NEUTRAL:
        raise RuntimeError(f"{who}: reduce argument must be either sum, prod, mean, max or min, got {reduce}")
    if data.dtype.kind != "f":
        raise NotImplementedError(f"{who}: expected floating-point data, but got {data.dtype}; try .float()")
    axis = normalize_dim(axis, data.ndim, who)
    edges = _edges(who, data, lengths, indices, offsets, axis, unsafe)
    batch, S, N = math.prod(data.shape[:axis]), edges.shape[-1] - 1, data.shape[axis]
    xp, inner = array_module(edges), tuple(data.shape[axis + 1:])

    # Treat all rows as one: a place for each segment, one after the last of each row, one before all, for the rest.
    row = edges.reshape(batch, S + 1) + xp.arange(batch)[:, None] * N
    place = wrap(xp.searchsorted(row.reshape(-1), xp.arange(batch * N), side="right"))
    start = wrap(xp.full((batch * (S + 1) + 1, *inner), NEUTRAL[reduce] if initial is None else initial, data.dtype))
    rows = reshape(data, (batch * N, *inner))
    y = index_add(start, 0, place, rows) if reduce in ("sum", "mean") else \
        index_reduce(start, 0, place, rows, reduce if reduce == "prod" else f"a{reduce}",
                     include_self=initial is not None)
    y = reshape(narrow(y, 0, 1, batch * (S + 1)), (*data.shape[:axis], S + 1, *inner))
    y = narrow(y, axis, 0, S)
    if reduce == "mean":
        count = edges[..., 1:] - edges[..., :-1]
        count = count if initial is None else xp.maximum(count, 1)
        y = y / wrap(count.reshape(*count.shape, *(1,) * len(inner)).astype(data.dtype))
    return as_result(y)


def _edges(who: str, data: Any, lengths: Any, indices: Any, offsets: Any, axis: int, unsafe: bool) -> Array:
    """The boundaries of the segments: (*, S + 1)."""
    if indices is not None:
        raise RuntimeError(f"{who}(): indices based reduction is not supported; try lengths, or index_reduce")
    if lengths is None and offsets is None:
        raise RuntimeError(f"{who}(): Either lengths or offsets must be defined.")
    given = move(array_of(offsets if lengths is None else lengths), device_of(array_of(data)))
    if given.dtype.kind not in "iu" or given.ndim != axis + 1 or given.shape[:-1] != tuple(data.shape[:axis]):
        raise RuntimeError(f"{who}(): expected lengths or offsets to be integers of shape {tuple(data.shape[:axis])} "
                           f"with one dimension more, that of axis {axis}, but got {given.dtype} of shape "
                           f"{tuple(given.shape)}")
    if lengths is None:
        return given
    if not unsafe:
        library = library_of(given)
        library.assert_none(given < 0, RuntimeError, f"{who}(): lengths contains negative value!")
        library.assert_none(array_module(given).asarray(given.sum(axis=-1) != data.shape[axis]), RuntimeError, (
            f"{who}(): Expected all rows of lengths along axis to sum to {data.shape[axis]}, the size of data there, "
            f"when !unsafe."))
    xp = array_module(given)
    first = xp.zeros((*given.shape[:-1], 1), given.dtype)
    return xp.concatenate([first, xp.cumsum(given, axis=-1)], axis=-1)
