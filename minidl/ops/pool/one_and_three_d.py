"""1-d and 3-d pooling, built from 2-d pooling.

A signal is an image of height 1. The maximum of a volume is the maximum of the maxima of its planes, and a mean is the
mean of means. So 3-d pooling pools every plane first, and then along the depth, with each plane as one long row. That
reads kh*kw + kd elements for each output, where one window in 3-d would read kd*kh*kw.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from minidl.backend.kernels.pool import PoolGeometry
from minidl.ops.base.declaration import public
from minidl.ops.pool.arguments import adaptive_arguments, pool_arguments, unbatched
from minidl.ops.pool.two_d import AdaptiveMaxPool2d, AvgPool2d, MaxPool2d, MaxPool2dGather, adaptive_avg_pool2d
from minidl.ops.reduce.sums import mean
from minidl.ops.resize.interpolation import adaptive_mean
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
    y, indices = (unbatched(input, 1, _row(out)) for out in MaxPool2d(_row_geometry(geometry))(unsqueeze(x, 2)))
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
    y = AvgPool2d(_row_geometry(geometry), count_include_pad, None)(unsqueeze(x, 2))
    return unbatched(input, 1, _row(y))


@public
def adaptive_max_pool1d(input: Tensor, output_size: Numbers, return_indices: bool = False) -> Any:
    """The largest element of `output_size` windows that divide a signal: (N, C, L) -> (N, C, output_size).

    Arguments and errors: as `adaptive_max_pool2d`.

        >>> import minidl
        >>> minidl.nn.functional.adaptive_max_pool1d(minidl.tensor([[1., 2., 3., 4., 5.]]), 2)
        tensor([[3., 5.]])
    """
    x, size = adaptive_arguments("adaptive_max_pool1d", 1, input, output_size)
    y, indices = (unbatched(input, 1, _row(out)) for out in AdaptiveMaxPool2d((1, *size))(unsqueeze(x, 2)))
    return (y, indices) if return_indices else y


@public
def adaptive_avg_pool1d(input: Tensor, output_size: Numbers) -> Tensor:
    """The mean of `output_size` windows that divide a signal: (N, C, L) -> (N, C, output_size).

    Arguments and errors: as `adaptive_avg_pool2d`.

        >>> import minidl
        >>> minidl.nn.functional.adaptive_avg_pool1d(minidl.tensor([[1., 2., 3., 4., 5.]]), 2)
        tensor([[2., 4.]])
    """
    x, size = adaptive_arguments("adaptive_avg_pool1d", 1, input, output_size, floating=True)
    return unbatched(input, 1, _row(adaptive_avg_pool2d(unsqueeze(x, 2), (1, *size))))


def _row(y: Any) -> Any:
    """The only row of images: (N, C, 1, L) -> (N, C, L)."""
    return as_result(y, Slice((ALL, ALL, 0)))


def _row_geometry(geometry: Any) -> PoolGeometry:
    """The same steps along one axis, for an image of height 1."""
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
    """The largest element of every window: (N, C, D, H, W) -> (N, C, D', H', W'), or without N.

    Arguments and errors: as `max_pool2d`; tuples are (depth, vertical, horizontal), and index (d*H + r)*W + c means
    row r and column c of plane d.

        >>> import minidl
        >>> minidl.nn.functional.max_pool3d(minidl.arange(8.).reshape(1, 2, 2, 2), 2)
        tensor([[[[7.]]]])
    """
    x, geometry = pool_arguments("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode)
    return _max(MaxPool2d(_plane_geometry(geometry)), MaxPool2d(_depth_geometry(geometry)), input, x, return_indices)


@public
def adaptive_max_pool3d(input: Tensor, output_size: int | tuple[int | None, ...], return_indices: bool = False) -> Any:
    """The largest element of windows that divide a volume.

    (N, C, D, H, W) -> (N, C, *output_size), or without N.

    Arguments and errors: as `adaptive_max_pool2d`; indices as those of `max_pool3d`.

        >>> import minidl
        >>> minidl.nn.functional.adaptive_max_pool3d(minidl.arange(8.).reshape(1, 2, 2, 2), (2, 1, 1)).flatten()
        tensor([3., 7.])
    """
    x, (d, h, w) = adaptive_arguments("adaptive_max_pool3d", 3, input, output_size)
    return _max(AdaptiveMaxPool2d((h, w)), AdaptiveMaxPool2d((d, h * w)), input, x, return_indices)


def _max(planes: MaxPool2d, depth: MaxPool2d, input: Any, x: Any, return_indices: bool) -> Any:
    """Pool each plane, then along the depth; look up the positions within the planes last."""
    N, C, D, H, W = x.shape
    y, in_plane = planes(reshape(x, (N, C * D, H, W)))                     # (N, C*D, H', W')
    h, w = y.shape[2:]
    y, places = depth(reshape(y, (N, C, D, h * w)))                        # (N, C, D', H'*W')
    size = (N, C, y.shape[2], h, w)
    y = unbatched(input, 3, reshape(y, size))
    if not return_indices:
        return y
    indices = MaxPool2dGather()(reshape(in_plane, (N, C, D, h * w)), places)
    indices = indices + places // max(1, h * w) * (H * W)
    return y, unbatched(input, 3, reshape(indices, size))


@public
def avg_pool3d(input: Tensor, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
               ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of every window: (N, C, D, H, W) -> (N, C, D', H', W'), or without N.

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
    y = AvgPool2d(_plane_geometry(geometry), count_include_pad, in_plane)(reshape(x, (N, C * D, H, W)))
    h, w = y.shape[2:]
    y = AvgPool2d(_depth_geometry(geometry), count_include_pad, divisor_override)(reshape(y, (N, C, D, h * w)))
    return unbatched(input, 3, reshape(y, (N, C, y.shape[2], h, w)))


@public
def adaptive_avg_pool3d(input: Tensor, output_size: int | tuple[int | None, ...]) -> Tensor:
    """The mean of windows that divide a volume.

    (N, C, D, H, W) -> (N, C, *output_size), or without N.

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
    y = adaptive_mean(reshape(y, (N, C, D, h * w)), 2, d)
    return unbatched(input, 3, reshape(y, (N, C, d, h, w)))


def _plane_geometry(geometry: Any) -> PoolGeometry:
    """The vertical and horizontal steps of a 3-d geometry."""
    kernel, stride, padding, dilation, ceil_mode = geometry
    return PoolGeometry(kernel[1:], stride[1:], padding[1:], dilation[1:], ceil_mode)


def _depth_geometry(geometry: Any) -> PoolGeometry:
    """The steps along the depth of a 3-d geometry, over (D, H'*W')."""
    kernel, stride, padding, dilation, ceil_mode = geometry
    return PoolGeometry((kernel[0], 1), (stride[0], 1), (padding[0], 0), (dilation[0], 1), ceil_mode)
