"""ReLU, and GELU, whose slope needs what its value needed."""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel
from minidl.backend.kernels.special import normal_cdf


@kernel(elementwise=True, results=1)
def relu_forward(x: Array) -> Array:
    """y = max(x, 0)"""
    return np.maximum(x, 0)


@kernel(elementwise=True, results=1)
def relu_grad(g: Array, y: Array) -> Array:
    """gx = g where y > 0, else 0"""
    return _choose(y > 0, g)


@kernel(elementwise=True, results=1)
def leaky_relu_forward(x: Array, slope: float) -> Array:
    """y = x where x > 0, else slope * x"""
    if 0 < slope <= 1:
        return np.maximum(x, x * slope)
    return array_module(x).where(x > 0, x, x * slope)


@kernel(elementwise=True, results=1)
def leaky_relu_grad(g: Array, x: Array, slope: float) -> Array:
    """gx = g where x > 0, else slope * g"""
    return _choose(x > 0, g, g * slope)


@kernel(elementwise=True, results=2)
def gelu_forward(x: Array) -> tuple[Array, Array]:
    """y = x * cdf(x), and cdf(x): that of the standard normal distribution"""
    cdf = normal_cdf(x)
    return x * cdf, cdf


@kernel(elementwise=True, results=1)
def gelu_grad(g: Array, x: Array, cdf: Array) -> Array:
    """gx = g * (cdf(x) + x * pdf(x))"""
    slope = np.exp(x * x * -0.5)
    slope *= x
    slope *= 1 / math.sqrt(2 * math.pi)
    slope += cdf
    slope *= g
    return slope


def _choose(condition: Array, a: Array, b: Array | None = None) -> Array:
    """a where the condition holds, elsewhere b or 0.

    By their bits, of which a mask keeps all or none: `where` decides element by element, and takes ten times as long. A
    product with 0 and 1 would make NaN of an infinite gradient.
    """
    bits = np.dtype(f"i{a.dtype.itemsize}")
    mask = np.negative(condition.view(np.int8), dtype=bits)
    chosen = a.view(bits) & mask
    if b is not None:
        chosen |= b.view(bits) & ~mask
    return chosen.view(a.dtype)
