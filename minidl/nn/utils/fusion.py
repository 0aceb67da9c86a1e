"""Merge a batch norm into the layer before it.

In evaluation mode both are linear, so one linear layer can do both.
"""
from __future__ import annotations

import copy
from typing import Any, TypeVar

from minidl.nn.module import Module
from minidl.nn.norm import _BatchNorm
from minidl.nn.parameter import Parameter
from minidl.tensors.creation import zeros_like
from minidl.tensors.tensor import Tensor

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]

M = TypeVar("M", bound=Module)


def fuse_conv_bn_weights(conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                         bn_w: Tensor | None, bn_b: Tensor | None, transpose: bool = False) -> tuple[Any, Any]:
    """Weight and bias of a convolution fused with a batch norm.

        s = bn_w / sqrt(bn_rv + eps)        weight = s * conv_w        bias = s * (conv_b - bn_rm) + bn_b

    Args:
        conv_w, conv_b: weight and bias of the convolution; conv_b None means 0.
        bn_rm, bn_rv, bn_eps: running mean and variance of the batch norm; bn_eps is added to the variance.
        bn_w, bn_b: scale and shift of the batch norm; None means 1 and 0.
        transpose: whether the convolution is transposed; then dimension 1 of its weight counts the outputs.
    """
    scale = (bn_rv + bn_eps).rsqrt()
    if bn_w is not None:
        scale = scale * bn_w
    shape = [1] * conv_w.ndim
    shape[1 if transpose else 0] = -1
    bias = scale * ((zeros_like(bn_rm) if conv_b is None else conv_b) - bn_rm)
    if bn_b is not None:
        bias = bias + bn_b
    trained = conv_w.requires_grad
    weight = (conv_w * scale.reshape(shape)).to(dtype=conv_w.dtype)
    return (Parameter(weight.detach(), trained),
            Parameter(bias.to(dtype=conv_w.dtype).detach(), trained if conv_b is None else conv_b.requires_grad))


def fuse_linear_bn_weights(linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                           bn_w: Tensor | None, bn_b: Tensor | None) -> tuple[Any, Any]:
    """As `fuse_conv_bn_weights`, for a linear layer."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def fuse_conv_bn_eval(conv: M, bn: _BatchNorm, transpose: bool = False) -> M:
    """A copy of a convolution that includes the batch norm after it.

    It is for networks that are no longer trained. Both must be in evaluation mode, and the batch norm must have running
    statistics. Errors: AssertionError otherwise.

        >>> import minidl
        >>> from minidl import nn
        >>> conv, bn = nn.Conv2d(3, 2, 3).eval(), nn.BatchNorm2d(2).eval()
        >>> x = minidl.randn(1, 3, 5, 5)
        >>> bool(minidl.allclose(nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6))
        True
    """
    return _fuse(conv, bn, transpose)


def fuse_linear_bn_eval(linear: M, bn: _BatchNorm) -> M:
    """As `fuse_conv_bn_eval`, for a linear layer. Errors: AssertionError also where the numbers of features differ."""
    features = linear.out_features
    assert features == bn.num_features or bn.num_features == 1, \
        "To fuse, linear.out_features == bn.num_features or bn.num_features == 1"
    return _fuse(linear, bn, False)


def _fuse(layer: Any, bn: _BatchNorm, transpose: bool) -> Any:
    assert not (layer.training or bn.training), "Fusion only for eval!"
    assert bn.running_mean is not None and bn.running_var is not None, \
        f"Only support fusion with running statistics, but {bn} has none"
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = fuse_conv_bn_weights(layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps,
                                                    bn.weight, bn.bias, transpose)
    return fused
