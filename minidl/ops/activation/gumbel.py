"""Random choices that gradients can pass through: Gumbel softmax."""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, device_of
from minidl.ops.activation.softmaxes import softmax
from minidl.ops.base.checks import check_floating
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.shape.views import array_of
from minidl.random import default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A random choice along `dim`, made differentiable: softmax((logits + noise) / tau).

    With Gumbel noise, the largest of `logits + noise` is class i with probability softmax(logits)_i. The lower tau, the
    closer the result is to one-hot. hard: return one-hot rows, but with the gradient of the soft ones. eps is unused
    (PyTorch keeps it for old code).
    Errors: IndexError where there is no such dimension, RuntimeError unless `logits` is floating.

    Source: Jang et al., "Categorical Reparameterization with Gumbel-Softmax", 2016, https://arxiv.org/abs/1611.01144;
    Maddison et al., "The Concrete Distribution", 2016, https://arxiv.org/abs/1611.00712

        >>> import minidl
        >>> y = minidl.nn.functional.gumbel_softmax(minidl.tensor([[0., 100.]]), hard=True)
        >>> y
        tensor([[0., 1.]])
    """
    check_floating("gumbel_softmax", logits=logits)
    axis = normalize_dim(dim, logits.ndim, "gumbel_softmax")
    noise = _gumbel(array_of(logits))
    if isinstance(logits, TensorBase):
        noise = wrap(noise)
    soft = softmax((logits + noise) / tau, axis)
    if not hard:
        return soft
    y = array_of(soft)
    difference = _one_hot(y, axis) - y          # a constant, so the gradient is that of `soft`
    return soft + (wrap(difference) if isinstance(logits, TensorBase) else difference)


def _gumbel(like: Array) -> Array:
    """-log(-log(u)) for uniform u: standard Gumbel noise."""
    stream = default_generator(device_of(like)).stream
    u = stream.random(like.shape, dtype=np.float64 if like.dtype == np.float64 else np.float32)
    tiny = float(np.finfo(u.dtype).tiny)        # u may be 0
    return -np.log(-np.log(np.maximum(u, tiny))).astype(like.dtype, copy=False)


def _one_hot(y: Array, axis: int) -> Array:
    """1 at the first largest element along the axis, else 0."""
    xp = array_module(y)
    if not y.ndim:
        return xp.ones_like(y)
    places = xp.arange(y.shape[axis]).reshape([-1 if i == axis else 1 for i in range(y.ndim)])
    return (places == xp.expand_dims(y.argmax(axis=axis), axis)).astype(y.dtype)
