"""The threads of the BLAS libraries in use: `one_blas_thread` keeps matrix products in the calling thread.

Only OpenBLAS can be asked; others are left alone.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

OF_NUMPY = np._core._multiarray_umath.__file__ or ""   # type: ignore[attr-defined]


class Library(NamedTuple):
    """How to ask for and to set the number of threads of one OpenBLAS library."""

    get: Callable[[], int]
    set: Callable[[int], None]


class Held:
    """The libraries that are held to one thread as long as anybody asks for it."""

    def __init__(self) -> None:
        self.libraries: list[Library] = []
        self.before: list[int] = []     # how many threads they had
        self.users = 0                  # how many callers are inside `one_blas_thread`
        self.lock = threading.Lock()

    def after_fork(self) -> None:
        """A child process has inherited the lock, but not the thread that may have it."""
        self.lock = threading.Lock()


_held = Held()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_held.after_fork)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products run in the calling thread alone, as long as any caller is in here."""
    with _held.lock:
        if not _held.users:
            _held.before = [library.get() for library in _held.libraries]
            for library in _held.libraries:
                library.set(1)
        _held.users += 1
    try:
        yield
    finally:
        with _held.lock:
            _held.users -= 1
            if not _held.users:
                for library, before in zip(_held.libraries, _held.before):
                    library.set(before)


def hold(module: str, number: int | None = None) -> bool:
    """Let `one_blas_thread` hold the OpenBLAS that this file, an extension module, was linked with. It has `number`
    threads from now on, or as many as it had. Returns whether there is such a library."""
    get, set_ = _function("get_num_threads", module), _function("set_num_threads", module)
    if get is None or set_ is None:
        return False
    with _held.lock:
        _held.libraries.append(Library(get, set_))
    if number is not None:
        set_(number)
    return True


def set_blas_threads(number: int) -> None:
    """Give every library that many threads, at once or when nobody holds it any more."""
    with _held.lock:
        if _held.users:
            _held.before = [number] * len(_held.libraries)
        else:
            for library in _held.libraries:
                library.set(number)


def get_blas_threads() -> list[int]:
    """How many threads each library has now."""
    return [library.get() for library in _held.libraries]


def blas_core() -> str | None:
    """The name of the processor that OpenBLAS chose its kernels for, such as "SkylakeX"; None without OpenBLAS."""
    corename = _function("get_corename", OF_NUMPY)
    if corename is None:
        return None
    corename.restype = ctypes.c_char_p
    return corename().decode()


def _function(name: str, module: str) -> Any:
    """A function of the OpenBLAS that an extension module was linked with; None if it is not to be found."""
    try:
        library = ctypes.CDLL(module)
    except OSError:
        return None
    for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
        with contextlib.suppress(AttributeError):
            return getattr(library, f"{prefix}openblas_{name}{suffix}")
    return None
