"""Activations under the names that write: `relu_(x)` is `relu(x, inplace=True)`, and so on."""
from __future__ import annotations

from typing import Any

from minidl.ops import activation
from minidl.ops.activation import celu, elu, hardtanh, leaky_relu, relu, rrelu, selu


def relu_(input: Any) -> Any:
    """`relu`, in place.

        >>> import minidl
        >>> x = minidl.tensor([-1., 2.])
        >>> minidl.nn.functional.relu_(x) is x
        True
        >>> x
        tensor([0., 2.])
    """
    return relu(input, inplace=True)


def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Any:
    """`leaky_relu`, in place."""
    return leaky_relu(input, negative_slope, inplace=True)


def rrelu_(input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Any:
    """`rrelu`, in place."""
    return rrelu(input, lower, upper, training, inplace=True)


def elu_(input: Any, alpha: float = 1.0) -> Any:
    """`elu`, in place."""
    return elu(input, alpha, inplace=True)


def celu_(input: Any, alpha: float = 1.0) -> Any:
    """`celu`, in place."""
    return celu(input, alpha, inplace=True)


def selu_(input: Any) -> Any:
    """`selu`, in place."""
    return selu(input, inplace=True)


def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """`hardtanh`, in place."""
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold_(input: Any, threshold: float, value: float) -> Any:
    """`threshold`, in place."""
    return activation.threshold(input, threshold, value, inplace=True)
