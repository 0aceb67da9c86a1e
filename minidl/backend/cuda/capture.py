"""Capture of a stream as a graph of CUDA, whose memory lives as long as the graph, and its replay."""
from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import cupy
import numpy as np
from cupy.cuda import runtime

from minidl.backend.capture import Capture, here
from minidl.backend.cuda import blas, memory
from minidl.backend.cuda.module import function, launch

WORDS = 500                 # of a table: as in replay.cu
MODES = {"global": runtime.streamCaptureModeGlobal, "thread_local": runtime.streamCaptureModeThreadLocal,
         "relaxed": runtime.streamCaptureModeRelaxed}

_numbers = itertools.count(1)
_pools: weakref.WeakValueDictionary[Any, Pool] = weakref.WeakValueDictionary()


class Pool:
    """Memory for graphs alone: what one of them wrote between two replays is nobody else's.

    Graphs of one pool share memory, so they are replayed in the order of their captures, never two at a time.
    """

    def __init__(self) -> None:
        self.wrapped = cupy.cuda.MemoryPool(_from_driver)
        memory.pools.add(self)

    def malloc(self, size: int) -> Any:
        """Memory from the pool; if it has none, from the driver, which is safe since it is asked at once."""
        with relaxed():
            try:
                return self.wrapped.malloc(size)
            except cupy.cuda.memory.OutOfMemoryError:
                raise memory.out_of_memory(size, self.wrapped) from None


class _Block:
    """Memory of the driver, which takes none back in a capture; tensors of an earlier graph may be let go there."""

    def __init__(self, size: int) -> None:
        self.address = runtime.malloc(size)

    def __del__(self) -> None:
        if here.capture is not None:
            here.capture.at_end.append(functools.partial(runtime.free, self.address))
        elif not sys.is_finalizing():
            runtime.free(self.address)


def _from_driver(size: int) -> Any:
    block = _Block(size)
    return cupy.cuda.MemoryPointer(cupy.cuda.UnownedMemory(block.address, size, block, runtime.getDevice()), 0)


def new_handle() -> tuple[int, int]:
    """The name of a pool, which is made when a capture first uses it."""
    return 0, next(_numbers)


@contextlib.contextmanager
def relaxed() -> Iterator[None]:
    """Let this thread ask the driver for memory while a stream is captured: it is not part of the capture."""
    mode = ctypes.c_int(runtime.streamCaptureModeRelaxed)
    exchange = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32"
                           else "libcuda.so.1").cuThreadExchangeStreamCaptureMode
    exchange(ctypes.byref(mode))
    try:
        yield
    finally:
        exchange(ctypes.byref(mode))


class Table:
    """Words that each replay finds anew on the GPU, in memory that the graph itself never writes."""

    def __init__(self) -> None:
        with relaxed(), cupy.cuda.using_allocator(cupy.get_default_memory_pool().malloc):
            self.on_gpu = cupy.empty(WORDS, np.uint64)
        self.on_host, self.used = np.zeros(WORDS, np.uint64), 0

    def write(self) -> None:
        """Write the words, in one launch. They are an argument of it, so that nobody waits."""
        launch(function("replay.cu", "write_words"), self.used, self.on_gpu, np.void(self.on_host.tobytes()))


class StreamCapture(Capture):
    """A capture of CuPy's current stream, which begins at once.

    Errors: RuntimeError for the default stream, or while another capture goes on in this thread.
    """

    def __init__(self, handle: tuple[int, int] | None, mode: str) -> None:
        super().__init__()
        self.stream, self.device = cupy.cuda.get_current_stream(), runtime.getDevice()
        if self.stream.ptr in (0, 1, 2):        # the default streams of a device and of a thread
            raise RuntimeError("CUDA graphs must be captured on a non-default stream. (However, after capture, it's ok "
                               "to replay them on the default stream.) Try: with minidl.cuda.graph(g): ...")
        if here.capture is not None:
            raise RuntimeError("CUDAGraph.capture_begin: another capture goes on in this thread; end it first")
        self.handle = handle or new_handle()
        self.pool = _pools.setdefault(self.handle, Pool())
        self.tables: list[Table] = []
        self.graph: Any = None
        self.handle_of_blas = blas.handle_for(self.stream, captured=True)
        self.allocating = cupy.cuda.using_allocator(self.pool.malloc)
        self.stream.begin_capture(MODES[mode])
        self.allocating.__enter__()
        here.capture = self

    def end(self) -> None:
        """End the capture. Errors: RuntimeError on another stream, or after what may not be captured."""
        if here.capture is not self or cupy.cuda.get_current_stream().ptr != self.stream.ptr:
            raise RuntimeError("CUDAGraph.capture_end: Capture must end on the same stream it began on.")
        here.capture = None
        self.allocating.__exit__(None, None, None)
        try:
            self.graph = self.stream.end_capture()
        except runtime.CUDARuntimeError as error:
            raise RuntimeError(f"CUDAGraph.capture_end: the capture has failed ({error}): something was asked for that "
                               f"may not be captured, such as to wait, or a copy to the host") from error
        finally:
            for function in self.at_end:
                function()

    def words(self, function: Callable[[], Any], count: int = 1, dtype: Any = "u8") -> Any:
        if not self.tables or self.tables[-1].used + count > WORDS:
            self.tables.append(Table())
        table = self.tables[-1]
        part = slice(table.used, table.used + count)
        place = table.on_host[part].view(dtype)
        table.used += count

        def write() -> None:
            place[:] = function()
        self.before_each.append(write)
        return table.on_gpu[part].view(dtype)

    def replay(self) -> None:
        """Decide what is decided anew, and do the work once more, on the current stream. The CPU does not wait.

        Errors: RuntimeError where the host would decide to do other work than that of the capture; nothing is done.
        """
        with cupy.cuda.Device(self.device):
            for function in [*self.checks.values(), *self.before_each]:
                function()
            for table in self.tables:
                table.write()
            self.graph.launch()
