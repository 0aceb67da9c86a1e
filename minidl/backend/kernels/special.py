"""Special functions that array libraries lack, or compute slowly."""
from __future__ import annotations

import math
from collections.abc import Callable

from minidl.backend.device import Array, array_module, library_of
from minidl.backend.kernel import kernel


@kernel
def normal_cdf(x: Array) -> Array:
    """y = P(a standard normal number <= x) = (1 + erf(x / sqrt(2))) / 2"""
    # erfc, not 1 + erf: that would cancel far below 0. Half precision comes back as single.
    y = library_of(x).special.erfc(x * -math.sqrt(0.5))
    y *= 0.5
    return y.astype(x.dtype, copy=False)


@kernel
def airy(x: Array) -> tuple[Array, Array]:
    """Ai(x) and Ai'(x)"""
    return library_of(x).special.airy(x)[:2]


STEP = 0.003


def _derivative(f: Callable[[Array], Array], x: Array) -> Array:
    """df/dx by five points, for a positive x whose scale is min(x, sqrt(x)); the relative error is near 1e-10."""
    h = STEP * x / (1 + x ** 0.5)
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


@kernel
def gamma_sample_derivative(a: Array, x: Array) -> Array:
    """dx/da of a gamma sample x, at a fixed P(a, x), its probability to be smaller: -(dP/da) / (dP/dx).

    Nobody has dP/da in closed form. Of P and 1 - P the smaller one is taken, which has more digits.
    """
    special, xp = library_of(x).special, array_module(x)
    upper = x > a
    in_a = xp.where(upper, -_derivative(lambda a: special.gammaincc(a, x), a),
                    _derivative(lambda a: special.gammainc(a, x), a))
    return -in_a / xp.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))


@kernel
def beta_sample_derivative(a: Array, b: Array, x: Array) -> Array:
    """dx/da of a beta sample x, at a fixed probability to be smaller, I_x(a, b)."""
    special, xp = library_of(x).special, array_module(x)
    upper = x * (a + b) > a
    in_a = xp.where(upper, -_derivative(lambda a: special.betainc(b, a, 1 - x), a),
                    _derivative(lambda a: special.betainc(a, b, x), a))
    return -in_a / xp.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))
