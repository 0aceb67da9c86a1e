"""Dropout: in training, random elements or channels are set to zero."""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensor import Tensor


class _Dropout(Module):
    """The probability, checked."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, every element is 0 with probability p, and otherwise divided by 1 - p. In evaluation, nothing.

    So the mean stays what it was, and no unit can rely on another. Errors: ValueError unless 0 <= p <= 1.
    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Dropout(0.2).eval()(minidl.ones(3))
        tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Dropout of whole channels, whose pixels are too alike for dropping single ones to have an effect.

    input (N, C, H, W) or (N, C, L). Errors: as `Dropout`, and RuntimeError for other numbers of dimensions.
    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015,
    https://arxiv.org/abs/1411.4280
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)
