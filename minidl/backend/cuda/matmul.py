"""Linear layers on the GPU: small ones in one launch, with the bias or its gradient. cuBLAS takes large ones."""
from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from minidl.backend.capture import captured
from minidl.backend.cuda import blas
from minidl.backend.cuda.module import function, is_real, rows, steps
from minidl.backend.device import Array
from minidl.backend.kernels.matmul import linear_forward, linear_parameter_grads, matmul

TILE, THREADS = 64, 256     # as in product.cuh
WARPS = 8                   # of a block, each for a number of y
FEW_OUTPUTS = 16            # a warp reads a row of x for each output
FEW_ROWS = 256              # a thread adds up all of them
MOST = 1 << 20              # elements of x, or weights; with more, a launch is little of the time


@matmul.register("cupy")
def matmul_by_blas(a: Array, b: Array) -> Any:
    capture: Any = captured()
    in_batch = max(a.ndim, b.ndim) > 2
    if not blas.is_served(a, b) or capture is None and not (in_batch and blas.rounds_to_tf32(a.dtype)):
        return NotImplemented
    handle = blas.handle_for(cupy.cuda.get_current_stream()) if capture is None else capture.handle_of_blas
    return blas.product(handle, a, b)


def product_into(a: Array, b: Array, out: Array) -> None:
    """Write a @ b of two matrices into `out`, whose rows lie one after the other."""
    capture: Any = captured()
    if capture is None or not blas.is_served(a, b):
        cupy.dot(a, b, out=out)
    else:
        blas.product(capture.handle_of_blas, a, b, out)


@linear_forward.register("cupy")
def linear_forward_few(x: Array, weight: Array, bias: Array | None) -> Any:
    (count, width), outputs = x.shape, len(weight)
    if bias is None or outputs > FEW_OUTPUTS or x.size > MOST or not _alike(x, weight, bias):
        return NotImplemented
    y = cupy.empty((count, outputs), x.dtype)
    if y.size:
        function("matmul.cu", "linear_forward", x.dtype)((-(-y.size // WARPS),), (32, WARPS), (
            x, rows(weight), rows(bias), y, steps(x), np.int32(count), np.int32(width), np.int32(outputs)))
    return y


@linear_parameter_grads.register("cupy")
def linear_parameter_grads_tiled(x: Array, g: Array) -> Any:
    (count, width), outputs = x.shape, g.shape[1]
    if count > FEW_ROWS or width * outputs > MOST or not _alike(x, g):
        return NotImplemented
    gw, gb = cupy.empty((outputs, width), x.dtype), cupy.empty(outputs, x.dtype)
    if outputs:
        function("matmul.cu", "linear_parameter_grads", x.dtype)((width // TILE + 1, -(-outputs // TILE)), (THREADS,), (
            x, g, gw, gb, steps(x), steps(g), np.int32(count), np.int32(width), np.int32(outputs)))
    return gw, gb


def _alike(x: Array, *others: Array) -> bool:
    return is_real(x) and all(other.dtype == x.dtype for other in others)
