"""cuBLAS: the precision of its products, and the products for which CuPy does not call it as it should.

In a capture CuPy refuses to, and batches it does not let round to TF32. Then it is called here, with CuPy's handle.
"""
from __future__ import annotations

import ctypes
import functools
import math
import sys
from typing import Any, NamedTuple

import cupy
import numpy as np
from cupy._core import get_compute_type, set_compute_type
from cupy._core._routines_linalg import COMPUTE_TYPE_DEFAULT, COMPUTE_TYPE_TF32
from cupy.cuda import device, runtime

from minidl.backend.device import Array

WORKSPACE = 32 << 20        # bytes, as NVIDIA recommends for its newest GPUs

_FLOAT, _DOUBLE, _TF32 = 68, 70, 77     # CUBLAS_COMPUTE_32F, 64F and 32F_FAST_TF32
_TYPES = {"f2": (2, _FLOAT, "f4"), "f4": (0, _FLOAT, "f4"), "f8": (1, _DOUBLE, "f8"), "c8": (4, _FLOAT, "c8"),
          "c16": (5, _DOUBLE, "c16")}
"""CUDA's number of a dtype, that in which it is computed, and the dtype of the factors alpha and beta."""
_NUMBERS = {kind: np.array([1, 0], kind) for kind in ("f4", "f8", "c8", "c16")}     # alpha and beta
_DEFAULT_ALGORITHM = -1


def follow_precision(word: str) -> None:
    """Let cuBLAS round the factors of float32 products to TF32, unless the word is "highest"."""
    set_compute_type(np.float32, COMPUTE_TYPE_DEFAULT if word == "highest" else COMPUTE_TYPE_TF32)


def rounds_to_tf32(dtype: np.dtype) -> bool:
    """Whether cuBLAS may round the factors of products of this dtype to TF32."""
    return dtype.char in "fF" and get_compute_type(np.float32) == COMPUTE_TYPE_TF32


@functools.cache
def _library() -> Any:
    """The cuBLAS that CuPy has loaded. Errors: RuntimeError if it is not found."""
    major = runtime.runtimeGetVersion() // 1000
    name = f"cublas64_{major}.dll" if sys.platform == "win32" else f"libcublas.so.{major}"
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise RuntimeError(f"CUDAGraph: matrix products of a captured step need {name}, which is not found") from error


def _call(name: str, *args: Any) -> None:
    status = getattr(_library(), name)(*args)
    if status:
        raise RuntimeError(f"matmul: {name} of cuBLAS failed with status {status}")


class Handle(NamedTuple):
    """A handle of cuBLAS for a stream, and in a capture the memory to work in, which lives as long as the graph."""

    pointer: ctypes.c_void_p
    stream: ctypes.c_void_p
    workspace: Array | None


def handle_for(stream: Any, captured: bool = False) -> Handle:
    """A handle for a stream; for one that is about to be captured, since CuPy may not make it in the capture."""
    return Handle(ctypes.c_void_p(device.get_cublas_handle()), ctypes.c_void_p(stream.ptr),
                  cupy.empty(WORKSPACE, np.uint8) if captured else None)


def is_served(a: Array, b: Array) -> bool:
    """Whether `product` takes these arrays: cuBLAS has no whole numbers, and CuPy multiplies those by itself."""
    return a.dtype == b.dtype and a.dtype.str[1:] in _TYPES and min(a.ndim, b.ndim) >= 2


def product(handle: Handle, a: Array, b: Array, out: Array | None = None) -> Array:
    """a @ b: (*, M, K) and (*, K, N) -> (*, M, N), on the stream of the handle; `out` has its rows in order."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    (m, k), n = a.shape[-2:], b.shape[-1]
    y = cupy.empty((*batch, m, n), a.dtype) if out is None else out
    if not y.size or not k:
        y.fill(0)
        return y
    kind, compute, wide = _TYPES[a.dtype.str[1:]]
    if rounds_to_tf32(a.dtype):
        compute = _TF32
    alpha, beta = (ctypes.c_void_p(_NUMBERS[wide].ctypes.data + i * _NUMBERS[wide].itemsize) for i in range(2))
    # cuBLAS goes column by column, so that it sees transposes: y' = b' a'
    left, right = _matrices(b, batch), _matrices(a, batch)
    _call("cublasSetStream_v2", handle.pointer, handle.stream)
    if handle.workspace is not None:
        _call("cublasSetWorkspace_v2", handle.pointer, ctypes.c_void_p(handle.workspace.data.ptr),
              ctypes.c_size_t(handle.workspace.size))
    how = handle.pointer, left.transposed, right.transposed, n, m, k, alpha
    if math.prod(batch) == 1:
        _call("cublasGemmEx", *how, left.pointer, kind, left.step, right.pointer, kind, right.step, beta,
              ctypes.c_void_p(y.data.ptr), kind, n, compute, _DEFAULT_ALGORITHM)
    else:
        _call("cublasGemmStridedBatchedEx", *how, left.pointer, kind, left.step, ctypes.c_longlong(left.to_next),
              right.pointer, kind, right.step, ctypes.c_longlong(right.to_next), beta, ctypes.c_void_p(y.data.ptr),
              kind, n, ctypes.c_longlong(m * n), math.prod(batch), compute, _DEFAULT_ALGORITHM)
    return y


class _Matrices(NamedTuple):
    """Matrices of one batch: whether their columns lie one after the other, and their steps in elements."""

    array: Array                # keeps the memory until cuBLAS is called
    transposed: bool
    step: int                   # from a row, or a column, to the next
    to_next: int                # from a matrix to the next

    @property
    def pointer(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.array.data.ptr)


def _matrices(x: Array, batch: tuple[int, ...]) -> _Matrices:
    """A batch of matrices, copied only where rows and columns have gaps, or the steps of the batch differ."""
    x = cupy.broadcast_to(x, (*batch, *x.shape[-2:])).reshape(-1, *x.shape[-2:])
    for transposed in (False, True):
        y = x.transpose(0, 2, 1) if transposed else x
        to_next, step, between = (s // x.itemsize for s in y.strides)
        if (between == 1 or y.shape[2] == 1) and (step >= y.shape[2] or y.shape[1] == 1):
            return _Matrices(x, transposed, max(step, y.shape[2]), to_next)
    x = cupy.ascontiguousarray(x)
    return _Matrices(x, False, x.shape[2], x.shape[1] * x.shape[2])
