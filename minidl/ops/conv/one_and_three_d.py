"""1-d and 3-d convolution, built from the 2-d ops of `two_d.py`.

A signal is an image of height 1. A kernel over kd frames of a film reads, at each step, kd images of C channels: one
image of kd*C channels. `Frames` stacks them, and 2-d convolution does the rest. `FramesSum`, its transpose, adds
frames back to the places they came from: it is the gradient of `Frames`, and the last step of transposed convolution.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.conv import ConvGeometry
from minidl.backend.kernels.window import axis_taps
from minidl.ops.base.declaration import public
from minidl.ops.conv.arguments import conv_arguments, conv_transpose_arguments
from minidl.ops.conv.two_d import Conv2d, Conv2dInputGrad
from minidl.ops.shape.views import ALL, Permute, Reshape, Slice, as_result, permute, reshape, transpose, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Depth(NamedTuple):
    """The kernel's steps along the depth: output frame i reads frames i*stride + u*dilation - padding."""

    size: int
    out_size: int
    kernel: int
    stride: int
    padding: int
    dilation: int


class Frames(Op):
    """y[n*D' + i, c*kd + u] = x[n, c, i*s + u*d - p], an image; zero where the index is outside x.

    x (N, C, D, H, W) -> (N*D', C*kd, H, W)
    """

    def __init__(self, depth: Depth) -> None:
        self.depth = depth

    def forward(self, x: Array) -> Array:
        N, C, _, H, W = x.shape
        y = array_module(x).zeros((N, self.depth.out_size, C, self.depth.kernel, H, W), dtype=x.dtype)
        for u, target, source in axis_taps(*self.depth):
            y[:, target, :, u] = x[:, :, source].swapaxes(1, 2)
        return y.reshape(N * self.depth.out_size, C * self.depth.kernel, H, W)

    def grad_x(self, g: Value) -> Value:
        return FramesSum(self.depth)(g)


class FramesSum(Op):
    """z[n, c, i*s + u*d - p] += g[n*D' + i, c*kd + u], for all i and u: the transpose of Frames.

    g (N*D', C*kd, H, W) -> (N, C, D, H, W)
    """

    def __init__(self, depth: Depth) -> None:
        self.depth = depth

    def forward(self, g: Array) -> Array:
        D, frames, kd = self.depth[:3]
        N, C, (H, W) = len(g) // frames, g.shape[1] // kd, g.shape[2:]
        g = g.reshape(N, frames, C, kd, H, W)
        z = array_module(g).zeros((N, C, D, H, W), dtype=g.dtype)
        for u, target, source in axis_taps(*self.depth):
            z[:, :, source] += g[:, target, :, u].swapaxes(1, 2)
        return z

    def grad_g(self, h: Value) -> Value:
        return Frames(self.depth)(h)


# ---------------------------------------------------------------------- one dimension


@public
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | tuple[int, ...] = 1,
           padding: int | tuple[int, ...] | str = 0, dilation: int | tuple[int, ...] = 1, groups: int = 1) -> Tensor:
    """Slide kernels over signals; each output is a weighted sum of the elements under a kernel.

    input (N, C, L) or (C, L), weight (O, C/groups, k), bias (O,) or None; returns (N, O, L') or (O, L'), where

        L' = (L + 2*padding - dilation*(k - 1) - 1) // stride + 1

    Other arguments and errors: as `conv2d`.

        >>> import minidl
        >>> signal, kernel = minidl.tensor([[[1., 2., 4., 8.]]]), minidl.tensor([[[-1., 1.]]])
        >>> minidl.nn.functional.conv1d(signal, kernel)
        tensor([[[1., 2., 4.]]])
    """
    x, geometry = conv_arguments("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)
    y = Conv2d(_row_geometry(geometry))(unsqueeze(x, 2), unsqueeze(weight, 2), bias)   # (N, O, 1, L')
    return as_result(y, Slice((ALL, ALL, 0) if input.ndim == 3 else (0, ALL, 0)))


@public
def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | tuple[int, ...] = 1,
                     padding: int | tuple[int, ...] = 0, output_padding: int | tuple[int, ...] = 0, groups: int = 1,
                     dilation: int | tuple[int, ...] = 1) -> Tensor:
    """Add up kernels, one per input element, multiplied by that element.

    input (N, C, L) or (C, L), weight (C, O/groups, k), bias (O,) or None; returns (N, O, L') or (O, L'), where

        L' = (L - 1)*stride - 2*padding + dilation*(k - 1) + output_padding + 1

    Other arguments and errors: as `conv_transpose2d`.

        >>> import minidl
        >>> kernel = minidl.tensor([[[1., 2., 3.]]])
        >>> minidl.nn.functional.conv_transpose1d(minidl.tensor([[[1., 10.]]]), kernel, stride=2)
        tensor([[[ 1.,  2., 13., 20., 30.]]])
    """
    x, size, geometry = conv_transpose_arguments("conv_transpose1d", 1, input, weight, bias, stride, padding,
                                                 output_padding, groups, dilation)
    y = Conv2dInputGrad((1, *size), _row_geometry(geometry))(unsqueeze(x, 2), unsqueeze(weight, 2))    # (N, O, 1, L')
    y = y if bias is None else y + reshape(bias, (-1, 1, 1))
    return as_result(y, Slice((ALL, ALL, 0) if input.ndim == 3 else (0, ALL, 0)))


@public
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor | None, pad: int = 0) -> Tensor:
    """`conv1d` for signals with time as the first axis.

    input (L, N, C), weight (k, C, O), bias (O,); returns (L', N, O). pad: zeros at both ends.
    Errors: as `conv1d`.

        >>> import minidl
        >>> signal, kernel = minidl.tensor([[[1.]], [[2.]], [[4.]]]), minidl.tensor([[[-1.]], [[1.]]])
        >>> minidl.nn.functional.conv_tbc(signal, kernel, minidl.zeros(1)).flatten()
        tensor([1., 2.])
    """
    if input.ndim != 3 or weight.ndim != 3:
        raise RuntimeError(f"conv_tbc: Input and weight must have 3 dims: time, batch, channel and time, input, output "
                           f"channels, but got {tuple(input.shape)} and {tuple(weight.shape)}")
    y = conv1d(permute(input, (1, 2, 0)), permute(weight, (2, 1, 0)), bias, padding=pad)          # (N, O, L')
    return as_result(y, Permute((2, 0, 1)))


def _row_geometry(geometry: Any) -> ConvGeometry:
    """The same steps along one axis, for an image of height 1."""
    return ConvGeometry((1, *geometry.stride), (0, *geometry.padding), (1, *geometry.dilation), geometry.groups)


# ---------------------------------------------------------------------- three dimensions


@public
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | tuple[int, ...] = 1,
           padding: int | tuple[int, ...] | str = 0, dilation: int | tuple[int, ...] = 1, groups: int = 1) -> Tensor:
    """Slide kernels over volumes or films; each output is a weighted sum of the elements under a kernel.

    input (N, C, D, H, W) or (C, D, H, W), weight (O, C/groups, kd, kh, kw), bias (O,) or None; returns
    (N, O, D', H', W') or (O, D', H', W'). Other arguments, sizes and errors: as `conv2d`; tuples are (depth,
    vertical, horizontal). Memory: kd copies of the input at a time.

        >>> import minidl
        >>> film = minidl.arange(8.).reshape(1, 1, 2, 2, 2)
        >>> minidl.nn.functional.conv3d(film, minidl.tensor([-1., 1.]).reshape(1, 1, 2, 1, 1))
        tensor([[[[[4., 4.],
                   [4., 4.]]]]])
    """
    x, geometry = conv_arguments("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)
    (N, _, D, _, _), (O, _, kd, kh, kw) = x.shape, weight.shape
    (sd, *_), (pd, *_), (dd, *_), _ = geometry
    frames = (D + 2 * pd - dd * (kd - 1) - 1) // sd + 1
    images = Frames(Depth(D, frames, kd, sd, pd, dd))(x)                   # (N*D', C*kd, H, W)
    y = Conv2d(_plane_geometry(geometry))(images, reshape(weight, (O, -1, kh, kw)), bias)
    y = as_result(y, Reshape((N, frames, *y.shape[1:])), Permute((0, 2, 1, 3, 4)))  # -> (N, O, D', H', W')
    return y if input.ndim == 5 else as_result(y, Slice((0,)))


@public
def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | tuple[int, ...] = 1,
                     padding: int | tuple[int, ...] = 0, output_padding: int | tuple[int, ...] = 0, groups: int = 1,
                     dilation: int | tuple[int, ...] = 1) -> Tensor:
    """Add up kernels, one per input element, multiplied by that element.

    input (N, C, D, H, W) or (C, D, H, W), weight (C, O/groups, kd, kh, kw), bias (O,) or None; returns
    (N, O, D', H', W') or (O, D', H', W'). Other arguments, sizes and errors: as `conv_transpose2d`; tuples are
    (depth, vertical, horizontal).

        >>> import minidl
        >>> kernel = minidl.tensor([1., 2.]).reshape(1, 1, 2, 1, 1)
        >>> film = minidl.tensor([1., 10.]).reshape(1, 1, 2, 1, 1)
        >>> minidl.nn.functional.conv_transpose3d(film, kernel, stride=(2, 1, 1)).flatten()
        tensor([ 1.,  2., 10., 20.])
    """
    x, size, geometry = conv_transpose_arguments("conv_transpose3d", 3, input, weight, bias, stride, padding,
                                                 output_padding, groups, dilation)
    (N, C, frames, H, W), (_, _, kd, kh, kw) = x.shape, weight.shape
    (sd, *_), (pd, *_), (dd, *_), _ = geometry
    images = reshape(transpose(x, 1, 2), (N * frames, C, H, W))
    y = Conv2dInputGrad(size[1:], _plane_geometry(geometry))(images, reshape(weight, (C, -1, kh, kw)))  # (N*D, O*kd, *)
    y = FramesSum(Depth(size[0], frames, kd, sd, pd, dd))(y)               # -> (N, O, D', H', W')
    y = y if bias is None else y + reshape(bias, (-1, 1, 1, 1))
    return y if input.ndim == 5 else as_result(y, Slice((0,)))


def _plane_geometry(geometry: Any) -> ConvGeometry:
    """The vertical and horizontal steps of a 3-d geometry."""
    return ConvGeometry(geometry.stride[1:], geometry.padding[1:], geometry.dilation[1:], geometry.groups)
