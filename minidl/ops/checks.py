"""What the larger functions ask of their arguments before they start, and the errors where it does not hold."""
from __future__ import annotations

import operator
from typing import Any

Pair = tuple[int, int]


def check_floating(who: str, **arguments: Any) -> None:
    """Tensors (or None), all floating and of one dtype.

    Errors: TypeError for what is no tensor, RuntimeError for another dtype.
    """
    first = ""
    for name, x in arguments.items():
        if x is None:
            continue
        if not hasattr(x, "dtype"):
            raise TypeError(f"{who}(): argument '{name}' must be Tensor, not {type(x).__name__}; "
                            f"try minidl.tensor(...) on it first")
        if x.dtype.kind != "f":
            raise RuntimeError(f"{who}: {name} must be floating-point, but it is {x.dtype}; try {name}.float()")
        first = first or name
        if x.dtype != arguments[first].dtype:
            raise RuntimeError(f"{who}: {first} and {name} should have the same dtype, but got "
                               f"{arguments[first].dtype} and {x.dtype}; try {name}.to({first}.dtype)")


def pair(value: Any, who: str, name: str, least: int) -> Pair:
    """An int for both axes, or (vertical, horizontal).

    Errors: TypeError unless ints, RuntimeError unless there are one or two, none below `least`.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(values) not in (1, 2):
        raise RuntimeError(f"{who}: expected {name} to be a single integer value or a list of 2 values, "
                           f"one a dimension, but got {name}={list(values)}")
    try:
        vertical, horizontal = (operator.index(v) for v in (values * 2)[:2])
    except TypeError:
        raise TypeError(f"{who}(): argument '{name}' must be an int or a pair of ints, "
                        f"but got {value!r}") from None
    if min(vertical, horizontal) < least:
        raise RuntimeError(f"{who}: {name} must be at least {least}, but got {name}={value}")
    return vertical, horizontal


def check_images(who: str, input: Any) -> None:
    """(N, C, H, W), or (C, H, W) for a single image. Errors: RuntimeError where it is neither."""
    if not hasattr(input, "ndim"):
        raise TypeError(f"{who}(): argument 'input' must be Tensor, not {type(input).__name__}; "
                        f"try minidl.tensor(...) on it first")
    if input.ndim not in (3, 4):
        raise RuntimeError(f"{who}: Expected 3D (unbatched) or 4D (batched) input, (C, H, W) or (N, C, H, W), "
                           f"but got input of size: {tuple(input.shape)}; try reshape or unsqueeze on it")
