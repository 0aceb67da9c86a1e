"""2-d convolution: three ops; each is the gradient of the other two.

Write T(x, w, g) for the sum of all products

    x[n, c, i*s + u*d - p, j*s + v*d - p] * w[o, c, u, v] * g[n, o, i, j]

of an image x, a kernel w and a g in the shape of the output. i, j are the position of the kernel (steps of s, starting
p outside the image), u, v the position within the kernel (d apart). T is linear in each of the three, and its
derivative by one of them is an op of the other two:

    dT/dg = Conv2d(x, w)            the output of convolution
    dT/dx = Conv2dInputGrad(g, w)   the gradient of the image
    dT/dw = Conv2dWeightGrad(x, g)  the gradient of the kernel

So the loops that compute a gradient are those of the convolution itself, with the roles exchanged. And since every op
is a derivative of T, the gradients of the gradients are the same three ops again.

`one_and_three_d.py` builds convolutions of other dimensions on these three.
"""
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.autograd.op import IMAGES, Op, Value
from minidl.backend.device import Array
from minidl.backend.kernels import conv as kernels
from minidl.backend.kernels.conv import ConvGeometry
from minidl.ops.base.biased import Biased
from minidl.ops.base.broadcast import Sum
from minidl.ops.base.checks import Pair
from minidl.ops.base.declaration import public
from minidl.ops.conv.arguments import conv_arguments, conv_transpose_arguments
from minidl.ops.shape.views import Slice, as_result, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Conv2d(Biased):
    """y[n,o,i,j] = b[o] + sum_{c,u,v} x[n, c, i*s+u*d-p, j*s+v*d-p] * w[o,c,u,v]

    x (N, C, H, W), w (O, C/groups, kh, kw), b (O,) -> (N, O, H', W')
    """

    layout = IMAGES

    def __init__(self, geometry: ConvGeometry) -> None:
        self.geometry = geometry

    def forward(self, x: Array, w: Array, b: Array | None) -> Array:
        self.x_size, self.w_size = x.shape[2:], w.shape[2:]
        return kernels.conv2d_forward(x, w, self.geometry, b)

    def grad_x(self, g: Value, w: Value) -> Value:
        return Conv2dInputGrad(self.x_size, self.geometry)(g, w)

    def grad_w(self, g: Value, x: Value) -> Value:
        return Conv2dWeightGrad(self.w_size, self.geometry)(x, g)

    def grad_b(self, g: Value) -> Value:
        return Sum((0, 2, 3), (g.shape[1],))(g)

    def parameter_gradients(self, g: Array, x: Array) -> tuple[Array, Array]:
        return kernels.conv2d_parameter_grads(x, g, self.w_size, self.geometry)


class Conv2dInputGrad(Op):
    """gx[n,c,h,w] = sum of g[n,o,i,j] * w[o,c,u,v] over all o and all (i,u), (j,v) that read (h,w)

    That is where i*s + u*d - p = h and j*s + v*d - p = w.

    g (N, O, H', W'), w (O, C/groups, kh, kw) -> (N, C, H, W). Also known as transposed convolution.
    """

    layout = IMAGES

    def __init__(self, x_size: Pair, geometry: ConvGeometry) -> None:
        self.x_size, self.geometry = x_size, geometry   # H and W do not follow from H' and W'

    def forward(self, g: Array, w: Array) -> Array:
        self.w_size = w.shape[2:]
        return kernels.conv2d_input_grad(g, w, self.x_size, self.geometry)

    def grad_g(self, h: Value, w: Value) -> Value:
        return Conv2d(self.geometry)(h, w, None)

    def grad_w(self, h: Value, g: Value) -> Value:
        return Conv2dWeightGrad(self.w_size, self.geometry)(h, g)


class Conv2dWeightGrad(Op):
    """gw[o,c,u,v] = sum_{n,i,j} x[n, c, i*s+u*d-p, j*s+v*d-p] * g[n,o,i,j]

    x (N, C, H, W), g (N, O, H', W') -> (O, C/groups, kh, kw)
    """

    def __init__(self, w_size: Pair, geometry: ConvGeometry) -> None:
        self.w_size, self.geometry = w_size, geometry

    def forward(self, x: Array, g: Array) -> Array:
        self.x_size = x.shape[2:]
        return kernels.conv2d_weight_grad(x, g, self.w_size, self.geometry)

    def grad_x(self, h: Value, g: Value) -> Value:
        return Conv2dInputGrad(self.x_size, self.geometry)(g, h)

    def grad_g(self, h: Value, x: Value) -> Value:
        return Conv2d(self.geometry)(x, h, None)


@public
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Pair = 1,
           padding: int | Pair | str = 0, dilation: int | Pair = 1, groups: int = 1) -> Tensor:
    """Slide kernels over images; each output is a weighted sum of the pixels under a kernel.

    input (N, C, H, W) or (C, H, W), weight (O, C/groups, kh, kw), bias (O,) or None; returns (N, O, H', W')
    or (O, H', W'), where

        H' = (H + 2*padding - dilation*(kh - 1) - 1) // stride + 1

    stride: how far the kernel moves at a time. padding: rows and columns of zeros around the image, "valid" for
    none, or "same" for the number that keeps H' = H and W' = W. dilation: the distance between the elements of the
    kernel. Each may be an int or a pair (vertical, horizontal). groups: the channels are divided into this number of
    groups, and an output channel sees only its own group.
    Errors: RuntimeError where shapes, dtypes or numbers do not fit, TypeError unless numbers are ints.

        >>> import minidl
        >>> image = minidl.tensor([[[[0., 0., 0.], [0., 1., 0.], [0., 0., 0.]]]])
        >>> kernel = minidl.tensor([[[[1., 2.], [3., 4.]]]])
        >>> minidl.nn.functional.conv2d(image, kernel)   # y[i,j] = x[1,1] * w[1-i,1-j]
        tensor([[[[4., 3.],
                  [2., 1.]]]])
    """
    x, geometry = conv_arguments("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)
    y = Conv2d(geometry)(x, weight, bias)
    return y if input.ndim == 4 else as_result(y, Slice((0,)))


@public
def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Pair = 1,
                     padding: int | Pair = 0, output_padding: int | Pair = 0, groups: int = 1,
                     dilation: int | Pair = 1) -> Tensor:
    """Add up kernels, one per input pixel, multiplied by that pixel.

    This is the gradient of `conv2d` with respect to its input. It makes images larger where conv2d with the same
    numbers makes them smaller.

    input (N, C, H, W) or (C, H, W), weight (C, O/groups, kh, kw), bias (O,) or None; returns (N, O, H', W') or
    (O, H', W'), where

        H' = (H - 1)*stride - 2*padding + dilation*(kh - 1) + output_padding + 1

    output_padding: with a stride, conv2d gives the same output size for several input sizes; this number is added to
    the smallest of them, below and to the right.
    Errors: as `conv2d`.

    Source: Zeiler et al., "Deconvolutional Networks", 2010.

        >>> import minidl
        >>> kernel = minidl.tensor([[[[1., 2.], [3., 4.]]]])
        >>> minidl.nn.functional.conv_transpose2d(minidl.tensor([[[[1., 10.]]]]), kernel, stride=2)
        tensor([[[[ 1.,  2., 10., 20.],
                  [ 3.,  4., 30., 40.]]]])
    """
    x, size, geometry = conv_transpose_arguments("conv_transpose2d", 2, input, weight, bias, stride, padding,
                                                 output_padding, groups, dilation)
    y = Conv2dInputGrad(size, geometry)(x, weight)
    y = y if bias is None else y + reshape(bias, (-1, 1, 1))
    return y if input.ndim == 4 else as_result(y, Slice((0,)))
