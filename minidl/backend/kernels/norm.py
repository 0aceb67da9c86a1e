"""Normalisation over groups of numbers, and its gradient. Half precision is computed in single."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.device import Array
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernel import kernel

Axes = tuple[int, ...]


@kernel
def normalize_forward(x: Array, w: Array | None, b: Array | None, axes: Axes, eps: float) -> tuple[Array, Array, Array]:
    """y = w * (x - mean) / sqrt(variance + eps) + b, and the mean and (biased) variance over `axes`.

    w and b broadcast against x; mean and variance have length 1 in `axes`.
    """
    count = group_size(x, axes)
    mean = x.sum(axis=axes, keepdims=True, dtype=accumulation_dtype(x.dtype)) / count
    centred = x - mean
    variance = (centred * centred).sum(axis=axes, keepdims=True) / count
    y = centred / np.sqrt(variance + eps)
    if w is not None:
        y = y * w
    if b is not None:
        y = y + b
    return y.astype(x.dtype, copy=False), mean, variance


@kernel
def batch_normalize_forward(x: Array, w: Array | None, b: Array | None, axes: Axes, eps: float,
                            running_mean: Array | None, running_var: Array | None, momentum: float,
                            batches: Array | None) -> tuple[Array, Array, Array]:
    """`normalize_forward`, which also moves running statistics towards those of the batch, in place:

        running += momentum * (batch - running), with the unbiased variance

    and counts the batch in `batches`, an integer.
    """
    if batches is not None:
        batches += 1
    y, mean, variance = normalize_forward(x, w, b, axes, eps)
    count = group_size(x, axes)
    for running, batch in ((running_mean, mean), (running_var, variance * (count / max(1, count - 1)))):
        if running is not None:
            running[...] = between(running, batch.reshape(-1).astype(running.dtype, copy=False), momentum)
    return y, mean, variance


def between(a: Array, b: Array, w: float) -> Array:
    """a + w * (b - a), from the nearer end: exactly b at w = 1."""
    return a + w * (b - a) if abs(w) < 0.5 else b - (1 - w) * (b - a)


@kernel
def normalize_grad(g: Array, x: Array, w: Array | None, mean: Array, variance: Array, axes: Axes, across: Axes,
                   eps: float) -> tuple[Array, Array, Array]:
    """gx, gw, gb: with z = (x - mean) / sqrt(variance + eps) and h = g * w,

        gx = (h - mean(h) - z * mean(h * z)) / sqrt(variance + eps),  gw = sum(g * z),  gb = sum(g)

    Means are over `axes`, sums over `across`: the axes in which w has length 1.
    """
    count, rstd = group_size(x, axes), 1 / np.sqrt(variance + eps)
    z = (x - mean) * rstd                             # in single precision at least, as mean is
    h = g if w is None else g * w
    gw = (g * z).sum(axis=across, keepdims=True)
    gb = g.sum(axis=across, keepdims=True, dtype=z.dtype)
    mean_h = h.sum(axis=axes, keepdims=True, dtype=z.dtype) / count
    mean_hz = (h * z).sum(axis=axes, keepdims=True) / count
    gx = (h - mean_h - z * mean_hz) * rstd
    return gx.astype(x.dtype, copy=False), gw.astype(x.dtype, copy=False), gb.astype(x.dtype, copy=False)


@kernel
def running_scale(mean: Array, variance: Array, w: Array | None, b: Array | None, eps: float) -> tuple[Array, Array]:
    """scale = w / sqrt(variance + eps) and shift = b - mean * scale: all are (C,)"""
    scale = 1 / np.sqrt(variance + eps)
    if w is not None:
        scale = scale * w
    shift = -mean * scale
    return scale, shift if b is None else shift + b


@kernel
def scale_shift(x: Array, scale: Array, shift: Array | None) -> Array:
    """y = x * scale + shift, by channel: x (N, C, *), scale and shift (C,)"""
    channel_shape = (1, -1) + (1,) * (x.ndim - 2)
    y = x * scale.reshape(channel_shape)
    if shift is not None:
        y += shift.reshape(channel_shape)
    return y


def epsilon(dtype: Any) -> float:
    """The distance from 1 to the next number of this dtype."""
    return float(np.finfo(dtype).eps)


def group_size(x: Array, axes: Axes) -> int:
    """The number of elements that share one mean."""
    return math.prod([x.shape[axis] for axis in axes])
