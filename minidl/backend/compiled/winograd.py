"""Winograd's filtering, compiled: the algorithm is in `backend/cpu/winograd.py`.

A few rows of tiles are computed at a time, so that tiles and products stay in the cache. The even and the odd pixels of
a row are stored apart, so that all tiles of a row are transformed at once, in long runs of memory.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.blas import one_blas_thread
from minidl.backend.compiled.compiler import channels_last, compiled, dot, is_single, parallel, shares
from minidl.backend.compiled.conv import add_bias_to_rows
from minidl.backend.cpu.matmul import rows_per_product
from minidl.backend.cpu.threads import parallel_sum
from minidl.backend.cpu.winograd import GG, tile_weights, winograd_is_faster
from minidl.backend.kernels.conv import ConvGeometry, conv2d_forward, conv2d_output_size, conv2d_weight_grad
from minidl.backend.kernels.matmul import matmul
from minidl.backend.kernels.window import Pair

TILES_PER_BLOCK = 64    # they and their products stay in the cache
WEIGHT_BYTES = 1 << 21  # every block reads all weights again, so larger weights need larger blocks


@conv2d_forward.register("numpy", before="conv2d_forward_direct", layer="compiled")
def conv2d_forward_winograd(x: np.ndarray, w: np.ndarray, geometry: ConvGeometry, b: np.ndarray | None = None) -> Any:
    out_size = conv2d_output_size(x.shape[2:], w.shape[2:], geometry)
    if not (_supports(x, len(w), w.shape[2:], out_size, geometry) and is_single(b)):
        return NotImplemented
    return convolved(_convolve, 2, x, np.ascontiguousarray(tile_weights(w)), b, out_size, geometry.padding)


@conv2d_weight_grad.register("numpy", before="conv2d_weight_grad_direct", layer="compiled")
def conv2d_weight_grad_winograd(x: np.ndarray, g: np.ndarray, kernel_size: Pair, geometry: ConvGeometry) -> Any:
    if not (_supports(x, g.shape[1], kernel_size, g.shape[2:], geometry) and is_single(g)):
        return NotImplemented
    return weight_grad(_convolve_for_weight, 2, x, g, GG.astype(x.dtype), geometry.padding)


def convolved(convolve: Any, side: int, x: np.ndarray, u: np.ndarray, b: np.ndarray | None, out_size: Pair,
              padding: Pair) -> np.ndarray:
    """The outputs of `convolve` on all bands of tiles of side x side outputs; u (points, C, O) are the weights."""
    N, (C, O), (height, width) = len(x), u.shape[1:], out_size
    TH, TW = -(-height // side), -(-width // side)                  # tiles along the height and the width
    images, y = channels_last(x), np.empty((N, height, width, O), x.dtype)
    band, product_rows = max(1, TILES_PER_BLOCK // TW), rows_per_product(C * O)

    def convolve_share(s: slice) -> None:
        convolve(images, u, y, *padding, band, product_rows, s.start, s.stop)
        add_bias_to_rows(y, b, *(i // TH * height + i % TH * side for i in (s.start, s.stop)))

    parallel(convolve_share, shares(N * TH, band))
    return y.transpose(0, 3, 1, 2)


def weight_grad(convolve: Any, side: int, x: np.ndarray, g: np.ndarray, GG: np.ndarray,
                padding: Pair) -> np.ndarray:
    """The gradient of the weights by `convolve` on all bands of tiles of side x side outputs; GG is (points, 9)."""
    (N, C), (O, height, width), points = x.shape[:2], g.shape[1:], len(GG)
    TH, TW = -(-height // side), -(-width // side)
    images, grads = channels_last(x), channels_last(g)
    # a product should not be larger than its factors
    band, product_rows = max(1, max(TILES_PER_BLOCK, min(C, O)) // TW), rows_per_product(C * O)
    with one_blas_thread():
        gu = parallel_sum(lambda s: convolve(images, grads, *padding, band, product_rows, s.start, s.stop),
                          shares(N * TH, band), (points, O, C), x.dtype)
    return matmul(gu.reshape(points, O * C).T, GG).reshape(O, C, 3, 3)


def _supports(x: np.ndarray, O: int, kernel_size: Pair, out_size: Pair, geometry: ConvGeometry) -> bool:
    return (is_single(x) and winograd_is_faster(x, O, kernel_size, out_size, geometry)
            and 16 * x.shape[1] * O * x.itemsize <= WEIGHT_BYTES)


@compiled
def _convolve(x: Any, u: Any, y: Any, padding: int, left: int, band: int, product_rows: int, first: int,
              last: int) -> None:
    """The outputs of the rows of tiles first, ..., last - 1 of all images

    x (N, H, W, C), u (16, C, O), y (N, H', W', O)
    """
    C, (height, width, O) = x.shape[3], y.shape[1:]
    TH, TW = (height + 1) // 2, (width + 1) // 2
    d, m = np.empty((4, 4, band * TW, C), x.dtype), np.empty((4, 4, band * TW, O), x.dtype)
    lines, part = np.zeros((4, 2, TW + 1, C), x.dtype), np.empty((4, 2, TW + 1, C), x.dtype)
    pair = np.empty((2, 4, TW, O), x.dtype)
    for start in range(first, last, band):
        stop = min(start + band, last)
        for r in range(start, stop):
            _take_tiles(x[r // TH], 2 * (r % TH) - padding, left, lines, part, d, (r - start) * TW)
        count = (stop - start) * TW
        for i in range(4):
            for j in range(4):
                dot(d[i, j, :count], u[4 * i + j], m[i, j, :count], product_rows)
        for r in range(start, stop):
            _give_outputs(m, (r - start) * TW, pair, y[r // TH], 2 * (r % TH))


@compiled
def _convolve_for_weight(x: Any, g: Any, padding: int, left: int, band: int, product_rows: int, first: int,
                         last: int) -> Any:
    """The sum of (A g A^T)^T (B^T d B) over the rows of tiles first, ..., last - 1: (16, O, C)"""
    C, (height, width, O) = x.shape[3], g.shape[1:]
    TH, TW = (height + 1) // 2, (width + 1) // 2
    d, q = np.empty((4, 4, band * TW, C), x.dtype), np.empty((4, 4, band * TW, O), x.dtype)
    lines, part = np.zeros((4, 2, TW + 1, C), x.dtype), np.empty((4, 2, TW + 1, C), x.dtype)
    grads, spread = np.zeros((2, 2, TW, O), x.dtype), np.empty((4, 2, TW * O), x.dtype)
    total, product = np.zeros((16, O, C), x.dtype), np.empty((O, C), x.dtype)
    for start in range(first, last, band):
        stop = min(start + band, last)
        for r in range(start, stop):
            _take_tiles(x[r // TH], 2 * (r % TH) - padding, left, lines, part, d, (r - start) * TW)
            _take_gradients(g[r // TH], 2 * (r % TH), grads, spread, q, (r - start) * TW)
        count = (stop - start) * TW
        for i in range(4):
            for j in range(4):
                for some in range(0, count, product_rows):
                    end = min(some + product_rows, count)
                    np.dot(q[i, j, some:end].T, d[i, j, some:end], product)
                    total[4 * i + j] += product
    return total


@compiled
def _take_tiles(x: Any, top: int, left: int, lines: Any, part: Any, d: Any, t: int) -> None:
    """B^T d B of one row of tiles: x (H, W, C) from row `top` -> d (4, 4, tiles, C) from tile t

    lines and part (4, 2, TW + 1, C) are buffers for four rows of pixels, even and odd pixels apart.
    """
    (H, W, C), TW = x.shape, lines.shape[2] - 1
    for k in range(4):
        row = top + k
        for j in range(W):
            half, tile = (j + left) % 2, (j + left) // 2
            for c in range(C):
                lines[k, half, tile, c] = x[row, j, c] if 0 <= row < H else np.float32(0)
    flat, sums, n = lines.reshape(4, -1), part.reshape(4, -1), TW * C
    _subtract(flat[0], flat[2], sums[0])
    _add(flat[1], flat[2], sums[1])
    _subtract(flat[2], flat[1], sums[2])
    _subtract(flat[1], flat[3], sums[3])
    for k in range(4):
        even, odd = part[k, 0].reshape(-1), part[k, 1].reshape(-1)
        _subtract(even[:n], even[C:], d[k, 0, t:t + TW].reshape(-1))
        _add(odd[:n], even[C:], d[k, 1, t:t + TW].reshape(-1))
        _subtract(even[C:], odd[:n], d[k, 2, t:t + TW].reshape(-1))
        _subtract(odd[:n], odd[C:], d[k, 3, t:t + TW].reshape(-1))


@compiled
def _give_outputs(m: Any, t: int, pair: Any, y: Any, top: int) -> None:
    """A^T m A of one row of tiles: m (4, 4, tiles, O) from tile t -> y (H', W', O) from row `top`"""
    (height, width, O), TW = y.shape, pair.shape[2]
    for j in range(4):
        for tile in range(TW):
            for k in range(O):
                pair[0, j, tile, k] = m[0, j, t + tile, k] + m[1, j, t + tile, k] + m[2, j, t + tile, k]
            for k in range(O):
                pair[1, j, tile, k] = m[1, j, t + tile, k] - m[2, j, t + tile, k] - m[3, j, t + tile, k]
    for i in range(min(2, height - top)):
        row = top + i
        for tile in range(TW):
            for k in range(O):
                y[row, 2 * tile, k] = pair[i, 0, tile, k] + pair[i, 1, tile, k] + pair[i, 2, tile, k]
        for tile in range(width // 2):
            for k in range(O):
                y[row, 2 * tile + 1, k] = pair[i, 1, tile, k] - pair[i, 2, tile, k] - pair[i, 3, tile, k]


@compiled
def _take_gradients(g: Any, top: int, grads: Any, spread: Any, q: Any, t: int) -> None:
    """A g A^T of one row of 2 x 2 outputs: g (H', W', O) from row `top` -> q (4, 4, tiles, O) from tile t

    grads (2, 2, TW, O) and spread (4, 2, TW*O) are buffers for two rows of pixels, even and odd pixels apart.
    """
    (height, width, O), TW = g.shape, grads.shape[2]
    for i in range(2):
        row = top + i
        for j in range(width):
            for k in range(O):
                grads[i, j % 2, j // 2, k] = g[row, j, k] if row < height else np.float32(0)
    for p in range(2):
        upper, lower = grads[0, p].reshape(-1), grads[1, p].reshape(-1)
        _spread(upper, lower, spread[0, p], spread[1, p], spread[2, p], spread[3, p])
    for k in range(4):
        _spread(spread[k, 0], spread[k, 1], q[k, 0, t:t + TW].reshape(-1), q[k, 1, t:t + TW].reshape(-1),
                q[k, 2, t:t + TW].reshape(-1), q[k, 3, t:t + TW].reshape(-1))


@compiled
def _spread(first: Any, second: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """The four rows of A times the column (first, second), into a, b, c, d."""
    for i in range(len(a)):
        a[i] = first[i]
    _add(first, second, b)
    _subtract(first, second, c)
    for i in range(len(d)):
        d[i] = -second[i]


@compiled
def _add(a: Any, b: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = a[i] + b[i]


@compiled
def _subtract(a: Any, b: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = a[i] - b[i]
