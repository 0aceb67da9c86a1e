"""What the larger functions ask of their arguments before they start, and the errors where it does not hold."""
from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minidl.autograd.grad_mode import switches
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import device_of
from minidl.backend.dtype import float16, float32
from minidl.ops.base import hints

Pair = tuple[int, int]


def check_tensors(who: str, **arguments: Any) -> None:
    """Tensors or arrays. Errors: TypeError for anything else."""
    for name, x in arguments.items():
        if not hasattr(x, "dtype"):
            raise TypeError(f"{who}(): argument '{name}' must be Tensor, not {type(x).__name__}; "
                            f"{hints.instead_of(x)}")


def check_real(who: str, input: Any) -> None:
    """Errors: NotImplementedError for a complex tensor, where an order is asked for, for instance."""
    if input.dtype.kind == "c":
        raise NotImplementedError(f"{who} is not supported for complex tensors; try it on x.abs(), or on the parts, "
                                  f"view_as_real(x)")


def check_floating(who: str, **arguments: Any) -> None:
    """Tensors, all floating and of one dtype; all but `input` may be None.

    Errors: TypeError for what is no tensor, RuntimeError for another dtype.
    """
    first = ""
    for name, x in arguments.items():
        if x is None and name != "input":
            continue
        check_tensors(who, **{name: x})
        if x.dtype.kind != "f":
            pixels = " (/ 255 if it holds pixels)" if x.dtype == "uint8" else ""
            raise RuntimeError(f"{who}: {name} must be floating-point, but it is {x.dtype}; try {name}.float(){pixels}")
        first = first or name
        if x.dtype != arguments[first].dtype and dtypes_clash(x, arguments[first]):
            raise RuntimeError(f"{who}: {first} and {name} should have the same dtype, but got "
                               f"{arguments[first].dtype} and {x.dtype}; try {first}{hints.cast_to(x.dtype)} or "
                               f"{name}{hints.cast_to(arguments[first].dtype)}")


def dtypes_clash(a: Any, b: Any) -> bool:
    """Whether two dtypes must not meet in an op. Inside autocast float16 and float32 may: one of them is cast."""
    dtypes = {a.dtype, b.dtype}
    return len(dtypes) == 2 and not (dtypes == {float16, float32} and isinstance(a, TensorBase)
                                     and device_of(a.array).type in switches.autocast)


def number(who: str, name: str, value: Any) -> Any:
    """A number, as it is. Errors: TypeError for anything else."""
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"{who}(): argument '{name}' must be Number, not {type(value).__name__}")
    return value


def integer(who: str, name: str, n: Any) -> int:
    """A whole number. Errors: TypeError for anything else."""
    try:
        return operator.index(n)
    except TypeError:
        raise TypeError(f"{who}(): argument '{name}' must be int, not {type(n).__name__}") from None


def natural(who: str, name: str, n: Any) -> int:
    """A size. Errors: TypeError for what is no whole number, RuntimeError below 0."""
    n = integer(who, name, n)
    if n < 0:
        raise RuntimeError(f"{who}: {name} must be non-negative, but got {n}")
    return n


def pair(value: Any, who: str, name: str, least: int) -> Pair:
    """An int for both axes, or (vertical, horizontal). Errors: as `numbers`."""
    return numbers(value, 2, who, name, least)


def numbers(value: Any, count: int, who: str, name: str, least: int) -> Any:
    """One int for all of `count` axes, or one for each, as a tuple.

    Errors: TypeError unless ints, RuntimeError for another number of them, or if one is below `least`.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(values) not in (1, count):
        raise RuntimeError(f"{who}: expected {name} to be a single integer value or a list of {count} values, "
                           f"one a dimension, but got {name}={list(values)}")
    try:
        result = tuple([operator.index(v) for v in (values if len(values) == count else values * count)])
    except TypeError:
        more = ("", " or a pair of ints", " or 3 ints")[count - 1]
        raise TypeError(f"{who}(): argument '{name}' must be an int{more}, but got {value!r}") from None
    if min(result) < least:
        raise RuntimeError(f"{who}: {name} must be at least {least}, but got {name}={value}")
    return result


def check_images(who: str, input: Any, dims: int = 2) -> None:
    """(N, C, H, W), or (C, H, W) for a single image; with other `dims`, (N, C, L) or (N, C, D, H, W).

    Errors: RuntimeError where it is neither.
    """
    if not hasattr(input, "ndim"):
        raise TypeError(f"{who}(): argument 'input' must be Tensor, not {type(input).__name__}; "
                        f"{hints.instead_of(input)}")
    if input.ndim not in (dims + 1, dims + 2):
        shape = ("C, L", "C, H, W", "C, D, H, W")[dims - 1]
        advice = "unsqueeze(0) if it is one with one channel, or reshape" if input.ndim == dims else "reshape on it"
        raise RuntimeError(f"{who}: Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input, ({shape}) or "
                           f"(N, {shape}), but got input of size: {tuple(input.shape)}; try {advice}")
