"""Elementwise work on the CPU, some elements at a time: between the passes they stay in the cache, and every core
has elements of its own."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.device import memory_order
from minidl.backend.kernel import Kernel, for_elementwise

AT_ONCE = 1 << 18      # elements; with fewer, the calls cost more, for each takes Python's lock, than the cache saves
MANY = 1 << 17         # elements from which it pays


def in_blocks(function: Callable[..., Any], arrays: Sequence[np.ndarray | None]) -> None:
    """Call `function` with flat views of all arrays, some elements at a time, in memory order; None stays None.

    All have one shape and one order of axes in memory, without gaps: see `alike`.
    """
    flat = [None if a is None else a.transpose(memory_order(a)).reshape(-1) for a in arrays]
    size = next(a.size for a in flat if a is not None)
    if size < MANY:
        function(*flat)
    else:
        parallel(lambda s: function(*[None if a is None else a[s] for a in flat]), blocks(size, 1, AT_ONCE))


def alike(arrays: Sequence[np.ndarray | None], least: int | None = None) -> bool:
    """Whether `in_blocks` can take these arrays, and they have so many elements that it pays (at least `MANY`)."""
    first: Any = arrays[0]
    if first.size < (MANY if least is None else least):
        return False
    order = memory_order(first)
    return all(a is None or (a.shape == first.shape and a.transpose(order).flags.c_contiguous) for a in arrays)


@for_elementwise("numpy")
def shared_out(kernel: Kernel) -> Callable[..., Any]:
    """A body that runs the generic one on some elements at a time."""
    def body(*args: Any) -> Any:
        arrays = [a for a in args if a is None or isinstance(a, np.ndarray)]
        if not alike(arrays):
            return NotImplemented
        others, made = args[len(arrays):], [np.empty_like(arrays[0]) for _ in range(kernel.results)]

        def some(*parts: Any) -> None:
            results = kernel.generic(*parts[:len(arrays)], *others)
            for out, result in zip(parts[len(arrays):], results if kernel.results > 1 else [results]):
                out[...] = result

        in_blocks(some, [*arrays, *made])
        return tuple(made) if kernel.results > 1 else made[0] if made else None

    body.__name__ = f"{kernel.generic.__name__}_in_blocks"
    return body
