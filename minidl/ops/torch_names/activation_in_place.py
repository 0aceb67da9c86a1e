"""Activations under PyTorch's in-place names: `relu_(x)` is `relu(x, inplace=True)`, and so on."""
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.ops import activation
from minidl.ops.activation import celu, elu, hardtanh, leaky_relu, relu, rrelu, selu
from minidl.ops.base.declaration import public

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def relu_(input: Tensor) -> Tensor:
    """`relu`, in place.

        >>> import minidl
        >>> x = minidl.tensor([-1., 2.])
        >>> minidl.nn.functional.relu_(x) is x
        True
        >>> x
        tensor([0., 2.])
    """
    return relu(input, inplace=True)


@public
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu`, in place."""
    return leaky_relu(input, negative_slope, inplace=True)


@public
def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """`rrelu`, in place."""
    return rrelu(input, lower, upper, training, inplace=True)


@public
def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu`, in place."""
    return elu(input, alpha, inplace=True)


@public
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`celu`, in place."""
    return celu(input, alpha, inplace=True)


@public
def selu_(input: Tensor) -> Tensor:
    """`selu`, in place."""
    return selu(input, inplace=True)


@public
def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh`, in place."""
    return hardtanh(input, min_val, max_val, inplace=True)


@public
def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """`threshold`, in place."""
    return activation.threshold(input, threshold, value, inplace=True)
