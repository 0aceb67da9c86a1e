"""Losses: the distance of a prediction from its target. Read `losses.py` first."""
from minidl.ops.loss.losses import (
    BinaryCrossEntropy, CrossEntropy, LogitsLoss, binary_cross_entropy, binary_cross_entropy_with_logits,
    cross_entropy, gaussian_nll_loss, huber_loss, kl_div, l1_loss, mse_loss, nll_loss, poisson_nll_loss, smooth_l1_loss,
)
from minidl.ops.loss.margin import (
    cosine_embedding_loss, hinge_embedding_loss, margin_ranking_loss, multi_margin_loss, multilabel_margin_loss,
    multilabel_soft_margin_loss, soft_margin_loss, triplet_margin_loss, triplet_margin_with_distance_loss,
)
from minidl.ops.loss.ctc import CTCLoss, ctc_loss
from minidl.ops.loss.last_layer import linear_cross_entropy
