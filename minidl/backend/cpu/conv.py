"""Convolution on the CPU: channels-last memory, a few images at a time.

With the channels last in memory, one row of a window is a single run of kw*C numbers, so patches are cheap to
copy. Each thread takes a few images at a time, so that their patches fit in a small buffer until the matrix product has
read them. Results are channels-last in memory too, behind their usual (N, C, H, W) shape, so that the next layer is
fast as well.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from minidl.backend.cpu.matmul import ALL_ROWS, PARALLEL_WORK, in_single, rows_per_product, tall_gram, tall_matmul
from minidl.backend.cpu.norm import along_row, image_rows
from minidl.backend.cpu.threads import blocks, parallel, parallel_sum
from minidl.backend.kernels.conv import (
    ConvGeometry,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_output_size,
    conv2d_weight_grad,
)
from minidl.backend.kernels.window import Pair, Tap, window_taps

BLOCK_BYTES = 1 << 22   # of patches at a time
FEW_CHANNELS = 8        # with fewer, runs of kw*C are short: patches are copied along image rows instead


@conv2d_forward.register("numpy")
def conv2d_forward_im2col(x: np.ndarray, w: np.ndarray, geometry: ConvGeometry,
                          b: np.ndarray | None = None) -> np.ndarray:
    if x.dtype == np.float16:
        return in_single(conv2d_forward, x, w, geometry, b)
    O, kernel_size, out_size = len(w), w.shape[2:], conv2d_output_size(x.shape[2:], w.shape[2:], geometry)
    if _is_depthwise(w, geometry):
        return _depthwise_forward(x, w, geometry, out_size, b)
    if geometry.groups > 1:
        return NotImplemented
    weight = weight_matrix(w)
    y = _channels_last(np.empty, (len(x), O, *out_size), x.dtype)

    def convolve(images: slice) -> None:
        tall_matmul(_patches(x[images], kernel_size, geometry, out_size), weight, out=_pixels(y[images]))
        add_bias(y[images], b)

    # each block reads all weights again, so large weights need large blocks
    parallel(convolve, blocks(len(x), _patch_bytes(x, w.shape, out_size), max(BLOCK_BYTES, weight.nbytes)),
             _is_small(w.shape, y))
    return y


def add_bias(y: np.ndarray, b: np.ndarray | None) -> None:
    """y (n, O, H', W') += b (O,): by rows of memory, while a block is in the cache"""
    if b is not None:
        rows = image_rows(y)
        rows += along_row(b, rows)


def weight_matrix(w: np.ndarray) -> np.ndarray:
    """(O, C, kh, kw) -> (kh * kw * C, O).

    BLAS reorders a large factor anyway, so it may have one row for each filter in memory; then a 1 x 1 kernel is not
    copied at all. With 2048 x 512 channels of 7 x 7, 8 images, the copy took 6 ms beside 13 ms of the product.
    """
    O, C, kh, kw = w.shape
    if rows_per_product(w.size) < ALL_ROWS:
        return np.ascontiguousarray(w.transpose(2, 3, 1, 0)).reshape(kh * kw * C, O)
    return np.ascontiguousarray(w.transpose(0, 2, 3, 1)).reshape(O, kh * kw * C).T


@conv2d_weight_grad.register("numpy")
def conv2d_weight_grad_im2col(x: np.ndarray, g: np.ndarray, kernel_size: Pair,
                              geometry: ConvGeometry) -> np.ndarray:
    if x.dtype == np.float16:
        return in_single(conv2d_weight_grad, x, g, kernel_size, geometry)
    if x.shape[1] == g.shape[1] == geometry.groups > 1:
        return _depthwise_weight_grad(x, g, kernel_size, geometry)
    if geometry.groups > 1:
        return NotImplemented
    C, O, (kh, kw) = x.shape[1], g.shape[1], kernel_size
    out_size = g.shape[2:]
    # a product should not be larger than the patches that it is computed from
    block_bytes = max(BLOCK_BYTES, C * kh * kw * O * x.itemsize)
    some_images = blocks(len(x), _patch_bytes(x, (O, C, kh, kw), out_size), block_bytes)

    def product(images: slice) -> np.ndarray:
        return tall_gram(_pixels(g[images]), _patches(x[images], kernel_size, geometry, out_size))

    gw = parallel_sum(product, some_images, (O, kh * kw * C), x.dtype, _is_small((O, C, kh, kw), g))
    return np.ascontiguousarray(gw.reshape(O, kh, kw, C).transpose(0, 3, 1, 2))   # in the memory layout of w


@conv2d_input_grad.register("numpy")
def conv2d_input_grad_col2im(g: np.ndarray, w: np.ndarray, input_size: Pair, geometry: ConvGeometry) -> np.ndarray:
    if g.dtype == np.float16:
        return in_single(conv2d_input_grad, g, w, input_size, geometry)
    N, (O, C, kh, kw), (height, width) = len(g), w.shape, g.shape[2:]
    if _is_depthwise(w, geometry):
        return _depthwise_input_grad(g, w, input_size, geometry)
    if geometry.groups > 1 or C < FEW_CHANNELS:
        return NotImplemented
    padding = flipped_padding(g, w, input_size, geometry)
    if padding is not None:
        flipped = w[:, :, ::-1, ::-1].swapaxes(0, 1)                # (C, O, kh, kw)
        return conv2d_forward(g, flipped, geometry._replace(padding=padding))
    weight = w.transpose(0, 2, 3, 1).reshape(O, kh * kw * C)
    taps = list(window_taps(input_size, (height, width), (kh, kw), *geometry[:3]))
    gx = _channels_last(np.zeros, (N, C, *input_size), g.dtype)

    def add_patches(images: slice) -> None:
        block = gx[images]
        patches = _pixels(g[images]) @ weight                      # (n*H'*W', kh*kw*C)
        patches = patches.reshape(len(block), height, width, kh, kw, C).transpose(3, 4, 0, 5, 1, 2)
        for u, v, target, source in taps:
            block[source] += patches[u, v][target]

    parallel(add_patches, blocks(N, _patch_bytes(gx, w.shape, (height, width)), BLOCK_BYTES))
    return gx


def flipped_padding(g: np.ndarray, w: np.ndarray, input_size: Pair, geometry: ConvGeometry) -> Pair | None:
    """The padding with which the input gradient is a convolution of g with the flipped kernel.

    None where it is not one, as with a stride, or where adding up patches is less work. (Flipped means rotated by 180
    degrees.)
    """
    vertical, horizontal = (
        d * (k - 1) - p for d, k, p in zip(geometry.dilation, w.shape[2:], geometry.padding, strict=True))
    is_less_work = 2 * math.prod(g.shape[2:]) > math.prod(input_size)
    if not is_less_work or geometry.stride != (1, 1) or min(vertical, horizontal) < 0:
        return None
    return vertical, horizontal


def _is_depthwise(w: np.ndarray, geometry: ConvGeometry) -> bool:
    """Whether there is one filter for each channel, which makes matrix products too thin."""
    return w.shape[1] == 1 and len(w) == geometry.groups > 1


def _depthwise_forward(x: np.ndarray, w: np.ndarray, geometry: ConvGeometry, out_size: Pair,
                       b: np.ndarray | None) -> np.ndarray:
    """y[target] += x[source] * w[tap], for every tap, plus b."""
    taps = window_taps(x.shape[2:], out_size, w.shape[2:], *geometry[:3])
    moves = [(tap, tap.target, tap.source) for tap in taps]
    return _depthwise(x, w, out_size, moves, width=out_size[1], b=b)


def _depthwise_input_grad(g: np.ndarray, w: np.ndarray, input_size: Pair, geometry: ConvGeometry) -> np.ndarray:
    """gx[source] += g[target] * w[tap], for every tap."""
    taps = window_taps(input_size, g.shape[2:], w.shape[2:], *geometry[:3])
    moves = [(tap, tap.source, tap.target) for tap in taps]
    return _depthwise(g, w, input_size, moves, width=g.shape[3])


def _depthwise(a: np.ndarray, w: np.ndarray, result_size: Pair, moves: list[tuple[Tap, Any, Any]],
               width: int, b: np.ndarray | None = None) -> np.ndarray:
    """result[write] += a[read] * w[tap], for every move, plus b."""
    (N, C, H, W), (kh, kw) = a.shape, w.shape[2:]
    filters = np.empty((kh, kw, 1, width, C), w.dtype)             # the weights of each tap, repeated along a row
    filters[:] = w.transpose(2, 3, 1, 0)[:, :, :, None]
    filters = filters.transpose(0, 1, 4, 2, 3)                     # (kh, kw, C, 1, width)
    result = _channels_last(np.zeros, (N, C, *result_size), a.dtype)

    def filter_images(images: slice) -> None:
        block = _as_channels_last(a[images])
        for tap, write, read in moves:
            result[images][write] += block[read] * filters[tap.u, tap.v][..., tap.target[-1]]
        add_bias(result[images], b)

    parallel(filter_images, blocks(N, C * H * W * kh * kw * a.itemsize, BLOCK_BYTES))
    return result


def _depthwise_weight_grad(x: np.ndarray, g: np.ndarray, kernel_size: Pair, geometry: ConvGeometry) -> np.ndarray:
    """gw[tap] = sum(x[source] * g[target]), for every tap."""
    (N, C), size, out_size = x.shape[:2], x.shape[2:], g.shape[2:]
    taps = list(window_taps(size, out_size, kernel_size, *geometry[:3]))
    gw = np.zeros((C, 1, *kernel_size), x.dtype)
    for images in blocks(N, math.prod((C, *size, *kernel_size)) * x.itemsize, BLOCK_BYTES):
        block, g_block = _as_channels_last(x[images]), _as_channels_last(g[images])
        for u, v, target, source in taps:
            gw[:, 0, u, v] += np.einsum("nchw,nchw->c", block[source], g_block[target])
    return gw


def _patches(x: np.ndarray, kernel_size: Pair, geometry: ConvGeometry, out_size: Pair) -> np.ndarray:
    """The patches of some images as rows, (n*H'*W', kh*kw*C)."""
    (n, C, H, W), (kh, kw), (height, width) = x.shape, kernel_size, out_size
    (sh, sw), (ph, pw), (dh, dw), _ = geometry
    if C < FEW_CHANNELS:
        if ph or pw:
            padded = np.zeros((n, C, H + 2 * ph, W + 2 * pw), x.dtype)
            padded[:, :, ph:ph + H, pw:pw + W] = x
            x = padded
        bn, bc, bh, bw = x.strides                            # (kh, kw, C, n, H', W')
        windows = as_strided(x, (kh, kw, C, n, height, width), (bh * dh, bw * dw, bc, bn, bh * sh, bw * sw))
        return windows.reshape(kh * kw * C, n * height * width).T
    pixels = x.transpose(0, 2, 3, 1)
    if ph or pw or not pixels.flags.c_contiguous:
        padded = np.zeros((n, H + 2 * ph, W + 2 * pw, C), x.dtype)
        padded[:, ph:ph + H, pw:pw + W] = pixels
        pixels, H, W = padded, H + 2 * ph, W + 2 * pw
    elif kh == kw == sh == sw == 1:
        return pixels.reshape(n * height * width, C)
    # a run of numbers is copied as one item, so that the innermost loop is the one along a row of the image
    bw = C * x.itemsize                                 # `strides` says anything along axes of one pixel
    bn, bh = H * W * bw, W * bw
    runs, run = (1, kw) if dw == 1 else (kw, 1)
    item = np.dtype((np.void, run * bw))
    windows = np.ndarray((kh, runs, n, height, width), item, pixels, 0, (bh * dh, bw * dw, bn, bh * sh, bw * sw))
    patches = np.empty((n, height, width, kh, runs), item)
    for u in range(kh):
        for v in range(runs):
            patches[:, :, :, u, v] = windows[u, v]
    return patches.view(x.dtype).reshape(n * height * width, kh * kw * C)


def _is_small(w_shape: tuple[int, ...], y: np.ndarray) -> bool:
    """Whether a convolution of single pixels is too little work for threads."""
    return w_shape[2:] == (1, 1) and w_shape[1] * y.size < PARALLEL_WORK


def _patch_bytes(x: np.ndarray, w_shape: tuple[int, ...], out_size: Pair) -> int:
    """The size of one image's patches."""
    return math.prod(w_shape[1:]) * math.prod(out_size) * x.itemsize


def _channels_last(create: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An (N, C, H, W) array over (N, H, W, C) memory, from `np.empty` or `np.zeros`."""
    N, C, H, W = shape
    return create((N, H, W, C), dtype).transpose(0, 3, 1, 2)


def _as_channels_last(images: np.ndarray) -> np.ndarray:
    """`images` itself where it is channels-last in memory, else a channels-last copy."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def _pixels(images: np.ndarray) -> np.ndarray:
    """(n, C, H, W) -> (n*H*W, C); a view where the images are channels-last in memory."""
    n, C, H, W = images.shape
    return images.transpose(0, 2, 3, 1).reshape(n * H * W, C)
