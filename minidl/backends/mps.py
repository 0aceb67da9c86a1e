"""Whether there is an Apple GPU. minidl computes on the CPU and on CUDA only."""
from __future__ import annotations


def is_available() -> bool:
    """Whether 'mps' is a device here: never."""
    return False


def is_built() -> bool:
    """Whether minidl was built with it: never."""
    return False
