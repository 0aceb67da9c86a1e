"""The kernel seam: a generic body, and faster bodies that may decline.

    @kernel                                   # backend/kernels/conv.py
    def conv2d_forward(x, w, geometry): ...   # written in plain `xp`: runs everywhere, is the specification

    @conv2d_forward.register("cupy")          # backend/cuda/conv.py
    def _(x, w, geometry): ...                # or `return NotImplemented` (dtype, size, layout)

A call looks at the library of its first argument, tries that library's bodies, newest first, and falls
back on the generic one. `registry` lists every kernel, so that one test can hold each fast body against
its specification.

A kernel that treats every element by itself says `@kernel(elementwise=True)`. A library then makes a faster body from
the generic one (`for_elementwise`), which is tried after all others.
"""
from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, overload

from minidl.backend.device import library_of

registry: dict[str, Kernel] = {}
bodies: defaultdict[str, dict[str, list[Callable[..., Any]]]] = defaultdict(dict)
"""The faster bodies, by the name of the kernel and then by library. They may come before the kernel."""
_makers: dict[str, Callable[[Kernel], Callable[..., Any]]] = {}     # by library: see `for_elementwise`


class Kernel:
    """A function on raw arrays with one generic body and any number of faster ones.

    Args:
        generic: the body that runs everywhere.
        elementwise: whether it treats every element by itself. Its arguments are then arrays of one shape (or None),
            before all others.
        results: how many new arrays of that shape an elementwise kernel returns; 0 if it writes in place.
    """

    def __init__(self, generic: Callable[..., Any], elementwise: bool = False, results: int = 0) -> None:
        functools.update_wrapper(self, generic)
        self.generic, self.elementwise, self.results = generic, elementwise, results
        self.bodies = bodies[generic.__name__]
        if generic.__name__ in registry:
            raise ValueError(f"kernel: a kernel named '{generic.__name__}' exists already")
        registry[generic.__name__] = self
        if elementwise:
            for library, make in _makers.items():
                self.bodies.setdefault(library, []).append(make(self))

    def register(self, library: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Add a faster body for the arrays of `library` ('numpy', 'cupy'); the newest is tried first."""
        return register(self.generic.__name__, library)

    def __call__(self, *args: Any) -> Any:
        if self.bodies:
            for body in self.bodies.get(library_of(args[0]).name, ()):
                result = body(*args)
                if result is not NotImplemented:
                    return result
        return self.generic(*args)


@overload
def kernel(generic: Callable[..., Any]) -> Kernel: ...
@overload
def kernel(*, elementwise: bool, results: int = 0) -> Callable[[Callable[..., Any]], Kernel]: ...
def kernel(generic: Any = None, **how: Any) -> Any:
    """Declare a kernel by its generic body: `@kernel`, or `@kernel(elementwise=True)`; see `Kernel`."""
    return functools.partial(Kernel, **how) if generic is None else Kernel(generic)


def register(name: str, library: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`Kernel.register` for the kernel called `name`, which may be declared later, on a higher floor."""
    def add(body: Callable[..., Any]) -> Callable[..., Any]:
        bodies[name].setdefault(library, []).insert(0, body)
        return body
    return add


def for_elementwise(library: str) -> Callable[[Callable[[Kernel], Any]], Callable[[Kernel], Any]]:
    """Let `make(kernel)` give each elementwise kernel a body for `library`, also those that are declared later."""
    def add(make: Callable[[Kernel], Callable[..., Any]]) -> Callable[[Kernel], Callable[..., Any]]:
        _makers[library] = make
        for known in registry.values():
            if known.elementwise:
                known.bodies.setdefault(library, []).append(make(known))
        return make
    return add
