"""Scatter on the GPU: atomic operations for every number type, one launch."""
from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np

from minidl.backend.cuda.module import function, launch, rows
from minidl.backend.device import Array
from minidl.backend.kernels.scatter import names_once, scatter_add
from minidl.backend.kernels.scatter_reduce import scatter_reduce


@scatter_add.register("cupy")
def scatter_add_atomic(g: Array, index: Any, shape: tuple[int, ...]) -> Array:
    if names_once(index):
        return NotImplemented
    z = cupy.zeros(shape, g.dtype)
    _scatter("scatter_add", z, index, g)
    return z


@scatter_reduce.register("cupy")
def scatter_reduce_atomic(x: Array, places: Any, values: Array, ufunc: Any) -> Array:
    if x.dtype.kind == "c":
        return NotImplemented
    y = x.copy(order="C")
    _scatter(f"scatter_{ufunc.__name__}", y, places, values.astype(x.dtype, copy=False))
    return y


def _scatter(name: str, y: Array, index: Any, values: Array) -> None:
    """Combine `values` with the elements of `y[index]`; a complex number is two elements."""
    places, width = _places(y, index)
    if width == 1 and values.size != places.size:
        values = cupy.broadcast_to(values, places.shape)
    values, parts = rows(values), 2 if y.dtype.kind == "c" else 1
    dtype = np.dtype(f"f{y.itemsize // 2}") if parts == 2 else y.dtype
    launch(function("scatter.cu", name, dtype), values.size * parts, y, rows(places), values,
           np.int64(y.size // max(width, 1)), np.int64(width * parts))


def _places(y: Array, index: Any) -> tuple[Array, int]:
    """Rows of y as int64, and the elements of a row: an array names rows, any other index single elements."""
    if isinstance(index, cupy.ndarray) and index.dtype.kind in "iu":
        return index.astype(np.int64, copy=False), math.prod(y.shape[1:])
    return cupy.arange(y.size).reshape(y.shape)[index], 1
