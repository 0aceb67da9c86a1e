"""Attention of one query to a memory, and the weights of others' attentions."""
from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from minidl.nn.attention import MultiheadAttention
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.tensors.creation import eye
from minidl.tensors.tensor import Tensor


class DotAttention(Module):
    """A mean of the memory, weighted by how it fits the query.

        e_i = q . h_i        a = softmax(e)        c = sum of a_i h_i

    Called with a query (N, H), memory (N, S, H) and `hidden` (N, S), True where there is only padding; returns the
    context c (N, H) and the weights a (N, S). keys: what `project` makes of the memory, if it was made before.

    Source: Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine Translation", 2015.

        >>> import minidl
        >>> from minidl.text import DotAttention
        >>> memory = minidl.tensor([[[10.0, 0.0], [0.0, 10.0]]])
        >>> context, weights = DotAttention()(minidl.tensor([[0.0, 5.0]]), memory)
        >>> weights
        tensor([[1.9287e-22, 1.0000e+00]])
    """

    def project(self, memory: Tensor) -> Tensor:
        """The part of the scores that no query changes, (N, S, ...)."""
        return memory

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """How well each place fits, (N, S)."""
        return (keys @ query[..., None]).squeeze(-1)

    def forward(self, query: Tensor, memory: Tensor, hidden: Tensor | None = None,
                keys: Tensor | None = None) -> tuple[Tensor, Tensor]:
        scores = self.scores(query, self.project(memory) if keys is None else keys)
        if hidden is not None:
            scores = scores.masked_fill(hidden, -math.inf)
        weights = scores.softmax(-1)
        return (weights[:, None] @ memory).squeeze(1), weights


class AdditiveAttention(DotAttention):
    """`DotAttention` with scores from a network of one hidden layer.

    Query and memory may have different sizes.

        e_i = v . tanh(W q + U h_i)

    Source: Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2015.

        >>> import minidl
        >>> from minidl.text import AdditiveAttention
        >>> context, weights = AdditiveAttention(4, 6, 8)(minidl.randn(2, 4), minidl.randn(2, 5, 6))
        >>> context.shape, weights.shape
        ((2, 6), (2, 5))
    """

    def __init__(self, query_size: int, memory_size: int, hidden_size: int) -> None:
        super().__init__()
        self.query = Linear(query_size, hidden_size, bias=False)
        self.memory = Linear(memory_size, hidden_size, bias=False)
        self.score = Linear(hidden_size, 1, bias=False)

    def project(self, memory: Tensor) -> Tensor:
        return self.memory(memory)

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return self.score((self.query(query)[:, None] + keys).tanh()).squeeze(-1)


@contextmanager
def attention_weights(model: Module) -> Iterator[dict[str, Tensor]]:
    """The weights of each `nn.MultiheadAttention` of a model, by its name.

    They are (N, heads, L, S), of the last call inside the `with`. Keeping them costs a second attention for each.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.text import attention_weights
        >>> model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), num_layers=2)
        >>> with attention_weights(model) as weights:
        ...     y = model(minidl.randn(3, 5, 8))
        >>> {name: each.shape for name, each in weights.items()}
        {'layers.0.self_attn': (3, 2, 5, 5), 'layers.1.self_attn': (3, 2, 5, 5)}
    """
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def look(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
            given = {**dict(zip(names, args)), **kwargs, "need_weights": True, "average_attn_weights": False}
            weights = module.forward(**given)[1]
            assert weights is not None
            found[name] = weights.detach()
        return look

    handles = [module.register_forward_hook(keep(name), with_kwargs=True)
               for name, module in model.named_modules() if isinstance(module, MultiheadAttention)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def attention_rollout(weights: Iterable[Tensor]) -> Tensor:
    """How much of each input token has reached each output token, (N, L, L): the product of the layers' weights.

        R = A_n ... A_2 A_1, where A = (I + mean of the heads) / 2

    The half of I stands for what goes around the attention. weights: of each layer (N, heads, L, L), from the first
    on, as `attention_weights` gives them. Errors: ValueError without layers.

    Source: Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020.

        >>> import minidl
        >>> from minidl.text import attention_rollout
        >>> back = minidl.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])          # both tokens look at the first
        >>> attention_rollout([back, back])
        tensor([[[1.0000, 0.0000],
                 [0.7500, 0.2500]]])
    """
    rolled: Tensor | None = None
    for each in weights:
        mixed = (each.mean(1) + eye(each.shape[-1], dtype=each.dtype, device=each.device)) / 2
        rolled = mixed if rolled is None else mixed @ rolled
    if rolled is None:
        raise ValueError("attention_rollout: expected the weights (N, heads, L, L) of a layer at least, but got none")
    return rolled
