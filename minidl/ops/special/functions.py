"""Special functions: erfinv, the gamma function's logarithm and derivatives, Bessel functions.

Also the normal distribution, and logarithms that keep their digits where the plain formula loses them.

The array libraries compute them. This file adds the derivatives, which are again such functions.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.inplace import write
from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module, library_of
from minidl.ops.base.declaration import alias, in_place, public
from minidl.ops.base.ufunc import Binary, Floating, number_as_tensor
from minidl.ops.elementwise.arithmetic import abs, sign
from minidl.ops.elementwise.exponential import exp, log, log1p, sigmoid
from minidl.ops.elementwise.selection import clamp, where
from minidl.ops.elementwise.trigonometric import cos
from minidl.ops.shape.views import as_result

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Special(Floating):
    """y = the function `named` of the array library's module of special functions."""

    named: str

    def ufunc(self, x: Array) -> Array:
        return getattr(library_of(x).special, self.named)(x).astype(x.dtype, copy=False)   # SciPy widens float16


class SpecialBinary(Binary):
    """y = the function `named` of two floating arguments; the first may be a number."""

    named: str
    floating = True

    def __call__(self, a: Any, b: Any) -> Any:
        if isinstance(a, TensorBase) and isinstance(b, (int, float)):
            b = number_as_tensor(b, a)
        return super().__call__(a, b)

    def forward(self, a: Any, b: Array) -> Array:
        return getattr(library_of(b).special, self.named)(a, b).astype(b.dtype, copy=False)


# ---------------------------------------------------------------------- the normal distribution

class Erfinv(Special):
    """y = the number whose erf is x;  dy/dx = sqrt(pi)/2 * e^(y^2)"""

    named = "erfinv"
    copies_output_on_write = True

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * (exp(out * out) * (math.sqrt(math.pi) / 2))


@public
def erfinv(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of `erf`: -inf at -1, inf at 1, NaN outside.

        >>> import minidl
        >>> minidl.erfinv(minidl.tensor([0.0, 0.5, 1.0]))
        tensor([0.0000, 0.4769,    inf])
    """
    return Erfinv()(input)

erfinv_ = in_place(erfinv)


class Erfcx(Special):
    """y = e^(x^2) erfc(x);  dy/dx = 2 x y - 2/sqrt(pi)"""

    named = "erfcx"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (2 * x * out - 2 / math.sqrt(math.pi))


@public
def erfcx(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`exp(input ** 2) * erfc(input)`, which does not underflow for large numbers.

        >>> import minidl
        >>> minidl.special.erfcx(minidl.tensor([0.0, 1.0, 100.0]))
        tensor([1.0000, 0.4276, 0.0056])
    """
    return Erfcx()(input)


class Ndtr(Special):
    """y = P(a standard normal number <= x);  dy/dx = e^(-x^2/2) / sqrt(2 pi)"""

    named = "ndtr"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * (exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi)))


@public
def ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The probability that a standard normal number is at most `input`.

        >>> import minidl
        >>> minidl.special.ndtr(minidl.tensor([-2.0, 0.0, 2.0]))
        tensor([0.0228, 0.5000, 0.9772])
    """
    return Ndtr()(input)


class Ndtri(Special):
    """y = the number whose ndtr is x;  dy/dx = sqrt(2 pi) * e^(y^2/2)"""

    named = "ndtri"

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * (exp(out * out * 0.5) * math.sqrt(2 * math.pi))


@public
def ndtri(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of `ndtr`: the quantile of the normal distribution; NaN outside [0, 1].

        >>> import minidl
        >>> minidl.special.ndtri(minidl.tensor([0.5, 0.975]))
        tensor([0.0000, 1.9600])
    """
    return Ndtri()(input)


class LogNdtr(Special):
    """y = log(ndtr(x));  dy/dx = e^(-x^2/2 - y) / sqrt(2 pi), finite even where ndtr underflows to 0"""

    named = "log_ndtr"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (exp(x * x * -0.5 - out) * (1 / math.sqrt(2 * math.pi)))


@public
def log_ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`log(ndtr(input))`, exact far below 0 too.

        >>> import minidl
        >>> minidl.special.log_ndtr(minidl.tensor([-20.0, 0.0]))
        tensor([-203.9172,   -0.6931])
    """
    return LogNdtr()(input)


# ---------------------------------------------------------------------- the gamma function

class Lgamma(Special):
    """y = log |gamma(x)|;  dy/dx = digamma(x), by its definition"""

    named = "gammaln"

    def ufunc(self, x: Array) -> Array:
        return np.where(x == -np.inf, np.inf, super().ufunc(x)).astype(x.dtype, copy=False)     # SciPy has -inf there

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * digamma(x)


@public
def lgamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the absolute gamma function; `lgamma(n + 1)` is log n!.

        >>> import minidl
        >>> minidl.lgamma(minidl.tensor([3.0, 5.0]))
        tensor([0.6931, 3.1781])
    """
    return Lgamma()(input)

lgamma_ = in_place(lgamma)


gammaln = alias("gammaln", lgamma)


class Digamma(Special):
    """y = d/dx log gamma(x);  dy/dx = polygamma(1, x)

    Near its poles -1, -2, ... it is digamma(1 - x) - pi / tan(pi d), where d is the exact distance from the pole.
    """

    named = "digamma"

    def ufunc(self, x: Array) -> Array:
        y = array_module(x).asarray(super().ufunc(x))       # NumPy's of 0-d is a scalar, which nobody writes into
        d = x - np.rint(x)
        near = (x < -0.5) & (np.absolute(d) < 0.05) & (d != 0)
        if near.any():
            d = d[near]
            y[near] = super().ufunc(1 - x[near]) - math.pi / np.tan(math.pi * d)
        return y

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * polygamma(1, x)


@public
def digamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The derivative of `lgamma`.

        >>> import minidl
        >>> minidl.digamma(minidl.tensor([1.0, 0.5]))
        tensor([-0.5772, -1.9635])
    """
    return Digamma()(input)

digamma_ = in_place(digamma)


psi = alias("psi", digamma)


class Polygamma(Floating):
    """y = the n-th derivative of digamma at x = (-1)^(n+1) n! zeta(n + 1, x)"""

    def __init__(self, n: int) -> None:
        self.n = n

    def ufunc(self, x: Array) -> Array:
        sum_of_powers = library_of(x).special.zeta(self.n + 1.0, x).astype(x.dtype, copy=False)
        return sum_of_powers * ((-1.0) ** (self.n + 1) * math.factorial(self.n))

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * polygamma(self.n + 1, x)


@public
def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The n-th derivative of `digamma`. Errors: RuntimeError where n is negative.

        >>> import minidl
        >>> minidl.polygamma(1, minidl.tensor([1.0, 0.5]))
        tensor([1.6449, 4.9348])
    """
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, but got n={n}")
    return digamma(input) if n == 0 else Polygamma(n)(input)


@public
def polygamma_(input: Tensor, n: int) -> Tensor:
    """`polygamma(n, input)`, written into `input`; returns `input`."""
    return write(input, lambda x: polygamma(n, x), who="polygamma_")


@public
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the p-dimensional gamma function, used in the Wishart distribution.

    `p (p - 1) / 4 * log(pi) + sum(lgamma(input - j / 2) for j in range(p))`.

    Errors: RuntimeError unless p is at least 1.

        >>> import minidl
        >>> minidl.mvlgamma(minidl.tensor([3.0, 4.0]), p=2)
        tensor([1.5502, 3.5651])
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, but got p={p}")
    total = lgamma(input)
    for j in range(1, p):
        total = total + lgamma(input - j / 2)
    return as_result(total + p * (p - 1) / 4 * math.log(math.pi))

mvlgamma_ = in_place(mvlgamma)


multigammaln = alias("multigammaln", mvlgamma)


class Zeta(SpecialBinary):
    """y = sum_k (k + q)^-x over k = 0, 1, ...;  dy/dq = -x zeta(x + 1, q)"""

    named = "zeta"

    def forward(self, x: Any, q: Array) -> Array:
        return super().forward(x, q)

    def grad_x(self, g: Value) -> Value:
        raise NotImplementedError("the derivative of zeta with respect to its first argument is not implemented, "
                                  "as it is not in PyTorch; detach() that argument")

    def grad_q(self, g: Value, x: Value, q: Value) -> Value:
        return -g * x * zeta(x + 1, q)


@public
def zeta(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The Hurwitz zeta function: the sum of `(k + other) ** -input` over k = 0, 1, 2, ...

    Differentiable in `other` alone.

        >>> import minidl
        >>> minidl.special.zeta(2.0, minidl.tensor([1.0]))
        tensor([1.6449])
    """
    return Zeta()(input, other)


# ---------------------------------------------------------------------- Bessel functions

class I0(Special):
    """y = the modified Bessel function of order 0;  dy/dx = i1(x)"""

    named = "i0"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * i1(x)


class I0e(Special):
    """y = i0(x) e^-|x|;  dy/dx = i1e(x) - sign(x) y"""

    named = "i0e"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (i1e(x) - sign(x) * out)


class I1(Special):
    """y = the modified Bessel function of order 1;  dy/dx = i0(x) - y/x, and 1/2 at 0"""

    named = "i1"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (i0(x) - out_over_x(out, x))


class I1e(Special):
    """y = i1(x) e^-|x|;  dy/dx = i0e(x) - y/x - sign(x) y, and 1/2 at 0"""

    named = "i1e"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (i0e(x) - out_over_x(out, x) - sign(x) * out)


def out_over_x(out: Any, x: Any) -> Any:
    """y/x, and its limit at 0, for both functions of order 1."""
    return where(x == 0, 0.5, out / where(x == 0, 1.0, x))


@public
def i0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the first kind, of order 0.

        >>> import minidl
        >>> minidl.i0(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 1.2661])
    """
    return I0()(input)

i0_ = in_place(i0)


@public
def i0e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`i0(input) * exp(-abs(input))`, which does not overflow.

        >>> import minidl
        >>> minidl.special.i0e(minidl.tensor([0.0, 1000.0]))
        tensor([1.0000, 0.0126])
    """
    return I0e()(input)


@public
def i1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the first kind, of order 1.

        >>> import minidl
        >>> minidl.special.i1(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.5652])
    """
    return I1()(input)


@public
def i1e(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`i1(input) * exp(-abs(input))`, which does not overflow.

        >>> import minidl
        >>> minidl.special.i1e(minidl.tensor([0.0, 1000.0]))
        tensor([0.0000, 0.0126])
    """
    return I1e()(input)


# ---------------------------------------------------------------------- logarithms and entropies

class Logit(Floating):
    """y = log(x / (1 - x));  dy/dx = 1 / (x (1 - x)), NaN outside [0, 1] as y is"""

    def ufunc(self, x: Array) -> Array:
        return np.log(x / (1 - x))

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / where((x < 0) | (x > 1), math.nan, x * (1 - x))


@public
def logit(input: Tensor, eps: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """`log(input / (1 - input))`, the inverse of `sigmoid`; NaN outside [0, 1].

    With `eps`, `input` is first limited to the range from eps to 1 - eps.

        >>> import minidl
        >>> minidl.logit(minidl.tensor([0.5, 0.9, 1.0]), eps=0.001)
        tensor([0.0000, 2.1972, 6.9068])
    """
    return Logit()(input if eps is None else clamp(input, eps, 1 - eps))

logit_ = in_place(logit)


class Entr(Floating):
    """y = -x log(x), 0 at 0 and -inf below;  dy/dx = -log(x) - 1"""

    def ufunc(self, x: Array) -> Array:
        return library_of(x).special.entr(x).astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * (-log(x) - 1)


@public
def entr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`-input * log(input)`, whose sum is the entropy of probabilities. 0 at 0, -inf below.

        >>> import minidl
        >>> minidl.special.entr(minidl.tensor([0.0, 0.5, 0.1]))
        tensor([0.0000, 0.3466, 0.2303])
    """
    return Entr()(input)


class Xlog1py(SpecialBinary):
    """y = a * log(1 + b), and 0 where a = 0 (NaN if b is NaN);  dy/da = log(1 + b),  dy/db = a / (1 + b)"""

    named = "xlog1py"

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return g * log1p(where((a == 0) & (b <= -1), 0.0, b))

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return g * (a / (b + 1))


@public
def xlog1py(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input * log1p(other)`, and 0 where `input` is 0; either may be a number.

        >>> import minidl
        >>> minidl.special.xlog1py(minidl.tensor([0.0, 2.0]), minidl.tensor([-1.0, 1.0]))
        tensor([0.0000, 1.3863])
    """
    return Xlog1py()(input, other)


class Logaddexp2(Binary):
    """y = log2(2^a + 2^b);  dy/da = 2^a / (2^a + 2^b) = sigmoid((a - b) log 2)"""

    ufunc = np.logaddexp2
    floating = True

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return g * sigmoid((a - b) * math.log(2))

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return g * sigmoid((b - a) * math.log(2))


@public
def logaddexp2(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`log2(2 ** input + 2 ** other)`, without overflow.

        >>> import minidl
        >>> minidl.logaddexp2(minidl.tensor([0.0, 3.0]), minidl.tensor([0.0, 3.0]))
        tensor([1., 4.])
    """
    return Logaddexp2()(input, other)


# ---------------------------------------------------------------------- sinc

class Sinc(Floating):
    """y = sin(pi x) / (pi x), and 1 at 0;  dy/dx = (cos(pi x) - y) / x

    Near 0 that is a difference of nearly equal numbers, and the series around 0 replaces it: with z = pi x,
    dy/dx = pi (-z/3 + z^3/30 - z^5/840 + ...), differentiable at every order.
    """

    complex_rules = "conjugated"

    def ufunc(self, x: Array) -> Array:
        z = x * math.pi
        return np.sin(z) / (z + (z == 0)) + (z == 0)

    def grad_x(self, g: Value, x: Value) -> Value:
        near = abs(x) < 0.02
        z = x * math.pi
        series = z * (-1 / 3 + z * z * (1 / 30 - z * z * (1 / 840 - z * z * (1 / 45360))))
        far = where(near, 1.0, x)
        return g * where(near, series * math.pi, (cos(far * math.pi) - sinc(far)) / far)


@public
def sinc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`sin(pi * input) / (pi * input)`, and 1 at 0.

        >>> import minidl
        >>> minidl.sinc(minidl.tensor([0.0, 0.5]))
        tensor([1.0000, 0.6366])
    """
    return Sinc()(input)

sinc_ = in_place(sinc)
