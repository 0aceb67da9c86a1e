"""Programs set `cudnn.deterministic = True` with their seeds. minidl does not use cuDNN: nothing depends on it."""
from __future__ import annotations

deterministic = False
benchmark = False
enabled = False


def is_available() -> bool:
    """Whether cuDNN is used: never."""
    return False
