"""Memory of the GPUs: CuPy's pool, the peak of what arrays use, and errors that say what there is."""
from __future__ import annotations

from typing import Any

import cupy
from cupy.cuda import runtime

from minidl.backend.device import OutOfMemoryError

peaks: dict[int, list[int]] = {}        # by device: the most bytes in use, and in the pool
_GIGABYTE = 1 << 30


def watch() -> None:
    """Allocate from CuPy's pool, and count; unless the program has an allocator of its own."""
    pool = cupy.get_default_memory_pool()
    if cupy.cuda.get_allocator() == pool.malloc:
        cupy.cuda.set_allocator(_allocator(pool))


def _allocator(pool: Any) -> Any:
    used_bytes, total_bytes, malloc = pool.used_bytes, pool.total_bytes, pool.malloc

    def allocate(size: int) -> Any:
        try:
            pointer = malloc(size)
        except cupy.cuda.memory.OutOfMemoryError:
            raise out_of_memory(size, pool) from None
        used, device = used_bytes(), pointer.device_id
        peak = peaks.get(device)
        if peak is None:
            peaks[device] = [used, total_bytes()]
        elif used > peak[0]:
            peak[0] = used
            peak[1] = max(peak[1], total_bytes())
        return pointer
    return allocate


def out_of_memory(size: int, pool: Any) -> OutOfMemoryError:
    """The error for an allocation of `size` bytes that failed, with what there is."""
    free, total = runtime.memGetInfo()
    used, kept = pool.used_bytes(), pool.free_bytes()
    limit = f", of which CuPy's pool may take {pool.get_limit() / _GIGABYTE:.2f} GiB" if pool.get_limit() else ""
    return OutOfMemoryError(
        f"CUDA out of memory. Tried to allocate {size / _GIGABYTE:.2f} GiB ({size:,} bytes). GPU {runtime.getDevice()} "
        f"has a total capacity of {total / _GIGABYTE:.2f} GiB{limit}, of which {free / _GIGABYTE:.2f} GiB is free. "
        f"Tensors use {used / _GIGABYTE:.2f} GiB, and {kept / _GIGABYTE:.2f} GiB is kept for reuse. Try a smaller "
        f"batch, autocast, utils.checkpoint, no_grad() where no gradient is wanted, or del tensors that are not needed")
