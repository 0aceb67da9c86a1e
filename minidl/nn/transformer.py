"""Transformers: attention and small per-position networks on a residual stream.

Each part of a layer adds to its input. The sum is normalised, or with `norm_first` the input of the part:

    x = norm(x + part(x))          or, with norm_first, x = x + part(norm(x))

Masks are those of `MultiheadAttention`: True where attention is not allowed, or numbers to add to the scores.
"""
from __future__ import annotations

import copy
import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.attention import MultiheadAttention
from minidl.nn.dropout import Dropout
from minidl.nn.linear import Linear
from minidl.nn.module import Module, ModuleList
from minidl.nn.norm import LayerNorm
from minidl.tensors.creation import full, ones
from minidl.tensors.tensor import Tensor

Activation = str | Callable[[Tensor], Tensor]


# ---------------------------------------------------------------------- layers

class TransformerEncoderLayer(Module):
    """Self-attention, then a network of one hidden layer for each position:

        x = norm1(x + dropout1(self_attn(x)))
        x = norm2(x + dropout2(linear2(dropout(activation(linear1(x))))))

    or with `norm_first` x + dropout1(self_attn(norm1(x))), and so on: the residual stream itself is not normalised,
    which trains more easily where there are many layers (Xiong et al., 2020).

    Called with src (S, N, E), or (N, S, E) if `batch_first`, or (S, E), where E is d_model; returns the same shape.
    src_mask (S, S) or (N*nhead, S, S) and src_key_padding_mask (N, S): see the top of this file. is_causal: a hint that
    src_mask is the causal one. activation: "relu", "gelu" or a function. bias: whether linear layers and norms have
    one.
    Errors: RuntimeError for another activation; else as `MultiheadAttention`.

    Source: Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762; Xiong et al., "On Layer
    Normalization in the Transformer Architecture", 2020, https://arxiv.org/abs/2002.04745

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.TransformerEncoderLayer(d_model=16, nhead=4, dim_feedforward=32, batch_first=True)
        >>> layer(minidl.randn(5, 10, 16)).shape
        (5, 10, 16)
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Activation = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        shared: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **shared)
        self.linear1 = Linear(d_model, dim_feedforward, **shared)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **shared)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **shared)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **shared)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.activation = _activation(activation)

    def forward(self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool = False) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            return self.dropout1(self.self_attn(x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal)[0])

        def feed_forward(x: Tensor) -> Tensor:
            return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        for part, norm in ((attend, self.norm1), (feed_forward, self.norm2)):
            src = src + part(norm(src)) if self.norm_first else norm(src + part(src))
        return src


class TransformerDecoderLayer(Module):
    """Self-attention, attention to `memory`, then a network for each position:

        x = norm1(x + dropout1(self_attn(x)))
        x = norm2(x + dropout2(multihead_attn(x, memory)))
        x = norm3(x + dropout3(linear2(dropout(activation(linear1(x))))))

    or with `norm_first` x + dropout1(self_attn(norm1(x))), and so on. `memory` is the encoder's output. Called with tgt
    (T, N, E) and memory (S, N, E); masks tgt_mask (T, T), memory_mask (T, S), tgt_key_padding_mask (N, T),
    memory_key_padding_mask (N, S). All else is as in `TransformerEncoderLayer`.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.TransformerDecoderLayer(d_model=16, nhead=4, dim_feedforward=32, batch_first=True)
        >>> layer(minidl.randn(5, 7, 16), minidl.randn(5, 10, 16)).shape
        (5, 7, 16)
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Activation = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        shared: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **shared)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **shared)
        self.linear1 = Linear(d_model, dim_feedforward, **shared)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **shared)
        self.norm_first = norm_first
        self.norm1 = LayerNorm(d_model, layer_norm_eps, **shared)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, **shared)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, **shared)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)
        self.dropout3 = Dropout(dropout)
        self.activation = _activation(activation)

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                tgt_is_causal: bool = False, memory_is_causal: bool = False) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            y, _ = self.self_attn(x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal)
            return self.dropout1(y)

        def cross_attend(x: Tensor) -> Tensor:
            y, _ = self.multihead_attn(x, memory, memory, memory_key_padding_mask, False, memory_mask,
                                       is_causal=memory_is_causal)
            return self.dropout2(y)

        def feed_forward(x: Tensor) -> Tensor:
            return self.dropout3(self.linear2(self.dropout(self.activation(self.linear1(x)))))

        for part, norm in ((attend, self.norm1), (cross_attend, self.norm2), (feed_forward, self.norm3)):
            tgt = tgt + part(norm(tgt)) if self.norm_first else norm(tgt + part(tgt))
        return tgt


def _activation(activation: Activation) -> Callable[[Tensor], Tensor]:
    if isinstance(activation, str):
        if activation not in ("relu", "gelu"):
            raise RuntimeError(f"activation should be relu/gelu, not {activation}; a function is welcome too")
        return F.relu if activation == "relu" else F.gelu
    return activation


# ---------------------------------------------------------------------- stacks of layers

class TransformerEncoder(Module):
    """`num_layers` copies of an encoder layer, then `norm` if given.

    All start with the weights of `encoder_layer`. mask is the layers' src_mask. is_causal: a hint that mask is the
    causal one; if not given, the mask is examined. With the causal mask and no padding, no full mask is kept in memory.
    enable_nested_tensor, mask_check: ignored; padding is computed like all else. In evaluation without gradients,
    PyTorch may write zeros at the padding; here the computed values stay.

        >>> import minidl
        >>> from minidl import nn
        >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), num_layers=2)
        >>> causal = nn.Transformer.generate_square_subsequent_mask(10)
        >>> encoder(minidl.randn(5, 10, 16), causal).shape
        (5, 10, 16)
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
                 enable_nested_tensor: bool = True, mask_check: bool = True) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                is_causal: bool | None = None) -> Tensor:
        causal = _is_causal(mask, is_causal)
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """`num_layers` copies of a decoder layer, then `norm` if given.

    All read `memory`. Arguments: as `TransformerDecoderLayer`. tgt_is_causal: if not given, tgt_mask is examined.

        >>> import minidl
        >>> from minidl import nn
        >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), num_layers=2)
        >>> decoder(minidl.randn(5, 7, 16), minidl.randn(5, 10, 16)).shape
        (5, 7, 16)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                tgt_is_causal: bool | None = None, memory_is_causal: bool = False) -> Tensor:
        causal = _is_causal(tgt_mask, tgt_is_causal)
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                        tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                        tgt_is_causal=causal, memory_is_causal=memory_is_causal)
        return tgt if self.norm is None else self.norm(tgt)


def _is_causal(mask: Tensor | None, hint: bool | None) -> bool:
    """The hint; without one, whether the mask hides exactly the later positions."""
    if hint is not None or mask is None:
        return bool(hint)
    if mask.ndim != 2 or mask.shape[0] != mask.shape[1] or mask.requires_grad:
        return False
    known, version, causal = _examined.get(id(mask), (None, 0, False))
    if known is None or known() is not mask or version != mask._version:
        later = _later_positions(len(mask), mask.device)
        hidden = later if mask.dtype == np.bool_ else mask.new_zeros(()).masked_fill(later, -math.inf)
        causal = bool((mask == hidden).all())
        key = id(mask)
        _examined[key] = weakref.ref(mask, lambda _: _examined.pop(key, None)), mask._version, causal
    return causal


_examined: dict[int, tuple[weakref.ref[Tensor], int, bool]] = {}
"""What `_is_causal` has found of masks by their `id`, at a version: to look again, the CPU would wait for a GPU."""


def _later_positions(sz: int, device: Any) -> Tensor:
    """A mask (sz, sz) of the later positions: True above the diagonal."""
    return ones(sz, sz, dtype=np.bool_, device=device).triu(1)


# ---------------------------------------------------------------------- encoder and decoder

class Transformer(Module):
    """An encoder that reads src, and a decoder that writes tgt.

    The decoder attends to the output of the encoder.

    Called with src (S, N, E) and tgt (T, N, E), or with N in front if `batch_first`, or without N; returns (T, N, E).
    Masks: src_mask, src_key_padding_mask, tgt_mask, tgt_key_padding_mask, memory_mask and memory_key_padding_mask.
    Usually tgt_mask is `nn.Transformer.generate_square_subsequent_mask(T)`, so that no position sees what it should
    predict. custom_encoder, custom_decoder: used instead of `TransformerEncoder` and `TransformerDecoder`, which each
    end with a LayerNorm.

    All matrices start Xavier-uniform. Add word embeddings and position encodings before it, and a Linear after it.
    Errors: RuntimeError where src and tgt differ in batch size or embedding size.
    Source: Vaswani et al., "Attention Is All You Need", 2017, https://arxiv.org/abs/1706.03762

        >>> import minidl
        >>> from minidl import nn
        >>> model = nn.Transformer(16, 4, 2, 2, dim_feedforward=32, batch_first=True)
        >>> src, tgt = minidl.randn(5, 10, 16), minidl.randn(5, 7, 16)
        >>> model(src, tgt, tgt_mask=nn.Transformer.generate_square_subsequent_mask(7)).shape
        (5, 7, 16)
    """

    def __init__(self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
                 dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = F.relu,
                 custom_encoder: Any = None, custom_decoder: Any = None, layer_norm_eps: float = 1e-5,
                 batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        layer = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
                 device, dtype)
        norm: tuple[Any, ...] = (d_model, layer_norm_eps, True, bias, device, dtype)
        self.encoder = custom_encoder or TransformerEncoder(TransformerEncoderLayer(*layer), num_encoder_layers,
                                                            LayerNorm(*norm))
        self.decoder = custom_decoder or TransformerDecoder(TransformerDecoderLayer(*layer), num_decoder_layers,
                                                            LayerNorm(*norm))
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    def forward(self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
                memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
                tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
                src_is_causal: bool | None = None, tgt_is_causal: bool | None = None,
                memory_is_causal: bool = False) -> Tensor:
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError(f"the batch number of src and tgt must be equal, but got src {tuple(src.shape)} and tgt "
                               f"{tuple(tgt.shape)} with batch_first={self.batch_first}")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(f"the feature number of src and tgt must be equal to d_model, {self.d_model}, but got "
                               f"src {tuple(src.shape)} and tgt {tuple(tgt.shape)}")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                            tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                            tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz): -inf at later positions, else 0.

            >>> from minidl import nn
            >>> nn.Transformer.generate_square_subsequent_mask(3)
            tensor([[0., -inf, -inf],
                    [0., 0., -inf],
                    [0., 0., 0.]])
        """
        return full((sz, sz), -math.inf, device=device, dtype=dtype).triu(1)
