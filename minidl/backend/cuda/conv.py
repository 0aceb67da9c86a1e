"""2-d convolution on the GPU: one launch forward and one for each gradient, with images in any order in memory."""
from __future__ import annotations

import functools
from typing import Any

import cupy
import numpy as np

from minidl.backend.cuda.module import function, is_real, record, rows, steps
from minidl.backend.device import Array
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.conv import (
    ConvGeometry,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_output_size,
    conv2d_parameter_grads,
    conv2d_weight_grad,
)
from minidl.backend.kernels.window import Pair

TILE, THREADS = 64, 256             # as in conv.cu
MOST = (1 << 31) - TILE             # indices of elements are ints there, to the end of the last tile
MOST_LAYERS = (1 << 16) - 1         # of a grid; there is one for each group
ENOUGH_BLOCKS = 512                 # the positions are shared out until there are so many
LEAST_SHARE = 1024                  # positions for a block, below which sharing out does not pay

_GEOMETRY = np.dtype([(name, np.int32) for name in "N C H W O height width kh kw groups".split()]
                     + [(name, np.int32, 2) for name in ("stride", "padding", "dilation")])


@conv2d_forward.register("cupy")
def conv2d_forward_tiled(x: Array, w: Array, geometry: ConvGeometry, b: Array | None = None) -> Array:
    (N, _, H, W), O, kernel = x.shape, len(w), w.shape[2:]
    height, width = conv2d_output_size((H, W), kernel, geometry)
    y = cupy.empty((N, O, height, width), x.dtype)
    if _declines(geometry, x, w, y) or b is not None and b.dtype != x.dtype:
        return NotImplemented
    g, bias = geometry.groups, np.uint64(0) if b is None else rows(b)
    _launch("conv2d_forward", (x.dtype,), (O // g, N * height * width, g), x, rows(w), bias, y, steps(x),
            _sizes(x.shape, y.shape, kernel, geometry))
    return y


@conv2d_input_grad.register("cupy")
def conv2d_input_grad_tiled(g: Array, w: Array, input_size: Pair, geometry: ConvGeometry) -> Array:
    N, C = len(g), w.shape[1] * geometry.groups
    gx = cupy.empty((N, C, *input_size), g.dtype)
    if _declines(geometry, g, w, gx):
        return NotImplemented
    _launch("conv2d_input_grad", (g.dtype,), (w.shape[1], N * input_size[0] * input_size[1], geometry.groups), g,
            rows(w), gx, steps(g), _sizes(gx.shape, g.shape, w.shape[2:], geometry))
    return gx


@conv2d_weight_grad.register("cupy")
def conv2d_weight_grad_tiled(x: Array, g: Array, kernel_size: Pair, geometry: ConvGeometry) -> Array:
    gw = _parameter_grads(x, g, kernel_size, geometry, False)
    return gw if gw is NotImplemented else gw[0]


@conv2d_parameter_grads.register("cupy")
def conv2d_parameter_grads_tiled(x: Array, g: Array, kernel_size: Pair, geometry: ConvGeometry) -> Any:
    return _parameter_grads(x, g, kernel_size, geometry, True)


def _parameter_grads(x: Array, g: Array, kernel_size: Pair, geometry: ConvGeometry, of_bias: bool) -> Any:
    (N, O, height, width), groups = g.shape, geometry.groups
    c, dtype = x.shape[1] // groups, accumulation_dtype(x.dtype)
    if _declines(geometry, x, g):
        return NotImplemented
    positions, length = N * height * width, c * kernel_size[0] * kernel_size[1]
    blocks = max(1, groups * _tiles(O // groups) * _tiles(length + of_bias))
    parts = max(1, min(ENOUGH_BLOCKS // blocks, positions // LEAST_SHARE))
    new = cupy.empty if parts == 1 and positions else cupy.zeros
    gw, gb = new((O, c, *kernel_size), dtype), new(O, dtype) if of_bias else None
    _launch("conv2d_weight_grad", (x.dtype, dtype), (O // groups, length + of_bias, groups * parts), x, g, gw,
            np.uint64(0) if gb is None else gb, steps(x), steps(g), _sizes(x.shape, g.shape, gw.shape[2:], geometry),
            np.int32(parts))
    return gw.astype(x.dtype, copy=False), gb if gb is None else gb.astype(x.dtype, copy=False)


def _declines(geometry: ConvGeometry, a: Array, b: Array, *others: Array) -> bool:
    return (not is_real(a) or a.dtype != b.dtype or max(x.size for x in (a, b, *others)) > MOST
            or geometry.groups > MOST_LAYERS)


def _launch(name: str, dtypes: tuple[np.dtype, ...], size: tuple[int, int, int], *args: Any) -> None:
    """A block for each tile of M x N results, in `size[2]` layers."""
    M, N, layers = size
    if M and N and layers:
        function("conv.cu", name, *dtypes)((_tiles(N), _tiles(M), layers), (THREADS,), args)


def _tiles(n: int) -> int:
    return -(-n // TILE)


@functools.lru_cache(1024)
def _sizes(images: tuple[int, ...], outputs: tuple[int, ...], kernel: Pair, geometry: ConvGeometry) -> np.void:
    return record((*images, *outputs[1:], *kernel, geometry.groups, *geometry[:3]), _GEOMETRY)
