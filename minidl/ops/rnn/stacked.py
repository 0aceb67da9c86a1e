"""Stacked layers of recurrent networks, in one direction or both."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.ops.base.declaration import public
from minidl.ops.random.dropouts import dropout as drop
from minidl.ops.rnn.arguments import states_of, weights_of
from minidl.ops.rnn.layers import GRULayer, LSTMLayer, RecurrentLayer, RNNLayer, RNNReluLayer
from minidl.ops.rnn.packed import padded_or_packed, rows_of, to_padded
from minidl.ops.shape.join import cat, stack, unbind

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Settings(NamedTuple):
    """Settings that all layers of a network share."""

    has_biases: bool
    num_layers: int
    dropout: float          # the dropout probability between layers, in training
    train: bool             # whether this is training
    bidirectional: bool


def run_layers(who: str, layer: type[RecurrentLayer], settings: Settings, input: Any, hx: Any, params: Sequence[Any],
               batch_first: bool, batch_sizes: Any) -> tuple[Any, ...]:
    """Run layer after layer; return the outputs of the last, and the last states of all. `layer` is the op."""
    x, sizes = rows_of(who, input, batch_first, batch_sizes)
    states = states_of(who, layer, hx)
    directions = 1 + bool(settings.bidirectional)
    groups = parameters_of_each(who, settings, states, params, sizes[0])
    initial = list(zip(*[unbind(state, 0) for state in states]))
    last = []
    for k in range(0, len(groups), directions):
        outputs = []
        for j in range(k, k + directions):
            weights = weights_of(who, layer, x, initial[j], groups[j], settings.has_biases)
            y, *ends = layer(sizes, reverse=j > k)(x, *initial[j], *weights)
            outputs.append(y)
            last.append(ends)
        x = outputs[0] if directions == 1 else cat(outputs, 1)
        if settings.dropout and k + directions < len(groups):
            x = drop(x, settings.dropout, settings.train)
    y = x if batch_sizes is not None else to_padded(x, len(sizes), batch_first)
    return y, *[stack(ends) for ends in zip(*last)]


def parameters_of_each(who: str, settings: Settings, states: tuple[Any, ...], params: Sequence[Any],
                       N: int) -> list[Sequence[Any]]:
    """The parameters of each layer and direction. Errors: RuntimeError where their number or the states do not fit."""
    projected = len(states) == 2 and states[0].shape[-1] != states[1].shape[-1]
    layers = settings.num_layers * (1 + bool(settings.bidirectional))
    count = 2 + 2 * bool(settings.has_biases) + projected
    if len(params) != layers * count:
        raise RuntimeError(f"{who}: got an incorrect number of RNN parameters: expected {count} for each of "
                           f"{layers} layers and directions, but got {len(params)}")
    for state in states:
        if state.ndim != 3 or tuple(state.shape[:2]) != (layers, N):
            raise RuntimeError(f"{who}: Expected hidden states ({layers}, {N}, H), one for each layer and direction "
                               f"and for each sequence, but got {tuple(state.shape)}")
    return [params[k * count:(k + 1) * count] for k in range(layers)]


@public
@padded_or_packed
def rnn_tanh(input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float,
             train: bool, bidirectional: bool, batch_first: bool,
             batch_sizes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The layers of `minidl.nn.RNN`, Elman's network: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`.

    Called as `rnn_tanh(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)`, or for
    packed sequences as `rnn_tanh(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train,
    bidirectional)`. input (T, N, I), or (N, T, I) if batch_first; data (P, I) and batch_sizes as in a `PackedSequence`;
    hx (layers * directions, N, H). params: w_ih, w_hh, b_ih, b_hh of each layer and direction in one list, without the
    biases if not has_biases. dropout: the dropout probability between layers, if train.
    Returns the outputs of the last layer, (T, N, directions * H) or (P, directions * H), and the last states, like hx.
    Errors: RuntimeError where shapes, dtypes or the number of parameters do not fit, TypeError for other arguments.
    In ordinary ops: `RNNLayer.reference` in `minidl/ops/rnn/layers.py`.

        >>> import minidl
        >>> x, h = minidl.ones(2, 1, 1), minidl.zeros(1, 1, 1)
        >>> one = minidl.ones(1, 1)
        >>> y, h = minidl.rnn_tanh(x, h, [one, one], False, 1, 0.0, False, False, False)
        >>> y.flatten()                      # tanh(1) and tanh(1 + tanh(1))
        tensor([0.7616, 0.9427])
    """
    settings = Settings(has_biases, num_layers, dropout, train, bidirectional)
    y, h = run_layers("rnn_tanh", RNNLayer, settings, input, hx, params, batch_first, batch_sizes)
    return y, h


@public
@padded_or_packed
def rnn_relu(input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float,
             train: bool, bidirectional: bool, batch_first: bool,
             batch_sizes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`rnn_tanh` with `relu` in place of tanh; also for packed sequences.

        >>> import minidl
        >>> x, h = minidl.ones(3, 1, 1), minidl.zeros(1, 1, 1)
        >>> one = minidl.ones(1, 1)
        >>> y, h = minidl.rnn_relu(x, h, [one, one], False, 1, 0.0, False, False, False)
        >>> y.flatten()                      # with weights of 1, it counts
        tensor([1., 2., 3.])
    """
    settings = Settings(has_biases, num_layers, dropout, train, bidirectional)
    y, h = run_layers("rnn_relu", RNNReluLayer, settings, input, hx, params, batch_first, batch_sizes)
    return y, h


@public
@padded_or_packed
def lstm(input: Tensor, hx: tuple[Tensor, Tensor], params: Sequence[Tensor], has_biases: bool, num_layers: int,
         dropout: float, train: bool, bidirectional: bool, batch_first: bool,
         batch_sizes: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The layers of `minidl.nn.LSTM`, long short-term memory; that class gives the equations.

    Arguments and errors as for `rnn_tanh`, also for packed sequences, but hx is a pair: h (layers * directions, N,
    R) and c (layers * directions, N, H). If R differs from H, a weight w_hr (R, H) comes last among the parameters
    of each layer and direction, and projects the outputs. Returns the outputs, the last h and the last c.
    In ordinary ops: `LSTMLayer.reference` in `minidl/ops/rnn/layers.py`.

        >>> import minidl
        >>> x, state = minidl.ones(2, 1, 1), minidl.zeros(1, 1, 1)
        >>> w = minidl.tensor([[9.], [9.], [9.], [9.]])      # so that all gates are open
        >>> y, h, c = minidl.lstm(x, (state, state), [w, w], False, 1, 0.0, False, False, False)
        >>> c
        tensor([[[1.9999]]])
    """
    settings = Settings(has_biases, num_layers, dropout, train, bidirectional)
    y, h, c = run_layers("lstm", LSTMLayer, settings, input, hx, params, batch_first, batch_sizes)
    return y, h, c


@public
@padded_or_packed
def gru(input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float,
        train: bool, bidirectional: bool, batch_first: bool,
        batch_sizes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The layers of `minidl.nn.GRU`, gated recurrent units; that class gives the equations.

    Arguments, results and errors as for `rnn_tanh`, also for packed sequences. In ordinary ops: `GRULayer.reference` in
    `minidl/ops/rnn/layers.py`.

        >>> import minidl
        >>> x, h = minidl.ones(2, 1, 1), minidl.ones(1, 1, 1)
        >>> w = minidl.zeros(3, 1)                           # z is 1/2 and n is 0: half of the state is forgotten
        >>> y, h = minidl.gru(x, h, [w, w], False, 1, 0.0, False, False, False)
        >>> y.flatten()
        tensor([0.5000, 0.2500])
    """
    settings = Settings(has_biases, num_layers, dropout, train, bidirectional)
    y, h = run_layers("gru", GRULayer, settings, input, hx, params, batch_first, batch_sizes)
    return y, h
