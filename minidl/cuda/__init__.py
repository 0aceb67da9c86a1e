"""The GPUs of this machine, under the names of `torch.cuda`.

CuPy is imported by the first call.
"""
from __future__ import annotations

from typing import Any

from minidl import left_out, random
from minidl.backend.device import Device, as_device, cuda_is_available, get_library
from minidl.cuda import amp

is_available = cuda_is_available

__all__ = [
    "amp", "current_device", "device_count", "empty_cache", "get_device_name", "is_available", "manual_seed",
    "manual_seed_all", "memory_allocated", "synchronize",
]


def _cupy() -> Any:
    """CuPy. Errors: RuntimeError, which says what to install, without CuPy or a GPU."""
    return get_library(Device("cuda")).xp


def _number(device: Any) -> int:
    """The number of a GPU, given as a number, 'cuda:1' or a device; None is the first."""
    return 0 if device is None else as_device(device).index or 0


def device_count() -> int:
    """The number of usable GPUs."""
    return _cupy().cuda.runtime.getDeviceCount() if is_available() else 0


def current_device() -> int:
    """The number of the GPU for 'cuda' without a number: always the first."""
    return 0


def get_device_name(device: Any = None) -> str:
    """The name of the GPU, from its maker."""
    return _cupy().cuda.runtime.getDeviceProperties(_number(device))["name"].decode()


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has finished all its work, for instance before reading a clock."""
    _cupy().cuda.Device(_number(device)).synchronize()


def memory_allocated(device: Any = None) -> int:
    """The number of bytes that arrays use on the GPU; 0 without a GPU."""
    if not is_available():
        return 0
    with _cupy().cuda.Device(_number(device)):
        return _cupy().get_default_memory_pool().used_bytes()


def empty_cache() -> None:
    """Release the cached memory of the GPU; without a GPU, do nothing."""
    if is_available():
        _cupy().get_default_memory_pool().free_all_blocks()


def manual_seed(seed: int) -> None:
    """Seed the random numbers of the first GPU; without a GPU, do nothing."""
    if is_available():
        random.default_generator(Device("cuda", 0)).manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Seed the random numbers of all GPUs; without a GPU, do nothing."""
    for number in range(device_count()):
        random.default_generator(Device("cuda", number)).manual_seed(seed)

left_out.explain(globals(), __name__)
