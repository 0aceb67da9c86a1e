"""What language models share: text is made token after token."""
from __future__ import annotations

import math
from typing import Any

from minidl.autograd import no_grad
from minidl.nn.module import Module
from minidl.ops.shape import cat
from minidl.random import Generator
from minidl.tensors.tensor import Tensor


def filter_logits(logits: Tensor, temperature: float = 1.0, top_k: int | None = None,
                  top_p: float | None = None) -> Tensor:
    """Logits (..., V) divided by the temperature, with -inf for unlikely tokens.

    temperature: below 1 the likely tokens gain. top_k: the k largest stay, with those equal to the last of them. top_p:
    of what then is left, the fewest stay whose probabilities add up to p or more.

    Errors: ValueError for a temperature that is not above 0, a top_k below 1 and a top_p outside of (0, 1].
    Source: Fan, Lewis and Dauphin, "Hierarchical Neural Story Generation", 2018 (top_k); Holtzman et al., "The Curious
    Case of Neural Text Degeneration", 2020 (top_p).

        >>> import minidl
        >>> from minidl.text import filter_logits
        >>> logits = minidl.tensor([0.5, 0.3, 0.15, 0.05]).log()
        >>> filter_logits(logits, top_k=3, top_p=0.75).softmax(-1)
        tensor([0.6250, 0.3750, 0.0000, 0.0000])
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"filter_logits: expected a temperature above 0, but got {temperature}; for the most likely "
                         f"token try do_sample=False")
    if top_k is not None and top_k < 1:
        raise ValueError(f"filter_logits: expected a top_k of 1 or more, but got {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"filter_logits: expected a top_p above 0 and at most 1, but got {top_p}")
    logits = logits / temperature
    if top_k is not None:
        least = logits.topk(min(top_k, logits.shape[-1]))[0][..., -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    if top_p is not None and top_p < 1:
        ordered, places = logits.sort(descending=True)
        probabilities = ordered.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities       # of those that are likelier
        kept = ordered.masked_fill(before >= top_p, -math.inf)
        logits = logits.scatter(-1, places, kept)
    return logits


class LanguageModel(Module):
    """Base class of models that say which token comes next.

    A subclass has `read(tokens, state)`: logits (N, T, V) of the token after each of (N, T), and the state after the
    last one, from which reading goes on; without a state, a text begins. Its `block_size` is how many tokens it can
    look at, None for any number.
    """

    block_size: int | None = None

    def read(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Logits (N, T, V), and the state after the last token."""
        raise NotImplementedError

    def forward(self, tokens: Tensor) -> Tensor:
        return self.read(tokens)[0]

    @no_grad()
    def generate(self, tokens: Tensor, max_new_tokens: int, temperature: float = 1.0, top_k: int | None = None,
                 top_p: float | None = None, do_sample: bool = True, use_cache: bool = True,
                 eos_token_id: int | None = None, generator: Generator | None = None) -> Tensor:
        """Texts (N, T) with up to `max_new_tokens` more tokens.

        Each is drawn from what the model says. temperature, top_k, top_p: see `filter_logits`. do_sample: without it,
        the most likely token is taken. use_cache: go on from the state, instead of reading the whole text for each
        token; the result is the same. Once the text is longer than `block_size`, the model sees its last tokens only,
        at new places, and has to read them all. eos_token_id: after this token a text is filled up with it; all ends
        when all texts have it.

            >>> import minidl
            >>> from minidl.text import GPT
            >>> model = GPT(vocab_size=10, block_size=16, n_layer=1, n_head=2, n_embd=8)
            >>> model.generate(minidl.tensor([[1, 2, 3]]), max_new_tokens=5, do_sample=False).shape
            (1, 8)
        """
        if tokens.ndim != 2 or not tokens.shape[1]:
            raise ValueError(f"generate: expected tokens (N, T) with at least one to begin with, but got shape "
                             f"{tuple(tokens.shape)}")
        training, state = self.training, None
        ended = tokens.new_zeros(len(tokens), 1).bool()
        self.eval()
        try:
            for _ in range(max_new_tokens):
                if state is None:
                    logits, state = self.read(tokens if self.block_size is None else tokens[:, -self.block_size:])
                else:
                    logits, state = self.read(tokens[:, -1:], state)
                if not use_cache or self.block_size is not None and tokens.shape[1] >= self.block_size:
                    state = None
                chosen = _choose(logits[:, -1], temperature, top_k, top_p, do_sample, generator)
                if eos_token_id is not None:
                    chosen = chosen.masked_fill(ended, eos_token_id)
                    ended = chosen == eos_token_id
                tokens = cat([tokens, chosen], 1)
                if eos_token_id is not None and bool(ended.all()):
                    break
        finally:
            self.train(training)
        return tokens


def _choose(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None, do_sample: bool,
            generator: Generator | None) -> Tensor:
    """One token (N, 1) for each row."""
    if not do_sample:
        return logits.argmax(-1, keepdim=True)
    return filter_logits(logits, temperature, top_k, top_p).softmax(-1).multinomial(1, generator=generator)
