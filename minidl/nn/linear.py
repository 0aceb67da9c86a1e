"""Identity, Linear and Bilinear."""
from __future__ import annotations

import math
from typing import Any

from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.tensors.creation import empty
from minidl.tensors.tensor import Tensor


class Identity(Module):
    """y = x: a placeholder. It accepts any arguments and ignores them.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Identity(54, unused=True)(minidl.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x @ weight.T + bias: every output is a weighted sum of all inputs.

    input (..., in_features) -> (..., out_features). weight (out_features, in_features) and bias
    (out_features,) start uniform on [-r, r) with r = 1 / sqrt(in_features).
    Errors: TypeError for a number of features that is no int, RuntimeError for a negative one.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.Linear(20, 30)
        >>> layer(minidl.randn(128, 20)).shape
        (128, 30)
    """

    bias: Parameter | None

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        init_layer(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y_k = x1^T W_k x2 + b_k: how well two vectors fit.

    There are `out_features` matrices W_k. input1 (..., in1_features), input2 (..., in2_features) -> (...,
    out_features). weight (out_features, in1_features, in2_features) and bias (out_features,) start uniform on [-r, r)
    with r = 1 / sqrt(in1_features).
    Errors: ValueError unless in1_features > 0.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.Bilinear(20, 30, 40)
        >>> layer(minidl.randn(128, 20), minidl.randn(128, 30)).shape
        (128, 40)
    """

    bias: Parameter | None

    def __init__(self, in1_features: int, in2_features: int, out_features: int, bias: bool = True,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={in1_features})")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
                f"out_features={self.out_features}, bias={self.bias is not None}")


def init_layer(weight: Tensor, bias: Tensor | None) -> None:
    """Draw the initial values of linear and convolution layers: uniform on [-r, r), r = 1 / sqrt(fan_in)."""
    if weight.numel():      # without elements there is nothing to fill, and perhaps no fan
        init.kaiming_uniform_(weight, a=math.sqrt(5))   # with this slope, the gain is sqrt(1/3)
    if bias is not None:
        fan_in, _ = init._calculate_fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(bias, -bound, bound)
