"""Capture of a stream: what it is asked for is kept, and done when the graph is launched.

Refused as by CUDA, and then the capture fails: waiting, copies between the GPU and pageable memory, and new memory of
the driver unless the thread says "relaxed". Kept are kernels (`driver.cpp`), products, fills, and copies on the GPU and
with pinned memory. A graph reads memory when it is launched: what was freed since, or never written, is garbage then.
"""
from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tests.backend.cuda.on_cpu import count

ILLEGAL, UNSUPPORTED, INVALIDATED, UNMATCHED, WRONG_THREAD = 401, 900, 901, 903, 908     # numbers of CUDA's errors
GLOBAL, THREAD_LOCAL, RELAXED = range(3)


class Refused(Exception):
    """An error of the runtime, by its number."""


class Capture:
    """What a stream was asked for since its capture began."""

    def __init__(self, mode: int) -> None:
        self.mode, self.thread, self.valid = mode, threading.get_ident(), True
        self.work: list[Callable[[], Any]] = []


class Captures:
    """The captures that are going on, by stream, and the graphs that were made."""

    def __init__(self) -> None:
        self.by_stream: dict[int, Capture] = {}
        self.graphs: dict[int, list[Callable[[], Any]]] = {}
        self.handles: Iterator[int] = itertools.count(1 << 40, 16)
        self.thread_mode: Callable[[], int] = lambda: GLOBAL

    def do(self, stream: int | None, work: Callable[[], Any]) -> None:
        """Do this now; if the stream is captured, when its graph is launched."""
        capture = self.by_stream.get(stream or 0)
        if capture is None:
            work()
        else:
            capture.work.append(work)

    def begin(self, stream: int, mode: int = RELAXED) -> None:
        if not stream:
            raise Refused(UNSUPPORTED)      # the legacy stream
        if stream in self.by_stream:
            raise Refused(ILLEGAL)
        self.by_stream[stream] = Capture(mode)

    def end(self, stream: int) -> int:
        if stream not in self.by_stream:
            raise Refused(ILLEGAL)
        capture = self.by_stream.pop(stream)
        if not capture.valid:
            raise Refused(INVALIDATED)
        if capture.mode != RELAXED and capture.thread != threading.get_ident():
            raise Refused(WRONG_THREAD)
        return self.graph_of(capture.work)

    def graph_of(self, work: list[Callable[[], Any]]) -> int:
        handle = next(self.handles)
        self.graphs[handle] = work
        return handle

    def launch(self, graph: int, stream: int) -> None:
        count("graph")
        for work in self.graphs[graph]:
            self.do(stream, work)

    def forget(self, graph: int) -> None:
        self.graphs.pop(graph, None)

    def is_safe(self) -> bool:
        """Whether the driver may be asked for memory: cudaMalloc could wait for what is only captured."""
        mode = self.thread_mode()
        return mode == RELAXED or not self._spoil(lambda capture: capture.mode == GLOBAL and mode == GLOBAL or
                                                  capture.mode != RELAXED and capture.thread == threading.get_ident())

    def wait(self, stream: int | None = None) -> None:
        """Refuse to wait for a stream that is captured, or for all, if one is."""
        if self._spoil(lambda capture: stream is None or self.by_stream.get(stream) is capture):
            raise Refused(UNSUPPORTED)
        count("wait", "synchronize")

    def copied(self, stream: int | None, pinned: bool) -> None:
        """Refuse a copy that waits: one without a stream, or with memory of the host that is not pinned."""
        if (stream is None or not pinned) and self._spoil(
                lambda capture: stream is None or self.by_stream.get(stream) is capture):
            raise Refused(UNSUPPORTED)

    def _spoil(self, which: Callable[[Capture], bool]) -> bool:
        """Let the captures fail that something may not be done in; whether there are any."""
        found = [capture for capture in self.by_stream.values() if which(capture)]
        for capture in found:
            capture.valid = False
        return bool(found)


captures = Captures()


def record_launches(driver: ctypes.CDLL) -> None:
    """Let the driver ask whether a stream is captured, and hand over its launches."""
    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    def is_captured(stream: int | None) -> bool:
        return (stream or 0) in captures.by_stream

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
    def record(stream: int, node: int) -> None:
        captures.by_stream[stream].work.append(lambda: driver.emu_run(ctypes.c_void_p(node)))

    from tests.backend.cuda.on_cpu.runtime import keep
    keep(is_captured, record)
    driver.emu_captured_by(is_captured, record)
    captures.thread_mode = driver.emu_thread_mode
