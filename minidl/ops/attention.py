"""Attention: every query gets a mean of the values, weighted by how well their keys match."""
from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.fused import FusedOp
from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.capture import anew
from minidl.backend.device import Array, Device, array_module
from minidl.backend.kernels import attention as kernels
from minidl.backend.kernels.attention import AttentionPlan
from minidl.ops.activation.softmaxes import softmax
from minidl.ops.base.broadcast import Shape, broadcast_shape, expand_to
from minidl.ops.base.checks import check_floating, dtypes_clash
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.selection import where
from minidl.ops.index.along_axis import MaskedFill
from minidl.ops.linalg.products import linear, matmul
from minidl.ops.random.dropouts import dropout
from minidl.ops.reduce.sums import mean
from minidl.ops.shape.join import cat, chunk
from minidl.ops.shape.movement import pad
from minidl.ops.shape.views import flatten, permute, reshape, squeeze, transpose, unflatten, unsqueeze
from minidl.random import default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Attention(FusedOp):
    """y = dropout(softmax(scale * q k^T + mask)) v;  zeros for a query whose keys are all masked.

    q (*, L, E), k (*, S, E), v (*, S, V), mask (*, L, S) or None -> (*, L, V). The fused forms work on tiles of the
    L x S scores and never store all of them; `reference` does.
    """

    copies_output_on_write = True

    def __init__(self, plan: AttentionPlan) -> None:
        self.plan = plan

    def reference(self, q: Value, k: Value, v: Value, mask: Value = None) -> Value:
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
        """The scores to hide: True where a query must not see a key."""
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
        wants_mask = self.wanted[3] is not None
        return list(kernels.attention_grad(g, q, k, v, mask, out, log_sums, self.plan, wants_mask))


@public
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
                                 dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Tensor:
    """softmax(scale * query key^T + attn_mask) value: a weighted mean of the values for each query.

    query (*, L, E), key (*, S, E), value (*, S, V); returns (*, L, V). The axes before the last two, batches and
    heads, are broadcast.

    attn_mask: broadcast to (*, L, S). A bool mask is True where a query may see a key; a floating one is added to
    the scores. dropout_p: the share of weights set to 0; pass 0.0 when not training, there is no other switch.
    is_causal: query i sees keys 0 to i only, even if L and S differ, and of these what attn_mask lets it see. scale:
    1/sqrt(E) if not given. enable_gqa: query has G times as many heads (axis -3) as key and value; G neighbouring heads
    share a key.

    A query whose keys are all masked gets zeros, and zero gradients, as in PyTorch today (early versions gave NaN).
    Memory grows with L + S, not with L * S, unless gradients of gradients or of `attn_mask` are needed.
    Errors: RuntimeError where shapes or dtypes do not fit.

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
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"{who}: dropout probability has to be between 0 and 1, but got {dropout_p}")
    scale = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else float(scale)
    # The seed is a number on the host, so the host's generator draws it, wherever the tensors are.
    seed = anew(lambda: int(default_generator(Device("cpu")).stream.integers(2**62))) if dropout_p else 0
    attention = Attention(AttentionPlan(scale, bool(is_causal), float(dropout_p), seed))
    if enable_gqa:
        return _attend_in_groups(attention, query, key, value, attn_mask)
    return _attend(attention, query, key, value, attn_mask)


def _attend(attention: Attention, query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Expand all to one batch shape, without a copy, and attend."""
    batch = broadcast_shape("scaled_dot_product_attention", *[x.shape[:-2] for x in (query, key, value)])
    query, key, value = (expand_to(x, (*batch, *x.shape[-2:])) for x in (query, key, value))
    return attention(query, key, value, _mask(mask, query, (*batch, query.shape[-2], key.shape[-2])))


def _attend_in_groups(attention: Attention, query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Grouped heads: with an axis for the members of a group, sharing a key is plain broadcasting."""
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
    """Expand the mask to the shape of the scores."""
    if mask is None:
        return None
    who = "scaled_dot_product_attention"
    if not isinstance(mask, TensorBase) and not hasattr(mask, "dtype"):
        raise TypeError(f"{who}(): argument 'attn_mask' must be Tensor, not {type(mask).__name__}")
    if mask.dtype != np.bool_ and dtypes_clash(mask, query):
        raise RuntimeError(f"{who}: Expected attn_mask dtype to be bool or to match query dtype, but got "
                           f"attn_mask.dtype: {mask.dtype} and query.dtype: {query.dtype}; try .to(query.dtype)")
    if broadcast_shape(who, mask.shape, shape) != shape:
        raise RuntimeError(f"{who}: attn_mask of shape {tuple(mask.shape)} cannot be broadcast to the shape of the "
                           f"scores, (*, L, S) = {shape}")
    return expand_to(mask, shape)


# ---------------------------------------------------------------------- multi-head attention

MHA = "multi_head_attention_forward"


@public
def multi_head_attention_forward(query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int,
                                 num_heads: int, in_proj_weight: Tensor | None, in_proj_bias: Tensor | None,
                                 bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
                                 out_proj_weight: Tensor, out_proj_bias: Tensor | None,
                                 training: bool = True, key_padding_mask: Tensor | None = None,
                                 need_weights: bool = True, attn_mask: Tensor | None = None,
                                 use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None,
                                 k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None,
                                 static_k: Tensor | None = None, static_v: Tensor | None = None,
                                 average_attn_weights: bool = True,
                                 is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
    """Several attentions side by side, called heads; each attends to its own projections.

        q, k, v = query Wq^T, key Wk^T, value Wv^T, each cut into H heads of width d = E/H
        head = softmax(q k^T / sqrt(d) + mask) v        y = [head 1, ..., head H] out_proj_weight^T + out_proj_bias

    query (L, N, E), key (S, N, K), value (S, N, V), or each without N. Returns y (L, N, E) and the weights of the keys:
    (N, L, S), the mean over the heads, or (N, H, L, S) unless average_attn_weights. Without need_weights the second is
    None, and `scaled_dot_product_attention` never stores all scores at once.

    in_proj_weight (3E, E): Wq, Wk and Wv, one below the other; with use_separate_proj_weight q_proj_weight (E, E),
    k_proj_weight (E, K), v_proj_weight (E, V) instead. in_proj_bias (3E,) or None. bias_k, bias_v (1, 1, E): one
    more key and value, learned. add_zero_attn: one more of zeros. static_k, static_v (N*H, S, d): used in place of
    the projected keys and values. dropout_p: the share of weights set to 0 when training.

    Bool masks have the opposite meaning to `scaled_dot_product_attention`: True where a query must not see a key.
    key_padding_mask (N, S) is for all queries, attn_mask is (L, S) or (N*H, L, S); floating ones are added to the
    scores. is_causal: a hint that attn_mask is the causal one. A query whose keys are all masked gets nan, or zeros
    without need_weights, as in PyTorch.

    Errors: AssertionError and RuntimeError where shapes or dtypes do not fit.
    Source: Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762

        >>> import minidl
        >>> x, eye = minidl.tensor([[100., 0.], [0., 100.]]), minidl.eye(2)
        >>> y, weights = minidl.nn.functional.multi_head_attention_forward(
        ...     x, x, x, 2, 1, minidl.cat([eye, eye, eye]), None, None, None, False, 0.0, eye, None)
        >>> weights                             # each finds itself
        tensor([[1., 0.],
                [0., 1.]])
    """
    _check_heads(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    batched = query.ndim == 3
    if not batched:
        query, key, value = apply_to_each(lambda x: unsqueeze(x, 1), query, key, value)
        key_padding_mask = None if key_padding_mask is None else unsqueeze(key_padding_mask, 0)
    if is_causal and attn_mask is None:
        raise RuntimeError(f"{MHA}: Need attn_mask if specifying the is_causal hint; try "
                           "nn.Transformer.generate_square_subsequent_mask(L)")
    _require(bias_k is None or static_k is None, "bias_k and bias_v cannot be added to static keys and values")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _project(query, key, value, in_proj_weight, separate, in_proj_bias)
    q = _heads(q, num_heads)                                                      # (N, H, L, d)
    k = _append_keys(k, bias_k, static_k, add_zero_attn, num_heads)                 # (N, H, S, d)
    v = _append_keys(v, bias_v, static_v, add_zero_attn, num_heads)
    more = (bias_k is not None) + add_zero_attn                                   # keys that no mask covers
    mask = _joint_mask(attn_mask, key_padding_mask, q, k.shape[2] - more, more)
    dropout_p = dropout_p if training else 0.0
    weights = None
    if need_weights:
        scores = _add_mask(matmul(q / math.sqrt(q.shape[3]), transpose(k, 2, 3)), mask)
        weights = dropout(softmax(scores, -1), dropout_p)
        heads = matmul(weights, v)
        weights = mean(weights, 1) if average_attn_weights else weights
    elif is_causal and key_padding_mask is None and not more:
        heads = scaled_dot_product_attention(q, k, v, None, dropout_p, is_causal=True)
    else:
        heads = scaled_dot_product_attention(q, k, v, mask, dropout_p)
    y = linear(flatten(permute(heads, (2, 0, 1, 3)), 2), out_proj_weight, out_proj_bias)
    if batched:
        return y, weights
    return squeeze(y, 1), None if weights is None else squeeze(weights, 0)


def apply_to_each(function: Callable[[Any], Any], *tensors: Any) -> list[Any]:
    """Apply the function to each tensor; a tensor that comes twice gives one and the same result."""
    results = {id(x): function(x) for x in tensors}
    return [results[id(x)] for x in tensors]


def _project(query: Any, key: Any, value: Any, weight: Any, separate: Any, bias: Any) -> Any:
    """Multiply each by its own third of the weights; in one product if all three are one tensor."""
    if separate is None and query is key and key is value:
        return chunk(linear(query, weight, bias), 3, -1)
    weights = chunk(weight, 3) if separate is None else separate
    biases = (None, None, None) if bias is None else chunk(bias, 3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases)]


def _heads(x: Any, H: int) -> Any:
    """(L, N, E) -> (N, H, L, E/H)"""
    return permute(unflatten(x, 2, (H, x.shape[2] // H)), (1, 2, 0, 3))


def _append_keys(x: Any, learned: Any, static: Any, zeros: bool, H: int) -> Any:
    """Split keys or values (S, N, E) into heads (N, H, S, E/H); append the learned one, then a zero one."""
    _, N, E = x.shape
    x = x if learned is None else cat([x, expand_to(learned, (1, N, E))])
    x = _heads(x, H) if static is None else reshape(static, (N, H, static.shape[1], E // H))
    return pad(x, (0, 0, 0, 1)) if zeros else x


def _add_mask(scores: Any, mask: Any) -> Any:
    if mask is None:
        return scores
    return where(mask, scores, -math.inf) if mask.dtype == np.bool_ else scores + mask


def _joint_mask(attn_mask: Any, key_padding_mask: Any, q: Any, S: int, more: int) -> Any:
    """Join both masks into one for `scaled_dot_product_attention`: (N or 1, H or 1, L or 1, S + more)."""
    N, H, L, _ = q.shape
    masks = []
    for name, mask in (("attn_mask", attn_mask), ("key_padding_mask", key_padding_mask)):
        _require(mask is None or mask.dtype.kind in "bf", f"only bool and floating types of {name} are supported, but "
                                                          f"got {getattr(mask, 'dtype', None)}")
    if attn_mask is not None:
        shape = tuple(attn_mask.shape)
        if shape not in ((L, S), (N * H, L, S)):
            raise RuntimeError(f"{MHA}: The shape of the {len(shape)}D attn_mask is {shape}, but should be (L, S) = "
                               f"{(L, S)} or (N*H, L, S) = {(N * H, L, S)}")
        masks.append(reshape(attn_mask, (1, 1, L, S) if len(shape) == 2 else (N, H, L, S)))
    if key_padding_mask is not None:
        _require(tuple(key_padding_mask.shape) == (N, S), f"Expected key_padding_mask to be (N, S) = {(N, S)}, but got "
                                                          f"{tuple(key_padding_mask.shape)}")
        masks.append(reshape(key_padding_mask, (N, 1, 1, S)))
    masks = [pad(mask, (0, more)) if more else mask for mask in masks]
    hidden = [mask for mask in masks if mask.dtype == np.bool_]
    added = [mask for mask in masks if mask.dtype != np.bool_]
    if not added:
        return ~functools.reduce(operator.or_, hidden) if hidden else None
    return where(hidden[0], -math.inf, added[0]) if hidden else functools.reduce(operator.add, added)


def _check_heads(query: Any, key: Any, value: Any, E: int, H: int, separate: bool) -> None:
    """Errors: where sizes do not fit."""
    check_floating(MHA, query=query, key=key, value=value)
    shapes = [tuple(x.shape) for x in (query, key, value)]
    _require(query.ndim in (2, 3), f"query should be unbatched 2D (L, E) or batched 3D (L, N, E), but received shape "
                                   f"{shapes[0]}")
    _require(query.ndim == key.ndim == value.ndim, f"For {query.ndim}-D query, expected key and value to be "
                                                   f"{query.ndim}-D but found {shapes[1]} and {shapes[2]}")
    _require(query.shape[-1] == E, f"was expecting embedding dimension of {E}, but got {query.shape[-1]}")
    _require(E % H == 0, f"embed_dim {E} not divisible by num_heads {H}")
    same = -1 if separate else None     # with separate weights, the widths may differ
    _require(key.shape[:same] == value.shape[:same], f"key shape {shapes[1]} does not match value shape {shapes[2]}")
    if query.ndim == 3 and query.shape[1] != key.shape[1]:
        raise RuntimeError(f"{MHA}: query {shapes[0]} and key {shapes[1]} differ in batch size; they are (L, N, E) "
                           f"and (S, N, E)")


def _require(condition: bool, what: str) -> None:
    """Errors: AssertionError unless `condition` holds, PyTorch's choice for multi-head attention."""
    if not condition:
        raise AssertionError(f"{MHA}: {what}")
