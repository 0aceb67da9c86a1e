"""Settings of cuDNN, such as `cudnn.deterministic = True`.

minidl does not use cuDNN, so they have no effect.
"""
from __future__ import annotations

deterministic = False
benchmark = False
enabled = False
allow_tf32 = False


def is_available() -> bool:
    """Whether cuDNN is used: never."""
    return False
