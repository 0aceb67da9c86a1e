"""Winograd's filtering for tiles of 4 x 4 outputs, compiled: 36 multiplications in place of 144.

The algorithm is in `backend/cpu/winograd.py`, for 2 x 2 outputs. Here the matrices come from six points at which
polynomials are multiplied: 0, a, -a, b, -b and infinity. With q(x) = x (x^2 - a^2) (x^2 - b^2), the row of B^T for a
point p has the coefficients of q(x) / (x - p), and the last row those of q; A^T has the powers of the points, and G the
powers divided by q'(p). The terms have both signs and cancel, which costs digits. With the usual points 1 and 2 the
error is 5 times that of the definition (root of the mean square, 64 channels). With a = 1/sqrt(2) and b = sqrt(2), at
equal ratios from 1, it is 2.6 times, and for 256 channels 4.7 times. So these tiles wait for
`set_float32_matmul_precision("high")`.

Sources: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, https://arxiv.org/abs/1509.09308;
Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks", 2020,
https://arxiv.org/abs/1803.10986
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend import precision
from minidl.backend.compiled.compiler import compiled, dot, is_single
from minidl.backend.compiled.winograd import convolved, weight_grad
from minidl.backend.kernels.conv import ConvGeometry, conv2d_forward, conv2d_output_size, conv2d_weight_grad
from minidl.backend.kernels.matmul import matmul
from minidl.backend.kernels.window import Pair

MIN_CHANNELS = 32       # of input and of output; with fewer, the additions cost more than the products save
MIN_TILES = 64          # with fewer, transforming the weights costs too much
WEIGHT_BYTES = 1 << 22  # every block reads all weights again, so larger weights need larger blocks

A, B = math.sqrt(0.5), math.sqrt(2)
POINTS = (0, A, -A, B, -B)
G = np.array([*([p**k / math.prod(p - q for q in POINTS if q != p) for k in range(3)] for p in POINTS), [0, 0, 1]])
GG = np.kron(G, G).astype(np.float32)       # (36, 9): G w G^T, written as one product


@conv2d_forward.register("numpy", before="conv2d_forward_winograd", layer="compiled")
def conv2d_forward_winograd_4x4(x: np.ndarray, w: np.ndarray, geometry: ConvGeometry,
                                b: np.ndarray | None = None) -> Any:
    O, C, out_size = *w.shape[:2], conv2d_output_size(x.shape[2:], w.shape[2:], geometry)
    if not (_is_faster(x, O, w.shape[2:], out_size, geometry) and is_single(b)):
        return NotImplemented
    u = np.ascontiguousarray(matmul(GG, w.reshape(O * C, 9).T).reshape(36, O, C).swapaxes(1, 2))
    return convolved(_convolve, 4, x, u, b, out_size, geometry.padding)


@conv2d_weight_grad.register("numpy", before="conv2d_weight_grad_winograd", layer="compiled")
def conv2d_weight_grad_winograd_4x4(x: np.ndarray, g: np.ndarray, kernel_size: Pair, geometry: ConvGeometry) -> Any:
    if not (_is_faster(x, g.shape[1], kernel_size, g.shape[2:], geometry) and is_single(g)):
        return NotImplemented
    return weight_grad(_convolve_for_weight, 4, x, g, GG, geometry.padding)


def _is_faster(x: np.ndarray, O: int, kernel_size: Pair, out_size: Pair, geometry: ConvGeometry) -> bool:
    """Whether digits may be lost, and 36 multiplications for 4 x 4 outputs are much fewer than 16 for 2 x 2."""
    (N, C), (height, width) = x.shape[:2], out_size
    if precision.float32_matmul == "highest" or not is_single(x) or tuple(kernel_size) != (3, 3):
        return False
    of_4, of_2 = (count * -(-height // n) * -(-width // n) for n, count in ((4, 36), (2, 16)))
    return (geometry.stride == geometry.dilation == (1, 1) and geometry.groups == 1 and min(C, O) >= MIN_CHANNELS
            and N * of_4 >= 36 * MIN_TILES and of_4 < 0.8 * of_2 and 36 * C * O * x.itemsize <= WEIGHT_BYTES)


@compiled
def _convolve(x: Any, u: Any, y: Any, top: int, left: int, band: int, product_rows: int, first: int,
              last: int) -> None:
    """The outputs of the rows of tiles first, ..., last - 1 of all images

    x (N, H, W, C), u (36, C, O), y (N, H', W', O)
    """
    C, (height, width, O) = x.shape[3], y.shape[1:]
    TH, TW = (height + 3) // 4, (width + 3) // 4
    strip, rows = np.zeros((6, 4 * TW + 2, C), x.dtype), np.empty(36 * C, x.dtype)
    d, m = np.empty((36, band * TW, C), x.dtype), np.empty((36, band * TW, O), x.dtype)
    columns, outputs = np.empty(24 * O, x.dtype), np.empty((4, 4 * TW, O), x.dtype)
    for start in range(first, last, band):
        stop = min(start + band, last)
        for r in range(start, stop):
            _fill_strip(strip, x[r // TH], 4 * (r % TH) - top, left)
            _take_tiles(strip, rows, d, _u((r - start) * TW))
        count = (stop - start) * TW
        for i in range(36):
            dot(d[i, :count], u[i], m[i, :count], product_rows)
        for r in range(start, stop):
            _give_outputs(m, _u((r - start) * TW), columns, outputs)
            _copy_rows(outputs, y[r // TH], 4 * (r % TH))


@compiled
def _convolve_for_weight(x: Any, g: Any, top: int, left: int, band: int, product_rows: int, first: int,
                         last: int) -> Any:
    """The sum of (A g A^T)^T (B^T d B) over the rows of tiles first, ..., last - 1: (36, O, C)"""
    C, (height, width, O) = x.shape[3], g.shape[1:]
    TH, TW = (height + 3) // 4, (width + 3) // 4
    strip, rows = np.zeros((6, 4 * TW + 2, C), x.dtype), np.empty(36 * C, x.dtype)
    outputs, columns = np.zeros((4, 4 * TW, O), x.dtype), np.empty(24 * O, x.dtype)
    d, q = np.empty((36, band * TW, C), x.dtype), np.empty((36, band * TW, O), x.dtype)
    total, product = np.zeros((36, O, C), x.dtype), np.empty((O, C), x.dtype)
    for start in range(first, last, band):
        stop = min(start + band, last)
        for r in range(start, stop):
            _fill_strip(strip, x[r // TH], 4 * (r % TH) - top, left)
            _take_tiles(strip, rows, d, _u((r - start) * TW))
            _fill_strip(outputs, g[r // TH], 4 * (r % TH), 0)
            _take_gradients(outputs, columns, q, _u((r - start) * TW))
        count = (stop - start) * TW
        for i in range(36):
            for some in range(0, count, product_rows):
                end = min(some + product_rows, count)
                np.dot(q[i, some:end].T, d[i, some:end], product)
                total[i] += product
    return total


@compiled
def _fill_strip(strip: Any, x: Any, start: int, left: int) -> None:
    """Copy rows of x (H, W, C) from `start`, which may lie above the image; zeros outside of it."""
    H, W, C = x.shape
    for i in range(len(strip)):
        a, line = start + i, strip[i].reshape(-1)
        if 0 <= a < H:
            row, begin = x[a].reshape(-1), left * C
            for k in range(W * C):
                line[begin + k] = row[k]
        else:
            line[:] = 0


@compiled
def _copy_rows(outputs: Any, y: Any, start: int) -> None:
    """Copy outputs (4, 4*TW, O) to the rows of y (H', W', O) from `start`, as far as they lie inside."""
    height, width, O = y.shape
    for i in range(min(len(outputs), height - start)):
        line, row = outputs[i].reshape(-1), y[start + i].reshape(-1)
        for k in range(width * O):
            row[k] = line[k]


# ---------------------------------------------------------------------- the transforms of one row of tiles

# Arrays are flat here. A transform takes the vectors of all channels that begin at `at` and lie `step` numbers apart,
# and puts others from `to`, `stride` numbers apart. Slices would be counted by atomic instructions. With unsigned
# indices, the compiled code need not check whether an index is negative and counts from the end.

@compiled
def _u(number: Any) -> Any:
    return np.uint64(number)


@compiled
def _take_tiles(strip: Any, rows: Any, d: Any, first: Any) -> None:
    """B^T d B: strip (6, 4*TW + 2, C) -> d (36, tiles, C) from tile `first`; rows is a buffer."""
    line, C, tiles, six = _u(strip.shape[1]), _u(strip.shape[2]), _u(d.shape[1]), _u(6)
    pixels, found = strip.reshape(-1), d.reshape(-1)
    for t in range(line // _u(4)):
        for k in range(six):
            _b_transposed(C, pixels, (k * line + _u(4) * t) * C, C, rows, k * six * C, C)
        for k in range(six):
            _b_transposed(C, rows, k * C, six * C, found, (k * tiles + first + t) * C, six * tiles * C)


@compiled
def _give_outputs(m: Any, first: Any, columns: Any, outputs: Any) -> None:
    """A^T m A: m (36, tiles, O) from tile `first` -> outputs (4, 4*TW, O); columns is a buffer."""
    tiles, O, line, six = _u(m.shape[1]), _u(m.shape[2]), _u(outputs.shape[1]), _u(6)
    products, found = m.reshape(-1), outputs.reshape(-1)
    for t in range(line // _u(4)):
        for k in range(six):
            _a_transposed(O, products, (k * tiles + first + t) * O, six * tiles * O, columns, k * O, six * O)
        for k in range(_u(4)):
            _a_transposed(O, columns, k * six * O, O, found, (k * line + _u(4) * t) * O, O)


@compiled
def _take_gradients(outputs: Any, columns: Any, q: Any, first: Any) -> None:
    """A g A^T: outputs (4, 4*TW, O) -> q (36, tiles, O) from tile `first`; columns is a buffer."""
    tiles, O, line, six = _u(q.shape[1]), _u(q.shape[2]), _u(outputs.shape[1]), _u(6)
    pixels, found = outputs.reshape(-1), q.reshape(-1)
    for t in range(line // _u(4)):
        for k in range(_u(4)):
            _a(O, pixels, (k * line + _u(4) * t) * O, O, columns, k * six * O, O)
        for k in range(six):
            _a(O, columns, k * O, six * O, found, (k * tiles + first + t) * O, six * tiles * O)


@compiled
def _b_transposed(C: Any, d: Any, at: Any, step: Any, out: Any, to: Any, stride: Any) -> None:
    """B^T d: six vectors of C numbers -> six"""
    i1, i2, i3, i4, i5 = _places(step)
    o1, o2, o3, o4, o5 = _places(stride)
    a, b, aa, bb, both = (
        np.float32(A), np.float32(B), np.float32(A * A), np.float32(B * B), np.float32(A * A + B * B))
    for c in range(C):
        i, o = at + c, to + c
        d1, d2, d3, d4 = d[i + i1], d[i + i2], d[i + i3], d[i + i4]
        even_a, odd_a, even_b, odd_b = d4 - bb * d2, a * (d3 - bb * d1), d4 - aa * d2, b * (d3 - aa * d1)
        out[o] = d[i] - both * d2 + d4                  # a^2 b^2 is 1
        out[o + o1] = even_a + odd_a
        out[o + o2] = even_a - odd_a
        out[o + o3] = even_b + odd_b
        out[o + o4] = even_b - odd_b
        out[o + o5] = d1 - both * d3 + d[i + i5]


@compiled
def _a_transposed(O: Any, m: Any, at: Any, step: Any, out: Any, to: Any, stride: Any) -> None:
    """A^T m: six vectors of O numbers -> four"""
    i1, i2, i3, i4, i5 = _places(step)
    o1, o2, o3, _, _ = _places(stride)
    a, b, aa, bb, aaa, bbb = (np.float32(A), np.float32(B), np.float32(A * A), np.float32(B * B), np.float32(A * A * A),
                              np.float32(B * B * B))
    for c in range(O):
        i, o = at + c, to + c
        m1, m2, m3, m4 = m[i + i1], m[i + i2], m[i + i3], m[i + i4]
        even_a, odd_a, even_b, odd_b = m1 + m2, m1 - m2, m3 + m4, m3 - m4
        out[o] = m[i] + even_a + even_b
        out[o + o1] = a * odd_a + b * odd_b
        out[o + o2] = aa * even_a + bb * even_b
        out[o + o3] = aaa * odd_a + bbb * odd_b + m[i + i5]


@compiled
def _a(O: Any, g: Any, at: Any, step: Any, out: Any, to: Any, stride: Any) -> None:
    """A g: four vectors of O numbers -> six"""
    i1, i2, i3, _, _ = _places(step)
    o1, o2, o3, o4, o5 = _places(stride)
    a, b, aa, bb = np.float32(A), np.float32(B), np.float32(A * A), np.float32(B * B)
    for c in range(O):
        i, o = at + c, to + c
        g0, g1, g2, g3 = g[i], g[i + i1], g[i + i2], g[i + i3]
        even_a, odd_a, even_b, odd_b = g0 + aa * g2, a * (g1 + aa * g3), g0 + bb * g2, b * (g1 + bb * g3)
        out[o] = g0
        out[o + o1] = even_a + odd_a
        out[o + o2] = even_a - odd_a
        out[o + o3] = even_b + odd_b
        out[o + o4] = even_b - odd_b
        out[o + o5] = g3


@compiled
def _places(step: Any) -> Any:
    """step, 2 * step, ..., 5 * step"""
    return step, _u(2) * step, _u(3) * step, _u(4) * step, _u(5) * step
