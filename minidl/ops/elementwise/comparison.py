"""Comparison, tests for special values, and logic. Results are bools; no gradient passes.

Only the bitwise operations keep the dtype of integers.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.errors import check_devices
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.ufunc import Binary, Unary

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- order


class Eq(Binary):
    """y = (a == b)"""

    ufunc = np.equal
    complex_rules = "as written"


class Ne(Binary):
    """y = (a != b)"""

    ufunc = np.not_equal
    complex_rules = "as written"


class Lt(Binary):
    """y = (a < b)"""

    ufunc = np.less


class Le(Binary):
    """y = (a <= b)"""

    ufunc = np.less_equal


class Gt(Binary):
    """y = (a > b)"""

    ufunc = np.greater


class Ge(Binary):
    """y = (a >= b)"""

    ufunc = np.greater_equal


@public
def eq(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input == other`, element by element; NaN equals nothing.

        >>> import minidl
        >>> minidl.eq(minidl.tensor([1, 2]), 2)
        tensor([False,  True])
    """
    return Eq()(input, other)

eq_ = in_place(eq)


@public
def ne(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input != other`, element by element.

        >>> import minidl
        >>> minidl.ne(minidl.tensor([1, 2]), 2)
        tensor([ True, False])
    """
    return Ne()(input, other)

ne_ = in_place(ne)


@public
def lt(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input < other`, element by element.

        >>> import minidl
        >>> minidl.lt(minidl.tensor([1, 2]), 2)
        tensor([ True, False])
    """
    return Lt()(input, other)

lt_ = in_place(lt)


@public
def le(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input <= other`, element by element.

        >>> import minidl
        >>> minidl.le(minidl.tensor([1, 3]), 2)
        tensor([ True, False])
    """
    return Le()(input, other)

le_ = in_place(le)


@public
def gt(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input > other`, element by element.

        >>> import minidl
        >>> minidl.gt(minidl.tensor([1, 3]), 2)
        tensor([False,  True])
    """
    return Gt()(input, other)

gt_ = in_place(gt)


@public
def ge(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input >= other`, element by element.

        >>> import minidl
        >>> minidl.ge(minidl.tensor([1, 2]), 2)
        tensor([False,  True])
    """
    return Ge()(input, other)

ge_ = in_place(ge)


# ---------------------------------------------------------------------- close or equal

class IsClose(Binary):
    """y = (|a - b| <= atol + rtol * |b|)"""

    complex_rules = "as written"

    def __init__(self, rtol: float, atol: float, equal_nan: bool) -> None:
        self.rtol, self.atol, self.equal_nan = rtol, atol, equal_nan

    def prepare(self, a: Any, b: Any) -> list[Any]:
        if isinstance(a, TensorBase) and isinstance(b, TensorBase) and a.array.dtype != b.array.dtype:
            raise RuntimeError(f"isclose: expected two tensors of one dtype, but {a.array.dtype} did not match "
                               f"{b.array.dtype}; convert one with .to(dtype)")
        return super().prepare(a, b)

    def forward(self, a: Array, b: Array) -> Array:
        check_devices("isclose", (a, b))            # CuPy would copy one from the CPU
        return array_module(a).isclose(a, b, self.rtol, self.atol, self.equal_nan)


@public
def isclose(input: Tensor | complex, other: Tensor | complex, rtol: float = 1e-5, atol: float = 1e-8,
            equal_nan: bool = False) -> Tensor:
    """Where `|input - other| <= atol + rtol * |other|`.

    Errors: RuntimeError for two different dtypes, or a negative tolerance.

        >>> import minidl
        >>> minidl.isclose(minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 2.1]))
        tensor([ True, False])
    """
    for name, bound in (("rtol", rtol), ("atol", atol)):
        if bound < 0:
            raise RuntimeError(f"isclose: {name} must be greater than or equal to zero, but got {bound}")
    return IsClose(rtol, atol, equal_nan)(input, other)


@public
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close, by the rule of `isclose`; a Python bool.

        >>> import minidl
        >>> minidl.allclose(minidl.tensor([1.0]), minidl.tensor([1.0000001]))
        True
    """
    close = isclose(input, other, rtol, atol, equal_nan)
    return bool(getattr(close, "array", close).all())


@public
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements; a Python bool.

        >>> import minidl
        >>> minidl.equal(minidl.tensor([1, 2]), minidl.tensor([1, 2]))
        True
    """
    if tuple(input.shape) != tuple(other.shape):
        return False
    same = eq(input, other)
    return bool(getattr(same, "array", same).all())


# ---------------------------------------------------------------------- special values

class IsNan(Unary):
    """y = whether x is not a number"""

    ufunc = np.isnan


class IsInf(Unary):
    """y = whether x is infinite"""

    ufunc = np.isinf


class IsFinite(Unary):
    """y = whether x is neither infinite nor NaN"""

    ufunc = np.isfinite


@public
def isnan(input: Tensor) -> Tensor:
    """Where `input` is NaN.

        >>> import minidl
        >>> minidl.isnan(minidl.tensor([1.0, float("nan")]))
        tensor([False,  True])
    """
    return IsNan()(input)


@public
def isinf(input: Tensor) -> Tensor:
    """Where `input` is infinite, of either sign.

        >>> import minidl
        >>> minidl.isinf(minidl.tensor([1.0, float("-inf")]))
        tensor([False,  True])
    """
    return IsInf()(input)


@public
def isfinite(input: Tensor) -> Tensor:
    """Where `input` is neither infinite nor NaN.

        >>> import minidl
        >>> minidl.isfinite(minidl.tensor([1.0, float("inf"), float("nan")]))
        tensor([ True, False, False])
    """
    return IsFinite()(input)


# ---------------------------------------------------------------------- logic

class LogicalAnd(Binary):
    """y = a and b; anything but 0 is true"""

    ufunc = np.logical_and
    complex_rules = "as written"


class LogicalOr(Binary):
    """y = a or b"""

    ufunc = np.logical_or
    complex_rules = "as written"


class LogicalXor(Binary):
    """y = exactly one of a and b"""

    ufunc = np.logical_xor
    complex_rules = "as written"


class LogicalNot(Unary):
    """y = not x"""

    def forward(self, x: Array) -> Array:
        return np.logical_not(x) if x.dtype.kind != "c" else x == 0     # CuPy's takes no complex numbers


@public
def logical_and(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """Where both are true; anything but 0 is true.

        >>> import minidl
        >>> minidl.logical_and(minidl.tensor([0, 1, 2]), minidl.tensor([1, 1, 0]))
        tensor([False,  True, False])
    """
    return LogicalAnd()(input, other)

logical_and_ = in_place(logical_and)


@public
def logical_or(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """Where at least one is true.

        >>> import minidl
        >>> minidl.logical_or(minidl.tensor([0, 1]), minidl.tensor([0, 0]))
        tensor([False,  True])
    """
    return LogicalOr()(input, other)

logical_or_ = in_place(logical_or)


@public
def logical_xor(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """Where exactly one is true.

        >>> import minidl
        >>> minidl.logical_xor(minidl.tensor([0, 1, 1]), minidl.tensor([0, 0, 2]))
        tensor([False,  True, False])
    """
    return LogicalXor()(input, other)

logical_xor_ = in_place(logical_xor)


@public
def logical_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Where `input` is 0.

        >>> import minidl
        >>> minidl.logical_not(minidl.tensor([0, 3]))
        tensor([ True, False])
    """
    return LogicalNot()(input)

logical_not_ = in_place(logical_not)


# ---------------------------------------------------------------------- bits

class Bitwise(Binary):
    """y = ufunc(a, b), on the bits of integers, or on bools."""

    def forward(self, a: Any, b: Any) -> Array:
        dtype = getattr(a, "dtype", None) or b.dtype
        if dtype.kind == "f":
            raise NotImplementedError(f"{self.name()}: expected integers or bools, but got {dtype}: not implemented "
                                      f"for floating tensors; compare first, as in (x > 0) & (y > 0)")
        return super().forward(a, b)


class BitwiseAnd(Bitwise):
    """y = a & b"""

    ufunc = np.bitwise_and


class BitwiseOr(Bitwise):
    """y = a | b"""

    ufunc = np.bitwise_or


class BitwiseXor(Bitwise):
    """y = a ^ b"""

    ufunc = np.bitwise_xor


class BitwiseNot(Unary):
    """y = ~x"""

    def forward(self, x: Array) -> Array:
        if x.dtype.kind == "f":
            raise TypeError(f"~ (operator.invert) is only implemented on integer and Boolean-type tensors, "
                            f"but got {x.dtype}")
        return np.invert(x)


@public
def bitwise_and(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input & other`: bitwise for integers, logical for bools. Errors: NotImplementedError for floats.

        >>> import minidl
        >>> minidl.bitwise_and(minidl.tensor([6, 5]), 3)
        tensor([2, 1])
    """
    return BitwiseAnd()(input, other)

bitwise_and_ = in_place(bitwise_and)


@public
def bitwise_or(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input | other`. Errors: NotImplementedError for floats.

        >>> import minidl
        >>> minidl.bitwise_or(minidl.tensor([True, False]), minidl.tensor([False, False]))
        tensor([ True, False])
    """
    return BitwiseOr()(input, other)

bitwise_or_ = in_place(bitwise_or)


@public
def bitwise_xor(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input ^ other`. Errors: NotImplementedError for floats.

        >>> import minidl
        >>> minidl.bitwise_xor(minidl.tensor([6, 5]), 3)
        tensor([5, 6])
    """
    return BitwiseXor()(input, other)

bitwise_xor_ = in_place(bitwise_xor)


@public
def bitwise_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`~input`. Errors: TypeError for floats.

        >>> import minidl
        >>> minidl.bitwise_not(minidl.tensor([True, False]))
        tensor([False,  True])
    """
    return BitwiseNot()(input)

bitwise_not_ = in_place(bitwise_not)
