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
        self.checks: dict[Any, Callable[[], object]] = {}           # before each replay, first of all; they may raise
        self.before_each: list[Callable[[], object]] = []
        self.at_end: list[Callable[[], object]] = []
        self.places: dict[tuple[Later, str], Any] = {}              # of numbers, in the step that is captured
        self.dtype: Any = "f8"                                      # in which arithmetic with arrays finds numbers

    def words(self, function: Callable[[], Any], count: int = 1, dtype: Any = "u8") -> Any:
        """An array of `count` words of 8 bytes on the GPU, in which each replay finds what `function` returns then."""
        raise NotImplementedError

    def stays(self, name: Any, who: str, now: Callable[[], Any]) -> Any:
        """The value of `now()`, by which the host decides what is captured: a replay with another is refused."""
        then = now()

        def check() -> None:
            if (value := now()) != then:
                raise RuntimeError(f"CUDAGraph.replay: {who} was {then} when the step was captured, which decided what "
                                   f"it does, and is {value} now; capture the step again")
        self.checks.setdefault(name, check)
        return then


class Anew(int):
    """A number that the host decides anew for each replay; kernels read it at an address."""

    address: int


class Later:
    """A hyperparameter or a step of a captured optimizer: the host calls `now` for its value before each replay.

    What is computed of it is a number of later, too; arithmetic with an array of CuPy takes it from memory of the GPU,
    in the precision of the parameter. Where Python asks whether it is true, or takes it for a count, what is captured
    depends on the answer: a replay with another answer is refused. Those with the same `name` have the same value.
    """

    def __init__(self, now: Callable[[], Any], name: tuple[Any, ...]) -> None:
        self.now, self.name = now, name

    def __eq__(self, other: object) -> bool:
        return self.name == other.name if isinstance(other, Later) else self._refuse()

    def __hash__(self) -> int:
        return hash(self.name)

    def on_gpu(self, dtype: Any = None) -> Any:
        """The 0-d array in which each replay finds the number; one for all numbers of its name."""
        capture: Any = here.capture
        key = self, np.dtype(capture.dtype if dtype is None else dtype).str
        if key not in capture.places:
            capture.places[key] = capture.words(self.now, 1, key[1])[0]
        return capture.places[key]

    __cupy_get_ndarray__ = on_gpu

    def _decide(self, kind: Callable[[Any], Any]) -> Any:
        who = f"{kind.__name__}({getattr(self.name[0], '__name__', self.name[0])})"
        return here.capture.stays((kind, self), who, lambda: kind(self.now()))     # type: ignore[union-attr]

    def __bool__(self) -> bool:
        return bool(self._decide(bool))

    def __index__(self) -> int:
        return int(self._decide(operator.index))

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("step: operation not permitted when stream is capturing: this optimizer decides on the host "
                           "by the number of the step or a hyperparameter, which would be the same in each replay; try "
                           "SGD, Adam, AdamW, NAdam, RAdam, RMSprop, Adagrad, Adadelta, Adamax, ASGD, Rprop or Muon")

    __float__ = _refuse


def of_numbers(function: Callable[..., Any], *numbers: Any) -> Any:
    """`function(*numbers)`, which is a number of later where one of them is."""
    if any(isinstance(number, Later) for number in numbers):
        return Later(lambda: function(*map(value_now, numbers)), (function, *numbers))
    return function(*numbers)


def value_now(number: Any) -> Any:
    """The value of a number, which may be one of `Later`."""
    return number.now() if isinstance(number, Later) else number


def _method(function: Callable[[Any, Any], Any], swapped: bool) -> Callable[[Later, Any], Any]:
    def method(self: Later, other: Any) -> Any:
        if not isinstance(other, (Later, int, float, np.generic)):
            return NotImplemented
        return of_numbers(function, *((other, self) if swapped else (self, other)))
    return method


for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Later, f"__{_name}__", _method(getattr(operator, _name), False))
    setattr(Later, f"__r{_name}__", _method(getattr(operator, _name), True))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Later, f"__{_name}__", _method(getattr(operator, _name), False))


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
