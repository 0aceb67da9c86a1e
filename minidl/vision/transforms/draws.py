"""Random numbers for transforms, from the CPU's default generator."""
from __future__ import annotations

from minidl.backend.device import Device
from minidl.random import default_generator


def draw_uniform(low: float = 0.0, high: float = 1.0) -> float:
    """A number from `low` to `high`."""
    return float(default_generator(Device("cpu")).stream.uniform(low, high))


def draw_integer(low: int, high: int) -> int:
    """An integer from `low` to `high` - 1."""
    return int(default_generator(Device("cpu")).stream.integers(low, high))


def draw_order(length: int) -> list[int]:
    """The numbers 0 to `length` - 1, in random order."""
    return default_generator(Device("cpu")).stream.permutation(length).tolist()


def draw_shares(weights: list[float]) -> list[float]:
    """Numbers that add up to 1, from a Dirichlet distribution."""
    return default_generator(Device("cpu")).stream.dirichlet(weights).tolist()
