"""Losses as modules. The formulas stand in `functional`, under the names without `Loss`.

`reduction` says what becomes of the losses of the elements: their 'mean', their 'sum', or 'none' for the losses
as they are. All arguments after `weight` are given by name.
"""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensor import Tensor


class _Loss(Module):
    """The reduction, checked."""

    reductions: tuple[str, ...] = ("none", "mean", "sum")

    def __init__(self, reduction: str) -> None:
        super().__init__()
        if reduction not in self.reductions:
            raise ValueError(f"{reduction} is not a valid value for reduction; expected one of "
                             f"{', '.join(map(repr, self.reductions))}")
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with weights, which move with the module."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None, reduction: str) -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


# ---------------------------------------------------------------------- classes

class CrossEntropyLoss(_WeightedLoss):
    """The mean of -log p(right class), for scores (N, C) or (N, C, d1, ...) that have not been through a softmax.

    target: class numbers (N,) or (N, d1, ...), or probabilities in the shape of the scores. weight (C,): how much each
    class counts. ignore_index: a target that does not count. label_smoothing: this much of the target's
    probability is shared out among all classes.
    Errors: ValueError for an unknown reduction, RuntimeError for a smoothing that is not between 0 and 1.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CrossEntropyLoss()(minidl.zeros(2, 10), minidl.tensor([3, 7]))   # log(10)
        tensor(2.3026)
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean",
                 label_smoothing: float = 0.0) -> None:
        super().__init__(weight, reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, weight=self.weight, ignore_index=self.ignore_index,
                               reduction=self.reduction, label_smoothing=self.label_smoothing)


class NLLLoss(_WeightedLoss):
    """The mean of -input[n, target[n]], for log-probabilities; with LogSoftmax before it, CrossEntropyLoss."""

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


# ---------------------------------------------------------------------- numbers

class MSELoss(_Loss):
    """The mean of (input - target)^2."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The mean of |input - target|."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Like L1Loss, but a parabola where |input - target| < beta. Errors: RuntimeError for a negative beta."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        if beta < 0:
            raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got beta={beta}")
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Half of MSELoss where |input - target| < delta, a straight line beyond. Errors: RuntimeError unless delta > 0."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        if not delta > 0:
            raise RuntimeError(f"huber_loss does not support non-positive values for delta, got delta={delta}")
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


# ---------------------------------------------------------------------- probabilities

class BCELoss(_WeightedLoss):
    """The mean of -(t * log p + (1 - t) * log(1 - p)), for probabilities p; BCEWithLogitsLoss has more digits."""

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """BCELoss of sigmoid(input). pos_weight: how much more the positive part counts."""

    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean",
                 pos_weight: Tensor | None = None) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, weight=self.weight, reduction=self.reduction,
                                                  pos_weight=self.pos_weight)


class KLDivLoss(_Loss):
    """The divergence of one distribution from another; input: log-probabilities, target: probabilities, or
    log-probabilities too with `log_target`. reduction: also 'batchmean', which is the divergence as it is defined."""

    reductions = ("none", "mean", "sum", "batchmean")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
