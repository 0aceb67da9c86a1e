"""Arithmetic and rounding: add, div, remainder, neg, abs, floor, lerp and others."""
from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.inplace import write
from minidl.autograd.op import Value
from minidl.backend.device import Array, array_module, is_array, library_of
from minidl.backend.dtype import as_representable
from minidl.backend.kernels import division
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.ufunc import Binary, Step, Ternary, Unary, Zero, common_dtype, either_is_bool
from minidl.ops.elementwise.complex_parts import conj, real

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- sums and products


class Add(Binary):
    """y = a + b"""

    ufunc = np.add
    complex_rules = "as written"

    def grad_a(self, g: Value) -> Value:
        return g

    def grad_b(self, g: Value) -> Value:
        return g


@public
def add(input: Tensor | complex, other: Tensor | complex, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """`input + alpha * other`, with broadcasting and type promotion.

    Errors: RuntimeError where shapes cannot be broadcast, or where alpha is a float and both operands are integers.

        >>> import minidl
        >>> minidl.add(minidl.tensor([1.0, 2.0]), minidl.tensor([[10.0], [20.0]]), alpha=2)
        tensor([[21., 22.],
                [41., 42.]])
    """
    return Add()(input, other if alpha == 1 else scale(other, alpha, "add", input))


@public
def add_(input: Tensor, other: Tensor | complex, *, alpha: Any = 1) -> Tensor:
    """`add`, written into `input`; returns `input`."""
    return write(input, Add(), other) if alpha == 1 else write(input, add, other, alpha=alpha, who="add_")


class Sub(Binary):
    """y = a - b"""

    ufunc = np.subtract
    complex_rules = "as written"

    def prepare(self, a: Any, b: Any) -> list[Any]:
        if either_is_bool(a, b):
            raise RuntimeError(
                "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert "
                "a mask, use the `~` or `logical_not()` operator instead; to find where two differ, use `^`.")
        return super().prepare(a, b)

    def grad_a(self, g: Value) -> Value:
        return g

    def grad_b(self, g: Value) -> Value:
        return -g


@public
def sub(input: Tensor | complex, other: Tensor | complex, *, alpha: Any = 1, out: Tensor | None = None) -> Tensor:
    """`input - alpha * other`. Errors: as `add`, and RuntimeError for bools.

        >>> import minidl
        >>> minidl.sub(minidl.tensor([5.0, 5.0]), minidl.tensor([1.0, 2.0]))
        tensor([4., 3.])
    """
    return Sub()(input, other if alpha == 1 or either_is_bool(input, other) else scale(other, alpha, "sub", input))


@public
def sub_(input: Tensor, other: Tensor | complex, *, alpha: Any = 1) -> Tensor:
    """`sub`, written into `input`; returns `input`."""
    return write(input, Sub(), other) if alpha == 1 else write(input, sub, other, alpha=alpha, who="sub_")


def scale(other: Any, alpha: Any, who: str, input: Any) -> Any:
    """`alpha * other` in the dtype of the result; used by add and sub."""
    if isinstance(alpha, float) and all(np.dtype(getattr(x, "dtype", type(x))).kind in "biu" for x in (input, other)):
        raise RuntimeError(f"{who}: For integral input tensors, argument alpha must not be a floating point "
                           f"number, but got alpha={alpha}; convert one tensor with .float() first")
    if all(np.dtype(getattr(x, "dtype", type(x))).kind == "b" for x in (input, other)):
        alpha = bool(alpha)     # a sum of bools is a bool
    if not hasattr(other, "dtype"):
        return bool(other * alpha) if isinstance(other, bool) and isinstance(alpha, bool) else other * alpha
    dtype = common_dtype(input, other)       # twice an int8 may not fit into an int8
    return mul(cast(other, dtype), as_representable(alpha, dtype))


class Mul(Binary):
    """y = a * b"""

    ufunc = np.multiply
    complex_rules = "conjugated"

    def grad_a(self, g: Value, b: Value) -> Value:
        return g * b

    def grad_b(self, g: Value, a: Value) -> Value:
        return g * a


@public
def mul(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input * other`, element by element.

        >>> import minidl
        >>> minidl.mul(minidl.tensor([1.0, 2.0]), 3)
        tensor([3., 6.])
    """
    return Mul()(input, other)


@public
def mul_(input: Tensor, other: Tensor | complex) -> Tensor:
    """`mul`, written into `input`; returns `input`."""
    return write(input, Mul(), other)


class Div(Binary):
    """y = a / b;  dy/da = 1/b,  dy/db = -a/b^2 = -y/b"""

    ufunc = np.true_divide
    floating = True
    complex_rules = "conjugated"
    copies_output_on_write = True

    def grad_a(self, g: Value, b: Value) -> Value:
        return g / b

    def grad_b(self, g: Value, b: Value, out: Value) -> Value:
        return -g * (out / b)




def array_first(a: Any, b: Any) -> Array:
    """`a` as an array: by the library of its first argument, a kernel chooses its body."""
    return a if is_array(a) else array_module(b).full((), a, b.dtype)


class FloorDivide(Binary):
    """y = a / b, rounded down: piecewise constant. Integers stay integers."""

    def ufunc(self, a: Any, b: Any) -> Array:
        return division.floor_divide(array_first(a, b), b)

    def forward(self, a: Array, b: Array) -> Array:
        check_divisor(self.name(), a, b)
        return super().forward(a, b)

    def grad_a(self, g: Value) -> Value:
        return Zero()(g)

    def grad_b(self, g: Value) -> Value:
        return Zero()(g)


class TruncDivide(FloorDivide):
    """y = a / b, rounded towards zero."""

    def forward(self, a: Array, b: Array) -> Array:
        if are_integers(a, b):
            check_divisor(self.name(), a, b)
            return np.floor_divide(a - np.fmod(a, b), b)   # exact; a / b would round
        return np.trunc(np.true_divide(a, b))


def are_integers(a: Any, b: Any) -> bool:
    """Whether the operands of a prepared op are integers; one of them may be a number."""
    return getattr(a, "dtype", getattr(b, "dtype", None)).kind in "biu"   # type: ignore[union-attr]


def check_divisor(who: str, a: Any, b: Any) -> None:
    """Errors: RuntimeError for an integer divided by zero; floats give inf or nan instead."""
    if are_integers(a, b) and np.size(a):
        zero = b == 0
        library_of(b).assert_none(np.bool_(zero) if type(zero) is bool else zero, RuntimeError, (
            f"ZeroDivisionError: {who}: integer division by zero; floating tensors would give inf or nan, try .float() "
            f"first"))


@public
def div(input: Tensor | complex, other: Tensor | complex, *, rounding_mode: str | None = None,
        out: Tensor | None = None) -> Tensor:
    """`input / other`. Integers give floating results, unless a `rounding_mode` is given.

    'trunc' rounds towards zero, 'floor' down.

    Errors: RuntimeError for another rounding mode, and where integers are rounded after division by zero.

        >>> import minidl
        >>> x = minidl.tensor([7, -7])
        >>> minidl.div(x, 2)
        tensor([ 3.5000, -3.5000])
        >>> minidl.div(x, 2, rounding_mode="trunc")
        tensor([ 3, -3])
    """
    if rounding_mode is None:
        return Div()(input, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' "
                           f"but found '{rounding_mode}'")
    return (TruncDivide if rounding_mode == "trunc" else FloorDivide)()(input, other)

div_ = in_place(div)


@public
def floor_divide(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """`input / other`, rounded down, like Python's `//`.

        >>> import minidl
        >>> minidl.floor_divide(minidl.tensor([7, -7]), 2)
        tensor([ 3, -4])
    """
    return FloorDivide()(input, other)

floor_divide_ = in_place(floor_divide)


class Remainder(Binary):
    """y = a - b * floor(a / b)"""

    def ufunc(self, a: Any, b: Any) -> Array:
        return division.remainder(array_first(a, b), b)

    def forward(self, a: Array, b: Array) -> Array:
        check_divisor(self.name(), a, b)
        return super().forward(a, b)

    def grad_a(self, g: Value) -> Value:
        return g

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return -g * floor_divide(a, b)


@public
def remainder(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The remainder of `input / other`, with the sign of `other`, like Python's `%`.

        >>> import minidl
        >>> minidl.remainder(minidl.tensor([5.0, -5.0]), 3)
        tensor([2., 1.])
    """
    return Remainder()(input, other)

remainder_ = in_place(remainder)


class Fmod(Binary):
    """y = a - b * trunc(a / b)"""

    ufunc = np.fmod

    def forward(self, a: Array, b: Array) -> Array:
        check_divisor(self.name(), a, b)
        return super().forward(a, b)

    def grad_a(self, g: Value) -> Value:
        return g

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return -g * TruncDivide()(a, b)


@public
def fmod(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The remainder of `input / other`, with the sign of `input`, like C's `fmod`.

        >>> import minidl
        >>> minidl.fmod(minidl.tensor([5.0, -5.0]), 3)
        tensor([ 2., -2.])
    """
    return Fmod()(input, other)

fmod_ = in_place(fmod)


# ---------------------------------------------------------------------- sign and absolute value

class Neg(Unary):
    """y = -x"""

    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        if x.dtype.kind == "b":
            raise RuntimeError("Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
                               "invert a mask, use the `~` or `logical_not()` operator instead.")
        return np.negative(x)

    def grad_x(self, g: Value) -> Value:
        return -g


@public
def neg(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`-input`. Errors: RuntimeError for bools.

        >>> import minidl
        >>> minidl.neg(minidl.tensor([1.0, -2.0]))
        tensor([-1.,  2.])
    """
    return Neg()(input)

neg_ = in_place(neg)


class Sign(Step):
    """y = -1, 0 or 1"""

    def forward(self, x: Array) -> Array:
        if x.dtype.kind == "c":
            raise self.complex_error()
        if x.dtype.kind == "f":     # NaN is neither above nor below 0; also faster than np.sign
            return ((x > 0).view(np.int8) - (x < 0).view(np.int8)).astype(x.dtype)
        return np.sign(x) if x.dtype.kind != "b" else x.copy()


@public
def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1, the sign of `input`; 0 for NaN. Complex numbers use `sgn` instead.

        >>> import minidl
        >>> minidl.sign(minidl.tensor([0.5, 0.0, -3.0]))
        tensor([ 1.,  0., -1.])
    """
    return Sign()(input)

sign_ = in_place(sign)


class Sgn(Unary):
    """y = z / |z|, the direction of z, and 0 at 0;  gz = (g - y Re(conj(y) g)) / |z|

    Only the part of g that turns z changes y.
    """

    complex_rules = "as written"

    def forward(self, z: Array) -> Array:
        size = np.absolute(z)
        return z / (size + (size == 0))

    def grad_z(self, g: Value, z: Value, out: Value) -> Value:
        size = abs(z)
        return (g - out * real(conj(out) * g)) / (size + (size == 0)) * (size != 0)


@public
def sgn(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The direction `z / |z|` of complex numbers, 0 at 0; the `sign` of real ones.

        >>> import minidl
        >>> minidl.sgn(minidl.tensor([3 + 4j, 0j, 2j]))
        tensor([0.6000+0.8000j, 0.0000+0.0000j, 0.0000+1.0000j])
    """
    return Sgn()(input) if input.dtype.kind == "c" else Sign()(input)

sgn_ = in_place(sgn)


class Abs(Unary):
    """y = |x|;  dy/dx = sgn(x), and 0 at 0"""

    ufunc = np.absolute
    complex_rules = "as written"

    def grad_x(self, g: Value, x: Value) -> Value:
        return g * sgn(x)


@public
def abs(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The absolute value; of a complex number sqrt(x^2 + y^2). Its gradient at 0 is 0.

        >>> import minidl
        >>> minidl.abs(minidl.tensor([1.0, -2.0]))
        tensor([1., 2.])
    """
    return Abs()(input)

abs_ = in_place(abs)


# ---------------------------------------------------------------------- rounding: piecewise constant, zero gradient

class Floor(Step):
    """y = the largest integer <= x"""

    ufunc = np.floor


@public
def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Round down to the next integer.

        >>> import minidl
        >>> minidl.floor(minidl.tensor([1.5, -1.5]))
        tensor([ 1., -2.])
    """
    return Floor()(input)

floor_ = in_place(floor)


class Ceil(Step):
    """y = the smallest integer >= x"""

    ufunc = np.ceil


@public
def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Round up to the next integer.

        >>> import minidl
        >>> minidl.ceil(minidl.tensor([1.5, -1.5]))
        tensor([ 2., -1.])
    """
    return Ceil()(input)

ceil_ = in_place(ceil)


class Trunc(Step):
    """y = the next integer towards zero"""

    ufunc = np.trunc


@public
def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Round towards zero to the next integer.

        >>> import minidl
        >>> minidl.trunc(minidl.tensor([1.5, -1.5]))
        tensor([ 1., -1.])
    """
    return Trunc()(input)

trunc_ = in_place(trunc)


class Round(Step):
    """y = the nearest multiple of 10^-decimals; halves go to the even neighbour"""

    def __init__(self, decimals: int) -> None:
        self.decimals = decimals

    def ufunc(self, x: Array) -> Array:
        return array_module(x).round(x, self.decimals)


@public
def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Round to the nearest integer, or to `decimals` digits; halves go to the even neighbour.

    Errors: NotImplementedError for `decimals` of integers.

        >>> import minidl
        >>> minidl.round(minidl.tensor([0.5, 1.5, 2.6]))
        tensor([0., 2., 3.])
    """
    if decimals and input.dtype.kind in "biu":
        raise NotImplementedError(f"round with decimals is not implemented for {input.dtype}; try .double()")
    return Round(decimals)(input)

round_ = in_place(round)


class Frac(Unary):
    """y = x - trunc(x)"""

    def forward(self, x: Array) -> Array:
        return x - np.trunc(x)

    def grad_x(self, g: Value) -> Value:
        return g


@public
def frac(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The fractional part, with the sign of `input`.

        >>> import minidl
        >>> minidl.frac(minidl.tensor([1.5, -2.25]))
        tensor([ 0.5000, -0.2500])
    """
    return Frac()(input)

frac_ = in_place(frac)


# ---------------------------------------------------------------------- three operands

class Lerp(Ternary):
    """y = a + w * (b - a)"""

    complex_rules = "conjugated"

    def forward(self, a: Array, b: Array, w: Any) -> Array:
        return a + w * (b - a)

    def grad_a(self, g: Value, w: Value) -> Value:
        return g * (1 - w)

    def grad_b(self, g: Value, w: Value) -> Value:
        return g * w

    def grad_w(self, g: Value, a: Value, b: Value) -> Value:
        return g * (b - a)


class LerpBy(Binary):
    """y = a + w * (b - a) for a number w"""

    complex_rules = "conjugated"

    def __init__(self, w: Any) -> None:
        self.w = w

    def forward(self, a: Array, b: Array) -> Array:
        if builtins.abs(self.w) < 0.5:
            return a + self.w * (b - a)
        return b - (1 - self.w) * (b - a)   # start from the nearer end: exactly b at w = 1, without a rounding error

    def grad_a(self, g: Value) -> Value:
        return g * (1 - self.w)

    def grad_b(self, g: Value) -> Value:
        return g * self.w


@public
def lerp(input: Tensor, end: Tensor, weight: Any, *, out: Tensor | None = None) -> Tensor:
    """The point between `input` (weight 0) and `end` (weight 1): `input + weight * (end - input)`.

    Errors: NotImplementedError for bools.

        >>> import minidl
        >>> minidl.lerp(minidl.tensor([0.0, 10.0]), minidl.tensor([1.0, 20.0]), 0.25)
        tensor([ 0.2500, 12.5000])
    """
    if any(np.dtype(getattr(x, "dtype", float)).kind == "b" for x in (input, end)):
        raise NotImplementedError("lerp: between True and False there is no point; try .float() first")
    return Lerp()(input, end, weight) if hasattr(weight, "dtype") else LerpBy(weight)(input, end)

lerp_ = in_place(lerp)


class Addcmul(Ternary):
    """y = x + value * a * b"""

    complex_rules = "conjugated"

    def __init__(self, value: Any) -> None:
        self.value = value

    def forward(self, x: Array, a: Array, b: Array) -> Array:
        return x + x.dtype.type(self.value).item() * a * b

    def grad_x(self, g: Value) -> Value:
        return g

    def grad_a(self, g: Value, b: Value) -> Value:
        return g * b * self.value

    def grad_b(self, g: Value, a: Value) -> Value:
        return g * a * self.value


@public
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1, out: Tensor | None = None) -> Tensor:
    """`input + value * tensor1 * tensor2`.

        >>> import minidl
        >>> minidl.addcmul(minidl.tensor([1.0]), minidl.tensor([2.0]), minidl.tensor([3.0]), value=0.5)
        tensor([4.])
    """
    return Addcmul(value)(input, tensor1, tensor2)

addcmul_ = in_place(addcmul)


class Addcdiv(Ternary):
    """y = x + value * a / b"""

    complex_rules = "conjugated"

    def __init__(self, value: Any) -> None:
        self.value = value

    def forward(self, x: Array, a: Array, b: Array) -> Array:
        if x.dtype.kind not in "fc":
            raise RuntimeError(f"addcdiv: expected floating tensors, but got {x.dtype}: Integer division with addcdiv "
                               f"is not supported; use input + value * div(tensor1, tensor2, rounding_mode='trunc')")
        return x + self.value * a / b

    def grad_x(self, g: Value) -> Value:
        return g

    def grad_a(self, g: Value, b: Value) -> Value:
        return g * self.value / b

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return -g * self.value * a / (b * b)


@public
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1, out: Tensor | None = None) -> Tensor:
    """`input + value * tensor1 / tensor2`. Errors: RuntimeError for integers.

        >>> import minidl
        >>> minidl.addcdiv(minidl.tensor([1.0]), minidl.tensor([3.0]), minidl.tensor([2.0]), value=2)
        tensor([4.])
    """
    return Addcdiv(value)(input, tensor1, tensor2)

addcdiv_ = in_place(addcdiv)
