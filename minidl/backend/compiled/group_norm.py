"""Group and instance norm, compiled: all passes over one image after the other, while it is in the cache.

Each image is read as a matrix of rows, a few pixels of all channels each: the loop along a row has no sums that wait
for each other.
"""
from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, is_single
from minidl.backend.compiled.norm import MIN_SIZE, add_up_products, normalize, pull_back
from minidl.backend.cpu.group_norm import (
    MAX_ROWS,
    channels_behind,
    is_group_norm,
    some_images,
    statistics_shape,
    sums_of_groups,
    sums_over_images,
)
from minidl.backend.cpu.norm import SERIAL_BYTES
from minidl.backend.cpu.threads import parallel
from minidl.backend.kernels.norm import Axes, normalize_forward, normalize_grad
from minidl.backend.layout import row_major

MAX_COLUMNS = 512       # more do not stay in the nearest cache, with a few numbers for each

f = np.float32


@normalize_forward.register("numpy", layer="compiled", before="normalize_forward_two_passes")
def normalize_forward_image_by_image(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                                     eps: float) -> Any:
    if not (is_single(x, w, b) and x.size > MIN_SIZE and is_group_norm(x, axes, w, b)):
        return NotImplemented
    y, (mean, variance) = np.empty_like(x), np.empty((2, *x.shape[:2]), x.dtype)
    rows = _rows_of(*x.shape[1:])
    images, y_images, weight, bias = _by_image(x, rows), _by_image(y, rows), _each(w, x, f(1)), _each(b, x, f(0))
    parallel(lambda s: _normalize_each(images[s], weight, bias, f(eps), y_images[s], mean[s], variance[s]),
             some_images(x, SERIAL_BYTES))
    return y, mean.reshape(statistics_shape(x)), variance.reshape(statistics_shape(x))


@normalize_grad.register("numpy", layer="compiled", before="normalize_grad_two_passes")
def normalize_grad_image_by_image(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                                  variance: np.ndarray, axes: Axes, across: Axes, eps: float) -> Any:
    if not (is_single(g, x, w) and x.size > MIN_SIZE and is_group_norm(x, axes, w)
            and sums_of_groups(w, axes, across)):
        return NotImplemented
    gx, (gw, gb) = np.empty_like(x), np.empty((2, *x.shape[:3]), x.dtype)       # gw and gb of each image
    rows, weight = _rows_of(*x.shape[1:]), _each(w, x, f(1))
    images, g_images, gx_images = _by_image(x, rows), _by_image(g, rows), _by_image(gx, rows)
    mean, rstd, gw_rows, gb_rows = (v.reshape(len(x), -1) for v in (mean, 1 / np.sqrt(variance + f(eps)), gw, gb))
    parallel(lambda s: _pull_back_each(g_images[s], images[s], weight, mean[s], rstd[s], gx_images[s], gw_rows[s],
                                       gb_rows[s]), some_images(x, SERIAL_BYTES))
    return gx, *sums_over_images(gw, gb, x, axes == across)


@functools.lru_cache
def _rows_of(groups: int, channels: int, *size: int) -> int:
    """How many rows an image has."""
    pixels = math.prod(size)
    in_row = range(max(1, -(-pixels // MAX_ROWS)), MAX_COLUMNS // (groups * channels) + 1)
    return pixels // max((number for number in in_row if pixels % number == 0), default=size[-1])


def _by_image(x: np.ndarray, rows: int) -> np.ndarray:
    """(N, groups, channels, *) -> (N, rows, columns): in a row, a few pixels of all channels"""
    behind = channels_behind(x)
    return (behind if behind.flags.c_contiguous else row_major(behind)).reshape(len(x), rows, -1)


def _each(values: np.ndarray | None, x: np.ndarray, default: Any) -> np.ndarray:
    """The weights as a vector (groups * channels,), or `default` for each."""
    return np.full(x.shape[1] * x.shape[2], default) if values is None else row_major(values.reshape(-1))


@compiled
def _normalize_each(x: Any, w: Any, b: Any, eps: Any, y: Any, mean: Any, variance: Any) -> None:
    """x, y (n, rows, columns), w, b (C,), mean, variance (n, groups)"""
    rows, columns = x.shape[1:]
    in_group, count = len(w) // mean.shape[1], f(rows * columns // mean.shape[1])
    each, centre, scale, shift = np.empty_like(w), np.zeros(columns, f), np.empty(columns, f), np.empty(columns, f)
    _along_columns(b, shift)
    for n in range(len(x)):
        image, sums = x[n], scale
        _add_up(image, sums)
        _each_channel(sums, each)
        _mean_of_each_group(each, count, mean[n])
        for c in range(len(w)):
            each[c] = mean[n, c // in_group]
        _along_columns(each, centre)
        _add_up_squares(image, centre, sums)
        _each_channel(sums, each)
        _mean_of_each_group(each, count, variance[n])
        for c in range(len(w)):
            each[c] = w[c] / np.sqrt(variance[n, c // in_group] + eps)
        _along_columns(each, scale)
        normalize(image, centre, scale, shift, y[n])


@compiled
def _pull_back_each(g: Any, x: Any, w: Any, mean: Any, rstd: Any, gx: Any, gw: Any, gb: Any) -> None:
    """The formulas of `normalize_grad`, with h = g * w: g, x, gx (n, rows, columns), gw, gb (n, C)"""
    rows, columns = x.shape[1:]
    in_group, count = len(w) // mean.shape[1], f(rows * columns // mean.shape[1])
    each, each_scale, each_offset, each_slope = np.empty_like(w), np.empty_like(w), np.empty_like(w), np.empty_like(w)
    centre, scale = np.empty(columns, f), np.empty(columns, f)      # as rows of one array, they took three times
    offset, slope = np.empty(columns, f), np.empty(columns, f)      # as long: then the loops are no vector instructions
    for n in range(len(x)):
        for c in range(len(w)):
            each[c] = mean[n, c // in_group]
        _along_columns(each, centre)
        offset[:] = 0
        slope[:] = 0
        add_up_products(g[n], x[n], centre, offset, slope)
        _each_channel(offset, gb[n])
        _each_channel(slope, gw[n])
        for k in range(mean.shape[1]):
            mean_h, mean_hz = f(0), f(0)
            for c in range(k * in_group, (k + 1) * in_group):
                gw[n, c] *= rstd[n, k]
                mean_h += gb[n, c] * w[c] / count
                mean_hz += gw[n, c] * w[c] / count
            for c in range(k * in_group, (k + 1) * in_group):
                each_scale[c] = w[c] * rstd[n, k]
                each_offset[c] = mean_h * rstd[n, k]                        # what passes through the mean
                each_slope[c] = mean_hz * rstd[n, k] * rstd[n, k]           # what passes through the variance
        _along_columns(each_scale, scale)
        _along_columns(each_offset, offset)
        _along_columns(each_slope, slope)
        pull_back(g[n], x[n], centre, scale, offset, slope, gx[n])


@compiled
def _add_up(x: Any, sums: Any) -> None:
    sums[:] = 0
    for i in range(len(x)):
        for j in range(len(sums)):
            sums[j] += x[i, j]


@compiled
def _add_up_squares(x: Any, centre: Any, sums: Any) -> None:
    sums[:] = 0
    for i in range(len(x)):
        for j in range(len(sums)):
            centred = x[i, j] - centre[j]
            sums[j] += centred * centred


@compiled
def _each_channel(sums: Any, each: Any) -> None:
    """Sums of columns to those of each channel (C,)"""
    each[:] = 0
    for start in range(0, len(sums), len(each)):
        for c in range(len(each)):
            each[c] += sums[start + c]


@compiled
def _mean_of_each_group(each: Any, count: Any, mean: Any) -> None:
    """Sums of each channel (C,) to the mean of each group (groups,), which has `count` numbers"""
    in_group = len(each) // len(mean)
    mean[:] = 0
    for c in range(len(each)):
        mean[c // in_group] += each[c] / count


@compiled
def _along_columns(each: Any, columns: Any) -> None:
    """A number for each channel (C,), for each column"""
    for start in range(0, len(columns), len(each)):
        for c in range(len(each)):
            columns[start + c] = each[c]
