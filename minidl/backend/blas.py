"""The number of threads of the BLAS libraries: `one_blas_thread` limits it to one.

OpenBLAS's functions are called directly; those of MKL, BLIS and others by way of threadpoolctl, where it is
installed. It does not stand here for OpenBLAS too: every large product limits and releases, which takes it 5.4 us and
this file 1.9; its limits know nothing of each other, so of two threads that leave one after the other, the second may
restore the limit itself; and an import of minidl would load it.
"""
from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

NUMPY_MODULE = np._core._multiarray_umath.__file__ or ""   # type: ignore[attr-defined]


class Library(NamedTuple):
    """The functions that get and set the number of threads of one library."""

    get: Callable[[], int]
    set: Callable[[int], None]


class ManagedLibraries:
    """The libraries that have one thread while any caller is inside: `with one_blas_thread()`.

    It is one object for all callers, with methods of its own, since every small product enters and leaves: that takes a
    third of the time of a generator.
    """

    def __init__(self) -> None:
        self.libraries: list[Library] = []
        self.before: list[int] = []     # how many threads each had before
        self.users = 0                  # how many callers are inside
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            if not self.users:
                self.before = [library.get() for library in self.libraries]
                for library in self.libraries:
                    library.set(1)
            self.users += 1

    def __exit__(self, *exc_info: object) -> None:
        with self.lock:
            self.users -= 1
            if not self.users:
                for library, before in zip(self.libraries, self.before):
                    library.set(before)

    def after_fork(self) -> None:
        """Make a new lock: a child process inherits the lock, but not the thread that may hold it."""
        self.lock = threading.Lock()


_managed = ManagedLibraries()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_managed.after_fork)


def one_blas_thread() -> ManagedLibraries:
    """Run matrix products in the calling thread alone, while any caller is inside."""
    return _managed


def manage(module: str, number: int | None = None) -> bool:
    """Let `one_blas_thread` limit the BLAS that an extension module is linked with.

    Args:
        module: the file of the extension module.
        number: how many threads the library has from now on; None leaves the number as it is.

    Returns whether there is such a library.
    """
    get, set_ = _function("get_num_threads", module), _function("set_num_threads", module)
    found = _others() if get is None or set_ is None else [Library(get, set_)]
    with _managed.lock:
        _managed.libraries.extend(found)
    if number is not None:
        for library in found:
            library.set(number)
    return bool(found)


def _others() -> list[Library]:
    """The BLAS libraries in this process, as threadpoolctl finds them."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return []
    controller = importlib.import_module("threadpoolctl").ThreadpoolController()
    return [Library(library.get_num_threads, library.set_num_threads)
            for library in controller.lib_controllers if library.user_api == "blas"]


def set_blas_threads(number: int) -> None:
    """Give every library `number` threads, now or when the last caller leaves `one_blas_thread`."""
    with _managed.lock:
        if _managed.users:
            _managed.before = [number] * len(_managed.libraries)
        else:
            for library in _managed.libraries:
                library.set(number)


def get_blas_threads() -> list[int]:
    """The number of threads of each library."""
    return [library.get() for library in _managed.libraries]


def blas_core() -> str | None:
    """The processor of OpenBLAS's kernels, such as "SkylakeX"; None without OpenBLAS."""
    corename = _function("get_corename", NUMPY_MODULE)
    if corename is None:
        return None
    corename.restype = ctypes.c_char_p
    return corename().decode()


def _function(name: str, module: str) -> Any:
    """A function of the OpenBLAS library of an extension module; None if there is none."""
    try:
        library = ctypes.CDLL(module)
    except OSError:
        return None
    for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
        with contextlib.suppress(AttributeError):
            return getattr(library, f"{prefix}openblas_{name}{suffix}")
    return None
