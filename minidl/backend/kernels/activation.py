"""GELU, whose slope needs what its value needed."""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.backend.kernels.special import normal_cdf


@kernel
def gelu_forward(x: Array) -> tuple[Array, Array]:
    """y = x * cdf(x), and cdf(x): that of the standard normal distribution"""
    cdf = normal_cdf(x)
    return x * cdf, cdf


@kernel
def gelu_grad(g: Array, x: Array, cdf: Array) -> Array:
    """gx = g * (cdf(x) + x * pdf(x))"""
    slope = np.exp(x * x * -0.5)
    slope *= x
    slope *= 1 / math.sqrt(2 * math.pi)
    slope += cdf
    slope *= g
    return slope
