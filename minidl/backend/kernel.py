"""The kernel seam: a generic body, and faster bodies that may decline.

    @kernel                                                    # backend/kernels/conv.py
    def conv2d_forward(x, w, geometry): ...                    # plain `xp`: runs everywhere, is the specification

    @conv2d_forward.register("numpy")                          # backend/cpu/conv.py
    def conv2d_forward_im2col(x, w, geometry): ...             # or `return NotImplemented` (dtype, size, layout)

    @conv2d_forward.register("numpy", before="conv2d_forward_im2col")
    def conv2d_forward_winograd(x, w, geometry): ...           # backend/cpu/winograd.py

A call tries the bodies registered for the library of its first argument, and the generic body last. `before` says
which body is tried first; the order of imports has no influence. A `layer` is a second set of bodies, such as
"compiled". It is off until `prefer(layer)` puts it in front. To see the order, print the kernel:

    >>> from minidl.backend.kernels.conv import conv2d_weight_grad
    >>> conv2d_weight_grad      # doctest: +ELLIPSIS
    <kernel conv2d_weight_grad: numpy: ...conv2d_weight_grad_winograd, conv2d_weight_grad_im2col; generic>

A kernel that computes every element by itself is declared with `@kernel(elementwise=True)`. A library then makes a
faster body from the generic one (`for_elementwise`); it is tried after all other faster bodies. `registry` lists every
kernel, so that one test compares each body with its specification. docs/adding_a_kernel.md shows it step by step.
"""
from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple, overload

import numpy as np

from minidl.backend.device import library_of


class Body(NamedTuple):
    """A faster body of a kernel, and its place in the order."""

    function: Callable[..., Any]
    library: str                # the library of the arrays that it takes: "numpy", "cupy"
    layer: str | None = None    # the body is tried only where this layer is preferred
    before: str | None = None   # the name of the body, of the same library and layer, that is tried next
    last: bool = False          # tried after all others

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def place(self) -> tuple[str, str | None, bool]:
        """The group to which the body belongs; the bodies of one group are ordered by `before`."""
        return self.library, self.layer, self.last


class Bodies:
    """The faster bodies of one kernel, and the order in which they are tried."""

    def __init__(self) -> None:
        self.all: list[Body] = []
        self.tried: dict[str, list[Callable[..., Any]]] = {}    # by library

    def add(self, body: Body) -> None:
        """Add a body, or replace one of the same name.

        Errors: ValueError where no `before` orders two bodies.
        """
        others = [other for other in self.all if (other.place, other.name) != (body.place, body.name)]
        known = {other.name: other for other in [*others, body] if other.place == body.place}
        for name, other in known.items():
            missing = {body.before, other.before} - {None, *known}      # a named body may be registered later
            if other is not body and not missing and _followers(other, known) == _followers(body, known):
                raise ValueError(f"register: {name} and {body.name} are both for {body.library}, and nobody has said "
                                 f"which is tried first; try register({body.library!r}, before={name!r})")
        self.all = [*others, body]
        self.order()

    def order(self) -> None:
        """Compute `tried` again."""
        tried: dict[str, list[Callable[..., Any]]] = {}
        found = [body for body in self.all if body.layer in layers]
        for body in sorted(found, key=lambda body: (layers.index(body.layer), body.last, -_followers(body, {
                other.name: other for other in found if other.place == body.place}))):
            tried.setdefault(body.library, []).append(body.function)
        self.tried = tried      # in one step: other threads may be calling


def _followers(body: Body, known: dict[str, Body]) -> int:
    """The number of bodies behind this one in the chain of `before`. Errors: ValueError for a circle."""
    count = 0
    while body.before is not None:
        count += 1
        if count > len(known):
            raise ValueError(f"register: each of the bodies {', '.join(known)} is to be tried before another, in a "
                             f"circle")
        if body.before not in known:
            break
        body = known[body.before]
    return count


registry: dict[str, Kernel] = {}
bodies: defaultdict[str, Bodies] = defaultdict(Bodies)     # by the name of the kernel, which may be declared later
layers: list[str | None] = [None]                          # the layers that are on, in the order of trying
_makers: dict[str, Callable[[Kernel], Callable[..., Any]]] = {}     # by library: see `for_elementwise`


class Kernel:
    """A function on raw arrays with one generic body and any number of faster ones.

    Args:
        generic: the body that runs everywhere.
        elementwise: whether it computes every element by itself. Then its first arguments are arrays of one shape (or
            None), and all others follow.
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
                self.bodies.add(Body(make(self), library, last=True))

    def register(self, library: str, *, before: str | None = None,
                 layer: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Add a faster body for the arrays of `library` ('numpy', 'cupy').

        Args:
            before: the name of the body, of the same library and layer, that is tried next, if there is another.
            layer: a set of bodies that is off until `prefer(layer)`.

        Errors: ValueError where there is another body and no `before` orders the two.
        """
        return register(self.generic.__name__, library, before=before, layer=layer)

    def __call__(self, *args: Any) -> Any:
        tried = self.bodies.tried
        if tried:
            for body in tried.get("numpy" if type(args[0]) is np.ndarray else library_of(args[0]).name, ()):
                result = body(*args)
                if result is not NotImplemented:
                    return result
        return self.generic(*args)

    def __repr__(self) -> str:
        tried = [f"{library}: {', '.join(body.__name__ for body in found)}; "
                 for library, found in self.bodies.tried.items()]
        return f"<kernel {self.generic.__name__}: {''.join(tried)}generic>"


@overload
def kernel(generic: Callable[..., Any]) -> Kernel: ...
@overload
def kernel(*, elementwise: bool, results: int = 0) -> Callable[[Callable[..., Any]], Kernel]: ...
def kernel(generic: Any = None, **how: Any) -> Any:
    """Declare a kernel by its generic body: `@kernel`, or `@kernel(elementwise=True)`; see `Kernel`."""
    return functools.partial(Kernel, **how) if generic is None else Kernel(generic)


def register(name: str, library: str, *, before: str | None = None,
             layer: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`Kernel.register` for the kernel called `name`, which may be declared later, on a higher floor."""
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        bodies[name].add(Body(function, library, layer, before))
        return function
    return add


def for_elementwise(library: str) -> Callable[[Callable[[Kernel], Any]], Callable[[Kernel], Any]]:
    """Let `make(kernel)` give each elementwise kernel, also later ones, a body for `library`."""
    def add(make: Callable[[Kernel], Callable[..., Any]]) -> Callable[[Kernel], Callable[..., Any]]:
        _makers[library] = make
        for known in registry.values():
            if known.elementwise:
                known.bodies.add(Body(make(known), library, last=True))
        return make
    return add


def prefer(layer: str, on: bool = True) -> None:
    """Try the bodies of a layer first, in every kernel; with `on=False`, leave them out again."""
    layers[:] = [*([layer] if on else []), *[other for other in layers if other != layer]]
    for found in bodies.values():
        found.order()
