"""Recurrent language models: a state of fixed size remembers what was read."""
from __future__ import annotations

from typing import Any

from minidl.nn.dropout import Dropout
from minidl.nn.embedding import Embedding
from minidl.nn.linear import Linear
from minidl.nn.rnn import GRU, LSTM, RNN
from minidl.tensors.tensor import Tensor
from minidl.text.language import LanguageModel

LAYERS: dict[str, type[RNN] | type[LSTM] | type[GRU]] = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}


class RNNModel(LanguageModel):
    """Logits (N, T, V) of the next token, by recurrent layers.

        h_t = f(embedding(x_t), h_(t-1))        logits_t = decoder(h_t)

    rnn_type: 'RNN', 'LSTM' or 'GRU'. ninp, nhid, nlayers: the sizes of an embedding and of a state, the number of
    layers. dropout: on embeddings, between layers, and on what the last one gives. tie_weights: the last layer has the
    weights of the embedding. The names are those of PyTorch's example of a word language model.

    Errors: ValueError for another rnn_type, and for tied weights with an nhid that differs from ninp.
    Source: Elman, "Finding Structure in Time", 1990; Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; Cho et
    al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.

        >>> import minidl
        >>> from minidl.text import RNNModel
        >>> model = RNNModel("LSTM", ntoken=65, ninp=16, nhid=32)
        >>> logits, (h, c) = model.read(minidl.zeros(2, 10).long())
        >>> logits.shape, h.shape
        ((2, 10, 65), (1, 2, 32))
    """

    def __init__(self, rnn_type: str, ntoken: int, ninp: int, nhid: int, nlayers: int = 1, dropout: float = 0.0,
                 tie_weights: bool = False) -> None:
        super().__init__()
        if rnn_type not in LAYERS:
            raise ValueError(f"RNNModel: expected rnn_type to be 'RNN', 'LSTM' or 'GRU', but got {rnn_type!r}")
        self.drop = Dropout(dropout)
        self.encoder = Embedding(ntoken, ninp)
        self.rnn = LAYERS[rnn_type](ninp, nhid, nlayers, batch_first=True, dropout=dropout if nlayers > 1 else 0.0)
        self.decoder = Linear(nhid, ntoken)
        if tie_weights:
            if nhid != ninp:
                raise ValueError(f"RNNModel: When using the tied flag, nhid must be equal to emsize: got nhid={nhid} "
                                 f"and ninp={ninp}")
            self.decoder.weight = self.encoder.weight

    def read(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        y, state = self.rnn(self.drop(self.encoder(tokens)), state)
        return self.decoder(self.drop(y)), state
