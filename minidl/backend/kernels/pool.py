"""2-d max and average pooling, and the kernels of their gradients.

Max pooling also returns the position of each maximum, as a flat index into the H*W plane. Its gradient scatters to
these positions. The gradient of the scatter gathers from them, and the gradient of the gather is the scatter again.
"""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernel import kernel
from minidl.backend.kernels.window import Pair, window_taps


class PoolGeometry(NamedTuple):
    """How the window moves over the image; pairs are (vertical, horizontal)."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    ceil_mode: bool


def pool2d_output_size(size: Pair, geometry: PoolGeometry) -> Pair:
    """The number of windows in the padded image: (H, W) -> (H', W').

    With `ceil_mode` the last window may reach over the right edge, if it starts inside the image or its left padding.
    """
    height, width = (
        output_length(*axis, geometry.ceil_mode) for axis in zip(size, *geometry[:4], strict=True))
    return height, width


def output_length(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    length = -(-room // stride) + 1
    return length - 1 if (length - 1) * stride >= size + padding else length


@kernel
def max_pool2d_forward(x: Array, geometry: PoolGeometry) -> tuple[Array, Array]:
    """The maximum of each window and its position: x (N, C, H, W) -> y, indices (N, C, H', W')

    Padding is never the maximum. The first of equal numbers is taken, and NaN is larger than every number (the last
    NaN is taken, as in PyTorch).
    """
    xp = array_module(x)
    (N, C, *size), out_size = x.shape, pool2d_output_size(x.shape[2:], geometry)
    y = xp.full((N, C, *out_size), lowest(x.dtype), dtype=x.dtype)
    indices = xp.zeros((N, C, *out_size), dtype=np.int64)
    indices += _first_positions(xp, size, out_size, geometry)
    plane = xp.arange(size[0] * size[1]).reshape(size)
    for _, _, target, source in window_taps(size, out_size, *geometry[:4]):
        better = (x[source] > y[target]) | xp.isnan(x[source])
        y[target] = xp.where(better, x[source], y[target])
        indices[target] = xp.where(better, plane[source], indices[target])
    return y, indices


@kernel
def max_pool2d_scatter(g: Array, indices: Array, input_size: Pair) -> Array:
    """gx[n, c, indices[n,c,i,j]] += g[n,c,i,j]: (N, C, H', W') -> (N, C, H, W)"""
    xp = array_module(g)
    (N, C), (H, W) = g.shape[:2], input_size
    gx = xp.zeros(N * C * H * W, dtype=g.dtype)
    planes = xp.arange(N * C).reshape(N, C, 1, 1) * (H * W)
    xp.add.at(gx, (indices + planes).reshape(-1), g.reshape(-1))
    return gx.reshape(N, C, H, W)


@kernel
def max_pool2d_gather(x: Array, indices: Array) -> Array:
    """y[n,c,i,j] = x[n, c, indices[n,c,i,j]]: (N, C, H, W) -> (N, C, H', W')"""
    N, C, H, W = x.shape
    height, width = indices.shape[2:]
    flat = indices.reshape(N, C, height * width)
    y = array_module(x).take_along_axis(x.reshape(N, C, H * W), flat, 2)
    return y.reshape(N, C, height, width)


@kernel
def adaptive_max_pool2d_forward(x: Array, output_size: Pair) -> tuple[Array, Array]:
    """Max pooling to a given size: window i covers floor(i*H/H') to ceil((i+1)*H/H').

    x (N, C, H, W) -> y, indices (N, C, H', W')
    """
    xp = array_module(x)
    (N, C, H, W), (height, width) = x.shape, output_size
    if height and width and H % height == 0 and W % width == 0:
        window = (H // height, W // width)
        return max_pool2d_forward(x, PoolGeometry(window, window, (0, 0), (1, 1), False))
    row_starts, row_ends, column_starts, column_ends = (
        *_shares(xp, H, height), *_shares(xp, W, width))
    y = xp.full((N, C, height, width), lowest(x.dtype), dtype=x.dtype)
    indices = xp.zeros((N, C, height, width), dtype=np.int64)
    indices += row_starts[:, None] * W + column_starts
    # windows differ in length by at most one row; a short window reads its last row twice, which changes nothing
    for u in range(-(-H // height) + 1 if height else 0):
        rows = xp.minimum(row_starts + u, row_ends - 1)[:, None]
        for v in range(-(-W // width) + 1 if width else 0):
            columns = xp.minimum(column_starts + v, column_ends - 1)
            values = x[:, :, rows, columns]
            better = (values > y) | xp.isnan(values)
            y = xp.where(better, values, y)
            indices = xp.where(better, rows * W + columns, indices)
    return y, indices


@kernel
def avg_pool2d_forward(x: Array, geometry: PoolGeometry, count_include_pad: bool,
                       divisor_override: int | None) -> Array:
    """The mean of each window, x (N, C, H, W) -> (N, C, H', W')"""
    xp = array_module(x)
    (N, C), size, out_size = x.shape[:2], x.shape[2:], pool2d_output_size(x.shape[2:], geometry)
    y = xp.zeros_like(x, dtype=accumulation_dtype(x.dtype), shape=(N, C, *out_size))
    for _, _, target, source in window_taps(size, out_size, *geometry[:4]):
        y[target] += x[source]
    y /= _divisor(xp, y.dtype, size, out_size, geometry, count_include_pad, divisor_override)
    return y.astype(x.dtype, copy=False)


@kernel
def avg_pool2d_scatter(g: Array, input_size: Pair, geometry: PoolGeometry, count_include_pad: bool,
                       divisor_override: int | None) -> Array:
    """The transpose of `avg_pool2d_forward`: each g is spread over its window.

    g (N, C, H', W') -> (N, C, *input_size)
    """
    xp = array_module(g)
    (N, C), out_size = g.shape[:2], g.shape[2:]
    gx = xp.zeros_like(g, dtype=accumulation_dtype(g.dtype), shape=(N, C, *input_size))
    share = g / _divisor(xp, gx.dtype, input_size, out_size, geometry, count_include_pad, divisor_override)
    for _, _, target, source in window_taps(input_size, out_size, *geometry[:4]):
        gx[source] += share[target]
    return gx.astype(g.dtype, copy=False)


def lowest(dtype: np.dtype) -> Any:
    """The smallest number of a dtype, -inf for floating numbers."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _first_positions(xp: Any, size: Pair, out_size: Pair, geometry: PoolGeometry) -> Array:
    """The flat position of each window's first element inside the image, (H', W')."""
    rows, columns = (
        xp.arange(out_size[axis]) * geometry.stride[axis] - geometry.padding[axis] for axis in (0, 1))
    dh, dw = geometry.dilation
    rows -= xp.minimum(rows, 0) // dh * dh                        # move to the first tap that is not padding
    columns -= xp.minimum(columns, 0) // dw * dw
    return rows[:, None] * size[1] + columns


def _shares(xp: Any, size: int, out_size: int) -> tuple[Array, Array]:
    """The starts and the ends of the windows of adaptive pooling along one axis."""
    i = xp.arange(out_size)
    return i * size // max(1, out_size), -(-(i + 1) * size // max(1, out_size))


def _divisor(xp: Any, dtype: np.dtype, size: Pair, out_size: Pair, geometry: PoolGeometry,
             count_include_pad: bool, divisor_override: int | None) -> Any:
    """The divisor of each window's sum: one number where all windows are equal, else (H', W')."""
    if divisor_override is not None:
        return divisor_override
    heights, widths = (
        _counts(*axis, count_include_pad) for axis in zip(size, out_size, *geometry[:3], strict=True))
    if len({*heights}) <= 1 and len({*widths}) <= 1:
        return heights[0] * widths[0] if heights and widths else 1
    return xp.asarray(np.outer(heights, widths), dtype=dtype)


def _counts(size: int, out_size: int, kernel: int, stride: int, padding: int,
            count_include_pad: bool) -> list[int]:
    """The number of elements in each window along one axis; those beyond the padding never count."""
    low, high = (-padding, size + padding) if count_include_pad else (0, size)
    starts = [i * stride - padding for i in range(out_size)]
    return [min(start + kernel, high) - max(start, low) for start in starts]

