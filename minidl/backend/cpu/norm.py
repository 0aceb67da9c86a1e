"""Normalisation on the CPU: batch norm of channels-last images and of rows (N, C), and layer norm.

For batch norm, memory is read as a matrix: each of its rows is one row of an image, W pixels of C channels. A number
for each channel is repeated W times, so that it fits every row. The work is done in blocks of rows, so that a block
stays in the cache between the passes, and each thread takes blocks of its own. Sums by blocks are also more exact.
"""
from __future__ import annotations

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.norm import (
    Axes,
    group_size,
    normalize_forward,
    normalize_grad,
    scale_shift,
)

BLOCK_BYTES = 1 << 20   # of the input in a block
SERIAL_BYTES = 1 << 19  # up to this size, threads cost more than they gain


@normalize_forward.register("numpy")
def normalize_forward_in_blocks(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                                eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not is_batch_norm(x, axes):
        return _forward_by_rows(x, w, b, axes, eps)
    channels, count, rows = x.shape[1], x.size // x.shape[1], image_rows(x)
    parts = blocks(len(rows), rows.shape[1] * rows.itemsize, BLOCK_BYTES)
    sums = np.empty((len(parts), rows.shape[1]), x.dtype)

    def add_up(i: int) -> None:
        rows[parts[i]].sum(axis=0, out=sums[i])

    parallel(add_up, range(len(parts)))
    mean = _each_channel(sums, channels) / count
    mean_row = along_row(mean, rows)

    def add_up_squares(i: int) -> None:
        centred = rows[parts[i]] - mean_row
        np.multiply(centred, centred, out=centred).sum(axis=0, out=sums[i])

    parallel(add_up_squares, range(len(parts)))
    variance = _each_channel(sums, channels) / count
    scale = 1 / np.sqrt(variance + eps)
    scale = along_row(scale if w is None else scale * w.reshape(-1), rows)
    shift = None if b is None else along_row(b.reshape(-1), rows)
    y = np.empty_like(x)
    y_rows = image_rows(y)

    def normalize(block: slice) -> None:
        part = np.subtract(rows[block], mean_row, out=y_rows[block])
        part *= scale
        if shift is not None:
            part += shift

    parallel(normalize, parts)
    kept = (1, -1) + (1,) * (x.ndim - 2)
    return y, mean.reshape(kept), variance.reshape(kept)


@normalize_grad.register("numpy")
def normalize_grad_in_blocks(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                             variance: np.ndarray, axes: Axes, across: Axes,
                             eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if across != axes or not is_batch_norm(x, axes):
        return _grad_by_rows(g, x, w, mean, variance, axes, across, eps)
    channels, count, rows, g_rows = x.shape[1], x.size // x.shape[1], image_rows(x), image_rows(g)
    parts = blocks(len(rows), rows.shape[1] * rows.itemsize, BLOCK_BYTES)
    mean_row = along_row(mean.reshape(-1), rows)
    sums, products = np.empty((2, len(parts), rows.shape[1]), x.dtype)

    def add_up(i: int) -> None:
        part = g_rows[parts[i]]
        part.sum(axis=0, out=sums[i])
        centred = rows[parts[i]] - mean_row
        np.multiply(centred, part, out=centred).sum(axis=0, out=products[i])

    parallel(add_up, range(len(parts)))
    rstd = 1 / np.sqrt(variance.reshape(-1) + eps)
    gb = _each_channel(sums, channels)
    gw = _each_channel(products, channels) * rstd
    slope = along_row(gw * rstd / count, rows)       # what passes through the variance, per x - mean
    offset = along_row(gb / count, rows)             # what passes through the mean
    scale = along_row(rstd if w is None else rstd * w.reshape(-1), rows)
    gx = np.empty_like(x)
    gx_rows = image_rows(gx)

    def pull_back(block: slice) -> None:
        part = np.subtract(rows[block], mean_row, out=gx_rows[block])
        part *= slope
        np.subtract(g_rows[block], part, out=part)
        part -= offset
        part *= scale

    parallel(pull_back, parts)
    kept = (1, -1) + (1,) * (x.ndim - 2)
    return gx, gw.reshape(kept), gb.reshape(kept)


@scale_shift.register("numpy")
def scale_shift_in_blocks(x: np.ndarray, scale: np.ndarray, shift: np.ndarray | None) -> np.ndarray:
    if not is_batch_norm(x, (0, *range(2, x.ndim))) or x.nbytes <= SERIAL_BYTES:
        return NotImplemented
    y = np.empty_like(x)
    rows, y_rows = image_rows(x), image_rows(y)
    scale_row, shift_row = along_row(scale, rows), None if shift is None else along_row(shift, rows)

    def compute_block(block: slice) -> None:
        part = np.multiply(rows[block], scale_row, out=y_rows[block])
        if shift_row is not None:
            part += shift_row

    parallel(compute_block, blocks(len(rows), rows.shape[1] * rows.itemsize, BLOCK_BYTES))
    return y


def _forward_by_rows(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                     eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The result in blocks along the first axis, if no group reaches across it, as in layer norm."""
    if 0 in axes or x.nbytes <= SERIAL_BYTES:
        return _forward_in_place(x, w, b, axes, eps)
    y = np.empty_like(x)
    mean, variance = np.empty((2, *[1 if i in axes else n for i, n in enumerate(x.shape)]), x.dtype)

    def normalize(s: slice) -> None:
        y[s], mean[s], variance[s] = _forward_in_place(x[s], w, b, axes, eps)

    parallel(normalize, blocks(len(x), x.nbytes // len(x), 2 * BLOCK_BYTES))
    return y, mean, variance


def _grad_by_rows(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray, variance: np.ndarray,
                  axes: Axes, across: Axes, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if 0 in axes or 0 not in across or x.nbytes <= SERIAL_BYTES:
        return _grad_in_place(g, x, w, mean, variance, axes, across, eps)
    gx = np.empty_like(x)
    parts = blocks(len(x), x.nbytes // len(x), 2 * BLOCK_BYTES)
    gw, gb = np.empty((2, len(parts), *[1 if i in across else n for i, n in enumerate(x.shape)]), x.dtype)

    def pull_back(i: int) -> None:
        s = parts[i]
        gx[s], gw[i], gb[i] = _grad_in_place(g[s], x[s], w, mean[s], variance[s], axes, across, eps)

    parallel(pull_back, range(len(parts)))
    return gx, gw.sum(axis=0), gb.sum(axis=0)


def _forward_in_place(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                      eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The generic body, with one less new array of the size of x."""
    count = group_size(x, axes)
    mean = x.sum(axis=axes, keepdims=True, dtype=accumulation_dtype(x.dtype)) / count
    y = x - mean
    variance = (y * y).sum(axis=axes, keepdims=True) / count
    y *= 1 / np.sqrt(variance + eps)
    if w is not None:
        y *= w
    if b is not None:
        y += b
    return y.astype(x.dtype, copy=False), mean, variance


def _grad_in_place(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray, variance: np.ndarray,
                   axes: Axes, across: Axes, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The generic body, with fewer new arrays, and no sum computed twice."""
    count, rstd = group_size(x, axes), 1 / np.sqrt(variance + eps)
    z = x - mean                                      # in single precision at least, as mean is
    z *= rstd
    gz = g * z
    gw, gb = gz.sum(axis=across, keepdims=True), g.sum(axis=across, keepdims=True, dtype=z.dtype)
    if across == axes:                                # one weight for each group: its sums are those of gw and gb
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


def is_batch_norm(x: np.ndarray, axes: Axes) -> bool:
    """Whether each channel is a group and the channels are last in memory, in single or double precision."""
    return (x.ndim > 1 and axes == (0, *range(2, x.ndim)) and x.size > 0 and x.dtype != np.float16
            and channels_behind(x).flags.c_contiguous)


def image_rows(x: np.ndarray) -> np.ndarray:
    """(N, C, ..., W) -> (N*..., W*C), or (N, C) itself; a view where the channels are last in memory."""
    width = x.shape[-1] if x.ndim > 2 else 1
    return channels_behind(x).reshape(-1, width * x.shape[1])


def channels_behind(x: np.ndarray) -> np.ndarray:
    """(N, C, *) -> (N, *, C); as `np.moveaxis`, which takes longer"""
    return x.transpose(0, *range(2, x.ndim), 1)


def _each_channel(sums: np.ndarray, channels: int) -> np.ndarray:
    """The sum over all blocks and pixels: (blocks, W*C) -> (C,)"""
    return sums.reshape(-1, channels).sum(axis=0)


def along_row(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(C,) -> (W*C,)"""
    return np.tile(values, rows.shape[1] // len(values))
