"""Arguments as PyTorch's older functions have them: in another order, or under another name.

`x.add_(2, y)` is `x.add_(y, alpha=2)`, with a warning. Old optimizers are written so. `x.hsplit(sections=2)` and
`linalg.pinv(A, 1e-3)` are told apart by PyTorch's overloads. All is looked for after the error, so other calls pay
nothing.
"""
from __future__ import annotations

from typing import Any

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.warn import warn

NUMBERS = {**dict.fromkeys(("add", "sub"), (2, ("alpha",))), **dict.fromkeys(("addcmul", "addcdiv"), (3, ("value",))),
           **dict.fromkeys(("addmm", "addmv", "addr", "baddbmm", "addbmm"), (3, ("beta", "alpha")))}
"""How many tensors a function takes, and the numbers between them by name."""

OTHER_NAMES = {
    **dict.fromkeys(("hsplit", "vsplit", "dsplit"),
                    {"sections": "indices_or_sections", "indices": "indices_or_sections"}),
    **dict.fromkeys(("random_", "uniform_"), {"from": "from_"}),
    "cholesky_solve": {"input2": "L"}, "orgqr": {"input2": "tau"}, "ormqr": {"input2": "tau", "input3": "other"},
    "tensordot": {"axes": "dims"},      # NumPy's, and opt_einsum's
    "pinv": {"rcond": "rtol"}, "matrix_rank": {"tol": "atol"},
}
"""Names of arguments in PyTorch's overloads, and ours."""

POSITIONS = {"pinv": ("rtol", "hermitian"), "matrix_rank": ("atol", "hermitian")}
"""What may follow the first tensor without its name, in an overload."""


def in_new_order(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
    """The arguments as our function has them; None if they are in no older form."""
    given = _numbers_between(name, args)
    if given is not None:
        return [value for value in args if isinstance(value, TensorBase)], {**given, **kwargs}
    named, names = dict(zip(POSITIONS.get(name, ()), args[1:])), OTHER_NAMES.get(name, {})
    renamed = {names.get(key, key): value for key, value in kwargs.items()}
    changed = named or renamed.keys() != kwargs.keys()
    if not changed or len(named | renamed) < len(named) + len(kwargs):      # one argument twice: no overload
        return None
    return args[:len(args) - len(named)], {**named, **renamed}


def _numbers_between(name: str, args: tuple[Any, ...]) -> dict[str, Any] | None:
    """The numbers that stand before tensors, by name, with the warning that PyTorch has for them."""
    count, names = NUMBERS.get(name.removesuffix("_"), (0, ()))
    numbers = [value for value in args if isinstance(value, (bool, int, float, complex))]
    tensors = sum(isinstance(value, TensorBase) for value in args)
    if not numbers or len(numbers) > len(names) or [tensors, len(args)] != [count, count + len(numbers)] or \
            not isinstance(args[-1], TensorBase):
        return None
    given = dict(zip(names, numbers))
    warn(f"This overload of {name} is deprecated: numbers before tensors; write "
         f"{name}({', '.join(['...'] * count + [f'{key}={value}' for key, value in given.items()])})")
    return given
