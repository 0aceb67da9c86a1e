"""Scatter-add on the CPU: rows by a sparse matrix product, all else by flat positions."""
from __future__ import annotations

import functools
import importlib
import math
from types import ModuleType
from typing import Any

import numpy as np

from minidl.backend.kernels.scatter import names_once, scatter_add


@scatter_add.register("numpy")
def scatter_add_by_position(g: np.ndarray, index: Any, shape: tuple[int, ...]) -> np.ndarray:
    if names_once(index):
        return NotImplemented
    if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and g.dtype in (np.float32, np.float64):
        return _add_rows(g, index, shape)
    # `np.add.at` is fast only along one axis, so the index is applied to the flat positions first
    positions = np.arange(math.prod(shape)).reshape(shape)[index]
    z = np.zeros(math.prod(shape), g.dtype)
    np.add.at(z, positions.reshape(-1), np.broadcast_to(g, positions.shape).reshape(-1))
    return z.reshape(shape)


def _add_rows(g: np.ndarray, index: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """z[index[k]] += g[k], as a product with the sparse matrix that has a 1 at (index[k], k)."""
    rows, width, length = index.size, math.prod(shape[1:]), shape[0]
    index = index.reshape(-1).astype(np.int64, copy=False)
    if rows and not -length <= index.min() <= index.max() < length:
        raise IndexError(f"scatter_add: index {index.min()} to {index.max()} is out of bounds for "
                         f"axis 0 with size {length}")
    index = np.where(index < 0, index + length, index)
    ones = np.ones(rows, g.dtype)
    selection = _sparse().csc_array((ones, index, np.arange(rows + 1)), shape=(length, rows))
    return (selection @ g.reshape(rows, width)).reshape(shape)


@functools.cache
def _sparse() -> ModuleType:
    """scipy.sparse, imported on first use: its import takes longer than that of minidl."""
    return importlib.import_module("scipy.sparse")
