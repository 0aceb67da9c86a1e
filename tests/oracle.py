"""Naive answers: one loop for each index in the formula, float64, and nothing shared with the package.

Slow and plain on purpose. Sizes and windows are worked out here again, so that a mistake in the package's
own geometry cannot hide.
"""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

Pair = tuple[int, int]


def conv_length(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many times a kernel fits, by trying."""
    count = 0
    while count * stride + (kernel - 1) * dilation < size + 2 * padding:
        count += 1
    return count


def _conv_terms(x_shape: Any, w_shape: Any, stride: Pair, padding: Pair, dilation: Pair,
                groups: int) -> Iterator[tuple[tuple, tuple, tuple]]:
    """Every product of a convolution: the indices of its factors in x and w, and of the y it adds to."""
    (N, _, H, W), (O, c, kh, kw) = x_shape, w_shape
    height = conv_length(H, kh, stride[0], padding[0], dilation[0])
    width = conv_length(W, kw, stride[1], padding[1], dilation[1])
    for n, o, i, j, ci, u, v in itertools.product(*map(range, (N, O, height, width, c, kh, kw))):
        row = i * stride[0] - padding[0] + u * dilation[0]
        column = j * stride[1] - padding[1] + v * dilation[1]
        if 0 <= row < H and 0 <= column < W:
            channel = o // (O // groups) * c + ci
            yield (n, channel, row, column), (o, ci, u, v), (n, o, i, j)


def conv2d(x: Any, w: Any, stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1),
           groups: int = 1) -> np.ndarray:
    """y[n,o,i,j] += x[n,c,row,column] * w[o,c,u,v]"""
    x, w = np.asarray(x, np.float64), np.asarray(w, np.float64)
    size = [conv_length(*axis) for axis in zip(x.shape[2:], w.shape[2:], stride, padding, dilation)]
    y = np.zeros((len(x), len(w), *size))
    for at_x, at_w, at_y in _conv_terms(x.shape, w.shape, stride, padding, dilation, groups):
        y[at_y] += x[at_x] * w[at_w]
    return y


def conv2d_input_grad(g: Any, w: Any, input_size: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0),
                      dilation: Pair = (1, 1), groups: int = 1) -> np.ndarray:
    """gx[n,c,row,column] += g[n,o,i,j] * w[o,c,u,v]"""
    g, w = np.asarray(g, np.float64), np.asarray(w, np.float64)
    gx = np.zeros((len(g), w.shape[1] * groups, *input_size))
    for at_x, at_w, at_y in _conv_terms(gx.shape, w.shape, stride, padding, dilation, groups):
        gx[at_x] += g[at_y] * w[at_w]
    return gx


def conv2d_weight_grad(x: Any, g: Any, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0),
                       dilation: Pair = (1, 1), groups: int = 1) -> np.ndarray:
    """gw[o,c,u,v] += x[n,c,row,column] * g[n,o,i,j]"""
    x, g = np.asarray(x, np.float64), np.asarray(g, np.float64)
    gw = np.zeros((g.shape[1], x.shape[1] // groups, *kernel))
    for at_x, at_w, at_y in _conv_terms(x.shape, gw.shape, stride, padding, dilation, groups):
        gw[at_w] += x[at_x] * g[at_y]
    return gw


def pool_windows(size: int, kernel: int, stride: int, padding: int = 0, dilation: int = 1,
                 ceil_mode: bool = False) -> list[range]:
    """The rows of each window of a pooling along one axis, padding included."""
    windows = []
    while True:
        start = len(windows) * stride - padding
        window = range(start, start + (kernel - 1) * dilation + 1, dilation)
        fits = window[-1] < size + padding
        # a window that hangs over may follow one that fits, if it does not start beyond the image
        hangs = ceil_mode and window[-1] < size + padding + stride and start < size
        if not (fits or hangs):
            return windows
        windows.append(window)


def max_pool2d(x: Any, kernel: Pair, stride: Pair, padding: Pair = (0, 0), dilation: Pair = (1, 1),
               ceil_mode: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The maxima and their flat positions; the first of equals, the last NaN."""
    axes = (pool_windows(*axis, ceil_mode) for axis in zip(
        np.shape(x)[2:], kernel, stride, padding, dilation))
    return _max_over_windows(np.asarray(x), *axes)


def adaptive_max_pool2d(x: Any, output_size: Pair) -> tuple[np.ndarray, np.ndarray]:
    axes = ([range(math.floor(i * n / out), math.ceil((i + 1) * n / out)) for i in range(out)]
            for n, out in zip(np.shape(x)[2:], output_size))
    return _max_over_windows(np.asarray(x), *axes)


def _max_over_windows(x: np.ndarray, row_windows: list[range],
                      column_windows: list[range]) -> tuple[np.ndarray, np.ndarray]:
    N, C, H, W = x.shape
    y = np.empty((N, C, len(row_windows), len(column_windows)), x.dtype)
    indices = np.empty(y.shape, np.int64)
    for n, c, i, j in np.ndindex(y.shape):
        best, where = None, -1
        for row, column in itertools.product(row_windows[i], column_windows[j]):
            if 0 <= row < H and 0 <= column < W:
                value = x[n, c, row, column]
                if best is None or value > best or value != value:
                    best, where = value, row * W + column
        y[n, c, i, j], indices[n, c, i, j] = best, where
    return y, indices


def avg_pool2d(x: Any, kernel: Pair, stride: Pair, padding: Pair = (0, 0), ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> np.ndarray:
    """Means of windows; padding counts if asked for, what hangs over the padding never does."""
    x = np.asarray(x, np.float64)
    N, C, H, W = x.shape
    rows = pool_windows(H, kernel[0], stride[0], padding[0], 1, ceil_mode)
    columns = pool_windows(W, kernel[1], stride[1], padding[1], 1, ceil_mode)
    y = np.zeros((N, C, len(rows), len(columns)))
    for n, c, i, j in np.ndindex(y.shape):
        inside = [(r, k) for r in rows[i] for k in columns[j] if 0 <= r < H and 0 <= k < W]
        counted = [(r, k) for r in rows[i] for k in columns[j]
                   if r < H + padding[0] and k < W + padding[1]]
        divisor = divisor_override or len(counted if count_include_pad else inside)
        y[n, c, i, j] = sum(x[n, c, r, k] for r, k in inside) / divisor
    return y
