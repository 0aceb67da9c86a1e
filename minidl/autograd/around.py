"""Functions that wrap the calls of ops: they measure a call, or cast its inputs.

    def timed(call, op, *inputs):
        start = perf_counter()
        try:
            return call(op, *inputs)        # the op, or the next function around it
        finally:
            times[op.name()] += perf_counter() - start

    with around_ops.added(timed):
        ...

There is one list of such functions for ops, one for their gradients, one for a user's `Function` and one for modules.
It is nearly always empty, and a call costs one look at the list. `autocast`, `profile` and `summary` add functions,
which may be removed in any order.
"""
from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

Outer = Callable[..., Any]      # function(call, *arguments of the call) -> the result of the call


class Around:
    """Functions that wrap all calls of one kind. The function that was added last is outermost.

    guard: called with the inputs of every call before all else; None where there are not several GPUs.
    """

    __slots__ = ("_lock", "active", "functions", "guard", "of_class")

    def __init__(self) -> None:
        self.functions: list[tuple[Outer, tuple[type, ...]]] = []
        self.of_class = _OfClass([])        # the functions around the calls of a class, innermost first
        self.guard: Callable[[str, Any], None] | None = None
        self.active = False                 # whether there is a function or a guard
        self._lock = threading.Lock()

    def set_guard(self, guard: Callable[[str, Any], None] | None) -> None:
        """Call `guard(name, inputs)` before every call; None ends that."""
        self.guard, self.active = guard, bool(self.functions) or guard is not None

    @contextlib.contextmanager
    def added(self, function: Outer, classes: tuple[type, ...] = (object,)) -> Iterator[None]:
        """Wrap the calls of instances of `classes` in `function`, inside the block, on every thread."""
        entry = (function, classes)
        with self._lock:
            self._set([*self.functions, entry])
        try:
            yield
        finally:
            with self._lock:
                self._set([other for other in self.functions if other is not entry])

    def _set(self, functions: list[tuple[Outer, tuple[type, ...]]]) -> None:
        self.functions, self.of_class = functions, _OfClass(functions)
        self.active = bool(functions) or self.guard is not None

    def call(self, inner: Callable[..., Any], first: Any, /, *args: Any, **kwargs: Any) -> Any:
        """`inner(first, *args, **kwargs)`, through all functions around it."""
        for function in self.of_class[type(first)]:
            inner = functools.partial(function, inner)
        return inner(first, *args, **kwargs)


class _OfClass(dict[type, list[Outer]]):
    """The functions around the calls of each class, found on first use."""

    def __init__(self, functions: list[tuple[Outer, tuple[type, ...]]]) -> None:
        super().__init__()
        self.functions = functions

    def __missing__(self, cls: type) -> list[Outer]:
        self[cls] = [function for function, classes in self.functions if issubclass(cls, classes)]
        return self[cls]


around_ops = Around()           # function(call, op, *inputs)
around_gradients = Around()     # function(call, op, g, graph, wanted)
around_functions = Around()     # function(call, cls, *args, **kwargs), of `Function.apply`
around_modules = Around()       # function(call, module, *args, **kwargs)


def call_wrapped(op: Any, inputs: tuple[Any, ...]) -> Any:
    """`op(*inputs)`, through all functions around it."""
    if around_ops.guard is not None:
        around_ops.guard(op.name(), inputs)
    return around_ops.call(_call_now, op, *inputs)


def _call_now(op: Any, *inputs: Any) -> Any:
    op.is_inside = True     # so that its `__call__` does not come here again
    try:
        return op(*inputs)
    finally:
        del op.is_inside


def wrapped_gradients(op: Any, g: Any, graph: bool, wanted: Any) -> list[Any]:
    """`op.input_gradients(g, graph, wanted)`, through all functions around it."""
    return around_gradients.call(_gradients_now, op, g, graph, wanted)


def _gradients_now(op: Any, g: Any, graph: bool, wanted: Any) -> list[Any]:
    return op.input_gradients(g, graph, wanted)
