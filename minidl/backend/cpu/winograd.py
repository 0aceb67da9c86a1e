"""3 x 3 convolution by Winograd's filtering.

It needs 16 multiplications for every 2 x 2 outputs, instead of the 36 of the definition.

An image is cut into tiles d of 4 x 4, which overlap by two, and every tile gives 2 x 2 outputs. With

         | 1  0 -1  0 |         |  1    0    0  |
    B^T =| 0  1  1  0 |     G = | 1/2  1/2  1/2 |     A^T = | 1  1  1  0 |
         | 0 -1  1  0 |         | 1/2 -1/2  1/2 |           | 0  1 -1 -1 |
         | 0  1  0 -1 |         |  0    0    1  |

the outputs of a tile are  A^T [(G w G^T) * (B^T d B)] A,  where * is elementwise. The sum over channels moves inside
the brackets, which become 16 matrix products, (tiles, C) @ (C, O) each. The formula is linear in w, so the gradient of
the weights is its transpose:  G^T [(A g A^T) * (B^T d B)] G,  summed over tiles inside the brackets.

The additions of B and A cost a part of what the products save, so this is for many channels.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, https://arxiv.org/abs/1509.09308
"""
from __future__ import annotations

import numpy as np

from minidl.backend.cpu.conv import add_bias
from minidl.backend.cpu.matmul import ALL_ROWS, rows_per_product, tall_gram, tall_matmul
from minidl.backend.cpu.threads import blocks, parallel, parallel_sum
from minidl.backend.kernels.conv import ConvGeometry, conv2d_forward, conv2d_output_size, conv2d_weight_grad
from minidl.backend.kernels.matmul import matmul
from minidl.backend.kernels.window import Pair

MIN_CHANNELS = 48       # of input and of output; with fewer, the additions cost more than the products save
MIN_TILES = 256         # with fewer, transforming the weights costs too much
BLOCK_BYTES = 1 << 20   # of tiles at a time

G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
GG = np.kron(G, G)      # (16, 9): G w G^T, written as one product


@conv2d_forward.register("numpy", before="conv2d_forward_im2col")
def conv2d_forward_winograd(x: np.ndarray, w: np.ndarray, geometry: ConvGeometry,
                            b: np.ndarray | None = None) -> np.ndarray:
    out_size = conv2d_output_size(x.shape[2:], w.shape[2:], geometry)
    if not winograd_is_faster(x, len(w), w.shape[2:], out_size, geometry):
        return NotImplemented
    (N, C), O, (height, width) = x.shape[:2], len(w), out_size
    TH, TW = -(-height // 2), -(-width // 2)                        # tiles along the height and the width
    u = tile_weights(w)
    y = np.empty((N, height, width, O), x.dtype)

    def convolve(images: slice) -> None:
        d = _tiles(x[images], TH, TW, geometry)                     # (4, 4, n, TH, TW, C)
        n = d.shape[2]
        m = np.empty((16, n * TH * TW, O), x.dtype)
        m = tall_matmul(d.reshape(16, n * TH * TW, C), u, out=m).reshape(4, 4, n, TH, TW, O)
        part = y[images]
        for i, rows in enumerate(_a_transposed(m)):                 # (4, n, TH, TW, O): every second row of outputs
            for j, pixels in enumerate(_a_transposed(rows)):        # (n, TH, TW, O): every second column of these rows
                target = part[:, i::2, j::2]
                target[...] = pixels[:, :target.shape[1], :target.shape[2]]
        add_bias(part.transpose(0, 3, 1, 2), b)

    # each block reads all weights again, so large weights need large blocks
    parallel(convolve, blocks(N, 16 * TH * TW * C * x.itemsize, max(BLOCK_BYTES, u.nbytes // 2)))
    return y.transpose(0, 3, 1, 2)


@conv2d_weight_grad.register("numpy", before="conv2d_weight_grad_im2col")
def conv2d_weight_grad_winograd(x: np.ndarray, g: np.ndarray, kernel_size: Pair,
                                geometry: ConvGeometry) -> np.ndarray:
    if not winograd_is_faster(x, g.shape[1], kernel_size, g.shape[2:], geometry):
        return NotImplemented
    (N, C), (O, height, width) = x.shape[:2], g.shape[1:]
    TH, TW = -(-height // 2), -(-width // 2)
    block_bytes = max(BLOCK_BYTES, 16 * C * O * x.itemsize)         # a product should not be larger than its factors
    some_images = blocks(N, 16 * TH * TW * C * x.itemsize, block_bytes)

    def products(images: slice) -> np.ndarray:
        d = _tiles(x[images], TH, TW, geometry)
        rows = d.shape[2] * TH * TW
        q = _gradient_tiles(g[images], TH, TW)                      # (4, 4, n, TH, TW, O)
        return tall_gram(q.reshape(16, rows, O), d.reshape(16, rows, C))

    gu = parallel_sum(products, some_images, (16, O, C), x.dtype).reshape(16, O * C)
    return matmul(gu.T, GG.astype(x.dtype)).reshape(O, C, 3, 3)


def tile_weights(w: np.ndarray) -> np.ndarray:
    """G w G^T of all kernels: (O, C, 3, 3) -> (16, C, O)"""
    O, C = w.shape[:2]
    u = matmul(GG.astype(w.dtype), w.reshape(O * C, 9).T).reshape(16, O, C).swapaxes(1, 2)
    return np.ascontiguousarray(u) if rows_per_product(O * C) < ALL_ROWS else u     # BLAS reorders large ones anyway


def winograd_is_faster(x: np.ndarray, O: int, kernel_size: Pair, out_size: Pair, geometry: ConvGeometry) -> bool:
    """Whether the kernel is 3 x 3 without strides, and there are enough channels and tiles."""
    (N, C), (height, width) = x.shape[:2], out_size
    return (tuple(kernel_size) == (3, 3) and geometry.stride == geometry.dilation == (1, 1) and geometry.groups == 1
            and min(C, O) >= MIN_CHANNELS and N * height * width >= 4 * MIN_TILES and x.dtype != np.float16)


def _tiles(x: np.ndarray, TH: int, TW: int, geometry: ConvGeometry) -> np.ndarray:
    """B^T d B of all tiles: (n, C, H, W) -> (4, 4, n, TH, TW, C)"""
    (n, C, H, W), (top, left) = x.shape, geometry.padding
    padded = np.zeros((n, 2 * TH + 2, 2 * TW + 2, C), x.dtype)
    padded[:, top:top + H, left:left + W] = x.transpose(0, 2, 3, 1)
    tiles = np.empty((4, 4, n, TH, TW, C), x.dtype)
    rows = np.empty((4, n, TH, 2 * TW + 2, C), x.dtype)
    _b_transposed([padded[:, k:k + 2 * TH:2] for k in range(4)], out=rows)
    _b_transposed([rows[:, :, :, k:k + 2 * TW:2] for k in range(4)], out=tiles.swapaxes(0, 1))
    return tiles


def _b_transposed(d: list[np.ndarray], out: np.ndarray) -> None:
    """B^T d"""
    np.subtract(d[0], d[2], out=out[0])
    np.add(d[1], d[2], out=out[1])
    np.subtract(d[2], d[1], out=out[2])
    np.subtract(d[1], d[3], out=out[3])


def _a_transposed(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two rows of A^T m: (4, ...) -> (...), (...)"""
    first, second = m[0] + m[1], m[1] - m[2]
    first += m[2]
    second -= m[3]
    return first, second


def _gradient_tiles(g: np.ndarray, TH: int, TW: int) -> np.ndarray:
    """A g A^T of all 2 x 2 outputs: (n, O, H', W') -> (4, 4, n, TH, TW, O)"""
    n, O, height, width = g.shape
    g = g.transpose(0, 2, 3, 1)
    if height % 2 or width % 2:
        padded = np.zeros((n, 2 * TH, 2 * TW, O), g.dtype)
        padded[:, :height, :width] = g
        g = padded
    tiles = np.empty((4, 4, n, TH, TW, O), g.dtype)
    for i, row in enumerate(_a(g[:, 0::2], g[:, 1::2])):            # (n, TH, 2 * TW, O)
        for j, tile in enumerate(_a(row[:, :, 0::2], row[:, :, 1::2])):
            tiles[i, j] = tile
    return tiles


def _a(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
    """The four rows of A times the column (first, second)."""
    return first, first + second, first - second, -second
