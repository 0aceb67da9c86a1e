"""Resizing of bytes, compiled: they are multiplied and added as whole numbers, in one pass.

Numbers side by side are added by vector instructions. Along the last axis there are none, so some rows at a time are
transposed, resized and transposed back.
"""
from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.compiled.compiler import compiled, shares
from minidl.backend.cpu.threads import parallel
from minidl.backend.kernels.resize import Rounding, Taps, resize_bytes, resize_bytes_axis, three_axes

LARGEST_SUM = 2 ** 31   # of whole numbers
FEW = 16                # fewer numbers side by side are too short for the vector instructions
ROWS = 128              # at a time: of 64 and 512, they take 1.3 times as long


@resize_bytes_axis.register("numpy", layer="compiled")
def resize_bytes_axis_by_rows(x: np.ndarray, axis: int, taps: Taps, rounding: Rounding) -> Any:
    if taps.weights is None or len(taps.unread) or not x.size:
        return NotImplemented
    x3, back = three_axes(x, axis)
    whole, (outer, _, inner) = _whole(taps), x3.shape
    if 1 < inner < FEW or whole.largest_sum + 2 ** rounding.bits >= LARGEST_SUM:
        return NotImplemented
    y3 = np.empty((outer, len(whole.weights), inner), np.uint8)
    if inner == 1:
        columns, new = x3[:, :, 0], y3[:, :, 0]
        parallel(lambda i: _resize_columns(columns[i], *whole[:3], rounding.bits, new[i]),
                 [slice(i.start * ROWS, i.stop * ROWS) for i in shares(-(-outer // ROWS))])
    else:
        parallel(lambda i: _resize(x3[i], *whole[:3], rounding.bits, y3[i]), shares(outer))
    return back(y3)


@resize_bytes.register("numpy", layer="compiled")
def resize_bytes_by_axes(x: np.ndarray, steps: Any) -> Any:
    return resize_bytes.generic(x, steps)      # each axis has its compiled body


class _Whole(NamedTuple):
    """Whole weights, with that of the last tap in one piece."""

    indices: np.ndarray     # (out, taps)
    weights: np.ndarray     # (out, taps)
    counts: np.ndarray      # how many taps each new element has
    largest_sum: int        # of the bytes 255


@functools.lru_cache(maxsize=256)
def _whole(taps: Taps) -> _Whole:
    assert taps.weights is not None
    last = taps.indices == taps.indices[-1]
    first, weights = last.argmax(0), np.where(last, 0, taps.weights)
    weights[first, np.arange(len(first))] = np.rint((taps.weights * last).sum(0))
    return _Whole(np.ascontiguousarray(taps.indices.T), np.ascontiguousarray(weights.T.astype(np.int32)), first + 1,
                  int(255 * np.abs(weights).sum(0).max()))


@compiled
def _resize(x: Any, indices: Any, weights: Any, counts: Any, bits: Any, y: Any) -> None:
    sums, half = np.empty(x.shape[2], np.int32), np.int32(1 << (bits - 1))
    for n in range(len(x)):
        for i in range(len(indices)):
            sums[:] = half
            for t in range(counts[i]):
                _add(x[n, indices[i, t]], weights[i, t], sums)
            for j in range(x.shape[2]):
                y[n, i, j] = min(max(sums[j] >> np.int32(bits), np.int32(0)), np.int32(255))


@compiled
def _add(x: Any, weight: Any, sums: Any) -> None:
    for j in range(len(sums)):
        sums[j] += np.int32(x[j]) * weight


@compiled
def _resize_columns(x: Any, indices: Any, weights: Any, counts: Any, bits: Any, y: Any) -> None:
    """The second axis of x (rows, n) and y (rows, out)."""
    wide, out = -(-x.shape[1] // 8) * 8, -(-y.shape[1] // 8) * 8     # whole words of eight bytes
    rows, old = np.zeros((ROWS, wide), np.uint8), np.empty((1, wide, ROWS), np.uint8)
    new, back = np.zeros((1, out, ROWS), np.uint8), np.empty((ROWS, out), np.uint8)
    for start in range(0, len(x), ROWS):
        _copy(x[start:start + ROWS], rows)
        _transpose(rows.view(np.uint64), old[0].view(np.uint64))
        _resize(old, indices, weights, counts, bits, new)
        _transpose(new[0].view(np.uint64), back.view(np.uint64))
        _copy(back, y[start:start + ROWS])


@compiled
def _copy(x: Any, y: Any) -> None:
    """As much of x as y has place for."""
    for i in range(min(len(x), len(y))):
        old, new = x[i], y[i]
        for j in range(min(len(old), len(new))):
            new[j] = old[j]


@compiled
def _transpose(x: Any, y: Any) -> None:
    """Bytes, eight to a word: x (8 m, n) to y (8 n, m).

    Blocks of 8 times 8 bytes are transposed in three steps: four rows change places with four, then two, then one.
    Source: Warren, "Hacker's Delight", 2nd edition, 2012, section 7-3
    """
    words = np.empty((8, x.shape[1]), np.uint64)
    for i in range(len(x) // 8):
        of_block = x[8 * i:8 * i + 8]
        for j in range(x.shape[1]):
            a, b, c, d = of_block[0, j], of_block[1, j], of_block[2, j], of_block[3, j]
            e, f, g, h = of_block[4, j], of_block[5, j], of_block[6, j], of_block[7, j]
            a, e = _swapped(a, e, 32, 0x00000000FFFFFFFF)
            b, f = _swapped(b, f, 32, 0x00000000FFFFFFFF)
            c, g = _swapped(c, g, 32, 0x00000000FFFFFFFF)
            d, h = _swapped(d, h, 32, 0x00000000FFFFFFFF)
            a, c = _swapped(a, c, 16, 0x0000FFFF0000FFFF)
            b, d = _swapped(b, d, 16, 0x0000FFFF0000FFFF)
            e, g = _swapped(e, g, 16, 0x0000FFFF0000FFFF)
            f, h = _swapped(f, h, 16, 0x0000FFFF0000FFFF)
            words[0, j], words[1, j] = _swapped(a, b, 8, 0x00FF00FF00FF00FF)
            words[2, j], words[3, j] = _swapped(c, d, 8, 0x00FF00FF00FF00FF)
            words[4, j], words[5, j] = _swapped(e, f, 8, 0x00FF00FF00FF00FF)
            words[6, j], words[7, j] = _swapped(g, h, 8, 0x00FF00FF00FF00FF)
        for j in range(x.shape[1]):
            for k in range(8):
                y[8 * j + k, i] = words[k, j]


@compiled
def _swapped(a: Any, b: Any, bits: int, mask: int) -> Any:
    """Bytes of `a` and those of `b` that lie `bits` lower, exchanged. The mask says which bytes of `b`."""
    change = ((a >> np.uint64(bits)) ^ b) & np.uint64(mask)
    return a ^ (change << np.uint64(bits)), b ^ change
