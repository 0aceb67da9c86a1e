"""Similarity of two vectors: the angle between them, or their distance."""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class CosineSimilarity(Module):
    """The cosine of the angle between x1 and x2 along `dim`.

    It is x1 . x2 / (|x1| |x2|); a length below eps counts as eps. x1, x2: shapes that can be broadcast -> the same
    without `dim`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CosineSimilarity()(minidl.tensor([[1., 0.]]), minidl.tensor([[1., 1.]]))
        tensor([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps along the last axis.

    x1, x2 (N, D) or (D,), broadcast -> (N,) or (), or with `keepdim` (N, 1) or (1,). eps keeps the distance above 0,
    where the norm has no gradient.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.PairwiseDistance()(minidl.tensor([[0., 0.]]), minidl.tensor([[3., 4.]]))
        tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
