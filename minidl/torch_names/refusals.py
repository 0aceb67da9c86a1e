"""Names that exist to be imported: what is refused says why, the rest does nothing."""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


def refused(name: str, reason: str) -> Any:
    """A class that can be imported, subclassed and asked for by `isinstance`, and has no objects."""
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{name}: {reason}")
    return type(name.rpartition(".")[2], (), {"__init__": __init__, "__doc__": f"{name}: {reason}"})


def refuses(name: str, reason: str) -> Callable[..., Any]:
    """A function that can be imported; a call is a NotImplementedError."""
    def function(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name}: {reason}")
    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    return function


def gives(value: Any) -> Callable[..., Any]:
    """A function that returns a value, whatever it is given."""
    return lambda *args, **kwargs: value


def first(value: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the first argument."""
    return value


def decorator(fn: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return the function as it is, used as `@decorator` or `@decorator(...)`."""
    return fn if callable(fn) else lambda fn: fn


@contextlib.contextmanager
def block(*args: Any, **kwargs: Any) -> Iterator[None]:
    """A `with` block, or a decorator, that changes nothing."""
    yield


def all_refused(path: str, reason: str, classes: str = "", functions: str = "") -> dict[str, Any]:
    """Classes and functions of a module that exist to be imported."""
    return {**{name: refused(f"{path}.{name}", reason) for name in classes.split()},
            **{name: refuses(f"{path}.{name}", reason) for name in functions.split()}}


def all_give(value: Any, names: str) -> dict[str, Any]:
    """Functions that return one value."""
    return {name: gives(value) for name in names.split()}
