"""Angles and triangles: sin, atan2, tanh, hypot and their kin. Angles are in radians."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.ops.base.ufunc import Binary, Floating, Zero
from minidl.ops.elementwise.complex_parts import Complex, check_parts, imag, real
from minidl.ops.elementwise.exponential import sqrt
from minidl.ops.elementwise.selection import where

# ---------------------------------------------------------------------- circular

class Sin(Floating):
    """y = sin(x);  dy/dx = cos(x)"""

    ufunc = np.sin
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g * cos(x)


def sin(input: Any) -> Any:
    """The sine; angles are in radians.

        >>> import minidl
        >>> minidl.sin(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8415])
    """
    return Sin()(input)


class Cos(Floating):
    """y = cos(x);  dy/dx = -sin(x)"""

    ufunc = np.cos
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return -g * sin(x)


def cos(input: Any) -> Any:
    """The cosine; angles are in radians.

        >>> import minidl
        >>> minidl.cos(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 0.5403])
    """
    return Cos()(input)


class Tan(Floating):
    """y = tan(x);  dy/dx = 1 + y^2"""

    ufunc = np.tan
    complex_rules = "conjugated"

    def grad_x(self, g: Any, out: Any) -> Any:
        return g * (1 + out * out)


def tan(input: Any) -> Any:
    """The tangent; angles are in radians.

        >>> import minidl
        >>> minidl.tan(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5574])
    """
    return Tan()(input)


class Asin(Floating):
    """y = arcsin(x);  dy/dx = 1 / sqrt(1 - x^2)"""

    ufunc = np.arcsin
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g / sqrt(1 - x * x)


def asin(input: Any) -> Any:
    """The angle whose sine is `input`; NaN beyond -1 and 1.

        >>> import minidl
        >>> minidl.asin(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 1.5708])
    """
    return Asin()(input)


class Acos(Floating):
    """y = arccos(x);  dy/dx = -1 / sqrt(1 - x^2)"""

    ufunc = np.arccos
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return -g / sqrt(1 - x * x)


def acos(input: Any) -> Any:
    """The angle whose cosine is `input`; NaN beyond -1 and 1.

        >>> import minidl
        >>> minidl.acos(minidl.tensor([0.0, 1.0]))
        tensor([1.5708, 0.0000])
    """
    return Acos()(input)


class Atan(Floating):
    """y = arctan(x);  dy/dx = 1 / (1 + x^2)"""

    ufunc = np.arctan
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g / (1 + x * x)


def atan(input: Any) -> Any:
    """The angle whose tangent is `input`.

        >>> import minidl
        >>> minidl.atan(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7854])
    """
    return Atan()(input)


class Atan2(Binary):
    """y = the angle of the point (b, a), b to the right and a up;  dy/da = b / r^2,  dy/db = -a / r^2

    r^2 = a^2 + b^2. At the origin, which has no angle, the gradient is 0.
    """

    ufunc = np.arctan2
    floating = True

    def grad_a(self, g: Any, a: Any, b: Any) -> Any:
        return g * (b / nonzero_square(a, b))

    def grad_b(self, g: Any, a: Any, b: Any) -> Any:
        return -g * (a / nonzero_square(a, b))


def nonzero_square(a: Any, b: Any) -> Any:
    """a^2 + b^2, and 1 where that is 0."""
    square = a * a + b * b
    return where(square == 0, 1.0, square)


def atan2(input: Any, other: Any) -> Any:
    """The angle of the point with x = `other` and y = `input`, from -pi to pi.

        >>> import minidl
        >>> minidl.atan2(minidl.tensor([1.0, -1.0]), minidl.tensor([1.0, -1.0]))
        tensor([ 0.7854, -2.3562])
    """
    return Atan2()(input, other)


class AngleOfReal(Floating):
    """y = pi where x < 0, else 0 (NaN of NaN): flat"""

    def ufunc(self, x: Array) -> Array:
        return array_module(x).where(x != x, x, (x < 0) * x.dtype.type(math.pi))

    def grad_x(self, g: Any) -> Any:
        return Zero()(g)


def angle(input: Any) -> Any:
    """The angle of a complex number in the plane, `atan2(imag, real)`; of a real one pi below 0, else 0.

        >>> import minidl
        >>> minidl.angle(minidl.tensor([1j, -1 + 0j, 1 - 1j]))
        tensor([ 1.5708,  3.1416, -0.7854])
    """
    return atan2(imag(input), real(input)) if input.dtype.kind == "c" else AngleOfReal()(input)


def polar(abs: Any, angle: Any) -> Any:
    """The complex numbers of the given absolute value and angle: `abs * cos(angle) + i abs * sin(angle)`.

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

    def grad_a(self, g: Any, a: Any, out: Any) -> Any:
        return g * (a / out)

    def grad_b(self, g: Any, b: Any, out: Any) -> Any:
        return g * (b / out)


def hypot(input: Any, other: Any) -> Any:
    """The long side of a right triangle, `sqrt(input^2 + other^2)`, without overflow.

        >>> import minidl
        >>> minidl.hypot(minidl.tensor([3.0]), minidl.tensor([4.0]))
        tensor([5.])
    """
    return Hypot()(input, other)


# ---------------------------------------------------------------------- hyperbolic

class Sinh(Floating):
    """y = sinh(x);  dy/dx = cosh(x)"""

    ufunc = np.sinh
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g * cosh(x)


def sinh(input: Any) -> Any:
    """The hyperbolic sine.

        >>> import minidl
        >>> minidl.sinh(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 1.1752])
    """
    return Sinh()(input)


class Cosh(Floating):
    """y = cosh(x);  dy/dx = sinh(x)"""

    ufunc = np.cosh
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g * sinh(x)


def cosh(input: Any) -> Any:
    """The hyperbolic cosine.

        >>> import minidl
        >>> minidl.cosh(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 1.5431])
    """
    return Cosh()(input)


class Tanh(Floating):
    """y = tanh(x);  dy/dx = 1 - y^2"""

    ufunc = np.tanh
    complex_rules = "conjugated"

    def grad_x(self, g: Any, out: Any) -> Any:
        return g * (1 - out * out)


def tanh(input: Any) -> Any:
    """The hyperbolic tangent.

        >>> import minidl
        >>> minidl.tanh(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    return Tanh()(input)


class Asinh(Floating):
    """y = arsinh(x);  dy/dx = 1 / sqrt(x^2 + 1)"""

    ufunc = np.arcsinh
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g / sqrt(x * x + 1)


def asinh(input: Any) -> Any:
    """The inverse of `sinh`.

        >>> import minidl
        >>> minidl.asinh(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.8814])
    """
    return Asinh()(input)


class Acosh(Floating):
    """y = arcosh(x);  dy/dx = 1 / sqrt(x^2 - 1), of complex x 1 / (sqrt(x - 1) sqrt(x + 1)), which has y's branch"""

    ufunc = np.arccosh
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g / (sqrt(x - 1) * sqrt(x + 1) if x.dtype.kind == "c" else sqrt(x * x - 1))


def acosh(input: Any) -> Any:
    """The inverse of `cosh`; NaN below 1.

        >>> import minidl
        >>> minidl.acosh(minidl.tensor([1.0, 2.0]))
        tensor([0.0000, 1.3170])
    """
    return Acosh()(input)


class Atanh(Floating):
    """y = artanh(x);  dy/dx = 1 / (1 - x^2)"""

    ufunc = np.arctanh
    complex_rules = "conjugated"

    def grad_x(self, g: Any, x: Any) -> Any:
        return g / (1 - x * x)


def atanh(input: Any) -> Any:
    """The inverse of `tanh`; NaN beyond -1 and 1.

        >>> import minidl
        >>> minidl.atanh(minidl.tensor([0.0, 0.5]))
        tensor([0.0000, 0.5493])
    """
    return Atanh()(input)
