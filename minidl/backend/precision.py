"""The precision of float32 products and convolutions, as `set_float32_matmul_precision` sets it."""
from __future__ import annotations

from collections.abc import Callable

WORDS = ("highest", "high", "medium")

float32_matmul = "highest"      # with another word, kernels may lose some digits where that is faster
followers: list[Callable[[str], None]] = []     # libraries of arrays with such a setting of their own


def choose(word: str) -> None:
    """Change the precision, here and in the libraries below."""
    global float32_matmul
    float32_matmul = word
    for follow in followers:
        follow(word)
