"""Sums of gradients."""
from __future__ import annotations

from minidl.backend.device import Array
from minidl.backend.kernel import kernel


@kernel
def add_to_each(*arrays: Array) -> None:
    """total += part for each pair of arrays (total, part, total, part, ...)"""
    for total, part in zip(arrays[::2], arrays[1::2]):
        total += part
