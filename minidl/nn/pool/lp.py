"""Pooling by p-norms, between the mean and the maximum of every window."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.nn import functional as F
from minidl.nn.module.module import Module
from minidl.nn.pool.windows import Numbers
from minidl.tensors.tensor import Tensor


class _LPPool(Module):
    """The p-norm of every window."""

    pool: Callable[..., Any]

    def __init__(self, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None,
                 ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return self.pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")


class LPPool1d(_LPPool):
    """The p-norm of every window of signals (N, C, L) or (C, L). Arguments: as `LPPool2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LPPool1d(2, kernel_size=2)(minidl.tensor([[3., 4., 6., 8.]]))
        tensor([[ 5., 10.]])
    """

    pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """The p-norm of every window, (sum of x^p)^(1/p), with p = norm_type.

    See `functional.lp_pool2d`. input (N, C, H, W) or (C, H, W) -> (N, C, H', W') or (C, H', W'). p = 1 gives sums; a
    larger p comes nearer to `MaxPool2d`. stride: `kernel_size` if not given.
    Source: Gulcehre et al., "Learned-Norm Pooling for Deep Neural Networks", 2013, https://arxiv.org/abs/1311.1780

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LPPool2d(2, kernel_size=2)(minidl.tensor([[[1., 1.], [3., 5.]]]))
        tensor([[[6.]]])
    """

    pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """The p-norm of every window of volumes (N, C, D, H, W) or (C, D, H, W). Arguments: as `LPPool2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.LPPool3d(1, kernel_size=2)(minidl.ones(1, 2, 2, 2))
        tensor([[[[8.]]]])
    """

    pool = staticmethod(F.lp_pool3d)
