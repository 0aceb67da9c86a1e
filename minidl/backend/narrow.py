"""Narrow floating dtypes of other libraries, which NumPy has not: their numbers as float32, which holds all of them.

A bfloat16 is the upper half of a float32. The 256 numbers of a float8 stand in a table.

Source: P. Micikevicius et al., FP8 formats for deep learning, 2022, https://arxiv.org/abs/2209.05433
"""
from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np


class Float8(NamedTuple):
    """A sign, then `exponent` bits, then those of the fraction; the exponent that stands for 1 is `bias`."""

    exponent: int
    bias: int
    special: str    # "infinite": infinities and NaNs as in IEEE 754; "finite": one NaN; "unsigned zero": it is at -0


FLOAT8 = {"float8_e4m3fn": Float8(4, 7, "finite"), "float8_e5m2": Float8(5, 15, "infinite"),
          "float8_e4m3fnuz": Float8(4, 8, "unsigned zero"), "float8_e5m2fnuz": Float8(5, 16, "unsigned zero")}
ITEMSIZE = {"bfloat16": 2, **dict.fromkeys(FLOAT8, 1)}
"""The bytes of a number, by the names that PyTorch and ml_dtypes use."""


def widened(data: np.ndarray, name: str) -> np.ndarray:
    """The float32 numbers in bytes (uint8) of a dtype of `ITEMSIZE`.

        >>> widened(np.array([0x38, 0xC0, 0x7F], np.uint8), "float8_e4m3fn")
        array([ 1., -2., nan], dtype=float32)
    """
    if name == "bfloat16":
        return (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return numbers(FLOAT8[name])[data]


@functools.cache
def numbers(kind: Float8) -> np.ndarray:
    """The number of each of the 256 bytes."""
    codes, fraction_bits = np.arange(256), 7 - kind.exponent
    exponent, fraction = codes >> fraction_bits & (1 << kind.exponent) - 1, codes & (1 << fraction_bits) - 1
    normal = (1 + fraction / 2 ** fraction_bits) * 2.0 ** (exponent - kind.bias)
    size = np.where(exponent == 0, fraction * 2.0 ** (1 - kind.bias - fraction_bits), normal)
    if kind.special == "infinite":
        size[exponent == exponent.max()] = np.nan
        size[(exponent == exponent.max()) & (fraction == 0)] = np.inf
    elif kind.special == "finite":
        size[codes & 127 == 127] = np.nan
    else:
        size[codes == 128] = np.nan
    return np.where(codes < 128, size, -size).astype(np.float32)
