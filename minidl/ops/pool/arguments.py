"""Argument checks shared by pooling in one, two and three dimensions."""
from __future__ import annotations

from typing import Any

from minidl.backend.kernels.pool import PoolGeometry, output_length
from minidl.ops.base.checks import check_floating, check_images, numbers
from minidl.ops.shape.views import Slice, as_result, unsqueeze


def pool_arguments(who: str, dims: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
                   ceil_mode: bool, floating: bool = False) -> tuple[Any, PoolGeometry]:
    """Check the arguments; return the input as a batch, and the geometry."""
    x = as_batch(who, dims, input, floating)
    kernel = numbers(kernel_size, dims, who, "kernel_size", 1)
    stride = kernel if stride is None or stride in ((), []) else numbers(stride, dims, who, "stride", 1)
    geometry = PoolGeometry(kernel, stride, numbers(padding, dims, who, "padding", 0),
                            numbers(dilation, dims, who, "dilation", 1), bool(ceil_mode))
    for k, p in zip(kernel, geometry.padding):
        if p > k // 2:
            raise RuntimeError(f"{who}: pad should be at most half of kernel size, but got pad={p} and "
                               f"kernel_size={k}")
    axes = list(zip(x.shape[2:], *geometry[:4]))
    size = tuple([output_length(*axis, geometry.ceil_mode) for axis in axes])
    if min(x.shape[1:]) < 1 or min(size) < 1:
        raise RuntimeError(f"{who}: Given input size: {tuple(x.shape[1:])}. Calculated output size: "
                           f"{(x.shape[1], *size)}. Output size is too small (kernel_size={kernel}, "
                           f"stride={stride}, padding={geometry.padding}); try a smaller kernel or padding")
    if max(geometry.dilation) > 1 and not all(_windows_touch_image(n, *axis) for n, axis in zip(size, axes)):
        raise RuntimeError(f"{who}: a window reads nothing but padding (input {tuple(input.shape)}, kernel_size="
                           f"{kernel}, padding={geometry.padding}, dilation={geometry.dilation}); try less of either")
    return x, geometry


def adaptive_arguments(who: str, dims: int, input: Any, output_size: Any, floating: bool = False) -> tuple[Any, Any]:
    """Check the arguments; return the input as a batch, and the output's size."""
    x = as_batch(who, dims, input, floating)
    wanted = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * dims
    if len(wanted) != dims:
        raise RuntimeError(f"{who}: output_size must be {dims}, one number for each dimension, but got {output_size}")
    if min(x.shape[1:]) < 1:
        raise RuntimeError(f"{who}: Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                           f"{tuple(input.shape)}")
    size = [n if want is None else want for want, n in zip(wanted, x.shape[2:])]
    return x, numbers(size, dims, who, "output_size", 0)


def as_batch(who: str, dims: int, input: Any, floating: bool = False) -> Any:
    """Return (N, C, *), given that or (C, *)."""
    check_images(who, input, dims)
    if floating:
        check_floating(who, input=input)
    if input.dtype.kind == "b":
        raise RuntimeError(f"{who}: not implemented for bool; try input.float()")
    return input if input.ndim == dims + 2 else unsqueeze(input, 0)


def unbatched(input: Any, dims: int, y: Any) -> Any:
    """Remove the batch axis from the result, if the input had none."""
    return y if input.ndim == dims + 2 else as_result(y, Slice((0,)))


def _windows_touch_image(out_length: int, length: int, kernel: int, stride: int, padding: int, dilation: int) -> bool:
    """Whether each window has an element inside the image, along one axis."""
    return all(any(0 <= i * stride - padding + u * dilation < length for u in range(kernel)) for i in range(out_length))
