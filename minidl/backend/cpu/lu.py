"""Gaussian elimination on the CPU, by LAPACK through SciPy."""
from __future__ import annotations

import importlib

import numpy as np

from minidl.backend.kernels.lu import lu_factor


@lu_factor.register("numpy")
def lu_factor_lapack(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    getrf = importlib.import_module("scipy.linalg.lapack").get_lapack_funcs("getrf", dtype=a.dtype)
    if 0 in a.shape:
        return NotImplemented
    lu, pivots = np.empty(a.shape, a.dtype), np.empty((*a.shape[:-2], min(a.shape[-2:])), np.int32)
    for index in np.ndindex(*a.shape[:-2]):
        lu[index], pivots[index], _ = getrf(a[index])
    pivots += 1     # SciPy counts from 0; PyTorch counts from 1, as Fortran does
    return lu, pivots
