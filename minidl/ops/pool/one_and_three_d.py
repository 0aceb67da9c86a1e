"""1-d and 3-d pooling, made of 2-d pooling.

A signal is an image of height 1. And the maximum of a volume is the maximum of its planes' maxima, a mean the mean of
means: so 3-d pooling pools every plane first, and then along the depth, with the plane as one long row. That
reads kh*kw + kd elements for each output, where one window in 3-d would read kd*kh*kw.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from minidl.backend.kernels.pool import PoolGeometry
from minidl.ops.base.declaration import public
from minidl.ops.pool.arguments import adaptive_arguments, as_given, pool_arguments
from minidl.ops.pool.two_d import AdaptiveMaxPool2d, AvgPool2d, MaxPool2d, MaxPool2dGather, adaptive_avg_pool2d
from minidl.ops.reduce.sums import mean
from minidl.ops.resize.interpolation import mean_of_shares
from minidl.ops.shape.views import ALL, Slice, as_result, reshape, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

Numbers = int | tuple[int, ...]

# ---------------------------------------------------------------------- one dimension


@overload
def max_pool1d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               dilation: Numbers = 1, ceil_mode: bool = False, return_indices: Literal[False] = False) -> Tensor: ...
@overload
def max_pool1d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               dilation: Numbers = 1, ceil_mode: bool = False, *,
               return_indices: Literal[True]) -> tuple[Tensor, Tensor]: ...
@public
def max_pool1d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               dilation: Numbers = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of every window: (N, C, L) -> (N, C, L'), or (C, L) -> (C, L').

    Arguments and errors: as `max_pool2d`; an index is a position along L.

        >>> import minidl
        >>> minidl.nn.functional.max_pool1d(minidl.tensor([[1., 5., 2., 3.]]), 2)
        tensor([[5., 3.]])
    """
    x, geometry = pool_arguments("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode)
    y, indices = (as_given(input, 1, _row(out)) for out in MaxPool2d(_one_row(geometry))(unsqueeze(x, 2)))
    return (y, indices) if return_indices else y


@public
def avg_pool1d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """The mean of every window: (N, C, L) -> (N, C, L'), or (C, L) -> (C, L').

    Arguments and errors: as `avg_pool2d`.

        >>> import minidl
        >>> minidl.nn.functional.avg_pool1d(minidl.tensor([[1., 5., 2., 3.]]), 2)
        tensor([[3.0000, 2.5000]])
    """
    x, geometry = pool_arguments("avg_pool1d", 1, input, kernel_size, stride, padding, 1, ceil_mode, floating=True)
    y = AvgPool2d(_one_row(geometry), count_include_pad, None)(unsqueeze(x, 2))
    return as_given(input, 1, _row(y))


@public
def adaptive_max_pool1d(input: Tensor, output_size: Numbers, return_indices: bool = False) -> Any:
    """The largest element of `output_size` windows that share a signal out: (N, C, L) -> (N, C, output_size).

    Arguments and errors: as `adaptive_max_pool2d`.

        >>> import minidl
        >>> minidl.nn.functional.adaptive_max_pool1d(minidl.tensor([[1., 2., 3., 4., 5.]]), 2)
        tensor([[3., 5.]])
    """
    x, size = adaptive_arguments("adaptive_max_pool1d", 1, input, output_size)
    y, indices = (as_given(input, 1, _row(out)) for out in AdaptiveMaxPool2d((1, *size))(unsqueeze(x, 2)))
    return (y, indices) if return_indices else y


@public
def adaptive_avg_pool1d(input: Tensor, output_size: Numbers) -> Tensor:
    """The mean of `output_size` windows that share a signal out: (N, C, L) -> (N, C, output_size).

    Arguments and errors: as `adaptive_avg_pool2d`.

        >>> import minidl
        >>> minidl.nn.functional.adaptive_avg_pool1d(minidl.tensor([[1., 2., 3., 4., 5.]]), 2)
        tensor([[2., 4.]])
    """
    x, size = adaptive_arguments("adaptive_avg_pool1d", 1, input, output_size, floating=True)
    return as_given(input, 1, _row(adaptive_avg_pool2d(unsqueeze(x, 2), (1, *size))))


def _row(y: Any) -> Any:
    """The only row of images: (N, C, 1, L) -> (N, C, L)."""
    return as_result(y, Slice((ALL, ALL, 0)))


def _one_row(geometry: Any) -> PoolGeometry:
    """The same moves, of one axis, along the row of an image of height 1."""
    kernel, stride, padding, dilation, ceil_mode = geometry
    return PoolGeometry((1, *kernel), (1, *stride), (0, *padding), (1, *dilation), ceil_mode)


# ---------------------------------------------------------------------- three dimensions


@overload
def max_pool3d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               dilation: Numbers = 1, ceil_mode: bool = False, return_indices: Literal[False] = False) -> Tensor: ...
@overload
def max_pool3d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               dilation: Numbers = 1, ceil_mode: bool = False, *,
               return_indices: Literal[True]) -> tuple[Tensor, Tensor]: ...
@public
def max_pool3d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               dilation: Numbers = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The largest element of every window: (N, C, D, H, W) -> (N, C, D', H', W'), or the same without N.

    Arguments and errors: as `max_pool2d`; tuples are (depth, vertical, horizontal), and index (d*H + r)*W + c
    stands for row r and column c of plane d.

        >>> import minidl
        >>> minidl.nn.functional.max_pool3d(minidl.arange(8.).reshape(1, 2, 2, 2), 2)
        tensor([[[[7.]]]])
    """
    x, geometry = pool_arguments("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode)
    return _max(MaxPool2d(_in_plane(geometry)), MaxPool2d(_in_depth(geometry)), input, x, return_indices)


@public
def adaptive_max_pool3d(input: Tensor, output_size: int | tuple[int | None, ...], return_indices: bool = False) -> Any:
    """The largest element of every window, with windows that share the volume out: (N, C, D, H, W) -> (N, C,
    *output_size), or the same without N.

    Arguments and errors: as `adaptive_max_pool2d`; indices as those of `max_pool3d`.

        >>> import minidl
        >>> minidl.nn.functional.adaptive_max_pool3d(minidl.arange(8.).reshape(1, 2, 2, 2), (2, 1, 1)).flatten()
        tensor([3., 7.])
    """
    x, (d, h, w) = adaptive_arguments("adaptive_max_pool3d", 3, input, output_size)
    return _max(AdaptiveMaxPool2d((h, w)), AdaptiveMaxPool2d((d, h * w)), input, x, return_indices)


def _max(planes: MaxPool2d, depth: MaxPool2d, input: Any, x: Any, return_indices: bool) -> Any:
    """Pool each plane, then along the depth; where a maximum was in its plane is looked up last."""
    N, C, D, H, W = x.shape
    y, in_plane = planes(reshape(x, (N, C * D, H, W)))                     # (N, C*D, H', W')
    h, w = y.shape[2:]
    y, places = depth(reshape(y, (N, C, D, h * w)))                        # (N, C, D', H'*W')
    size = (N, C, y.shape[2], h, w)
    y = as_given(input, 3, reshape(y, size))
    if not return_indices:
        return y
    indices = MaxPool2dGather()(reshape(in_plane, (N, C, D, h * w)), places)
    indices = indices + places // max(1, h * w) * (H * W)
    return y, as_given(input, 3, reshape(indices, size))


@public
def avg_pool3d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of every window: (N, C, D, H, W) -> (N, C, D', H', W'), or the same without N.

    Arguments and errors: as `avg_pool2d`; tuples are (depth, vertical, horizontal).

        >>> import minidl
        >>> minidl.nn.functional.avg_pool3d(minidl.arange(8.).reshape(1, 2, 2, 2), 2)
        tensor([[[[3.5000]]]])
    """
    x, geometry = pool_arguments("avg_pool3d", 3, input, kernel_size, stride, padding, 1, ceil_mode, floating=True)
    if divisor_override == 0:
        raise RuntimeError("avg_pool3d: divisor must be not zero")
    N, C, D, H, W = x.shape
    in_plane = None if divisor_override is None else 1
    y = AvgPool2d(_in_plane(geometry), count_include_pad, in_plane)(reshape(x, (N, C * D, H, W)))
    h, w = y.shape[2:]
    y = AvgPool2d(_in_depth(geometry), count_include_pad, divisor_override)(reshape(y, (N, C, D, h * w)))
    return as_given(input, 3, reshape(y, (N, C, y.shape[2], h, w)))


@public
def adaptive_avg_pool3d(input: Tensor, output_size: int | tuple[int | None, ...]) -> Tensor:
    """The mean of every window, with windows that share the volume out: (N, C, D, H, W) -> (N, C, *output_size), or
    the same without N.

    Arguments and errors: as `adaptive_avg_pool2d`.

        >>> import minidl
        >>> minidl.nn.functional.adaptive_avg_pool3d(minidl.arange(8.).reshape(1, 2, 2, 2), (2, 1, 1)).flatten()
        tensor([1.5000, 5.5000])
    """
    x, (d, h, w) = adaptive_arguments("adaptive_avg_pool3d", 3, input, output_size, floating=True)
    if d == h == w == 1:
        return mean(input, (-3, -2, -1), keepdim=True)
    N, C, D, H, W = x.shape
    y = adaptive_avg_pool2d(reshape(x, (N, C * D, H, W)), (h, w))
    y = mean_of_shares(reshape(y, (N, C, D, h * w)), 2, d)
    return as_given(input, 3, reshape(y, (N, C, d, h, w)))


def _in_plane(geometry: Any) -> PoolGeometry:
    """The moves, of three axes, within a plane (H, W)."""
    kernel, stride, padding, dilation, ceil_mode = geometry
    return PoolGeometry(kernel[1:], stride[1:], padding[1:], dilation[1:], ceil_mode)


def _in_depth(geometry: Any) -> PoolGeometry:
    """... and those from plane to plane, over (D, H'*W')."""
    kernel, stride, padding, dilation, ceil_mode = geometry
    return PoolGeometry((kernel[0], 1), (stride[0], 1), (padding[0], 0), (dilation[0], 1), ceil_mode)
