"""Recurrent networks on the GPU: a matrix product and one more launch for each time step."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.cuda.matmul import product_into
from minidl.backend.cuda.module import function, is_real, launch, rows
from minidl.backend.device import Array
from minidl.backend.kernels.matmul import matmul
from minidl.backend.kernels.packed import Steps
from minidl.backend.kernels.rnn import (
    GRUTrace,
    LSTMState,
    LSTMTrace,
    gru_walk,
    gru_walk_back,
    lstm_walk,
    lstm_walk_back,
    rnn_walk,
)


@rnn_walk.register("cupy")
def rnn_walk_by_step(y: Array, h: Array, w_hh: Array, relu: bool, steps: Steps) -> Any:
    if not _fits(y, h, w_hh):
        return NotImplemented
    kernel = function("rnn.cu", "rnn_step", y.dtype, bool(relu))
    for at, n in steps:
        _step(kernel, y, n, at, y, h, matmul(h[:n], w_hh.T))
    return None


@lstm_walk.register("cupy")
def lstm_walk_by_step(y: Array, state: LSTMState, trace: LSTMTrace, w_hh: Array, w_hr: Array | None,
                      steps: Steps) -> Any:
    if w_hr is not None or not _fits(y, *state, *trace, w_hh):
        return NotImplemented
    kernel = function("rnn.cu", "lstm_step", y.dtype)
    for at, n in steps:
        _step(kernel, y, n, at, y, *state, *trace, matmul(state.h[:n], w_hh.T), more=(len(y),))
    return None


@lstm_walk_back.register("cupy")
def lstm_walk_back_by_step(gy: Array, gstate: LSTMState, gsums: Array, gprojected: Array, trace: LSTMTrace, w_hh: Array,
                           w_hr: Array | None, steps: Steps) -> Any:
    if w_hr is not None or not _fits(gsums, *gstate, *trace, w_hh):
        return NotImplemented
    gy = rows(gy)
    kernel = function("rnn.cu", "lstm_step_back", gy.dtype)
    for at, n in reversed(steps):
        _step(kernel, gy, n, at, gy, *gstate, gsums, *trace, more=(len(gy),))
        product_into(gsums[at].reshape(n, len(w_hh)), w_hh, gstate.h[:n])
    return None


@gru_walk.register("cupy")
def gru_walk_by_step(y: Array, h: Array, trace: GRUTrace, w_hh: Array, b_hh: Array | None, steps: Steps) -> Any:
    if not _fits(y, h, *trace, w_hh):
        return NotImplemented
    kernel, bias = function("rnn.cu", "gru_step", y.dtype), np.uint64(0) if b_hh is None else rows(b_hh)
    for at, n in steps:
        _step(kernel, y, n, at, y, h, *trace, matmul(h[:n], w_hh.T), bias, more=(len(y),))
    return None


@gru_walk_back.register("cupy")
def gru_walk_back_by_step(gy: Array, gh: Array, gsums: Array, gn: Array, trace: GRUTrace, before: Array, w_hh: Array,
                          steps: Steps) -> Any:
    if not _fits(gh, gsums, gn, *trace, before, w_hh):
        return NotImplemented
    gy = rows(gy)
    kernel = function("rnn.cu", "gru_step_back", gy.dtype)
    for at, n in reversed(steps):
        _step(kernel, gy, n, at, gy, gh, gsums, gn, *trace, before, more=(len(gy),))
        gh[:n] += matmul(gsums[at].reshape(n, len(w_hh)), w_hh)
    return None


def _fits(*arrays: Array) -> bool:
    return all(is_real(a) and a.dtype == arrays[0].dtype and a.flags.c_contiguous for a in arrays)


def _step(kernel: Any, y: Array, n: int, at: slice, *args: Any, more: tuple[int, ...] = ()) -> None:
    """Launch a kernel over the hidden units of n sequences, whose rows begin at `at.start`."""
    H = y.shape[1]
    launch(kernel, n * H, *args, np.int64(at.start), np.int64(H), *map(np.int64, more))
