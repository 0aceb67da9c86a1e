"""From one sequence to another: an encoder reads, a decoder writes.

Tokens are (N, S) of the source and (N, T) of the target, filled up with `pad` at the end. `model(source, target)` gives
logits (N, T, V) of what follows each token of the target, which begins with <bos>.
"""
from __future__ import annotations

import math
from typing import Any, NamedTuple

from minidl.autograd import no_grad
from minidl.nn.embedding import Embedding
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.rnn import GRU
from minidl.nn.rnn_cell import GRUCell
from minidl.nn.transformer import Transformer
from minidl.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import arange
from minidl.tensors.tensor import Tensor
from minidl.text.attention import AdditiveAttention, DotAttention, attention_weights
from minidl.text.search import Hypothesis, beam_search, greedy_search, join_steps


class Seq2Seq(Module):
    """Base class: `encode` gives the state that `step` writes from."""

    pad: int

    def encode(self, source: Tensor) -> Any:
        """The state (N, ...) after reading, before the first step."""
        raise NotImplementedError

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits (N, V) of what follows tokens (N,), and the next state."""
        raise NotImplementedError

    def alignment(self, source: Tensor, target: Tensor) -> Tensor:
        """Where the model looks as it says what follows each token: (N, T, S)."""
        raise NotImplementedError

    def generate(self, source: Tensor, bos: int, eos: int, max_new_tokens: int) -> list[list[int]]:
        """What the model writes, by `greedy_search`."""
        return self._in_eval(greedy_search, source, bos, eos, max_new_tokens)

    def search(self, source: Tensor, bos: int, eos: int, num_beams: int, max_new_tokens: int,
               length_penalty: float = 1.0) -> list[list[Hypothesis]]:
        """What the model might write, by `beam_search`."""
        return self._in_eval(beam_search, source, bos, eos, num_beams, max_new_tokens, length_penalty)

    @no_grad()
    def _in_eval(self, search: Any, source: Tensor, *settings: Any) -> Any:
        training = self.training
        self.eval()
        try:
            return search(self.step, self.encode(source), *settings)
        finally:
            self.train(training)


# ---------------------------------------------------------------------- recurrent

class RNNState(NamedTuple):
    """hidden (N, H); memory (N, S, H), what was read; padding (N, S).

    keys, weights: of the attention, None without one.
    """

    hidden: Tensor
    memory: Tensor
    padding: Tensor
    keys: Tensor | None
    weights: Tensor | None


class Seq2SeqRNN(Seq2Seq):
    """A recurrent encoder and a recurrent decoder.

        h_i = GRU(x_i, h_(i-1))        s_0 = tanh(W h_S)        s_t = GRU([y_(t-1), c_t], s_(t-1))

    The decoder says what follows from s_t, c_t and y_(t-1). Without attention the context c_t is h_S at every step:
    all that is said must pass through it. With attention 'additive' or 'dot' it is a mean of all h_i, weighted by how
    they fit s_(t-1); with bidirectional, h_i has read both what is before i and what is after.

    Errors: ValueError for another attention.
    Source: Sutskever, Vinyals and Le, "Sequence to Sequence Learning with Neural Networks", 2014; Cho et al., 2014;
    Bahdanau, Cho and Bengio, 2015.

        >>> import minidl
        >>> from minidl.text import Seq2SeqRNN
        >>> model = Seq2SeqRNN(20, 30, attention="additive", embedding_dim=8, hidden_size=16)
        >>> source, target = minidl.tensor([[4, 5, 6], [7, 8, 0]]), minidl.ones(2, 5).long()
        >>> model(source, target).shape, model.alignment(source, target).shape
        ((2, 5, 30), (2, 5, 3))
    """

    def __init__(self, source_size: int, target_size: int, embedding_dim: int = 64, hidden_size: int = 128,
                 attention: str | None = None, bidirectional: bool = False, pad: int = 0) -> None:
        super().__init__()
        if attention not in (None, "additive", "dot"):
            raise ValueError(f"Seq2SeqRNN: expected attention to be None, 'additive' or 'dot', but got {attention!r}")
        self.pad = pad
        size = hidden_size * (1 + bidirectional)        # of what the encoder gives
        self.source_embedding = Embedding(source_size, embedding_dim, padding_idx=pad)
        self.target_embedding = Embedding(target_size, embedding_dim, padding_idx=pad)
        self.encoder = GRU(embedding_dim, hidden_size, batch_first=True, bidirectional=bidirectional)
        self.start = Linear(size, size)
        self.cell = GRUCell(embedding_dim + size, size)
        self.head = Linear(2 * size + embedding_dim, target_size)
        self.attention = AdditiveAttention(size, size, max(size // 2, 1)) if attention == "additive" else \
            DotAttention() if attention == "dot" else None

    def encode(self, source: Tensor) -> RNNState:
        padding = source == self.pad
        lengths = (~padding).sum(1).clamp(min=1)
        packed = pack_padded_sequence(self.source_embedding(source), lengths.cpu(), True, enforce_sorted=False)
        memory, last = self.encoder(packed)
        memory, _ = pad_packed_sequence(memory, True, total_length=source.shape[1])
        last = last.transpose(0, 1).flatten(1)          # of both directions
        begin = self.start(last).tanh()
        if self.attention is None:
            return RNNState(begin, last[:, None], padding, None, None)
        return RNNState(begin, memory, padding, self.attention.project(memory), None)

    def _advance(self, tokens: Tensor, state: RNNState) -> tuple[Tensor, RNNState]:
        """What the last layer reads, and the next state."""
        if self.attention is None:
            context, weights = state.memory[:, 0], None
        else:
            context, weights = self.attention(state.hidden, state.memory, state.padding, state.keys)
        word = self.target_embedding(tokens)
        hidden = self.cell(cat([word, context], 1), state.hidden)
        return cat([hidden, context, word], 1), state._replace(hidden=hidden, weights=weights)

    def step(self, tokens: Tensor, state: RNNState) -> tuple[Tensor, RNNState]:
        features, state = self._advance(tokens, state)
        return self.head(features), state

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.head(join_steps(self._advance, self.encode(source), target)[0])

    def alignment(self, source: Tensor, target: Tensor) -> Tensor:
        """Where the model looks as it says what follows each token: (N, T, S).

        Errors: ValueError for a model without attention.
        """
        if self.attention is None:
            raise ValueError("Seq2SeqRNN: without attention it looks nowhere; make it with attention='additive'")
        return stack([state.weights for state in join_steps(self.step, self.encode(source), target)[1]], 1)


# ---------------------------------------------------------------------- Transformer

def sinusoidal_positions(length: int, size: int, device: Any = None) -> Tensor:
    """Places 0 to length - 1 as waves of growing length, (length, size).

    There is nothing to learn, and no last place.

        p[t, 2i] = sin(t / 10000^(2i / size))        p[t, 2i + 1] = cos(t / 10000^(2i / size))

    Errors: ValueError for an odd size.
    Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.5.

        >>> from minidl.text import sinusoidal_positions
        >>> sinusoidal_positions(3, 2)
        tensor([[ 0.0000,  1.0000],
                [ 0.8415,  0.5403],
                [ 0.9093, -0.4161]])
    """
    if size % 2:
        raise ValueError(f"sinusoidal_positions: expected an even size, a sine and a cosine for each wave, but got "
                         f"{size}")
    rates = (arange(0, size, 2, device=device).float() * (-math.log(1e4) / size)).exp()
    angles = arange(length, device=device).float()[:, None] * rates
    return stack([angles.sin(), angles.cos()], -1).flatten(1)


class TransformerState(NamedTuple):
    """memory (N, S, E), what was read; padding (N, S); tokens (N, t) written so far."""

    memory: Tensor
    padding: Tensor
    tokens: Tensor | None


class Seq2SeqTransformer(Seq2Seq):
    """`nn.Transformer` between embeddings with sinusoidal places and a linear layer.

    Arguments: those of `nn.Transformer`, with smaller defaults. A step reads all that was written so far again.

    Source: Vaswani et al., "Attention Is All You Need", 2017.

        >>> import minidl
        >>> from minidl.text import Seq2SeqTransformer
        >>> model = Seq2SeqTransformer(20, 30, d_model=16, nhead=2, dim_feedforward=32)
        >>> source, target = minidl.tensor([[4, 5, 6], [7, 8, 0]]), minidl.ones(2, 5).long()
        >>> model(source, target).shape, model.alignment(source, target).shape
        ((2, 5, 30), (2, 5, 3))
    """

    def __init__(self, source_size: int, target_size: int, d_model: int = 64, nhead: int = 4,
                 num_encoder_layers: int = 2, num_decoder_layers: int = 2, dim_feedforward: int = 256,
                 dropout: float = 0.0, norm_first: bool = False, pad: int = 0) -> None:
        super().__init__()
        self.pad, self.d_model = pad, d_model
        self.source_embedding = Embedding(source_size, d_model, padding_idx=pad)
        self.target_embedding = Embedding(target_size, d_model, padding_idx=pad)
        self.transformer = Transformer(d_model, nhead, num_encoder_layers, num_decoder_layers, dim_feedforward, dropout,
                                       batch_first=True, norm_first=norm_first)
        self.head = Linear(d_model, target_size)

    def _placed(self, embedding: Embedding, tokens: Tensor) -> Tensor:
        x = embedding(tokens)
        return x + sinusoidal_positions(x.shape[1], self.d_model, x.device)

    def encode(self, source: Tensor) -> TransformerState:
        padding = source == self.pad
        memory = self.transformer.encoder(self._placed(self.source_embedding, source), src_key_padding_mask=padding)
        return TransformerState(memory, padding, None)

    def _decode(self, target: Tensor, state: TransformerState) -> Tensor:
        causal = Transformer.generate_square_subsequent_mask(target.shape[1], device=target.device)
        y = self.transformer.decoder(self._placed(self.target_embedding, target), state.memory, causal,
                                     memory_key_padding_mask=state.padding, tgt_is_causal=True)
        return self.head(y)

    def step(self, tokens: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        written = tokens[:, None] if state.tokens is None else cat([state.tokens, tokens[:, None]], 1)
        return self._decode(written, state)[:, -1], state._replace(tokens=written)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self._decode(target, self.encode(source))

    def alignment(self, source: Tensor, target: Tensor) -> Tensor:
        """Where the last layer looks in the source, the mean over heads: (N, T, S)."""
        with attention_weights(self.transformer.decoder.layers[-1]) as weights:
            self(source, target)
        return weights["multihead_attn"].mean(1)
