"""Helpers of the compiled bodies: the compiler, and the sharing of work among threads."""
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
from minidl.backend.layout import row_major

# Sums may be taken in another order, and a product may be added without rounding it first; NaN and infinity keep their
# meaning. Compiled code on disk is replaced when the file of the function has changed. After changing a function that
# other files call, such as those of functions.py, remove `__pycache__`.
compiled: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
# The same without those freedoms, for results that are rounded to bytes, which must be the same with and without Numba.
exactly_compiled: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="numpy")

SINGLE = np.dtype(np.float32)

NOTICE_SECONDS = 2.0    # of compiling, after which a line on stderr says so


class _CompileNotice(events.Listener):
    """Says once, on stderr, that kernels are being compiled. Reading compiled code from disk is no such event."""

    def __init__(self) -> None:
        self.depth, self.begin, self.spent, self.printed = 0, 0.0, 0.0, False

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
        if seconds > NOTICE_SECONDS and not self.printed and multiprocessing.parent_process() is None:
            self.printed = True
            print("minidl: compiling kernels for the first time on this machine, which may take a minute; later "
                  "programs read them from the disk", file=sys.stderr, flush=True)


events.register("numba:compile", _CompileNotice())

BLOCKS_PER_THREAD = 4      # blocks per thread, so that fast threads take over work from slow ones

if not process.is_left_alone("blas_threads"):
    blas.manage(cython_blas.__file__, threads.get_num_threads())      # in compiled code, `np.dot` is SciPy's


def shares(length: int, min_items: int = 1) -> list[slice]:
    """Slices of an axis, `BLOCKS_PER_THREAD` for each thread, each of `min_items` items or more."""
    step = max(min_items, -(-length // (BLOCKS_PER_THREAD * threads.get_num_threads())))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def parallel(function: Callable[[Any], Any], blocks: list[Any]) -> None:
    """`threads.parallel` for functions with matrix products.

    BLAS has one thread, even if there is only one block.
    """
    with blas.one_blas_thread():
        threads.parallel(function, blocks)


def is_single(*arrays: np.ndarray | None) -> bool:
    """Whether all are in single precision.

    A loop, for a step asks this some hundred times, and a generator takes twice as long.
    """
    for a in arrays:
        if a is not None and a.dtype != SINGLE:
            return False
    return True


def channels_last(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) -> (N, H, W, C), without a copy where memory has this order already"""
    return row_major(images.transpose(0, 2, 3, 1))


@compiled
def dot(a: Any, b: Any, out: Any, product_rows: int) -> None:
    """out = a @ b, in pieces of `product_rows` rows: see `rows_per_product`"""
    for start in range(0, len(a), product_rows):
        np.dot(a[start:start + product_rows], b, out[start:start + product_rows])
