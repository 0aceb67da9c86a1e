"""Resizing on the CPU: a product with the matrix of the taps, or with bands of it.

A few new elements read a few old ones, not far from each other: a band. Bands are products of up to a million
multiply-adds with strided factors, which BLAS reads where they lie.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from minidl.backend.blas import one_blas_thread
from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.kernels.matmul import matmul
from minidl.backend.kernels.resize import (
    Rounding,
    Taps,
    resize_axis,
    resize_bytes,
    resize_bytes_axis,
    three_axes,
)

WORK_PER_PASS = 16      # multiply-adds of a matrix product that take as long as one number in a pass over memory
BAND = 16               # new elements: of 8 and 32, products take 1.1 to 2 times as long
BLOCK_BYTES = 1 << 20   # at a time, of new numbers or of old ones; of a quarter, calls take as long as products


@resize_axis.register("numpy")
def resize_axis_by_bands(x: np.ndarray, axis: int, taps: Taps) -> np.ndarray:
    if not x.size or x.dtype.kind != "f" or x.itemsize < 4 or not _bands(taps, x.dtype):
        return NotImplemented
    x3, back = three_axes(x, axis)
    y3 = np.empty((len(x3), taps.indices.shape[1], x3.shape[2]), x.dtype)

    def resize(old: np.ndarray, new: np.ndarray) -> None:
        _multiply(old, taps, new)
        if not np.isfinite(new[:, ::BAND]).all():       # zero times NaN or infinity is NaN, everywhere in the band
            _add_up(old, taps, new)

    _in_blocks(resize, x3, y3, y3.itemsize)
    return back(y3)


@resize_bytes_axis.register("numpy")
def resize_bytes_axis_by_bands(x: np.ndarray, axis: int, taps: Taps, rounding: Rounding) -> np.ndarray:
    if not _takes_bytes(x, taps, rounding):
        return NotImplemented
    x3, back = three_axes(x, axis)
    y3 = np.empty((len(x3), taps.indices.shape[1], x3.shape[2]), np.uint8)

    def resize(old: np.ndarray, new: np.ndarray) -> None:
        new[...] = _sums_of_bytes(old, taps, rounding)

    _in_blocks(resize, x3, y3, rounding.dtype.itemsize)
    return back(y3)


@resize_bytes.register("numpy")
def resize_bytes_of_images(x: np.ndarray, steps: Sequence[tuple[int, Taps, Rounding]]) -> np.ndarray:
    """Along both axes of a few images at a time. In between they stay floating numbers, in the cache."""
    if [axis for axis, _, _ in steps] != [x.ndim - 1, x.ndim - 2] \
            or not all(_takes_bytes(x, taps, rounding) for _, taps, rounding in steps):
        return NotImplemented
    (_, across, first), (_, down, second) = steps
    height, width = x.shape[-2:]
    image_bytes = height * width * first.dtype.itemsize
    if image_bytes > BLOCK_BYTES or x.strides[-1] != 1:
        return NotImplemented
    images = x.reshape(-1, height, width)
    y = np.empty((len(images), down.indices.shape[1], across.indices.shape[1]), np.uint8)

    def resize(part: slice) -> None:
        rows = _sums_of_bytes(images[part].reshape(-1, width, 1), across, first)
        np.floor(rows, out=rows)
        y[part] = _sums_of_bytes(rows.reshape(-1, height, y.shape[2]), down, second)

    with one_blas_thread():
        parallel(resize, blocks(len(images), image_bytes, BLOCK_BYTES))
    return y.reshape(*x.shape[:-2], *y.shape[1:])


def _takes_bytes(x: np.ndarray, taps: Taps, rounding: Rounding) -> bool:
    return bool(x.size and _bands(taps, rounding.dtype, 2.0 ** -rounding.bits))


def _sums_of_bytes(x: np.ndarray, taps: Taps, rounding: Rounding) -> np.ndarray:
    """Sums, and a half: what is below their points are the bytes. They are exact in any order."""
    sums = np.empty((len(x), taps.indices.shape[1], x.shape[2]), rounding.dtype)
    _multiply(x.astype(rounding.dtype, copy=False), taps, sums, 2.0 ** -rounding.bits)
    sums += 0.5
    if rounding.overshoots:
        np.clip(sums, 0, 255, out=sums)
    return sums


def _in_blocks(resize: Callable[[np.ndarray, np.ndarray], None], x: np.ndarray, y: np.ndarray, itemsize: int) -> None:
    """Call `resize` on blocks of x (outer, n, inner) and y (outer, out, inner): parts of outer, or else of inner."""
    length = max(x.shape[1], y.shape[1])
    inner = blocks(y.shape[2], length * itemsize, BLOCK_BYTES) if len(x) == 1 else [slice(None)]
    outer = blocks(len(x), length * y.shape[2] * itemsize, BLOCK_BYTES)
    with one_blas_thread():
        parallel(lambda part: resize(x[part[0], :, part[1]], y[part[0], :, part[1]]),
                 [(a, b) for a in outer for b in inner])


class _Band(NamedTuple):
    new: slice
    old: slice
    matrix: np.ndarray      # (old, new): the other way round, products with rows take 1.6 times as long


@functools.lru_cache(maxsize=1024)
def _bands(taps: Taps, dtype: np.dtype, scale: float = 1.0) -> list[_Band]:
    """The bands; none where they have so many numbers that products with them do not pay."""
    count, out = taps.indices.shape
    if taps.weights is None or len(taps.unread) or not out:
        return []
    starts = np.arange(0, out, BAND)
    first = np.minimum.reduceat(taps.indices.min(0), starts)
    end = np.maximum.reduceat(taps.indices.max(0), starts) + 1
    if (end - first).mean() > 2 * WORK_PER_PASS * count:        # a tap is two passes, or more
        return []
    width = int((end - first).max())
    places = np.arange(out) * width + taps.indices - first.repeat(BAND)[:out]
    matrix = np.bincount(places.reshape(-1), taps.weights.reshape(-1), out * width).reshape(out, width) * scale
    matrix = matrix.astype(dtype)
    return [_Band(slice(i, i + BAND), slice(a, b), matrix[i:i + BAND, :b - a].T.copy())
            for i, a, b in zip(starts.tolist(), first.tolist(), end.tolist())]


def _multiply(x: np.ndarray, taps: Taps, out: np.ndarray, scale: float = 1.0) -> None:
    for new, old, matrix in _bands(taps, x.dtype, scale):
        if x.shape[2] == 1:
            np.matmul(x[:, old, 0], matrix, out=out[:, new, 0])
        else:
            np.matmul(matrix.T, x[:, old], out=out[:, new])


def _add_up(x: np.ndarray, taps: Taps, out: np.ndarray) -> None:
    assert taps.weights is not None
    out[...] = 0
    for index, weight in zip(taps.indices, taps.weights.astype(x.dtype)):
        out += x.take(index, axis=1) * weight[:, None]


@resize_axis.register("numpy", before="resize_axis_by_bands")
def resize_axis_dense(x: np.ndarray, axis: int, taps: Taps) -> np.ndarray:
    (count, out), n = taps.indices.shape, x.shape[axis]
    if n > WORK_PER_PASS * count or not x.size or not out or taps.weights is None and count == 1:
        return NotImplemented
    matrix = _dense(taps, n, x.dtype)
    x3, back = three_axes(x, axis)
    if x3.shape[2] == 1:
        y3 = matmul(x3[:, :, 0], matrix.T)[:, :, None]
    else:
        y3 = matmul(matrix, x3)
    # Zero times NaN or infinity is NaN. If x has one of them, every row of the result has a NaN, also the first.
    return back(y3) if np.isfinite(y3[:, 0]).all() else NotImplemented


@functools.lru_cache(maxsize=256)
def _dense(taps: Taps, n: int, dtype: np.dtype) -> np.ndarray:
    matrix = np.zeros((taps.indices.shape[1], n))
    np.add.at(matrix, (np.arange(len(matrix)), taps.indices), 1 if taps.weights is None else taps.weights)
    matrix[taps.unread] = 0
    return matrix.astype(dtype)
