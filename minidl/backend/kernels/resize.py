"""Resizing along one axis.

Every new element is a weighted sum of a few old elements, its taps. This is a product with a sparse matrix. The
transpose has the same form, so gradients need no kernel of their own.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel

CPU_BLOCK = 1 << 16   # new elements at a time, so that the temporaries stay in the cache
GPU_BLOCK = 1 << 28


@dataclass(frozen=True, eq=False)       # each is itself only, so that what is made of one can be cached
class Taps:
    """A sparse matrix (out, n) by rows: y[i] = sum_t weights[t, i] * x[indices[t, i]], on the host.

    A row with fewer taps than others reads its last tap several times, each with a part of the weight: padding with a
    weight of 0 would turn an infinity into NaN. `weights` is None where all are 1. `unread` are the rows without a tap.
    """

    indices: np.ndarray            # (taps, out)
    weights: np.ndarray | None     # (taps, out) float64
    unread: np.ndarray             # (rows,)


def taps_of(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray, shape: tuple[int, int]) -> Taps:
    """The matrix with the entries (row, column, weight); entries at one place add up."""
    out, n = shape
    places, where = np.unique(rows * n + columns, return_inverse=True)     # sorted by row, then by column
    weights = np.bincount(where.reshape(-1), weights, len(places))
    places, weights = places[weights != 0], weights[weights != 0]
    rows, columns = places // n, places % n
    counts = np.bincount(rows, minlength=out)
    unread = np.flatnonzero(counts == 0)
    starts, counts = np.cumsum(counts) - counts, np.maximum(counts, 1)
    number = np.arange(counts.max(initial=1))[:, None]                     # (taps, 1)
    entry = np.minimum(starts + np.minimum(number, counts - 1), max(len(places) - 1, 0))
    if not len(places):
        return Taps(np.zeros((1, out), int), np.zeros((1, out)), unread)
    padded = weights[entry] / np.where(number < counts - 1, 1, len(number) - counts + 1)
    return Taps(columns[entry], None if (padded == 1).all() and not len(unread) else padded, unread)


@kernel
def resize_axis(x: Array, axis: int, taps: Taps) -> Array:
    """y[..., i, ...] = sum_t weights[t, i] * x[..., indices[t, i], ...], the axis n -> out.

    The result is laid out in memory as x is.
    """
    xp, out = array_module(x), taps.indices.shape[1]
    x3, back = three_axes(x, axis)
    if not x.size:
        return back(xp.zeros((len(x3), out, x3.shape[2]), x.dtype))
    if taps.weights is None and len(taps.indices) == 1:
        y3 = _single(xp, x3, taps)
    else:
        y3 = xp.empty((len(x3), out, x3.shape[2]), x.dtype)
        block = max(1, (CPU_BLOCK if xp.__name__ == "numpy" else GPU_BLOCK) // max(1, out * x3.shape[2]))
        for start in range(0, len(x3), block):
            y3[start:start + block] = _weighted(xp, x3[start:start + block], taps)
    if len(taps.unread):
        y3[:, xp.asarray(taps.unread)] = 0
    return back(y3)


class Rounding(NamedTuple):
    """How sums of bytes with whole weights become bytes again."""

    bits: int               # the weights are multiples of 2 ** -bits
    dtype: np.dtype         # in which the sums are exact
    overshoots: bool        # whether results may lie outside 0 to 255


@kernel
def resize_bytes_axis(x: Array, axis: int, taps: Taps, rounding: Rounding) -> Array:
    """`resize_axis` of bytes with whole weights: sums divided by 2 ** bits, rounded, and cut off to bytes."""
    sums = resize_axis(x.astype(rounding.dtype), axis, taps) + 2.0 ** (rounding.bits - 1)
    return np.clip(sums * 2.0 ** -rounding.bits, 0, 255).astype(np.uint8)


@kernel
def resize_bytes(x: Array, steps: Sequence[tuple[int, Taps, Rounding]]) -> Array:
    """`resize_bytes_axis` of one axis after the other."""
    for axis, taps, rounding in steps:
        x = resize_bytes_axis(x, axis, taps, rounding)
    return x


def three_axes(x: Array, axis: int) -> tuple[Array, Callable[[Array], Array]]:
    """x as (outer, n, inner) in the order of memory, and the inverse.

    n is the axis. The inverse is a function for results with another n.
    """
    order = sorted(range(x.ndim), key=lambda i: -x.strides[i])             # the axes in the order of memory
    place = order.index(axis)
    shape = [x.shape[i] for i in order]

    def back(y3: Array) -> Array:
        y = y3.reshape([*shape[:place], y3.shape[1], *shape[place + 1:]])
        return y.transpose(sorted(range(x.ndim), key=order.__getitem__))
    return x.transpose(order).reshape(math.prod(shape[:place]), shape[place], math.prod(shape[place + 1:])), back


def _single(xp: Any, x: Array, taps: Taps) -> Array:
    """The result where each new element has one tap of weight 1: elements are only copied."""
    n, out = x.shape[1], taps.indices.shape[1]
    times = out // n if n else 0
    if times * n == out and (taps.indices[0] == np.arange(out) // max(times, 1)).all():
        copies = xp.broadcast_to(x[:, :, None], (len(x), n, times, x.shape[2]))   # each `times` times
        return copies.reshape(len(x), out, x.shape[2])
    return _read(xp, x, taps.indices[0]).copy()


def _weighted(xp: Any, x: Array, taps: Taps) -> Array:
    dtype = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    weights = None if taps.weights is None else xp.asarray(taps.weights[:, :, None], dtype=dtype)
    y = xp.zeros((len(x), taps.indices.shape[1], x.shape[2]), dtype)
    for t, indices in enumerate(taps.indices):
        values = _read(xp, x, indices)
        y += values if weights is None else values * weights[t]
    return y


def _read(xp: Any, x: Array, indices: np.ndarray) -> Array:
    """x[:, indices], without a copy where the indices increase in equal steps."""
    steps = np.diff(indices[:2])
    if len(steps) and steps[0] > 0 and (np.diff(indices) == steps[0]).all():
        return x[:, indices[0]:indices[-1] + 1:steps[0]]
    return x.take(xp.asarray(indices), axis=1)
