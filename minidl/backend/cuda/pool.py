"""2-d pooling on the GPU: one launch each way."""
from __future__ import annotations

import functools
import math
from typing import Any

import cupy
import numpy as np

from minidl.backend.cuda.module import function, is_real, launch, record, rows, steps
from minidl.backend.device import Array
from minidl.backend.kernels.pool import (
    PoolGeometry,
    avg_pool2d_forward,
    avg_pool2d_scatter,
    max_pool2d_forward,
    max_pool2d_gather,
    max_pool2d_scatter,
    pool2d_output_size,
)
from minidl.backend.kernels.window import Pair

_GEOMETRY = np.dtype([(name, np.int32) for name in "N C H W height width".split()]
                     + [(name, np.int32, 2) for name in "kernel stride padding dilation".split()])


@max_pool2d_forward.register("cupy")
def max_pool2d_forward_by_window(x: Array, geometry: PoolGeometry) -> Any:
    if not is_real(x):
        return NotImplemented
    shape = (*x.shape[:2], *pool2d_output_size(x.shape[2:], geometry))
    y, indices = cupy.empty(shape, x.dtype), cupy.empty(shape, np.int64)
    _launch("max_pool2d_forward", y.size, x, y, indices, steps(x), _sizes(x.shape, shape, geometry))
    return y, indices


@max_pool2d_gather.register("cupy")
def max_pool2d_gather_by_thread(x: Array, indices: Array) -> Any:
    if not is_real(x):
        return NotImplemented
    y = cupy.empty(indices.shape, x.dtype)
    _launch("max_pool2d_gather", y.size, rows(x), rows(indices), y, *_planes(x.shape, indices.shape))
    return y


@max_pool2d_scatter.register("cupy")
def max_pool2d_scatter_atomic(g: Array, indices: Array, input_size: Pair) -> Any:
    if g.dtype not in (np.float32, np.float64):
        return NotImplemented
    gx = cupy.zeros((*g.shape[:2], *input_size), g.dtype)
    _launch("max_pool2d_scatter", g.size, rows(g), rows(indices), gx, *_planes(gx.shape, g.shape))
    return gx


@avg_pool2d_forward.register("cupy")
def avg_pool2d_forward_by_window(x: Array, geometry: PoolGeometry, count_include_pad: bool,
                                 divisor_override: int | None) -> Any:
    if not is_real(x) or geometry.dilation != (1, 1):
        return NotImplemented
    y = cupy.empty((*x.shape[:2], *pool2d_output_size(x.shape[2:], geometry)), x.dtype)
    _launch("avg_pool2d_forward", y.size, x, y, steps(x), _sizes(x.shape, y.shape, geometry),
            np.bool_(count_include_pad), np.int64(divisor_override or 0))
    return y


@avg_pool2d_scatter.register("cupy")
def avg_pool2d_scatter_by_element(g: Array, input_size: Pair, geometry: PoolGeometry, count_include_pad: bool,
                                  divisor_override: int | None) -> Any:
    if not is_real(g) or geometry.dilation != (1, 1):
        return NotImplemented
    gx = cupy.empty((*g.shape[:2], *input_size), g.dtype)
    _launch("avg_pool2d_scatter", gx.size, g, gx, steps(g), _sizes(gx.shape, g.shape, geometry),
            np.bool_(count_include_pad), np.int64(divisor_override or 0))
    return gx


def _launch(name: str, size: int, *args: Any) -> None:
    launch(function("pool.cu", name, args[0].dtype), size, *args)


@functools.lru_cache(1024)
def _sizes(images: tuple[int, ...], outputs: tuple[int, ...], geometry: PoolGeometry) -> np.void:
    return record((*images, *outputs[2:], *geometry[:4]), _GEOMETRY)


def _planes(images: tuple[int, ...], outputs: tuple[int, ...]) -> tuple[Any, Any]:
    """The elements of a plane before and after pooling."""
    return np.int64(math.prod(images[2:])), np.int64(max(1, math.prod(outputs[2:])))
