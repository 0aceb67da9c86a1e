"""Statistics by rank: medians, quantiles, the k-th smallest, the mode; and covariances.

The element at a rank is an element of the input, so its gradient goes back to that element, by `GetItem`.
"""
from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from minidl.autograd.basic_ops import conjugate
from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, library_of
from minidl.backend.dtype import get_default_dtype, real_of
from minidl.backend.kernels.scan import scan
from minidl.ops.base import return_types
from minidl.ops.base.broadcast import Sum
from minidl.ops.base.checks import check_real, number
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.dims import sizes
from minidl.ops.elementwise.complex_parts import complex as complex_
from minidl.ops.elementwise.complex_parts import imag, real
from minidl.ops.elementwise.exponential import sqrt
from minidl.ops.elementwise.selection import clamp, where
from minidl.ops.index.along_axis import gather, index_along
from minidl.ops.index.items import GetItem
from minidl.ops.index.order import sort
from minidl.ops.linalg.products import matmul
from minidl.ops.reduce.extremes import check_not_empty
from minidl.ops.reduce.sums import Reduction, axis_of, mean, reduced_shape, sum
from minidl.ops.reduce.vector_norm import norm
from minidl.ops.shape.movement import diagonal
from minidl.ops.shape.views import (
    array_of,
    as_result,
    clone,
    expand,
    movedim,
    ravel,
    reshape,
    squeeze,
    transpose,
    unsqueeze,
)

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- medians, the k-th smallest, the mode


class Median(Reduction):
    """y = the median of all x; elements equal to it share the gradient evenly."""

    def __init__(self, ndim: int, skip_nan: bool) -> None:
        super().__init__(tuple(range(ndim)))
        self.skip_nan = skip_nan

    def reduce(self, x: Array) -> Array:
        row = x.reshape(-1)
        return row[_median_place(row, 0, self.skip_nan)].reshape((1,) * x.ndim)

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        y = self.spread(out)
        attained = cast((x == y) | ((x != x) & (y != y)), g.dtype)
        return self.spread(g / Sum(self.axes, ())(attained)) * attained


def _median_place(x: Array, axis: int, skip_nan: bool) -> Array:
    """The position of the median along the axis, kept with size 1.

    Of two in the middle, the lower. If there is a NaN, the first one, unless NaN is skipped.
    """
    xp, n = array_module(x), x.shape[axis]
    nan = x != x
    if skip_nan:   # sorted to the end, NaN do not count
        numbers = n - nan.sum(axis=axis, keepdims=True)
        return _at_rank(xp.argsort(x, axis=axis, kind="stable"), xp.maximum(numbers - 1, 0) // 2, axis)
    middle = _kth_place(x, (n - 1) // 2, axis)
    return xp.where(nan.any(axis=axis, keepdims=True), xp.expand_dims(nan.argmax(axis=axis), axis), middle)


def _kth_place(x: Array, k: int, axis: int) -> Array:
    """The position of the k-th smallest element along the axis, counted from 0; the axis is kept with size 1."""
    xp = array_module(x)
    places = xp.argpartition(x, k, axis=axis) if xp is np else xp.argsort(x, axis=axis)     # CuPy's partition waits
    return places[(slice(None),) * axis + (slice(k, k + 1),)]


def _at_rank(order: Array, rank: Array, axis: int) -> Array:
    return array_module(order).take_along_axis(order, rank, axis)


def _read(who: str, input: Any, places: Array, axis: int, keepdim: bool) -> return_types.ValuesIndices:
    """The elements at `places` along the axis, and the places."""
    indices = as_result(wrap(places))
    values = GetItem(index_along(places, axis)).watch(indices)(input)
    if not keepdim:
        values, indices = as_result(squeeze(values, axis)), as_result(squeeze(indices, axis))
    return getattr(return_types, who)(values, indices)


def _scalar_result(who: str, input: Any) -> return_types.ValuesIndices:
    """The result for a tensor without dimensions: the element itself, at position 0."""
    return getattr(return_types, who)(clone(input), wrap(array_module(array_of(input)).zeros((), np.int64)))


@overload
def median(input: Tensor, dim: None = None, *, out: Tensor | None = None) -> Tensor: ...
@overload
def median(input: Tensor, dim: int, keepdim: bool = False, *,
           out: Tensor | Sequence[Tensor] | None = None) -> return_types.ValuesIndices: ...
@public
def median(input: Tensor, dim: int | None = None, keepdim: bool = False, *,
           out: Tensor | Sequence[Tensor] | None = None) -> Any:
    """The median of all elements; or along `dim`, with its position: `(values, indices)`.

    For an even number it is the lower of the two in the middle. If there is a NaN, it is the median.
    Errors: IndexError where `dim` has no elements. The median of an empty tensor is NaN.

        >>> import minidl
        >>> x = minidl.tensor([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]])
        >>> minidl.median(x), minidl.median(x, dim=1).values
        (tensor(3.), tensor([2., 5.]))
    """
    return _median(input, dim, keepdim, "median", skip_nan=False)


@overload
def nanmedian(input: Tensor, dim: None = None, *, out: Tensor | None = None) -> Tensor: ...
@overload
def nanmedian(input: Tensor, dim: int, keepdim: bool = False, *,
              out: Tensor | Sequence[Tensor] | None = None) -> return_types.ValuesIndices: ...
@public
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False, *,
              out: Tensor | Sequence[Tensor] | None = None) -> Any:
    """`median` of the elements that are not NaN; NaN where there are none.

        >>> import minidl
        >>> minidl.nanmedian(minidl.tensor([3.0, float("nan"), 1.0]))
        tensor(1.)
    """
    return _median(input, dim, keepdim, "nanmedian", skip_nan=True)


def _median(input: Any, dim: int | None, keepdim: bool, who: str, skip_nan: bool) -> Any:
    check_real(who, input)
    if dim is None:
        axis_of(input, 0, who)
        if not math.prod(input.shape):
            return mean(cast(input, get_default_dtype()) if input.dtype.kind != "f" else input)
        return Median(input.ndim, skip_nan)(input)
    axis = axis_of(input, dim, who)
    if axis is None:
        return _scalar_result(who, input)
    check_not_empty(input, (axis,), who)
    return _read(who, input, _median_place(array_of(input), axis, skip_nan), axis, keepdim)


@public
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *,
             out: Sequence[Tensor] | None = None) -> return_types.ValuesIndices:
    """The k-th smallest element along `dim`, counted from 1, and its position: `(values, indices)`.

    NaN counts as the largest. Errors: RuntimeError where there is no k-th.

        >>> import minidl
        >>> minidl.kthvalue(minidl.tensor([4.0, 1.0, 3.0]), k=2)
        kthvalue(values=tensor(3.), indices=tensor(2))
    """
    check_real("kthvalue", input)
    axis = axis_of(input, dim, "kthvalue")
    n = 1 if axis is None else input.shape[axis]
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis or 0}: k = {k}, but "
                           f"there are {n} elements")
    if axis is None:
        return _scalar_result("kthvalue", input)
    return _read("kthvalue", input, _kth_place(array_of(input), k - 1, axis), axis, keepdim)


@public
def mode(input: Tensor, dim: int = -1, keepdim: bool = False, *,
         out: Sequence[Tensor] | None = None) -> return_types.ValuesIndices:
    """The most frequent element along `dim`, and its last position: `(values, indices)`.

    Among equally frequent elements it is the smallest. Errors: IndexError where `dim` has no elements.

        >>> import minidl
        >>> minidl.mode(minidl.tensor([3, 1, 3, 1, 3]))
        mode(values=tensor(3), indices=tensor(4))
    """
    check_real("mode", input)
    axis = axis_of(input, dim, "mode")
    if axis is None:
        return _scalar_result("mode", input)
    check_not_empty(input, (axis,), "mode")
    x = array_of(input)
    xp = array_module(x)
    order = xp.argsort(x, axis=axis, kind="stable")
    ranked = x[index_along(order, axis)]
    # Equal elements form runs. For each element: where does its run start, and how long is it up to here?
    later = (slice(None),) * axis + (slice(1, None),)
    earlier = (slice(None),) * axis + (slice(None, -1),)
    ranks = xp.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    starts = xp.zeros(x.shape, np.int64)
    starts[later] = xp.where(ranked[later] != ranked[earlier], ranks[later], 0)
    longest = (ranks - scan(starts, axis, np.maximum)).argmax(axis=axis)
    return _read("mode", input, _at_rank(order, xp.expand_dims(longest, axis), axis), axis, keepdim)


# ---------------------------------------------------------------------- quantiles

ROUNDING = {"linear": np.floor, "lower": np.floor, "higher": np.ceil, "midpoint": np.floor, "nearest": np.rint}


@public
def quantile(input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *,
             interpolation: str = "linear", out: Tensor | None = None) -> Tensor:
    """The value that a share `q` of the elements lies below, overall or along `dim`.

    `q` is a number from 0 to 1, or a 1-D tensor of such numbers, which adds a dimension in front. Between two elements,
    a quantile is interpolated ('linear', 'midpoint'), or is one of them ('lower', 'higher', 'nearest'). NaN where there
    is a NaN.
    Errors: RuntimeError for dtypes that are not floating or differ, q outside [0, 1], or no elements.

        >>> import minidl
        >>> x = minidl.tensor([0.0, 1.0, 2.0, 5.0])
        >>> minidl.quantile(x, 0.5), minidl.quantile(x, minidl.tensor([0.0, 0.9]))
        (tensor(1.5000), tensor([0.0000, 4.1000]))
    """
    return _quantile(input, q, dim, keepdim, interpolation, "quantile", skip_nan=False)


@public
def nanquantile(input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *,
                interpolation: str = "linear", out: Tensor | None = None) -> Tensor:
    """`quantile` of the elements that are not NaN; NaN where there are none.

        >>> import minidl
        >>> minidl.nanquantile(minidl.tensor([0.0, float("nan"), 1.0]), 0.5)
        tensor(0.5000)
    """
    return _quantile(input, q, dim, keepdim, interpolation, "nanquantile", skip_nan=True)


def _quantile(input: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, who: str, skip_nan: bool) -> Any:
    axis = axis_of(input, 0 if dim is None else dim, who)
    if not isinstance(q, TensorBase):
        q = wrap(array_module(array_of(input)).asarray(q, input.dtype))
    _check_quantile(input, q, interpolation, who)
    x = ravel(input) if dim is None or axis is None else movedim(input, axis, -1)     # (..., n)
    values = sort(x, -1).values
    nan = array_of(values) != array_of(values)
    count = values.shape[-1] - nan.sum(axis=-1, keepdims=True)      # NaN are sorted to the end
    last = array_module(nan).maximum(count - 1, 0) if skip_nan else values.shape[-1] - 1

    # (..., 1) and (m) -> (..., m): ranks that lie between the elements below and above
    rank = wrap(array_module(nan).asarray(last, q.dtype)) * ravel(q)
    if not skip_nan:
        rank = where(wrap(nan.any(axis=-1, keepdims=True)), float(values.shape[-1] - 1), rank)
    rank = expand(rank, (*values.shape[:-1], rank.shape[-1]))
    y = gather(values, -1, _round_ranks(rank, ROUNDING[interpolation]))
    if interpolation in ("linear", "midpoint"):
        above = gather(values, -1, _round_ranks(rank, np.ceil))
        fraction = rank - _round_ranks(rank, np.floor)
        weight = fraction if interpolation == "linear" else 0.5
        y = where(fraction > 0, _interpolate(y, above, weight), y)   # inf - inf would be nan
    axes = tuple(range(input.ndim)) if axis is None or dim is None else (axis,)
    return reshape(movedim(y, -1, 0), (*q.shape, *reduced_shape(tuple(input.shape), axes, keepdim)))


def _interpolate(a: Any, b: Any, weight: Any) -> Any:
    """`lerp` from the nearer end: the middle between -inf and a number is -inf."""
    far = b - (1 - weight) * (b - a)
    return far if isinstance(weight, float) else where(weight < 0.5, a + weight * (b - a), far)


def _round_ranks(rank: Any, rounding: Any) -> Any:
    """Ranks as whole numbers."""
    return wrap(rounding(array_of(rank)).astype(np.int64))


def _check_quantile(input: Any, q: Any, interpolation: str, who: str) -> None:
    if input.dtype.kind != "f":
        raise RuntimeError(f"{who}() input tensor must be either float or double dtype, but got {input.dtype}; "
                           f"try .float()")
    if q.ndim > 1:
        raise RuntimeError(f"{who}() q must be a scalar or 1D tensor, but got shape {tuple(q.shape)}")
    if q.dtype != input.dtype:
        raise RuntimeError(f"{who}() q tensor must be same dtype as the input tensor, but got {q.dtype} and "
                           f"{input.dtype}; cast one with .to(...)")
    if interpolation not in ROUNDING:
        raise RuntimeError(f"{who}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
                           f"but got {interpolation}")
    if not math.prod(input.shape):
        raise RuntimeError(f"{who}() input tensor must be non-empty, but got shape {tuple(input.shape)}")
    shares = array_of(q)
    given = f" but got {shares.tolist()}" if type(shares) is np.ndarray else ""
    library_of(shares).assert_none(~((shares >= 0) & (shares <= 1)), RuntimeError,
                                   f"{who}() q must be in the range [0, 1]{given}")


# ---------------------------------------------------------------------- covariance

@public
def cov(input: Tensor, *, correction: int = 1, fweights: Tensor | None = None,
        aweights: Tensor | None = None) -> Tensor:
    """The covariances of V variables (rows) from N observations (columns): (V, N) -> (V, V).

    `fweights` (N), integers, count each observation, `aweights` (N) weigh it; `correction` is 1 unless given
    (Bessel's). For one variable, which may be a vector, it is the variance, without dimensions. For complex
    variables the second of a pair is conjugated.
    Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> minidl.cov(minidl.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with "
                           f"{input.ndim} dimensions")
    x = input if input.dtype.kind in "fc" else cast(input, get_default_dtype())
    x = x if x.ndim == 2 else reshape(x, (1, -1))
    n = x.shape[1]
    _check_weights("fweights", fweights, "iu", "integral", n)
    _check_weights("aweights", aweights, "f", "floating", n)
    weights = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    if weights is None:
        centred = x - mean(x, 1, keepdim=True)
        freedom: Any = builtins.max(n - correction, 0)
        scaled = centred
    else:
        weights = cast(weights, real_of(x.dtype))
        total = sum(weights)
        centred = x - sum(x * weights, 1, keepdim=True) / total
        twice = sum(weights * cast(aweights, weights.dtype)) / total if aweights is not None else 1
        freedom = clamp(total - correction * twice, min=0)
        scaled = centred * weights
    c = matmul(scaled, conjugate(transpose(centred, 0, 1))) / freedom
    return reshape(c, ()) if len(c) == 1 else c


def _check_weights(name: str, weights: Any, kinds: str, kind: str, n: int) -> None:
    if weights is None:
        return
    if weights.dtype.kind not in kinds:
        raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {weights.dtype}")
    if tuple(weights.shape) != (n,):
        raise RuntimeError(f"cov(): expected {name} to have shape ({n},), one for each observation, but got "
                           f"{tuple(weights.shape)}")


@public
def corrcoef(input: Tensor) -> Tensor:
    """The correlation coefficients (V, V) of V variables, one per row.

    These are the covariances divided by both standard deviations, limited to [-1, 1]; for complex ones, each part is.

        >>> import minidl
        >>> minidl.corrcoef(minidl.tensor([[0.0, 1.0, 2.0], [4.0, 2.0, 0.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    c = cov(input)
    if not c.ndim:
        return c / c
    if c.dtype.kind != "c":
        deviations = sqrt(diagonal(c))
        return clamp(c / unsqueeze(deviations, 1) / deviations, -1, 1)
    deviations = sqrt(real(diagonal(c)))
    r = c / unsqueeze(deviations, 1) / deviations
    return complex_(clamp(real(r), -1, 1), clamp(imag(r), -1, 1))


@public
def renorm(input: Tensor, p: float, dim: int, maxnorm: float, *, out: Tensor | None = None) -> Tensor:
    """Scale slices along `dim` down to the p-norm `maxnorm`, where above it.

        >>> import minidl
        >>> minidl.renorm(minidl.tensor([[3.0, 4.0], [0.3, 0.4]]), p=2, dim=0, maxnorm=1)
        tensor([[0.6000, 0.8000],
                [0.3000, 0.4000]])
    """
    axis = axis_of(input, dim, "renorm")
    others = tuple([i for i in range(input.ndim) if i != axis])
    if axis is None or not others:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if number("renorm", "p", p) <= 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported, but got p={p}")
    if not number("renorm", "maxnorm", maxnorm) >= 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    size = norm(input, p, others, keepdim=True)
    return as_result(input * where(size > maxnorm, maxnorm / (size + 1e-7), 1.0))

renorm_ = in_place(renorm)


@public
def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`input` sorted along its first dimension; the values only.

        >>> import minidl
        >>> minidl.msort(minidl.tensor([3, 1, 2]))
        tensor([1, 2, 3])
    """
    return sort(input, 0).values


@public
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Sum `input` to `size`, from which it could be broadcast back. Errors: RuntimeError otherwise.

        >>> import minidl
        >>> minidl.tensor([[1.0, 2.0], [3.0, 4.0]]).sum_to_size(1, 2)
        tensor([[4., 6.]])
    """
    shape = sizes(size)
    new = input.ndim - len(shape)
    if new < 0 or any(n not in (1, m) for n, m in zip(shape, input.shape[new:])):
        raise RuntimeError(f"sum_to_size: size {list(shape)} is not expandable to size {list(input.shape)}")
    axes = tuple([i for i, m in enumerate(input.shape) if i < new or shape[i - new] == 1 != m])
    return reshape(sum(input, axes), shape) if axes else input
