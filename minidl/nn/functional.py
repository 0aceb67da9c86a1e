"""The functions that layers are made of, without state: `minidl.nn.functional`, usually imported as `F`.

They are written in `minidl.ops`, one file a family, forward beside gradient; here they stand under PyTorch's names.
"""
# ruff: noqa: I001, RUF022  (grouped for the reader)
from minidl.ops.linalg import linear
from minidl.ops.conv import conv2d, conv_transpose2d
from minidl.ops.pool import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
from minidl.ops.shape import pad
from minidl.ops.index import embedding, one_hot
from minidl.ops.activation import (
    celu, elu, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, log_softmax, logsigmoid, mish,
    prelu, relu, relu6, selu, sigmoid, silu, softmax, softmin, softplus, softshrink, softsign, tanh, tanhshrink,
    threshold,
)
from minidl.ops.norm import batch_norm, group_norm, instance_norm, layer_norm, normalize, rms_norm
from minidl.ops.dropout import alpha_dropout, dropout, dropout1d, dropout2d
from minidl.ops.loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cosine_similarity, cross_entropy, huber_loss, kl_div,
    l1_loss, mse_loss, nll_loss, poisson_nll_loss, smooth_l1_loss,
)

__all__ = [
    # weighted sums, and where they look
    "linear", "conv2d", "conv_transpose2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "max_pool2d",
    "pad", "embedding", "one_hot",
    # activations
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    # normalisation and dropout
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "normalize", "rms_norm",
    "alpha_dropout", "dropout", "dropout1d", "dropout2d",
    # losses
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_similarity", "cross_entropy", "huber_loss",
    "kl_div", "l1_loss", "mse_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss",
]
