"""Convolution, compiled: a matrix product for every few rows of outputs.

Their patches stay in the cache until the product has read them.
`backend/cpu/conv.py` does the same with more pixels at a time, since each of its calls to NumPy takes Python's lock.
"""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.blas import one_blas_thread
from minidl.backend.compiled.compiler import channels_last, compiled, dot, is_single, parallel, shares
from minidl.backend.compiled.vectors import LANES
from minidl.backend.cpu.conv import FEW_CHANNELS, flipped_padding, weight_matrix
from minidl.backend.cpu.matmul import rows_per_product
from minidl.backend.cpu.norm import along_row
from minidl.backend.cpu.threads import parallel_sum
from minidl.backend.kernels.conv import (
    ConvGeometry,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_output_size,
    conv2d_weight_grad,
)
from minidl.backend.kernels.window import Pair

PATCH_BYTES = 1 << 17       # of patches at a time
FEW_COLUMNS = 16            # of a product, which has C of them where an input gradient is computed as a convolution
WEIGHT_BYTES = 1 << 18      # every product reads all weights again, so larger weights need larger products


class Bands(NamedTuple):
    """The parts of the outputs that are computed at a time: bands of a few rows."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    rows: int           # of outputs in a band
    product_rows: int   # of a matrix product at a time: see `rows_per_product`

    def of_all(self, images: int, height: int) -> int:
        """The number of bands in all images."""
        return images * -(-height // self.rows)


@conv2d_forward.register("numpy", layer="compiled")
def conv2d_forward_im2col(x: np.ndarray, w: np.ndarray, geometry: ConvGeometry, b: np.ndarray | None = None) -> Any:
    if not (_supports(x, w.shape, geometry) and is_single(b)):
        return NotImplemented
    O, kernel_size, (height, width) = len(w), w.shape[2:], conv2d_output_size(x.shape[2:], w.shape[2:], geometry)
    weight = weight_matrix(w)
    images, y = channels_last(x), np.empty((len(x), height, width, O), x.dtype)
    bands = _bands(kernel_size, geometry, height, width * len(weight) * x.itemsize, PATCH_BYTES, weight.size)
    in_image = bands.of_all(1, height)

    def convolve(s: slice) -> None:
        _convolve(images, weight, y, tuple(bands), s.start, s.stop)
        add_bias_to_rows(y, b, *(i // in_image * height + i % in_image * bands.rows for i in (s.start, s.stop)))

    parallel(convolve, shares(bands.of_all(len(x), height)))
    return y.transpose(0, 3, 1, 2)


def add_bias_to_rows(y: np.ndarray, b: np.ndarray | None, start: int, stop: int) -> None:
    """Add b (O,) to the rows start, ..., stop - 1 of all images y (N, H', W', O), while they are in the cache."""
    if b is not None:
        rows = y.reshape(-1, y.shape[2] * y.shape[3])[start:stop]
        rows += along_row(b, rows)


@conv2d_weight_grad.register("numpy", layer="compiled")
def conv2d_weight_grad_im2col(x: np.ndarray, g: np.ndarray, kernel_size: Pair, geometry: ConvGeometry) -> Any:
    C, (O, height, width), (kh, kw) = x.shape[1], g.shape[1:], kernel_size
    if not (_supports(x, (O, C, kh, kw), geometry) and is_single(g)):
        return NotImplemented
    images, grads = channels_last(x), channels_last(g)
    size, row_bytes = O * kh * kw * C, width * kh * kw * C * x.itemsize
    # a product should not be larger than the patches that it is computed from
    bands = _bands((kh, kw), geometry, height, row_bytes, max(PATCH_BYTES, size * x.itemsize), size)
    with one_blas_thread():
        gw = parallel_sum(lambda s: _convolve_for_weight(images, grads, tuple(bands), s.start, s.stop),
                          shares(bands.of_all(len(x), height)), (O, kh * kw * C), x.dtype)
    return np.ascontiguousarray(gw.reshape(O, kh, kw, C).transpose(0, 3, 1, 2))


@conv2d_input_grad.register("numpy", layer="compiled")
def conv2d_input_grad_col2im(g: np.ndarray, w: np.ndarray, input_size: Pair, geometry: ConvGeometry) -> Any:
    (O, C, kh, kw), (height, width) = w.shape, g.shape[2:]
    is_convolution = flipped_padding(g, w, input_size, geometry) is not None
    if is_convolution and not (C <= FEW_COLUMNS and O >= 2 * C and C % LANES):
        return NotImplemented       # backend/cpu/conv.py computes it by `conv2d_forward`
    if not (_supports(g, w.shape, geometry) and is_single(w)):
        return NotImplemented
    weight = np.ascontiguousarray(w.transpose(0, 2, 3, 1)).reshape(O, kh * kw * C)
    grads, gx = channels_last(g), np.empty((len(g), *input_size, C), g.dtype)
    bands = _bands((kh, kw), geometry, height, width * kh * kw * C * g.itemsize, max(PATCH_BYTES, weight.nbytes),
                   weight.size)
    parallel(lambda s: _add_patches(grads[s], weight, gx[s], tuple(bands)), shares(len(g)))
    return gx.transpose(0, 3, 1, 2)


def _supports(x: np.ndarray, w_shape: tuple[int, ...], geometry: ConvGeometry) -> bool:
    O, C, *kernel_size = w_shape
    needs_patches = (*kernel_size, *geometry.stride) != (1, 1, 1, 1)
    return (is_single(x) and geometry.groups == 1 and x.size > 0 and O > 0 and C >= FEW_CHANNELS and needs_patches
            and math.prod(w_shape) * x.itemsize <= WEIGHT_BYTES)


def _bands(kernel: Pair, geometry: ConvGeometry, height: int, row_bytes: int, band_bytes: int, size: int) -> Bands:
    """Bands of about `band_bytes`, for products with a matrix of `size` numbers."""
    rows = max(1, min(height, band_bytes // row_bytes))
    return Bands(kernel, *geometry[:3], rows, rows_per_product(size))


@compiled
def _convolve(x: Any, w: Any, y: Any, walk: Any, first: int, last: int) -> None:
    """y = conv(x, w) in the bands first, ..., last - 1 of all images

    x (N, H, W, C), w (kh*kw*C, O), y (N, H', W', O); walk: the fields of `Bands` as a tuple, which Numba takes faster
    """
    kernel, stride, padding, dilation, band, product_rows = walk
    height, width, O = y.shape[1:]
    bands = -(-height // band)
    strip = _empty_strip(x, band, kernel[0], stride[0], padding[1], dilation[0])
    patches = np.empty((band * width, len(w)), x.dtype)
    for i in range(first, last):
        image, top = i // bands, i % bands * band
        rows = min(band, height - top)
        _fill_strip(strip, x[image], top * stride[0] - padding[0], padding[1])
        p = patches[:rows * width]
        _take_patches(strip, p, rows, width, kernel, stride, dilation)
        dot(p, w, y[image, top:top + rows].reshape(rows * width, O), product_rows)


@compiled
def _convolve_for_weight(x: Any, g: Any, walk: Any, first: int, last: int) -> Any:
    """The sum of g^T patches(x) over the bands first, ..., last - 1: (O, kh*kw*C)"""
    kernel, stride, padding, dilation, band, product_rows = walk
    height, width, O = g.shape[1:]
    bands, length = -(-height // band), kernel[0] * kernel[1] * x.shape[3]
    strip = _empty_strip(x, band, kernel[0], stride[0], padding[1], dilation[0])
    patches = np.empty((band * width, length), x.dtype)
    total, product = np.zeros((O, length), x.dtype), np.empty((O, length), x.dtype)
    for i in range(first, last):
        image, top = i // bands, i % bands * band
        rows = min(band, height - top)
        _fill_strip(strip, x[image], top * stride[0] - padding[0], padding[1])
        p = patches[:rows * width]
        _take_patches(strip, p, rows, width, kernel, stride, dilation)
        g_rows = g[image, top:top + rows].reshape(rows * width, O)
        for start in range(0, len(p), product_rows):
            np.dot(g_rows[start:start + product_rows].T, p[start:start + product_rows], product)
            total += product
    return total


@compiled
def _add_patches(g: Any, w: Any, gx: Any, walk: Any) -> None:
    """gx = the sum of the patches g w at their places: g (n, H', W', O), w (O, kh*kw*C), gx (n, H, W, C)"""
    kernel, stride, padding, dilation, band, product_rows = walk
    (height, width, O), (H, W, C) = g.shape[1:], gx.shape[1:]
    padded_height = max(H + padding[0], (height - 1) * stride[0] + (kernel[0] - 1) * dilation[0] + 1)
    padded_width = max(W + padding[1], (width - 1) * stride[1] + (kernel[1] - 1) * dilation[1] + 1)
    padded = np.empty((padded_height, padded_width, C), g.dtype)
    patches = np.empty((band * width, w.shape[1]), g.dtype)
    windows = patches.reshape(band * width, kernel[0] * kernel[1], C)
    for image in range(len(g)):
        padded[:] = 0
        for top in range(0, height, band):
            rows = min(band, height - top)
            p = patches[:rows * width]
            dot(g[image, top:top + rows].reshape(rows * width, O), w, p, product_rows)
            for i in range(rows):
                for j in range(width):
                    for u in range(kernel[0]):
                        a = (top + i) * stride[0] + u * dilation[0]
                        for v in range(kernel[1]):
                            b, at = j * stride[1] + v * dilation[1], u * kernel[1] + v
                            for c in range(C):
                                padded[a, b, c] += windows[i * width + j, at, c]
        gx[image] = padded[padding[0]:padding[0] + H, padding[1]:padding[1] + W]


@compiled
def _empty_strip(x: Any, band: int, kernel_height: int, stride: int, padding: int, dilation: int) -> Any:
    """A buffer for the rows of an image that a band reads, with padding left and right: (rows, W + 2p, C)"""
    return np.zeros(((band - 1) * stride + (kernel_height - 1) * dilation + 1, x.shape[2] + 2 * padding, x.shape[3]),
                    x.dtype)


@compiled
def _fill_strip(strip: Any, x: Any, start: int, padding: int) -> None:
    """Copy the rows of x (H, W, C) from `start`, which may lie above the image; zeros outside of it."""
    H, W, C = x.shape
    for i in range(len(strip)):
        a = start + i
        for j in range(W):
            for c in range(C):
                strip[i, padding + j, c] = x[a, j, c] if 0 <= a < H else np.float32(0)


@compiled
def _take_patches(strip: Any, patches: Any, rows: int, width: int, kernel: Any, stride: Any, dilation: Any) -> None:
    """The patches of a band as rows: (rows*W', kh*kw*C)"""
    # With unsigned indices, the compiled code need not check whether an index is negative and counts from the end.
    height, C, (kh, kw), (sh, sw), (dh, dw) = (
        _u(rows), _u(strip.shape[2]), _pair(kernel), _pair(stride), _pair(dilation))
    runs, run = (_u(1), kw * C) if dw == 1 else (kw, C)         # pieces of memory in a row of a window
    line, flat, target, at = _u(strip.shape[1]) * C, strip.reshape(-1), patches.reshape(-1), _u(0)
    for i in range(height):
        for j in range(_u(width)):
            for u in range(kh):
                for v in range(runs):
                    start = (i * sh + u * dh) * line + (j * sw + v * dw) * C
                    for k in range(run):
                        target[at + k] = flat[start + k]
                    at += run


@compiled
def _u(number: Any) -> Any:
    return np.uint64(number)


@compiled
def _pair(numbers: Any) -> Any:
    return np.uint64(numbers[0]), np.uint64(numbers[1])
