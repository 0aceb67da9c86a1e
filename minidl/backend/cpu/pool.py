"""Pooling on the CPU: a few passes over strided slices.

The positions of the maxima are small integers in these passes.
Each thread takes a few images at a time, so that they stay in the cache between the passes. Results keep the memory
layout of their input, channels-last or not.
"""
from __future__ import annotations

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.kernels.pool import (
    PoolGeometry,
    lowest,
    max_pool2d_forward,
    max_pool2d_scatter,
    pool2d_output_size,
)
from minidl.backend.kernels.window import Pair, window_taps

BLOCK_BYTES = 1 << 21   # of images at a time


@max_pool2d_forward.register("numpy")
def max_pool2d_forward_by_taps(x: np.ndarray, geometry: PoolGeometry) -> tuple[np.ndarray, np.ndarray]:
    (N, C, *size), (kh, kw), (dh, dw) = x.shape, geometry.kernel, geometry.dilation
    if kh * kw > 256:
        return NotImplemented
    out_size = pool2d_output_size(x.shape[2:], geometry)
    taps = list(window_taps(x.shape[2:], out_size, *geometry[:4]))
    first, corners = _windows(out_size, geometry, size[1])
    places = np.add.outer(np.arange(kh) * (dh * size[1]), np.arange(kw) * dw).reshape(-1)
    y = np.empty_like(x, shape=(N, C, *out_size))
    indices = np.empty_like(y, dtype=np.int64)

    def pool(images: slice) -> None:
        x_part, y_part, indices_part = x[images], y[images], indices[images]
        y_part[...] = lowest(x.dtype)
        winner = np.empty_like(y_part, dtype=np.uint8)            # the number u*kw + v of the winning tap
        winner[:] = first
        for u, v, target, source in taps:                         # numbers only grow, so maxima merge them
            better = np.greater(x_part[source], y_part[target]).view(np.uint8)
            better *= u * kw + v
            np.maximum(winner[target], better, out=winner[target])
            np.maximum(y_part[target], x_part[source], out=y_part[target])
        if np.isnan(y_part).any():
            for u, v, target, source in taps:
                winner[target][np.isnan(x_part[source])] = u * kw + v
        np.add(places[winner], corners, out=indices_part)         # places are relative to the corner of the window

    parallel(pool, blocks(N, x.nbytes // max(1, N), BLOCK_BYTES))
    return y, indices


@max_pool2d_scatter.register("numpy")
def max_pool2d_scatter_channels_last(g: np.ndarray, indices: np.ndarray, input_size: Pair) -> np.ndarray:
    (N, C), (H, W) = g.shape[:2], input_size
    if g.strides[1] != g.itemsize or C == 1:
        return NotImplemented
    gx = np.zeros((N, H * W * C), g.dtype)

    def scatter(images: slice) -> None:
        part = gx[images].reshape(-1)
        positions = indices[images].transpose(0, 2, 3, 1) * C     # channels-last: pixel h*W + w, then channel c
        positions += np.arange(C)
        positions += np.arange(len(positions)).reshape(-1, 1, 1, 1) * (H * W * C)
        np.add.at(part, positions.reshape(-1), g[images].transpose(0, 2, 3, 1).reshape(-1))

    parallel(scatter, blocks(N, g.nbytes // max(1, N), BLOCK_BYTES))
    return gx.reshape(N, H, W, C).transpose(0, 3, 1, 2)


def _windows(out_size: Pair, geometry: PoolGeometry, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The first tap inside the image, and the flat position of the corner, of each window (H', W')."""
    rows, columns = (np.arange(length) * stride - padding for length, stride, padding in zip(
        out_size, geometry.stride, geometry.padding, strict=True))
    (_, kw), (dh, dw) = geometry.kernel, geometry.dilation
    first = np.add.outer(-(np.minimum(rows, 0) // dh) * kw, -(np.minimum(columns, 0) // dw))
    return first, np.add.outer(rows * width, columns)
