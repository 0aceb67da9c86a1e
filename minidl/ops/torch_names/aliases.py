"""Functions that are another name for one, or a line on top of one: true_divide, arccos, clamp_min, rad2deg ..."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import array_module
from minidl.backend.dtype import float64, promote_types
from minidl.ops.base import cast
from minidl.ops.elementwise import (
    Eq,
    abs,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    clamp,
    div,
    ge,
    gt,
    le,
    lt,
    mul,
    ne,
    neg,
    pow,
    sub,
    trunc,
)
from minidl.ops.shape.views import array_of

absolute, subtract, multiply, divide, negative, fix = abs, sub, mul, div, neg, trunc
greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh


def detach(input: Any) -> Any:
    """The same memory without the history; see `Tensor.detach`."""
    return input.detach()


def true_divide(input: Any, other: Any) -> Any:
    """`div` without a rounding mode."""
    return div(input, other)


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """`other - alpha * input`: subtraction the other way round.

        >>> import minidl
        >>> minidl.rsub(minidl.tensor([1.0, 2.0]), 10)
        tensor([9., 8.])
    """
    return sub(other, input, alpha=alpha)


def float_power(input: Any, exponent: Any) -> Any:
    """`input ** exponent` computed in double precision; the result is float64, or complex128.

        >>> import minidl
        >>> minidl.float_power(minidl.tensor([2, 3]), -1)
        tensor([0.5000, 0.3333], dtype=float64)
    """
    def wide(x: Any) -> Any:
        return x if isinstance(x, complex) else float(x) if not hasattr(x, "dtype") else \
            cast(x, promote_types(x.dtype, float64))
    return pow(wide(input), wide(exponent))


def positive(input: Any) -> Any:
    """`+input`, which is `input` itself. Errors: RuntimeError for bools."""
    if input.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


def clamp_min(input: Any, min: Any) -> Any:
    """`clamp` from below only.

        >>> import minidl
        >>> minidl.clamp_min(minidl.tensor([-1.0, 2.0]), 0)
        tensor([0., 2.])
    """
    return clamp(input, min=min)


def clamp_max(input: Any, max: Any) -> Any:
    """`clamp` from above only.

        >>> import minidl
        >>> minidl.clamp_max(minidl.tensor([-1.0, 2.0]), 0)
        tensor([-1.,  0.])
    """
    return clamp(input, max=max)


def rad2deg(input: Any) -> Any:
    """Angles in radians as degrees.

        >>> import minidl
        >>> minidl.rad2deg(minidl.tensor([3.14159265, 0.0]))
        tensor([180.,   0.])
    """
    return mul(input, 180 / math.pi)


def deg2rad(input: Any) -> Any:
    """Angles in degrees as radians.

        >>> import minidl
        >>> minidl.deg2rad(minidl.tensor([180.0, 90.0]))
        tensor([3.1416, 1.5708])
    """
    return mul(input, math.pi / 180)


def isposinf(input: Any) -> Any:
    """Where `input` is inf. Errors: RuntimeError of complex numbers, where isinf means something.

        >>> import minidl
        >>> minidl.isposinf(minidl.tensor([float("inf"), float("-inf"), 1.0]))
        tensor([ True, False, False])
    """
    return _is_infinity("isposinf", input, math.inf)


def isneginf(input: Any) -> Any:
    """Where `input` is -inf. Errors: RuntimeError of complex numbers, where isinf means something.

        >>> import minidl
        >>> minidl.isneginf(minidl.tensor([float("inf"), float("-inf"), 1.0]))
        tensor([False,  True, False])
    """
    return _is_infinity("isneginf", input, -math.inf)


def _is_infinity(who: str, input: Any, infinity: float) -> Any:
    if getattr(input, "dtype", np.dtype(float)).kind == "c":
        raise RuntimeError(f"{who} does not support complex inputs; try isinf")
    return Eq()(input, infinity)


def isreal(input: Any) -> Any:
    """Where the imaginary part is 0: everywhere, in a tensor that is not complex.

        >>> import minidl
        >>> minidl.isreal(minidl.tensor([1 + 0j, 1j]))
        tensor([ True, False])
    """
    x = array_of(input)
    result = x.imag == 0 if x.dtype.kind == "c" else array_module(x).ones(x.shape, np.bool_)
    return wrap(result) if isinstance(input, TensorBase) else result
