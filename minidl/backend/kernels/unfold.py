"""im2col and col2im: images as columns of patches, and columns of patches added back into images."""
from __future__ import annotations

from typing import NamedTuple

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel
from minidl.backend.kernels.window import Pair, window_taps


class PatchGeometry(NamedTuple):
    """How the patch moves over the image; pairs are (vertical, horizontal)."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair


def patches_per_axis(size: Pair, geometry: PatchGeometry) -> Pair:
    """The number of patches along the height and the width: (H, W) -> (H', W')."""
    rows, columns = ((n + 2 * padding - dilation * (k - 1) - 1) // stride + 1
                     for n, k, stride, padding, dilation in zip(size, *geometry, strict=True))
    return rows, columns


@kernel
def unfold(x: Array, geometry: PatchGeometry) -> Array:
    """y[n, (c,u,v), (i,j)] = x[n, c, i*s+u*d-p, j*s+v*d-p], 0 in the padding: (N, C, H, W) -> (N, C*kh*kw, H'*W')"""
    (N, C, *size), (kh, kw) = x.shape, geometry.kernel
    out_size = patches_per_axis((size[0], size[1]), geometry)
    y = array_module(x).zeros((N, C, kh, kw, *out_size), dtype=x.dtype)
    for u, v, target, source in window_taps((size[0], size[1]), out_size, *geometry):
        y[:, :, u, v][target] = x[source]
    return y.reshape(N, C * kh * kw, out_size[0] * out_size[1])


@kernel
def fold(y: Array, size: Pair, geometry: PatchGeometry) -> Array:
    """x[n, c, i*s+u*d-p, j*s+v*d-p] += y[n, (c,u,v), (i,j)]: (N, C*kh*kw, H'*W') -> (N, C, *size)"""
    (N, rows, _), (kh, kw) = y.shape, geometry.kernel
    C, out_size = rows // (kh * kw), patches_per_axis(size, geometry)
    patches = y.reshape(N, C, kh, kw, *out_size)
    x = array_module(y).zeros((N, C, *size), dtype=y.dtype)
    for u, v, target, source in window_taps(size, out_size, *geometry):
        x[source] += patches[:, :, u, v][target]
    return x
