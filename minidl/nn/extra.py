"""Layers that textbooks name and PyTorch does not have: Maxout and DropConnect."""
from __future__ import annotations

from typing import Any

from minidl.nn import functional as F
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class Maxout(Module):
    """y_j = max over i of (x W_ij + b_ij), the largest of `pieces` linear functions.

    It is a learned activation: enough pieces approximate any convex function, and ReLU is the larger of x W + b and 0.
    input (..., in_features) -> (..., out_features). The layer inside, `linear`, has out_features * pieces outputs; the
    pieces of one y_j stand side by side.
    Errors: ValueError unless there is at least one piece.
    Source: Goodfellow et al., "Maxout Networks", 2013, https://arxiv.org/abs/1302.4389

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.Maxout(1, 1, pieces=2)      # |x| is the larger of x and -x
        >>> with minidl.no_grad():
        ...     layer.linear.weight[:], layer.linear.bias[:] = minidl.tensor([[1.], [-1.]]), 0.
        >>> layer(minidl.tensor([[-3.], [2.]])).tolist()
        [[3.0], [2.0]]
    """

    def __init__(self, in_features: int, out_features: int, pieces: int = 2, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        if pieces < 1:
            raise ValueError(f"Maxout: pieces must be at least 1, but got {pieces}")
        self.in_features = in_features
        self.out_features = out_features
        self.pieces = pieces
        self.linear = Linear(in_features, out_features * pieces, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return self.linear(input).unflatten(-1, (self.out_features, self.pieces)).amax(-1)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, pieces={self.pieces}"


class DropConnect(Linear):
    """`Linear` that drops weights, not outputs.

    y = x @ (weight * mask).T + bias. In training each element of the mask is 0 with probability p, else 1 / (1 - p);
    the whole batch has one mask. In evaluation all weights are used. Wan et al. draw a mask for each sample, and
    approximate the mean over masks in evaluation by samples, too.
    Errors: as `Linear`, and ValueError unless 0 <= p <= 1.
    Source: Wan et al., "Regularization of Neural Networks using DropConnect", 2013.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.DropConnect(3, 2, p=0.5)
        >>> layer(minidl.zeros(4, 3)).shape
        (4, 2)
    """

    def __init__(self, in_features: int, out_features: int, p: float = 0.5, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        super().__init__(in_features, out_features, bias, device, dtype)
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, F.dropout(self.weight, self.p, self.training), self.bias)

    def extra_repr(self) -> str:
        return super().extra_repr() + f", p={self.p}"
