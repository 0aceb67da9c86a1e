"""The accelerator, a CUDA GPU if present, as in `torch.accelerator`."""
from __future__ import annotations

from minidl import cuda
from minidl.backend.device import Device

device_count = cuda.device_count
is_available = cuda.is_available
synchronize = cuda.synchronize

__all__ = ["current_accelerator", "device_count", "is_available", "synchronize"]


def current_accelerator(check_available: bool = False) -> Device | None:
    """The kind of accelerator, `device(type='cuda')`, or None where there is none.

        >>> import minidl
        >>> device = minidl.accelerator.current_accelerator() or "cpu"
        >>> minidl.zeros(2, device=device).shape
        (2,)
    """
    return Device("cuda") if is_available() else None
