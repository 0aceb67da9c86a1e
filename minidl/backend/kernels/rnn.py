"""Recurrent networks: all time steps of one layer in one direction.

| symbol | shape | meaning |
|---|---|---|
| N, T | | sequences; steps of the longest |
| P | | rows: the steps of all sequences together, packed as `packed.py` says |
| I, H, R | | inputs; hidden units; outputs, which are H but for an LSTM with a projection |
| G | | gates: 1 for Elman's network, 3 for a GRU (r, z, n), 4 for an LSTM (i, f, g, o) |
| `steps` | | the rows of each step, and how many sequences take it |
| `x` | (P, I) | the inputs |
| `h`, `c` | (N, R), (N, H) | the hidden state and the cell state, updated in every step |
| `y` | (P, R) | the hidden state after every step, which is the output |
| `w_ih`, `b_ih` | (G H, I), (G H,) | the weights and biases of the inputs, one gate below the other |
| `w_hh`, `b_hh` | (G H, R), (G H,) | those of the hidden state before the step |
| `w_hr` | (R, H) | the projection, or None |
| `gates` | (G, P, H) | the gates: each is contiguous in memory in every step |
| `cells` | (P, H) | c before every step |
| `tanh_c` | (P, H) | tanh(c) after every step |
| `from_h` | (P, H) | W_hn h + b_hn of a GRU |
| `g...` | as `...` | the gradient of the loss with respect to `...` |
| `gsums` | (P, G, H) | the gradients of the sums W_ih x + b_ih + W_hh h + b_hh, from which the gates are computed |

The products with the inputs are one matrix product for all steps, and so are the gradients of the weights. Only the
product with the state before must be done step by step. The walks do that: kernels of their own, which write into
their arguments. The bodies here are the formulas. Faster bodies are in `backend/cpu/rnn.py`.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel
from minidl.backend.kernels.matmul import linear_forward, matmul
from minidl.backend.kernels.packed import Steps, states_before
from minidl.backend.kernels.sums import sum_over


class Weights(NamedTuple):
    """The parameters of one layer in one direction, or their gradients."""

    w_ih: Array
    w_hh: Array
    b_ih: Array | None = None
    b_hh: Array | None = None
    w_hr: Array | None = None


class LSTMState(NamedTuple):
    """The state of an LSTM between two steps, or its gradient."""

    h: Array
    c: Array


class LSTMTrace(NamedTuple):
    """The values that the walk of an LSTM saves for its gradient."""

    gates: Array        # i, f, g, o
    cells: Array
    tanh_c: Array


class GRUTrace(NamedTuple):
    """The values that the walk of a GRU saves for its gradient."""

    gates: Array        # r, z, n
    from_h: Array


def sigmoid(v: Array) -> Array:
    """1 / (1 + exp(-v))"""
    with np.errstate(over="ignore"):    # far below 0, exp(-v) is inf and the sigmoid is 0, as it should be
        return 1 / (1 + np.exp(-v))


def by_gate(w: Array, count: int) -> Array:
    """(count H, *) -> (count, H, *), a view"""
    return w.reshape(count, len(w) // count, *w.shape[1:])


def split(sums: Array, count: int) -> Array:
    """(n, count H) -> (count, n, H), a view: the part of each gate"""
    return sums.reshape(len(sums), count, sums.shape[1] // count).transpose(1, 0, 2)


def bias_of(weights: Weights) -> Array | None:
    """b_ih + b_hh"""
    b_ih, b_hh = weights.b_ih, weights.b_hh
    return b_hh if b_ih is None else b_ih if b_hh is None else b_ih + b_hh


@kernel
def from_inputs(x: Array, w_ih: Array, bias: Array | None, count: int) -> Array:
    """x W_ih' + b for every gate and all steps: (count, P, H)"""
    sums = matmul(x, by_gate(w_ih, count).transpose(0, 2, 1))
    if bias is not None:
        sums += by_gate(bias, count)[:, None]
    return sums


def from_inputs_grad(gsums: Array, x: Array, w_ih: Array, wants_x: bool) -> tuple[Array | None, Array, Array]:
    """The gradients of x, w_ih and b, given `gsums` (P, G H), the gradient of x W_ih' + b."""
    gb = sum_over(gsums, (0,))[0].astype(gsums.dtype, copy=False)
    return (matmul(gsums, w_ih) if wants_x else None), matmul(gsums.T, x), gb


# ---------------------------------------------------------------------- Elman's network

@kernel
def rnn_forward(x: Array, h: Array, weights: Weights, relu: bool, steps: Steps) -> tuple[Array, Array]:
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or max(0, .) instead of tanh; returns y and the last h."""
    y, h = linear_forward(x, weights.w_ih, bias_of(weights)), h.copy()
    rnn_walk(y, h, weights.w_hh, relu, steps)
    return y, h


@kernel
def rnn_walk(y: Array, h: Array, w_hh: Array, relu: bool, steps: Steps) -> None:
    """Replace W_ih x + b in y by h', for all steps, and h by the last state."""
    for rows, n in steps:
        sums = y[rows] + matmul(h[:n], w_hh.T)
        y[rows] = h[:n] = np.maximum(sums, 0) if relu else np.tanh(sums)


@kernel
def rnn_grad(x: Array, h: Array, y: Array, weights: Weights, relu: bool, steps: Steps, g: tuple[Array, Array],
             wants_x: bool) -> tuple[Array | None, Array, Weights]:
    """The gradients of x, h and weights, for g of y and of the last h."""
    gsums = (y > 0).astype(y.dtype) if relu else 1 - y * y      # the slopes, which the walk turns into gradients
    gy, gh = g[0], g[1].copy()
    rnn_walk_back(gy, gh, gsums, weights.w_hh, steps)
    gx, gw_ih, gb = from_inputs_grad(gsums, x, weights.w_ih, wants_x)
    return gx, gh, Weights(gw_ih, matmul(gsums.T, states_before(y, h, steps)), gb, gb)


@kernel
def rnn_walk_back(gy: Array, gh: Array, gsums: Array, w_hh: Array, steps: Steps) -> None:
    """Replace the slopes in gsums (P, H) by the gradients, and gh by the gradient of the first state."""
    for rows, n in reversed(steps):
        gsums[rows] *= gy[rows] + gh[:n]
        gh[:n] = matmul(gsums[rows], w_hh)


# ---------------------------------------------------------------------- long short-term memory

@kernel
def lstm_forward(x: Array, state: LSTMState, weights: Weights, steps: Steps) -> tuple[Array, LSTMState, LSTMTrace]:
    """y, the last state, and what the gradient needs; the formulas are in `lstm_walk`."""
    xp, P, H = array_module(x), len(x), state.c.shape[1]
    gates = from_inputs(x, weights.w_ih, bias_of(weights), 4)
    trace = LSTMTrace(gates, *xp.empty((2, P, H), dtype=x.dtype))
    state = LSTMState(state.h.copy(), state.c.copy())
    y = xp.empty((P, state.h.shape[1]), dtype=x.dtype)
    lstm_walk(y, state, trace, weights.w_hh, weights.w_hr, steps)
    return y, state, trace


@kernel
def lstm_walk(y: Array, state: LSTMState, trace: LSTMTrace, w_hh: Array, w_hr: Array | None, steps: Steps) -> None:
    """Replace W_ih x + b in trace.gates by the gates; write y, the rest of trace, and state.

        i, f, g, o = the four quarters of W_ih x + b + W_hh h, g through tanh and the others through the sigmoid
        c' = f c + i g
        h' = o tanh(c'), times W_hr if there is one
    """
    gates, cells, tanh_c = trace
    h, c = state
    for rows, n in steps:
        i, f, g, o = gates[:, rows] + split(matmul(h[:n], w_hh.T), 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        cells[rows] = c[:n]
        c[:n] = f * c[:n] + i * g
        tanh_c[rows] = np.tanh(c[:n])
        new = o * tanh_c[rows]
        y[rows] = h[:n] = new if w_hr is None else matmul(new, w_hr.T)
        gates[0, rows], gates[1, rows], gates[2, rows], gates[3, rows] = i, f, g, o


@kernel
def lstm_grad(x: Array, h: Array, y: Array, trace: LSTMTrace, weights: Weights, steps: Steps,
              g: tuple[Array, Array, Array], wants_x: bool) -> tuple[Array | None, LSTMState, Weights]:
    """The gradients of x, the state and weights, for g of y and of the last h and c."""
    xp, (_, P, H) = array_module(x), trace.gates.shape
    gsums = xp.empty((P, 4, H), dtype=x.dtype)
    gprojected = xp.empty_like(y)       # the gradients of every h', where there is a projection
    gstate = LSTMState(g[1].copy(), g[2].copy())
    lstm_walk_back(g[0], gstate, gsums, gprojected, trace, weights.w_hh, weights.w_hr, steps)
    gsums = gsums.reshape(P, 4 * H)
    gx, gw_ih, gb = from_inputs_grad(gsums, x, weights.w_ih, wants_x)
    gw_hh = matmul(gsums.T, states_before(y, h, steps))
    gw_hr = None if weights.w_hr is None else matmul(gprojected.T, trace.gates[3] * trace.tanh_c)
    return gx, gstate, Weights(gw_ih, gw_hh, gb, gb, gw_hr)


@kernel
def lstm_walk_back(gy: Array, gstate: LSTMState, gsums: Array, gprojected: Array, trace: LSTMTrace, w_hh: Array,
                   w_hr: Array | None, steps: Steps) -> None:
    """Write gsums and gprojected, and replace gstate by the gradient of the first state: see `lstm_grad`."""
    gh, gc = gstate
    for rows, n in reversed(steps):
        i, f, g, o = trace.gates[:, rows]
        tanh_c = trace.tanh_c[rows]
        gh_new = gy[rows] + gh[:n]
        if w_hr is not None:
            gprojected[rows] = gh_new
            gh_new = matmul(gh_new, w_hr)
        gc_new = gc[:n] + gh_new * o * (1 - tanh_c * tanh_c)
        gsums[rows, 0] = gc_new * g * i * (1 - i)
        gsums[rows, 1] = gc_new * trace.cells[rows] * f * (1 - f)
        gsums[rows, 2] = gc_new * i * (1 - g * g)
        gsums[rows, 3] = gh_new * tanh_c * o * (1 - o)
        gc[:n] = gc_new * f
        gh[:n] = matmul(gsums[rows].reshape(n, len(w_hh)), w_hh)


# ---------------------------------------------------------------------- gated recurrent units

@kernel
def gru_forward(x: Array, h: Array, weights: Weights, steps: Steps) -> tuple[Array, Array, GRUTrace]:
    """y, the last h, and what the gradient needs; the formulas are in `gru_walk`."""
    gates = from_inputs(x, weights.w_ih, weights.b_ih, 3)
    y, from_h = array_module(x).empty((2, len(x), h.shape[1]), dtype=x.dtype)
    trace, h = GRUTrace(gates, from_h), h.copy()
    gru_walk(y, h, trace, weights.w_hh, weights.b_hh, steps)
    return y, h, trace


@kernel
def gru_walk(y: Array, h: Array, trace: GRUTrace, w_hh: Array, b_hh: Array | None, steps: Steps) -> None:
    """Replace W_ih x + b_ih in trace.gates by the gates; write y, trace.from_h and h.

        r, z = sigmoid of the first two thirds of W_ih x + b_ih + W_hh h + b_hh
        n = tanh(a + r b), with a the last third of W_ih x + b_ih, and b = from_h the last third of W_hh h + b_hh
        h' = (1 - z) n + z h
    """
    gates, from_h = trace
    for rows, count in steps:
        a = gates[:, rows]
        b = split(linear_forward(h[:count], w_hh, b_hh), 3)
        r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
        n = np.tanh(a[2] + r * b[2])
        y[rows] = h[:count] = (1 - z) * n + z * h[:count]
        gates[0, rows], gates[1, rows], gates[2, rows] = r, z, n
        from_h[rows] = b[2]


@kernel
def gru_grad(x: Array, h: Array, y: Array, trace: GRUTrace, weights: Weights, steps: Steps, g: tuple[Array, Array],
             wants_x: bool) -> tuple[Array | None, Array, Weights]:
    """The gradients of x, h and weights, for g of y and of the last h."""
    xp, (_, P, H) = array_module(x), trace.gates.shape
    before, gh = states_before(y, h, steps), g[1].copy()
    gsums = xp.empty((P, 3, H), dtype=x.dtype)      # the gradient of W_hh h + b_hh
    gn = xp.empty_like(y)                           # that of W_ih x + b_ih in the last third, where the two differ
    gru_walk_back(g[0], gh, gsums, gn, trace, before, weights.w_hh, steps)
    flat = gsums.reshape(P, 3 * H)
    gw_hh, gb_hh = matmul(flat.T, before), flat.sum(axis=0)
    gsums[:, 2] = gn
    gx, gw_ih, gb_ih = from_inputs_grad(flat, x, weights.w_ih, wants_x)
    return gx, gh, Weights(gw_ih, gw_hh, gb_ih, gb_hh)


@kernel
def gru_walk_back(gy: Array, gh: Array, gsums: Array, gn: Array, trace: GRUTrace, before: Array, w_hh: Array,
                  steps: Steps) -> None:
    """Write gsums and gn, and replace gh by the gradient of the first state: see `gru_grad`."""
    for rows, count in reversed(steps):
        r, z, n = trace.gates[:, rows]
        gh_new = gy[rows] + gh[:count]
        gn[rows] = gh_new * (1 - z) * (1 - n * n)
        gsums[rows, 0] = gn[rows] * trace.from_h[rows] * r * (1 - r)
        gsums[rows, 1] = gh_new * (before[rows] - n) * z * (1 - z)
        gsums[rows, 2] = gn[rows] * r
        gh[:count] = gh_new * z + matmul(gsums[rows].reshape(count, len(w_hh)), w_hh)
