"""Recurrent networks on the CPU: the walks in place, on all cores.

The formulas are in `backend/kernels/rnn.py`. Here no step makes new arrays. The sigmoid is computed by tanh, which is
faster than exp in NumPy, and does not overflow: sigmoid(v) = tanh(v / 2) / 2 + 1 / 2. So the gates of an LSTM are one
tanh. A product with a half is exact, so nothing is lost.

Sequences do not depend on each other, so the threads wait for each other once a walk, and not once a step.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.blas import one_blas_thread
from minidl.backend.cpu.matmul import BLOCK_BYTES, biased_by_rows
from minidl.backend.cpu.matmul import PARALLEL_WORK as MATMUL_WORK
from minidl.backend.cpu.threads import get_num_threads, in_a_block, parallel
from minidl.backend.kernels.matmul import matmul
from minidl.backend.kernels.packed import Steps, steps_of_some
from minidl.backend.kernels.rnn import (
    GRUTrace,
    LSTMState,
    LSTMTrace,
    by_gate,
    from_inputs,
    gru_walk,
    gru_walk_back,
    lstm_walk,
    lstm_walk_back,
    rnn_walk,
    rnn_walk_back,
)

PARALLEL_WORK = 1 << 21     # multiply-adds of a thread in one step from which threads gain more than they cost


@from_inputs.register("numpy")
def from_inputs_by_rows(x: np.ndarray, w_ih: np.ndarray, bias: np.ndarray | None, count: int) -> Any:
    """Multiply in blocks of rows, so that the bias is added while a block is in the cache."""
    if bias is None or x.dtype == np.float16 or len(x) * w_ih.size < MATMUL_WORK or in_a_block():
        return NotImplemented
    w, b = by_gate(w_ih, count).transpose(0, 2, 1), by_gate(bias, count)[:, None]
    return biased_by_rows(x, w, b, np.empty((count, len(x), b.shape[2]), x.dtype), BLOCK_BYTES)


def by_sequences(sequences: int, w_hh: np.ndarray, steps: Steps, walk: Callable[[slice, Steps], None]) -> None:
    """Call `walk(some, steps)` on each thread, for `some` of the sequences and their steps."""
    count = min(get_num_threads(), sequences, sequences * w_hh.size // PARALLEL_WORK)
    if count < 2:
        with one_blas_thread():
            return walk(slice(None), steps)
    share = -(-sequences // count)
    shares = [slice(start, min(start + share, sequences)) for start in range(0, sequences, share)]
    parallel(lambda some: walk(some, steps_of_some(steps, some)), shares)


def product_into(out: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b, written into `out`, without the checks of the kernel: BLAS has one thread in a walk."""
    if a.dtype == np.float16 or len(a) == 1:    # one sequence: all cores may share the product
        out[...] = matmul(a, b)
        return out
    return np.matmul(a, b, out=out)


# ---------------------------------------------------------------------- Elman's network

@rnn_walk.register("numpy")
def rnn_walk_in_place(y: np.ndarray, h: np.ndarray, w_hh: np.ndarray, relu: bool, steps: Steps) -> None:
    def walk(some: slice, steps: Steps) -> None:
        states = h[some]
        for rows, n in steps:
            new = y[rows]
            new += matmul(states[:n], w_hh.T)
            if relu:
                np.maximum(new, 0, out=new)
            else:
                np.tanh(new, out=new)
            states[:n] = new

    by_sequences(len(h), w_hh, steps, walk)


@rnn_walk_back.register("numpy")
def rnn_walk_back_in_place(gy: np.ndarray, gh: np.ndarray, gsums: np.ndarray, w_hh: np.ndarray, steps: Steps) -> None:
    def walk(some: slice, steps: Steps) -> None:
        gstates = gh[some]
        for rows, n in reversed(steps):
            new = gstates[:n]
            new += gy[rows]
            gsums[rows] *= new
            new[...] = matmul(gsums[rows], w_hh)

    by_sequences(len(gh), w_hh, steps, walk)


# ---------------------------------------------------------------------- long short-term memory

@lstm_walk.register("numpy")
def lstm_walk_in_place(y: np.ndarray, state: LSTMState, trace: LSTMTrace, w_hh: np.ndarray, w_hr: np.ndarray | None,
                       steps: Steps) -> None:
    gates, cells, tanh_c = trace
    scale = np.full((4, 1, 1), 0.5, gates.dtype)    # the factor before and after tanh, where the gate is a sigmoid
    scale[2] = 1
    shift = 1 - scale
    w = (by_gate(w_hh, 4) * scale).transpose(0, 2, 1).copy()
    gates *= scale

    def walk(some: slice, steps: Steps) -> None:
        h, c = state.h[some], state.c[some]
        sums, added = np.empty((4, *c.shape), c.dtype), np.empty_like(c)
        for rows, n in steps:
            a, hidden, cell, squashed, part = gates[:, rows], h[:n], c[:n], tanh_c[rows], added[:n]
            a += product_into(sums[:, :n], hidden, w)
            np.tanh(a, out=a)
            a *= scale
            a += shift
            i, f, g, o = a
            cells[rows] = cell
            cell *= f
            cell += np.multiply(i, g, out=part)
            np.tanh(cell, out=squashed)
            if w_hr is None:
                np.multiply(o, squashed, out=hidden)
            else:
                product_into(hidden, np.multiply(o, squashed, out=part), w_hr.T)
            y[rows] = hidden

    by_sequences(len(state.h), w_hh, steps, walk)


@lstm_walk_back.register("numpy")
def lstm_walk_back_in_place(gy: np.ndarray, gstate: LSTMState, gsums: np.ndarray, gprojected: np.ndarray,
                            trace: LSTMTrace, w_hh: np.ndarray, w_hr: np.ndarray | None, steps: Steps) -> None:
    gates, cells, tanh_c = trace
    flat = gsums.reshape(len(gsums), len(w_hh))

    def walk(some: slice, steps: Steps) -> None:
        gh, gc = gstate.h[some], gstate.c[some]
        of_gates, part = np.empty((4, *gc.shape), gc.dtype), np.empty_like(gc)
        for rows, n in reversed(steps):
            a, squashed, new, gcell = gates[:, rows], tanh_c[rows], gh[:n], gc[:n]
            slopes, through = of_gates[:, :n], part[:n]
            i, f, g, o = a
            new += gy[rows]
            if w_hr is not None:
                gprojected[rows] = new
                new = matmul(new, w_hr)
            np.multiply(a, a, out=slopes)
            np.subtract(a, slopes, out=slopes)      # slopes of the sigmoid: s - s^2
            di, df, dg, do = slopes
            dg += np.subtract(1, g, out=through)    # slope of tanh: 1 - g^2
            do *= squashed
            do *= new
            np.multiply(squashed, squashed, out=through)
            np.subtract(1, through, out=through)    # the slope from c' to h': o (1 - tanh(c')^2)
            through *= o
            through *= new
            gcell += through
            di *= g
            df *= cells[rows]
            dg *= i
            slopes[:3] *= gcell
            gcell *= f
            gsums[rows] = slopes.transpose(1, 0, 2)
            product_into(gh[:n], flat[rows], w_hh)

    by_sequences(len(gstate.h), w_hh, steps, walk)


# ---------------------------------------------------------------------- gated recurrent units

@gru_walk.register("numpy")
def gru_walk_in_place(y: np.ndarray, h: np.ndarray, trace: GRUTrace, w_hh: np.ndarray, b_hh: np.ndarray | None,
                      steps: Steps) -> None:
    gates, from_h = trace
    w = by_gate(w_hh, 3).transpose(0, 2, 1).copy()
    bias = None if b_hh is None else by_gate(b_hh, 3)[:, None]

    def walk(some: slice, steps: Steps) -> None:
        states = h[some]
        for rows, count in steps:
            state, rz, n = states[:count], gates[:2, rows], gates[2, rows]
            b = matmul(state, w)
            if bias is not None:
                b += bias
            from_h[rows] = b[2]
            rz += b[:2]
            rz *= 0.5
            np.tanh(rz, out=rz)
            rz *= 0.5
            rz += 0.5
            r, z = rz
            n += r * b[2]
            np.tanh(n, out=n)
            state -= n                  # (1 - z) n + z h = z (h - n) + n
            state *= z
            state += n
            y[rows] = state

    by_sequences(len(h), w_hh, steps, walk)


@gru_walk_back.register("numpy")
def gru_walk_back_in_place(gy: np.ndarray, gh: np.ndarray, gsums: np.ndarray, gn: np.ndarray, trace: GRUTrace,
                           before: np.ndarray, w_hh: np.ndarray, steps: Steps) -> None:
    gates, from_h = trace
    flat = gsums.reshape(len(gsums), len(w_hh))

    def walk(some: slice, steps: Steps) -> None:
        gstates = gh[some]
        for rows, count in reversed(steps):
            rz, n, new, slope = gates[:2, rows], gates[2, rows], gstates[:count], gn[rows]
            r, z = rz
            new += gy[rows]
            np.multiply(n, n, out=slope)
            np.subtract(1, slope, out=slope)        # slope of tanh: 1 - n^2
            slope *= 1 - z
            slope *= new
            slopes = rz * rz
            np.subtract(rz, slopes, out=slopes)     # slopes of the sigmoid: s - s^2
            dr, dz = slopes
            dr *= from_h[rows]
            dr *= slope
            dz *= before[rows] - n
            dz *= new
            gsums[rows, :2] = slopes.transpose(1, 0, 2)
            np.multiply(slope, r, out=gsums[rows, 2])
            new *= z
            new += matmul(flat[rows], w_hh)

    by_sequences(len(gh), w_hh, steps, walk)
