"""One layer in one direction, all steps in one op; networks and single steps are built from it.

`reference` is the mathematics, in ordinary ops: read it first. `forward` and `gradient` compute the same on arrays,
with the kernels of `backend/kernels/rnn.py`, where a table explains the symbols. `backend/kernels/packed.py` explains
packed sequences.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from minidl.autograd.fused import FusedOp
from minidl.autograd.op import Value
from minidl.backend.device import Array
from minidl.backend.kernels import rnn as kernels
from minidl.backend.kernels.packed import Steps, steps_of
from minidl.backend.kernels.rnn import GRUTrace, LSTMState, LSTMTrace, Weights
from minidl.ops.activation.pointwise import relu
from minidl.ops.elementwise.exponential import sigmoid
from minidl.ops.elementwise.trigonometric import tanh
from minidl.ops.linalg.products import linear
from minidl.ops.shape.join import cat, chunk


class RecurrentLayer(FusedOp):
    """Base of the ops in this file: the number of gates and states, and the steps."""

    copies_output_on_write = True
    gates: ClassVar[int]                # w_ih is (gates * H, I)
    states: ClassVar[int] = 1           # h, or h and c
    projects: ClassVar[bool] = False    # whether a w_hr is allowed

    def __init__(self, batch_sizes: Sequence[int], reverse: bool = False) -> None:
        self.steps = steps_of(batch_sizes, reverse)


class RNNLayer(RecurrentLayer):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh)

    x (P, I), packed; h (N, H) -> h' of all steps (P, H), the last ones (N, H)
    """

    gates = 1
    relu: ClassVar[bool] = False

    def reference(self, x: Value, h: Value, w_ih: Value, w_hh: Value, b_ih: Value, b_hh: Value) -> Value:
        act = relu if self.relu else tanh
        return run_steps(self.steps, linear(x, w_ih, b_ih), (h,), lambda a, h: (act(a + linear(h, w_hh, b_hh)),))

    def forward(self, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Any:
        return kernels.rnn_forward(x, h, Weights(w_ih, w_hh, b_ih, b_hh), self.relu, self.steps)

    def gradient(self, g: Value, x: Array, h: Array, w_ih: Array, w_hh: Array, out: Value) -> Value:
        gx, gh, gweights = kernels.rnn_grad(x, h, out[0], Weights(w_ih, w_hh), self.relu, self.steps, g,
                                            self.wanted[0] is not None)
        return [gx, gh, *gweights[:4]]


class RNNReluLayer(RNNLayer):
    """h' = relu(W_ih x + b_ih + W_hh h + b_hh)"""

    relu = True


class LSTMLayer(RecurrentLayer):
    """i, f, g, o = the quarters of W_ih x + b_ih + W_hh h + b_hh

    c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c'), times W_hr if there is one

    x (P, I), packed; h (N, R), c (N, H) -> h' of all steps (P, R), the last ones (N, R), the last c' (N, H)
    """

    gates, states, projects = 4, 2, True

    def reference(self, x: Value, h: Value, c: Value, w_ih: Value, w_hh: Value, b_ih: Value, b_hh: Value,
                  w_hr: Value) -> Value:
        def step(a: Any, h: Any, c: Any) -> Any:
            i, f, g, o = chunk(a + linear(h, w_hh, b_hh), 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
            return h if w_hr is None else linear(h, w_hr), c

        return run_steps(self.steps, linear(x, w_ih, b_ih), (h, c), step)

    def forward(self, x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None,
                w_hr: Array | None) -> Any:
        y, last, trace = kernels.lstm_forward(x, LSTMState(h, c), Weights(w_ih, w_hh, b_ih, b_hh, w_hr), self.steps)
        self.keep(trace=trace)
        return y, last.h, last.c

    def gradient(self, g: Value, x: Array, h: Array, w_ih: Array, w_hh: Array, w_hr: Array | None, trace: LSTMTrace,
                 out: Value) -> Value:
        gx, gstate, gweights = kernels.lstm_grad(x, h, out[0], trace, Weights(w_ih, w_hh, w_hr=w_hr), self.steps, g,
                                                 self.wanted[0] is not None)
        return [gx, *gstate, *gweights]


class GRULayer(RecurrentLayer):
    """r, z = sigmoid of the first two thirds of W_ih x + b_ih + W_hh h + b_hh

    n = tanh(a + r b), where a is the last third of W_ih x + b_ih, and b that of W_hh h + b_hh
    h' = (1 - z) n + z h

    x (P, I), packed; h (N, H) -> h' of all steps (P, H), the last ones (N, H)
    """

    gates = 3

    def reference(self, x: Value, h: Value, w_ih: Value, w_hh: Value, b_ih: Value, b_hh: Value) -> Value:
        def step(a: Any, h: Any) -> Any:
            (r, z, n), (of_r, of_z, of_n) = chunk(a, 3, 1), chunk(linear(h, w_hh, b_hh), 3, 1)
            r, z = sigmoid(r + of_r), sigmoid(z + of_z)
            n = tanh(n + r * of_n)
            return ((1 - z) * n + z * h,)

        return run_steps(self.steps, linear(x, w_ih, b_ih), (h,), step)

    def forward(self, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None) -> Any:
        y, last, trace = kernels.gru_forward(x, h, Weights(w_ih, w_hh, b_ih, b_hh), self.steps)
        self.keep(trace=trace)
        return y, last

    def gradient(self, g: Value, x: Array, h: Array, w_ih: Array, w_hh: Array, trace: GRUTrace, out: Value) -> Value:
        gx, gh, gweights = kernels.gru_grad(x, h, out[0], trace, Weights(w_ih, w_hh), self.steps, g,
                                            self.wanted[0] is not None)
        return [gx, gh, *gweights[:4]]


def run_steps(steps: Steps, inputs: Any, states: tuple[Any, ...], step: Callable[..., Any]) -> tuple[Any, ...]:
    """Call `step(its rows of inputs, *states) -> states` for one step after the other.

    Returns the first state of all steps, packed as `inputs` are, and the last states.
    """
    outputs = []
    for rows, n in steps:
        moved = step(inputs[rows], *[s[:n] for s in states])
        states = tuple([cat([new, old[n:]]) for new, old in zip(moved, states)])
        outputs.append((rows.start, moved[0]))
    return cat([y for _, y in sorted(outputs, key=lambda pair: pair[0])]), *states
