"""Recurrent layers: a hidden state remembers a sequence, step by step.

The docstrings below have the equations. `minidl/ops/rnn/layers.py` has them in ordinary ops: read `LSTMLayer.reference`
there first. docs/life_of_an_lstm_step.md follows two steps and their gradient through all floors.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from minidl.backend.warn import warn
from minidl.nn import init
from minidl.nn.module import Module
from minidl.nn.parameter import Parameter, type_name
from minidl.nn.utils.rnn import PackedSequence
from minidl.ops import rnn as ops
from minidl.ops.base import features_last
from minidl.tensors.creation import empty, zeros
from minidl.tensors.tensor import Tensor

LAYERS: dict[str, type[ops.RecurrentLayer]] = {
    "RNN_TANH": ops.RNNLayer, "RNN_RELU": ops.RNNReluLayer, "LSTM": ops.LSTMLayer, "GRU": ops.GRULayer}
"""The op of one layer in one direction, by mode."""


class RNNBase(Module):
    """Base class of `RNN`, `LSTM` and `GRU`: stacked layers, in one direction or both.

    mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU". For the other arguments, shapes and errors, see `LSTM`.
    """

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_settings()
        rows, outputs = LAYERS[mode].gates * hidden_size, proj_size or hidden_size
        self._all_weights: list[list[str]] = []     # the names of the parameters of each layer and direction
        for layer in range(num_layers):
            for suffix in (f"_l{layer}", f"_l{layer}_reverse")[:1 + bidirectional]:
                inputs = outputs * (1 + bidirectional) if layer else input_size
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, inputs), "weight_hh": (rows, outputs)}
                if bias:
                    shapes.update(bias_ih=(rows,), bias_hh=(rows,))
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    self.register_parameter(name + suffix, Parameter(empty(shape, device=device, dtype=dtype)))
                self._all_weights.append([name + suffix for name in shapes])
        self.reset_parameters()

    def _check_settings(self) -> None:
        if self.mode not in LAYERS:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}; expected one of {', '.join(LAYERS)}")
        for name in ("input_size", "hidden_size", "num_layers"):
            value = getattr(self, name)
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type_name(value)}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero, but got {value}")
        p = self.dropout
        if not isinstance(p, (int, float)) or isinstance(p, bool) or not 0 <= p <= 1:
            raise ValueError(f"dropout should be a number in range [0, 1] representing the probability of an element "
                             f"being zeroed, but got {p!r}")
        if p and self.num_layers == 1:
            warn(f"dropout option adds dropout after all but last recurrent layer, so non-zero dropout "
                 f"expects num_layers greater than 1, but got dropout={p} and num_layers=1")
        if self.proj_size < 0:
            raise ValueError(f"proj_size should be a positive integer or zero to disable projections, but got "
                             f"{self.proj_size}")
        if self.proj_size >= self.hidden_size:
            raise ValueError(f"proj_size has to be smaller than hidden_size, but got proj_size={self.proj_size} and "
                             f"hidden_size={self.hidden_size}")

    def reset_parameters(self) -> None:
        """Draw new initial values: uniform on [-r, r), r = 1 / sqrt(hidden_size)."""
        reset(self)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        """The names of all parameters, layer by layer."""
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        """All parameters, layer by layer; programs that replace them by computed weights write and read them here."""
        return [getattr(self, name, None) for name in self._flat_weights_names]

    @_flat_weights.setter
    def _flat_weights(self, weights: list[Any]) -> None:
        for name, weight in zip(self._flat_weights_names, weights):
            if weight is not getattr(self, name, None):
                setattr(self, name, weight)

    def flatten_parameters(self) -> None:
        """Do nothing. In PyTorch it arranges the weights in memory for a GPU library."""

    def _run(self, function: Callable[..., Any], input: Any, hx: Any) -> Any:
        """Run `function`, such as `minidl.lstm`, on batched, single or packed sequences."""
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        batched = self._check_input(x, packed)
        x = x if batched else x.unsqueeze(0 if self.batch_first else 1)
        N = int(input.batch_sizes[0]) if packed else x.shape[0 if self.batch_first else 1]
        states = self._initial_states(x, N) if hx is None else self._check_states(hx, N, batched, x)
        order, back = (input.sorted_indices, input.unsorted_indices) if packed else (None, None)
        if hx is not None and order is not None:
            states = [state.index_select(1, order) for state in states]
        form = {"batch_sizes": input.batch_sizes} if packed else {"batch_first": self.batch_first}
        y, *states = function(
            x, hx=tuple(states) if len(states) == 2 else states[0],
            params=[w for weights in self.all_weights for w in weights], has_biases=self.bias,
            num_layers=self.num_layers, dropout=self.dropout, train=self.training, bidirectional=self.bidirectional,
            **form)
        if packed:
            y = PackedSequence(y, input.batch_sizes, order, back)
        if back is not None:
            states = [state.index_select(1, back) for state in states]
        if not batched:
            y, states = y.squeeze(0 if self.batch_first else 1), [state.squeeze(1) for state in states]
        return y, (tuple(states) if len(states) == 2 else states[0])

    def _check_input(self, x: Any, packed: bool) -> bool:
        """Whether `x` is a batch, not one sequence."""
        who = self._get_name()
        if packed and x.ndim != 2:
            raise RuntimeError(f"{who}: input must have 2 dimensions, got {x.ndim}: the data of a packed sequence is "
                               f"(P, {self.input_size}), but got shape {tuple(x.shape)}")
        if x.ndim not in (2, 3):
            raise ValueError(f"{who}: Expected input to be 2D or 3D, got {x.ndim}D instead: shape {tuple(x.shape)}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(f"{who}: input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{x.shape[-1]}: input {tuple(x.shape)}; "
                               f"{features_last(tuple(x.shape), self.input_size, 'input_size')}")
        dtype = getattr(self, self._all_weights[0][0]).dtype
        if x.dtype != dtype:
            raise ValueError(f"RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}). Convert input: "
                             f"input.to(minidl.{dtype}), or convert model: model.to(minidl.{x.dtype})")
        return packed or x.ndim == 3

    # what PyTorch's layers check themselves with, for layers that are built on these

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise an error unless `input` is a batch, or with `batch_sizes` the data of a packed one, that fits."""
        dims = 3 if batch_sizes is None else 2
        if input.ndim != dims:
            raise RuntimeError(f"{self._get_name()}: input must have {dims} dimensions, got {input.ndim}")
        self._check_input(input, batch_sizes is not None)

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of h for this input."""
        axis = 0 if self.batch_first else 1
        return self._state_shapes(input.shape[axis] if batch_sizes is None else int(batch_sizes[0]))[0]

    def check_hidden_size(self, hx: Tensor, expected_hidden_size: tuple[int, int, int],
                          msg: str = "Expected hidden size {}, got {}") -> None:
        """Raise RuntimeError unless `hx` has this shape."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """`check_input` and `check_hidden_size`."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The states in another order of the sequences; None leaves them as they are."""
        return hx if permutation is None else hx.index_select(1, permutation)

    def _state_shapes(self, N: int) -> list[tuple[int, int, int]]:
        """The shapes of h, and of c in an LSTM."""
        layers = self.num_layers * (1 + self.bidirectional)
        h = (layers, N, self.proj_size or self.hidden_size)
        return [h, (layers, N, self.hidden_size)] if self.mode == "LSTM" else [h]

    def _initial_states(self, x: Tensor, N: int) -> list[Tensor]:
        return [zeros(shape, dtype=x.dtype, device=x.device) for shape in self._state_shapes(N)]

    def _check_states(self, hx: Any, N: int, batched: bool, x: Tensor) -> list[Tensor]:
        """The caller's states, as a batch. Errors: RuntimeError where their number or shapes do not fit."""
        who, long, dims = self._get_name(), self.mode == "LSTM", 3 if batched else 2
        if long and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            advice = "; try (h, zeros_like(h))" if isinstance(hx, Tensor) else ""
            raise RuntimeError(f"{who} expects two hidden states, hx=(h, c), but got {type_name(hx)}{advice}")
        states = list(hx) if long else [hx]
        if any(state.ndim != dims for state in states):
            got = ", ".join(f"{state.ndim}-D" for state in states)
            raise RuntimeError(f"{who}: For {'batched' if batched else 'unbatched'} {dims}-D input, "
                               f"{'hx and cx' if long else 'hx'} should also be {dims}-D but got "
                               + (f"({got}) tensors" if long else f"{got} tensor"))
        states = states if batched else [state.unsqueeze(1) for state in states]
        for k, (state, shape) in enumerate(zip(states, self._state_shapes(N))):
            if tuple(state.shape) != shape:
                raise RuntimeError(f"{who}: Expected hidden{f'[{k}]' if long else ''} size {shape}, got "
                                   f"{list(state.shape)}{self._state_hint(x, state)}")
        return states

    def _state_hint(self, x: Tensor, state: Tensor) -> str:
        """A hint for a state whose batch size is not that of `x`."""
        if x.ndim == 3 and state.shape[1] == x.shape[1 if self.batch_first else 0]:
            axes, other = ("(N, T, I)", "(T, N, I)") if self.batch_first else ("(T, N, I)", "(N, T, I)")
            return (f"; input {tuple(x.shape)} is taken as {axes}, for batch_first={self.batch_first}: if it is "
                    f"{other}, try batch_first={not self.batch_first}")
        if self.batch_first and state.shape[0] == x.shape[0]:
            return "; also with batch_first=True the states are (layers, N, H): try hidden.transpose(0, 1)"
        return ""

    def extra_repr(self) -> str:
        settings = [f"{self.input_size}, {self.hidden_size}"]
        for name, default in (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False),
                              ("dropout", 0), ("bidirectional", False)):
            if getattr(self, name) != default:
                settings.append(f"{name}={getattr(self, name)}")
        return ", ".join(settings)


class RNN(RNNBase):
    """Elman's network: one layer of neurons sees the input and its last state.

        h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)

    or relu in place of tanh, if nonlinearity="relu". In ordinary ops: `RNNLayer.reference` in
    `minidl/ops/rnn/layers.py`.

    Other arguments, shapes and errors as for `LSTM`, but hx is h_0 alone, and forward returns the outputs and h_n.
    Parameters: weight_ih_l0 (H, I), weight_hh_l0 (H, H), bias_ih_l0 and bias_hh_l0 (H,), and so on for further layers
    and directions.

    Source: Elman, "Finding structure in time", 1990, https://doi.org/10.1207/s15516709cog1402_1

        >>> import minidl
        >>> from minidl import nn
        >>> rnn = nn.RNN(10, 20, num_layers=2)
        >>> output, h = rnn(minidl.randn(5, 3, 10))
        >>> output.shape, h.shape
        ((5, 3, 20), (2, 3, 20))
        >>> minidl.equal(output[-1], h[-1])
        True
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh",
                 bias: bool = True, batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False,
                 device: Any = None, dtype: Any = None, **settings: Any) -> None:
        _refuse_projection(settings)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
                         bidirectional, 0, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:
        return self._run(ops.rnn_tanh if self.mode == "RNN_TANH" else ops.rnn_relu, input, hx)


class LSTM(RNNBase):
    """Long short-term memory: gates decide what a cell forgets, adds and outputs.

        i_t = sigmoid(W_ii x_t + b_ii + W_hi h_(t-1) + b_hi)        input gate
        f_t = sigmoid(W_if x_t + b_if + W_hf h_(t-1) + b_hf)        forget gate
        g_t = tanh(W_ig x_t + b_ig + W_hg h_(t-1) + b_hg)           new content
        o_t = sigmoid(W_io x_t + b_io + W_ho h_(t-1) + b_ho)        output gate
        c_t = f_t * c_(t-1) + i_t * g_t                             the cell
        h_t = o_t * tanh(c_t)                                       the hidden state, which is the output

    In ordinary ops: `LSTMLayer.reference` in `minidl/ops/rnn/layers.py`.

    Where f is 1 and i is 0, the cell does not change, and its gradient passes back in full. With proj_size R, a last
    matrix W_hr multiplies h_t, which then has R elements, fewer than the cell.

    num_layers: the outputs of each layer are the inputs of the next. dropout: in training, the probability of dropping
    an output between two layers. bidirectional: a second set of weights runs from the end to the beginning, and the
    outputs of both are concatenated. Initial values are uniform on [-r, r), r = 1 / sqrt(hidden_size).

    `lstm(input, (h_0, c_0))` returns `output, (h_n, c_n)`; without states it starts with zeros. For T steps, N
    sequences, I inputs, H hidden units and D directions:
        input (T, N, I), or (N, T, I) if batch_first, or (T, I) for one sequence, or a `PackedSequence`
        output (T, N, D * H), or as input
        h_0, h_n (D * num_layers, N, H); c_0, c_n the same; without N for one sequence; R in place of H in h
    Parameters: weight_ih_l0 (4H, I) holds W_ii, W_if, W_ig and W_io on top of each other; weight_hh_l0 (4H, H),
    bias_ih_l0 and bias_hh_l0 (4H,) likewise; weight_hr_l0 (R, H). The names of the other direction end in `_reverse`,
    those of later layers in `_l1` and so on.

    Errors: ValueError in the constructor for settings out of range, and in the call for another number of dimensions or
    another dtype than the weights; RuntimeError where other shapes do not fit, or there is no step.
    Source: Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997, https://doi.org/10.1162/neco.1997.9.8.1735;
    the projection: Sak et al., "Long Short-Term Memory Based Recurrent Neural Network Architectures for Large
    Vocabulary Speech Recognition", 2014, https://arxiv.org/abs/1402.1128

        >>> import minidl
        >>> from minidl import nn
        >>> lstm = nn.LSTM(10, 20, num_layers=2, bidirectional=True)
        >>> output, (h, c) = lstm(minidl.randn(5, 3, 10))
        >>> output.shape, h.shape, c.shape
        ((5, 3, 40), (4, 3, 20), (4, 3, 20))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__("LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                         proj_size, device, dtype)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape of c for this input."""
        return (*self.get_expected_hidden_size(input, batch_sizes)[:2], self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden[0], self.get_expected_hidden_size(input, batch_sizes),
                               "Expected hidden[0] size {}, got {}")
        self.check_hidden_size(hidden[1], self.get_expected_cell_size(input, batch_sizes),
                               "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        return hx if permutation is None else tuple([state.index_select(1, permutation) for state in hx])

    def forward(self, input: Any, hx: tuple[Tensor, Tensor] | None = None) -> Any:
        return self._run(ops.lstm, input, hx)


class GRU(RNNBase):
    """Gated recurrent units: gates decide how much of the state is new.

        r_t = sigmoid(W_ir x_t + b_ir + W_hr h_(t-1) + b_hr)        reset gate
        z_t = sigmoid(W_iz x_t + b_iz + W_hz h_(t-1) + b_hz)        update gate
        n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_(t-1) + b_hn))   new content
        h_t = (1 - z_t) * n_t + z_t * h_(t-1)

    In ordinary ops: `GRULayer.reference` in `minidl/ops/rnn/layers.py`.

    Arguments, shapes and errors as for `LSTM`, but there is no proj_size, hx is h_0 alone, and forward returns the
    outputs and h_n. weight_ih_l0 (3H, I) holds W_ir, W_iz and W_in on top of each other, the other parameters likewise.

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
    2014, https://arxiv.org/abs/1406.1078. There r_t multiplies h_(t-1) itself, before the matrix product.

        >>> import minidl
        >>> from minidl import nn
        >>> gru = nn.GRU(10, 20, batch_first=True)
        >>> output, h = gru(minidl.randn(3, 5, 10), minidl.zeros(1, 3, 20))
        >>> output.shape, h.shape
        ((3, 5, 20), (1, 3, 20))
    """

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
                 dtype: Any = None, **settings: Any) -> None:
        _refuse_projection(settings)
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0,
                         device, dtype)

    def forward(self, input: Any, hx: Tensor | None = None) -> Any:
        return self._run(ops.gru, input, hx)


def _refuse_projection(settings: dict[str, Any]) -> None:
    """Raise ValueError for `proj_size`, which an LSTM has, and TypeError for any other name."""
    if "proj_size" in settings:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if settings:
        raise TypeError(f"got an unexpected keyword argument {next(iter(settings))!r}")


def reset(module: Any) -> None:
    """Draw the initial values of recurrent layers and cells: uniform on [-r, r), r = 1 / sqrt(hidden_size)."""
    bound = 1.0 / math.sqrt(module.hidden_size) if module.hidden_size else 0.0
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)
