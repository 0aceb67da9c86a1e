"""Power-average pooling: the p-norm of every window, from its sum (p=1) to its maximum (large p)."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minidl.ops.base.checks import numbers
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.exponential import pow
from minidl.ops.pool.one_and_three_d import Numbers, avg_pool1d, avg_pool3d
from minidl.ops.pool.two_d import avg_pool2d

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None,
              ceil_mode: bool = False) -> Tensor:
    """The p-norm of every window of a signal: (N, C, L) -> (N, C, L'), or without N.

        >>> import minidl
        >>> minidl.nn.functional.lp_pool1d(minidl.tensor([[3., 4., 6., 8.]]), 2, 2)
        tensor([[ 5., 10.]])
    """
    return _lp("lp_pool1d", avg_pool1d, 1, input, norm_type, kernel_size, stride, ceil_mode)


@public
def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None,
              ceil_mode: bool = False) -> Tensor:
    """The p-norm of every window: (N, C, H, W) -> (N, C, H', W'), or without N.

    It is (sum of x^p)^(1/p), with p = norm_type.

    A window that extends over the edge (ceil_mode) counts as if filled with its mean p-th power. As in PyTorch, a
    negative sum has no root, and the gradient is not finite where a whole window is 0.
    Other arguments and errors: as `avg_pool2d`.

    Source: Gulcehre et al., "Learned-Norm Pooling for Deep Neural Networks", 2013, https://arxiv.org/abs/1311.1780

        >>> import minidl
        >>> minidl.nn.functional.lp_pool2d(minidl.tensor([[[1., 1.], [3., 5.]]]), 2, 2)
        tensor([[[6.]]])
    """
    return _lp("lp_pool2d", avg_pool2d, 2, input, norm_type, kernel_size, stride, ceil_mode)


@public
def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None,
              ceil_mode: bool = False) -> Tensor:
    """The p-norm of every window of a volume: (N, C, D, H, W) -> (N, C, D', H', W'), or without N.

        >>> import minidl
        >>> minidl.nn.functional.lp_pool3d(minidl.ones(1, 2, 2, 1), 1, (2, 2, 1))
        tensor([[[[4.]]]])
    """
    return _lp("lp_pool3d", avg_pool3d, 3, input, norm_type, kernel_size, stride, ceil_mode)


def _lp(who: str, avg_pool: Any, dims: int, input: Any, p: float, kernel_size: Any, stride: Any,
        ceil_mode: bool) -> Any:
    count = math.prod(numbers(kernel_size, dims, who, "kernel_size", 1))
    return pow(avg_pool(pow(input, p), kernel_size, stride, 0, ceil_mode) * count, 1 / p)
