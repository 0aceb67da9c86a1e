"""Sparse matrices on the CPU, by SciPy."""
from __future__ import annotations

import importlib

import numpy as np

from minidl.backend.kernels.sparse import sparse_matmul


@sparse_matmul.register("numpy")
def sparse_matmul_scipy(values: np.ndarray, dense: np.ndarray, rows: np.ndarray, columns: np.ndarray,
                        height: int) -> np.ndarray:
    if values.dtype.char not in "fdFD" or values.dtype != dense.dtype:
        return NotImplemented
    scipy_sparse = importlib.import_module("scipy.sparse")      # heavy, and only here
    matrix = scipy_sparse.csr_array((values, (rows, columns)), shape=(height, len(dense)))
    return np.asarray(matrix @ np.ascontiguousarray(dense))
