"""PyTorch's names for compiling. minidl has no compiler: a program runs as it is written.

So each function here keeps the meaning of a program and none of its speed: `compile` returns what it is given.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs", "lite")

__all__ = [
    "allow_in_graph", "assume_constant_result", "compile", "cudagraph_mark_step_begin", "disable", "is_compiling",
    "is_dynamo_compiling", "is_exporting", "list_backends", "reset", "set_stance",
]


def compile(model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None,  # noqa: A001
            backend: str | Callable[..., Any] = "inductor", mode: str | None = None,
            options: dict[str, Any] | None = None, disable: bool = False) -> Any:
    """Return the function or module as it is: nothing is compiled.

    Without a model it is a decorator, as PyTorch's. No setting has an effect, so `fullgraph` does not check that one
    graph holds the whole, and a `backend` is never called. PyTorch's returns a module around the given one, whose
    `state_dict` has keys that begin with "_orig_mod."; this one has the module's own. Errors: RuntimeError for both
    mode and options, or an unknown mode.

        >>> import minidl
        >>> from minidl import nn
        >>> model = nn.Linear(3, 2)
        >>> minidl.compile(model, mode="reduce-overhead") is model
        True
        >>> @minidl.compile
        ... def double(x):
        ...     return 2 * x
        >>> double(minidl.ones(2))
        tensor([2., 2.])
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode is not None and mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")
    if model is not None and not callable(model):
        raise RuntimeError(f"compile: expected a function or a module, got {type(model).__name__}")
    return _same if model is None else model


def is_compiling() -> bool:
    """Always False: the program runs as it is written."""
    return False


is_dynamo_compiling = is_compiling
is_exporting = is_compiling


def disable(fn: F | None = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Return the function as it is, or without one, a decorator that does."""
    return _same if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """Return the function, or the list of functions, as it is."""
    return fn


def assume_constant_result(fn: F) -> F:
    """Return the function as it is: it runs at every call."""
    return fn


def cudagraph_mark_step_begin() -> None:
    """Do nothing: there are no graphs of CUDA."""


def reset() -> None:
    """Do nothing: there is nothing compiled to forget."""


def list_backends(exclude_tags: Iterable[str] | None = ("debug", "experimental")) -> list[str]:
    """The compilers: none."""
    return []


class set_stance:  # noqa: N801  (PyTorch's name)
    """Do nothing, as a call, a decorator or a `with` block."""

    def __init__(self, stance: str = "default", **settings: Any) -> None:
        pass

    def __call__(self, fn: F) -> F:
        """The function as it is."""
        return fn

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        pass


def _same(value: F) -> F:
    return value
