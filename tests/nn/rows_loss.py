"""Rows for the table of modules: losses, but for those of `minidl.nn.loss` that stand in the table itself."""
from __future__ import annotations

import numpy as np

from tests.nn.rows import row

RANDOM = np.random.default_rng(5)
X, LABELS = (5, 4), np.array([0, 3, 2, 2, 1])
SIGNS = np.array([1, -1, -1, 1, 1])
MANY = np.array([[3, 0, -1, 1], [2, 1, 0, 3], [-1, 0, 0, 0], [1, 1, -1, -1], [0, 2, 3, -1]])
ZERO_ONE = RANDOM.integers(0, 2, X).astype(float)
WEIGHT = np.array([0.5, 2.0, 1.0, 0.1])
COUNTS = RANDOM.poisson(2.0, X).astype(float)
RATES, VARIANCES = RANDOM.uniform(0.5, 2.0, X), RANDOM.uniform(0.5, 2.0, X)
WORDS = np.array([[1, 2, 2], [3, 1, 1]])


def manhattan(a, b):
    return abs(a - b).sum(-1)


def each_reduction(name, *args, **kwargs):
    return [row(name, *args, reduction=reduction, **kwargs) for reduction in ("mean", "sum", "none")]


ROWS = [
    *each_reduction("SoftMarginLoss", inputs=((5,), SIGNS)),
    *each_reduction("MultiMarginLoss", inputs=(X, LABELS)),
    row("MultiMarginLoss", 2, 0.5, WEIGHT, inputs=(X, LABELS)),
    row("MultiMarginLoss", inputs=((4,), np.array(2))),
    *each_reduction("MultiLabelMarginLoss", inputs=(X, MANY)),
    *each_reduction("MultiLabelSoftMarginLoss", inputs=(X, ZERO_ONE)),
    row("MultiLabelSoftMarginLoss", WEIGHT, inputs=(X, ZERO_ONE)),
    *each_reduction("HingeEmbeddingLoss", inputs=((5,), SIGNS)),
    row("HingeEmbeddingLoss", 0.3, inputs=((5,), SIGNS)),
    *each_reduction("MarginRankingLoss", inputs=((5,), (5,), SIGNS), watched=2),
    row("MarginRankingLoss", 0.5, inputs=((5,), (5,), SIGNS), watched=2),
    *each_reduction("CosineEmbeddingLoss", inputs=(X, X, SIGNS), watched=2),
    row("CosineEmbeddingLoss", 0.2, inputs=((3,), (3,), np.array(1)), watched=2),
    *each_reduction("TripletMarginLoss", inputs=(X, X, X), watched=3),
    row("TripletMarginLoss", 2.0, 1.5, 0.1, True, inputs=(X, X, X), watched=3),
    *each_reduction("TripletMarginWithDistanceLoss", margin=3.0, inputs=(X, X, X), watched=3),
    row("TripletMarginWithDistanceLoss", distance_function=manhattan, margin=9.0, swap=True, inputs=(X, X, X),
        watched=3),

    *each_reduction("PoissonNLLLoss", inputs=(X, COUNTS)),
    row("PoissonNLLLoss", False, True, eps=0.1, inputs=(RATES, COUNTS)),
    *each_reduction("GaussianNLLLoss", inputs=(X, X, VARIANCES), watched=3),
    row("GaussianNLLLoss", full=True, eps=1.0, inputs=(X, X, VARIANCES), watched=2),

    *each_reduction("CTCLoss", inputs=((7, 2, 4), WORDS, np.array([7, 6]), np.array([3, 2]))),
    row("CTCLoss", 3, "sum", True,
        inputs=((7, 2, 4), np.array([[1, 2, 2], [0, 1, 1]]), np.array([7, 2]), np.array([3, 3]))),
    row("CTCLoss", inputs=((7, 4), WORDS[0], np.array(7), np.array(3))),

    *each_reduction("LinearCrossEntropyLoss", 4, 3, inputs=(X, np.array([0, 2, 1, 1, 0]))),
    row("LinearCrossEntropyLoss", 4, 3, bias=True, weight=WEIGHT[:3], ignore_index=1, label_smoothing=0.1,
        inputs=(X, np.array([0, 2, 1, 1, 0]))),
    row("LinearCrossEntropyLoss", 4, 3, out_features=(2,), bias=True, inputs=(X, RANDOM.integers(0, 3, (5, 2)))),
    row("LinearCrossEntropyLoss", 4, 3, inputs=(X, RANDOM.dirichlet(np.ones(3), 5))),
    row("LinearCrossEntropyLoss", 4, 3, inputs=((4,), np.array(1))),

    row("AdaptiveLogSoftmaxWithLoss", 8, 20, [4, 10], 2.0, inputs=((6, 8), np.array([3, 19, 4, 9, 10, 0]))),
    row("AdaptiveLogSoftmaxWithLoss", 8, 20, [4, 10], head_bias=True, div_value=1.0,
        inputs=((6, 8), np.array([3, 19, 4, 9, 10, 0]))),
    row("AdaptiveLogSoftmaxWithLoss", 8, 20, [5], 2.0, inputs=((8,), np.array(7))),
]
