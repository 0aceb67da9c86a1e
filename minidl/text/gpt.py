"""GPT: a Transformer that says which token comes next."""
from __future__ import annotations

import math
from typing import Any

from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.dropout import Dropout
from minidl.nn.embedding import Embedding
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.module.container import ModuleDict, ModuleList
from minidl.nn.norm import LayerNorm
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import arange, ones
from minidl.tensors.tensor import Tensor
from minidl.text.language import LanguageModel

Cache = tuple[Tensor, Tensor]
"""The keys and the values (N, heads, T, size) of all tokens read so far."""


class CausalSelfAttention(Module):
    """Self-attention in which no token sees a later one.

    Keys and values of earlier tokens may come from a cache.

        q, k, v = c_attn(x)        y = c_proj(softmax(q k^T / sqrt(d), earlier places only) v)

        >>> import minidl
        >>> from minidl.text import CausalSelfAttention
        >>> attention, x = CausalSelfAttention(n_embd=8, n_head=2), minidl.randn(1, 5, 8)
        >>> y, _ = attention(x)
        >>> _, cache = attention(x[:, :4])
        >>> last, (keys, values) = attention(x[:, 4:], cache)
        >>> minidl.allclose(last, y[:, 4:], atol=1e-6), keys.shape
        (True, (1, 2, 5, 4))
    """

    def __init__(self, n_embd: int, n_head: int, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        if n_embd % n_head:
            raise ValueError(f"CausalSelfAttention: n_embd must be divisible by n_head, but got n_embd={n_embd} and "
                             f"n_head={n_head}")
        self.n_head, self.dropout = n_head, dropout
        self.c_attn = Linear(n_embd, 3 * n_embd, bias)
        self.c_proj = Linear(n_embd, n_embd, bias)
        self.resid_dropout = Dropout(dropout)

    def forward(self, x: Tensor, past: Cache | None = None, maps: list[Tensor] | None = None) -> tuple[Tensor, Cache]:
        """y (N, T, E), and the cache with these tokens.

        maps: a list that the weights (N, heads, T, S) are added to.
        """
        q, k, v = self.c_attn(x).unflatten(2, (3, self.n_head, -1)).permute(2, 0, 3, 1, 4).unbind()
        if past is not None:
            k, v = cat([past[0], k], 2), cat([past[1], v], 2)
        new, whole = q.shape[2], k.shape[2]
        p = self.dropout if self.training else 0.0
        if new == whole:
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        else:
            y = F.scaled_dot_product_attention(q, k, v, None if new == 1 else earlier(new, whole, x.device), p)
        if maps is not None:
            scores = (q @ k.transpose(2, 3)) / math.sqrt(q.shape[3])
            maps.append(scores.masked_fill(~earlier(new, whole, x.device), -math.inf).softmax(-1))
        return self.resid_dropout(self.c_proj(y.transpose(1, 2).flatten(2))), (k, v)


def earlier(new: int, whole: int, device: Any = None) -> Tensor:
    """A mask (new, whole): True where the last `new` places may look."""
    return ones(new, whole, device=device).tril(whole - new).bool()


class MLP(Module):
    """Two linear layers around a GELU, the hidden one four times as wide."""

    def __init__(self, n_embd: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.c_fc = Linear(n_embd, 4 * n_embd, bias)
        self.c_proj = Linear(4 * n_embd, n_embd, bias)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.c_proj(F.gelu(self.c_fc(x))))


class Block(Module):
    """x + attn(ln_1(x)), then x + mlp(ln_2(x))."""

    def __init__(self, n_embd: int, n_head: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(n_embd, bias=bias)
        self.attn = CausalSelfAttention(n_embd, n_head, dropout, bias)
        self.ln_2 = LayerNorm(n_embd, bias=bias)
        self.mlp = MLP(n_embd, dropout, bias)

    def forward(self, x: Tensor, past: Cache | None = None, maps: list[Tensor] | None = None) -> tuple[Tensor, Cache]:
        y, cache = self.attn(self.ln_1(x), past, maps)
        x = x + y
        return x + self.mlp(self.ln_2(x)), cache


class GPT(LanguageModel):
    """Logits (N, T, V) of the next token at each place of texts.

    Called with tokens (N, T), T at most `block_size`. A token's embedding and that of its place, both learned, are
    added; `n_layer` blocks of width `n_embd` with `n_head` heads follow, which normalise before each part, then a layer
    norm, and a linear layer with the weights of the tokens' embedding. Weights start normal with deviation 0.02, those
    that end a part with 0.02 / sqrt(2 n_layer). The names of arguments and weights are those of nanoGPT; the defaults
    are the smallest model of the paper.

    Errors: ValueError for a text longer than block_size, and for an n_embd that n_head does not divide.
    Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.

        >>> import minidl
        >>> from minidl.text import GPT
        >>> model = GPT(vocab_size=65, block_size=64, n_layer=4, n_head=4, n_embd=128)
        >>> model(minidl.zeros(2, 10).long()).shape, sum(p.numel() for p in model.parameters())
        ((2, 10, 65), 809856)
    """

    block_size: int

    def __init__(self, vocab_size: int = 50304, block_size: int = 1024, n_layer: int = 12, n_head: int = 12,
                 n_embd: int = 768, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.block_size = block_size
        self.transformer = ModuleDict({
            "wte": Embedding(vocab_size, n_embd), "wpe": Embedding(block_size, n_embd), "drop": Dropout(dropout),
            "h": ModuleList([Block(n_embd, n_head, dropout, bias) for _ in range(n_layer)]),
            "ln_f": LayerNorm(n_embd, bias=bias)})
        self.lm_head = Linear(n_embd, vocab_size, bias=False)
        self.transformer["wte"].weight = self.lm_head.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                deep = name.endswith("c_proj.weight")
                init.normal_(parameter, std=0.02 / math.sqrt(2 * n_layer) if deep else 0.02)
            elif name.endswith("bias"):
                init.zeros_(parameter)

    def read(self, tokens: Tensor, state: list[Cache] | None = None) -> tuple[Tensor, list[Cache]]:
        return self._read(tokens, state, None)

    def attention_maps(self, tokens: Tensor) -> Tensor:
        """Where each head of each layer looks: (N, n_layer, n_head, T, T).

        Rows add up to 1.

            >>> import minidl
            >>> from minidl.text import GPT
            >>> GPT(10, 16, n_layer=2, n_head=2, n_embd=8).attention_maps(minidl.zeros(1, 5).long()).shape
            (1, 2, 2, 5, 5)
        """
        maps: list[Tensor] = []
        self._read(tokens, None, maps)
        return stack(maps, 1)

    def _read(self, tokens: Tensor, state: list[Cache] | None, maps: list[Tensor] | None) -> tuple[Tensor, list[Cache]]:
        blocks = self.transformer["h"]
        begin = 0 if state is None else state[0][0].shape[2]
        end = begin + tokens.shape[1]
        if end > self.block_size:
            raise ValueError(f"GPT: expected at most block_size={self.block_size} tokens, but got {end}; leave out the "
                             f"first ones")
        places = arange(begin, end, device=tokens.device)
        x = self.transformer["drop"](self.transformer["wte"](tokens) + self.transformer["wpe"](places))
        caches = []
        for number, block in enumerate(blocks):
            x, cache = block(x, None if state is None else state[number], maps)
            caches.append(cache)
        return self.lm_head(self.transformer["ln_f"](x)), caches
