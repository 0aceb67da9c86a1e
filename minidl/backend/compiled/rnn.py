"""LSTM and GRU, compiled: each thread computes all steps of its sequences without Python's lock.

The formulas are in `backend/kernels/rnn.py`. The loops are short, so that the compiler sees that the arrays of each do
not overlap.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, dot, is_single, parallel
from minidl.backend.compiled.functions import tanh
from minidl.backend.cpu.threads import get_num_threads
from minidl.backend.kernels.packed import Steps
from minidl.backend.kernels.rnn import (
    GRUTrace,
    LSTMState,
    LSTMTrace,
    by_gate,
    gru_walk,
    gru_walk_back,
    lstm_walk,
    lstm_walk_back,
)

MAX_WEIGHTS = 1 << 19   # numbers: more do not stay in the cache, and every thread would read them in every step
ROWS_PER_PRODUCT = 8    # BLAS reads the weights of so small a product where they lie, and does not reorder them

f = np.float32


@lstm_walk.register("numpy", layer="compiled")
def lstm_walk_all_steps(y: np.ndarray, state: LSTMState, trace: LSTMTrace, w_hh: np.ndarray, w_hr: np.ndarray | None,
                        steps: Steps) -> Any:
    h, c = state
    if w_hr is not None or w_hh.size > MAX_WEIGHTS or not (len(h) and is_single(h, w_hh)):
        return NotImplemented
    weight = np.ascontiguousarray(w_hh.T)       # (H, 4 H)
    return by_sequences(len(h), steps, lambda some, first, count: _lstm_walk(
        h[some], c[some], weight, *trace, y, first, count))


@lstm_walk_back.register("numpy", layer="compiled")
def lstm_walk_back_all_steps(gy: np.ndarray, gstate: LSTMState, gsums: np.ndarray, gprojected: np.ndarray,
                             trace: LSTMTrace, w_hh: np.ndarray, w_hr: np.ndarray | None, steps: Steps) -> Any:
    gh, gc = gstate
    if w_hr is not None or w_hh.size > MAX_WEIGHTS or not (len(gh) and is_single(gh, gy, w_hh)):
        return NotImplemented
    weight, gy = np.ascontiguousarray(w_hh), np.ascontiguousarray(gy)
    return by_sequences(len(gh), steps[::-1], lambda some, first, count: _lstm_walk_back(
        gh[some], gc[some], weight, gy, *trace, gsums, first, count))


@gru_walk.register("numpy", layer="compiled")
def gru_walk_all_steps(y: np.ndarray, h: np.ndarray, trace: GRUTrace, w_hh: np.ndarray, b_hh: np.ndarray | None,
                       steps: Steps) -> Any:
    if w_hh.size > MAX_WEIGHTS or not (len(h) and is_single(h, w_hh, b_hh)):
        return NotImplemented
    weight = np.ascontiguousarray(w_hh.T)       # (H, 3 H)
    offset = np.zeros((3, h.shape[1]), h.dtype) if b_hh is None else by_gate(np.ascontiguousarray(b_hh), 3)
    return by_sequences(len(h), steps, lambda some, first, count: _gru_walk(
        h[some], weight, offset, *trace, y, first, count))


@gru_walk_back.register("numpy", layer="compiled")
def gru_walk_back_all_steps(gy: np.ndarray, gh: np.ndarray, gsums: np.ndarray, gn: np.ndarray, trace: GRUTrace,
                            before: np.ndarray, w_hh: np.ndarray, steps: Steps) -> Any:
    if w_hh.size > MAX_WEIGHTS or not (len(gh) and is_single(gh, gy, w_hh)):
        return NotImplemented
    weight, gy = np.ascontiguousarray(w_hh), np.ascontiguousarray(gy)
    return by_sequences(len(gh), steps[::-1], lambda some, first, count: _gru_walk_back(
        gh[some], weight, gy, *trace, before, gsums, gn, first, count))


def by_sequences(sequences: int, steps: Steps, walk: Callable[[slice, np.ndarray, np.ndarray], None]) -> None:
    """Call `walk(some, first, count)` for `some` sequences on each thread.

    first, count (steps,): the first row of these sequences in each step, and how many of them take it.
    """
    starts = np.array([rows.start for rows, _ in steps], np.int64)
    counts = np.array([n for _, n in steps], np.int64)
    share = -(-sequences // get_num_threads())

    def walk_some(start: int) -> None:
        some = slice(start, min(start + share, sequences))
        walk(some, starts + start, np.clip(counts - start, 0, some.stop - start))

    parallel(walk_some, list(range(0, sequences, share)))


@compiled
def _lstm_walk(h: Any, c: Any, w: Any, gates: Any, cells: Any, tanh_c: Any, y: Any, first: Any, count: Any) -> None:
    H = c.shape[1]
    flat = np.empty((len(h), 4 * H), h.dtype)
    product = flat.reshape(len(h), 4, H)
    for step in range(len(first)):
        n = count[step]
        dot(h[:n], w, flat[:n], ROWS_PER_PRODUCT)
        for s in range(n):
            row = first[step] + s
            for k in range(4):
                scale = f(1) if k == 2 else f(0.5)      # the sigmoid is a tanh: see `cpu/rnn.py`
                shift = f(1) - scale
                for j in range(H):
                    gates[k, row, j] = tanh(scale * (gates[k, row, j] + product[s, k, j])) * scale + shift
            for j in range(H):
                cells[row, j] = c[s, j]
            for j in range(H):
                c[s, j] = c[s, j] * gates[1, row, j] + gates[0, row, j] * gates[2, row, j]
            for j in range(H):
                tanh_c[row, j] = tanh(c[s, j])
            for j in range(H):
                h[s, j] = gates[3, row, j] * tanh_c[row, j]
            for j in range(H):
                y[row, j] = h[s, j]


@compiled
def _lstm_walk_back(gh: Any, gc: Any, w: Any, gy: Any, gates: Any, cells: Any, tanh_c: Any, gsums: Any, first: Any,
                    count: Any) -> None:
    H = gc.shape[1]
    for step in range(len(first)):
        n, start = count[step], first[step]
        for s in range(n):
            row = start + s
            for j in range(H):
                gh[s, j] += gy[row, j]
            for j in range(H):
                o, squashed = gates[3, row, j], tanh_c[row, j]
                gsums[row, 3, j] = o * (f(1) - o) * squashed * gh[s, j]
            for j in range(H):
                gc[s, j] += gates[3, row, j] * (f(1) - tanh_c[row, j] * tanh_c[row, j]) * gh[s, j]
            for j in range(H):
                i = gates[0, row, j]
                gsums[row, 0, j] = i * (f(1) - i) * gates[2, row, j] * gc[s, j]
            for j in range(H):
                forget = gates[1, row, j]
                gsums[row, 1, j] = forget * (f(1) - forget) * cells[row, j] * gc[s, j]
            for j in range(H):
                g = gates[2, row, j]
                gsums[row, 2, j] = (f(1) - g * g) * gates[0, row, j] * gc[s, j]
            for j in range(H):
                gc[s, j] *= gates[1, row, j]
        dot(gsums[start:start + n].reshape(n, 4 * H), w, gh[:n], ROWS_PER_PRODUCT)


@compiled
def _gru_walk(h: Any, w: Any, bias: Any, gates: Any, from_h: Any, y: Any, first: Any, count: Any) -> None:
    H = h.shape[1]
    flat = np.empty((len(h), 3 * H), h.dtype)
    of_state = flat.reshape(len(h), 3, H)
    for step in range(len(first)):
        n = count[step]
        dot(h[:n], w, flat[:n], ROWS_PER_PRODUCT)
        for s in range(n):
            row = first[step] + s
            for k in range(2):      # the gates r and z: the sigmoid is a tanh
                for j in range(H):
                    gates[k, row, j] = f(0.5) + f(0.5) * tanh(
                        f(0.5) * (gates[k, row, j] + of_state[s, k, j] + bias[k, j]))
            for j in range(H):
                from_h[row, j] = of_state[s, 2, j] + bias[2, j]
            for j in range(H):
                gates[2, row, j] = tanh(gates[2, row, j] + gates[0, row, j] * from_h[row, j])
            for j in range(H):
                h[s, j] = gates[1, row, j] * (h[s, j] - gates[2, row, j]) + gates[2, row, j]
            for j in range(H):
                y[row, j] = h[s, j]


@compiled
def _gru_walk_back(gh: Any, w: Any, gy: Any, gates: Any, from_h: Any, before: Any, gsums: Any, gn: Any, first: Any,
                   count: Any) -> None:
    H = gh.shape[1]
    through = np.empty(gh.shape, gh.dtype)      # the part of the state's gradient that passes through the gates
    for step in range(len(first)):
        n, start = count[step], first[step]
        for s in range(n):
            row = start + s
            for j in range(H):
                gh[s, j] += gy[row, j]
            for j in range(H):
                new = gates[2, row, j]
                gn[row, j] = (f(1) - new * new) * (f(1) - gates[1, row, j]) * gh[s, j]
            for j in range(H):
                r = gates[0, row, j]
                gsums[row, 0, j] = r * (f(1) - r) * from_h[row, j] * gn[row, j]
            for j in range(H):
                z = gates[1, row, j]
                gsums[row, 1, j] = z * (f(1) - z) * (before[row, j] - gates[2, row, j]) * gh[s, j]
            for j in range(H):
                gsums[row, 2, j] = gates[0, row, j] * gn[row, j]
            for j in range(H):
                gh[s, j] *= gates[1, row, j]
        dot(gsums[start:start + n].reshape(n, 3 * H), w, through[:n], ROWS_PER_PRODUCT)
        for s in range(n):
            for j in range(H):
                gh[s, j] += through[s, j]
