"""Losses with a margin, as modules.

`functional` has the formulas: `MultiMarginLoss` is `multi_margin_loss`.
"""
from __future__ import annotations

from collections.abc import Callable

from minidl.nn import functional as F
from minidl.nn.loss.losses import _Loss, _WeightedLoss
from minidl.nn.similarity import PairwiseDistance
from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- scores

class SoftMarginLoss(_Loss):
    """The mean of log(1 + exp(-target * input)), for targets 1 and -1.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.SoftMarginLoss()(minidl.tensor([0., 0.]), minidl.tensor([1., -1.]))   # log(2)
        tensor(0.6931)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """Let the right class score higher than any other by `margin`.

    For scores x (N, C) and class numbers (N,): the mean over samples of the sum over the other classes c of
    max(0, margin - x[right] + x[c])^p / C. weight (C,): how much each class counts.
    Errors: ValueError unless p is 1 or 2, and for a weight that is not 1-D.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MultiMarginLoss()(minidl.tensor([[2., 1.5, 0.]]), minidl.tensor([0]))     # 0.5 / 3
        tensor(0.1667)
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *,
                 reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)
        if p not in (1, 2):
            raise ValueError(f"only p == 1 and p == 2 supported, but got p={p}")
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.ndim}D instead")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """Let every right class score higher by 1 than any wrong one.

    Scores (N, C); target (N, C): the right classes in any order, and -1 behind the last.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MultiLabelMarginLoss()(minidl.tensor([[0.1, 0.2, 0.4, 0.8]]), minidl.tensor([[3, 0, -1, -1]]))
        tensor(0.8500)
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """`BCEWithLogitsLoss` for labels (N, C) of 0 or 1. Averaged over the classes first. weight (C,).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MultiLabelSoftMarginLoss()(minidl.zeros(1, 3), minidl.tensor([[1., 0., 1.]]))   # log(2)
        tensor(0.6931)
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


# ---------------------------------------------------------------------- similar and different vectors

class HingeEmbeddingLoss(_Loss):
    """The mean of x where the target is 1, else of max(0, margin - x). x are distances, targets 1 and -1.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.HingeEmbeddingLoss()(minidl.tensor([0.2, 0.4]), minidl.tensor([1., -1.]))   # (0.2 + 0.6) / 2
        tensor(0.4000)
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    """The mean of max(0, -target * (input1 - input2) + margin). Target 1 ranks input1 higher, -1 input2.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.MarginRankingLoss()(minidl.tensor([1., 1.]), minidl.tensor([3., 0.]), minidl.tensor([1., 1.]))
        tensor(1.)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """Let similar vectors point in one direction, others not.

    The mean of 1 - cos where the target is 1, and of max(0, cos - margin) where it is -1. cos is the cosine of the
    angle between the vectors, (N, D) or (D,).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CosineEmbeddingLoss()(minidl.tensor([[1., 0.]]), minidl.tensor([[0., 1.]]), minidl.tensor([1.]))
        tensor(1.)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class TripletMarginLoss(_Loss):
    """The mean of max(0, d(anchor, positive) - d(anchor, negative) + margin).

    So the positive, which is similar to the anchor, comes nearer than the negative. d is the p-norm distance of vectors
    (N, D) or (D,), with eps as in `F.pairwise_distance`. swap: where the positive is nearer to the negative than the
    anchor is, take that distance. Errors: ValueError unless margin > 0.

        >>> import minidl
        >>> from minidl import nn
        >>> anchor, near, far = minidl.tensor([[0., 0.]]), minidl.tensor([[0., 3.]]), minidl.tensor([[0., 3.5]])
        >>> nn.TripletMarginLoss(margin=1.0)(anchor, near, far)
        tensor(0.5000)
    """

    def __init__(self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *,
                 reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        _check_margin("TripletMarginLoss", margin)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(anchor, positive, negative, margin=self.margin, p=self.p, eps=self.eps,
                                     swap=self.swap, reduction=self.reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with any distance.

    distance_function: a function or module of two tensors; `PairwiseDistance` if not given.

        >>> import minidl
        >>> from minidl import nn
        >>> loss = nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(-1))
        >>> loss(minidl.tensor([[0., 0.]]), minidl.tensor([[1., 1.]]), minidl.tensor([[1., 0.]]))   # 2 - 1 + 1
        tensor(2.)
    """

    def __init__(self, *, distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0,
                 swap: bool = False, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        _check_margin("TripletMarginWithDistanceLoss", margin)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=self.distance_function,
                                                   margin=self.margin, swap=self.swap, reduction=self.reduction)


def _check_margin(who: str, margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"{who}: expected margin to be greater than 0, got {margin} instead")
