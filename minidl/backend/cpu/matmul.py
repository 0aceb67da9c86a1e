"""Matrix products on the CPU: large ones on all cores.

Each thread computes some rows of the result, or some columns if there are more columns than rows, or some matrices if
both factors are batches. NumPy's BLAS library has threads too, but they wait for work by spinning, and so are slow when
another program, or another of our own threads, runs on the same cores.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.blas import one_blas_thread
from minidl.backend.cpu.threads import blocks, get_num_threads, in_a_block, parallel
from minidl.backend.kernel import Kernel
from minidl.backend.kernels.matmul import linear_forward, matmul

BLOCK_BYTES, MIN_ROWS = 1 << 20, 256    # the size of a block of results, and its smallest number of rows
BLAS_SERIAL_WORK = 1 << 18          # multiply-adds up to which BLAS itself uses one thread
PARALLEL_WORK = 1 << 23             # multiply-adds from which our threads gain more than they cost
UNPACKED_WORK = 1_000_000           # multiply-adds up to which OpenBLAS reads factors where they lie in memory
SMALL_FACTOR = UNPACKED_WORK // 64  # numbers up to which a factor or a result is small, so that pieces are faster
ALL_ROWS = 1 << 40                  # more rows than any matrix has
FEW_COLUMNS, LONG_ROWS = 24, 256    # a product of so few columns and so long rows is done as dot products,
FEW_DOTS = 1200                     # so many at a time, for which OpenBLAS has a kernel,
FEW_ROWS = 2048                     # and of up to so many rows: else the copy of the factor is soon paid off


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
    if len(a) * b.shape[1] <= SMALL_FACTOR and (a.flags.f_contiguous or len(a) <= FEW_COLUMNS):
        return tall_gram(a.T, b)
    if len(b) >= LONG_ROWS and b.shape[1] <= FEW_COLUMNS and len(a) <= FEW_ROWS and (
            b.flags.f_contiguous or len(a) >= MIN_ROWS and 8 < b.shape[1] < 16):    # the other kernel computes 16 then
        rows = min(FEW_DOTS, UNPACKED_WORK // len(b)) // b.shape[1] // 8 * 8
        out = np.empty((len(a), b.shape[1]), np.result_type(a, b))
        return tall_matmul(a, np.asfortranarray(b), out, max(rows, 16))
    if b.size <= SMALL_FACTOR:
        return tall_matmul(a, np.ascontiguousarray(b), np.empty((len(a), b.shape[1]), np.result_type(a, b)))
    return a @ b


@linear_forward.register("numpy")
def linear_forward_by_rows(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Multiply in blocks of rows, so that the bias is added while a block is in the cache."""
    is_serial = len(x) * weight.size < PARALLEL_WORK or get_num_threads() == 1
    if is_serial or bias is None or x.dtype != bias.dtype or x.dtype == np.float16:
        return NotImplemented
    # each product reads the whole weight, so it should have many rows
    y = np.empty((len(x), len(weight)), x.dtype)
    return biased_by_rows(x, weight.T, bias, y, max(BLOCK_BYTES, MIN_ROWS * y.itemsize * len(weight)))


def biased_by_rows(x: np.ndarray, w: np.ndarray, bias: np.ndarray, out: np.ndarray, block_bytes: int) -> np.ndarray:
    """x @ w + bias into `out`, some rows at a time: (M, K), (*, K, N), bias of a row -> (*, M, N)"""
    def compute_rows(rows: slice) -> None:
        part = out[..., rows, :]
        np.matmul(x[rows], w, out=part)
        part += bias

    parallel(compute_rows, blocks(len(x), out.nbytes // len(x), block_bytes))
    return out


def in_single(kernel: Kernel, *args: Any) -> np.ndarray:
    """Run a kernel on half precision in single precision.

    BLAS has no half precision. GPUs add up in single precision, too.
    """
    singles = [a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args]
    return kernel(*singles).astype(np.float16)


def rows_per_product(size: int) -> int:
    """The number of rows to multiply at a time with a matrix of `size` numbers.

    OpenBLAS copies the factors of a product into the order in which its kernels read them. In a small product it reads
    the factors where they lie. So for a tall matrix times a small one, many small products are up to 1.4 times as fast.
    """
    rows = UNPACKED_WORK // max(1, size) // 8 * 8
    return rows if rows >= 16 else ALL_ROWS


def tall_matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray, product_rows: int = 0) -> np.ndarray:
    """a @ b into `out`, in pieces of some rows: (*, M, K), (*, K, N) -> (*, M, N)"""
    product_rows = product_rows or rows_per_product(b.shape[-2] * b.shape[-1])
    whole = a.shape[-2] // product_rows * product_rows
    if whole:
        np.matmul(_pieces(a, product_rows), b[..., None, :, :], out=_pieces(out, product_rows))
    if whole < a.shape[-2]:
        np.matmul(a[..., whole:, :], b, out=out[..., whole:, :])
    return out


def tall_gram(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a^T @ b, in pieces of some rows: (*, M, K), (*, M, N) -> (*, K, N)"""
    size = a.shape[-1] * b.shape[-1]
    product_rows = rows_per_product(size)
    whole = a.shape[-2] // product_rows * product_rows
    if not whole or product_rows < 64 or size > a.shape[-2] * product_rows:     # then the sum would cost too much
        return a.swapaxes(-1, -2) @ b
    products = _pieces(a, product_rows).swapaxes(-1, -2) @ _pieces(b, product_rows)
    out = products.sum(axis=-3, dtype=products.dtype)       # by default NumPy sums small integers in int64
    if whole < a.shape[-2]:
        out += a[..., whole:, :].swapaxes(-1, -2) @ b[..., whole:, :]
    return out


def _pieces(x: np.ndarray, product_rows: int) -> np.ndarray:
    """(*, M, N) -> (*, M // product_rows, product_rows, N), without the remaining rows"""
    count = x.shape[-2] // product_rows
    return x[..., :count * product_rows, :].reshape(*x.shape[:-2], count, product_rows, x.shape[-1])


def _shares(length: int, work: int) -> list[slice]:
    """Slices of an axis, one for each thread, each of `PARALLEL_WORK / 2` multiply-adds or more."""
    count = max(1, min(get_num_threads(), length * work * 2 // PARALLEL_WORK))
    step = -(-length // count)
    return [slice(start, start + step) for start in range(0, length, step)]
