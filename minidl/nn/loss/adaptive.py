"""A fast softmax over very many classes, most of them rare.

Frequent classes are always computed, rare ones only when needed.
"""
from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from minidl.nn import functional as F
from minidl.nn.linear import Linear
from minidl.nn.module.container import ModuleList, Sequential
from minidl.nn.module.module import Module
from minidl.ops.elementwise import where
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor


class AdaptiveOutput(NamedTuple):
    """What `AdaptiveLogSoftmaxWithLoss` returns."""

    output: Tensor      # (N,): log p of each target
    loss: Tensor        # (): the mean of -output


class AdaptiveLogSoftmaxWithLoss(Module):
    """An adaptive softmax over `n_classes` classes, and its negative log-likelihood.

    The classes are sorted from frequent to rare. cutoffs (c1, c2, ...): the classes 0 to c1 - 1 are in the head, c1 to
    c2 - 1 in the first cluster, and so on. The head has one more output for each cluster, which stands for all its
    classes:

        p(class) = head(class)                            for a class in the head
        p(class) = head(cluster) * tail(class)            for a class in a cluster

    Only the tails of clusters that occur among the targets are computed. The tail of cluster i first reduces the
    input to in_features / div_value^(i+1) numbers: rare classes get fewer. head_bias: whether the head has a bias.

    Called with input (N, in_features) and target (N,), or (in_features,) and (); returns (output, loss).
    Errors: ValueError unless the cutoffs are ints that increase from 1 to n_classes - 1; RuntimeError where shapes do
    not fit, or a target is no class.
    Source: Grave et al., "Efficient softmax approximation for GPUs", 2017, https://arxiv.org/abs/1609.04309

        >>> import minidl
        >>> from minidl import nn
        >>> softmax = nn.AdaptiveLogSoftmaxWithLoss(8, n_classes=1000, cutoffs=[10, 100], div_value=2.0)
        >>> output, loss = softmax(minidl.randn(3, 8), minidl.tensor([4, 40, 400]))
        >>> output.shape, softmax.log_prob(minidl.randn(3, 8)).shape
        ((3,), (3, 1000))
    """

    def __init__(self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0,
                 head_bias: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        ends = [0, *cutoffs, n_classes]
        if len(ends) == 2:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if any(int(end) != end for end in ends) or any(a >= b for a, b in itertools.pairwise(ends)):
            raise ValueError(f"cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                             f"order, where each value is between 1 and n_classes-1, but got {list(cutoffs)} with "
                             f"n_classes={n_classes}")
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = ends[1:]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(itertools.pairwise(self.cutoffs)):
            width = int(in_features // div_value ** (i + 1))
            self.tail.append(Sequential(Linear(in_features, width, False, device, dtype),
                                        Linear(width, high - low, False, device, dtype)))

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        for layer in [self.head, *itertools.chain(*self.tail)]:
            layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> AdaptiveOutput:
        input, target = input_, target_
        self._check(input, target)
        if input.ndim == 1:
            output, loss = self(input[None], target[None])
            return AdaptiveOutput(output[0], loss)
        head, first = F.log_softmax(self.head(input), 1), self.shortlist_size
        column = target     # column of the head: the class itself, or its cluster
        for i, (low, high) in enumerate(itertools.pairwise(self.cutoffs)):
            column = where((target >= low) & (target < high), first + i, column)
        output = head.gather(1, column[:, None])[:, 0]
        for i, (low, high) in enumerate(itertools.pairwise(self.cutoffs)):
            rows = ((target >= low) & (target < high)).nonzero()[:, 0]
            if len(rows):
                within = F.log_softmax(self.tail[i](input[rows]), 1)
                output = output.index_add(0, rows, within.gather(1, (target[rows] - low)[:, None])[:, 0])
        return AdaptiveOutput(output, -output.mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) -> (N, n_classes)."""
        head, first = F.log_softmax(self.head(input), 1), self.shortlist_size
        tails = [head[:, first + i, None] + F.log_softmax(tail(input), 1) for i, tail in enumerate(self.tail)]
        return cat([head[:, :first], *tails], 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class: (N, in_features) -> (N,). Only tails that the head chooses are computed."""
        best = self.head(input).argmax(1)
        rows = (best >= self.shortlist_size).nonzero()[:, 0]
        return best.index_copy(0, rows, self.log_prob(input[rows]).argmax(1)) if len(rows) else best

    def _check(self, input: Tensor, target: Tensor) -> None:
        if target.ndim > 1:
            raise RuntimeError(f"0D or 1D target tensor expected, multi-target not supported, but got "
                               f"{tuple(target.shape)}")
        if input.ndim != target.ndim + 1:
            raise RuntimeError(f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
                               f"inputs with size {tuple(input.shape)}")
        if input.shape[:-1] != target.shape:
            raise RuntimeError(f"Input and target should have the same size in the batch dimension, but got "
                               f"{tuple(input.shape)} and {tuple(target.shape)}")
        if target.numel() and not 0 <= target.min().item() <= target.max().item() < self.n_classes:
            raise RuntimeError(f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                               f"[{target.min().item()}, {target.max().item()}] were found.")
