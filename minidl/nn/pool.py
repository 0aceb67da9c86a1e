"""Pooling of images: the largest, or the mean, of every window."""
from __future__ import annotations

from typing import Any

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.checks import Pair, pair
from minidl.tensor import Tensor


class _Pool2d(Module):
    """The window of a pooling layer, checked."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None, padding: int | Pair) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        who = self._get_name()
        pair(self.stride, who, "stride", 1)
        for k, p in zip(pair(kernel_size, who, "kernel_size", 1), pair(padding, who, "padding", 0)):
            if p > k // 2:
                raise RuntimeError(f"{who}: pad should be at most half of kernel size, but got pad={p} and "
                                   f"kernel_size={k}")


class MaxPool2d(_Pool2d):
    """The largest element of every window; see `functional.max_pool2d`.

    input (N, C, H, W) or (C, H, W) -> (N, C, H', W') or (C, H', W'). stride: `kernel_size` if not given. With
    `return_indices`, the result is (output, indices).
    Errors: TypeError or RuntimeError for numbers that make no sense.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MaxPool2d(2)(minidl.tensor([[[1., 2., 0., 3.], [5., 4., 1., 1.]]]))
        tensor([[[5., 3.]]])
    """

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
                 dilation: int | Pair = 1, return_indices: bool = False, ceil_mode: bool = False) -> None:
        super().__init__(kernel_size, stride, padding)
        pair(dilation, "MaxPool2d", "dilation", 1)
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation,
                            ceil_mode=self.ceil_mode, return_indices=self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")


class AvgPool2d(_Pool2d):
    """The mean of every window; see `functional.avg_pool2d`. Shapes and errors: as `MaxPool2d`.

    count_include_pad: whether padding counts as zeros. divisor_override: divide the sums by this instead.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AvgPool2d(2)(minidl.tensor([[[1., 2., 0., 3.], [5., 4., 1., 1.]]]))
        tensor([[[3.0000, 1.2500]]])
    """

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True,
                 divisor_override: int | None = None) -> None:
        super().__init__(kernel_size, stride, padding)
        if divisor_override == 0:
            raise RuntimeError("AvgPool2d: divisor must be not zero")
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
                            self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AdaptivePool2d(Module):
    """The size of the output, checked."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size
        sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,)
        pair([1 if n is None else n for n in sizes], self._get_name(), "output_size", 0)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(_AdaptivePool2d):
    """The mean of windows that share the image out among the outputs; see `functional.adaptive_avg_pool2d`.

    input (N, C, H, W) or (C, H, W) -> (N, C, *output_size) or (C, *output_size). output_size: an int or a pair, in
    which None stands for the size of the input.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.AdaptiveAvgPool2d(1)(minidl.randn(8, 64, 7, 9)).shape
        (8, 64, 1, 1)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool2d(_AdaptivePool2d):
    """The largest element of such windows; arguments and shapes as `AdaptiveAvgPool2d`.

    With `return_indices`, the result is (output, indices).
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)
