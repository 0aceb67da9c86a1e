"""2-d convolution and its two gradients, written as matrix products over patches.

A patch holds the c*kh*kw input values that one output position reads. With patches as columns, convolution is
`w @ patches`, the weight gradient is `g @ patches.T`, and the input gradient adds `w.T @ g` to the places that
the patches were taken from. All three are linear in each argument. Groups are a batch axis.
"""
from __future__ import annotations

from typing import NamedTuple

from minidl.backend.device import Array, array_module
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernel import kernel
from minidl.backend.kernels.window import Pair, window_taps


class ConvGeometry(NamedTuple):
    """How the kernel moves over the image; pairs are (vertical, horizontal)."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


def conv2d_output_size(size: Pair, kernel: Pair, geometry: ConvGeometry) -> Pair:
    """The number of kernel positions in the padded image: (H, W) -> (H', W')."""
    height, width = (
        (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1
        for n, k, stride, padding, dilation in zip(size, kernel, *geometry[:3], strict=True))
    return height, width


@kernel
def conv2d_forward(x: Array, w: Array, geometry: ConvGeometry, b: Array | None = None) -> Array:
    """y[n,o,i,j] = sum_{c,u,v} x[n, c, i*s+u*d-p, j*s+v*d-p] * w[o,c,u,v], plus b[o]

    x (N, C, H, W), w (O, C/groups, kh, kw), b (O,) or None -> (N, O, H', W')
    """
    N, O = len(x), len(w)
    patches = _patches(x, w.shape[2:], geometry)              # (N, G, c*kh*kw, H'*W')
    y = _grouped_weight(w, geometry) @ patches                # (N, G, O/G, H'*W')
    y = y.reshape(N, O, *conv2d_output_size(x.shape[2:], w.shape[2:], geometry))
    if b is not None:
        y += b[:, None, None]
    return y


@kernel
def conv2d_weight_grad(x: Array, g: Array, kernel_size: Pair, geometry: ConvGeometry) -> Array:
    """gw[o,c,u,v] = sum_{n,i,j} x[n, c, i*s+u*d-p, j*s+v*d-p] * g[n,o,i,j]

    x (N, C, H, W), g (N, O, H', W') -> (O, C/groups, kh, kw)
    """
    patches = _patches(x, kernel_size, geometry)              # (N, G, c*kh*kw, H'*W')
    gw = _grouped_images(g, geometry) @ patches.swapaxes(2, 3)  # (N, G, O/G, c*kh*kw)
    return gw.sum(0).reshape(g.shape[1], x.shape[1] // geometry.groups, *kernel_size)


@kernel
def conv2d_parameter_grads(x: Array, g: Array, kernel_size: Pair, geometry: ConvGeometry) -> tuple[Array, Array]:
    """`conv2d_weight_grad`, and gb[o] = sum_{n,i,j} g[n,o,i,j]"""
    gb = g.sum((0, 2, 3), dtype=accumulation_dtype(g.dtype)).astype(g.dtype, copy=False)
    return conv2d_weight_grad(x, g, kernel_size, geometry), gb


@kernel
def conv2d_input_grad(g: Array, w: Array, input_size: Pair, geometry: ConvGeometry) -> Array:
    """gx[n,c,h,w] = sum of g[n,o,i,j] * w[o,c,u,v] over all (i,u), (j,v) that read (h,w)

    g (N, O, H', W'), w (O, C/groups, kh, kw) -> (N, C, *input_size)
    """
    xp = array_module(g)
    N, C, (kh, kw), out_size = len(g), w.shape[1] * geometry.groups, w.shape[2:], g.shape[2:]
    patches = _grouped_weight(w, geometry).swapaxes(1, 2) @ _grouped_images(g, geometry)
    patches = patches.reshape(N, C, kh, kw, *out_size)        # from (N, G, c*kh*kw, H'*W')
    gx = xp.zeros((N, C, *input_size), dtype=g.dtype)
    for u, v, target, source in window_taps(input_size, out_size, (kh, kw), *geometry[:3]):
        gx[source] += patches[:, :, u, v][target]
    return gx


def _patches(x: Array, kernel_size: Pair, geometry: ConvGeometry) -> Array:
    """(N, C, H, W) -> (N, G, c*kh*kw, H'*W'), zero where a window reaches into the padding."""
    (N, C, *size), (kh, kw), G = x.shape, kernel_size, geometry.groups
    height, width = conv2d_output_size(size, kernel_size, geometry)
    patches = array_module(x).zeros((N, C, kh, kw, height, width), dtype=x.dtype)
    for u, v, target, source in window_taps(size, (height, width), kernel_size, *geometry[:3]):
        patches[:, :, u, v][target] = x[source]
    return patches.reshape(N, G, C // G * kh * kw, height * width)


def _grouped_weight(w: Array, geometry: ConvGeometry) -> Array:
    """(O, c, kh, kw) -> (G, O/G, c*kh*kw)"""
    (O, c, kh, kw), G = w.shape, geometry.groups
    return w.reshape(G, O // G, c * kh * kw)


def _grouped_images(g: Array, geometry: ConvGeometry) -> Array:
    """(N, O, H', W') -> (N, G, O/G, H'*W')"""
    (N, O, height, width), G = g.shape, geometry.groups
    return g.reshape(N, G, O // G, height * width)
