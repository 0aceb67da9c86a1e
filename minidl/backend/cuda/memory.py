"""Memory of the GPUs: CuPy's pool, the peak of what arrays use, and errors that say what there is."""
from __future__ import annotations

import sys
import threading
import weakref
from typing import Any

import cupy
from cupy.cuda import runtime

from minidl.backend.capture import refuse_captured
from minidl.backend.device import OutOfMemoryError

pools: weakref.WeakSet[Any] = weakref.WeakSet()      # those of graphs
peaks: dict[int, list[int]] = {}        # by device: the most bytes in use, and in the pool
_GIGABYTE = 1 << 30


def watch() -> None:
    """Allocate from CuPy's pool, and count; unless the program has an allocator of its own."""
    pool = cupy.get_default_memory_pool()
    if cupy.cuda.get_allocator() == pool.malloc:
        cupy.cuda.set_allocator(_allocator(pool))
    pinned = cupy.get_default_pinned_memory_pool().malloc

    def allocate(size: int) -> Any:
        # CuPy copies from the host by way of such memory, and a replay would find there what has come since
        refuse_captured("CUDAGraph", "Cannot copy between CPU and CUDA tensors during CUDA graph capture",
                        "make the tensor on the GPU before the capture, and copy into it before each replay")
        return pinned(size)
    cupy.cuda.set_pinned_memory_allocator(allocate)


class _Held:
    """Memory that other streams than its own work on: it goes back to the pool when they have done so."""

    def __init__(self, memory: Any) -> None:
        self.memory = memory
        self.streams: set[Any] = set()
        self.ends: list[Any] = []           # events, once nobody else holds the memory

    def holders(self) -> int:
        return sys.getrefcount(self.memory)

    def is_over(self) -> bool:
        """Whether nobody else holds the memory, and the streams have come past what they were asked for until then."""
        if not self.ends and self.holders() == ONE_HOLDER:
            self.ends = [stream.record_event() for stream in self.streams]
        return bool(self.ends) and all(event.query() for event in self.ends)


ONE_HOLDER = _Held([]).holders()            # with those of the count itself
_held: dict[int, _Held] = {}                # by the identity of the memory
_lock = threading.RLock()


def use_on(array: Any, stream: Any) -> None:
    """Keep the memory of an array, after the last array in it, until a stream has done its work up to then."""
    memory = array.data.mem
    with _lock:
        give_back()
        _held.setdefault(id(memory), _Held(memory)).streams.add(stream)


def give_back() -> None:
    """Let the pool have the memory that no stream works on any more. It is looked for at each allocation."""
    with _lock:
        for key, held in list(_held.items()):
            if held.is_over():
                del _held[key]


def of_graphs() -> int:
    """The bytes that graphs hold on the current device; they are in use as long as the graph lives."""
    return sum(pool.wrapped.total_bytes() for pool in pools)


def _allocator(pool: Any) -> Any:
    used_bytes, total_bytes, malloc = pool.used_bytes, pool.total_bytes, pool.malloc

    def allocate(size: int) -> Any:
        if _held:
            give_back()
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
