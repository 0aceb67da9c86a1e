"""What several networks share: widths that are multiples, and a start for convolutions."""
from __future__ import annotations

from collections.abc import Sequence

from minidl import nn


def _make_divisible(v: float, divisor: int, min_value: int | None = None) -> int:
    """The multiple of divisor next to v, at least min_value (if not given: divisor), and not below 0.9 v.

        >>> [_make_divisible(channels, 8) for channels in (3, 20, 35, 11)]
        [8, 24, 32, 16]
    """
    multiple = max(divisor if min_value is None else min_value, int(v + divisor / 2) // divisor * divisor)
    return multiple + divisor if multiple < 0.9 * v else multiple


def start_convolutions(model: nn.Module) -> None:
    """Kaiming-normal by fan-out, with biases of 0, for each convolution."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def check_rows(name: str, rows: object, kind: type) -> None:
    """Errors: ValueError where a network's table is empty, TypeError unless it is a sequence of rows of this kind."""
    if not rows:
        raise ValueError(f"The {name} should not be empty")
    wrong = next((row for row in rows if not isinstance(row, kind)), None) if isinstance(rows, Sequence) else rows
    if wrong is not None:
        raise TypeError(f"The {name} should be List[{kind.__name__}], but got {type(wrong).__name__}")
