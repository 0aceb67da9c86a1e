"""Elementwise work on the CPU, in blocks.

A block stays in the cache between the passes, and each thread takes blocks of its own.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend.cpu.layout import dense_rows
from minidl.backend.cpu.threads import blocks, in_a_block, parallel
from minidl.backend.device import empty_dense, memory_order
from minidl.backend.kernel import Kernel, for_elementwise

BLOCK_SIZE = 1 << 18        # elements per block; smaller blocks lose more to calls than they gain in cache hits
PARALLEL_SIZE = 1 << 17     # elements from which threads gain more than they cost: it takes 40 us to wake one
CHEAP = 4                   # times as many, where an element takes a fraction of a nanosecond


def in_blocks(function: Callable[..., Any], arrays: Sequence[np.ndarray | None], cheap: bool = False) -> None:
    """Call `function` with flat views of all arrays, block by block, in memory order; None stays None.

    Small arrays are one block; cheap: whether this holds for `CHEAP` times as many elements.
    All arrays must have one shape and one order of axes in memory: see `have_same_layout`. Of arrays with gaps, which
    are only read, it gets copies of the blocks, without gaps.
    """
    if not _row_by_row(arrays):
        order = memory_order(next(a for a in arrays if a is not None))
        arrays = [None if a is None else a.transpose(order) for a in arrays]
    parallel_size = PARALLEL_SIZE * (CHEAP if cheap else 1)
    first: Any = next(a for a in arrays if a is not None)
    if first.size < parallel_size or _row_by_row(arrays):
        arrays = [None if a is None else dense_rows(a).reshape(-1) for a in arrays]
    if first.size < parallel_size:
        function(*arrays)
        return
    first = next(a for a in arrays if a is not None)
    parallel(lambda s: function(*[None if a is None else dense_rows(a[s]).reshape(-1) for a in arrays]),
             blocks(len(first), first.size // max(1, len(first)), BLOCK_SIZE))


def have_same_layout(arrays: Sequence[np.ndarray | None], min_size: int | None = None, gaps: bool = False) -> bool:
    """Whether all arrays have one shape and one order of axes in memory, without gaps.

    They must also have `min_size` elements or more, by default `PARALLEL_SIZE`. gaps: as they are between the rows of a
    slice, are allowed.
    """
    first: Any = arrays[0]
    if first.size < (PARALLEL_SIZE if min_size is None else min_size):
        return False
    if _row_by_row(arrays):     # as the arrays of an optimizer are, which has many small ones: in half the time
        return all(a is None or a.shape == first.shape for a in arrays)
    order = memory_order(first)
    return all(a is None or (a.shape == first.shape and (a.transpose(order).flags.c_contiguous or
                                                         gaps and _is_slice(a.transpose(order)))) for a in arrays)


def _row_by_row(arrays: Sequence[np.ndarray | None]) -> bool:
    for a in arrays:    # twice as fast as `all` with a generator, and asked for each parameter by each update
        if a is not None and not a.flags.c_contiguous:
            return False
    return True


def _is_slice(array: np.ndarray) -> bool:
    """Whether an array lies row by row, with gaps between its rows."""
    steps, row = array.strides, array.itemsize
    for step, n in zip(reversed(steps), reversed(array.shape)):
        if step < row:
            return False
        row = step * n
    return steps[-1] == array.itemsize


def filled(function: Callable[..., None], arrays: Sequence[np.ndarray], results: int,
           cheap: bool = False) -> list[np.ndarray]:
    """New arrays like the first one, which `function(*arrays, *results)` fills; in blocks where they are large."""
    made = [empty_dense(arrays[0]) for _ in range(results)]
    if arrays[0].size < PARALLEL_SIZE or in_a_block() or not have_same_layout([*arrays, *made], gaps=True):
        function(*arrays, *made)
    else:
        in_blocks(function, [*arrays, *made], cheap)
    return made


def in_parallel(results: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let an elementwise function work in blocks where its arrays are large and have one memory layout.

    Its first arguments are arrays, and it returns `results` new arrays of their shape.
    """
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def body(*args: Any) -> Any:
            if args[0].size < PARALLEL_SIZE or in_a_block():
                return function(*args)
            arrays = [a for a in args if a is None or isinstance(a, np.ndarray)]
            if not have_same_layout(arrays, gaps=results > 0):
                return function(*args)
            others, made = args[len(arrays):], [np.empty_like(arrays[0]) for _ in range(results)]

            def compute_block(*parts: Any) -> None:
                found = function(*parts[:len(arrays)], *others)
                for out, result in zip(parts[len(arrays):], found if results > 1 else [found]):
                    out[...] = result

            in_blocks(compute_block, [*arrays, *made])
            return tuple(made) if results > 1 else made[0] if made else None
        return body
    return decorate


@for_elementwise("numpy")
def blockwise_body(kernel: Kernel) -> Callable[..., Any]:
    """A body that runs the generic body block by block."""
    body = in_parallel(kernel.results)(kernel.generic)
    body.__name__ = f"{kernel.generic.__name__}_in_blocks"
    return body
