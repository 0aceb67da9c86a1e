"""PyTorch's names for classes that replace its functions by `__torch_function__`.

minidl's functions never look for that method, so nothing is replaced: libraries that ask whether it is there go on
with the function itself. A subclass of Tensor may define methods of its own, as any class.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

from minidl.tensors.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

__all__ = [
    "TorchFunctionMode", "get_ignored_functions", "handle_torch_function", "has_torch_function", "is_tensor_like",
    "is_tensor_method_or_property", "resolve_name", "wrap_torch_function",
]


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Always False: no function is replaced."""
    return False


def has_torch_function_unary(relevant_arg: Any) -> bool:
    """Always False: no function is replaced."""
    return False


def has_torch_function_variadic(*relevant_args: Any) -> bool:
    """Always False: no function is replaced."""
    return False


def handle_torch_function(public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any,
                          **kwargs: Any) -> NoReturn:
    """Errors: always TypeError: no argument replaces the function."""
    raise TypeError(f"no implementation found for '{public_api.__name__}': minidl's functions do not look for "
                    f"__torch_function__; call {public_api.__name__} itself")


def is_tensor_like(inp: Any) -> bool:
    """Whether a value is a Tensor, or of a class with `__torch_function__`.

        >>> import minidl
        >>> minidl.overrides.is_tensor_like(minidl.ones(2)), minidl.overrides.is_tensor_like([1.0])
        (True, False)
    """
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func: Callable[..., Any]) -> bool:
    """Whether a function is a method of Tensor."""
    return getattr(Tensor, getattr(func, "__name__", ""), None) is func


def resolve_name(f: Callable[..., Any]) -> str:
    """The name of a function, with its module."""
    return f"{f.__module__}.{f.__qualname__}"


def get_ignored_functions() -> set[Callable[..., Any]]:
    """The functions that cannot be replaced: as none can, an empty set."""
    return set()


def wrap_torch_function(dispatcher: Callable[..., Any]) -> Callable[[F], F]:
    """A decorator that returns the function as it is."""
    return lambda func: func


class TorchFunctionMode:
    """What would see every call of a function, in PyTorch. Errors: NotImplementedError where a `with` block begins."""

    def __enter__(self) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__}: minidl's functions do not look for __torch_function__; "
                                  f"profile and hooks see what is computed")

    def __exit__(self, *exc_info: object) -> None:
        """Nothing to end."""
