"""MultiheadAttention. The formula stands in `ops.attention`."""
from __future__ import annotations

from typing import Any

from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.ops.attention import apply_to_each
from minidl.tensors.creation import empty
from minidl.tensors.tensor import Tensor


class _OutProjection(Linear):
    """A Linear, printed under the name that PyTorch has for it here."""

    def _get_name(self) -> str:
        return "NonDynamicallyQuantizableLinear"


class MultiheadAttention(Module):
    """Several attentions side by side, each on its own projections.

    Each head projects queries, keys and values to E/num_heads numbers:

        head = softmax(q k^T / sqrt(d) + mask) v        y = out_proj([head 1, ..., head H])

    Called with query (L, N, E), key (S, N, kdim) and value (S, N, vdim), or each with N in front if `batch_first`, or
    without N; E is embed_dim, and kdim and vdim are E too if not given. Returns y in the shape of the query, and the
    attention weights: (N, L, S), the mean over the heads; (N, H, L, S) unless `average_attn_weights`; None without
    `need_weights`, which saves the memory of the scores.

    key_padding_mask (N, S) and attn_mask (L, S) or (N*H, L, S): True where attention is not allowed (the opposite of
    `F.scaled_dot_product_attention`), or numbers to add to the scores. is_causal: a hint that attn_mask is the
    causal one. dropout: the share of weights that are set to 0 in training. add_bias_kv: one more key and value,
    learned. add_zero_attn: one more of zeros.

    in_proj_weight (3E, E) starts Xavier-uniform; where kdim or vdim differ from E, it is split into q_proj_weight,
    k_proj_weight and v_proj_weight. Biases start at 0.
    Errors: ValueError and AssertionError for sizes that are not positive, or not divisible by num_heads.
    Source: Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762

        >>> import minidl
        >>> from minidl import nn
        >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
        >>> x = minidl.randn(5, 10, 8)
        >>> y, weights = attention(x, x, x)
        >>> y.shape, weights.shape
        ((5, 10, 8), (5, 10, 10))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
                 vdim: int | None = None, batch_first: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                             f"num_heads={num_heads} instead")
        if embed_dim % num_heads:
            raise AssertionError(f"embed_dim must be divisible by num_heads, but got embed_dim={embed_dim}, "
                                 f"num_heads={num_heads}")
        E = embed_dim
        self.embed_dim = E
        self.kdim = E if kdim is None else kdim
        self.vdim = E if vdim is None else vdim
        self.num_heads = num_heads
        self.head_dim = E // num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        same = self._qkv_same_embed_dim = self.kdim == self.vdim == E
        shapes = {"q_proj_weight": None if same else (E, E), "k_proj_weight": None if same else (E, self.kdim),
                  "v_proj_weight": None if same else (E, self.vdim), "in_proj_weight": (3 * E, E) if same else None,
                  "in_proj_bias": (3 * E,) if bias else None, "bias_k": (1, 1, E) if add_bias_kv else None,
                  "bias_v": (1, 1, E) if add_bias_kv else None}
        for name, shape in shapes.items():
            self.register_parameter(name, shape and Parameter(empty(*shape, device=device, dtype=dtype)))
        self.out_proj = _OutProjection(E, E, bias, device, dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for learned in (self.bias_k, self.bias_v):
            if learned is not None:
                init.xavier_normal_(learned)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
                need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
        turn = self.batch_first and query.ndim == 3
        if turn:
            query, key, value = apply_to_each(lambda x: x.transpose(0, 1), query, key, value)
        y, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias, self.training,
            key_padding_mask, need_weights, attn_mask, not self._qkv_same_embed_dim, self.q_proj_weight,
            self.k_proj_weight, self.v_proj_weight, average_attn_weights=average_attn_weights, is_causal=is_causal)
        return y.transpose(0, 1) if turn else y, weights
