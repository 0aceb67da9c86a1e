"""Softmax, log-softmax and cross-entropy with their gradients.

All subtract the largest entry first, so that nothing overflows. Half precision is computed in single precision.
"""
from __future__ import annotations

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernel import kernel


@kernel
def softmax_forward(x: Array, axis: int) -> Array:
    """y = exp(x) / sum(exp(x)) along `axis`"""
    if not x.size:
        return x.copy()
    e = np.exp(minus_max(x, axis))
    return (e / e.sum(axis=axis, keepdims=True)).astype(x.dtype, copy=False)


@kernel
def softmax_grad(g: Array, y: Array, axis: int) -> Array:
    """gx = (g - sum(g*y)) * y, for y = softmax(x)"""
    total = np.multiply(g, y, dtype=accumulation_dtype(g.dtype)).sum(axis=axis, keepdims=True)
    return ((g - total) * y).astype(g.dtype, copy=False)


@kernel
def log_softmax_forward(x: Array, axis: int) -> Array:
    """y = x - log(sum(exp(x))) along `axis`"""
    if not x.size:
        return x.copy()
    y = minus_max(x, axis)
    return (y - np.log(np.exp(y).sum(axis=axis, keepdims=True))).astype(x.dtype, copy=False)


@kernel
def log_softmax_grad(g: Array, y: Array, axis: int) -> Array:
    """gx = g - exp(y) * sum(g), for y = log_softmax(x)"""
    p = np.exp(y, dtype=accumulation_dtype(y.dtype))
    return (g - p * g.sum(axis=axis, keepdims=True, dtype=p.dtype)).astype(g.dtype, copy=False)


@kernel
def cross_entropy_forward(x: Array, target: Array, weight: Array | None, ignore_index: int,
                          label_smoothing: float) -> tuple[Array, Array]:
    """The loss of every sample, and the log-probabilities for the gradient. With e = label_smoothing:

        loss = -(1 - e) * weight[target] * logp[target] - e/C * sum_c weight[c] * logp[c]

    x (N, C, d1, ...), target (N, d1, ...) integers, weight (C,) or None -> (N, d1, ...), (N, C, d1, ...).
    Where the target is `ignore_index` the loss is 0. Other targets must lie in 0 to C-1; the caller checks this.
    """
    log_probabilities = log_softmax_forward(x, 1)
    kept, target_weight, at_target = _targets(log_probabilities, target, weight, ignore_index)
    losses = log_probabilities[at_target]
    losses *= -(1 - label_smoothing)
    if target_weight is not None:
        losses *= target_weight
    if label_smoothing:
        smooth = log_probabilities if weight is None else log_probabilities * _along_classes(weight, x.ndim)
        losses -= label_smoothing / max(x.shape[1], 1) * smooth.sum(axis=1)
    return array_module(x).where(kept, losses, losses.dtype.type(0)), log_probabilities


@kernel
def cross_entropy_grad(g: Array, log_probabilities: Array, target: Array, weight: Array | None,
                       ignore_index: int, label_smoothing: float) -> Array:
    """The gradient with respect to x of `cross_entropy_forward`, for g (N, d1, ...), or one () for all samples.

        gx = g * ((1 - e) * weight[target] * (p - onehot(target)) + e/C * (sum(weight) * p - weight))
    """
    C, e = max(log_probabilities.shape[1], 1), label_smoothing
    kept, target_weight, at_target = _targets(log_probabilities, target, weight, ignore_index)
    g = array_module(g).where(kept, g, g.dtype.type(0))
    hard = g * (1 - e) if target_weight is None else g * (1 - e) * target_weight
    gx = np.exp(log_probabilities)                                # p, (N, C, d1, ...)
    if not e:
        gx *= hard[:, None]
    else:
        gx *= (hard + g * (e / C * (C if weight is None else weight.sum())))[:, None]
        soft = (e / C * g)[:, None]
        gx -= soft if weight is None else soft * _along_classes(weight, gx.ndim)
    gx[at_target] -= hard
    return gx


@kernel
def weighted_mean(losses: Array, target: Array, weight: Array | None, ignore_index: int) -> tuple[Array, Array]:
    """sum(losses) / sum(weight[target]), over the samples that count, and the second of the two sums

    losses and target (N, d1, ...), weight (C,) or None. nan where no sample counts. Half precision is summed in single.
    """
    kept = target != ignore_index
    xp, dtype = array_module(losses), accumulation_dtype(losses.dtype)
    total = kept.sum() if weight is None else (weight[xp.where(kept, target, 0)] * kept).sum()
    total = xp.asarray(total, dtype=dtype)
    with np.errstate(invalid="ignore"):                           # 0 / 0 gives the nan
        return xp.asarray(losses.sum(dtype=dtype) / total, dtype=losses.dtype), total


def _targets(log_probabilities: Array, target: Array, weight: Array | None,
             ignore_index: int) -> tuple[Array, Array | None, tuple[Array, ...]]:
    """Which samples count, the weight of each sample's class, and the index of its entry in (N, C, d1, ...)."""
    xp = array_module(log_probabilities)
    kept = target != ignore_index
    safe = xp.where(kept, target, 0)                              # an ignored target may be any number
    axes = [xp.arange(n).reshape([-1 if i == axis else 1 for i in range(target.ndim)])
            for axis, n in enumerate(target.shape)]
    return kept, None if weight is None else weight[safe], (axes[0], safe, *axes[1:])


def _along_classes(weight: Array, ndim: int) -> Array:
    """(C,) -> (1, C, 1, ...)"""
    return weight.reshape([1, -1] + [1] * (ndim - 2))


def minus_max(x: Array, axis: int) -> Array:
    """A new array x - max(x), in at least single precision."""
    with np.errstate(invalid="ignore"):                           # -inf - -inf is NaN, as it should be
        return np.subtract(x, x.max(axis=axis, keepdims=True), dtype=accumulation_dtype(x.dtype))
