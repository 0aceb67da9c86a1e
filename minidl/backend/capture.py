"""A step that is recorded once and replayed: what the host decides anew for each replay.

While a stream is captured, kernels are recorded with their arguments and nothing is computed. A number that the host
hands over, such as the place in a stream of random numbers or the number of a step, would be the same at each replay.
So whoever decides one asks for `captured()`, and gives it a function to call before each replay.
"""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Capture:
    """A capture: what the host does before each replay, in this order."""

    def __init__(self) -> None:
        self.before_each: list[Callable[[], object]] = []

    def words(self, function: Callable[[], Any], count: int = 1, dtype: Any = "u8") -> int:
        """The address of `count` words of 8 bytes, in which each replay finds what `function` returns then."""
        raise NotImplementedError


class Anew(int):
    """A number that the host decides anew for each replay; kernels read it at an address."""

    address: int


class Step:
    """The number of a step that is captured: each replay counts on. `count` is an array of one number on the host."""

    def __init__(self, count: Any) -> None:
        self.count = count

    def __int__(self) -> int:
        return int(self.count.item()) + 1

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("step: operation not permitted when stream is capturing: this optimizer computes with the "
                           "number of the step on the host, which would be the same in each replay; try SGD, RMSprop, "
                           "Rprop, Adadelta, or Adam or AdamW with state in the dtype of the parameters")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __pow__ = __rpow__ = __lt__ = __le__ = __gt__ = __ge__ = __mod__ = __float__ = _refuse


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
    number.address = capture.words(function)
    return number


def refuse_captured(who: str, what: str, instead: str) -> None:
    """Raise RuntimeError while a step is captured."""
    if here.capture is not None:
        raise RuntimeError(f"{who}: operation not permitted when stream is capturing: {what}; {instead}")
