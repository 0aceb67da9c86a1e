"""Resizing on the CPU: a product with the dense matrix of the taps, where rows are short."""
from __future__ import annotations

import numpy as np

from minidl.backend.kernels.matmul import matmul
from minidl.backend.kernels.resize import Taps, resize_axis, three_axes

WORK_PER_PASS = 16      # multiply-adds of a matrix product that take as long as one number in a pass over memory


@resize_axis.register("numpy")
def resize_axis_dense(x: np.ndarray, axis: int, taps: Taps) -> np.ndarray:
    (count, out), n = taps.indices.shape, x.shape[axis]
    if n > WORK_PER_PASS * count or not x.size or not out or taps.weights is None and count == 1:
        return NotImplemented
    matrix = np.zeros((out, n))
    np.add.at(matrix, (np.arange(out), taps.indices), 1 if taps.weights is None else taps.weights)
    matrix[taps.unread] = 0
    matrix = matrix.astype(x.dtype)
    x3, back = three_axes(x, axis)
    if x3.shape[2] == 1:
        y3 = matmul(x3[:, :, 0], matrix.T)[:, :, None]
    else:
        y3 = matmul(matrix, x3)
    # Zero times NaN or infinity is NaN. If x has one of them, every row of the result has a NaN, also the first.
    return back(y3) if np.isfinite(y3[:, 0]).all() else NotImplemented
