"""Normalisation, compiled: batch norm of channels-last images, batch and layer norm of rows.

The mean and the sum of squares around it are computed for one block after the other, while the block is in the cache,
and then combined (Chan et al.). So x is read twice, for the statistics and for the result; separate passes read it five
times.

Source: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, is_single, shares
from minidl.backend.cpu.group_norm import MAX_ROWS
from minidl.backend.cpu.norm import along_row, image_rows, is_batch_norm
from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.kernels.norm import Axes, normalize_forward, normalize_grad, scale_shift

BLOCK_BYTES = 1 << 18   # of the input in a block
FEW_ROWS = 128          # whose sums in float32 lose next to nothing; those of many are added in float64
MIN_SIZE = 1 << 13      # numbers; with fewer, NumPy is as fast


@normalize_forward.register("numpy", layer="compiled")
def normalize_forward_two_passes(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                                 eps: float) -> Any:
    if not is_single(x, w, b) or x.size <= MIN_SIZE:
        return NotImplemented
    if _is_layer_norm(x, axes, w, b):
        return _layer_forward(x, w, b, axes, eps)
    if not is_batch_norm(x, axes):
        return NotImplemented
    channels, count, rows = x.shape[1], x.size // x.shape[1], image_rows(x)
    parts = _parts(rows)
    means, squares = np.empty((2, len(parts), rows.shape[1] // channels, channels), x.dtype)
    parallel(lambda i: _statistics(rows[parts[i]], means[i].reshape(-1), squares[i].reshape(-1)), range(len(parts)))
    sizes = np.array([part.stop - part.start for part in parts], x.dtype).reshape(-1, 1, 1)
    mean = (sizes * means).sum(axis=(0, 1)) / count
    squares += sizes * np.square(means - mean)
    variance = squares.sum(axis=(0, 1)) / count
    scale = 1 / np.sqrt(variance + eps)
    y = np.empty_like(x)
    y_rows, *coefficients = image_rows(y), *(along_row(v, rows) for v in (
        mean, scale if w is None else scale * w.reshape(-1), np.zeros_like(mean) if b is None else b.reshape(-1)))
    parallel(lambda s: normalize(rows[s], *coefficients, y_rows[s]), parts)
    kept = (1, -1) + (1,) * (x.ndim - 2)
    return y, mean.reshape(kept), variance.reshape(kept)


@normalize_grad.register("numpy", layer="compiled")
def normalize_grad_two_passes(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                              variance: np.ndarray, axes: Axes, across: Axes, eps: float) -> Any:
    if not is_single(g, x, w) or x.size <= MIN_SIZE:
        return NotImplemented
    if _is_layer_norm(x, axes, w) and across == tuple(range(axes[0])):
        return _layer_grad(g, x, w, mean, variance, axes, eps)
    if across != axes or not is_batch_norm(x, axes):
        return NotImplemented
    channels, count, rows, g_rows = x.shape[1], x.size // x.shape[1], image_rows(x), image_rows(g)
    parts = _parts(rows)
    sums, products = np.zeros((2, len(parts), rows.shape[1]), x.dtype)
    mean_row = along_row(mean.reshape(-1), rows)
    parallel(lambda i: add_up_products(g_rows[parts[i]], rows[parts[i]], mean_row, sums[i], products[i]),
             range(len(parts)))
    rstd = 1 / np.sqrt(variance.reshape(-1) + eps)
    gb, gw = (v.reshape(-1, channels).sum(axis=0) for v in (sums, products))
    gw *= rstd
    gx = np.empty_like(x)
    scale = rstd if w is None else rstd * w.reshape(-1)
    gx_rows, *coefficients = image_rows(gx), *(along_row(v, rows) for v in (
        scale, gb / count * scale, gw * rstd / count * scale))
    parallel(lambda s: pull_back(g_rows[s], rows[s], mean_row, *coefficients, gx_rows[s]), parts)
    kept = (1, -1) + (1,) * (x.ndim - 2)
    return gx, gw.reshape(kept), gb.reshape(kept)


@scale_shift.register("numpy", layer="compiled")
def scale_shift_one_pass(x: np.ndarray, scale: np.ndarray, shift: np.ndarray | None) -> Any:
    if not is_single(x, scale, shift) or x.size <= MIN_SIZE or not is_batch_norm(x, (0, *range(2, x.ndim))):
        return NotImplemented
    y = np.empty_like(x)
    rows, y_rows, zero = image_rows(x), image_rows(y), np.zeros_like(scale)
    coefficients = [along_row(v, rows) for v in (zero, scale, zero if shift is None else shift)]
    parallel(lambda s: normalize(rows[s], *coefficients, y_rows[s]), _parts(rows))
    return y


def _parts(rows: np.ndarray) -> list[slice]:
    return blocks(len(rows), max(rows.shape[1] * rows.itemsize, BLOCK_BYTES // MAX_ROWS), BLOCK_BYTES)


@compiled
def _statistics(x: Any, mean: Any, squares: Any) -> None:
    """The mean of every column of x, and the sum of squares around it."""
    mean[:] = 0
    squares[:] = 0
    for i in range(len(x)):
        for j in range(len(mean)):
            mean[j] += x[i, j]
    mean /= np.float32(len(x))
    for i in range(len(x)):
        for j in range(len(mean)):
            centred = x[i, j] - mean[j]
            squares[j] += centred * centred


@compiled
def normalize(x: Any, mean: Any, scale: Any, shift: Any, y: Any) -> None:
    for i in range(len(x)):
        for j in range(len(mean)):
            y[i, j] = (x[i, j] - mean[j]) * scale[j] + shift[j]


@compiled
def add_up_products(g: Any, x: Any, mean: Any, sums: Any, products: Any) -> None:
    """The sums of g and of g * (x - mean) over every column."""
    for i in range(len(x)):
        for j in range(len(mean)):
            sums[j] += g[i, j]
        for j in range(len(mean)):
            products[j] += g[i, j] * (x[i, j] - mean[j])


@compiled
def pull_back(g: Any, x: Any, mean: Any, scale: Any, offset: Any, slope: Any, gx: Any) -> None:
    """offset: what passes through the mean; slope: what passes through the variance, per x - mean."""
    for i in range(len(x)):
        for j in range(len(mean)):
            gx[i, j] = g[i, j] * scale[j] - offset[j] - (x[i, j] - mean[j]) * slope[j]


# ---------------------------------------------------------------------- layer norm

def _is_layer_norm(x: np.ndarray, axes: Axes, *weights: np.ndarray | None) -> bool:
    """Whether each row of memory is a group, with one weight for each of its numbers, or no weights."""
    return (axes == tuple(range(axes[0], x.ndim)) and axes[0] > 0 and x.flags.c_contiguous
            and all(v is None or v.shape[:axes[0]] == (1,) * axes[0] and v.size == math.prod(x.shape[axes[0]:])
                    for v in weights))


def _layer_forward(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                   eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    length = math.prod(x.shape[axes[0]:])
    rows, y = x.reshape(-1, length), np.empty_like(x)
    mean, variance = np.empty((2, len(rows)), x.dtype)
    w = np.ones(length, x.dtype) if w is None else np.ascontiguousarray(w.reshape(-1))
    b = np.zeros(length, x.dtype) if b is None else np.ascontiguousarray(b.reshape(-1))
    y_rows = y.reshape(-1, length)
    parallel(lambda s: _layer_normalize(rows[s], w, b, np.float32(eps), y_rows[s], mean[s], variance[s]),
             shares(len(rows)))
    kept = x.shape[:axes[0]] + (1,) * len(axes)
    return y, mean.reshape(kept), variance.reshape(kept)


def _layer_grad(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray, variance: np.ndarray, axes: Axes,
                eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    length = math.prod(x.shape[axes[0]:])
    rows, gx = x.reshape(-1, length), np.empty_like(x)
    g_rows, gx_rows = np.ascontiguousarray(g).reshape(-1, length), gx.reshape(-1, length)
    rstd, mean = 1 / np.sqrt(variance.reshape(-1) + np.float32(eps)), mean.reshape(-1)
    kept = (1,) * axes[0] + x.shape[axes[0]:]
    w = np.ones(length, x.dtype) if w is None else np.ascontiguousarray(w.reshape(-1))
    parts = shares(len(rows))
    gw, gb = np.zeros((2, len(parts), length))

    def pull_back(i: int) -> None:
        s = parts[i]
        _layer_pull_back(g_rows[s], rows[s], w, mean[s], rstd[s], gx_rows[s], gw[i], gb[i])

    parallel(pull_back, range(len(parts)))
    return gx, gw.sum(axis=0).astype(x.dtype).reshape(kept), gb.sum(axis=0).astype(x.dtype).reshape(kept)


@compiled
def _layer_normalize(x: Any, w: Any, b: Any, eps: Any, y: Any, mean: Any, variance: Any) -> None:
    length = x.shape[1]
    for i in range(len(x)):
        total = np.float32(0)
        for j in range(length):
            total += x[i, j]
        row_mean = total / np.float32(length)
        left, total = np.float32(0), np.float32(0)
        for j in range(length):
            centred = x[i, j] - row_mean
            left += centred
            total += centred * centred
        left /= np.float32(length)                  # what the mean lost to its rounding
        mean[i], variance[i] = row_mean + left, total / np.float32(length) - left * left
        scale = np.float32(1) / np.sqrt(variance[i] + eps)
        for j in range(length):
            y[i, j] = ((x[i, j] - row_mean) - left) * scale * w[j] + b[j]


@compiled
def _layer_pull_back(g: Any, x: Any, w: Any, mean: Any, rstd: Any, gx: Any, gw: Any, gb: Any) -> None:
    """The formulas of `normalize_grad`, with h = g * w; gw and gb (D,), in float64, are added to."""
    length = x.shape[1]
    some_gw, some_gb = np.empty(length, np.float32), np.empty(length, np.float32)
    for start in range(0, len(x), FEW_ROWS):
        some_gw[:] = 0
        some_gb[:] = 0
        for i in range(start, min(start + FEW_ROWS, len(x))):
            row_mean, scale = mean[i], rstd[i]
            sum_h, sum_hz = np.float32(0), np.float32(0)
            for j in range(length):
                h = g[i, j] * w[j]
                sum_h += h
                sum_hz += h * ((x[i, j] - row_mean) * scale)
            sum_h /= np.float32(length)
            sum_hz /= np.float32(length)
            for j in range(length):
                some_gb[j] += g[i, j]
            for j in range(length):
                some_gw[j] += g[i, j] * ((x[i, j] - row_mean) * scale)
            for j in range(length):
                gx[i, j] = (g[i, j] * w[j] - sum_h - (x[i, j] - row_mean) * scale * sum_hz) * scale
        gw += some_gw
        gb += some_gb
