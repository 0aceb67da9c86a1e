"""Assertions on the device: the host learns of a failure when it next waits for the device, and never waits for it.

A failure is a number in a word of pinned memory, which the host and all GPUs see. `look` reads it, which costs
nothing, after every wait. CUDA_LAUNCH_BLOCKING=1 in the environment looks at once, so that the stack of the error
shows the call.
"""
from __future__ import annotations

import os
from typing import Any

import cupy
import numpy as np
from cupy.cuda import runtime

from minidl.backend.capture import captured
from minidl.backend.cuda.module import function, launch, rows
from minidl.backend.device import Array

VALUE_BITS = 40
HINT = "found when the GPU was next waited for; CUDA_LAUNCH_BLOCKING=1 in the environment finds it at the call"


class Asserts:
    """The word, and the meaning of its numbers."""

    def __init__(self) -> None:
        self.memory = cupy.cuda.alloc_pinned_memory(8)
        self.word = np.frombuffer(self.memory, np.int64, 1)
        self.word[0] = 0
        self.pointer = np.uint64(self.memory.ptr)
        self.meanings: list[tuple[type[Exception], str]] = []
        self.numbers: dict[tuple[type[Exception], str], int] = {}
        self.at_once = os.environ.get("CUDA_LAUNCH_BLOCKING", "0") not in ("", "0")

    def none(self, bad: Array, error: type[Exception], message: str) -> None:
        """Assert that no element is true, or raise `error(message)` later."""
        launch(function("asserts.cu", "assert_none", bad.dtype), bad.size, rows(bad), self.number(error, message),
               self.pointer)
        self.launched()

    def in_range(self, positions: Array, least: int, end: int, error: type[Exception], message: str,
                 allowed: int) -> None:
        """Assert least <= positions < end, or `allowed`; else raise `error` later. `{position}` is the wrong one."""
        launch(function("asserts.cu", "assert_in_range", positions.dtype), positions.size, rows(positions),
               np.int64(least), np.int64(end), np.int64(allowed), self.number(error, message), self.pointer)
        self.launched()

    def number(self, error: type[Exception], message: str) -> Any:
        """The number of an assertion, from 1."""
        key = error, message
        if key not in self.numbers:
            self.meanings.append(key)
            self.numbers[key] = len(self.meanings)
        return np.int64(self.numbers[key])

    def launched(self) -> None:
        """Where failures are wanted at once, wait and look; a captured step is looked at after its replay."""
        if self.at_once and captured() is None:
            runtime.deviceSynchronize()
            self.look()

    def look(self) -> None:
        """Raise the error of the first assertion that failed, if one did; then forget it."""
        found = int(self.word[0])
        if not found:
            return
        self.word[0] = 0
        error, message = self.meanings[(found >> VALUE_BITS) - 1]
        value = found & (1 << VALUE_BITS) - 1
        value -= (value >> VALUE_BITS - 1) << VALUE_BITS        # its sign
        message = message.replace("{position}", str(value))
        raise error(message if self.at_once else f"{message} ({HINT})")
