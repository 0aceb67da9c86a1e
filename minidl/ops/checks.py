"""What the larger functions ask of their arguments before they start, and the errors where it does not hold."""
from __future__ import annotations

import operator
from typing import Any

Pair = tuple[int, int]


def check_tensors(who: str, **arguments: Any) -> None:
    """Tensors or arrays. Errors: TypeError for anything else."""
    for name, x in arguments.items():
        if not hasattr(x, "dtype"):
            raise TypeError(f"{who}(): argument '{name}' must be Tensor, not {type(x).__name__}; "
                            f"try minidl.tensor(...) on it first")


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
            raise RuntimeError(f"{who}: {name} must be floating-point, but it is {x.dtype}; try {name}.float()")
        first = first or name
        if x.dtype != arguments[first].dtype:
            raise RuntimeError(f"{who}: {first} and {name} should have the same dtype, but got "
                               f"{arguments[first].dtype} and {x.dtype}; try {name}.to({first}.dtype)")


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
                        f"try minidl.tensor(...) on it first")
    if input.ndim not in (dims + 1, dims + 2):
        shape = ("C, L", "C, H, W", "C, D, H, W")[dims - 1]
        raise RuntimeError(f"{who}: Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input, ({shape}) or "
                           f"(N, {shape}), but got input of size: {tuple(input.shape)}; try reshape or unsqueeze on it")
