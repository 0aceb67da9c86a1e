"""Losses as modules."""
from minidl.nn.loss.losses import (
    BCELoss, BCEWithLogitsLoss, CrossEntropyLoss, GaussianNLLLoss, HuberLoss, KLDivLoss, L1Loss, MSELoss, NLLLoss,
    PoissonNLLLoss, SmoothL1Loss,
)
from minidl.nn.loss.margin import (
    CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss, MultiLabelMarginLoss, MultiLabelSoftMarginLoss,
    MultiMarginLoss, SoftMarginLoss, TripletMarginLoss, TripletMarginWithDistanceLoss,
)
from minidl.nn.loss.ctc import CTCLoss
from minidl.nn.loss.adaptive import AdaptiveLogSoftmaxWithLoss
from minidl.nn.loss.last_layer import LinearCrossEntropyLoss
