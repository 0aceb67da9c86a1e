"""2-d pooling: one number per window, its maximum or its mean.

Both kinds choose paths from inputs to outputs, and gradients flow back along the same paths. Max pooling reads one
input for each output: once the `indices` of the maxima are known, it is a gather; the gradient of a gather is a
scatter-add, and the gradient of that a gather again. Average pooling is linear, and its transpose spreads each g
over its window. `one_and_three_d.py` builds pooling in other dimensions on this.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from minidl.autograd.op import IMAGES, Op, Value
from minidl.backend.device import Array
from minidl.backend.kernels import pool as kernels
from minidl.backend.kernels.pool import PoolGeometry
from minidl.ops.base.checks import Pair
from minidl.ops.base.declaration import public
from minidl.ops.pool.arguments import adaptive_arguments, pool_arguments, unbatched
from minidl.ops.reduce.sums import mean
from minidl.ops.resize.interpolation import adaptive_mean

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- the maximum


class MaxPool2d(Op):
    """y[n,c,i,j] = max over u, v of x[n, c, i*s+u*d-p, j*s+v*d-p], and its position in the H*W plane.

    x (N, C, H, W) -> y, indices (N, C, H', W'). Only the maxima have an influence, so only they get a gradient.
    """

    layout = IMAGES

    materialize = False   # the indices have no gradient, not even zeros

    def __init__(self, geometry: PoolGeometry) -> None:
        self.geometry = geometry

    def forward(self, x: Array) -> tuple[Array, Array]:
        self.check_not_complex((x,))
        self.x_size = x.shape[2:]
        y, indices = self.maxima(x)
        self.keep(indices=indices)
        return y, indices

    def maxima(self, x: Array) -> tuple[Array, Array]:
        return kernels.max_pool2d_forward(x, self.geometry)

    def grad_x(self, g: Value, indices: Value) -> Value:
        return MaxPool2dScatter(self.x_size)(g[0], indices)


class AdaptiveMaxPool2d(MaxPool2d):
    """Max pooling with windows that divide the image into `size` outputs.

    Window i reaches from floor(i*H/H') to ceil((i+1)*H/H').
    """

    def __init__(self, size: Pair) -> None:
        self.size = size

    def maxima(self, x: Array) -> tuple[Array, Array]:
        return kernels.adaptive_max_pool2d_forward(x, self.size)


class MaxPool2dScatter(Op):
    """z[n, c, indices[n,c,i,j]] += g[n,c,i,j], with the plane H*W as one axis.

    g (N, C, H', W') -> (N, C, H, W)
    """

    def __init__(self, x_size: Pair) -> None:
        self.x_size = x_size

    def forward(self, g: Array, indices: Array) -> Array:
        return kernels.max_pool2d_scatter(g, indices, self.x_size)

    def grad_g(self, h: Value, indices: Value) -> Value:
        return MaxPool2dGather()(h, indices)


class MaxPool2dGather(Op):
    """y[n,c,i,j] = x[n, c, indices[n,c,i,j]], with the plane H*W as one axis.

    x (N, C, H, W) -> (N, C, H', W')
    """

    def forward(self, x: Array, indices: Array) -> Array:
        self.x_size = x.shape[2:]
        return kernels.max_pool2d_gather(x, indices)

    def grad_x(self, g: Value, indices: Value) -> Value:
        return MaxPool2dScatter(self.x_size)(g, indices)


@overload
def max_pool2d(input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
               dilation: int | Pair = 1, ceil_mode: bool = False, return_indices: Literal[False] = False) -> Tensor: ...
@overload
def max_pool2d(input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
               dilation: int | Pair = 1, ceil_mode: bool = False, *,
               return_indices: Literal[True]) -> tuple[Tensor, Tensor]: ...
@public
def max_pool2d(input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
               dilation: int | Pair = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of every window.

    input (N, C, H, W) or (C, H, W); returns (N, C, H', W') or (C, H', W'), where

        H' = (H + 2*padding - dilation*(kernel_size - 1) - 1) / stride + 1      rounded down, or up if ceil_mode

    stride: the distance between windows, `kernel_size` if not given. padding: never the largest. dilation: the distance
    between the elements of a window. Each may be an int or a pair (vertical, horizontal). return_indices: return
    (output, indices), where index r*W + c means row r and column c of the image. Among equal elements the first is
    taken, and NaN before any number.
    Errors: RuntimeError where numbers do not fit the image or each other, TypeError unless they are ints.

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2., 0., 3.], [5., 4., 1., 1.]]])
        >>> minidl.nn.functional.max_pool2d(x, 2)
        tensor([[[5., 3.]]])
    """
    x, geometry = pool_arguments("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)
    y, indices = (unbatched(input, 2, out) for out in MaxPool2d(geometry)(x))
    return (y, indices) if return_indices else y


@public
def adaptive_max_pool2d(input: Tensor, output_size: int | tuple[int | None, int | None],
                        return_indices: bool = False) -> Any:
    """The largest element of every window, where the windows divide the image.

    input (N, C, H, W) or (C, H, W); returns (N, C, *output_size) or (C, *output_size). output_size: an int, or a pair
    where None means the size of the input. return_indices: as for `max_pool2d`.
    Errors: RuntimeError where the image is empty or the size is not one or two numbers.

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2., 3., 4., 5.]]])
        >>> minidl.nn.functional.adaptive_max_pool2d(x, (1, 2))
        tensor([[[3., 5.]]])
    """
    x, size = adaptive_arguments("adaptive_max_pool2d", 2, input, output_size)
    y, indices = (unbatched(input, 2, out) for out in AdaptiveMaxPool2d(size)(x))
    return (y, indices) if return_indices else y


# ---------------------------------------------------------------------- the mean


class AvgPool2d(Op):
    """y[n,c,i,j] = sum over u, v of x[n, c, i*s+u-p, j*s+v-p] / divisor[i,j]

    x (N, C, H, W) -> (N, C, H', W'). All elements of a window have an equal share in the mean.
    """

    layout = IMAGES

    def __init__(self, geometry: PoolGeometry, count_include_pad: bool, divisor_override: int | None) -> None:
        self.how = geometry, count_include_pad, divisor_override

    def forward(self, x: Array) -> Array:
        self.x_size = x.shape[2:]
        return kernels.avg_pool2d_forward(x, *self.how)

    def grad_x(self, g: Value) -> Value:
        return AvgPool2dScatter(self.x_size, *self.how)(g)


class AvgPool2dScatter(Op):
    """z[n, c, i*s+u-p, j*s+v-p] += g[n,c,i,j] / divisor[i,j], for all u, v: the transpose of AvgPool2d.

    g (N, C, H', W') -> (N, C, H, W)
    """

    def __init__(self, x_size: Pair, *how: Any) -> None:
        self.x_size, self.how = x_size, how

    def forward(self, g: Array) -> Array:
        return kernels.avg_pool2d_scatter(g, self.x_size, *self.how)

    def grad_g(self, h: Value) -> Value:
        return AvgPool2d(*self.how)(h)


@public
def avg_pool2d(input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of every window.

    input (N, C, H, W) or (C, H, W); returns (N, C, H', W') or (C, H', W'), H' and W' as for `max_pool2d`.
    count_include_pad: padding counts as zeros; else only elements of the image count. divisor_override: divide the
    sums by this instead.
    Errors: as `max_pool2d`.

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2., 0., 3.], [5., 4., 1., 1.]]])
        >>> minidl.nn.functional.avg_pool2d(x, 2)
        tensor([[[3.0000, 1.2500]]])
    """
    x, geometry = pool_arguments("avg_pool2d", 2, input, kernel_size, stride, padding, 1, ceil_mode, floating=True)
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor must be not zero")
    return unbatched(input, 2, AvgPool2d(geometry, count_include_pad, divisor_override)(x))


@public
def adaptive_avg_pool2d(input: Tensor, output_size: int | tuple[int | None, int | None]) -> Tensor:
    """The mean of every window, where the windows divide the image.

    Window i reaches from row floor(i*H/H') to row ceil((i+1)*H/H'), so windows may overlap by a row.
    Arguments, shapes and errors: as `adaptive_max_pool2d`.

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2., 3., 4., 5.]]])
        >>> minidl.nn.functional.adaptive_avg_pool2d(x, (1, 2))
        tensor([[[2., 4.]]])
    """
    x, size = adaptive_arguments("adaptive_avg_pool2d", 2, input, output_size, floating=True)
    H, W = x.shape[2:]
    if size == (1, 1):
        return mean(input, (-2, -1), keepdim=True)
    if min(size) and H % size[0] == 0 and W % size[1] == 0:
        return avg_pool2d(input, (H // size[0], W // size[1]))
    return unbatched(input, 2, adaptive_mean(adaptive_mean(x, 2, size[0]), 3, size[1]))
