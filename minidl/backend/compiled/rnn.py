"""LSTM and GRU, compiled: every core walks through all steps of its sequences without Python's lock.

What is computed stands in `backend/kernels/rnn.py`. The loops are short, for the compiler must see of each that no two
of its arrays overlap.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, dot, is_single, parallel
from minidl.backend.compiled.functions import tanh
from minidl.backend.cpu.threads import get_num_threads
from minidl.backend.kernels.rnn import Steps, gru_walk, gru_walk_back, lstm_walk, lstm_walk_back

WEIGHTS = 1 << 19   # numbers: more do not stay in the cache, and every thread would read them anew in every step
AT_ONCE = 8         # rows of a product: so it reads the weights as they are, and does not reorder them in every step

f = np.float32


@lstm_walk.register("numpy", layer="compiled")
def lstm_walk_all_steps(h: np.ndarray, c: np.ndarray, w: np.ndarray, w_hr: np.ndarray | None, scale: np.ndarray,
                        gates: np.ndarray, cells: np.ndarray, squashed: np.ndarray, y: np.ndarray,
                        steps: Steps) -> Any:
    if w_hr is not None or w.size > WEIGHTS or not (len(h) and is_single(h, w)):
        return NotImplemented
    weight = w.transpose(1, 0, 2).reshape(h.shape[1], -1)       # (R, 4*H)
    return _by_sequences(len(h), steps, lambda some, first, count: _lstm_walk(
        h[some], c[some], weight, scale.reshape(4), gates, cells, squashed, y, first, count))


@lstm_walk_back.register("numpy", layer="compiled")
def lstm_walk_back_all_steps(gh: np.ndarray, gc: np.ndarray, w_hh: np.ndarray, w_hr: np.ndarray | None,
                             gy: np.ndarray, gates: np.ndarray, cells: np.ndarray, squashed: np.ndarray,
                             d: np.ndarray, projected: np.ndarray, steps: Steps) -> Any:
    if w_hr is not None or w_hh.size > WEIGHTS or not (len(gh) and is_single(gh, gy, w_hh)):
        return NotImplemented
    weight, gy = np.ascontiguousarray(w_hh), np.ascontiguousarray(gy)
    return _by_sequences(len(gh), steps[::-1], lambda some, first, count: _lstm_walk_back(
        gh[some], gc[some], weight, gy, gates, cells, squashed, d, first, count))


@gru_walk.register("numpy", layer="compiled")
def gru_walk_all_steps(h: np.ndarray, w: np.ndarray, bias: np.ndarray | None, gates: np.ndarray,
                       recalled: np.ndarray, y: np.ndarray, steps: Steps) -> Any:
    if w.size > WEIGHTS or not (len(h) and is_single(h, w, bias)):
        return NotImplemented
    weight = w.transpose(1, 0, 2).reshape(h.shape[1], -1)       # (H, 3*H)
    offset = np.zeros(gates.shape[::2], gates.dtype) if bias is None else np.ascontiguousarray(bias)
    return _by_sequences(len(h), steps, lambda some, first, count: _gru_walk(
        h[some], weight, offset, gates, recalled, y, first, count))


@gru_walk_back.register("numpy", layer="compiled")
def gru_walk_back_all_steps(gh: np.ndarray, w_hh: np.ndarray, gy: np.ndarray, gates: np.ndarray,
                            recalled: np.ndarray, before: np.ndarray, d: np.ndarray, dn: np.ndarray,
                            steps: Steps) -> Any:
    if w_hh.size > WEIGHTS or not (len(gh) and is_single(gh, gy, w_hh)):
        return NotImplemented
    weight, gy = np.ascontiguousarray(w_hh), np.ascontiguousarray(gy)
    return _by_sequences(len(gh), steps[::-1], lambda some, first, count: _gru_walk_back(
        gh[some], weight, gy, gates, recalled, before, d, dn, first, count))


def _by_sequences(sequences: int, steps: Steps, walk: Callable[[slice, np.ndarray, np.ndarray], None]) -> None:
    """`walk(some, first, count)`: of some sequences, in every step the first of their rows and how many they are."""
    starts = np.array([rows.start for rows, _ in steps], np.int64)
    counts = np.array([n for _, n in steps], np.int64)
    share = -(-sequences // get_num_threads())

    def walk_some(start: int) -> None:
        some = slice(start, min(start + share, sequences))
        walk(some, starts + start, np.clip(counts - start, 0, some.stop - start))

    parallel(walk_some, list(range(0, sequences, share)))


@compiled
def _lstm_walk(h: Any, c: Any, w: Any, scale: Any, gates: Any, cells: Any, squashed: Any, y: Any, first: Any,
               count: Any) -> None:
    H = c.shape[1]
    flat = np.empty((len(h), 4 * H), h.dtype)
    product = flat.reshape(len(h), 4, H)
    for step in range(len(first)):
        n = count[step]
        dot(h[:n], w, flat[:n], AT_ONCE)
        for s in range(n):
            row = first[step] + s
            for k in range(4):
                factor, shift = scale[k], f(1) - scale[k]
                for j in range(H):
                    gates[k, row, j] = tanh(gates[k, row, j] + product[s, k, j]) * factor + shift
            for j in range(H):
                cells[row, j] = c[s, j]
            for j in range(H):
                c[s, j] = c[s, j] * gates[1, row, j] + gates[0, row, j] * gates[2, row, j]
            for j in range(H):
                squashed[row, j] = tanh(c[s, j])
            for j in range(H):
                h[s, j] = gates[3, row, j] * squashed[row, j]
            for j in range(H):
                y[row, j] = h[s, j]


@compiled
def _lstm_walk_back(gh: Any, gc: Any, w: Any, gy: Any, gates: Any, cells: Any, squashed: Any, d: Any, first: Any,
                    count: Any) -> None:
    H = gc.shape[1]
    for step in range(len(first)):
        n, start = count[step], first[step]
        for s in range(n):
            row = start + s
            for j in range(H):
                gh[s, j] += gy[row, j]
            for j in range(H):
                o, squash = gates[3, row, j], squashed[row, j]
                d[row, 3, j] = o * (f(1) - o) * squash * gh[s, j]
            for j in range(H):
                gc[s, j] += gates[3, row, j] * (f(1) - squashed[row, j] * squashed[row, j]) * gh[s, j]
            for j in range(H):
                i = gates[0, row, j]
                d[row, 0, j] = i * (f(1) - i) * gates[2, row, j] * gc[s, j]
            for j in range(H):
                forget = gates[1, row, j]
                d[row, 1, j] = forget * (f(1) - forget) * cells[row, j] * gc[s, j]
            for j in range(H):
                g = gates[2, row, j]
                d[row, 2, j] = (f(1) - g * g) * gates[0, row, j] * gc[s, j]
            for j in range(H):
                gc[s, j] *= gates[1, row, j]
        dot(d[start:start + n].reshape(n, 4 * H), w, gh[:n], AT_ONCE)


@compiled
def _gru_walk(h: Any, w: Any, bias: Any, gates: Any, recalled: Any, y: Any, first: Any, count: Any) -> None:
    H = h.shape[1]
    flat = np.empty((len(h), 3 * H), h.dtype)
    of_state = flat.reshape(len(h), 3, H)
    for step in range(len(first)):
        n = count[step]
        dot(h[:n], w, flat[:n], AT_ONCE)
        for s in range(n):
            row = first[step] + s
            for k in range(2):      # the gates r and z: the sigmoid is a tanh
                for j in range(H):
                    gates[k, row, j] = f(0.5) + f(0.5) * tanh(
                        f(0.5) * (gates[k, row, j] + of_state[s, k, j] + bias[k, j]))
            for j in range(H):
                recalled[row, j] = of_state[s, 2, j] + bias[2, j]
            for j in range(H):
                gates[2, row, j] = tanh(gates[2, row, j] + gates[0, row, j] * recalled[row, j])
            for j in range(H):
                h[s, j] = gates[1, row, j] * (h[s, j] - gates[2, row, j]) + gates[2, row, j]
            for j in range(H):
                y[row, j] = h[s, j]


@compiled
def _gru_walk_back(gh: Any, w: Any, gy: Any, gates: Any, recalled: Any, before: Any, d: Any, dn: Any, first: Any,
                   count: Any) -> None:
    H = gh.shape[1]
    through = np.empty(gh.shape, gh.dtype)      # what passes to the state before by way of the gates
    for step in range(len(first)):
        n, start = count[step], first[step]
        for s in range(n):
            row = start + s
            for j in range(H):
                gh[s, j] += gy[row, j]
            for j in range(H):
                new = gates[2, row, j]
                dn[row, j] = (f(1) - new * new) * (f(1) - gates[1, row, j]) * gh[s, j]
            for j in range(H):
                r = gates[0, row, j]
                d[row, 0, j] = r * (f(1) - r) * recalled[row, j] * dn[row, j]
            for j in range(H):
                z = gates[1, row, j]
                d[row, 1, j] = z * (f(1) - z) * (before[row, j] - gates[2, row, j]) * gh[s, j]
            for j in range(H):
                d[row, 2, j] = gates[0, row, j] * dn[row, j]
            for j in range(H):
                gh[s, j] *= gates[1, row, j]
        dot(d[start:start + n].reshape(n, 3 * H), w, through[:n], AT_ONCE)
        for s in range(n):
            for j in range(H):
                gh[s, j] += through[s, j]
