"""The partial inverse of max pooling."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.nn import functional as F
from minidl.nn.module.module import Module
from minidl.nn.pool.windows import Numbers
from minidl.ops.base import numbers
from minidl.tensors.tensor import Tensor


class _MaxUnpool(Module):
    """Base class: the window of the max pooling to invert."""

    dims: int
    unpool: Callable[..., Any]

    def __init__(self, kernel_size: Numbers, stride: Numbers | None = None, padding: Numbers = 0) -> None:
        super().__init__()
        who = self._get_name()
        self.kernel_size = numbers(kernel_size, self.dims, who, "kernel_size", 1)
        self.stride = numbers(kernel_size if stride is None else stride, self.dims, who, "stride", 1)
        self.padding = numbers(padding, self.dims, who, "padding", 0)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return self.unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """The partial inverse of `MaxPool1d`: (N, C, L') -> (N, C, L), or without N. Arguments: as `MaxUnpool2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> pool, unpool = nn.MaxPool1d(2, return_indices=True), nn.MaxUnpool1d(2)
        >>> unpool(*pool(minidl.tensor([[1., 5., 7., 3.]])))
        tensor([[0., 5., 7., 0.]])
    """

    dims = 1
    unpool = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """The partial inverse of `MaxPool2d`: maxima return to their places, the rest is 0.

    input and indices (N, C, H', W') or (C, H', W') are the results of `MaxPool2d` with the same window and
    `return_indices`. Call the layer with `output_size` where several sizes have one H'; see `functional.max_unpool2d`.
    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2013,
    https://arxiv.org/abs/1311.2901

        >>> import minidl
        >>> from minidl import nn
        >>> pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        >>> unpool(*pool(minidl.tensor([[[1., 2.], [4., 3.]]])))
        tensor([[[0., 0.],
                 [4., 0.]]])
    """

    dims = 2
    unpool = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """The partial inverse of `MaxPool3d`: (N, C, D', H', W') -> (N, C, D, H, W), or without N.

    Arguments: as `MaxUnpool2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> pool, unpool = nn.MaxPool3d(2, return_indices=True), nn.MaxUnpool3d(2)
        >>> unpool(*pool(minidl.arange(8.).reshape(1, 2, 2, 2))).flatten()
        tensor([0., 0., 0., 0., 0., 0., 0., 7.])
    """

    dims = 3
    unpool = staticmethod(F.max_unpool3d)
