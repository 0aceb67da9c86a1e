"""One place to stand around the calls of ops: to watch them, or to cast what they are given.

    def timed(call, op, *inputs):
        start = perf_counter()
        try:
            return call(op, *inputs)        # the op, or what else stands around it
        finally:
            times[op.name()] += perf_counter() - start

    with around_ops.added(timed):
        ...

The calls of ops, of their gradients, of a user's `Function` and of modules each have such a place. Nearly always it is
empty, and a call pays one look at a list. `autocast`, `profile` and `summary` put functions into them, which may be
taken out again in any order.
"""
from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

Outer = Callable[..., Any]      # function(call, *arguments of the call) -> the result of the call


class Around:
    """Functions that stand around all calls of one kind. The one that was added last is outermost."""

    __slots__ = ("_lock", "functions", "of_class")

    def __init__(self) -> None:
        self.functions: list[tuple[Outer, tuple[type, ...]]] = []
        self.of_class = _OfClass([])        # what stands around the calls of instances of a class, innermost first
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def added(self, function: Outer, classes: tuple[type, ...] = (object,)) -> Iterator[None]:
        """Inside, `function` stands around the calls of instances of `classes`, on every thread."""
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

    def call(self, inner: Callable[..., Any], first: Any, /, *args: Any, **kwargs: Any) -> Any:
        """`inner(first, *args, **kwargs)`, through all that stands around it."""
        for function in self.of_class[type(first)]:
            inner = functools.partial(function, inner)
        return inner(first, *args, **kwargs)


class _OfClass(dict[type, list[Outer]]):
    """The functions that concern a class, found when they are first asked for."""

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


def call_watched(op: Any, inputs: tuple[Any, ...]) -> Any:
    """`op(*inputs)`, through all that stands around it."""
    return around_ops.call(_call_now, op, *inputs)


def _call_now(op: Any, *inputs: Any) -> Any:
    op.is_inside = True     # its `__call__` does not come here again
    try:
        return op(*inputs)
    finally:
        del op.is_inside


def watched_gradients(op: Any, g: Any, graph: bool, wanted: Any) -> list[Any]:
    """`op.input_gradients(g, graph, wanted)`, through all that stands around it."""
    return around_gradients.call(_gradients_now, op, g, graph, wanted)


def _gradients_now(op: Any, g: Any, graph: bool, wanted: Any) -> list[Any]:
    return op.input_gradients(g, graph, wanted)
