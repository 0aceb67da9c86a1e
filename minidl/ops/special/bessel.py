"""Bessel and Airy functions: the waves of a drum, the edge of a rainbow.

J and Y solve x^2 y'' + x y' + (x^2 - n^2) y = 0; the modified I and K solve the same equation with -x^2. The
derivative of order 0 is order 1, and that of order 1 is a sum of both, so each family is closed. PyTorch computes these
functions without gradients.

I, also scaled by e^-|x|, is in `functions.py`.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

from minidl.autograd.op import Value
from minidl.backend.device import Array
from minidl.backend.kernels.special import airy
from minidl.ops.base.declaration import alias, public
from minidl.ops.base.ufunc import Floating
from minidl.ops.elementwise.selection import where
from minidl.ops.special.functions import Special, i0, i1, out_over_x, sinc

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

modified_bessel_i0 = alias("modified_bessel_i0", i0)
modified_bessel_i1 = alias("modified_bessel_i1", i1)


# ---------------------------------------------------------------------- J and Y: they oscillate

class J0(Special):
    """y = J0(x);  dy/dx = -J1(x)"""

    named = "j0"

    def grad_x(self, g: Value, x: Value) -> Value:
        return -g * bessel_j1(x)


class J1(Special):
    """y = J1(x);  dy/dx = J0(x) - y/x, and 1/2 at 0"""

    named = "j1"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (bessel_j0(x) - out_over_x(out, x))


class Y0(Special):
    """y = Y0(x);  dy/dx = -Y1(x)"""

    named = "y0"

    def grad_x(self, g: Value, x: Value) -> Value:
        return -g * bessel_y1(x)


class Y1(Special):
    """y = Y1(x);  dy/dx = Y0(x) - y/x"""

    named = "y1"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (bessel_y0(x) - out / x)


@public
def bessel_j0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Bessel function of the first kind, of order 0.

        >>> import minidl
        >>> minidl.special.bessel_j0(minidl.tensor([0.0, 1.0, 4.0]))
        tensor([ 1.0000,  0.7652, -0.3971])
    """
    return J0()(input)


@public
def bessel_j1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Bessel function of the first kind, of order 1.

        >>> import minidl
        >>> minidl.special.bessel_j1(minidl.tensor([0.0, 1.0]))
        tensor([0.0000, 0.4401])
    """
    return J1()(input)


@public
def bessel_y0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Bessel function of the second kind, of order 0: -inf at 0, NaN below.

        >>> import minidl
        >>> minidl.special.bessel_y0(minidl.tensor([0.0, 1.0]))
        tensor([  -inf, 0.0883])
    """
    return Y0()(input)


@public
def bessel_y1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Bessel function of the second kind, of order 1: -inf at 0, NaN below.

        >>> import minidl
        >>> minidl.special.bessel_y1(minidl.tensor([0.0, 1.0]))
        tensor([   -inf, -0.7812])
    """
    return Y1()(input)


# ---------------------------------------------------------------------- K: it decays

class K0(Special):
    """y = K0(x);  dy/dx = -K1(x)"""

    named = "k0"

    def grad_x(self, g: Value, x: Value) -> Value:
        return -g * modified_bessel_k1(x)


class K1(Special):
    """y = K1(x);  dy/dx = -K0(x) - y/x"""

    named = "k1"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return -g * (modified_bessel_k0(x) + out / x)


class K0e(Special):
    """y = e^x K0(x);  dy/dx = y - e^x K1(x)"""

    named = "k0e"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (out - scaled_modified_bessel_k1(x))


class K1e(Special):
    """y = e^x K1(x);  dy/dx = y - e^x K0(x) - y/x"""

    named = "k1e"

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return g * (out - scaled_modified_bessel_k0(x) - out / x)


@public
def modified_bessel_k0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the second kind, of order 0: inf at 0, NaN below.

        >>> import minidl
        >>> minidl.special.modified_bessel_k0(minidl.tensor([0.0, 1.0]))
        tensor([   inf, 0.4210])
    """
    return K0()(input)


@public
def modified_bessel_k1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the second kind, of order 1: inf at 0, NaN below.

        >>> import minidl
        >>> minidl.special.modified_bessel_k1(minidl.tensor([0.0, 1.0]))
        tensor([   inf, 0.6019])
    """
    return K1()(input)


@public
def scaled_modified_bessel_k0(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`exp(x) * modified_bessel_k0(x)`, which does not vanish for large x.

        >>> import minidl
        >>> minidl.special.scaled_modified_bessel_k0(minidl.tensor([1.0, 1000.0]))
        tensor([1.1445, 0.0396])
    """
    return K0e()(x)


@public
def scaled_modified_bessel_k1(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`exp(x) * modified_bessel_k1(x)`, which does not vanish for large x.

        >>> import minidl
        >>> minidl.special.scaled_modified_bessel_k1(minidl.tensor([1.0, 1000.0]))
        tensor([1.6362, 0.0396])
    """
    return K1e()(x)


# ---------------------------------------------------------------------- related functions

@public
def spherical_bessel_j0(x: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`sin(x) / x`, and 1 at 0: the spherical Bessel function of the first kind, of order 0.

        >>> import minidl
        >>> minidl.special.spherical_bessel_j0(minidl.tensor([0.0, 1.0]))
        tensor([1.0000, 0.8415])
    """
    far = abs(x) == math.inf
    return where(far, 0.0, sinc(where(far, 0.0, x) / math.pi))


class AiryAi(Floating):
    """y = Ai(x), which solves y'' = x y;  dy/dx = Ai'(x)"""

    def ufunc(self, x: Array) -> Array:
        return airy(x)[0].astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * AiryAiPrime()(x)


class AiryAiPrime(Floating):
    """y = Ai'(x);  dy/dx = x Ai(x), from the equation of Ai"""

    def ufunc(self, x: Array) -> Array:
        return airy(x)[1].astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * x * airy_ai(x)


@public
def airy_ai(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Airy function Ai: it oscillates below 0 and decays above.

        >>> import minidl
        >>> minidl.special.airy_ai(minidl.tensor([-1.0, 0.0, 1.0]))
        tensor([0.5356, 0.3550, 0.1353])
    """
    return AiryAi()(input)
