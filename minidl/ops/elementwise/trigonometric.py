"""Angles and triangles: sin, atan2, tanh, hypot and others. Angles are in radians."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Value
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.activation import tanh_forward, tanh_grad
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.ufunc import Binary, Elementwise, Floating, Zero, as_floating
from minidl.ops.elementwise.complex_parts import Complex, check_parts, imag, real
from minidl.ops.elementwise.exponential import sqrt
from minidl.ops.elementwise.selection import where

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- circular

class Sin(Floating):
    """y = sin(x);  dy/dx = cos(x)"""

    ufunc = np.sin
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * cos(x)


@public
def sin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The sine; angles are in radians.

        >>> import minidl
        >>> minidl.sin(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8415])
    """
    return Sin()(input)

sin_ = in_place(sin)


class Cos(Floating):
    """y = cos(x);  dy/dx = -sin(x)"""

    ufunc = np.cos
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return -g * sin(x)


@public
def cos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The cosine; angles are in radians.

        >>> import minidl
        >>> minidl.cos(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 0.5403])
    """
    return Cos()(input)

cos_ = in_place(cos)


class Tan(Floating):
    """y = tan(x);  dy/dx = 1 + y^2"""

    ufunc = np.tan
    complex_rules = "conjugated"

    def grad_x(self, g: Value, out: Value) -> Value:
        return g * (1 + out * out)


@public
def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The tangent; angles are in radians.

        >>> import minidl
        >>> minidl.tan(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5574])
    """
    return Tan()(input)

tan_ = in_place(tan)


class Asin(Floating):
    """y = arcsin(x);  dy/dx = 1 / sqrt(1 - x^2)"""

    ufunc = np.arcsin
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / sqrt(1 - x * x)


@public
def asin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle whose sine is `input`; NaN beyond -1 and 1.

        >>> import minidl
        >>> minidl.asin(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5708])
    """
    return Asin()(input)

asin_ = in_place(asin)


class Acos(Floating):
    """y = arccos(x);  dy/dx = -1 / sqrt(1 - x^2)"""

    ufunc = np.arccos
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return -g / sqrt(1 - x * x)


@public
def acos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle whose cosine is `input`; NaN beyond -1 and 1.

        >>> import minidl
        >>> minidl.acos(minidl.tensor([0.0, 1.0]))
        tensor([1.5708, 0.0000])
    """
    return Acos()(input)

acos_ = in_place(acos)


class Atan(Floating):
    """y = arctan(x);  dy/dx = 1 / (1 + x^2)"""

    ufunc = np.arctan
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / (1 + x * x)


@public
def atan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle whose tangent is `input`.

        >>> import minidl
        >>> minidl.atan(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7854])
    """
    return Atan()(input)

atan_ = in_place(atan)


class Atan2(Binary):
    """y = the angle of the point (b, a), b to the right, a up;  dy/da = b / r^2,  dy/db = -a / r^2

    r^2 = a^2 + b^2. The origin has no angle: its gradient is 0.
    """

    ufunc = np.arctan2
    floating = True

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return g * (b / nonzero_square(a, b))

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return -g * (a / nonzero_square(a, b))


def nonzero_square(a: Any, b: Any) -> Any:
    """a^2 + b^2, but 1 where that is 0."""
    square = a * a + b * b
    return where(square == 0, 1.0, square)


@public
def atan2(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The angle of the point (x, y) = (`other`, `input`), from -pi to pi.

        >>> import minidl
        >>> minidl.atan2(minidl.tensor([1.0, -1.0]), minidl.tensor([1.0, -1.0]))
        tensor([ 0.7854, -2.3562])
    """
    return Atan2()(input, other)

atan2_ = in_place(atan2)


class AngleOfReal(Floating):
    """y = pi where x < 0, else 0, and NaN for NaN: piecewise constant"""

    def ufunc(self, x: Array) -> Array:
        return array_module(x).where(x != x, x, (x < 0) * x.dtype.type(math.pi))

    def grad_x(self, g: Value) -> Value:
        return Zero()(g)


@public
def angle(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle of a complex number, `atan2(imag, real)`; of a real one pi below 0, else 0.

        >>> import minidl
        >>> minidl.angle(minidl.tensor([1j, -1 + 0j, 1 - 1j]))
        tensor([ 1.5708,  3.1416, -0.7854])
    """
    return atan2(imag(input), real(input)) if input.dtype.kind == "c" else AngleOfReal()(input)


@public
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex numbers `abs * cos(angle) + i abs * sin(angle)`.

    Errors: RuntimeError unless both are floating and of one dtype.

        >>> import minidl
        >>> minidl.polar(minidl.tensor([1.0, 2.0]), minidl.tensor([0.0, 3.14159265 / 3]))
        tensor([1.0000+0.0000j, 1.0000+1.7321j])
    """
    check_parts("polar", abs, angle)
    return Complex()(abs * cos(angle), abs * sin(angle))


class Hypot(Binary):
    """y = sqrt(a^2 + b^2);  dy/da = a / y"""

    ufunc = np.hypot
    floating = True

    def grad_a(self, g: Value, a: Value, out: Value) -> Value:
        return g * (a / out)

    def grad_b(self, g: Value, b: Value, out: Value) -> Value:
        return g * (b / out)


@public
def hypot(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The long side of a right triangle, `sqrt(input^2 + other^2)`, without overflow.

        >>> import minidl
        >>> minidl.hypot(minidl.tensor([3.0]), minidl.tensor([4.0]))
        tensor([5.])
    """
    return Hypot()(input, other)

hypot_ = in_place(hypot)


# ---------------------------------------------------------------------- hyperbolic

class Sinh(Floating):
    """y = sinh(x);  dy/dx = cosh(x)"""

    ufunc = np.sinh
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * cosh(x)


@public
def sinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The hyperbolic sine.

        >>> import minidl
        >>> minidl.sinh(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 1.1752])
    """
    return Sinh()(input)

sinh_ = in_place(sinh)


class Cosh(Floating):
    """y = cosh(x);  dy/dx = sinh(x)"""

    ufunc = np.cosh
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * sinh(x)


@public
def cosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The hyperbolic cosine.

        >>> import minidl
        >>> minidl.cosh(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 1.5431])
    """
    return Cosh()(input)

cosh_ = in_place(cosh)


class Tanh(Floating):
    """y = tanh(x);  dy/dx = 1 - y^2"""

    complex_rules = "conjugated"

    def forward(self, x: Array) -> Array:
        return tanh_forward(as_floating(x))

    def grad_x(self, g: Value, out: Value) -> Value:
        return TanhGrad()(g, out)


class TanhGrad(Elementwise):
    """gx = g * (1 - y^2);  d(gx)/dy = -2 g y"""

    complex_rules = "conjugated"

    def forward(self, g: Array, y: Array) -> Array:
        return tanh_grad(g, y)

    def grad_g(self, h: Value, y: Value) -> Value:
        return TanhGrad()(h, y)

    def grad_y(self, h: Value, g: Value, y: Value) -> Value:
        return -2 * h * g * y


@public
def tanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The hyperbolic tangent.

        >>> import minidl
        >>> minidl.tanh(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    return Tanh()(input)

tanh_ = in_place(tanh)


class Asinh(Floating):
    """y = arsinh(x);  dy/dx = 1 / sqrt(x^2 + 1)"""

    ufunc = np.arcsinh
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / sqrt(x * x + 1)


@public
def asinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of `sinh`.

        >>> import minidl
        >>> minidl.asinh(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8814])
    """
    return Asinh()(input)

asinh_ = in_place(asinh)


class Acosh(Floating):
    """y = arcosh(x);  dy/dx = 1 / sqrt(x^2 - 1); for complex x 1 / (sqrt(x - 1) sqrt(x + 1)), on the branch of y"""

    ufunc = np.arccosh
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / (sqrt(x - 1) * sqrt(x + 1) if x.dtype.kind == "c" else sqrt(x * x - 1))


@public
def acosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of `cosh`; NaN below 1.

        >>> import minidl
        >>> minidl.acosh(minidl.tensor([1.0, 2.0]))
        tensor([0.0000, 1.3170])
    """
    return Acosh()(input)

acosh_ = in_place(acosh)


class Atanh(Floating):
    """y = artanh(x);  dy/dx = 1 / (1 - x^2)"""

    ufunc = np.arctanh
    complex_rules = "conjugated"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g / (1 - x * x)


@public
def atanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverse of `tanh`; NaN beyond -1 and 1.

        >>> import minidl
        >>> minidl.atanh(minidl.tensor([0.0, 0.5]))
        tensor([0.0000, 0.5493])
    """
    return Atanh()(input)

atanh_ = in_place(atanh)
