"""Sums on the CPU: large ones on all cores, and over several axes of images with the channels last in memory.

There NumPy goes through memory with the channels, the axis that stays, as the innermost loop: of 16 numbers, that takes
eight times as long as the addition of whole rows, W * C numbers, after which W of a row are left to add.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.cpu.threads import blocks, get_num_threads, in_a_block, parallel_sum
from minidl.backend.device import memory_order
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.sums import sum_over

SHORT = 256         # numbers in a run of memory that is too short for a loop of its own
PARALLEL_BYTES = 1 << 24    # from which threads gain more than they cost
MIN_SIZE = 1 << 12  # numbers; with fewer, the second sum costs more than it gains


@sum_over.register("numpy", before="sum_over_by_rows")
def sum_over_by_shares(x: np.ndarray, axes: tuple[int, ...]) -> Any:
    if 0 not in axes or len(x) == 1 or x.nbytes < PARALLEL_BYTES or get_num_threads() == 1 or in_a_block():
        return NotImplemented
    shares = blocks(len(x), x[0].nbytes, x.nbytes)
    shape = tuple([1 if axis in axes else n for axis, n in enumerate(x.shape)])
    return parallel_sum(lambda s: sum_over(x[s], axes), shares, shape, accumulation_dtype(x.dtype))


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
