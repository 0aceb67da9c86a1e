"""Normalisation over groups of numbers, and its gradient. Half precision is computed in single."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.device import Array
from minidl.backend.kernel import kernel

Axes = tuple[int, ...]


@kernel
def normalize_forward(x: Array, w: Array | None, b: Array | None, axes: Axes, eps: float) -> tuple[Array, Array, Array]:
    """y = w * (x - mean) / sqrt(variance + eps) + b, and the mean and (biased) variance over `axes`.

    w and b broadcast against x; mean and variance keep the axes as ones.
    """
    wide = _wide(x.dtype)
    count = _count(x, axes)
    mean = x.sum(axis=axes, keepdims=True, dtype=wide) / count
    y = x - mean
    variance = (y * y).sum(axis=axes, keepdims=True) / count
    y *= 1 / np.sqrt(variance + eps)
    if w is not None:
        y *= w
    if b is not None:
        y += b
    return y.astype(x.dtype, copy=False), mean, variance


@kernel
def normalize_grad(g: Array, x: Array, w: Array | None, mean: Array, variance: Array, axes: Axes, across: Axes,
                   eps: float) -> tuple[Array, Array, Array]:
    """gx, gw, gb: with z = (x - mean) / sqrt(variance + eps) and h = g * w,

        gx = (h - mean(h) - z * mean(h * z)) / sqrt(variance + eps),  gw = sum(g * z),  gb = sum(g)

    means are over `axes`, sums over `across`: the axes in which w has length 1.
    """
    count, rstd = _count(x, axes), 1 / np.sqrt(variance + eps)
    z = x - mean                                      # in single precision at least, as mean is
    z *= rstd
    gz = g * z
    gw, gb = gz.sum(axis=across, keepdims=True), g.sum(axis=across, keepdims=True, dtype=z.dtype)
    if across == axes:                                # one weight for each group: its sums are at hand
        h, sum_h, sum_hz = g, gb, gw
        rstd = rstd if w is None else rstd * w
    else:
        h, gz = (g, gz) if w is None else (g * w, np.multiply(gz, w, out=gz))
        sum_h, sum_hz = (v.sum(axis=axes, keepdims=True, dtype=z.dtype) for v in (h, gz))
    z *= sum_hz / count
    np.subtract(h, z, out=z)
    z -= sum_h / count
    z *= rstd
    return z.astype(x.dtype, copy=False), gw.astype(x.dtype, copy=False), gb.astype(x.dtype, copy=False)


@kernel
def scale_shift(x: Array, scale: Array, shift: Array | None) -> Array:
    """y = x * scale + shift, with a number of each for every channel: x (N, C, *), scale and shift (C,)"""
    along = (1, -1) + (1,) * (x.ndim - 2)
    y = x * scale.reshape(along)
    if shift is not None:
        y += shift.reshape(along)
    return y


def epsilon(dtype: Any) -> float:
    """The distance from 1 to the next number of this dtype."""
    return float(np.finfo(dtype).eps)


def _count(x: Array, axes: Axes) -> int:
    return math.prod([x.shape[axis] for axis in axes])


def _wide(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.float32) if dtype == np.float16 else dtype
