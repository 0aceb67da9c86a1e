"""Dropout: in training, random elements or channels are set to zero."""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class _Dropout(Module):
    """Base class: checks the probability."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if isinstance(p, str):
            raise TypeError(f"dropout probability must be a number, but got {p!r} (str)")
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Set each element to 0 with probability p, in training only.

    The others are divided by 1 - p, so the mean stays the same. No unit can rely on another. Errors: ValueError unless
    0 <= p <= 1.
    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Dropout(0.2).eval()(minidl.ones(3))
        tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Dropout of whole channels of signals (N, C, L) or (C, L). Errors and source: as `Dropout2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> y = nn.Dropout1d()(minidl.ones(1, 100, 3))
        >>> set(y.sum(2).flatten().tolist()) == {0.0, 6.0}
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Dropout of whole channels.

    Neighbouring pixels are so similar that dropping single ones has no effect. input (N, C, H, W) or (N, C, L). Errors:
    as `Dropout`, and RuntimeError for other numbers of dimensions.
    Source: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015,
    https://arxiv.org/abs/1411.4280

        >>> import minidl
        >>> from minidl import nn
        >>> y = nn.Dropout2d()(minidl.ones(1, 100, 2, 2))
        >>> set(y.sum((2, 3)).flatten().tolist()) == {0.0, 8.0}
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Dropout of whole channels of volumes (N, C, D, H, W) or (C, D, H, W). Errors and source: as `Dropout2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> y = nn.Dropout3d()(minidl.ones(1, 100, 2, 1, 2))
        >>> set(y.sum((2, 3, 4)).flatten().tolist()) == {0.0, 8.0}
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout for `SELU`, which keeps mean 0 and variance 1.

    Dropped elements get the lowest value of SELU; then all elements are scaled and shifted.

    input of any shape. Errors: as `Dropout`.
    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017, https://arxiv.org/abs/1706.02515

        >>> import minidl
        >>> from minidl import nn
        >>> y = nn.AlphaDropout(0.2)(minidl.randn(100000))
        >>> abs(y.mean().item()) < 0.03, abs(y.var().item() - 1) < 0.03
        (True, True)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of (N, C, *). Errors: as `Dropout`, and RuntimeError below two dimensions.

        >>> import minidl
        >>> from minidl import nn
        >>> y = nn.FeatureAlphaDropout()(minidl.ones(2, 100, 3))
        >>> bool((y == y[:, :, :1]).all())
        True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
