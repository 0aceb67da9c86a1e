"""A row of the table of modules: which one, how it is made and what it is called with. `test_registry.py` runs them."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Row:
    """A module, how it is made and what it is called with.

    Tuples in `inputs` are shapes of normally distributed numbers; arrays, here and among the arguments, become
    tensors. `args` may be a function of the library's `nn`, for modules made of modules.
    """

    name: str
    args: tuple[Any, ...] | Callable[[Any], tuple[Any, ...]] = ()
    inputs: tuple[Any, ...] = ((4, 6),)
    kwargs: dict[str, Any] = field(default_factory=dict)
    random: bool = False    # training draws random numbers
    call: dict[str, Any] = field(default_factory=dict)  # keyword arguments of the call
    rtol: float = 1e-9
    watched: int = 1        # of so many of the inputs, the first ones, gradients are compared
    # (nn, *inputs) -> what is called with, if not the inputs
    arguments: Callable[..., tuple[Any, ...]] | None = None

    def __str__(self) -> str:
        settings = [*(self.args if isinstance(self.args, tuple) else ["..."]),
                    *(f"{k}={_short(v)}" for k, v in self.kwargs.items())]
        shapes = [list(x) if isinstance(x, tuple) else list(x.shape) for x in self.inputs[:max(1, self.watched)]]
        return f"{self.name}({', '.join(map(str, settings))}){'x'.join(map(str, shapes))}"


def _short(value: Any) -> str:
    """Without addresses, so that a test has one name in every process."""
    return "array" if isinstance(value, np.ndarray) else getattr(value, "__name__", str(value))


def row(name: str, *args: Any, inputs: Any = ((4, 6),), random: bool = False, call: Any = None,
        rtol: float = 1e-9, watched: int = 1, arguments: Any = None, **kwargs: Any) -> Row:
    return Row(name, args, inputs, kwargs, random, call or {}, rtol, watched, arguments)


def image(*shape: int) -> tuple[Any, ...]:
    return (shape,)
