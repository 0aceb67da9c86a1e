"""The last layer of a classifier and its loss in one module."""
from __future__ import annotations

import math
from typing import Any

from minidl.nn import functional as F
from minidl.nn.linear import Linear
from minidl.nn.loss.losses import _WeightedLoss
from minidl.tensors.tensor import Tensor


class LinearCrossEntropyLoss(_WeightedLoss):
    """`CrossEntropyLoss` of a linear layer that belongs to the loss.

    The layer is `linear`. Called with input (N, in_features) or (in_features,) and the target of a `CrossEntropyLoss`.
    out_features (d1, ...): d1 * ... losses for each sample, so that the scores are (N, num_classes, d1, ...). bias:
    whether the layer has one. weight, ignore_index, label_smoothing: as in `CrossEntropyLoss`. options: ignored.
    Errors: ValueError for an unknown reduction, RuntimeError for a smoothing that is not between 0 and 1.

        >>> import minidl
        >>> from minidl import nn
        >>> loss = nn.LinearCrossEntropyLoss(in_features=5, num_classes=10)
        >>> loss(minidl.zeros(2, 5), minidl.tensor([3, 7])).detach()      # no feature, no idea: log(10)
        tensor(2.3026)
    """

    def __init__(self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
                 device: Any = None, dtype: Any = None, reduction: str = "mean", weight: Tensor | None = None,
                 ignore_index: int | None = None, label_smoothing: float = 0.0, options: Any = None) -> None:
        super().__init__(weight, reduction=reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        self.linear = Linear(in_features, num_classes * math.prod(out_features), bias, device, dtype)
        self.num_classes = num_classes
        self.out_features = tuple(out_features)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        outputs, bias = (self.num_classes, *self.out_features), self.linear.bias
        return F.linear_cross_entropy(
            input, self.linear.weight.reshape(*outputs, self.linear.in_features), target,
            linear_bias=None if bias is None else bias.reshape(outputs), weight=self.weight, reduction=self.reduction,
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, options=self.options)

    def extra_repr(self) -> str:
        return (f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
                f"out_features={self.out_features}, bias={self.linear.bias is not None}, reduction={self.reduction}, "
                f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}, options={self.options}")
