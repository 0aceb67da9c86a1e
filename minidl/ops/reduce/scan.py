"""Step by step along an axis: running sums, products, extremes; differences; integrals."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.fused import FusedOp
from minidl.autograd.inplace import write
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import float64
from minidl.backend.kernels.scan import scan
from minidl.ops.base import return_types
from minidl.ops.base.checks import check_real
from minidl.ops.base.declaration import alias, public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.elementwise.arithmetic import div
from minidl.ops.elementwise.comparison import logical_xor
from minidl.ops.elementwise.complex_parts import conj
from minidl.ops.elementwise.exponential import logaddexp
from minidl.ops.index.along_axis import index_along
from minidl.ops.index.items import GetItem
from minidl.ops.reduce.sums import axis_of, cumulate, running_input, sum
from minidl.ops.shape.join import cat
from minidl.ops.shape.views import array_of, as_result, clone, copy_if_view, narrow, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- running sums and products


class CumSum(Op):
    """y_i = x_0 + ... + x_i, or, reversed, x_i + ... + x_n.

    Each is the gradient of the other: x_k is part of y_k and of all later sums.
    """

    complex_rules = "as written"

    def __init__(self, axis: int, reverse: bool = False) -> None:
        self.axis, self.reverse = axis, reverse

    def forward(self, x: Array) -> Array:
        y = cumulate(x, self.axis, "cumsum", self.reverse)
        return y.astype(x.dtype, copy=False)

    def grad_x(self, g: Value) -> Value:
        return CumSum(self.axis, not self.reverse)(g)


@public
def cumsum(input: Tensor, dim: int, *, dtype: Any = None, out: Tensor | None = None) -> Tensor:
    """The running sum along a dimension, in `dtype`; in int64 for integers and bools.

        >>> import minidl
        >>> minidl.cumsum(minidl.tensor([1.0, 2.0, 3.0]), dim=0)
        tensor([1., 3., 6.])
    """
    x, axis = running_input(input, dim, dtype, "cumsum")
    return copy_if_view(input, x) if axis is None else CumSum(axis)(x)


@public
def cumsum_(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """`cumsum`, written into `input`; returns `input`. Errors: RuntimeError for another `dtype` than its own."""
    _check_dtype(input, dtype)
    return write(input, cumsum, dim, who="cumsum_")


class CumProd(FusedOp):
    """y_i = x_0 x_1 ... x_i along an axis.

    dL/dx_k = sum_{i >= k} g_i y_i / x_k. Where x_k is the first zero, y_i / x_k stands for the product without x_k: the
    running product with a one in its place. After it, all products remain zero.
    """

    complex_rules = "as written"

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def reference(self, x: Value) -> Value:
        """Multiply every element by the one 1, then 2, 4, 8, ... places before it."""
        n, shift = x.shape[self.axis], 1
        while shift < n:
            shifted = narrow(x, self.axis, 0, n - shift) * narrow(x, self.axis, shift, n - shift)
            x = cat([narrow(x, self.axis, 0, shift), shifted], self.axis)
            shift *= 2
        return x

    def forward(self, x: Array) -> Array:
        return cumulate(x, self.axis, "cumprod").astype(x.dtype, copy=False)

    def gradient(self, g: Value, x: Array, out: Array) -> Value:
        xp, x, out = array_module(x), conj(x), conj(out)
        zero = x == 0
        gx = cumulate(g * out, self.axis, "cumsum", reverse=True) / xp.where(zero, 1, x)
        if type(zero) is not np.ndarray or zero.any():      # to ask, the CPU would wait for a GPU
            first = zero & (zero.cumsum(axis=self.axis) == 1)
            without = cumulate(xp.where(first, 1, x), self.axis, "cumprod")
            at_first = cumulate(g * without, self.axis, "cumsum", reverse=True)
            gx = xp.where(first, at_first, xp.where(zero, 0, gx))
        return [gx.astype(x.dtype, copy=False)]


@public
def cumprod(input: Tensor, dim: int, *, dtype: Any = None, out: Tensor | None = None) -> Tensor:
    """The running product along a dimension, in `dtype`; in int64 for integers and bools.

        >>> import minidl
        >>> minidl.cumprod(minidl.tensor([1.0, 2.0, 3.0]), dim=0)
        tensor([1., 2., 6.])
    """
    x, axis = running_input(input, dim, dtype, "cumprod")
    return copy_if_view(input, x) if axis is None else CumProd(axis)(x)


@public
def cumprod_(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """`cumprod`, written into `input`; returns `input`. Errors: RuntimeError for another `dtype` than its own."""
    _check_dtype(input, dtype)
    return write(input, cumprod, dim, who="cumprod_")


def _check_dtype(input: Any, dtype: Any) -> None:
    if dtype is not None and np.dtype(dtype) != input.dtype:
        raise RuntimeError(f"Bad in-place call: input tensor dtype {input.dtype} and output tensor dtype "
                           f"{np.dtype(dtype)} should match")


# ---------------------------------------------------------------------- running extremes


@public
def cummax(input: Tensor, dim: int, *, out: Sequence[Tensor] | None = None) -> return_types.ValuesIndices:
    """The largest value so far along `dim`, and its position: `(values, indices)`.

    Among equal values the last one counts, and gets the gradient. After the first NaN, all values are NaN.

        >>> import minidl
        >>> minidl.cummax(minidl.tensor([1.0, 3.0, 2.0, 3.0]), dim=0)
        cummax(values=tensor([1., 3., 3., 3.]), indices=tensor([0, 1, 1, 3]))
    """
    return _running_extreme(input, dim, np.maximum, "cummax")


@public
def cummin(input: Tensor, dim: int, *, out: Sequence[Tensor] | None = None) -> return_types.ValuesIndices:
    """The smallest value so far along `dim`, and its position; otherwise as `cummax`.

        >>> import minidl
        >>> minidl.cummin(minidl.tensor([2.0, 3.0, 1.0]), dim=0).values
        tensor([2., 2., 1.])
    """
    return _running_extreme(input, dim, np.minimum, "cummin")


def _running_extreme(input: Any, dim: int, ufunc: Any, who: str) -> return_types.ValuesIndices:
    axis, x, kind = axis_of(input, dim, who), array_of(input), getattr(return_types, who)
    check_real(who, input)
    xp = array_module(x)
    if axis is None:
        return kind(clone(input), wrap(xp.zeros((), np.int64)))
    attained = (x == scan(x, axis, ufunc)) | (x != x)   # a NaN attains the result, but equals nothing
    positions = xp.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    places = scan(xp.where(attained, positions, 0), axis, np.maximum)
    indices = as_result(wrap(places))
    return kind(GetItem(index_along(places, axis)).watch(indices)(input), indices)


# ---------------------------------------------------------------------- logcumsumexp

class LogCumSumExp(FusedOp):
    """y_i = log(e^x_0 + ... + e^x_i) along an axis

    dL/dx_k = sum_{i >= k} g_i e^(x_k - y_i). No exponent is above 0 there, but e^x_k and e^-y_i alone may overflow. So
    the sums are computed from logarithms, separately for positive and negative g. All is computed in double precision:
    the errors of a long scan add up, x and y may be large, and only their difference counts.
    """

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def reference(self, x: Value) -> Value:
        """Combine every element with the one 1, then 2, 4, 8, ... places before it."""
        n, shift = x.shape[self.axis], 1
        while shift < n:
            joined = logaddexp(narrow(x, self.axis, 0, n - shift), narrow(x, self.axis, shift, n - shift))
            x = cat([narrow(x, self.axis, 0, shift), joined], self.axis)
            shift *= 2
        return x

    def forward(self, x: Array) -> Array:
        return scan(x.astype(float64, copy=False), self.axis, np.logaddexp).astype(x.dtype, copy=False)

    def gradient(self, g: Value, x: Array, out: Array) -> Value:
        backwards = (slice(None),) * self.axis + (slice(None, None, -1),)
        dtype, g, x, out = x.dtype, *[a.astype(float64) for a in (g, x, out)]

        def share(g: Array) -> Array:
            """sum_{i >= k} g_i e^(x_k - y_i) for g >= 0; 0 where all x so far are -inf."""
            logs = array_module(x).where(out == -math.inf, -math.inf, np.log(g) - out)
            return np.exp(x + scan(logs[backwards], self.axis, np.logaddexp)[backwards])
        return [(share(np.maximum(g, 0)) - share(np.maximum(-g, 0))).astype(dtype)]


@public
def logcumsumexp(input: Tensor, dim: int, *, out: Tensor | None = None) -> Tensor:
    """`log(cumsum(exp(input)))` along `dim`, without overflow. Errors: NotImplementedError unless floating.

        >>> import minidl
        >>> minidl.logcumsumexp(minidl.tensor([0.0, 0.0, 1000.0]), dim=0)
        tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    axis = axis_of(input, dim, "logcumsumexp")
    if input.dtype.kind != "f":
        raise NotImplementedError(f"logcumsumexp: expected a floating-point tensor, but got {input.dtype}; "
                                  f"try .float()")
    return clone(input) if axis is None else LogCumSumExp(axis)(input)


# ---------------------------------------------------------------------- differences

@public
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None, *,
         out: Tensor | None = None) -> Tensor:
    """The differences of neighbours along `dim`, taken n times.

    `prepend` and `append` are joined to the ends first.

    The difference of two bools is whether they differ. Errors: RuntimeError for a tensor without dimensions, n < 0, or
    ends with another number of dimensions.

        >>> import minidl
        >>> minidl.diff(minidl.tensor([1, 4, 9, 16])), minidl.diff(minidl.tensor([1, 4, 9, 16]), n=2)
        (tensor([3, 5, 7]), tensor([2, 2]))
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional, but it has no dimensions")
    if n < 0:
        raise RuntimeError(f"diff: order must be non-negative but got {n}")
    axis = normalize_dim(dim, input.ndim, "diff")
    ends = [x for x in (prepend, append) if x is not None]
    if any(x.ndim != input.ndim for x in ends):
        raise RuntimeError(f"diff expects prepend or append to be the same dimension as input, but input has "
                           f"{input.ndim} dimensions and they have {[x.ndim for x in ends]}; try reshape")
    x = cat([x for x in (prepend, input, append) if x is not None], axis) if ends and n else input
    for _ in range(min(n, x.shape[axis])):
        before, after = _neighbour_pairs(x, axis)
        x = logical_xor(after, before) if x.dtype.kind == "b" else after - before
    return copy_if_view(input, x)


def _neighbour_pairs(x: Any, axis: int) -> tuple[Any, Any]:
    """All elements without the last, and all without the first."""
    steps = max(x.shape[axis] - 1, 0)
    return narrow(x, axis, 0, steps), narrow(x, axis, x.shape[axis] - steps, steps)


# ---------------------------------------------------------------------- integrals

@public
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """The integral of y along `dim`, by the trapezoidal rule.

    The points are at the positions `x` (one each, or broadcast to y), or `dx` apart (1 by default).
    Errors: TypeError where both are given, RuntimeError where the number of x is not that of the points.

        >>> import minidl
        >>> minidl.trapezoid(minidl.tensor([1.0, 5.0, 9.0])), minidl.trapezoid(minidl.tensor([1.0, 5.0]), dx=0.5)
        (tensor(10.), tensor(1.5000))
    """
    axis = _axis(y, dim, "trapezoid")
    return div(sum(_twice_the_areas(y, x, dx, axis, "trapezoid"), axis), 2)


trapz = alias("trapz", trapezoid)


@public
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """The integrals from the first point to each other one; arguments and errors as `trapezoid`.

        >>> import minidl
        >>> minidl.cumulative_trapezoid(minidl.tensor([1.0, 5.0, 9.0]))
        tensor([ 3., 10.])
    """
    axis = _axis(y, dim, "cumulative_trapezoid")
    return div(cumsum(_twice_the_areas(y, x, dx, axis, "cumulative_trapezoid"), axis), 2)


def _axis(y: Any, dim: int, who: str) -> int:
    if not y.ndim:
        raise IndexError(f"{who}: Dimension specified as {dim} but tensor has no dimensions")
    return normalize_dim(dim, y.ndim, who)


def _twice_the_areas(y: Any, x: Any, dx: float | None, axis: int, who: str) -> Any:
    """For every strip between neighbours, width times sum of the heights."""
    if x is not None and dx is not None:
        raise TypeError(f"{who}: expected x or dx, but got both; x says where the points are, dx how far apart")
    left, right = _neighbour_pairs(y, axis)
    if x is None:
        return (left + right) * (1 if dx is None else dx)
    along = 0 if x.ndim == 1 else axis - y.ndim
    if x.shape[along] != y.shape[axis]:
        raise RuntimeError(f"{who}: There must be one `x` value for each sample point, but there are "
                           f"{x.shape[along]} for {y.shape[axis]}")
    width = diff(x, dim=along)
    if x.ndim == 1:
        width = reshape(width, tuple([-1 if i == axis else 1 for i in range(y.ndim)]))
    return width * (left + right)
