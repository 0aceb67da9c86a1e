"""Where the elements of an array lie in memory, and which array owns the memory."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.device import array_module
from minidl.backend.kernel import kernel

Array = Any


@kernel
def row_major(x: Array) -> Array:
    """x in row-major order: x itself where it is so, else a copy."""
    return array_module(x).ascontiguousarray(x)


@kernel
def joined(first: Array, others: tuple[Array, ...], axis: int) -> Array:
    """Arrays one after the other along an axis."""
    return array_module(first).concatenate((first, *others), axis=axis)


def owner(array: Array) -> Array:
    """The array that owns the memory of `array`, or the first one made of foreign memory."""
    while type(array.base) is type(array):
        array = array.base
    return array


def channels_last(array: Array) -> bool:
    """Whether an image (N, C, *) is in memory as (N, *, C) only."""
    return array.ndim in (4, 5) and not array.flags.c_contiguous and \
        array.transpose(0, *range(2, array.ndim), 1).flags.c_contiguous


def without_gaps(images: Array) -> Array:
    """Images (N, C, *) in memory as (N, *, C): themselves where they are so, else a copy."""
    axes = (0, *range(2, images.ndim), 1)
    return row_major(images.transpose(axes)).transpose(0, images.ndim - 1, *range(1, images.ndim - 1))


def overlaps(array: Array) -> bool:
    """Whether elements may share a place in memory.

    They may if the stride of one axis is not larger than the distance that all axes with smaller strides span.
    """
    if array.flags.c_contiguous or not array.size:
        return False
    reach = 0
    for step, n in sorted([(abs(step), n) for step, n in zip(array.strides, array.shape) if n > 1]):
        if step <= reach:
            return True
        reach += step * (n - 1)
    return False


def unlock(array: Array) -> None:
    """Allow writing into an expanded array. NumPy makes it read-only, even where it repeats nothing."""
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        array.setflags(write=owner(array).flags.writeable)
