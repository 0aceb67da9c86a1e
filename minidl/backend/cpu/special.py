"""Special functions on the CPU, in single precision. SciPy computes element by element, in double precision."""
from __future__ import annotations

import numpy as np

from minidl.backend.kernels.special import normal_cdf

BLOCK_SIZE = 1 << 18    # numbers in a block, so that its buffers stay in the cache


@normal_cdf.register("numpy")
def normal_cdf_polynomial(x: np.ndarray) -> np.ndarray:
    if x.dtype != np.float32:
        return NotImplemented
    x = np.ascontiguousarray(x).reshape(x.shape)   # ascontiguousarray gives 0-d arrays a dimension
    y = np.empty(x.shape, np.float32)
    flat_x, flat_y = x.reshape(-1), y.reshape(-1)
    square = np.empty(min(BLOCK_SIZE, x.size), np.float32)
    with np.errstate(over="ignore"):   # x * x may be inf
        for i in range(0, x.size, BLOCK_SIZE):
            n = min(BLOCK_SIZE, x.size - i)
            _normal_cdf(flat_x[i:i + n], flat_y[i:i + n], square[:n])
    return y


def _normal_cdf(x: np.ndarray, y: np.ndarray, square: np.ndarray) -> None:
    """y = (1 + tanh(x q(x^2))) / 2, with an absolute error below 1.5e-7. `square` is a buffer.

    q(x^2) approximates atanh(erf(x / sqrt(2))) / x. It is the polynomial of degree 6 with the smallest maximum error of
    y for |x| up to 5.5: 0.3e-7; the rest of the error is rounding. Beyond 5.5, q is constant, and y is 0 or 1.
    """
    np.multiply(x, x, out=square)
    np.minimum(square, 5.5 ** 2, out=square)
    np.multiply(square, 1.75618057e-9, out=y)
    for c in (-1.32263708e-7, 3.96474936e-6, -5.53062236e-5, -3.25948914e-5, 3.63330845e-2):
        y += c
        y *= square
    y += 0.797884941
    y *= x
    np.tanh(y, out=y)
    y *= 0.5
    y += 0.5
