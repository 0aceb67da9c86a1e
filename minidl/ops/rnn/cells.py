"""Single steps of recurrent networks, for loops of your own."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.ops.base.checks import check_tensors
from minidl.ops.base.declaration import public
from minidl.ops.rnn.arguments import states_of, weights_of
from minidl.ops.rnn.layers import GRULayer, LSTMLayer, RecurrentLayer, RNNLayer, RNNReluLayer

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def one_step(who: str, layer: type[RecurrentLayer], input: Any, hx: Any, weights: tuple[Any, ...]) -> list[Any]:
    """The new states of N sequences; `weights` are w_ih, w_hh, b_ih and b_hh."""
    w_ih, w_hh, *_ = weights
    check_tensors(who, input=input)
    states = states_of(who, layer, hx)
    if input.ndim != 2 or any(state.ndim != 2 for state in states):
        raise RuntimeError(f"{who}: Expected input (N, I) and hidden states (N, H), but got {tuple(input.shape)} and "
                           f"{', '.join(str(tuple(s.shape)) for s in states)}; try unsqueeze(0) for one sequence")
    if input.shape[1] != w_ih.shape[-1]:
        raise RuntimeError(f"{who}: input has inconsistent input_size: got {input.shape[1]}, expected {w_ih.shape[-1]}")
    for k, state in enumerate(states):
        if len(state) != len(input):
            raise RuntimeError(f"{who}: Input batch size {len(input)} doesn't match hidden{k} batch size {len(state)}")
        if state.shape[1] != w_hh.shape[-1]:
            raise RuntimeError(f"{who}: hidden{k} has inconsistent hidden_size: got {state.shape[1]}, expected "
                               f"{w_hh.shape[-1]}")
    _, *new = layer([len(input)])(input, *states, *weights_of(who, layer, input, states, weights, True))
    return new


@public
def rnn_tanh_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
                  b_hh: Tensor | None = None) -> Tensor:
    """One step of Elman's network: `tanh(W_ih x + b_ih + W_hh h + b_hh)`.

    input (N, I), hx (N, H), w_ih (H, I), w_hh (H, H), b_ih and b_hh (H,) or None; returns the new state (N, H).
    Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> one = minidl.ones(1, 1)
        >>> minidl.rnn_tanh_cell(one, one * 0, one, one)
        tensor([[0.7616]])
    """
    h, = one_step("rnn_tanh_cell", RNNLayer, input, hx, (w_ih, w_hh, b_ih, b_hh))
    return h


@public
def rnn_relu_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
                  b_hh: Tensor | None = None) -> Tensor:
    """`rnn_tanh_cell` with `relu` in place of tanh.

        >>> import minidl
        >>> one = minidl.ones(1, 1)
        >>> minidl.rnn_relu_cell(one, one, one, one)
        tensor([[2.]])
    """
    h, = one_step("rnn_relu_cell", RNNReluLayer, input, hx, (w_ih, w_hh, b_ih, b_hh))
    return h


@public
def lstm_cell(input: Tensor, hx: tuple[Tensor, Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
              b_hh: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """One step of long short-term memory; `minidl.nn.LSTM` gives the equations.

    input (N, I), hx a pair (h, c) of (N, H) each, w_ih (4H, I), w_hh (4H, H), b_ih and b_hh (4H,) or None; returns the
    new h and c. Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> one, w = minidl.ones(1, 1), minidl.zeros(4, 1)
        >>> h, c = minidl.lstm_cell(one, (one, one), w, w)       # the forget gate is half open
        >>> c
        tensor([[0.5000]])
    """
    h, c = one_step("lstm_cell", LSTMLayer, input, hx, (w_ih, w_hh, b_ih, b_hh))
    return h, c


@public
def gru_cell(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
             b_hh: Tensor | None = None) -> Tensor:
    """One step of a gated recurrent unit; `minidl.nn.GRU` gives the equations.

    input (N, I), hx (N, H), w_ih (3H, I), w_hh (3H, H), b_ih and b_hh (3H,) or None; returns the new state (N, H).
    Errors: RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> one, w = minidl.ones(1, 1), minidl.zeros(3, 1)
        >>> minidl.gru_cell(one, one, w, w)                      # half the old state, half of tanh(0)
        tensor([[0.5000]])
    """
    h, = one_step("gru_cell", GRULayer, input, hx, (w_ih, w_hh, b_ih, b_hh))
    return h
