"""Counts and membership: bincount, histograms, runs of equal elements, isin. No gradient passes."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.errors import check_devices
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module, device_of, move
from minidl.backend.dtype import float32, float64
from minidl.ops.base import return_types
from minidl.ops.base.checks import check_tensors
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.shape.views import array_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- bins


@public
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count 0, 1, 2, ... in `input` (N), or sum their `weights` (N); at least `minlength` bins.

    Counts are int64; sums of float32 weights are float32, all others float64.
    Errors: RuntimeError unless `input` is 1-D, of integers >= 0, or where lengths differ.

        >>> import minidl
        >>> minidl.bincount(minidl.tensor([1, 1, 3]))
        tensor([0, 2, 0, 1])
    """
    x = array_of(input)
    if x.dtype.kind not in "iu":
        raise NotImplementedError(f"bincount: expected integers, but got {x.dtype}: not implemented for others; "
                                  f"try .long()")
    if x.ndim != 1 or (x.size and int(x.min()) < 0):
        raise RuntimeError(f"bincount only supports 1-d non-negative integral inputs, but got shape {tuple(x.shape)}"
                           + (f" with smallest element {int(x.min())}" if x.ndim == 1 else ""))
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength should be >= 0, but got {minlength}")
    if weights is None:
        return wrap(_counts(x, minlength))
    w = move(array_of(weights), device_of(x))
    if w.shape != x.shape:
        raise RuntimeError(f"bincount: weights should be 1-d and have the same length as input, but got "
                           f"{tuple(w.shape)} and {tuple(x.shape)}")
    dtype = float32 if w.dtype == float32 else float64
    return wrap(array_module(x).bincount(x, w.astype(float64), minlength).astype(dtype, copy=False))


def _counts(positions: Array, minlength: int) -> Array:
    xp = array_module(positions)
    return xp.bincount(positions, minlength=minlength).astype(np.int64, copy=False) if positions.size else \
        xp.zeros(minlength, np.int64)


@public
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None) -> Tensor:
    """Count the elements in `bins` equal bins from `min` to `max`.

    The counts have the dtype of `input`.

    With min = max the range is that of the elements. `max` itself is in the last bin; elements outside, and NaN, do not
    count. Errors: RuntimeError for bins < 1, min > max, or a range that is not finite.

        >>> import minidl
        >>> minidl.histc(minidl.tensor([1.0, 2.0, 1.0, 5.0]), bins=4, min=0, max=4)
        tensor([0., 2., 1., 0.])
    """
    x = array_of(input)
    if x.dtype.kind != "f":
        raise NotImplementedError(f"histc: expected a floating-point tensor, but got {x.dtype}; try .float()")
    low, high = _range(x, bins, min, max, "histc")
    x = x.reshape(-1)
    x = x[(x >= low) & (x <= high)]
    bin_of = ((x - low) / (high - low) * bins).astype(np.int64)
    return wrap(_counts(array_module(x).minimum(bin_of, bins - 1), bins).astype(x.dtype))


def _range(x: Array, bins: int, low: float, high: float, who: str, margin: float = 1) -> tuple[float, float]:
    """The given range, or that of the elements; `margin` widens it where all are equal."""
    if bins < 1:
        raise RuntimeError(f"{who}: bins must be > 0, but got {bins}")
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - margin, high + margin
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{who}: range of [{low}, {high}] is not finite; give min and max, or leave out what "
                           f"is not finite")
    if low > high:
        raise RuntimeError(f"{who}: max must be larger than min, but got min={low}, max={high}")
    return low, high


@public
def histogram(input: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None,
              density: bool = False, out: Sequence[Tensor] | None = None) -> return_types.Histogram:
    """Count the elements in bins: `(hist, bin_edges)`, with one more edge than bins.

    `bins` is the number of equal bins over `range` (that of the elements unless given), or the edges themselves.
    Each element counts by its `weight` (in the shape of `input`); with `density` the histogram is scaled to an area
    of 1. Errors: as `histc`.

        >>> import minidl
        >>> minidl.histogram(minidl.tensor([1.0, 2.0, 1.0, 3.5]), bins=2, range=(0.0, 4.0)).hist
        tensor([2., 2.])
    """
    x = array_of(input)
    if x.dtype.kind != "f":
        raise NotImplementedError(f"histogram: expected a floating-point tensor, but got {x.dtype}; try .float()")
    row = x.reshape(-1)
    edges = _bin_edges(row, bins, range, "histogram")
    inside = (row >= edges[0]) & (row <= edges[-1])
    hist = _sum_in_bins(_bin_of(row[inside], edges), edges.size - 1, weight, inside, x.dtype)
    if density:
        hist = hist / (hist.sum() * (edges[1:] - edges[:-1]))
    return return_types.histogram(wrap(hist), wrap(edges))


@public
def histogramdd(input: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None,
                density: bool = False) -> return_types.Histogram:
    """Count points in the boxes of a grid: `(hist, bin_edges)`, with edges for each dimension.

    input: (*, D), one point per row. bins: the number of bins for all dimensions, one for each, or the edges along
    each. range: (low, high) of the first dimension, of the second, and so on, in one sequence. weight: (*).
    Otherwise, and for errors, as `histogram`; RuntimeError where there are not D bins.

        >>> import minidl
        >>> points = minidl.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> minidl.histogramdd(points, bins=2).hist
        tensor([[1., 1.],
                [0., 1.]])
    """
    x = array_of(input)
    if x.dtype.kind != "f":
        raise NotImplementedError(f"histogramdd: expected a floating-point tensor, but got {x.dtype}; try .float()")
    if x.ndim < 2:
        raise RuntimeError(f"histogramdd: input tensor should have at least 2 dimensions, but got {tuple(x.shape)}")
    D = x.shape[-1]
    axes = list(bins) if isinstance(bins, (list, tuple)) else [bins] * D
    if len(axes) != D or (range is not None and len(range) != 2 * D):
        raise RuntimeError(f"histogramdd: The size of bins must be equal to the innermost dimension of the input, and "
                           f"range must hold two numbers for each, but got {len(axes)} bins for {tuple(x.shape)}"
                           + ("" if range is None else f" and {len(range)} numbers"))
    points = x.reshape(math.prod(x.shape[:-1]), D)
    edges = [_bin_edges(points[:, i], b, None if range is None else range[2 * i:2 * i + 2], "histogramdd")
             for i, b in enumerate(axes)]
    inside = array_module(x).ones(len(points), np.bool_)
    for i, e in enumerate(edges):
        inside &= (points[:, i] >= e[0]) & (points[:, i] <= e[-1])
    shape = tuple([e.size - 1 for e in edges])
    box = 0
    for i, e in enumerate(edges):
        box = box * shape[i] + _bin_of(points[inside, i], e)
    hist = _sum_in_bins(box, math.prod(shape), weight, inside, x.dtype).reshape(shape)
    if density:
        hist = hist / hist.sum()
        for i, e in enumerate(edges):
            hist = hist / (e[1:] - e[:-1]).reshape([-1 if k == i else 1 for k, _ in enumerate(edges)])
    return return_types.histogramdd(wrap(hist), tuple([wrap(e) for e in edges]))


def _bin_edges(row: Array, bins: Any, range: Any, who: str) -> Array:
    """The given edges, or those of `bins` equal bins."""
    if hasattr(bins, "shape"):
        if bins.ndim != 1:
            raise RuntimeError(f"{who}: bins tensor should have one dimension, but got {bins.ndim}; try a number of "
                               f"bins, or the edges")
        return move(array_of(bins), device_of(row)).copy()
    low, high = range or (0.0, 0.0 if row.size else 1.0)
    low, high = _range(row, bins, low, high, who, margin=0.5)
    return array_module(row).linspace(low, high, bins + 1, dtype=row.dtype)


def _bin_of(row: Array, edges: Array) -> Array:
    """The bin of an element: the last whose lower edge is not above it; the last bin includes its end."""
    xp = array_module(row)
    return xp.minimum(xp.searchsorted(edges, row, side="right") - 1, edges.size - 2)


def _sum_in_bins(bin_of: Array, count: int, weight: Any, inside: Array, dtype: Any) -> Array:
    """The number of elements per bin, or the sum of their weights."""
    if weight is None:
        return _counts(bin_of, count).astype(dtype)
    w = move(array_of(weight), device_of(inside)).reshape(-1)[inside]
    return array_module(inside).bincount(bin_of, w.astype(float64), count).astype(dtype)


# ---------------------------------------------------------------------- equals

@public
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False,
                       dim: int | None = None) -> Any:
    """Reduce every run of equal elements of the flattened `input` to one.

    With `dim`, runs of equal slices along it.

    With `return_inverse` also the run of every element, with `return_counts` the lengths of the runs.

        >>> import minidl
        >>> minidl.unique_consecutive(minidl.tensor([1, 1, 2, 2, 1]), return_counts=True)
        (tensor([1, 2, 1]), tensor([2, 2, 1]))
    """
    x = array_of(input)
    xp = array_module(x)
    if dim is None:
        slices, shape = x.reshape(-1, 1), x.shape
    else:
        axis = normalize_dim(dim, x.ndim, "unique_consecutive")
        x = x if x.ndim else x.reshape(1)
        slices = xp.moveaxis(x, axis, 0).reshape(x.shape[axis], -1 if x.size else 0)
        shape = (x.shape[axis],)
    n = len(slices)
    new = xp.ones(n, np.bool_)      # whether a run begins here
    new[1:] = (slices[1:] != slices[:-1]).any(axis=1)
    starts = new.nonzero()[0]
    runs = x.reshape(-1)[starts] if dim is None else x.take(starts, axis=axis)
    results = [wrap(runs)]
    if return_inverse:
        results.append(wrap((xp.cumsum(new) - 1).reshape(shape)))
    if return_counts:
        ends = xp.concatenate([starts[1:], xp.full(min(n, 1), n, starts.dtype)])
        results.append(wrap(ends - starts))
    return results[0] if len(results) == 1 else tuple(results)


@public
def isin(elements: Tensor, test_elements: Any, *, assume_unique: bool = False, invert: bool = False,
         out: Tensor | None = None) -> Tensor:
    """Whether each of `elements` is in `test_elements`; `invert`: is not. One may be a number.

        >>> import minidl
        >>> minidl.isin(minidl.tensor([1, 2, 3]), minidl.tensor([3, 1]))
        tensor([ True, False,  True])
    """
    tensor = elements if hasattr(elements, "shape") else test_elements
    for name, x in (("elements", elements), ("test_elements", test_elements)):
        if x is tensor or not isinstance(x, (int, float)):
            check_tensors("isin", **{name: x})
    xp = array_module(array_of(tensor))
    check_devices("isin", [array_of(x) for x in (elements, test_elements) if getattr(x, "ndim", 0)])

    def on_device(x: Any) -> Array:
        return move(array_of(x), device_of(array_of(tensor))) if hasattr(x, "shape") else xp.asarray(x)
    return wrap(xp.isin(on_device(elements), on_device(test_elements), assume_unique=assume_unique, invert=invert))
