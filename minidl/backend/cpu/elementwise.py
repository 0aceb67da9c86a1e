"""Elementwise work on the CPU, some elements at a time: between the passes they stay in the cache, and every core
has elements of its own."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.device import memory_order
from minidl.backend.kernel import Kernel
from minidl.backend.kernels import update
from minidl.backend.kernels.activation import (
    gelu_forward,
    gelu_grad,
    leaky_relu_forward,
    leaky_relu_grad,
    relu_forward,
    relu_grad,
)

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


def _by_elements(kernel: Kernel, results: int) -> None:
    """Register a body that runs the generic one on some elements at a time: arrays of one shape, and then numbers."""
    @kernel.register("numpy")
    def _(*args: Any) -> Any:
        operands = [a for a in args if isinstance(a, np.ndarray)]
        if not alike(operands):
            return NotImplemented
        made = [np.empty_like(operands[0]) for _ in range(results)]

        def some(*arrays: np.ndarray) -> None:
            parts = kernel.generic(*arrays[:len(operands)], *args[len(operands):])
            for out, part in zip(arrays[len(operands):], parts if results > 1 else [parts]):
                out[...] = part

        in_blocks(some, [*operands, *made])
        return tuple(made) if results > 1 else made[0]


for _kernel in (relu_forward, relu_grad, leaky_relu_forward, leaky_relu_grad, gelu_grad):
    _by_elements(_kernel, 1)
_by_elements(gelu_forward, 2)


def _share_out(kernel: Kernel) -> None:
    """For the optimizers that treat every element by itself: arrays of one shape or None first, and then numbers."""
    @kernel.register("numpy")
    def _(*args: Any) -> Any:
        arrays = [a for a in args if a is None or isinstance(a, np.ndarray)]
        if not alike(arrays):
            return NotImplemented
        return in_blocks(lambda *some: kernel.generic(*some, *args[len(arrays):]), arrays)


for _kernel in (
        update.sgd_update, update.adagrad_update, update.rmsprop_update, update.adam_update, update.adadelta_update,
        update.adamax_update, update.nadam_update, update.radam_update, update.rprop_update, update.asgd_update):
    _share_out(_kernel)
