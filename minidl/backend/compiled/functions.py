"""Exponential and hyperbolic tangent in single precision. Loops over them use vector instructions."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled

f = np.float32


@compiled
def exp(x: Any) -> Any:
    """e^x, with a relative error below 2.5e-7; 0 below -86.9, where float32 nearly ends.

    x = k ln(2) + r with |r| <= ln(2) / 2, so e^x = 2^k e^r. 2^k is built from its bits, e^r is a Taylor polynomial.
    ln(2) is the sum of two parts. The first has so few digits that its product with k is exact.
    """
    within = min(max(x, f(-86.9)), f(88.7))
    k = np.floor(within * f(1.44269504) + f(0.5))
    r = within - k * f(0.693359375)
    r += k * f(2.12194440e-4)
    y = r * f(1 / 720) + f(1 / 120)
    y = y * r + f(1 / 24)
    y = y * r + f(1 / 6)
    y = y * r + f(1 / 2)
    y = y * r + f(1)
    y = y * r + f(1)
    power = (np.int32(k) + np.int32(126)) << np.int32(23)
    y = f(2) * (y * np.int32(power).view(np.float32))
    if x < f(-86.9):
        y = f(0)
    elif x > f(88.7):
        y = f(np.inf)
    return y


@compiled
def tanh(x: Any) -> Any:
    """tanh x, with a relative error below 3.5e-7.

    It is x P(x^2) / Q(x^2), with the polynomials of degree 4 that have the smallest maximum relative error for |x| up
    to 7.9 (6e-9; the rest of the error is rounding). Beyond 7.9 it is constant, and beyond 9 it is 1.
    """
    within = min(max(x, f(-7.9)), f(7.9))
    z = within * within
    p = z * f(1.54285491e-8) + f(2.20236609e-5)
    p = p * z + f(3.57901737e-3)
    p = p * z + f(0.13450642)
    p = p * z + f(1)
    q = z * f(8.59901581e-7) + f(3.42369193e-4)
    q = q * z + f(0.0261923345)
    q = q * z + f(0.4678397)
    q = q * z + f(1)
    y = min(max(within * p / q, f(-1)), f(1))
    if x > f(9):
        y = f(1)
    elif x < f(-9):
        y = f(-1)
    return y
