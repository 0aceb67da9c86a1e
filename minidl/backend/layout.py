"""Where the elements of an array lie in memory, and which array owns the memory."""
from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def owner(array: Array) -> Array:
    """The array that owns the memory of `array`, or the first one made of foreign memory."""
    while type(array.base) is type(array):
        array = array.base
    return array


def channels_last(array: Array) -> bool:
    """Whether an image (N, C, *) is in memory as (N, *, C) only."""
    return array.ndim in (4, 5) and not array.flags.c_contiguous and \
        array.transpose(0, *range(2, array.ndim), 1).flags.c_contiguous


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


BACKWARDS_BYTES = 1 << 18   # read forwards into the cache first: memory read backwards takes three times as long


def mirrored(array: Array) -> Array:
    """A copy in reverse order along the last axis.

    Bytes are read as words of the other byte order, eight at once: NumPy reverses a word by one instruction.
    """
    if not isinstance(array, np.ndarray):
        return array[..., ::-1].copy()
    if array.itemsize == 1 == array.strides[-1] and array.shape[-1] % 8 == 0:
        return array.view(">u8")[..., ::-1].astype("<u8", order="C").view(array.dtype)
    if array.nbytes <= 2 * BACKWARDS_BYTES or not array.flags.c_contiguous:
        return array[..., ::-1].copy()
    result = np.empty_like(array)
    rows, new = array.reshape(-1, array.shape[-1]), result.reshape(-1, array.shape[-1])
    step = max(1, BACKWARDS_BYTES // rows[0].nbytes)
    for start in range(0, len(rows), step):
        new[start:start + step] = rows[start:start + step].copy()[:, ::-1]
    return result


def unlock(array: Array) -> None:
    """Allow writing into an expanded array. NumPy makes it read-only, even where it repeats nothing."""
    if isinstance(array, np.ndarray) and not array.flags.writeable:
        array.setflags(write=owner(array).flags.writeable)
