"""Sums on the CPU over several axes of images with the channels last in memory.

NumPy goes through memory with the channels, the axis that stays, as the innermost loop: of 16 numbers, that takes eight
times as long as the addition of whole rows, W * C numbers, after which W of a row are left to add.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.device import memory_order
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.sums import sum_over

SHORT = 256         # numbers in a run of memory that is too short for a loop of its own
MIN_SIZE = 1 << 12  # numbers; with fewer, the second sum costs more than it gains


@sum_over.register("numpy")
def sum_over_by_rows(x: np.ndarray, axes: tuple[int, ...]) -> Any:
    if len(axes) < 2 or x.size < MIN_SIZE:
        return NotImplemented
    order = memory_order(x)
    inner = max(axes, key=order.index)      # the last one in memory of those that are summed over
    run = math.prod([x.shape[axis] for axis in order[order.index(inner) + 1:]])
    if not 1 < run < SHORT:
        return NotImplemented
    rows = x.sum(axis=tuple([axis for axis in axes if axis != inner]), keepdims=True, dtype=accumulation_dtype(x.dtype))
    return rows.sum(axis=inner, keepdims=True, dtype=rows.dtype)
