"""Convolution by its definition, compiled: the outputs of a few pixels stay in registers.

Where channels are few, patches cost as much as the products with them. Here nothing is copied but the rows of an image,
with zeros between them, so that they are one long line of pixels. The window of the next output begins one pixel
further, also from row to row, where a few outputs are computed that nobody wants. `PIXELS` outputs in a line, of one
vector of channels each, or half as many of two vectors, are sums in registers: every vector of weights that is loaded
is multiplied by one number of each of their windows.

The gradient of the weights is such a sum, too: for each kernel element, `CHANNELS` channels of a pixel times one vector
of the gradient's channels, or half as many times two, added up over all pixels.

Source: Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD Architectures", 2018,
https://arxiv.org/abs/1808.05567
"""
from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.compiled.compiler import channels_last, compiled, is_single, shares
from minidl.backend.compiled.vectors import LANES, add_products, load, repeat, store
from minidl.backend.cpu.threads import parallel, parallel_sum
from minidl.backend.kernels.conv import ConvGeometry, conv2d_forward, conv2d_output_size, conv2d_weight_grad
from minidl.backend.kernels.window import Pair

PIXELS, CHANNELS = (14, 16) if LANES == 16 else (10, 8)     # sums, beside which a few factors fit in the registers
BAND_BYTES = 1 << 17        # of pixels that are computed at a time, and of the outputs
WEIGHT_BYTES = 1 << 18      # all weights are read for every few pixels, and should stay in the cache


class Bands(NamedTuple):
    """The parts of the outputs that are computed at a time: bands of a few rows."""

    kernel: Pair
    padding: Pair
    dilation: Pair
    rows: int       # of outputs in a band
    pitch: int      # pixels from row to row in the line; zeros on the right of a row are those on the left of the next

    def of_all(self, images: int, height: int) -> int:
        """The number of bands in all images."""
        return images * -(-height // self.rows)


@conv2d_forward.register("numpy", before="conv2d_forward_im2col", layer="compiled")
def conv2d_forward_direct(x: np.ndarray, w: np.ndarray, geometry: ConvGeometry, b: np.ndarray | None = None) -> Any:
    if not (_supports(x, w.shape, geometry) and is_single(w, b)):
        return NotImplemented
    (O, C, kh, kw), (height, width) = w.shape, conv2d_output_size(x.shape[2:], w.shape[2:], geometry)
    images, y = channels_last(x), np.empty((len(x), height, width, O), x.dtype)
    vectors = _vectors(O)
    weight = np.ascontiguousarray(w.reshape(-1, vectors * LANES, C, kh, kw).transpose(0, 3, 4, 2, 1))
    bias = np.zeros(O, x.dtype) if b is None else np.ascontiguousarray(b)
    bands, convolve = _bands(x, w.shape, (height, width), geometry), _convolve[vectors]
    parallel(lambda s: convolve(images, weight, bias, y, tuple(bands), s.start, s.stop),
             shares(bands.of_all(len(x), height)))
    return y.transpose(0, 3, 1, 2)


@conv2d_weight_grad.register("numpy", before="conv2d_weight_grad_im2col", layer="compiled")
def conv2d_weight_grad_direct(x: np.ndarray, g: np.ndarray, kernel_size: Pair, geometry: ConvGeometry) -> Any:
    C, (O, height, width), (kh, kw) = x.shape[1], g.shape[1:], kernel_size
    if not (_supports(x, (O, C, kh, kw), geometry) and is_single(g) and C % CHANNELS == 0):
        return NotImplemented
    images, grads, bands = channels_last(x), channels_last(g), _bands(x, (O, C, kh, kw), (height, width), geometry)
    convolve = _convolve_for_weight[_vectors(O)]
    gw = parallel_sum(lambda s: convolve(images, grads, tuple(bands), s.start, s.stop),
                      shares(bands.of_all(len(x), height)), (kh, kw, C, O), x.dtype)
    return np.ascontiguousarray(gw.transpose(3, 2, 0, 1))


def _supports(x: np.ndarray, w_shape: tuple[int, ...], geometry: ConvGeometry) -> bool:
    O, _, *kernel_size = w_shape
    return (is_single(x) and x.size > 0 and O > 0 and O % LANES == 0 and geometry.groups == 1
            and geometry.stride == (1, 1) and kernel_size != [1, 1] and math.prod(w_shape) * x.itemsize <= WEIGHT_BYTES)


def _vectors(O: int) -> int:
    """The number of vectors of outputs that are computed at a time; two need fewer loads for each product."""
    return 2 if O % (2 * LANES) == 0 else 1


def _bands(x: np.ndarray, w_shape: tuple[int, ...], out_size: Pair, geometry: ConvGeometry) -> Bands:
    (O, C, kh, kw), (height, width) = w_shape, out_size
    pitch = max(x.shape[3] + geometry.padding[1], width)
    rows = max(1, min(height, BAND_BYTES // (pitch * (C + O) * x.itemsize)))
    return Bands((kh, kw), geometry.padding, geometry.dilation, rows, pitch)


def _convolving(pixels: int, vectors: int) -> Any:
    """The function that keeps the outputs of so many pixels in registers, `vectors` of channels each."""
    lanes = vectors * LANES

    @compiled
    def convolve(x: Any, w: Any, b: Any, y: Any, walk: Any, first: int, last: int) -> None:
        """y = conv(x, w) + b in the bands first, ..., last - 1 of all images

        x (N, H, W, C), w (O/lanes, kh, kw, C, lanes), b (O,), y (N, H', W', O); walk: the fields of `Bands`
        """
        (kh, kw), padding, dilation, band, pitch = walk
        (height, width, O), C, weights = y.shape[1:], _u(x.shape[3]), w.reshape(-1)
        runs, run = (1, _u(kw) * C) if dilation[1] == 1 else (kw, C)    # pieces of memory in a row of a window
        bands, line = -(-height // band), _empty_line(x, walk)
        outputs = np.empty((band * pitch + pixels) * O, x.dtype)
        for i in range(first, last):
            image, top = i // bands, i % bands * band
            rows = min(band, height - top)
            _fill_line(line, x[image], top - padding[0], rows + (kh - 1) * dilation[0], padding[1], pitch)
            for pixel in range(0, rows * pitch, pixels):
                k = _u(0)
                for o in range(0, O, lanes):
                    sums = repeat(load(b, _u(o), vectors), pixels)
                    for u in range(kh):
                        for v in range(runs):
                            at = _u(pixel + u * dilation[0] * pitch + v * dilation[1]) * C
                            for c in range(run):
                                sums = add_products(sums, line, at + c, C, load(weights, k, vectors))
                                k += _u(lanes)
                    store(sums, outputs, _u(pixel * O + o), _u(O))
            for row in range(rows):
                part, at = y[image, top + row].reshape(-1), _u(row * pitch * O)
                for k in range(_u(width * O)):
                    part[k] = outputs[at + k]

    return convolve


def _adding_products(channels: int, vectors: int) -> Any:
    """The function that keeps so many channels times `vectors` of channels of the gradient in registers."""
    lanes = vectors * LANES

    @compiled
    def convolve_for_weight(x: Any, g: Any, walk: Any, first: int, last: int) -> Any:
        """The sum of pixels times gradients over the bands first, ..., last - 1: (kh, kw, C, O)"""
        (kh, kw), padding, dilation, band, pitch = walk
        (height, width, O), C, grads, zeros = g.shape[1:], x.shape[3], g.reshape(-1), np.zeros(lanes, x.dtype)
        bands, line = -(-height // band), _empty_line(x, walk)
        total, product = np.zeros(kh * kw * C * O, x.dtype), np.empty(kh * kw * C * O, x.dtype)
        for i in range(first, last):
            image, top = i // bands, i % bands * band
            rows = min(band, height - top)
            _fill_line(line, x[image], top - padding[0], rows + (kh - 1) * dilation[0], padding[1], pitch)
            for tap in range(kh * kw):
                begin = tap // kw * dilation[0] * pitch + tap % kw * dilation[1]
                for c in range(0, C, channels):
                    for o in range(0, O, lanes):
                        sums = repeat(load(zeros, _u(0), vectors), channels)
                        at, k = _u(begin * C + c), _u((image * height + top) * width * O + o)
                        for _ in range(rows):
                            for _ in range(width):
                                sums = add_products(sums, line, at, _u(1), load(grads, k, vectors))
                                at += _u(C)
                                k += _u(O)
                            at += _u((pitch - width) * C)
                        store(sums, product, _u((tap * C + c) * O + o), _u(O))
            total += product
        return total.reshape(kh, kw, C, O)

    return convolve_for_weight


@compiled
def _empty_line(x: Any, walk: Any) -> Any:
    """A buffer for the pixels that a band reads, also for outputs that nobody wants."""
    (kh, kw), _, dilation, band, pitch = walk
    return np.zeros(((band + (kh - 1) * dilation[0]) * pitch + (kw - 1) * dilation[1] + PIXELS) * x.shape[3], x.dtype)


@compiled
def _fill_line(line: Any, x: Any, start: int, rows: int, padding: int, pitch: int) -> None:
    """Copy rows of x (H, W, C) from `start`, which may lie above the image; zeros outside of it."""
    H, W, C = x.shape
    pixels = x.reshape(-1)
    for i in range(rows):
        row, at = start + i, _u((i * pitch + padding) * C)
        if 0 <= row < H:
            begin = _u(row * W * C)
            for k in range(_u(W * C)):
                line[at + k] = pixels[begin + k]
        else:
            for k in range(_u(W * C)):
                line[at + k] = np.float32(0)


@compiled
def _u(number: Any) -> Any:
    return np.uint64(number)


_convolve = {vectors: _convolving(PIXELS // vectors, vectors) for vectors in (1, 2)}
_convolve_for_weight = {vectors: _adding_products(CHANNELS // vectors, vectors) for vectors in (1, 2)}
