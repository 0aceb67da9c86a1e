"""Resizing of bytes, compiled: they are multiplied and added as whole numbers, in one pass."""
from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, shares
from minidl.backend.cpu.threads import parallel
from minidl.backend.kernels.resize import Rounding, Taps, resize_bytes_axis, three_axes

LARGEST_SUM = 2 ** 31   # of whole numbers
FEW = 16                # fewer numbers side by side are too short for the vector instructions


@resize_bytes_axis.register("numpy", layer="compiled")
def resize_bytes_axis_by_rows(x: np.ndarray, axis: int, taps: Taps, rounding: Rounding) -> Any:
    if taps.weights is None or len(taps.unread) or not x.size:
        return NotImplemented
    x3, back = three_axes(x, axis)
    weights, counts = _whole(taps)
    if x3.shape[2] < FEW or 255 * np.abs(weights).sum(1).max() + 2 ** rounding.bits >= LARGEST_SUM:
        return NotImplemented
    y3 = np.empty((len(x3), len(weights), x3.shape[2]), np.uint8)
    indices = np.ascontiguousarray(taps.indices.T)
    parallel(lambda s: _resize(x3[s], indices, weights, counts, rounding.bits, y3[s]), shares(len(x3)))
    return back(y3)


@functools.lru_cache(maxsize=256)
def _whole(taps: Taps) -> tuple[np.ndarray, np.ndarray]:
    """The weights (out, taps), with that of the last tap in one piece, and how many taps each new element has."""
    assert taps.weights is not None
    last = taps.indices == taps.indices[-1]
    first, weights = last.argmax(0), np.where(last, 0, taps.weights)
    weights[first, np.arange(len(first))] = np.rint((taps.weights * last).sum(0))
    return np.ascontiguousarray(weights.T.astype(np.int32)), first + 1


@compiled
def _resize(x: Any, indices: Any, weights: Any, counts: Any, bits: Any, y: Any) -> None:
    sums, half = np.empty(x.shape[2], np.int32), np.int32(1 << (bits - 1))
    for n in range(len(x)):
        for i in range(len(indices)):
            sums[:] = half
            for t in range(counts[i]):
                place, weight = indices[i, t], weights[i, t]
                for j in range(x.shape[2]):
                    sums[j] += np.int32(x[n, place, j]) * weight
            for j in range(x.shape[2]):
                y[n, i, j] = min(max(sums[j] >> np.int32(bits), np.int32(0)), np.int32(255))
