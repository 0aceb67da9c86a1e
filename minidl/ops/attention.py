"""Attention: every query looks at all keys, and receives a mean of the values, weighted by how well the keys fit."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.autograd.fused import FusedOp
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, Device, array_module
from minidl.backend.kernels import attention as kernels
from minidl.backend.kernels.attention import AttentionPlan
from minidl.backend.random import default_generator
from minidl.ops.broadcast import Shape, broadcast_shape, expand_to
from minidl.ops.checks import check_floating
from minidl.ops.gather import MaskedFill
from minidl.ops.linalg import matmul
from minidl.ops.softmax import softmax
from minidl.ops.view import flatten, transpose, unflatten, unsqueeze


class Attention(FusedOp):
    """y = dropout(softmax(scale * q k^T + mask)) v;  a query that may look nowhere gets zeros.

    q (*, L, E), k (*, S, E), v (*, S, V), mask (*, L, S) or None -> (*, L, V). The fused forms work on tiles of
    the L x S scores and never hold them all; `reference` does.
    """

    def __init__(self, plan: AttentionPlan) -> None:
        self.plan = plan

    def reference(self, q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        scores = matmul(q * self.plan.scale, transpose(k, -2, -1))             # (*, L, S)
        hidden = self.hidden(scores.array, None if mask is None else mask.array)
        if mask is not None and mask.array.dtype != np.bool_:
            scores = scores + mask
        nowhere = array_module(hidden).broadcast_to(hidden.all(axis=-1, keepdims=True), hidden.shape)
        scores = MaskedFill(nowhere)(MaskedFill(hidden)(scores, -math.inf), 0.0)
        p = MaskedFill(nowhere)(softmax(scores, -1), 0.0)
        if self.plan.dropout:
            p = p * wrap(kernels.attention_dropout(q.array, k.array, self.plan))
        return matmul(p, v)

    def hidden(self, scores: Array, mask: Array | None) -> Array:
        """Where a query may not look."""
        xp, (L, S) = array_module(scores), scores.shape[-2:]
        hidden = xp.zeros(scores.shape, bool)
        if mask is not None:
            hidden |= ~mask if mask.dtype == np.bool_ else mask == -math.inf
        if self.plan.causal:
            hidden |= xp.arange(S) > xp.arange(L)[:, None]
        return hidden

    def forward(self, q: Array, k: Array, v: Array, mask: Array | None = None) -> Array:
        y, log_sums = kernels.attention_forward(q, k, v, mask, self.plan)
        self.keep(log_sums=log_sums)
        return y

    def gradient(self, g: Array, q: Array, k: Array, v: Array, mask: Array | None, out: Array,
                 log_sums: Array) -> list[Array | None]:
        mask_too = self.wanted[3] is not None
        return list(kernels.attention_grad(g, q, k, v, mask, out, log_sums, self.plan, mask_too))


def scaled_dot_product_attention(query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
                                 is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Any:
    """softmax(scale * query key^T + attn_mask) value: for each query, a weighted mean of the values.

    query (*, L, E), key (*, S, E), value (*, S, V); returns (*, L, V). What stands before the last two axes, batches
    and heads, is broadcast.

    attn_mask: broadcast to (*, L, S). A bool mask is True where a query may look at a key; a floating one is added
    to the scores. dropout_p: the share of weights that are set to 0; pass 0.0 when not training, there is no other
    switch. is_causal: query i sees keys 0 to i only, also where L and S differ. scale: 1/sqrt(E) if not given.
    enable_gqa: query has G times as many heads (axis -3) as key and value; G neighbouring ones share a key.

    A query whose keys are all masked gets zeros, and zero gradients, as in PyTorch today (early versions gave NaN).
    Memory grows with L + S, not with L * S, unless gradients of gradients or of `attn_mask` are wanted.
    Errors: RuntimeError where shapes or dtypes do not fit, or is_causal comes with an attn_mask.

    Source: Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762; grouped heads: Ainslie
    et al., "GQA", 2023, https://arxiv.org/abs/2305.13245

        >>> import minidl
        >>> query, key = minidl.tensor([[10., 0.]]), minidl.tensor([[10., 0.], [0., 10.]])
        >>> value = minidl.tensor([[1., 2.], [3., 4.]])
        >>> minidl.nn.functional.scaled_dot_product_attention(query, key, value)   # only the first key fits
        tensor([[1., 2.]])
    """
    who = "scaled_dot_product_attention"
    check_floating(who, query=query, key=key, value=value)
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(f"{who}: Expected query, key, and value to all be at least 2 dimensional, but got "
                           f"query.dim: {query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim}")
    if key.shape[-1] != query.shape[-1] or value.shape[-2] != key.shape[-2]:
        raise RuntimeError(f"{who}: expected query (*, L, E), key (*, S, E), value (*, S, V), but got "
                           f"{tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}")
    if is_causal and attn_mask is not None:
        raise RuntimeError(f"{who}: Explicit attn_mask should not be set when is_causal=True; put both into the mask")
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"{who}: dropout probability has to be between 0 and 1, but got {dropout_p}")
    scale = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else float(scale)
    # the seed is a number on the host, so it comes from the host's generator, wherever the tensors are
    seed = int(default_generator(Device("cpu")).stream.integers(2**62)) if dropout_p else 0
    attention = Attention(AttentionPlan(scale, bool(is_causal), float(dropout_p), seed))
    if enable_gqa:
        return _grouped(attention, query, key, value, attn_mask)
    return _attend(attention, query, key, value, attn_mask)


def _attend(attention: Attention, query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Bring all to the same batch shape, which takes no memory, and attend."""
    batch = broadcast_shape("scaled_dot_product_attention", *[x.shape[:-2] for x in (query, key, value)])
    query, key, value = (expand_to(x, (*batch, *x.shape[-2:])) for x in (query, key, value))
    return attention(query, key, value, _mask(mask, query, (*batch, query.shape[-2], key.shape[-2])))


def _grouped(attention: Attention, query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Grouped heads: with an axis for the members of a group, one key for all of them is plain broadcasting."""
    who = "scaled_dot_product_attention"
    if min(query.ndim, key.ndim, value.ndim) < 3:
        raise RuntimeError(f"{who}: enable_gqa expects (*, heads, length, width), but got query {tuple(query.shape)}, "
                           f"key {tuple(key.shape)} and value {tuple(value.shape)}")
    heads, groups = query.shape[-3], key.shape[-3]
    if value.shape[-3] != groups or not groups or heads % groups:
        raise RuntimeError(f"{who}: Number of heads in key and value must be the same and divide the number of heads "
                           f"in query, but got {groups}, {value.shape[-3]} and {heads}")
    batch = broadcast_shape(who, *[x.shape[:-3] for x in (query, key, value)])
    mask = _mask(mask, query, (*batch, heads, query.shape[-2], key.shape[-2]))
    split = (groups, heads // groups)
    query, mask = (None if x is None else unflatten(x, -3, split) for x in (query, mask))   # (*, groups, G, L, E)
    return flatten(_attend(attention, query, unsqueeze(key, -3), unsqueeze(value, -3), mask), -4, -3)


def _mask(mask: Any, query: Any, shape: Shape) -> Any:
    """The mask, expanded to the shape of the scores."""
    if mask is None:
        return None
    who = "scaled_dot_product_attention"
    if not isinstance(mask, TensorBase) and not hasattr(mask, "dtype"):
        raise TypeError(f"{who}(): argument 'attn_mask' must be Tensor, not {type(mask).__name__}")
    if mask.dtype not in (np.bool_, query.dtype):
        raise RuntimeError(f"{who}: Expected attn_mask dtype to be bool or to match query dtype, but got "
                           f"attn_mask.dtype: {mask.dtype} and query.dtype: {query.dtype}; try .to(query.dtype)")
    if broadcast_shape(who, mask.shape, shape) != shape:
        raise RuntimeError(f"{who}: attn_mask of shape {tuple(mask.shape)} cannot be broadcast to the shape of the "
                           f"scores, (*, L, S) = {shape}")
    return expand_to(mask, shape)
