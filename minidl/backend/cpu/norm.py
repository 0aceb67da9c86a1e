"""Batch normalisation on the CPU, of images with the channels last in memory and of plain rows (N, C).

Memory is taken as a matrix: each of its rows is one row of an image, W pixels of C channels, so what belongs to
the channels is repeated W times and then fits every row. Some rows at a time, so that what is computed in several
passes stays in the cache; sums by blocks also keep their digits.
"""
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minidl.backend.kernels.norm import Axes, normalize_forward, normalize_grad

BLOCK_BYTES = 1 << 19


@normalize_forward.register("numpy")
def _(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
      eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not _is_batch_norm(x, axes):
        return NotImplemented
    channels, count, rows = x.shape[1], x.size // x.shape[1], _rows(x)
    blocks = list(_blocks(rows))
    mean = _each_channel([rows[block].sum(axis=0) for block in blocks], channels) / count
    wide_mean = _along_row(mean, rows)
    squares = []
    for block in blocks:
        centred = rows[block] - wide_mean
        squares.append(np.multiply(centred, centred, out=centred).sum(axis=0))
    variance = _each_channel(squares, channels) / count
    scale = 1 / np.sqrt(variance + eps)
    scale = _along_row(scale if w is None else scale * w.reshape(-1), rows)
    shift = None if b is None else _along_row(b.reshape(-1), rows)
    y = np.empty_like(x)
    y_rows = _rows(y)
    for block in blocks:
        part = np.subtract(rows[block], wide_mean, out=y_rows[block])
        part *= scale
        if shift is not None:
            part += shift
    kept = (1, -1) + (1,) * (x.ndim - 2)
    return y, mean.reshape(kept), variance.reshape(kept)


@normalize_grad.register("numpy")
def _(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray, variance: np.ndarray, axes: Axes,
      across: Axes, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if across != axes or not _is_batch_norm(x, axes):
        return NotImplemented
    channels, count, rows, g_rows = x.shape[1], x.size // x.shape[1], _rows(x), _rows(g)
    blocks = list(_blocks(rows))
    wide_mean = _along_row(mean.reshape(-1), rows)
    sums, products = [], []
    for block in blocks:
        centred = rows[block] - wide_mean
        products.append(np.multiply(centred, g_rows[block], out=centred).sum(axis=0))
        sums.append(g_rows[block].sum(axis=0))
    rstd = 1 / np.sqrt(variance.reshape(-1) + eps)
    gb = _each_channel(sums, channels)
    gw = _each_channel(products, channels) * rstd
    slope = _along_row(gw * rstd / count, rows)       # of what the variance gives back, in x - mean
    offset = _along_row(gb / count, rows)             # ... and the mean
    scale = _along_row(rstd if w is None else rstd * w.reshape(-1), rows)
    gx = np.empty_like(x)
    gx_rows = _rows(gx)
    for block in blocks:
        part = np.subtract(rows[block], wide_mean, out=gx_rows[block])
        part *= slope
        np.subtract(g_rows[block], part, out=part)
        part -= offset
        part *= scale
    kept = (1, -1) + (1,) * (x.ndim - 2)
    return gx, gw.reshape(kept), gb.reshape(kept)


def _is_batch_norm(x: np.ndarray, axes: Axes) -> bool:
    """Whether each channel is a group, and the channels lie last in memory; single or double precision."""
    return (x.ndim > 1 and axes == (0, *range(2, x.ndim)) and x.size > 0 and x.dtype != np.float16
            and np.moveaxis(x, 1, -1).flags.c_contiguous)


def _rows(x: np.ndarray) -> np.ndarray:
    """(N, C, ..., W) -> (N*..., W*C), or (N, C) itself; a view where the channels lie last in memory."""
    width = x.shape[-1] if x.ndim > 2 else 1
    return np.moveaxis(x, 1, -1).reshape(-1, width * x.shape[1])


def _blocks(rows: np.ndarray) -> Iterator[slice]:
    step = max(1, BLOCK_BYTES // (rows.shape[1] * rows.itemsize))
    for start in range(0, len(rows), step):
        yield slice(start, start + step)


def _each_channel(sums: list[np.ndarray], channels: int) -> np.ndarray:
    """The sums of all blocks, (W*C,) each -> (C,)"""
    return np.stack(sums).reshape(-1, channels).sum(axis=0)


def _along_row(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(C,) -> (W*C,)"""
    return np.tile(values, rows.shape[1] // len(values))
