"""Writing several values to one place on the CPU, by NumPy's ufuncs on flat positions."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.kernels.scatter_reduce import scatter_reduce


@scatter_reduce.register("numpy")
def scatter_reduce_by_position(x: np.ndarray, places: Any, values: np.ndarray, ufunc: Any) -> np.ndarray:
    positions = np.arange(x.size).reshape(x.shape)[places]
    y = x.reshape(-1).copy()
    ufunc.at(y, positions.reshape(-1), np.broadcast_to(values, positions.shape).reshape(-1))
    return y.reshape(x.shape)
