"""Copies from pinned memory of the host, on a stream of their own: the next batch arrives while the GPU computes.

The GPU reads pinned memory by itself, so that the host goes on at once. Memory for a batch is used again when all work
is done that was asked of the GPU before its last array went away.
"""
from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Any

import cupy
import numpy as np
from cupy.cuda import PinnedMemoryPointer, runtime

from minidl.backend.capture import captured
from minidl.backend.device import Array

KEPT = 8        # buffers that wait for the next copy


def pin(array: np.ndarray) -> np.ndarray:
    """A copy in pinned memory, in the same order."""
    memory = cupy.cuda.alloc_pinned_memory(max(array.nbytes, 1))
    pinned = np.ndarray(array.shape, array.dtype, memory, strides=np.empty_like(array).strides)
    pinned[...] = array
    return pinned


def is_pinned(array: Any) -> bool:
    """Whether the elements lie in pinned memory that CuPy has allocated."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, PinnedMemoryPointer)


class _Owner:
    """What the arrays of one copy hold: with the last of them, the memory is free for another copy."""

    def __init__(self, copier: Copier, memory: Any, size: int) -> None:
        self.copier, self.memory, self.size = copier, memory, size

    def __del__(self) -> None:
        if not sys.is_finalizing() and captured() is None:
            with cupy.cuda.Device(self.copier.device):
                self.copier.free.append((self.size, self.memory, cupy.cuda.get_current_stream().record()))


class Copier:
    """The copies to one GPU: their stream, buffers that are free, and the host's memory that is still read."""

    def __init__(self, device: int) -> None:
        self.device, self.stream = device, cupy.cuda.Stream(non_blocking=True)
        self.free: deque[tuple[int, Any, Any]] = deque(maxlen=KEPT)     # size, memory, and when its use ends
        self.running: deque[tuple[Any, np.ndarray]] = deque()
        self.lock = threading.RLock()

    def copy(self, array: np.ndarray) -> Array:
        """The array on the GPU; later work of the current stream waits for the copy, and the host does not.

        `array` must be pinned, without gaps, and stay as it is until the copy is done.
        """
        now = cupy.cuda.get_current_stream()
        with self.lock:
            memory, used = self._buffer(array.nbytes, now)
            self.stream.wait_event(used)
            unowned = cupy.cuda.UnownedMemory(memory.ptr, array.nbytes, _Owner(self, memory, array.nbytes), self.device)
            pointer = cupy.cuda.MemoryPointer(unowned, 0)
            pointer.copy_from_host_async(array.ctypes.data, array.nbytes, self.stream)
            done = self.stream.record()
            now.wait_event(done)
            self.running.append((done, array))
            while self.running[0][0].done and len(self.running) > 1:
                self.running.popleft()
        return cupy.ndarray(array.shape, array.dtype, pointer, array.strides)

    def _buffer(self, size: int, now: Any) -> tuple[Any, Any]:
        """Memory, and the event after which it may be written: the oldest, unless one more buffer saves a wait."""
        fitting = [buffer for buffer in list(self.free) if buffer[0] == size]
        if fitting and (fitting[0][2].done or len(fitting) > 1):
            self.free.remove(fitting[0])
            return fitting[0][1:]
        return cupy.cuda.alloc(size), now.record()


_copiers: dict[int, Copier] = {}


def copy_later(array: np.ndarray) -> Array:
    """The pinned array on the current GPU: see `Copier.copy`."""
    device = runtime.getDevice()
    if device not in _copiers:
        _copiers[device] = Copier(device)
    return _copiers[device].copy(array)
