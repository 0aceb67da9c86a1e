"""Helpers for training.

Gradient clipping, parameters as one long vector, sequences of different lengths, and weights that are parametrized,
pruned or fused.
"""
from minidl import left_out
from minidl.nn.utils import parametrizations, parametrize, prune, rnn
from minidl.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from minidl.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from minidl.nn.utils.fusion import (
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
)
from minidl.nn.utils.init import skip_init
from minidl.nn.utils.norms_by_hooks import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "fuse_conv_bn_eval",
    "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights", "get_total_norm", "parameters_to_vector",
    "parametrizations", "parametrize", "prune", "remove_spectral_norm", "remove_weight_norm", "rnn", "skip_init",
    "spectral_norm", "vector_to_parameters", "weight_norm",
]

left_out.explain(globals(), __name__)
