"""What the compiled bodies share: how they are compiled, and how their work is shared out."""
from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import event as events
from scipy.linalg import cython_blas

from minidl.backend import blas, process
from minidl.backend.cpu import threads

# Sums may be taken in another order and products added in one rounding; NaN and infinity keep their meaning. What is on
# disk is compiled anew when the file of the function has changed: after a change of one that other files call, such as
# those of functions.py, remove `__pycache__`.
compiled: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})

PATIENCE = 2.0  # seconds of compiling, after which the user is told what takes so long


class _Notice(events.Listener):
    """Says once, on stderr, that kernels are being compiled. What is read from the disk is no such event."""

    def __init__(self) -> None:
        self.depth, self.begin, self.spent, self.said = 0, 0.0, 0.0, False

    def on_start(self, event: Any) -> None:
        if not self.depth:
            self.begin = time.perf_counter()
        self.depth += 1
        self._look(self.spent + time.perf_counter() - self.begin)

    def on_end(self, event: Any) -> None:
        self.depth -= 1
        if not self.depth:
            self.spent += time.perf_counter() - self.begin
            self._look(self.spent)

    def _look(self, seconds: float) -> None:
        if seconds > PATIENCE and not self.said and multiprocessing.parent_process() is None:
            self.said = True
            print("minidl: compiling kernels for the first time on this machine, which may take a minute; later "
                  "programs read them from the disk", file=sys.stderr, flush=True)


events.register("numba:compile", _Notice())

BLOCKS_PER_THREAD = 4      # blocks per thread, so that fast threads take over work from slow ones

if not process.is_left_alone("blas_threads"):
    blas.hold(cython_blas.__file__, threads.get_num_threads())      # in compiled code, `np.dot` is SciPy's


def shares(length: int, least: int = 1) -> list[slice]:
    """Slices of an axis, `BLOCKS_PER_THREAD` for each thread, each of `least` items or more."""
    step = max(least, -(-length // (BLOCKS_PER_THREAD * threads.get_num_threads())))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def parallel(function: Callable[[Any], Any], blocks: list[Any]) -> None:
    """`threads.parallel` for functions that compute products: BLAS has one thread here also if we have one."""
    with blas.one_blas_thread():
        threads.parallel(function, blocks)


def is_single(*arrays: np.ndarray | None) -> bool:
    """Whether all are in single precision."""
    return all(a is None or a.dtype == np.float32 for a in arrays)


def channels_last(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) -> (N, H, W, C), a copy only where they are not laid out so in memory already"""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


@compiled
def dot(a: Any, b: Any, out: Any, at_once: int) -> None:
    """a @ b, some rows at a time: see `rows_at_once`"""
    for start in range(0, len(a), at_once):
        np.dot(a[start:start + at_once], b, out[start:start + at_once])
