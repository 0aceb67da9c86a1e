"""The recursions of recurrent networks: all time steps of one layer in one direction.

Sequences are packed. Sorted by length, the longest first, they give the rows of x: first the first step of all of
them, then the second step of all that have one, and so on. `steps` lists (rows of the step, how many sequences take it)
in the order in which they are walked; sequences of one length are the case where all take every step.

A state has a row for each sequence, and a step moves its first n rows. Walking forwards, the rows of sequences that
have ended keep their last state; walking backwards, those of sequences not yet begun keep their initial one. So one
loop does both, and ends with the last states of all.

What the inputs contribute is one matrix product for all steps, and so are the gradients of the weights. Only the
product with the state that the step before has left must be done step by step. These walks are kernels of their own,
which write into what they are given: each sequence has its own rows everywhere, so some can be walked by themselves.

The gates are apart, (gates, P, H), so that each of them is one piece of memory in every step.
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


def _gates(w: Array, count: int) -> Array:
    """(count * H, I) -> (count, H, I), a view"""
    return w.reshape(count, len(w) // count, *w.shape[1:])


def _of_inputs(x: Array, w: Array, bias: Array | None) -> Array:
    """x W' + b of every gate, for all steps at once: x (P, I), w (gates, H, I), bias (gates, H) -> (gates, P, H)"""
    y = matmul(x, w.transpose(0, 2, 1))
    if bias is not None:
        y += bias[:, None]
    return y


def _inputs_grad(g: Array, x: Array, w: Array, wants_x: bool) -> tuple[Array | None, Array, Array]:
    """The gradients of x, w and bias in x W' + b, for all steps at once."""
    return (matmul(g, w) if wants_x else None), matmul(g.T, x), g.sum(axis=0)


# ---------------------------------------------------------------------- Elman's network

@kernel
def rnn_forward(x: Array, h: Array, w_ih: Array, w_hh: Array, bias: Array | None, relu: bool,
                steps: Steps) -> tuple[Array, Array]:
    """h' = tanh(x W_ih' + h W_hh' + b), or max(0, .) in place of tanh

    x (P, I), h (N, H) -> y (P, H), the h' of all steps; h (N, H), the last ones
    """
    y, h = matmul(x, w_ih.T), h.copy()
    if bias is not None:
        y += bias
    rnn_walk(h, w_hh, y, relu, steps)
    return y, h


@kernel
def rnn_walk(h: Array, w_hh: Array, y: Array, relu: bool, steps: Steps) -> None:
    """y holds x W_ih' + b of all steps, and then h'; h ends as the last states."""
    for rows, n in steps:
        new = y[rows]
        new += matmul(h[:n], w_hh.T)
        if relu:
            np.maximum(new, 0, out=new)
        else:
            np.tanh(new, out=new)
        h[:n] = new


@kernel
def rnn_grad(gy: Array, gh: Array, x: Array, h: Array, y: Array, w_ih: Array, w_hh: Array, relu: bool, steps: Steps,
             wants_x: bool) -> tuple[Array | None, ...]:
    """The gradients of x, h, w_ih, w_hh and bias."""
    g = (y > 0).astype(y.dtype) if relu else 1 - y * y
    gh = gh.copy()
    rnn_walk_back(gh, w_hh, gy, g, steps)
    gx, gw_ih, gb = _inputs_grad(g, x, w_ih, wants_x)
    return gx, gh, gw_ih, matmul(g.T, _states_before(y, h, steps)), gb


@kernel
def rnn_walk_back(gh: Array, w_hh: Array, gy: Array, g: Array, steps: Steps) -> None:
    """g holds the slopes of tanh or relu in all steps, and then the gradients of what they were applied to."""
    for rows, n in reversed(steps):
        new = gh[:n]
        new += gy[rows]
        g[rows] *= new
        new[...] = matmul(g[rows], w_hh)


# ---------------------------------------------------------------------- long short-term memory

@kernel
def lstm_forward(x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, bias: Array | None, w_hr: Array | None,
                 steps: Steps) -> tuple[Array, ...]:
    """i, f, g, o = the quarters of x W_ih' + h W_hh' + b, g through tanh and the others through the sigmoid
    c' = f c + i g;  h' = o tanh(c'), times W_hr' if there is one

    x (P, I), h (N, R), c (N, H) -> y (P, R), h (N, R), c (N, H); and for the gradient, the four gates (4, P, H), the
    cells (P, H) before each step, and their tanh (P, H) after it

    The gates are one tanh: sigmoid(v) = tanh(v / 2) / 2 + 1 / 2, and the first half is taken from the weights.
    """
    xp, P, H = array_module(x), len(x), c.shape[1]
    scale = xp.full((4, 1, 1), 0.5, dtype=x.dtype)
    scale[2] = 1
    gates = _of_inputs(x, _gates(w_ih, 4) * scale, None if bias is None else _gates(bias, 4) * scale[:, 0])
    w = (_gates(w_hh, 4) * scale).transpose(0, 2, 1).copy()
    h, c = h.copy(), c.copy()
    y = xp.empty((P, h.shape[1]), dtype=x.dtype)
    cells, squashed = xp.empty((2, P, H), dtype=x.dtype)
    lstm_walk(h, c, w, w_hr, scale, gates, cells, squashed, y, steps)
    return y, h, c, gates, cells, squashed


@kernel
def lstm_walk(h: Array, c: Array, w: Array, w_hr: Array | None, scale: Array, gates: Array, cells: Array,
              squashed: Array, y: Array, steps: Steps) -> None:
    """gates holds what the inputs contribute, and then the gates; h and c end as the last states.

    w (4, R, H) is W_hh' of every gate, times its scale (4, 1, 1): 1/2 before and after a tanh makes it a sigmoid.
    """
    shift = 1 - scale
    for rows, n in steps:
        a, cell = gates[:, rows], c[:n]
        a += matmul(h[:n], w)
        np.tanh(a, out=a)
        a *= scale
        a += shift
        i, f, g, o = a
        cells[rows] = cell
        cell *= f
        cell += i * g
        new = o * np.tanh(cell, out=squashed[rows])
        y[rows] = h[:n] = new if w_hr is None else matmul(new, w_hr.T)


@kernel
def lstm_grad(gy: Array, gh: Array, gc: Array, x: Array, h: Array, y: Array, gates: Array, cells: Array,
              squashed: Array, w_ih: Array, w_hh: Array, w_hr: Array | None, steps: Steps,
              wants_x: bool) -> tuple[Array | None, ...]:
    """The gradients of x, h, c, w_ih, w_hh, bias and w_hr."""
    xp, (_, P, H) = array_module(x), gates.shape
    d = xp.empty((P, 4, H), dtype=x.dtype)      # the gradients of the gates before tanh and sigmoid
    projected = xp.empty_like(y)                # those of h', where there is a projection
    gh, gc = gh.copy(), gc.copy()
    lstm_walk_back(gh, gc, w_hh, w_hr, gy, gates, cells, squashed, d, projected, steps)
    d = d.reshape(P, 4 * H)
    gx, gw_ih, gb = _inputs_grad(d, x, w_ih, wants_x)
    gw_hr = None if w_hr is None else matmul(projected.T, gates[3] * squashed)
    return gx, gh, gc, gw_ih, matmul(d.T, _states_before(y, h, steps)), gb, gw_hr


@kernel
def lstm_walk_back(gh: Array, gc: Array, w_hh: Array, w_hr: Array | None, gy: Array, gates: Array, cells: Array,
                   squashed: Array, d: Array, projected: Array, steps: Steps) -> None:
    """d and projected receive what `lstm_grad` says; gh and gc end as the gradients of the first states."""
    for rows, n in reversed(steps):
        a, tanh_c, new, gcell = gates[:, rows], squashed[rows], gh[:n], gc[:n]
        i, f, g, o = a
        new += gy[rows]
        if w_hr is not None:
            projected[rows] = new
            new = matmul(new, w_hr)
        slopes = a * a
        np.subtract(a, slopes, out=slopes)      # of the sigmoid: s - s^2
        di, df, dg, do = slopes
        dg += 1 - g                             # of tanh: 1 - g^2
        do *= tanh_c
        do *= new
        through = tanh_c * tanh_c               # from h' to c': o (1 - tanh(c')^2)
        np.subtract(1, through, out=through)
        through *= o
        through *= new
        gcell += through
        di *= g
        df *= cells[rows]
        dg *= i
        slopes[:3] *= gcell
        gcell *= f
        d[rows] = slopes.transpose(1, 0, 2)
        gh[:n] = matmul(d[rows].reshape(n, len(w_hh)), w_hh)


# ---------------------------------------------------------------------- gated recurrent units

@kernel
def gru_forward(x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None,
                steps: Steps) -> tuple[Array, ...]:
    """r, z = sigmoid of the first two thirds of x W_ih' + b_ih + h W_hh' + b_hh
    n = tanh(a + r b), with a the last third of x W_ih' + b_ih and b that of h W_hh' + b_hh
    h' = (1 - z) n + z h

    x (P, I), h (N, H) -> y (P, H), h (N, H); and for the gradient, r, z and n (3, P, H), and the b of all steps (P, H)
    """
    xp, P, H = array_module(x), len(x), h.shape[1]
    gates, h = _of_inputs(x, _gates(w_ih, 3), None if b_ih is None else _gates(b_ih, 3)), h.copy()
    y, recalled = xp.empty((2, P, H), dtype=x.dtype)
    w = _gates(w_hh, 3).transpose(0, 2, 1).copy()
    gru_walk(h, w, None if b_hh is None else _gates(b_hh, 3), gates, recalled, y, steps)
    return y, h, gates, recalled


@kernel
def gru_walk(h: Array, w: Array, bias: Array | None, gates: Array, recalled: Array, y: Array, steps: Steps) -> None:
    """gates holds what the inputs contribute, and then the gates; h ends as the last states. w (3, H, H)"""
    for rows, k in steps:
        state, rz, n = h[:k], gates[:2, rows], gates[2, rows]
        of_state = matmul(state, w)
        if bias is not None:
            of_state += bias[:, None]
        recalled[rows] = of_state[2]
        rz += of_state[:2]
        rz *= 0.5                   # as a tanh the sigmoid cannot overflow: 1 / (1 + exp(-v)) = (1 + tanh(v / 2)) / 2
        np.tanh(rz, out=rz)
        rz *= 0.5
        rz += 0.5
        r, z = rz
        n += r * of_state[2]
        np.tanh(n, out=n)
        state -= n                  # (1 - z) n + z h = z (h - n) + n
        state *= z
        state += n
        y[rows] = state


@kernel
def gru_grad(gy: Array, gh: Array, x: Array, h: Array, y: Array, gates: Array, recalled: Array, w_ih: Array,
             w_hh: Array, steps: Steps, wants_x: bool) -> tuple[Array | None, ...]:
    """The gradients of x, h, w_ih, w_hh, b_ih and b_hh."""
    xp, (_, P, H) = array_module(x), gates.shape
    before, gh = _states_before(y, h, steps), gh.copy()
    d = xp.empty((P, 3, H), dtype=x.dtype)      # the gradients of h W_hh' + b_hh
    dn = xp.empty_like(y)                       # those of x W_ih' + b_ih, where they differ: in the last third
    gru_walk_back(gh, w_hh, gy, gates, recalled, before, d, dn, steps)
    flat = d.reshape(P, 3 * H)
    gw_hh, gb_hh = matmul(flat.T, before), flat.sum(axis=0)
    d[:, 2] = dn
    gx, gw_ih, gb_ih = _inputs_grad(flat, x, w_ih, wants_x)
    return gx, gh, gw_ih, gw_hh, gb_ih, gb_hh


@kernel
def gru_walk_back(gh: Array, w_hh: Array, gy: Array, gates: Array, recalled: Array, before: Array, d: Array, dn: Array,
                  steps: Steps) -> None:
    """d and dn receive what `gru_grad` says; gh ends as the gradient of the first states."""
    for rows, k in reversed(steps):
        rz, n, new, slope = gates[:2, rows], gates[2, rows], gh[:k], dn[rows]
        r, z = rz
        new += gy[rows]
        np.multiply(n, n, out=slope)
        np.subtract(1, slope, out=slope)        # of tanh: 1 - n^2
        slope *= 1 - z
        slope *= new
        slopes = rz * rz
        np.subtract(rz, slopes, out=slopes)     # of the sigmoid: s - s^2
        dr, dz = slopes
        dr *= recalled[rows]
        dr *= slope
        dz *= before[rows] - n
        dz *= new
        d[rows, :2] = slopes.transpose(1, 0, 2)
        np.multiply(slope, r, out=d[rows, 2])
        new *= z
        new += matmul(d[rows].reshape(k, len(w_hh)), w_hh)
