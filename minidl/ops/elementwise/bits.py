"""The parts of a number: signs, exponents, neighbours, shifts of bits, common divisors."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Value
from minidl.backend.device import Array, array_module
from minidl.ops.base import return_types
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.ufunc import Binary, Elementwise, Unary, Zero, common_dtype
from minidl.ops.elementwise.arithmetic import mul, sign
from minidl.ops.elementwise.exponential import pow

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- signs


class SignBit(Unary):
    """y = whether x is negative; true for -0. too"""

    ufunc = np.signbit

    def forward(self, x: Array) -> Array:
        if x.dtype.kind == "c":
            raise self.complex_error()
        return np.signbit(x) if x.dtype.kind == "f" else x < 0


@public
def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether the sign is a minus; true for -0. too.

        >>> import minidl
        >>> minidl.signbit(minidl.tensor([1.0, -2.0, -0.0]))
        tensor([False,  True,  True])
    """
    return SignBit()(input)


class Copysign(Binary):
    """y = |a| with the sign of b;  dy/da = 1 or -1, and 0 at 0"""

    ufunc = np.copysign
    floating = True

    def grad_a(self, g: Value, a: Value, out: Value) -> Value:
        return g * (sign(a) * sign(out))

    def grad_b(self, g: Value) -> Value:
        return Zero()(g)


@public
def copysign(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The absolute value of `input` with the sign of `other`.

        >>> import minidl
        >>> minidl.copysign(minidl.tensor([1.0, -2.0]), minidl.tensor([-1.0, 3.0]))
        tensor([-1.,  2.])
    """
    return Copysign()(input, other)

copysign_ = in_place(copysign)


class Heaviside(Binary):
    """y = 1 where a > 0, b where a = 0, 0 elsewhere"""

    def forward(self, a: Array, b: Array) -> Array:
        return array_module(a).where(a == 0, b, a > 0).astype(a.dtype, copy=False)


@public
def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The step from 0 to 1: 0 below zero, 1 above, `values` at zero. No gradient passes.

    Errors: RuntimeError where the dtypes differ.

        >>> import minidl
        >>> minidl.heaviside(minidl.tensor([-1.5, 0.0, 2.0]), minidl.tensor(0.5))
        tensor([0.0000, 0.5000, 1.0000])
    """
    if input.dtype != values.dtype:
        raise RuntimeError(f"heaviside: expected input and values of one dtype, but got {input.dtype} and "
                           f"{values.dtype}; convert one with .to(dtype)")
    return Heaviside()(input, values)

heaviside_ = in_place(heaviside)


# ---------------------------------------------------------------------- exponents and neighbours

class Frexp(Elementwise):
    """x = m 2^e with 1/2 <= |m| < 1: m and the integer e;  dm/dx = 2^-e"""

    def forward(self, x: Array) -> Any:
        mantissa, exponent = array_module(x).frexp(x)
        self.keep(scale=array_module(x).ldexp(x.dtype.type(1), -exponent))
        return mantissa, exponent

    def grad_x(self, g: Value, scale: Value) -> Value:
        return g[0] * scale


@public
def frexp(input: Tensor, *, out: Sequence[Tensor] | None = None) -> return_types.MantissaExponent:
    """`input` as `mantissa * 2 ** exponent`, with 1/2 <= |mantissa| < 1 and an int32 exponent.

    Errors: RuntimeError unless `input` is floating.

        >>> import minidl
        >>> mantissa, exponent = minidl.frexp(minidl.tensor([3.0, 8.0]))
        >>> mantissa, exponent
        (tensor([0.7500, 0.5000]), tensor([2, 4], dtype=int32))
    """
    if input.dtype.kind != "f":
        raise RuntimeError(f"frexp() only supports floating-point dtypes, but got {input.dtype}; try .float()")
    return return_types.frexp(*Frexp()(input))


@public
def ldexp(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input * 2 ** other`.

        >>> import minidl
        >>> minidl.ldexp(minidl.tensor([1.0, 1.5]), minidl.tensor([3, -1]))
        tensor([8.0000, 0.7500])
    """
    if not hasattr(other, "dtype"):
        return mul(input, 2.0 ** other)
    dtype = common_dtype(input, other, 1.0)
    power_dtype = np.dtype(np.float32) if dtype == np.float16 else dtype    # 2^16 overflows float16
    return cast(mul(cast(input, power_dtype), pow(2.0, cast(other, power_dtype))), dtype)

ldexp_ = in_place(ldexp)


class Nextafter(Binary):
    """y = the next number after a, in the direction of b"""

    ufunc = np.nextafter


@public
def nextafter(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The next floating number after `input`, in the direction of `other`. No gradient passes.

        >>> import minidl
        >>> minidl.nextafter(minidl.tensor([1.0]), minidl.tensor([2.0])) - 1
        tensor([1.1921e-07])
    """
    return Nextafter()(input, other)

nextafter_ = in_place(nextafter)


# ---------------------------------------------------------------------- integers

class Integers(Binary):
    """y = ufunc(a, b) of integers only."""

    def forward(self, a: Any, b: Any) -> Array:
        dtype = getattr(a, "dtype", None) or b.dtype
        if dtype.kind not in "iu":
            raise NotImplementedError(f"{self.name()}: expected integers, but got {dtype}: not implemented for "
                                      f"other tensors; try .long()")
        return super().forward(a, b)


class LeftShift(Integers):
    """y = a * 2^b, within the bits of the dtype"""

    ufunc = np.left_shift


class RightShift(Integers):
    """y = a / 2^b, rounded down"""

    ufunc = np.right_shift


class Gcd(Integers):
    """y = the greatest common divisor of a and b"""

    ufunc = np.gcd


class Lcm(Integers):
    """y = the least common multiple of a and b"""

    ufunc = np.lcm


@public
def bitwise_left_shift(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input << other`: shift every bit to the left. Errors: NotImplementedError unless both are integers.

        >>> import minidl
        >>> minidl.bitwise_left_shift(minidl.tensor([1, 3]), 2)
        tensor([ 4, 12])
    """
    return LeftShift()(input, other)

bitwise_left_shift_ = in_place(bitwise_left_shift)


@public
def bitwise_right_shift(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input >> other`: shift every bit to the right and keep the sign. Errors: as `bitwise_left_shift`.

        >>> import minidl
        >>> minidl.bitwise_right_shift(minidl.tensor([5, -8]), 1)
        tensor([ 2, -4])
    """
    return RightShift()(input, other)

bitwise_right_shift_ = in_place(bitwise_right_shift)


@public
def gcd(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The greatest common divisor, element by element. Errors: NotImplementedError unless both are integers.

        >>> import minidl
        >>> minidl.gcd(minidl.tensor([12, 7]), minidl.tensor([18, 0]))
        tensor([6, 7])
    """
    return Gcd()(input, other)

gcd_ = in_place(gcd)


@public
def lcm(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The least common multiple, element by element. Errors: NotImplementedError unless both are integers.

        >>> import minidl
        >>> minidl.lcm(minidl.tensor([4, 7]), minidl.tensor([6, 2]))
        tensor([12, 14])
    """
    return Lcm()(input, other)

lcm_ = in_place(lcm)
