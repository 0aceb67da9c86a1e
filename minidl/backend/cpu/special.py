"""Special functions on the CPU, in single precision: SciPy computes them one by one, in double."""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.kernels.special import normal_cdf

BLOCK = 1 << 16   # numbers at a time: the buffers in use stay in the cache


@normal_cdf.register("numpy")
def _(x: np.ndarray) -> np.ndarray:
    if x.dtype != np.float32:
        return NotImplemented
    x = np.ascontiguousarray(x).reshape(x.shape)   # ascontiguousarray gives 0-d arrays a dimension
    y = np.empty(x.shape, np.float32)
    flat_x, flat_y = x.reshape(-1), y.reshape(-1)
    t, tail = np.empty((2, min(BLOCK, x.size)), np.float32)
    with np.errstate(over="ignore"):   # x * x may be inf, and exp(-inf) the 0 that is due
        for i in range(0, x.size, BLOCK):
            n = min(BLOCK, x.size - i)
            _normal_cdf(flat_x[i:i + n], flat_y[i:i + n], t[:n], tail[:n])
    return y


def _normal_cdf(x: np.ndarray, y: np.ndarray, t: np.ndarray, tail: np.ndarray) -> None:
    """y = cdf(x), with an absolute error below 2.5e-7: 0.75e-7 of the formula, the rest of rounding. `t` and
    `tail` are buffers.

    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.2.17: with t = 1 / (1 + 0.2316419 |x|)

        cdf(-|x|) = exp(-x^2/2) / sqrt(2 pi) * (b1 t + b2 t^2 + b3 t^3 + b4 t^4 + b5 t^5)
    """
    np.absolute(x, out=t)
    t *= 0.2316419
    t += 1
    np.reciprocal(t, out=t)
    np.multiply(t, 1.330274429, out=y)
    for b in (-1.821255978, 1.781477937, -0.356563782, 0.319381530):
        y += b
        y *= t
    np.multiply(x, x, out=tail)
    tail *= -0.5
    np.exp(tail, out=tail)
    tail *= 1 / math.sqrt(2 * math.pi)
    tail *= y
    np.subtract(x > 0, tail, out=y)   # 1 - tail above 0, -tail below
    np.absolute(y, out=y)
