"""Powers, roots, exponentials, logarithms; and sigmoid, erf, logaddexp, which are built from them."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, dense_copy, library_of
from minidl.backend.kernels.activation import sigmoid_forward, sigmoid_grad
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.ufunc import Binary, Elementwise, Floating, Unary, Zero, number_as_tensor
from minidl.ops.elementwise.complex_parts import real
from minidl.ops.elementwise.selection import where

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- powers and roots

_SHORT_POWERS: dict[complex, Callable[[Array], Array]] = {   # a general power costs about a hundred multiplications
    1: dense_copy,
    2: np.square,
    3: lambda x: x * x * x,
    4: lambda x: np.square(x * x),
    0.5: np.sqrt,
    -0.5: lambda x: 1 / np.sqrt(x),
    -1: np.reciprocal,
    -2: lambda x: 1 / (x * x),
}


class Pow(Binary):
    """y = a ^ b;  dy/da = b * a^(b-1),  dy/db = y * log(a)

    At a = 0 both formulas give 0 * inf: the first where b = 0, the second where b >= 0. The gradient there is 0;
    replacing a by 1 gives that without a NaN.
    """

    complex_rules = "conjugated"

    def prepare(self, a: Any, b: Any) -> list[Any]:
        if not isinstance(a, TensorBase) and not hasattr(a, "dtype"):   # the base is a number, the exponent a tensor
            a = number_as_tensor(a, b)
        return super().prepare(a, b)

    def forward(self, a: Array, b: Any) -> Array:
        if a.dtype.kind in "fc":
            short = _SHORT_POWERS.get(b) if isinstance(b, (int, float, complex)) else None
            return a ** b if short is None else short(a)
        if np.any(b < 0):
            raise RuntimeError("Integers to negative integer powers are not allowed: they are not integers; "
                               "use a floating tensor, x.float() ** -1, or a floating exponent, x ** -1.0")
        return a ** b

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        if not isinstance(b, (int, float, complex)):
            safe = where((a == 0) & (b == 0), 1.0, a)
            return g * (b * pow(safe, b - 1))
        if b in (0, 1):
            return Zero()(g) if b == 0 else g * pow(a, 0) if isinstance(g, TensorBase) else g   # to second order
        return g * (pow(a, b - 1) * b)

    def grad_b(self, g: Value, a: Value, b: Value, out: Value) -> Value:
        safe = where((a == 0) & (real(b) >= 0), 1.0, a)
        return g * (out * log(safe))


@public
def pow(input: Tensor | complex, exponent: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input ** exponent`; either may be a number.

    Errors: RuntimeError for integers to negative integer powers.

        >>> import minidl
        >>> minidl.pow(minidl.tensor([1.0, 2.0, 3.0]), 2)
        tensor([1., 4., 9.])
        >>> minidl.pow(2, minidl.tensor([1.0, 2.0, 3.0]))
        tensor([2., 4., 8.])
    """
    return Pow()(input, exponent)

pow_ = in_place(pow)


class Square(Unary):
    """y = x^2;  dy/dx = 2x"""

    ufunc = np.square
    complex_rules = "conjugated"

    def forward(self, x: Array) -> Array:
        return self.ufunc(x if x.dtype.kind != "b" else x.astype(np.int64))   # NumPy would square bools in int8

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * x * 2


@public
def square(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`input * input`.

        >>> import minidl
        >>> minidl.square(minidl.tensor([1.0, -2.0]))
        tensor([1., 4.])
    """
    return Square()(input)

square_ = in_place(square)


class Sqrt(Floating):
    """y = sqrt(x);  dy/dx = 1 / (2y)"""

    ufunc = np.sqrt
    complex_rules = "conjugated"

    def grad_x(self, g: Value, out: Value) -> Value:
        return g / (out * 2)


@public
def sqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The square root; NaN below 0, and an infinite gradient at 0.

        >>> import minidl
        >>> minidl.sqrt(minidl.tensor([4.0, 9.0]))
        tensor([2., 3.])
    """
    return Sqrt()(input)

sqrt_ = in_place(sqrt)


class Rsqrt(Floating):
    """y = 1 / sqrt(x);  dy/dx = -y^3 / 2"""

    complex_rules = "conjugated"

    def ufunc(self, x: Array) -> Array:
        return 1 / np.sqrt(x)

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * (out * out * out * -0.5)


@public
def rsqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`1 / sqrt(input)`.

        >>> import minidl
        >>> minidl.rsqrt(minidl.tensor([4.0]))
        tensor([0.5000])
    """
    return Rsqrt()(input)

rsqrt_ = in_place(rsqrt)


class Reciprocal(Floating):
    """y = 1 / x;  dy/dx = -y^2"""

    ufunc = np.reciprocal
    complex_rules = "conjugated"

    def grad_x(self, g: Value, out: Value) -> Value:
        return -g * (out * out)


@public
def reciprocal(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`1 / input`.

        >>> import minidl
        >>> minidl.reciprocal(minidl.tensor([4, 2]))
        tensor([0.2500, 0.5000])
    """
    return Reciprocal()(input)

reciprocal_ = in_place(reciprocal)


# ---------------------------------------------------------------------- exponentials

class Exp(Floating):
    """y = e^x;  dy/dx = y"""

    ufunc = np.exp
    complex_rules = "conjugated"

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * out


@public
def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e to the power of `input`.

        >>> import minidl
        >>> minidl.exp(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 2.7183])
    """
    return Exp()(input)

exp_ = in_place(exp)


class Exp2(Floating):
    """y = 2^x;  dy/dx = y * log(2)"""

    ufunc = np.exp2
    complex_rules = "conjugated"

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * (out * math.log(2))


@public
def exp2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """2 to the power of `input`.

        >>> import minidl
        >>> minidl.exp2(minidl.tensor([0.0, 3.0]))
        tensor([1., 8.])
    """
    return Exp2()(input)

exp2_ = in_place(exp2)


class Expm1(Floating):
    """y = e^x - 1;  dy/dx = y + 1"""

    ufunc = np.expm1
    complex_rules = "conjugated"

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * (out + 1)


@public
def expm1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`exp(input) - 1`, exact for small inputs too.

        >>> import minidl
        >>> minidl.expm1(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 1.7183])
    """
    return Expm1()(input)

expm1_ = in_place(expm1)


# ---------------------------------------------------------------------- logarithms

class Log(Floating):
    """y = log(x);  dy/dx = 1/x"""

    ufunc = np.log
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / x


@public
def log(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below.

        >>> import minidl
        >>> minidl.log(minidl.tensor([1.0, 10.0]))
        tensor([0.0000, 2.3026])
    """
    return Log()(input)

log_ = in_place(log)


class Log2(Floating):
    """y = log(x) / log(2)"""

    ufunc = np.log2
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / (x * math.log(2))


@public
def log2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm to base 2.

        >>> import minidl
        >>> minidl.log2(minidl.tensor([1.0, 8.0]))
        tensor([0., 3.])
    """
    return Log2()(input)

log2_ = in_place(log2)


class Log10(Floating):
    """y = log(x) / log(10)"""

    ufunc = np.log10
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / (x * math.log(10))


@public
def log10(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm to base 10.

        >>> import minidl
        >>> minidl.log10(minidl.tensor([1.0, 2.0]))
        tensor([0.0000, 0.3010])
    """
    return Log10()(input)

log10_ = in_place(log10)


class Log1p(Floating):
    """y = log(1 + x)"""

    ufunc = np.log1p
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / (x + 1)


@public
def log1p(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`log(1 + input)`, exact for small inputs too.

        >>> import minidl
        >>> minidl.log1p(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.6931])
    """
    return Log1p()(input)

log1p_ = in_place(log1p)


class Logaddexp(Binary):
    """y = log(e^a + e^b);  dy/da = e^a / (e^a + e^b) = sigmoid(a - b)"""

    ufunc = np.logaddexp
    floating = True

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return g * sigmoid(a - b)

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return g * sigmoid(b - a)


@public
def logaddexp(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`log(exp(input) + exp(other))`, without overflow.

        >>> import minidl
        >>> minidl.logaddexp(minidl.tensor([0.0, 1000.0]), minidl.tensor([0.0, 0.0]))
        tensor([6.9315e-01, 1.0000e+03])
    """
    return Logaddexp()(input, other)


class Xlogy(Binary):
    """y = a * log(b), and 0 where a = 0 (NaN if b is);  dy/da = log(b),  dy/db = a/b"""

    floating = True

    def __call__(self, a: Any, b: Any) -> Any:
        if isinstance(a, TensorBase) and isinstance(b, (int, float)):
            b = number_as_tensor(b, a)
        return super().__call__(a, b)

    def forward(self, a: Any, b: Array) -> Array:
        return library_of(b).special.xlogy(a, b).astype(b.dtype, copy=False)

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return xlogy(g, where((a == 0) & (b <= 0), 1.0, b))   # 0 where g is 0, even where log(b) is undefined

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return g * (a / b)


@public
def xlogy(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input * log(other)`, and 0 where `input` is 0, as entropies need it.

        >>> import minidl
        >>> minidl.xlogy(minidl.tensor([0.0, 2.0]), minidl.tensor([0.0, 1.0]))
        tensor([0., 0.])
    """
    return Xlogy()(input, other)

xlogy_ = in_place(xlogy)


# ---------------------------------------------------------------------- sigmoid and erf

class Sigmoid(Floating):
    """y = 1 / (1 + e^-x);  dy/dx = y * (1 - y)"""

    complex_rules = "conjugated"

    def ufunc(self, x: Array) -> Array:
        return sigmoid_forward(x)

    def grad_x(self, g: Value, out: Value) -> Value:
        return SigmoidGrad()(g, out)


class SigmoidGrad(Elementwise):
    """gx = g * y * (1 - y);  d(gx)/dy = g * (1 - 2 y)"""

    complex_rules = "conjugated"

    def forward(self, g: Array, y: Array) -> Array:
        return sigmoid_grad(g, y)

    def grad_g(self, h: Value, y: Value) -> Value:
        return SigmoidGrad()(h, y)

    def grad_y(self, h: Value, g: Value, y: Value) -> Value:
        return h * g * (1 - 2 * y)


@public
def sigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`1 / (1 + exp(-input))`, exact in both tails.

        >>> import minidl
        >>> minidl.sigmoid(minidl.tensor([0.0, 2.0]))
        tensor([0.5000, 0.8808])
    """
    return Sigmoid()(input)

sigmoid_ = in_place(sigmoid)


class Erf(Floating):
    """y = 2/sqrt(pi) * integral of e^(-t^2) from 0 to x;  dy/dx = 2/sqrt(pi) * e^(-x^2)"""

    def ufunc(self, x: Array) -> Array:
        return library_of(x).special.erf(x).astype(x.dtype, copy=False)   # SciPy returns float32 for float16

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * (exp(-(x * x)) * (2 / math.sqrt(math.pi)))


@public
def erf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The error function.

        >>> import minidl
        >>> minidl.erf(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8427])
    """
    return Erf()(input)

erf_ = in_place(erf)


class Erfc(Floating):
    """y = 1 - erf(x), exact for large x too"""

    def ufunc(self, x: Array) -> Array:
        return library_of(x).special.erfc(x).astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * (exp(-(x * x)) * (-2 / math.sqrt(math.pi)))


@public
def erfc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`1 - erf(input)`, exact for large inputs too.

        >>> import minidl
        >>> minidl.erfc(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 0.1573])
    """
    return Erfc()(input)

erfc_ = in_place(erfc)
