"""Looking on while a program runs: methods are replaced while a context is open, and cost nothing when none is."""
from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minidl.autograd.function import Function
from minidl.autograd.op import Op, owner
from minidl.autograd.tensorbase import TensorBase
from minidl.nn.module import Module


@contextlib.contextmanager
def replaced(classes: Iterable[type], name: str, around: Callable[[Callable[..., Any]], Any]) -> Iterator[None]:
    """Every method `name` that one of the classes defines itself is `around(method)` inside, and itself again after."""
    originals = [(cls, vars(cls)[name]) for cls in classes if name in vars(cls)]
    ours = []
    try:
        for cls, method in originals:
            ours.append(around(method))
            setattr(cls, name, ours[-1])
        yield
    finally:
        for (cls, method), replacement in zip(originals, ours):
            if vars(cls).get(name) is replacement:      # else somebody else has replaced it in turn: an autocast
                setattr(cls, name, method)


def op_calls(around: Callable[[Callable[..., Any]], Any]) -> contextlib.AbstractContextManager[None]:
    """`around(call)` in place of every call of an op. A class with a call of its own is seen to call its base class."""
    return replaced(_with_subclasses(Op), "__call__", around)


def function_calls(around: Callable[[Callable[..., Any]], Any]) -> contextlib.AbstractContextManager[None]:
    """`around(apply)` in place of every `apply` of a `Function` of the user's own; both are called with the class."""
    return replaced([Function], "apply", lambda method: classmethod(around(method.__func__)))  # type: ignore[attr-defined]


def module_calls(around: Callable[[Callable[..., Any]], Any]) -> contextlib.AbstractContextManager[None]:
    """`around(call)` in place of every call of a module."""
    return replaced([Module], "__call__", around)


def gradient_calls(around: Callable[[Callable[..., Any]], Any]) -> contextlib.AbstractContextManager[None]:
    """`around(input_gradients)` in place of what the engine asks of every op in backward."""
    return replaced(_with_subclasses(Op), "input_gradients", around)


def _with_subclasses(cls: Any) -> list[type]:
    found = {cls}
    for subclass in cls.__subclasses__():
        found.update(_with_subclasses(subclass))
    return list(found)


def arrays_of(value: Any) -> list[Any]:
    """The arrays of all tensors in nested tuples, lists and dicts; also those that are there as arrays."""
    if isinstance(value, TensorBase):
        return [value.array]
    if isinstance(value, (tuple, list)):
        return [array for part in value for array in arrays_of(part)]
    if isinstance(value, dict):
        return arrays_of(list(value.values()))
    return [value] if hasattr(value, "nbytes") and hasattr(value, "base") else []


def new_bytes(result: Any, inputs: Any) -> int:
    """How many bytes of memory a result takes that its inputs do not take already."""
    known = {id(owner(array)) for array in arrays_of(inputs)}
    return sum(array.nbytes for array in arrays_of(result) if id(owner(array)) not in known)
