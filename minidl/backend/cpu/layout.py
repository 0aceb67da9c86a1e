"""Copies on the CPU, on all cores: into row-major order, of slices, and into a larger array.

Against the grain of memory they take three times as long as with it. Along it, where the rows are short, NumPy takes
longer for going to the next row than for the row: so a row is copied as one element of many bytes.
"""
from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.layout import channels_last, joined, row_major

BLOCK_BYTES = 1 << 19       # of a block, and of what one thread copies alone
SHORT_RUN = 128             # bytes in a row up to which it is copied as one element
LARGE = 1 << 14             # numbers in an array from which it is joined to others row by row


@row_major.register("numpy")
def row_major_in_blocks(x: np.ndarray) -> Any:
    if x.nbytes <= BLOCK_BYTES or x.flags.c_contiguous or len(x) == 1:
        return NotImplemented
    y = np.empty(x.shape, x.dtype)
    copy = copy_runs if x.strides[-1] == x.itemsize else np.copyto
    parallel(lambda s: copy(y[s], x[s]), blocks(len(x), x[0].nbytes, BLOCK_BYTES))
    return y


@joined.register("numpy")
def joined_by_runs(first: np.ndarray, others: tuple[np.ndarray, ...], axis: int) -> Any:
    """Join images, channels last in memory, along their channels."""
    arrays = (first, *others)
    if axis != 1 or first.size < LARGE or not all(channels_last(a) and a.dtype == first.dtype and len(a) == len(first)
                                                  and a.shape[2:] == first.shape[2:] for a in arrays):
        return NotImplemented
    ends = list(itertools.accumulate(a.shape[1] for a in arrays))
    y = np.empty((len(first), *first.shape[2:], ends[-1]), first.dtype)
    pairs = [(y[..., end - a.shape[1]:end], np.moveaxis(a, 1, -1)) for a, end in zip(arrays, ends)]

    def join(images: slice) -> None:
        for target, source in pairs:
            copy_runs(target[images], source[images])

    if y.nbytes <= 8 * BLOCK_BYTES:
        join(slice(None))
    else:       # as few calls as there are threads: no pass is to find anything in the cache
        parallel(join, blocks(len(y), y[0].nbytes, y.nbytes))
    return np.moveaxis(y, -1, 1)


def dense_rows(x: np.ndarray) -> np.ndarray:
    """x, whose last axis has no gaps, row by row in memory; x itself where it is so."""
    if x.flags.c_contiguous:
        return x
    y = np.empty(x.shape, x.dtype)
    copy_runs(y, x)
    return y


def copy_runs(target: np.ndarray, source: np.ndarray) -> None:
    """`target[...] = source`, of one dtype, where the last axes of both have no gaps."""
    run = source.shape[-1] * source.itemsize
    if run <= SHORT_RUN:
        target, source = target.view((np.void, run)), source.view((np.void, run))
    np.copyto(target, source)
