"""Deformable convolution: every tap of the kernel looks where an offset sends it, between pixels.

Pixels are read by indexing and mixed with weights that are polynomials of the offset. Both are differentiable to any
order already; what is left is one matrix product.
"""
from __future__ import annotations

import itertools
import math

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.nn import init
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.ops.base import check_floating
from minidl.tensors.creation import empty
from minidl.tensors.tensor import Tensor

Pair = tuple[int, int]


def deform_conv2d(input: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None = None,
                  stride: int | Pair = (1, 1), padding: int | Pair = (0, 0), dilation: int | Pair = (1, 1),
                  mask: Tensor | None = None) -> Tensor:
    """`conv2d` whose taps are moved by offsets, and perhaps weighted.

    input (N, C, H, W), weight (C', C / groups, h, w), bias (C',) -> (N, C', H', W') of the size that `conv2d` gives.
    offset (N, 2 * g * h * w, H', W'): for each tap of each of g groups of channels how far it is moved, first down,
    then right. mask (N, g * h * w, H', W'): factors, for version 2. Between pixels the four neighbours are mixed;
    outside of the image all is 0. How many groups there are follows from the shapes.
    Errors: RuntimeError where shapes or dtypes do not fit.
    Source: Dai et al., "Deformable Convolutional Networks", 2017, https://arxiv.org/abs/1703.06211; Zhu et al.,
    "Deformable ConvNets v2", 2018, https://arxiv.org/abs/1811.11168

        >>> import minidl
        >>> from minidl.vision import ops
        >>> image, weight = minidl.arange(9.).reshape(1, 1, 3, 3), minidl.ones(1, 1, 1, 1)
        >>> half_right = minidl.zeros(1, 2, 3, 3)
        >>> half_right[:, 1] = 0.5
        >>> ops.deform_conv2d(image, half_right, weight)
        tensor([[[[0.5000, 1.5000, 1.0000],
                  [3.5000, 4.5000, 2.5000],
                  [6.5000, 7.5000, 4.0000]]]])
    """
    stride, padding, dilation = _pair(stride), _pair(padding), _pair(dilation)
    size, groups = _check(input, offset, weight, bias, mask, stride, padding, dilation)
    N, C, H, W = input.shape
    out, _, h, w = weight.shape
    taps, places = h * w, size[0] * size[1]
    offset = offset.reshape(N, groups, taps, 2, *size)
    start = [_starts(weight.shape[2 + axis], size[axis], stride[axis], padding[axis], dilation[axis])
             for axis in (0, 1)]                                                            # (h, H'), (w, W')
    xp = array_module(input.array)
    y0 = xp.asarray(np.broadcast_to(start[0][:, None, :, None], (h, w, *size)).reshape(taps, *size), input.dtype)
    x0 = xp.asarray(np.broadcast_to(start[1][None, :, None, :], (h, w, *size)).reshape(taps, *size), input.dtype)
    columns = _sample(input, groups, offset[:, :, :, 0] + wrap(y0), offset[:, :, :, 1] + wrap(x0), mask)
    columns = columns.reshape(N, groups, taps, places, C // groups).permute(0, 1, 4, 2, 3)  # (N, g, C/g, h*w, H'*W')
    kernels = C // weight.shape[1]
    columns = columns.reshape(N, kernels, weight.shape[1] * taps, places)
    y = (weight.reshape(kernels, out // kernels, -1) @ columns).reshape(N, out, *size)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def _sample(input: Tensor, groups: int, y: Tensor, x: Tensor, mask: Tensor | None) -> Tensor:
    """The pixels at rows y and columns x, weighted by the mask.

    y, x (N, groups, taps, H', W') -> (N * groups * taps * H' * W', C / groups).
    """
    N, C, H, W = input.shape
    table = input.reshape(N, groups, C // groups, H * W).permute(0, 1, 3, 2).reshape(N * groups * H * W, C // groups)
    xp = array_module(input.array)
    image = xp.arange(N * groups).reshape(N, groups, 1, 1, 1) * (H * W)
    rows, columns = _neighbours(y, H), _neighbours(x, W)
    pixels = None
    for (row, of_row), (column, of_column) in itertools.product(rows, columns):
        weight = of_row * of_column if mask is None else of_row * of_column * mask.reshape(y.shape)
        part = table[wrap((image + row * W + column).reshape(-1))] * weight.reshape(-1, 1)
        pixels = part if pixels is None else pixels + part
    assert pixels is not None
    return pixels


def _neighbours(position: Tensor, n: int) -> list[tuple[Array, Tensor]]:
    """The two pixels around each position along one axis, and their weights.

    Weights are 0 outside of 0 to n - 1.
    """
    xp = array_module(position.array)
    first = xp.floor(position.array)
    far = position - wrap(first)                                                            # 0 to 1
    found = []
    for pixel, weight in ((first, 1 - far), (first + 1, far)):
        inside = (pixel >= 0) & (pixel < n)
        found.append((xp.where(inside, pixel, 0).astype(np.int64), weight * wrap(inside.astype(position.dtype))))
    return found


def _starts(taps: int, places: int, stride: int, padding: int, dilation: int) -> np.ndarray:
    """Where each tap of a kernel stands, at each place, along one axis: (taps, places)."""
    return np.arange(taps)[:, None] * dilation + np.arange(places) * stride - padding


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _check(input: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None, mask: Tensor | None, stride: Pair,
           padding: Pair, dilation: Pair) -> tuple[Pair, int]:
    """The size of the output, and the number of groups of offsets. Errors: as `deform_conv2d` says."""
    who = "deform_conv2d"
    check_floating(who, input=input, offset=offset, weight=weight, bias=bias, mask=mask)
    for name, value in (("input", input), ("offset", offset), ("weight", weight), ("mask", mask)):
        if value is not None and value.ndim != 4:
            raise RuntimeError(f"{who}: expected {name} with 4 dimensions, but got {tuple(value.shape)}")
    if min(*stride, *dilation) < 1 or min(padding) < 0:
        raise RuntimeError(f"{who}: expected stride and dilation from 1 and padding from 0, but got stride={stride}, "
                           f"padding={padding}, dilation={dilation}")
    (N, C, *image), (out, per_group, h, w) = input.shape, weight.shape
    if not per_group or not h * w or C % per_group or out % (C // per_group):
        raise RuntimeError(f"{who}: weight {tuple(weight.shape)} does not fit an input of {C} channels; expected "
                           f"(C', {C} / groups, h, w) with C' divisible by groups")
    if bias is not None and tuple(bias.shape) != (out,):
        raise RuntimeError(f"{who}: expected bias ({out},), but got {tuple(bias.shape)}")
    groups = offset.shape[1] // (2 * h * w)
    if groups == 0 or offset.shape[1] % (2 * h * w) or C % groups:
        raise RuntimeError(f"{who}: the shape of the offset tensor at dimension 1 is not valid. It should be a "
                           f"multiple of 2 * weight.size[2] * weight.size[3] = {2 * h * w}, by a divisor of {C} "
                           f"channels. Got offset.shape[1]={offset.shape[1]}")
    size = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1
                 for n, p, d, k, s in zip(image, padding, dilation, (h, w), stride))
    if min(size) < 1:
        raise RuntimeError(f"{who}: the kernel does not fit into the padded input: the output would be {size}")
    expected = {"offset": (offset, (N, offset.shape[1], *size)), "mask": (mask, (N, groups * h * w, *size))}
    for name, (value, shape) in expected.items():
        if value is not None and tuple(value.shape) != shape:
            raise RuntimeError(f"{who}: expected {name} {shape} for an output of {size}, but got {tuple(value.shape)}")
    return (size[0], size[1]), groups


class DeformConv2d(Module):
    """`deform_conv2d` as a layer, called with input, offset and perhaps mask.

    Weights start as those of `Conv2d`.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> layer = ops.DeformConv2d(4, 6, kernel_size=3, padding=1)
        >>> layer(minidl.randn(1, 4, 8, 8), minidl.zeros(1, 18, 8, 8)).shape
        (1, 6, 8, 8)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int | Pair, stride: int | Pair = 1,
                 padding: int | Pair = 0, dilation: int | Pair = 1, groups: int = 1, bias: bool = True) -> None:
        super().__init__()
        if in_channels % groups:
            raise ValueError(f"in_channels must be divisible by groups, but got {in_channels} and {groups}")
        if out_channels % groups:
            raise ValueError(f"out_channels must be divisible by groups, but got {out_channels} and {groups}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = _pair(kernel_size), _pair(stride)
        self.padding, self.dilation = _pair(padding), _pair(dilation)
        self.weight = Parameter(empty(out_channels, in_channels // groups, *self.kernel_size))
        self.bias = Parameter(empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew, as `Conv2d` does."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        return deform_conv2d(input, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask)

    def extra_repr(self) -> str:
        """The sizes, and what is not as by default."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        parts += [f"padding={self.padding}"] if self.padding != (0, 0) else []
        parts += [f"dilation={self.dilation}"] if self.dilation != (1, 1) else []
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        return ", ".join(parts + (["bias=False"] if self.bias is None else []))
