"""Scatter-add: the transpose of indexing, and so the gradient of `x[index]` and of an embedding."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel


@kernel
def scatter_add(g: Array, index: Any, shape: tuple[int, ...]) -> Array:
    """`z = zeros(shape); z[index] += g`, where an element that is named twice receives both values.

    index: any index that NumPy takes in brackets. g: of the shape of `z[index]`.
    """
    xp = array_module(g)
    z = xp.zeros(shape, dtype=g.dtype)
    if names_once(index):
        z[index] = g
    else:
        xp.add.at(z, index, g)
    return z


def names_once(index: Any) -> bool:
    """Whether an index cannot name an element twice: slices, integers or one mask, no integer array."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [part for part in parts if not (
        part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)))]
    return not arrays or len(arrays) == 1 and getattr(arrays[0], "dtype", None) == np.bool_
