"""Max pooling with windows at random steps."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.nn import functional as F
from minidl.nn.module.module import Module
from minidl.nn.pool.windows import Numbers
from minidl.ops.base import numbers
from minidl.tensors.tensor import Tensor


class _FractionalMaxPool(Module):
    """Base class: the checked output size or ratio, and the random numbers for the steps."""

    dims: int
    pool: Callable[..., Any]

    def __init__(self, kernel_size: Numbers, output_size: Numbers | None = None,
                 output_ratio: float | tuple[float, ...] | None = None, return_indices: bool = False,
                 _random_samples: Any = None) -> None:
        super().__init__()
        who = self._get_name()
        if output_size is None and output_ratio is None:
            raise ValueError(f"{who} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if output_size is not None:
            output_size = numbers(output_size, self.dims, who, "output_size", 1)
        if output_ratio is not None:
            output_ratio = output_ratio if isinstance(output_ratio, tuple) else (output_ratio,) * self.dims
            if len(output_ratio) != self.dims or not all(0 < ratio < 1 for ratio in output_ratio):
                raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")
        self.kernel_size = numbers(kernel_size, self.dims, who, "kernel_size", 1)
        self.return_indices = return_indices
        self.output_size = output_size
        self.output_ratio = output_ratio
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Tensor) -> Any:
        return self.pool(input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
                         self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest element of windows at random steps.

    So an image can shrink by a factor such as 1.5. input (N, C, H, W) or (C, H, W) -> (N, C, *output_size) or
    (C, *output_size). Give output_size, an int or a pair, or output_ratio, the share of H and W, between 0 and 1. Each
    call draws new steps, in evaluation too, as in PyTorch; see `functional.fractional_max_pool2d`. With
    `return_indices`, the result is (output, indices).
    Errors: ValueError unless given either a size or a ratio, and for a ratio out of range.
    Source: Graham, "Fractional Max-Pooling", 2014, https://arxiv.org/abs/1412.6071

        >>> import minidl
        >>> from minidl import nn
        >>> nn.FractionalMaxPool2d(2, output_ratio=2 / 3)(minidl.randn(1, 4, 9, 12)).shape
        (1, 4, 6, 8)
    """

    dims = 2
    pool = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """`FractionalMaxPool2d` for volumes (N, C, D, H, W) or (C, D, H, W). Sizes and ratios are triples.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.FractionalMaxPool3d(2, output_size=(2, 3, 4))(minidl.randn(1, 4, 5, 6, 7)).shape
        (1, 4, 2, 3, 4)
    """

    dims = 3
    pool = staticmethod(F.fractional_max_pool3d)
