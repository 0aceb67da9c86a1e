"""Losses as modules. `functional` has the formulas, under names without `Loss`.

Losses with a margin are in `margin.py`, the loss of unaligned sequences is in `ctc.py`, of very many classes in
`adaptive.py`.

`reduction` says what is returned: the 'mean' of the elements' losses, their 'sum', or 'none' for the losses
themselves. All arguments after `weight` are given by name.
"""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module.module import Module
from minidl.tensors.tensor import Tensor


class _Loss(Module):
    """Base class: checks the reduction. `size_average` and `reduce` are its older names."""

    reductions: tuple[str, ...] = ("none", "mean", "sum")

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        if reduction not in self.reductions:
            raise ValueError(f"{reduction} is not a valid value for reduction; expected one of "
                             f"{', '.join(map(repr, self.reductions))}")
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """Base class of losses with weights, which move with the module."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
                 reduction: str = "mean") -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


# ---------------------------------------------------------------------- classes

class CrossEntropyLoss(_WeightedLoss):
    """The mean of -log p(right class), with p = softmax(scores).

    scores: (N, C) or (N, C, d1, ...), without a softmax. target: class numbers (N,) or (N, d1, ...), or probabilities
    in the shape of the scores. weight (C,): how much each class counts. ignore_index: a target that does not count.
    label_smoothing: this share of the target's probability is spread over all classes.
    Errors: ValueError for an unknown reduction, RuntimeError for a smoothing that is not between 0 and 1.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CrossEntropyLoss()(minidl.zeros(2, 10), minidl.tensor([3, 7]))   # log(10)
        tensor(2.3026)
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean",
                 label_smoothing: float = 0.0) -> None:
        super().__init__(weight, reduction=reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, weight=self.weight, ignore_index=self.ignore_index,
                               reduction=self.reduction, label_smoothing=self.label_smoothing)


class NLLLoss(_WeightedLoss):
    """The mean of -input[n, target[n]], for log-probabilities.

    After a LogSoftmax it is CrossEntropyLoss. input (N, C) or (N, C, d1, ...), target (N,) or (N, d1, ...); weight and
    ignore_index: as `CrossEntropyLoss`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.NLLLoss()(minidl.tensor([[-1., -2.], [-3., -4.]]), minidl.tensor([1, 0]))   # (2 + 3) / 2
        tensor(2.5000)
    """

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


# ---------------------------------------------------------------------- numbers

class MSELoss(_Loss):
    """The mean of (input - target)^2, for input and target of the same shape.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MSELoss()(minidl.tensor([1., 5.]), minidl.tensor([0., 2.]))   # (1 + 9) / 2
        tensor(5.)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The mean of |input - target|, for input and target of the same shape.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.L1Loss()(minidl.tensor([1., 5.]), minidl.tensor([0., 2.]))   # (1 + 3) / 2
        tensor(2.)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """The mean of a loss that is quadratic near 0, else linear.

    It is (input - target)^2 / (2 beta) where |input - target| < beta, else |input - target| - beta/2.
    Errors: RuntimeError for a negative beta.
    Source: Girshick, "Fast R-CNN", 2015, https://arxiv.org/abs/1504.08083

        >>> import minidl
        >>> from minidl import nn
        >>> nn.SmoothL1Loss()(minidl.tensor([0.5, 5.]), minidl.tensor([0., 2.]))   # (0.125 + 2.5) / 2
        tensor(1.3125)
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if beta < 0:
            raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got beta={beta}")
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """The mean of a loss that is quadratic near 0, else linear.

    It is (input - target)^2 / 2 where |input - target| < delta, else delta * (|input - target| - delta/2).
    Errors: RuntimeError unless delta > 0.
    Source: Huber, "Robust Estimation of a Location Parameter", 1964.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.HuberLoss()(minidl.tensor([0.5, 5.]), minidl.tensor([0., 2.]))   # (0.125 + 2.5) / 2
        tensor(1.3125)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if not delta > 0:
            raise RuntimeError(f"huber_loss does not support non-positive values for delta, got delta={delta}")
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


# ---------------------------------------------------------------------- probabilities

class BCELoss(_WeightedLoss):
    """The mean of -(t * log p + (1 - t) * log(1 - p)), for probabilities p.

    BCEWithLogitsLoss is more exact. input (p) and target (t) of the same shape, both within [0, 1]; weight: broadcast
    to it.
    Errors: RuntimeError in the call for probabilities outside [0, 1].

        >>> import minidl
        >>> from minidl import nn
        >>> nn.BCELoss()(minidl.tensor([0.5, 0.5]), minidl.tensor([0., 1.]))   # log(2)
        tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """BCELoss of sigmoid(input), in one step.

    So no probability is rounded to 0 or 1. input and target of the same shape. pos_weight, broadcast to it: the factor
    on the positive part.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.BCEWithLogitsLoss()(minidl.tensor([0., 100.]), minidl.tensor([1., 0.]))   # (log(2) + 100) / 2
        tensor(50.3466)
    """

    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean",
                 pos_weight: Tensor | None = None) -> None:
        super().__init__(weight, reduction=reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, weight=self.weight, reduction=self.reduction,
                                                  pos_weight=self.pos_weight)


class KLDivLoss(_Loss):
    """The divergence of one distribution from another: t * (log t - input).

    input: log-probabilities. target t: probabilities, or log-probabilities with `log_target`. reduction: also
    'batchmean', the sum divided by the number of samples, which is the definition of the divergence.
    Source: Kullback and Leibler, "On Information and Sufficiency", 1951.

        >>> import minidl
        >>> from minidl import nn
        >>> halves = minidl.tensor([[0.5, 0.5]])
        >>> nn.KLDivLoss(reduction="batchmean")(halves.log(), minidl.tensor([[1., 0.]]))   # log(2)
        tensor(0.6931)
    """

    reductions = ("none", "mean", "sum", "batchmean")

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of the targets under normal distributions.

    With the predicted means `input` and variances `var` it is the mean of (log(var) + (input - target)^2 / var) / 2.
    So a network learns how sure it can be. A variance below eps counts as eps. full: add log(2 pi)/2. Errors:
    ValueError for a negative variance.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.GaussianNLLLoss()(minidl.tensor([1.]), minidl.tensor([3.]), minidl.tensor([1.]))   # (log(1) + 4) / 2
        tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of counts under Poisson distributions.

    It is the mean of rate - target * log(rate), where rate = exp(input), or `input` if not log_input. full: add
    Stirling's approximation of log(target!).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.PoissonNLLLoss()(minidl.tensor([0.]), minidl.tensor([2.]))   # exp(0) - 2 * 0
        tensor(1.)
    """

    def __init__(self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8,
                 reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(log_input, target, log_input=self.log_input, full=self.full, eps=self.eps,
                                  reduction=self.reduction)
