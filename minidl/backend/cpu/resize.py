"""Resizing on the CPU: where rows are short, as a product with the matrix that the taps stand for."""
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
    # A zero of the matrix times NaN or an infinity is NaN: if there is one, it stands in every row, the first too.
    return back(y3) if np.isfinite(y3[:, 0]).all() else NotImplemented
