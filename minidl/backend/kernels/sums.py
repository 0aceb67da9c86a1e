"""Sums over axes, and of gradients."""
from __future__ import annotations

from minidl.backend.device import Array
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernel import kernel


@kernel
def sum_over(x: Array, axes: tuple[int, ...]) -> Array:
    """The sum over `axes`, which stay with length 1. Half precision is summed in single, and stays so."""
    return x.sum(axis=axes, keepdims=True, dtype=accumulation_dtype(x.dtype))


@kernel
def add_to_each(*arrays: Array) -> None:
    """total += part for each pair of arrays (total, part, total, part, ...)"""
    for total, part in zip(arrays[::2], arrays[1::2]):
        total += part
