"""The memory of GPUs: what tensors use, what is kept for reuse, and the most that was used."""
from __future__ import annotations

import importlib
from typing import Any

from minidl.backend.device import Device
from minidl.backend.device import OutOfMemoryError as OutOfMemoryError
from minidl.cuda.devices import gpu_number, is_available, library

Place = Device | str | int | None


def _counts(device: Place) -> tuple[int, int, int, int]:
    """Bytes in use and their peak, bytes reserved and their peak; zeros without a GPU."""
    if not is_available():
        return 0, 0, 0, 0
    number, xp = gpu_number(device), library().xp
    with xp.cuda.Device(number):
        pool = xp.get_default_memory_pool()
        used, reserved, graphs = pool.used_bytes(), pool.total_bytes(), _counter().of_graphs()
    most = _counter().peaks.get(number, (0, 0))
    return used + graphs, max(used, most[0]) + graphs, reserved + graphs, max(reserved, most[1]) + graphs


def _counter() -> Any:
    return importlib.import_module("minidl.backend.cuda.memory")


def memory_allocated(device: Place = None) -> int:
    """The number of bytes that arrays use on the GPU; 0 without a GPU."""
    return _counts(device)[0]


def max_memory_allocated(device: Place = None) -> int:
    """The most bytes that arrays used at a time, since the start or `reset_peak_memory_stats`; 0 without a GPU."""
    return _counts(device)[1]


def memory_reserved(device: Place = None) -> int:
    """The number of bytes taken from the GPU, in use or kept for reuse; 0 without a GPU."""
    return _counts(device)[2]


def max_memory_reserved(device: Place = None) -> int:
    """The most bytes that were reserved at a time; 0 without a GPU."""
    return _counts(device)[3]


def reset_peak_memory_stats(device: Place = None) -> None:
    """Let the peaks start from what is in use now; without a GPU, do nothing."""
    if is_available():
        number = gpu_number(device)
        with library().xp.cuda.Device(number):
            pool = library().xp.get_default_memory_pool()
            _counter().peaks[number] = [pool.used_bytes(), pool.total_bytes()]


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats
memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def memory_stats(device: Place = None) -> dict[str, Any]:
    """The four numbers under PyTorch's keys, such as "allocated_bytes.all.peak"; empty without a GPU."""
    if not is_available():
        return {}
    names = [f"{kind}_bytes.all.{when}" for kind in ("allocated", "reserved") for when in ("current", "peak")]
    return dict(zip(names, _counts(device)))


def memory_summary(device: Place = None, abbreviated: bool = False) -> str:
    """The four numbers as lines of text."""
    if not is_available():
        return ""
    used, most_used, reserved, most_reserved = [f"{n / 2**20:12,.1f} MiB" for n in _counts(device)]
    return (f"GPU {gpu_number(device)}        current             peak\n"
            f"in use   {used} {most_used}\nreserved {reserved} {most_reserved}")


def mem_get_info(device: Place = None) -> tuple[int, int]:
    """The free and the total bytes of the GPU, as its driver has it."""
    xp = library().xp
    with xp.cuda.Device(gpu_number(device)):
        return xp.cuda.runtime.memGetInfo()


def empty_cache() -> None:
    """Release the cached memory of all GPUs; without a GPU, do nothing."""
    if is_available():
        xp = library().xp
        for number in range(library().count):
            with xp.cuda.Device(number):
                xp.get_default_memory_pool().free_all_blocks()


def set_per_process_memory_fraction(fraction: float, device: Place = None) -> None:
    """Let tensors take this share of the GPU's memory at most. Errors: ValueError unless it is from 0 to 1."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"set_per_process_memory_fraction: expected a fraction from 0 to 1, but got {fraction}")
    xp = library().xp
    with xp.cuda.Device(gpu_number(device)):
        xp.get_default_memory_pool().set_limit(fraction=fraction)
