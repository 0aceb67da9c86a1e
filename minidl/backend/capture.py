"""A step that is recorded once and replayed: what the host decides anew for each replay.

While a stream is captured, kernels are recorded with their arguments and nothing is computed. A number that the host
hands over, such as the place in a stream of random numbers or the number of a step, would be the same at each replay.
So whoever decides one asks for `captured()`, and gives it a function to call before each replay.
"""
from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import Any

import numpy as np


class Capture:
    """A capture: what the host does before each replay, and once at the end of the capture, in this order."""

    def __init__(self) -> None:
        self.before_each: list[Callable[[], object]] = []
        self.at_end: list[Callable[[], object]] = []

    def words(self, function: Callable[[], Any], count: int = 1, dtype: Any = "u8") -> Any:
        """An array of `count` words of 8 bytes on the GPU, in which each replay finds what `function` returns then."""
        raise NotImplementedError


class Anew(int):
    """A number that the host decides anew for each replay; kernels read it at an address."""

    address: int


class Later:
    """A hyperparameter or a step of a captured optimizer: the host calls `now` for its value before each replay.

    What is computed of it is a number of later, too; arithmetic with an array of CuPy takes it from memory of the GPU.
    Those with the same `name` have the same value.
    """

    def __init__(self, now: Callable[[], float], name: Any) -> None:
        self.now, self.name = now, name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Later) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __cupy_get_ndarray__(self) -> Any:
        return here.capture.words(self.now, 1, "f8").reshape(())        # type: ignore[union-attr]

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("step: operation not permitted when stream is capturing: this optimizer decides on the host "
                           "by the number of the step or the learning rate, which would be the same in each replay; "
                           "try SGD, Adam, AdamW, NAdam, RMSprop, Adagrad, Adadelta, Adamax or Rprop")

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __float__ = _refuse


def _method(function: Callable[[Any, Any], float], swapped: bool) -> Callable[[Later, Any], Any]:
    def method(self: Later, other: Any) -> Any:
        if not isinstance(other, (Later, int, float, np.generic)):
            return NotImplemented
        a, b = (other, self) if swapped else (self, other)
        return Later(lambda: function(value_now(a), value_now(b)), (function, a, b))
    return method


def value_now(number: Any) -> float:
    """The value of a number, which may be one of `Later`."""
    return number.now() if isinstance(number, Later) else number


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Later, f"__{_name}__", _method(getattr(operator, _name), False))
    setattr(Later, f"__r{_name}__", _method(getattr(operator, _name), True))


class _Here(threading.local):
    capture: Capture | None = None


here = _Here()


def captured() -> Capture | None:
    """The capture that goes on in this thread, if one does."""
    return here.capture


def anew(function: Callable[[], int]) -> int:
    """`function()`; while a step is captured an `Anew`, and the function is called for each replay."""
    capture = here.capture
    if capture is None:
        return function()
    number = Anew()
    number.address = capture.words(function).data.ptr
    return number


def refuse_captured(who: str, what: str, instead: str) -> None:
    """Raise RuntimeError while a step is captured."""
    if here.capture is not None:
        raise RuntimeError(f"{who}: operation not permitted when stream is capturing: {what}; {instead}")
