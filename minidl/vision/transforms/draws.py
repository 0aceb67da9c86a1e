"""Random numbers for transforms, from the CPU's default generator."""
from __future__ import annotations

import math

import numpy as np

from minidl.backend.device import Device
from minidl.random import default_generator

_CPU = Device("cpu")


def draw_uniform(low: float = 0.0, high: float = 1.0) -> float:
    """A number from `low` to `high`. Errors: ValueError for a range that ends before it begins, or that is endless."""
    if not 0 <= high - low < math.inf:
        raise ValueError(f"expected a range from a number to a larger one, but got {low} to {high}")
    return float(low + (high - low) * default_generator(_CPU).stream.random())     # what `uniform` computes slower


def draw_integer(low: int, high: int) -> int:
    """An integer from `low` to `high` - 1."""
    return int(default_generator(_CPU).stream.integers(low, high))


def draw_order(length: int) -> list[int]:
    """The numbers 0 to `length` - 1, in random order."""
    return default_generator(_CPU).stream.permutation(length).tolist()


def draw_shares(weights: list[float]) -> list[float]:
    """Numbers that add up to 1, from a Dirichlet distribution."""
    return default_generator(_CPU).stream.dirichlet(weights).tolist()


def draw_normal(*size: int) -> np.ndarray:
    """Normally distributed numbers of float32."""
    return default_generator(_CPU).stream.standard_normal(size, np.float32)


def draw_noise(*size: int) -> np.ndarray:
    """Numbers of float32, equally distributed from -1 to 1."""
    return default_generator(_CPU).stream.random(size, np.float32) * 2 - 1


def draw_beta(alpha: float) -> float:
    """A number from 0 to 1, from Beta(alpha, alpha)."""
    return float(default_generator(_CPU).stream.beta(alpha, alpha))


def draw_several_shares(weights: list[float], count: int) -> list[list[float]]:
    """`draw_shares`, several times."""
    return default_generator(_CPU).stream.dirichlet(weights, count).tolist()
