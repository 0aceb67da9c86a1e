"""The kernel seam: a generic body, and faster bodies that may decline.

    @kernel                                   # backend/kernels/conv.py
    def conv2d_forward(x, w, geometry): ...   # written in plain `xp`: runs everywhere, is the specification

    @conv2d_forward.register("cupy")          # backend/cuda/conv.py
    def _(x, w, geometry): ...                # or `return NotImplemented` (dtype, size, layout)

A call looks at the library of its first argument, tries that library's bodies, newest first, and falls
back on the generic one. `registry` lists every kernel, so that one test can hold each fast body against
its specification.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from minidl.backend.device import library_of

registry: dict[str, Kernel] = {}


class Kernel:
    """A function on raw arrays with one generic body and any number of faster ones."""

    def __init__(self, generic: Callable[..., Any]) -> None:
        functools.update_wrapper(self, generic)
        self.generic = generic
        self.bodies: dict[str, list[Callable[..., Any]]] = {}
        if generic.__name__ in registry:
            raise ValueError(f"kernel: a kernel named '{generic.__name__}' exists already")
        registry[generic.__name__] = self

    def register(self, library: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Add a faster body for the arrays of `library` ('numpy', 'cupy'); the newest is tried first."""
        def add(body: Callable[..., Any]) -> Callable[..., Any]:
            self.bodies.setdefault(library, []).insert(0, body)
            return body
        return add

    def __call__(self, *args: Any) -> Any:
        if self.bodies:
            for body in self.bodies.get(library_of(args[0]).name, ()):
                result = body(*args)
                if result is not NotImplemented:
                    return result
        return self.generic(*args)


kernel = Kernel
