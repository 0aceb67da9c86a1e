"""Aliases, and functions of one line: true_divide, arccos, clamp_min, rad2deg ..."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.inplace import write
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import array_module
from minidl.backend.dtype import complex128, float64, promote_types
from minidl.ops import linalg
from minidl.ops.base import cast, return_types
from minidl.ops.base.declaration import alias, in_place, public
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
    mul_,
    ne,
    neg,
    pow,
    sigmoid,
    sub,
    sub_,
    trunc,
)
from minidl.ops.linalg import inv, older_lu, older_lu_solve, qr_some, svd_some
from minidl.ops.shape.views import array_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

absolute = alias("absolute", abs)
absolute_ = in_place(absolute)
subtract = alias("subtract", sub)
subtract_ = alias("subtract_", sub_)
multiply = alias("multiply", mul)
multiply_ = alias("multiply_", mul_)
divide = alias("divide", div)
divide_ = in_place(divide)
negative = alias("negative", neg)
negative_ = in_place(negative)
fix = alias("fix", trunc)
fix_ = in_place(fix)
greater = alias("greater", gt)
greater_ = in_place(greater)
greater_equal = alias("greater_equal", ge)
greater_equal_ = in_place(greater_equal)
less = alias("less", lt)
less_ = in_place(less)
less_equal = alias("less_equal", le)
less_equal_ = in_place(less_equal)
not_equal = alias("not_equal", ne)
not_equal_ = in_place(not_equal)
arccos = alias("arccos", acos)
arccos_ = in_place(arccos)
arcsin = alias("arcsin", asin)
arcsin_ = in_place(arcsin)
arctan = alias("arctan", atan)
arctan_ = in_place(arctan)
arctan2 = alias("arctan2", atan2)
arctan2_ = in_place(arctan2)
arccosh = alias("arccosh", acosh)
arccosh_ = in_place(arccosh)
arcsinh = alias("arcsinh", asinh)
arcsinh_ = in_place(arcsinh)
arctanh = alias("arctanh", atanh)
arctanh_ = in_place(arctanh)
expit = alias("expit", sigmoid)
inverse = alias("inverse", inv)
qr = alias("qr", qr_some)
svd = alias("svd", svd_some)
lu = alias("lu", older_lu)
lu_solve = alias("lu_solve", older_lu_solve)


@public
def detach(input: Tensor) -> Tensor:
    """A tensor on the same memory without the history; see `Tensor.detach`."""
    return input.detach()


@public
def detach_(input: Tensor) -> Tensor:
    """Remove the history of `input`; returns `input`. Errors: RuntimeError for a view."""
    return input.detach_()


@public
def true_divide(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`div` without a rounding mode."""
    return div(input, other)

true_divide_ = in_place(true_divide)


@public
def rsub(input: Tensor | complex, other: Tensor | complex, *, alpha: Any = 1) -> Tensor:
    """`other - alpha * input`: subtraction with the operands exchanged.

        >>> import minidl
        >>> minidl.rsub(minidl.tensor([1.0, 2.0]), 10)
        tensor([9., 8.])
    """
    return sub(other, input, alpha=alpha)


@public
def float_power(input: Tensor | complex, exponent: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input ** exponent` in double precision; the result is float64, or complex128.

        >>> import minidl
        >>> minidl.float_power(minidl.tensor([2, 3]), -1)
        tensor([0.5000, 0.3333], dtype=float64)
    """
    def as_double(x: Any) -> Any:
        return x if isinstance(x, complex) else float(x) if not hasattr(x, "dtype") else \
            cast(x, promote_types(x.dtype, float64))
    return pow(as_double(input), as_double(exponent))


@public
def float_power_(input: Tensor, exponent: Tensor | complex) -> Tensor:
    """`float_power`, written into `input`; returns `input`.

    Errors: RuntimeError unless `input` is float64 or complex128, since the result is.
    """
    if input.dtype not in (float64, complex128):
        raise RuntimeError(f"float_power_: the base given to float_power_ has dtype {input.dtype} but the operation's "
                           f"result requires dtype float64; try .double() first")
    return write(input, float_power, exponent, who="float_power_")


@public
def positive(input: Tensor) -> Tensor:
    """`+input`, which is `input` itself. Errors: RuntimeError for bools."""
    if input.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@public
def clamp_min(input: Tensor, min: Any, *, out: Tensor | None = None) -> Tensor:
    """`clamp` with only a lower bound.

        >>> import minidl
        >>> minidl.clamp_min(minidl.tensor([-1.0, 2.0]), 0)
        tensor([0., 2.])
    """
    return clamp(input, min=min)

clamp_min_ = in_place(clamp_min)


@public
def clamp_max(input: Tensor, max: Any, *, out: Tensor | None = None) -> Tensor:
    """`clamp` with only an upper bound.

        >>> import minidl
        >>> minidl.clamp_max(minidl.tensor([-1.0, 2.0]), 0)
        tensor([-1.,  0.])
    """
    return clamp(input, max=max)

clamp_max_ = in_place(clamp_max)


@public
def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Convert angles from radians to degrees.

        >>> import minidl
        >>> minidl.rad2deg(minidl.tensor([3.14159265, 0.0]))
        tensor([180.,   0.])
    """
    return mul(input, 180 / math.pi)

rad2deg_ = in_place(rad2deg)


@public
def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Convert angles from degrees to radians.

        >>> import minidl
        >>> minidl.deg2rad(minidl.tensor([180.0, 90.0]))
        tensor([3.1416, 1.5708])
    """
    return mul(input, math.pi / 180)

deg2rad_ = in_place(deg2rad)


@public
def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Where `input` is inf. Errors: RuntimeError for complex numbers; `isinf` takes them.

        >>> import minidl
        >>> minidl.isposinf(minidl.tensor([float("inf"), float("-inf"), 1.0]))
        tensor([ True, False, False])
    """
    return _is_infinity("isposinf", input, math.inf)


@public
def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Where `input` is -inf. Errors: RuntimeError for complex numbers; `isinf` takes them.

        >>> import minidl
        >>> minidl.isneginf(minidl.tensor([float("inf"), float("-inf"), 1.0]))
        tensor([False,  True, False])
    """
    return _is_infinity("isneginf", input, -math.inf)


def _is_infinity(who: str, input: Any, infinity: float) -> Any:
    if getattr(input, "dtype", np.dtype(float)).kind == "c":
        raise RuntimeError(f"{who} does not support complex inputs; try isinf")
    return Eq()(input, infinity)


@public
def slogdet(input: Tensor, *, out: Sequence[Tensor] | None = None) -> return_types.SLogDetResult:
    """`linalg.slogdet` under its older name.

        >>> import minidl
        >>> minidl.slogdet(-2 * minidl.eye(3))
        slogdet(sign=tensor(-1.), logabsdet=tensor(2.0794))
    """
    return return_types.slogdet(*linalg.slogdet(input))


@public
def isreal(input: Tensor) -> Tensor:
    """Where the imaginary part is 0: everywhere in a tensor that is not complex.

        >>> import minidl
        >>> minidl.isreal(minidl.tensor([1 + 0j, 1j]))
        tensor([ True, False])
    """
    x = array_of(input)
    result = x.imag == 0 if x.dtype.kind == "c" else array_module(x).ones(x.shape, np.bool_)
    return wrap(result) if isinstance(input, TensorBase) else result
