"""Max pooling of channels-last images, compiled: all channels of a window are compared at once."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, is_single, shares
from minidl.backend.cpu.threads import parallel
from minidl.backend.kernels.pool import PoolGeometry, max_pool2d_forward, max_pool2d_scatter, pool2d_output_size
from minidl.backend.kernels.window import Pair

FEW_CHANNELS = 16   # fewer channels are too short for the vector instructions


@max_pool2d_forward.register("numpy", layer="compiled")
def max_pool2d_forward_by_windows(x: np.ndarray, geometry: PoolGeometry) -> Any:
    if not (is_single(x) and _is_channels_last(x) and geometry.dilation == (1, 1)):
        return NotImplemented       # the taps of a dilated window may all lie outside the image
    (N, C), (height, width) = x.shape[:2], pool2d_output_size(x.shape[2:], geometry)
    y, indices = np.empty((N, height, width, C), x.dtype), np.empty((N, height, width, C), np.int64)
    images = x.transpose(0, 2, 3, 1)
    parallel(lambda s: _pool(images[s], y[s], indices[s], *geometry[:3]), shares(N))
    return y.transpose(0, 3, 1, 2), indices.transpose(0, 3, 1, 2)


@max_pool2d_scatter.register("numpy", layer="compiled")
def max_pool2d_scatter_channels_last(g: np.ndarray, indices: np.ndarray, input_size: Pair) -> Any:
    if not (is_single(g) and _is_channels_last(g) and _is_channels_last(indices)):
        return NotImplemented
    (N, C), (H, W) = g.shape[:2], input_size
    grads, places = g.transpose(0, 2, 3, 1).reshape(N, -1, C), indices.transpose(0, 2, 3, 1).reshape(N, -1, C)
    gx = np.empty((N, H * W, C), g.dtype)
    parallel(lambda s: _scatter(grads[s], places[s], gx[s]), shares(N))
    return gx.reshape(N, H, W, C).transpose(0, 3, 1, 2)


def _is_channels_last(x: np.ndarray) -> bool:
    return x.shape[1] >= FEW_CHANNELS and x.size > 0 and x.transpose(0, 2, 3, 1).flags.c_contiguous


@compiled
def _pool(x: Any, y: Any, indices: Any, kernel: Any, stride: Any, padding: Any) -> None:
    (N, H, W, C), (height, width) = x.shape, y.shape[1:3]
    for n in range(N):
        for i in range(height):
            for j in range(width):
                top, left = i * stride[0] - padding[0], j * stride[1] - padding[1]
                unset = True
                for u in range(kernel[0]):
                    for v in range(kernel[1]):
                        a, b = top + u, left + v
                        if not (0 <= a < H and 0 <= b < W):
                            continue
                        place = a * W + b
                        for c in range(C):
                            pixel, best = x[n, a, b, c], y[n, i, j, c]
                            better = unset or pixel > best or pixel != pixel        # NaN is larger than every number
                            y[n, i, j, c] = pixel if better else best
                            indices[n, i, j, c] = place if better else indices[n, i, j, c]
                        unset = False


@compiled
def _scatter(g: Any, indices: Any, gx: Any) -> None:
    for n in range(len(g)):
        gx[n] = 0
        for i in range(g.shape[1]):
            for c in range(g.shape[2]):
                gx[n, indices[n, i, c], c] += g[n, i, c]
