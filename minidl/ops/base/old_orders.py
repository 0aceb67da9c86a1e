"""PyTorch's older orders of arguments, in which numbers stand before the tensors that they multiply.

`x.add_(2, y)` is `x.add_(y, alpha=2)`, as PyTorch still has it, with a warning. Old optimizers are written so. The
order is looked for after the error, so other calls pay nothing.
"""
from __future__ import annotations

from typing import Any

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.warn import warn

NUMBERS = {**dict.fromkeys(("add", "sub"), (2, ("alpha",))), **dict.fromkeys(("addcmul", "addcdiv"), (3, ("value",))),
           **dict.fromkeys(("addmm", "addmv", "addr", "baddbmm", "addbmm"), (3, ("beta", "alpha")))}
"""How many tensors a function takes, and the numbers between them by name."""


def in_new_order(name: str, args: tuple[Any, ...]) -> tuple[list[Any], dict[str, Any]] | None:
    """The arguments as they are written today; None if they are in no older order."""
    count, names = NUMBERS.get(name.removesuffix("_"), (0, ()))
    tensors = [value for value in args if isinstance(value, TensorBase)]
    numbers = [value for value in args if isinstance(value, (bool, int, float, complex))]
    if not numbers or len(numbers) > len(names) or [len(tensors), len(args)] != [count, count + len(numbers)] or \
            not isinstance(args[-1], TensorBase):
        return None
    given = dict(zip(names, numbers))
    warn(f"This overload of {name} is deprecated: numbers before tensors; write "
         f"{name}({', '.join(['...'] * count + [f'{key}={value}' for key, value in given.items()])})")
    return tensors, given
