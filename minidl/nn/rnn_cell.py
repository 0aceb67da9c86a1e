"""Recurrent cells: one step of the layers in `rnn.py`, for your own loops."""
from __future__ import annotations

from typing import Any

from minidl.nn.module import Module
from minidl.nn.parameter import Parameter
from minidl.nn.rnn import reset
from minidl.ops import rnn as ops
from minidl.tensors.creation import empty, zeros
from minidl.tensors.tensor import Tensor


class RNNCellBase(Module):
    """Base class of the cells: weight_ih (kH, I), weight_hh (kH, H), bias_ih and bias_hh (kH,), k = num_chunks."""

    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, device=device, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values: uniform on [-r, r), r = 1 / sqrt(hidden_size)."""
        reset(self)

    def _step(self, function: Any, input: Tensor, states: Any, names: tuple[str, ...]) -> list[Tensor]:
        """Run `function` on a batch of inputs and states. A single input counts as a batch of one."""
        who = self._get_name()
        if input.ndim not in (1, 2):
            raise ValueError(f"{who}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        if states is None:
            states = [zeros(*input.shape[:-1], self.hidden_size, dtype=input.dtype, device=input.device)] * len(names)
        for name, state in zip(names, states):
            if state.ndim not in (1, 2):
                raise ValueError(f"{who}: Expected {name} to be 1D or 2D, got {state.ndim}D instead")
        one = input.ndim == 1
        if one:
            input, states = input.unsqueeze(0), [state.unsqueeze(0) for state in states]
        new = function(input, states if len(names) == 2 else states[0], self.weight_ih, self.weight_hh, self.bias_ih,
                       self.bias_hh)
        new = list(new) if len(names) == 2 else [new]
        return [state.squeeze(0) for state in new] if one else new

    def extra_repr(self) -> str:
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return (f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")
                + ("" if nonlinearity == "tanh" else f", nonlinearity={nonlinearity}"))


class RNNCell(RNNCellBase):
    """One step of Elman's network: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu of it.

    input (N, I) or (I,), hx (N, H) or (H,), zeros if not given; returns h' like hx.
    Errors: ValueError for another number of dimensions, RuntimeError where shapes do not fit or the nonlinearity is
    neither "tanh" nor "relu". Source: see `RNN`.

        >>> import minidl
        >>> from minidl import nn
        >>> cell, h = nn.RNNCell(10, 20), None
        >>> for x in minidl.randn(5, 3, 10):
        ...     h = cell(x, h)
        >>> h.shape
        (3, 20)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}; expected 'tanh' or 'relu'")
        function = ops.rnn_tanh_cell if self.nonlinearity == "tanh" else ops.rnn_relu_cell
        return self._step(function, input, None if hx is None else [hx], ("hidden",))[0]


class LSTMCell(RNNCellBase):
    """One step of long short-term memory. `LSTM` has the equations.

    input (N, I) or (I,); hx is a pair (h, c) of (N, H) or (H,) each, zeros if not given; returns (h', c').
    Errors: ValueError for another number of dimensions, RuntimeError where shapes do not fit. Source: see `LSTM`.

        >>> import minidl
        >>> from minidl import nn
        >>> cell, state = nn.LSTMCell(10, 20), None
        >>> for x in minidl.randn(5, 3, 10):
        ...     state = cell(x, state)
        >>> h, c = state
        >>> h.shape, c.shape
        ((3, 20), (3, 20))
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self._step(ops.lstm_cell, input, hx, ("hx[0]", "hx[1]"))
        return h, c


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit. `GRU` has the equations.

    input (N, I) or (I,), hx (N, H) or (H,), zeros if not given; returns h' like hx.
    Errors: ValueError for another number of dimensions, RuntimeError where shapes do not fit. Source: see `GRU`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.GRUCell(10, 20)(minidl.randn(3, 10)).shape
        (3, 20)
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(ops.gru_cell, input, None if hx is None else [hx], ("hidden",))[0]
