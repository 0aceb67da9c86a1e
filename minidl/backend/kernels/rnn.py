"""The recursions of recurrent networks: all time steps of one layer in one direction.

Sequences are packed. Sorted by length, the longest first, they give the rows of x: first the first step of all of
them, then the second step of all that have one, and so on. `steps` lists (rows of the step, how many sequences take it)
in the order in which they are walked; sequences of one length are the case where all take every step.

A state has a row for each sequence, and a step moves its first n rows. Walking forwards, the rows of sequences that
have ended keep their last state; walking backwards, those of sequences not yet begun keep their initial one. So one
loop does both, and ends with the last states of all.

What the inputs contribute is one matrix product for all steps, and so are the gradients of the weights. Only the
product with the state that the step before has left must be done step by step.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel
from minidl.backend.kernels.matmul import matmul

Steps = list[tuple[slice, int]]


def steps_of(batch_sizes: Sequence[int], reverse: bool) -> Steps:
    """The rows of every step and their number, in the order of walking.

        >>> steps_of([2, 1], reverse=False)
        [(slice(0, 2, None), 2), (slice(2, 3, None), 1)]
    """
    steps, start = [], 0
    for n in batch_sizes:
        steps.append((slice(start, start + n), n))
        start += n
    return steps[::-1] if reverse else steps


def _states_before(y: Array, h: Array, steps: Steps) -> Array:
    """The state that every row of y was computed from."""
    before, h = array_module(y).empty_like(y), h.copy()
    for rows, n in steps:
        before[rows] = h[:n]
        h[:n] = y[rows]
    return before


def _of_inputs(x: Array, w: Array, bias: Array | None) -> Array:
    """x W' + b, for all steps at once."""
    y = matmul(x, w.T)
    if bias is not None:
        y += bias
    return y


def _inputs_grad(g: Array, x: Array, w: Array, wants_x: bool) -> tuple[Array | None, Array, Array]:
    """The gradients of x, w and bias in x W' + b, for all steps at once."""
    return (matmul(g, w) if wants_x else None), matmul(g.T, x), g.sum(axis=0)


def _sigmoid(x: Array) -> None:
    """In place. As a tanh: 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2, which cannot overflow."""
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5


# ---------------------------------------------------------------------- Elman's network

@kernel
def rnn_forward(x: Array, h: Array, w_ih: Array, w_hh: Array, bias: Array | None, relu: bool,
                steps: Steps) -> tuple[Array, Array]:
    """h' = tanh(x W_ih' + h W_hh' + b), or max(0, .) in place of tanh

    x (P, I), h (N, H) -> y (P, H), the h' of all steps; h (N, H), the last ones
    """
    y, h, w = _of_inputs(x, w_ih, bias), h.copy(), w_hh.T
    for rows, n in steps:
        new = y[rows]
        new += matmul(h[:n], w)
        if relu:
            np.maximum(new, 0, out=new)
        else:
            np.tanh(new, out=new)
        h[:n] = new
    return y, h


@kernel
def rnn_grad(gy: Array, gh: Array, x: Array, h: Array, y: Array, w_ih: Array, w_hh: Array, relu: bool, steps: Steps,
             wants_x: bool) -> tuple[Array | None, ...]:
    """The gradients of x, h, w_ih, w_hh and bias."""
    g = (y > 0).astype(y.dtype) if relu else 1 - y * y      # the slopes, soon times the gradient of h'
    gh = gh.copy()
    for rows, n in reversed(steps):
        gh[:n] += gy[rows]
        g[rows] *= gh[:n]
        gh[:n] = matmul(g[rows], w_hh)
    gx, gw_ih, gb = _inputs_grad(g, x, w_ih, wants_x)
    return gx, gh, gw_ih, matmul(g.T, _states_before(y, h, steps)), gb


# ---------------------------------------------------------------------- long short-term memory

@kernel
def lstm_forward(x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, bias: Array | None, w_hr: Array | None,
                 steps: Steps) -> tuple[Array, ...]:
    """i, f, g, o = the quarters of x W_ih' + h W_hh' + b, g through tanh and the others through the sigmoid
    c' = f c + i g;  h' = o tanh(c'), times W_hr' if there is one

    x (P, I), h (N, R), c (N, H) -> y (P, R), h (N, R), c (N, H); and for the gradient, the four gates (P, 4H), the
    cells (P, H) before each step, and their tanh (P, H) after it

    The gates are one tanh: sigmoid(v) = tanh(v / 2) / 2 + 1 / 2, and the first half is taken from the weights.
    """
    xp, H = array_module(x), c.shape[1]
    scale = xp.full(4 * H, 0.5, dtype=x.dtype)
    scale[2 * H:3 * H] = 1
    shift = 1 - scale
    gates = _of_inputs(x, w_ih * scale[:, None], None if bias is None else bias * scale)
    w = (w_hh * scale[:, None]).T.copy()
    h, c = h.copy(), c.copy()
    y = xp.empty((len(x), h.shape[1]), dtype=x.dtype)
    cells, squashed = xp.empty((2, len(x), H), dtype=x.dtype)
    for rows, n in steps:
        a, cell = gates[rows], c[:n]
        a += matmul(h[:n], w)
        np.tanh(a, out=a)
        a *= scale
        a += shift
        i, f, g, o = _quarters(a)
        cells[rows] = cell
        cell *= f
        cell += i * g
        np.tanh(cell, out=squashed[rows])
        new = o * squashed[rows]
        y[rows] = h[:n] = new if w_hr is None else matmul(new, w_hr.T)
    return y, h, c, gates, cells, squashed


@kernel
def lstm_grad(gy: Array, gh: Array, gc: Array, x: Array, h: Array, y: Array, gates: Array, cells: Array,
              squashed: Array, w_ih: Array, w_hh: Array, w_hr: Array | None, steps: Steps,
              wants_x: bool) -> tuple[Array | None, ...]:
    """The gradients of x, h, c, w_ih, w_hh, bias and w_hr."""
    xp = array_module(x)
    d = xp.empty_like(gates)            # the gradients of the gates before tanh and sigmoid
    projected = xp.empty_like(y)        # those of h', where there is a projection
    gh, gc = gh.copy(), gc.copy()
    for rows, n in reversed(steps):
        a, slope, tanh_c, gcell = gates[rows], d[rows], squashed[rows], gc[:n]
        i, f, g, o = _quarters(a)
        di, df, dg, do = _quarters(slope)
        new = gh[:n]
        new += gy[rows]
        if w_hr is not None:
            projected[rows] = new
            new = matmul(new, w_hr)
        np.multiply(a, a, out=slope)
        np.subtract(a, slope, out=slope)        # of the sigmoid: s - s^2
        dg += 1 - g                             # of tanh: 1 - g^2
        do *= new
        do *= tanh_c
        new = new * o
        gcell += new
        tanh_c = tanh_c * tanh_c
        tanh_c *= new
        gcell -= tanh_c                         # in all, o (1 - tanh(c')^2)
        for ds, other in ((di, g), (df, cells[rows]), (dg, i)):
            ds *= other
            ds *= gcell
        gcell *= f
        gh[:n] = matmul(slope, w_hh)
    gx, gw_ih, gb = _inputs_grad(d, x, w_ih, wants_x)
    gw_hr = None if w_hr is None else matmul(projected.T, _quarters(gates)[3] * squashed)
    return gx, gh, gc, gw_ih, matmul(d.T, _states_before(y, h, steps)), gb, gw_hr


def _quarters(a: Array) -> list[Array]:
    """The columns of i, f, g and o."""
    H = a.shape[1] // 4
    return [a[:, k * H:(k + 1) * H] for k in range(4)]


# ---------------------------------------------------------------------- gated recurrent units

@kernel
def gru_forward(x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None,
                steps: Steps) -> tuple[Array, ...]:
    """r, z = sigmoid of the first two thirds of x W_ih' + b_ih + h W_hh' + b_hh
    n = tanh(a + r b), with a the last third of x W_ih' + b_ih and b that of h W_hh' + b_hh
    h' = (1 - z) n + z h

    x (P, I), h (N, H) -> y (P, H), h (N, H); and for the gradient, r, z and n (P, 3H), and the b of all steps (P, H)
    """
    xp, H = array_module(x), h.shape[1]
    gates, h, w = _of_inputs(x, w_ih, b_ih), h.copy(), w_hh.T.copy()
    y, recalled = (xp.empty((len(x), H), dtype=x.dtype) for _ in range(2))
    for rows, k in steps:
        state = h[:k]
        of_state = matmul(state, w)
        if b_hh is not None:
            of_state += b_hh
        rz, n = gates[rows, :2 * H], gates[rows, 2 * H:]
        rz += of_state[:, :2 * H]
        _sigmoid(rz)
        recalled[rows] = of_state[:, 2 * H:]
        n += rz[:, :H] * recalled[rows]
        np.tanh(n, out=n)
        state -= n                  # (1 - z) n + z h = z (h - n) + n
        state *= rz[:, H:]
        state += n
        y[rows] = state
    return y, h, gates, recalled


@kernel
def gru_grad(gy: Array, gh: Array, x: Array, h: Array, y: Array, gates: Array, recalled: Array, w_ih: Array,
             w_hh: Array, steps: Steps, wants_x: bool) -> tuple[Array | None, ...]:
    """The gradients of x, h, w_ih, w_hh, b_ih and b_hh."""
    H, gh = h.shape[1], gh.copy()
    before = _states_before(y, h, steps)
    d = array_module(x).empty_like(gates)       # the gradients of h W_hh' + b_hh
    dn = array_module(x).empty_like(y)          # those of x W_ih' + b_ih, where they differ: in the last third
    for rows, k in reversed(steps):
        r, z, n = (gates[rows, j * H:(j + 1) * H] for j in range(3))
        new = gh[:k]
        new += gy[rows]
        np.multiply(1 - n * n, 1 - z, out=dn[rows])
        dn[rows] *= new
        dr, dz, drecalled = (d[rows, j * H:(j + 1) * H] for j in range(3))
        np.multiply(dn[rows], r, out=drecalled)
        np.multiply(drecalled, recalled[rows], out=dr)
        dr *= 1 - r
        np.multiply(z - z * z, before[rows] - n, out=dz)
        dz *= new
        new *= z
        new += matmul(d[rows], w_hh)
    gw_hh, gb_hh = matmul(d.T, before), d.sum(axis=0)
    d[:, 2 * H:] = dn
    gx, gw_ih, gb_ih = _inputs_grad(d, x, w_ih, wants_x)
    return gx, gh, gw_ih, gw_hh, gb_ih, gb_hh
