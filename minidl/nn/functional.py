"""The functions of layers, without state; usually imported as `F`.

The families of `minidl.ops` define them, forward beside gradient; this module has them under PyTorch's names.
"""
# ruff: noqa: I001, RUF022  (grouped for the reader)
from minidl import left_out

# weighted sums
from minidl.ops.linalg import linear, bilinear, cosine_similarity, pairwise_distance, pdist
from minidl.ops.conv import conv2d, conv_transpose2d, conv1d, conv3d, conv_tbc, conv_transpose1d, conv_transpose3d
from minidl.ops.attention import multi_head_attention_forward, scaled_dot_product_attention

# pooling
from minidl.ops.pool import (
    adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d, adaptive_avg_pool1d, adaptive_avg_pool3d,
    adaptive_max_pool1d, adaptive_max_pool3d, avg_pool1d, avg_pool3d, max_pool1d, max_pool3d, fractional_max_pool2d,
    fractional_max_pool3d, lp_pool1d, lp_pool2d, lp_pool3d,
)
from minidl.ops.torch_names import (
    adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices,
    fractional_max_pool2d_with_indices, fractional_max_pool3d_with_indices, max_pool1d_with_indices,
    max_pool2d_with_indices, max_pool3d_with_indices,
)
from minidl.ops.pool import max_unpool1d, max_unpool2d, max_unpool3d

# images and their parts, rearranged and resized
from minidl.ops.shape import pad
from minidl.ops.conv import fold, unfold
from minidl.ops.shape import channel_shuffle, pixel_shuffle, pixel_unshuffle
from minidl.ops.torch_names import native_channel_shuffle
from minidl.ops.resize import interpolate, upsample, upsample_bilinear, upsample_nearest, affine_grid, grid_sample

# from integers to vectors
from minidl.ops.embedding import embedding, one_hot, embedding_bag

# activations
from minidl.ops.activation import (
    celu, elu, gelu, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu, log_softmax, logsigmoid, mish,
    prelu, relu, relu6, selu, silu, softmax, softmin, softplus, softshrink, softsign, tanhshrink, threshold,
)
from minidl.ops.elementwise import sigmoid, tanh
from minidl.ops.torch_names import celu_, elu_, hardtanh_, leaky_relu_, relu_, rrelu_, selu_, threshold_
from minidl.ops.activation import rrelu, gumbel_softmax

# normalisation and dropout
from minidl.ops.norm import batch_norm, group_norm, instance_norm, layer_norm, normalize, rms_norm, local_response_norm
from minidl.ops.random import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout

# losses
from minidl.ops.loss import (
    binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, gaussian_nll_loss, huber_loss, kl_div,
    l1_loss, mse_loss, nll_loss, poisson_nll_loss, smooth_l1_loss, linear_cross_entropy, cosine_embedding_loss,
    hinge_embedding_loss, margin_ranking_loss, multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss,
    soft_margin_loss, triplet_margin_loss, triplet_margin_with_distance_loss, ctc_loss,
)

__all__ = [
    # weighted sums
    "linear", "bilinear", "cosine_similarity", "pairwise_distance", "pdist",
    "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "multi_head_attention_forward", "scaled_dot_product_attention",
    # pooling
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
    "fractional_max_pool2d", "fractional_max_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d_with_indices",
    "fractional_max_pool2d_with_indices", "fractional_max_pool3d_with_indices",
    "max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices",
    # images and their parts, rearranged and resized
    "pad", "fold", "unfold", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "interpolate", "upsample",
    "upsample_nearest", "upsample_bilinear", "native_channel_shuffle",
    "affine_grid", "grid_sample",
    # from integers to vectors
    "embedding", "one_hot", "embedding_bag",
    # activations
    "celu", "elu", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "celu_", "elu_", "hardtanh_", "leaky_relu_", "relu_", "rrelu_", "selu_", "threshold_",
    # normalisation and dropout
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm",
    "alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout",
    # losses
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy", "ctc_loss",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "linear_cross_entropy",
    "margin_ranking_loss", "mse_loss",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss",
    "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]

left_out.explain(globals(), __name__)
