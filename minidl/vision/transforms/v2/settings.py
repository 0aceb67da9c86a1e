"""Settings of the transforms of v2: checked and completed."""
from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from minidl.vision.transforms.arguments import PADDING_MODES, Size
from minidl.vision.transforms.on_images import Fill

Fills = Fill | dict[type | str, Fill]
"""One fill for all kinds of inputs, or one for each type, with "others" for the rest."""


def size_of(size: Size, message: str = "Please provide only two dimensions (h, w) for size.") -> Sequence[int]:
    """Height and width, from one number for both, or two."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)             # type: ignore[arg-type]
    if not isinstance(size, Sequence):
        raise TypeError(message)
    if len(size) not in (1, 2):
        raise ValueError(message)
    return size if len(size) == 2 else (size[0], size[0])


def two_numbers(value: float | Sequence[float], name: str) -> list[float]:
    """Two numbers, from one for both, or two."""
    if not isinstance(value, (int, float, Sequence)):
        raise TypeError(f"{name} should be a number or a sequence of numbers. Got {type(value)}")
    if isinstance(value, (int, float)):
        return [float(value)] * 2
    if len(value) not in (1, 2):
        raise ValueError(f"If {name} is a sequence its length should be 1 or 2. Got {len(value)}")
    for element in value:
        if not isinstance(element, (int, float)):
            raise ValueError(f"{name} should be a sequence of numbers. Got {type(element)}")
    return [float(value[0]), float(value[-1])]


def fills_of(fill: Fills) -> dict[type | str, Any]:
    """The fill for each type of input. Errors: TypeError unless they are numbers or sequences."""
    if isinstance(fill, dict):
        return {kind: fills_of(value)["others"] for kind, value in fill.items()}
    if fill is not None and not isinstance(fill, (numbers.Number, tuple, list)):
        raise TypeError("Got inappropriate fill arg, only Numbers, tuples, lists and dicts are allowed.")
    return {"others": fill if fill is None or isinstance(fill, (int, float)) else [float(value) for value in fill]}


def fill_for(fills: dict[type | str, Any], inpt: Any) -> Any:
    """The fill for this input; None where none is given for its type."""
    return fills.get(type(inpt), fills.get("others"))


def check_padding(padding: Size) -> None:
    """Errors: ValueError unless it is a number, or 1, 2 or 4."""
    good = isinstance(padding, int) or (isinstance(padding, (tuple, list)) and len(padding) in (1, 2, 4)
                                        and all(isinstance(side, int) for side in padding))
    if not good:
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element of tuple or list, got {padding}.")


def check_padding_mode(padding_mode: str) -> None:
    """Errors: ValueError for another name."""
    if padding_mode not in PADDING_MODES:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
