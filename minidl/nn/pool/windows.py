"""Max and mean pooling of signals, images and volumes."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.nn import functional as F
from minidl.nn.module.module import Module
from minidl.ops.base import numbers
from minidl.tensors.tensor import Tensor

Numbers = int | tuple[int, ...]
"""An int for all spatial axes, or one for each."""


class _Pool(Module):
    """Base class: the checked window of a pooling layer."""

    dims: int                   # number of spatial axes
    pool: Callable[..., Any]    # the function that computes it

    def __init__(self, kernel_size: Numbers, stride: Numbers | None, padding: Numbers) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self._check_numbers("stride", self.stride, 1)
        for k, p in zip(self._check_numbers("kernel_size", kernel_size, 1), self._check_numbers("padding", padding, 0)):
            if p > k // 2:
                raise RuntimeError(f"{self._get_name()}: pad should be at most half of kernel size, but got pad={p} "
                                   f"and kernel_size={k}")

    def _check_numbers(self, name: str, value: Any, least: int) -> tuple[int, ...]:
        return numbers(value, self.dims, self._get_name(), name, least)


# ---------------------------------------------------------------------- the maximum

class _MaxPool(_Pool):
    """The largest element of every window."""

    def __init__(self, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 dilation: Numbers = 1, return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size, stride, padding)
        self._check_numbers("dilation", dilation, 1)
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self.pool(input, self.kernel_size, self.stride, self.padding, self.dilation,
                         ceil_mode=self.ceil_mode, return_indices=self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class MaxPool1d(_MaxPool):
    """The largest element of every window of a signal; see `functional.max_pool1d`.

    input (N, C, L) or (C, L) -> (N, C, L') or (C, L'). Arguments and errors: as `MaxPool2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MaxPool1d(2)(minidl.tensor([[1., 5., 2., 3.]]))
        tensor([[5., 3.]])
    """

    dims = 1
    pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of every window; see `functional.max_pool2d`.

    input (N, C, H, W) or (C, H, W) -> (N, C, H', W') or (C, H', W'). stride: `kernel_size` if not given. With
    `return_indices`, the result is (output, indices).
    Errors: TypeError or RuntimeError for numbers out of range.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MaxPool2d(2)(minidl.tensor([[[1., 2., 0., 3.], [5., 4., 1., 1.]]]))
        tensor([[[5., 3.]]])
    """

    dims = 2
    pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """The largest element of every window of a volume; see `functional.max_pool3d`.

    input (N, C, D, H, W) or (C, D, H, W) -> (N, C, D', H', W') or (C, D', H', W').
    Arguments and errors: as `MaxPool2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MaxPool3d(2)(minidl.arange(8.).reshape(1, 2, 2, 2))
        tensor([[[[7.]]]])
    """

    dims = 3
    pool = staticmethod(F.max_pool3d)


# ---------------------------------------------------------------------- the mean

class _AvgPool(_Pool):
    """The mean of every window of an image or a volume."""

    def __init__(self, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True,
                 divisor_override: int | None = None) -> None:
        super().__init__(kernel_size, stride, padding)
        if divisor_override == 0:
            raise RuntimeError(f"{self._get_name()}: divisor must be not zero")
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return self.pool(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
                         self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_Pool):
    """The mean of every window of a signal; see `functional.avg_pool1d`.

    input (N, C, L) or (C, L) -> (N, C, L') or (C, L'). Arguments and errors: as `AvgPool2d`, but for the divisor.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AvgPool1d(2)(minidl.tensor([[1., 5., 2., 3.]]))
        tensor([[3.0000, 2.5000]])
    """

    dims = 1

    def __init__(self, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True) -> None:
        super().__init__(kernel_size, stride, padding)
        self.kernel_size = self._check_numbers("kernel_size", kernel_size, 1)
        self.stride = self._check_numbers("stride", self.stride, 1)
        self.padding = self._check_numbers("padding", padding, 0)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The mean of every window; see `functional.avg_pool2d`. Shapes and errors: as `MaxPool2d`.

    count_include_pad: whether padding counts as zeros. divisor_override: divide the sums by this instead.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AvgPool2d(2)(minidl.tensor([[[1., 2., 0., 3.], [5., 4., 1., 1.]]]))
        tensor([[[3.0000, 1.2500]]])
    """

    dims = 2
    pool = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of every window of a volume; see `functional.avg_pool3d`. Shapes and errors: as `MaxPool3d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AvgPool3d(2)(minidl.arange(8.).reshape(1, 2, 2, 2))
        tensor([[[[3.5000]]]])
    """

    dims = 3
    pool = staticmethod(F.avg_pool3d)


# ---------------------------------------------------------------------- windows that divide the input

class _AdaptivePool(Module):
    """Base class: checks the output size."""

    dims: int
    pool: Callable[..., Any]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,)
        numbers([1 if n is None else n for n in sizes], self.dims, self._get_name(), "output_size", 0)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPool(_AdaptivePool):
    """Base class: the mean of every window."""

    def forward(self, input: Tensor) -> Tensor:
        return self.pool(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The mean of `output_size` windows of a signal; see `functional.adaptive_avg_pool1d`.

    input (N, C, L) or (C, L) -> (N, C, output_size) or (C, output_size).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AdaptiveAvgPool1d(2)(minidl.tensor([[1., 2., 3., 4., 5.]]))
        tensor([[2., 4.]])
    """

    dims = 1
    pool = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The mean of `output_size` windows of an image; see `functional.adaptive_avg_pool2d`.

    input (N, C, H, W) or (C, H, W) -> (N, C, *output_size) or (C, *output_size). output_size: an int or a pair; None
    means the size of the input.
    Errors: TypeError or RuntimeError for a size that makes no sense.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AdaptiveAvgPool2d(1)(minidl.randn(8, 64, 7, 9)).shape
        (8, 64, 1, 1)
    """

    dims = 2
    pool = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The mean of `output_size` windows of a volume; see `functional.adaptive_avg_pool3d`.

    input (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size) or (C, *output_size). Arguments: as
    `AdaptiveAvgPool2d`, with a triple.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AdaptiveAvgPool3d((2, None, 1))(minidl.randn(1, 4, 5, 6, 7)).shape
        (1, 4, 2, 6, 1)
    """

    dims = 3
    pool = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(_AdaptivePool):
    """Base class: the largest element of every window."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return self.pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest element of `output_size` windows. Arguments and shapes as `AdaptiveAvgPool1d`.

    With `return_indices`, the result is (output, indices).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AdaptiveMaxPool1d(2)(minidl.tensor([[1., 2., 3., 4., 5.]]))
        tensor([[3., 5.]])
    """

    dims = 1
    pool = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest element of `output_size` windows. Arguments and shapes as `AdaptiveAvgPool2d`.

    With `return_indices`, the result is (output, indices).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AdaptiveMaxPool2d((1, 2))(minidl.tensor([[[1., 2., 3., 4., 5.]]]))
        tensor([[[3., 5.]]])
    """

    dims = 2
    pool = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest element of `output_size` windows. Arguments and shapes as `AdaptiveAvgPool3d`.

    With `return_indices`, the result is (output, indices).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AdaptiveMaxPool3d((2, 1, 1))(minidl.arange(8.).reshape(1, 2, 2, 2)).flatten()
        tensor([3., 7.])
    """

    dims = 3
    pool = staticmethod(F.adaptive_max_pool3d)
