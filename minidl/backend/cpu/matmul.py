"""Matrix products on the CPU: large ones on all cores.

The rows of the result, or its columns where they are more, are shared out among the threads, or the matrices where
there are several on both sides. NumPy's BLAS library has threads too, but they wait for work by spinning, and so are
slow wherever another program, or another of our own threads, runs on the same cores.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.blas import one_blas_thread
from minidl.backend.cpu.threads import blocks, get_num_threads, in_a_block, parallel
from minidl.backend.kernel import Kernel
from minidl.backend.kernels.matmul import linear_forward, matmul

BLOCK_BYTES, MIN_ROWS = 1 << 20, 256    # size of a block of results, and how many rows it has at least
BLAS_SERIAL_WORK = 1 << 18          # multiply-adds up to which BLAS itself uses one thread
PARALLEL_WORK = 1 << 22             # multiply-adds from which our threads gain more than they cost
UNPACKED_WORK = 1_000_000           # multiply-adds up to which OpenBLAS reads factors where they lie in memory
NARROW_SIZE = UNPACKED_WORK // 64   # numbers in a matrix that is small beside the other factor, or the result
ALL_ROWS = 1 << 40                  # more rows than any matrix has


@matmul.register("numpy")
def matmul_on_all_cores(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype == np.float16:
        return in_single(matmul, a, b)
    if a.ndim < 2 or b.ndim < 2:
        return NotImplemented
    work = a.size * b.shape[-1] if a.ndim > 2 else len(a) * b.size
    if work <= BLAS_SERIAL_WORK or in_a_block():
        return a @ b
    if work < PARALLEL_WORK or get_num_threads() == 1 or (a.ndim > 2 and a.shape[:-2] != b.shape[:-2]):
        with one_blas_thread():
            return _on_one_core(a, b)
    out = np.empty((*b.shape[:-2], a.shape[-2], b.shape[-1]), np.result_type(a, b))
    if a.ndim > 2:
        several = (math.prod(a.shape[:-2]),)
        a, b = a.reshape(several + a.shape[-2:]), b.reshape(several + b.shape[-2:])
        y = out.reshape(several + out.shape[-2:])
        parallel(lambda s: np.matmul(a[s], b[s], out=y[s]), _shares(len(a), work // len(a)))
    elif len(a) >= b.shape[-1]:
        parallel(lambda s: np.matmul(a[s], b, out=out[..., s, :]), _shares(len(a), work // len(a)))
    else:
        parallel(lambda s: np.matmul(a, b[..., s], out=out[..., s]), _shares(b.shape[-1], work // b.shape[-1]))
    return out


def _on_one_core(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.ndim > 2 or b.ndim > 2:
        return a @ b
    if len(a) * b.shape[1] <= NARROW_SIZE and a.flags.f_contiguous:
        return tall_gram(a.T, b)
    if b.size <= NARROW_SIZE:
        return tall_matmul(a, np.ascontiguousarray(b), np.empty((len(a), b.shape[1]), np.result_type(a, b)))
    return a @ b


@linear_forward.register("numpy")
def linear_forward_by_rows(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Some rows at a time, so that the bias is added to what is still in the cache."""
    alone = len(x) * weight.size < PARALLEL_WORK or get_num_threads() == 1
    if alone or bias is None or x.dtype != bias.dtype or x.dtype == np.float16:
        return NotImplemented
    y = np.empty((len(x), len(weight)), x.dtype)

    def some(rows: slice) -> None:
        part = y[rows]
        np.matmul(x[rows], weight.T, out=part)
        part += bias

    # a product reads all of the weight: it should have rows enough
    parallel(some, blocks(len(x), y.nbytes // len(x), max(BLOCK_BYTES, MIN_ROWS * y.itemsize * len(weight))))
    return y


def in_single(kernel: Kernel, *args: Any) -> np.ndarray:
    """What a kernel gives for half precision, computed in single: BLAS has no half precision. GPUs add up so, too."""
    wider = [a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args]
    return kernel(*wider).astype(np.float16)


def rows_at_once(size: int) -> int:
    """How many rows to multiply at a time with a matrix of `size` numbers.

    OpenBLAS copies the factors of a product into the order in which its kernels read them; only those of small products
    it reads where they lie. For tall matrices and small ones, many small products are up to 1.4 times as fast.
    """
    rows = UNPACKED_WORK // max(1, size) // 8 * 8
    return rows if rows >= 16 else ALL_ROWS


def tall_matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """a @ b, (*, M, K) and (*, K, N), into `out`, by some rows of every matrix at a time"""
    at_once = rows_at_once(b.shape[-2] * b.shape[-1])
    whole = a.shape[-2] // at_once * at_once
    if whole:
        np.matmul(_pieces(a, at_once), b[..., None, :, :], out=_pieces(out, at_once))
    if whole < a.shape[-2]:
        np.matmul(a[..., whole:, :], b, out=out[..., whole:, :])
    return out


def tall_gram(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a^T @ b, (*, M, K) and (*, M, N) -> (*, K, N), likewise"""
    size = a.shape[-1] * b.shape[-1]
    at_once = rows_at_once(size)
    whole = a.shape[-2] // at_once * at_once
    if not whole or at_once < 64 or size > a.shape[-2] * at_once:      # else the sum costs too much
        return a.swapaxes(-1, -2) @ b
    products = _pieces(a, at_once).swapaxes(-1, -2) @ _pieces(b, at_once)
    out = products.sum(axis=-3, dtype=products.dtype)       # NumPy's sum of small integers is wider
    if whole < a.shape[-2]:
        out += a[..., whole:, :].swapaxes(-1, -2) @ b[..., whole:, :]
    return out


def _pieces(x: np.ndarray, at_once: int) -> np.ndarray:
    """(*, M, N) -> (*, M / at_once, at_once, N), without the rows that are left over"""
    count = x.shape[-2] // at_once
    return x[..., :count * at_once, :].reshape(*x.shape[:-2], count, at_once, x.shape[-1])


def _shares(length: int, work: int) -> list[slice]:
    """Slices of an axis, one for each thread, each of `PARALLEL_WORK / 2` multiply-adds or more."""
    count = max(1, min(get_num_threads(), length * work * 2 // PARALLEL_WORK))
    step = -(-length // count)
    return [slice(start, start + step) for start in range(0, length, step)]
