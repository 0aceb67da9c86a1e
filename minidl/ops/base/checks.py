"""Argument checks shared by the ops."""
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
                            f"{hints.suggest_tensor(x)}")


def check_real(who: str, input: Any) -> None:
    """Errors: NotImplementedError for a complex tensor, whose elements have no order."""
    if input.dtype.kind == "c":
        raise NotImplementedError(f"{who} is not supported for complex tensors; try it on x.abs(), or on the parts, "
                                  f"view_as_real(x)")


def check_floating(who: str, **arguments: Any) -> None:
    """Check that all are floating tensors of one dtype; all but `input` may be None.

    Errors: TypeError for anything but a tensor, RuntimeError for another dtype.
    """
    first = ""
    for name, x in arguments.items():
        if x is None and name != "input":
            continue
        if not hasattr(x, "dtype"):
            check_tensors(who, **{name: x})
        dtype = x.dtype
        if dtype.kind != "f":
            pixels = " (/ 255 if it holds pixels)" if dtype == "uint8" else ""
            raise RuntimeError(f"{who}: {name} must be floating-point, but it is {dtype}; try {name}.float(){pixels}")
        if not first:
            first, wanted = name, dtype
        elif dtype != wanted and dtypes_clash(x, arguments[first]):
            raise RuntimeError(f"{who}: {first} and {name} should have the same dtype, but got {wanted} and {dtype}; "
                               f"try {first}{hints.cast_to(dtype)} or {name}{hints.cast_to(wanted)}")


def dtypes_clash(a: Any, b: Any) -> bool:
    """Whether an op refuses this pair of dtypes. Autocast allows float16 with float32: it casts one of them."""
    dtypes = {a.dtype, b.dtype}
    return len(dtypes) == 2 and not (dtypes == {float16, float32} and isinstance(a, TensorBase)
                                     and device_of(a.array).type in switches.autocast)


def number(who: str, name: str, value: Any) -> Any:
    """Return a number as it is. Errors: TypeError for anything else."""
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"{who}(): argument '{name}' must be Number, not {type(value).__name__}")
    return value


def integer(who: str, name: str, n: Any) -> int:
    """Return a whole number as an int. Errors: TypeError for anything else."""
    try:
        return operator.index(n)
    except TypeError:
        raise TypeError(f"{who}(): argument '{name}' must be int, not {type(n).__name__}") from None


def natural(who: str, name: str, n: Any) -> int:
    """Return a size as an int. Errors: TypeError unless it is a whole number, RuntimeError below 0."""
    n = integer(who, name, n)
    if n < 0:
        raise RuntimeError(f"{who}: {name} must be non-negative, but got {n}")
    return n


def pair(value: Any, who: str, name: str, least: int) -> Pair:
    """Return (vertical, horizontal), given such a pair or one int. Errors: as `numbers`."""
    return numbers(value, 2, who, name, least)


def numbers(value: Any, count: int, who: str, name: str, least: int) -> Any:
    """Return one int per axis, given one for all or `count` of them.

    Errors: TypeError unless they are ints, RuntimeError for a wrong count, or where one is below `least`.
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
    """Check for (N, C, H, W), or (C, H, W) for a single image.

    With `dims` 1 or 3: (N, C, L) or (N, C, D, H, W), and the same without N.

    Errors: RuntimeError where it is neither.
    """
    if not hasattr(input, "ndim"):
        raise TypeError(f"{who}(): argument 'input' must be Tensor, not {type(input).__name__}; "
                        f"{hints.suggest_tensor(input)}")
    if input.ndim not in (dims + 1, dims + 2):
        shape = ("C, L", "C, H, W", "C, D, H, W")[dims - 1]
        advice = "unsqueeze(0) if it is one with one channel, or reshape" if input.ndim == dims else "reshape on it"
        raise RuntimeError(f"{who}: Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input, ({shape}) or "
                           f"(N, {shape}), but got input of size: {tuple(input.shape)}; try {advice}")
