"""Reduce many numbers to one: sums, means, products, variance, logsumexp, all, any.

Extremes are in `extremes.py`, norms in `vector_norm.py`, running sums and products in `scan.py`.

Each op first computes with the reduced axes kept as size 1. `spread` repeats a value of that form over the input;
that is how gradients return.
"""
from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.fused import FusedOp
from minidl.autograd.grad_mode import switches
from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import accumulation_dtype, get_default_dtype, int64, real_of, uint8
from minidl.backend.kernels.sums import sum_over
from minidl.backend.warn import warn
from minidl.ops.base.broadcast import Expand, Shape, Sum
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim, normalize_dims
from minidl.ops.base.hints import suggest_tensor
from minidl.ops.elementwise.complex_parts import conj
from minidl.ops.elementwise.exponential import exp
from minidl.ops.elementwise.selection import where
from minidl.ops.shape.views import copy_if_view, narrow, reshape, squeeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

Dims = int | tuple[int, ...] | list[int] | None


class Reduction(Op):
    """Base class: y = `reduce(x)`, with the reduced axes of size 1 if `keepdim`, or without them."""

    def __init__(self, axes: Shape, keepdim: bool = False) -> None:
        self.axes, self.keepdim = axes, keepdim

    def reduce(self, x: Array) -> Array:
        """The result, with the reduced axes kept as size 1."""
        raise NotImplementedError

    def forward(self, x: Array) -> Array:
        y = self.reduce(x)
        self.x_shape, self.ones = x.shape, y.shape
        return y if self.keepdim else y.reshape(reduced_shape(x.shape, self.axes, False))

    def spread(self, y: Any) -> Any:
        """Repeat a value of the output's shape over the input's shape."""
        return Expand(self.x_shape, self.ones)(y)


def reduced_shape(shape: Shape, axes: Shape, keepdim: bool) -> Shape:
    """`shape` after a reduction over `axes`."""
    if keepdim:
        return tuple([1 if i in axes else n for i, n in enumerate(shape)])
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def count(shape: Shape, axes: Shape) -> int:
    """The number of elements that go into one result."""
    return math.prod([shape[axis] for axis in axes])


def axes_of(input: Any, dim: Dims, who: str) -> Shape:
    """The axes to reduce; no dim, or an empty tuple, means all."""
    all_of_them = isinstance(dim, (tuple, list)) and not dim
    return normalize_dims(None if all_of_them else dim, ndim_of(input, who), who)


def axis_of(input: Any, dim: Any, who: str) -> int | None:
    """The axis of a function that takes one; None for a tensor without dimensions."""
    ndim = ndim_of(input, who)
    axis = normalize_dim(dim, ndim, who)
    return axis if ndim else None


def ndim_of(input: Any, who: str) -> int:
    try:
        return input.ndim
    except AttributeError:
        raise TypeError(f"{who}(): argument 'input' (position 1) must be Tensor, not "
                        f"{type(input).__name__}; {suggest_tensor(input)}") from None


def in_dtype(input: Any, dtype: Any) -> Any:
    """`input` in the `dtype` in which it is summed or multiplied.

    Errors: RuntimeError where it requires grad, and the dtype has none.
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "fc" and switches.enabled and getattr(input, "requires_grad", False):
        raise RuntimeError(f"Autograd not support dtype: {dtype}, which has no gradient; try detach() first")
    return cast(input, dtype)


def floating(input: Any, dtype: Any, who: str, kinds: str = "f") -> Any:
    """`input` in `dtype`, which must be floating; with `kinds` "fc" it may be complex."""
    ndim_of(input, who)
    x = input if dtype is None else cast(input, np.dtype(dtype))
    if x.dtype.kind not in kinds:
        raise RuntimeError(f"{who}: expected a floating-point tensor, but got {x.dtype}; "
                           f"try x.float(), or dtype=minidl.float32 where there is such an argument")
    return x


# ---------------------------------------------------------------------- sums and means


class SumIntegers(Reduction):
    """The sum of integers or bools, in int64; no gradient passes."""

    def reduce(self, x: Array) -> Array:
        return x.sum(axis=self.axes, keepdims=True, dtype=int64)


@public
def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None,
        out: Tensor | None = None) -> Tensor:
    """The sum of all elements, or over the given dimensions.

    `dim` is an int or a tuple of ints; `keepdim` keeps the reduced dimensions with size 1; `dtype` is cast to first.
    Integers and bools are summed in int64. The sum of no elements is 0.
    Errors: IndexError for a dim out of range, RuntimeError for one that is named twice.

        >>> import minidl
        >>> x = minidl.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> minidl.sum(x), minidl.sum(x, dim=0)
        (tensor(10.), tensor([4., 6.]))
    """
    axes = axes_of(input, dim, "sum")
    x = input if dtype is None else in_dtype(input, dtype)
    if x.dtype.kind not in "fc":
        total = SumIntegers(axes, keepdim)(x)
        return total if dtype is None else cast(total, np.dtype(dtype))
    return Sum(axes, reduced_shape(tuple(x.shape), axes, keepdim))(x)


class Mean(Reduction):
    """y = sum(x) / n;  dy/dx = 1/n"""

    complex_rules = "as written"

    def reduce(self, x: Array) -> Array:
        y = sum_over(x, self.axes)
        y /= count(x.shape, self.axes) or math.nan
        return y.astype(x.dtype, copy=False)

    def grad_x(self, g: Value) -> Value:
        return self.spread(g / (count(self.x_shape, self.axes) or 1))


@public
def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None,
         out: Tensor | None = None) -> Tensor:
    """The mean of all elements, or over the given dimensions; arguments as `sum`.

    The mean of no elements is nan. Errors: RuntimeError unless `input`, or `dtype`, is floating or complex.

        >>> import minidl
        >>> minidl.mean(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
        tensor([1.5000, 3.5000])
    """
    return Mean(axes_of(input, dim, "mean"), keepdim)(floating(input, dtype, "mean", "fc"))


class NanSum(Reduction):
    """y = sum of the x that are not nan; nan elements get no gradient."""

    complex_rules = "as written"

    def reduce(self, x: Array) -> Array:
        y = array_module(x).where(x == x, x, 0).sum(axis=self.axes, keepdims=True, dtype=accumulation_dtype(x.dtype))
        return y.astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value) -> Value:
        return self.spread(g) * (x == x)


@public
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None,
           out: Tensor | None = None) -> Tensor:
    """The sum of the elements that are not nan; arguments as `sum`.

        >>> import minidl
        >>> minidl.nansum(minidl.tensor([1.0, float("nan"), 2.0]))
        tensor(3.)
    """
    axes = axes_of(input, dim, "nansum")
    x = input if dtype is None else in_dtype(input, dtype)
    return sum(x, dim, keepdim, dtype=dtype) if x.dtype.kind in "biu" else NanSum(axes, keepdim)(x)


@public
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None,
            out: Tensor | None = None) -> Tensor:
    """The mean of the elements that are not nan; arguments as `sum`.

    It is nan where there are none.

        >>> import minidl
        >>> minidl.nanmean(minidl.tensor([1.0, float("nan"), 2.0]))
        tensor(1.5000)
    """
    x = floating(input, dtype, "nanmean")
    return nansum(x, dim, keepdim) / cast(sum(x == x, dim, keepdim), x.dtype)   # 0 / 0 gives the nan for no elements


# ---------------------------------------------------------------------- products


def cumulate(x: Array, axis: int, what: str, reverse: bool = False) -> Array:
    """`cumsum` or `cumprod` along an axis, from the end if `reverse`."""
    if not reverse:
        return getattr(x, what)(axis=axis, dtype=accumulation_dtype(x.dtype))
    backwards = (slice(None),) * axis + (slice(None, None, -1),)
    return getattr(x[backwards], what)(axis=axis, dtype=accumulation_dtype(x.dtype))[backwards]


def running_input(input: Any, dim: int, dtype: Any, who: str) -> tuple[Any, int | None]:
    axis = axis_of(input, dim, who)
    if dtype is None and input.dtype.kind not in "fc":
        dtype = int64
    return input if dtype is None else in_dtype(input, dtype), axis


class Prod(FusedOp):
    """y = x_1 x_2 ... x_n along an axis, which is kept with size 1.

    dy/dx_k is the product of all the others: of those before k and those after k. Without a division, zeros among the x
    need no special care.
    """

    complex_rules = "as written"

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def reference(self, x: Value) -> Value:
        """Multiply the first half with the second until one element is left."""
        n = x.shape[self.axis]
        odd: Any = 1.0
        if n == 0:
            return sum(x, self.axis, keepdim=True) + 1.0
        while n > 1:
            if n % 2:
                odd = narrow(x, self.axis, n - 1, 1) * odd
            n //= 2
            x = narrow(x, self.axis, 0, n) * narrow(x, self.axis, n, n)
        return x * odd

    def forward(self, x: Array) -> Array:
        y = x.prod(axis=self.axis, keepdims=True, dtype=accumulation_dtype(x.dtype))
        return y.astype(x.dtype, copy=False)

    def gradient(self, g: Value, x: Array) -> Value:
        def part(start: int, stop: int) -> Any:
            return (slice(None),) * self.axis + (slice(start, stop),)
        n = x.shape[self.axis]
        others = array_module(x).ones(x.shape, accumulation_dtype(x.dtype))
        others[part(1, n)] = cumulate(x[part(0, n - 1)], self.axis, "cumprod")
        others[part(0, n - 1)] *= cumulate(x[part(1, n)], self.axis, "cumprod", reverse=True)
        return [g * conj(others.astype(x.dtype, copy=False))]


@public
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None,
         out: Tensor | None = None) -> Tensor:
    """The product of all elements, or along one dimension; in int64 for integers and bools.

    The product of no elements is 1. The gradient is correct for zeros too.

        >>> import minidl
        >>> minidl.prod(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
        tensor([3., 8.])
    """
    x, axis = running_input(input, 0 if dim is None else dim, dtype, "prod")
    if dim is None:
        shape = (1,) * x.ndim if keepdim else ()
        return reshape(Prod(0)(reshape(x, (-1,) if x.size else (0,))), shape)
    if axis is None:
        return copy_if_view(input, x)
    y = Prod(axis)(x)
    return y if keepdim else squeeze(y, axis)


# ---------------------------------------------------------------------- variance


class Deviation(Reduction):
    """Base of Var and Std: the deviation of x from its mean m, with divisor n - c.

    In two passes, first m and then the squares: the one-pass formula E[x^2] - m^2 loses all digits where m is large.
    The gradient through m is zero, since the x - m add up to zero. Of complex numbers it is |x - m|^2.
    """

    complex_rules = "as written"

    def __init__(self, axes: Shape, keepdim: bool, correction: float) -> None:
        super().__init__(axes, keepdim)
        self.correction = correction

    def variance(self, x: Array) -> Array:
        """sum (x - m)^2 / (n - c)"""
        d = x - Mean(self.axes, True).forward(x)
        if d.dtype.kind == "c":
            d = d.real ** 2 + d.imag ** 2
        else:
            d *= d
        y = d.sum(axis=self.axes, keepdims=True)
        return y / builtins.max(count(x.shape, self.axes) - self.correction, 0)

    def deviations(self, x: Any) -> Any:
        """(x - m) / (n - c)"""
        freedom = count(self.x_shape, self.axes) - self.correction
        d = x - Expand(self.x_shape, self.ones)(Mean(self.axes, True)(x))
        return d * (1 / freedom if freedom > 0 else math.nan)


class Var(Deviation):
    """y = sum (x - m)^2 / (n - c), m the mean of x and c the correction;  dy/dx = 2 (x - m) / (n - c)"""

    def reduce(self, x: Array) -> Array:
        return self.variance(x.astype(accumulation_dtype(x.dtype), copy=False)).astype(real_of(x.dtype), copy=False)

    def grad_x(self, g: Value, x: Value) -> Value:
        return self.spread(g * 2) * self.deviations(x)


class Std(Deviation):
    """y = sqrt(var(x));  dy/dx = (x - m) / ((n - c) y), and 0 where all x are equal"""

    def reduce(self, x: Array) -> Array:
        y = np.sqrt(self.variance(x.astype(accumulation_dtype(x.dtype), copy=False)))
        return y.astype(real_of(x.dtype), copy=False)

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return self.spread(where(out == 0, 0.0, g / (out + (out == 0)))) * self.deviations(x)


def _spread_step(op: type[Deviation], input: Any, dim: Any, unbiased: bool, keepdim: bool, correction: Any,
                 who: str) -> Any:
    if isinstance(dim, bool):   # var(x, False): PyTorch's older form
        dim, unbiased = None, dim
    if correction is None:
        correction = int(unbiased)
    x, axes = floating(input, None, who, "fc"), axes_of(input, dim, who)
    if (n := count(x.shape, axes)) <= correction:
        warn(f"{who}(): degrees of freedom is <= 0: the result of n = {n} elements is divided by n - {correction}; try "
             f"correction=0")
    return op(axes, keepdim, correction)(x)


@public
def var(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
        correction: float | None = None, out: Tensor | None = None) -> Tensor:
    """The variance of all elements, or over the given dimensions.

    sum (x - mean)^2 / (n - correction)

    `correction` is 1 unless given (Bessel's: an unbiased estimate from a sample); `unbiased=False` means
    `correction=0`. Where n - correction is not positive, the result is nan or inf.
    Errors: RuntimeError unless `input` is floating or complex.

        >>> import minidl
        >>> x = minidl.tensor([[1.0, 3.0], [2.0, 2.0]])
        >>> minidl.var(x, dim=1), minidl.var(x, dim=1, correction=0)
        (tensor([2., 0.]), tensor([1., 0.]))
    """
    return _spread_step(Var, input, dim, unbiased, keepdim, correction, "var")


@public
def std(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
        correction: float | None = None, out: Tensor | None = None) -> Tensor:
    """The standard deviation, the root of `var`; same arguments. Where it is 0, so is its gradient.

        >>> import minidl
        >>> minidl.std(minidl.tensor([1.0, 2.0, 3.0]))
        tensor(1.)
    """
    return _spread_step(Std, input, dim, unbiased, keepdim, correction, "std")


@public
def var_mean(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """`var` and `mean` over the same dimensions, as a tuple.

        >>> import minidl
        >>> minidl.var_mean(minidl.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    y = _spread_step(Var, input, dim, unbiased, keepdim, correction, "var_mean")
    return y, mean(input, None if isinstance(dim, bool) else dim, keepdim)


@public
def std_mean(input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Tensor, Tensor]:
    """`std` and `mean` over the same dimensions, as a tuple.

        >>> import minidl
        >>> minidl.std_mean(minidl.tensor([1.0, 2.0, 3.0]))
        (tensor(1.), tensor(2.))
    """
    y = _spread_step(Std, input, dim, unbiased, keepdim, correction, "std_mean")
    return y, mean(input, None if isinstance(dim, bool) else dim, keepdim)


# ---------------------------------------------------------------------- logsumexp


class LogSumExp(Reduction):
    """y = log sum exp(x) = m + log sum exp(x - m);  dy/dx = exp(x - m) / sum exp(x - m), the softmax of x

    With m = max x (for complex numbers, of their real parts) no exp overflows. Where all x are -inf, so is y, and the
    gradient is 0.
    """

    complex_rules = "conjugated"

    def reduce(self, x: Array) -> Array:
        xp = array_module(x)
        if not x.size:
            self.keep(top=0.0)
            return xp.full(reduced_shape(x.shape, self.axes, True), -math.inf, x.dtype)
        top = x.real.max(axis=self.axes, keepdims=True)
        top = xp.where(xp.isinf(top), 0, top)
        self.keep(top=top)
        e = xp.asarray(x - top)
        np.exp(e, out=e)
        y = np.log(e.sum(axis=self.axes, keepdims=True, dtype=accumulation_dtype(x.dtype)))
        return (y + top).astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value, top: Value) -> Value:
        e = exp(x - top)
        total = Sum(self.axes, tuple(g.shape))(e)
        return self.spread(g / (total + (total == 0))) * e


@public
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """log(sum(exp(input))) over the given dimensions, without overflow; -inf for no elements.

        >>> import minidl
        >>> minidl.logsumexp(minidl.tensor([1000.0, 1000.0]), dim=0)
        tensor(1000.6932)
    """
    axes = axes_of(input, dim, "logsumexp")
    return LogSumExp(axes, keepdim)(input if input.dtype.kind in "fc" else cast(input, get_default_dtype()))


# ---------------------------------------------------------------------- all, any, count


class AllTrue(Reduction):
    """Whether every element is true (not zero)."""

    def reduce(self, x: Array) -> Array:
        return x.all(axis=self.axes, keepdims=True)


class AnyTrue(Reduction):
    """Whether some element is true (not zero)."""

    def reduce(self, x: Array) -> Array:
        return x.any(axis=self.axes, keepdims=True)


@public
def all(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Whether all elements are true, over the given dimensions; True for no elements.

    The result is bool (uint8 for uint8, as in PyTorch). Unlike for `sum`, `dim=()` reduces nothing.

        >>> import minidl
        >>> minidl.all(minidl.tensor([[True, False], [True, True]]), dim=1)
        tensor([False,  True])
    """
    y = AllTrue(normalize_dims(dim, ndim_of(input, "all"), "all"), keepdim)(input)
    return cast(y, uint8) if input.dtype == uint8 else y


@public
def any(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Whether any element is true, over the given dimensions; False for no elements. Otherwise as `all`.

        >>> import minidl
        >>> minidl.any(minidl.tensor([[True, False], [False, False]]), dim=1)
        tensor([ True, False])
    """
    y = AnyTrue(normalize_dims(dim, ndim_of(input, "any"), "any"), keepdim)(input)
    return cast(y, uint8) if input.dtype == uint8 else y


@public
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """The number of nonzero elements, over the given dimensions.

        >>> import minidl
        >>> minidl.count_nonzero(minidl.tensor([0, 1, 2]))
        tensor(2)
    """
    return SumIntegers(axes_of(input, dim, "count_nonzero"))(input != 0)
