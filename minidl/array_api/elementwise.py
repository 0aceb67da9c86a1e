"""One number at a time. Functions of one argument are minidl's own; of two, they take the standard's dtypes."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.array_api.dtypes import alike, result_type
from minidl.ops import elementwise, torch_names
from minidl.ops.elementwise import (
    abs, acos, acosh, asin, asinh, atan, atanh, ceil, conj, cos, cosh, exp, expm1, floor, imag, isfinite, isinf, isnan,
    log, log1p, log2, log10, logical_not, real, reciprocal, signbit, sin, sinh, sqrt, square, tan, tanh, trunc,
)
from minidl.ops.elementwise import bitwise_not as bitwise_invert
from minidl.ops.elementwise import neg as negative
from minidl.ops.torch_names import positive

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_invert",
    "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "clip", "conj", "copysign", "cos",
    "cosh", "divide", "equal", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal", "hypot", "imag",
    "isfinite", "isinf", "isnan", "less", "less_equal", "log", "log1p", "log2", "log10", "logaddexp", "logical_and",
    "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative", "nextafter", "not_equal",
    "positive", "pow", "real", "reciprocal", "remainder", "round", "sign", "signbit", "sin", "sinh", "sqrt", "square",
    "subtract", "tan", "tanh", "trunc", "where",
]


def _of_two(name: str, function: Callable[..., Tensor]) -> Callable[[Any, Any], Tensor]:
    """A function of two arguments, of which one may be a Python number, in their common dtype."""
    def called(x1: Any, x2: Any, /) -> Tensor:
        return function(*alike(x1, x2))
    called.__name__ = called.__qualname__ = name
    called.__doc__ = f"`minidl.{function.__name__}` of two Tensors, or of one and a Python number."
    return called


add = _of_two("add", elementwise.add)
atan2 = _of_two("atan2", elementwise.atan2)
bitwise_and = _of_two("bitwise_and", elementwise.bitwise_and)
bitwise_left_shift = _of_two("bitwise_left_shift", elementwise.bitwise_left_shift)
bitwise_or = _of_two("bitwise_or", elementwise.bitwise_or)
bitwise_right_shift = _of_two("bitwise_right_shift", elementwise.bitwise_right_shift)
bitwise_xor = _of_two("bitwise_xor", elementwise.bitwise_xor)
copysign = _of_two("copysign", elementwise.copysign)
divide = _of_two("divide", elementwise.div)
equal = _of_two("equal", elementwise.eq)
floor_divide = _of_two("floor_divide", elementwise.floor_divide)
greater = _of_two("greater", elementwise.gt)
greater_equal = _of_two("greater_equal", elementwise.ge)
hypot = _of_two("hypot", elementwise.hypot)
less = _of_two("less", elementwise.lt)
less_equal = _of_two("less_equal", elementwise.le)
logaddexp = _of_two("logaddexp", elementwise.logaddexp)
logical_and = _of_two("logical_and", elementwise.logical_and)
logical_or = _of_two("logical_or", elementwise.logical_or)
logical_xor = _of_two("logical_xor", elementwise.logical_xor)
maximum = _of_two("maximum", elementwise.maximum)
minimum = _of_two("minimum", elementwise.minimum)
multiply = _of_two("multiply", elementwise.mul)
nextafter = _of_two("nextafter", elementwise.nextafter)
not_equal = _of_two("not_equal", elementwise.ne)
pow = _of_two("pow", elementwise.pow)
remainder = _of_two("remainder", elementwise.remainder)
subtract = _of_two("subtract", torch_names.subtract)


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """The numbers of x, but at least `min` and at most `max`, in the dtype of x."""
    bounds = [b.to(x.dtype) if hasattr(b, "dtype") else b for b in (min, max)]
    if bounds == [None, None]:
        return x.clone()
    lower, upper = bounds
    x = x if lower is None else maximum(x, lower)
    return x if upper is None else minimum(x, upper)


def round(x: Tensor, /) -> Tensor:
    """The nearest whole number, the even one of two; of a complex number, for both parts."""
    if x.dtype.is_complex:
        return elementwise.complex(elementwise.round(x.real), elementwise.round(x.imag))
    return elementwise.round(x)


def sign(x: Tensor, /) -> Tensor:
    """-1, 0 or 1; NaN where x is NaN; of complex numbers, x / abs(x)."""
    return elementwise.where(isnan(x), x, elementwise.sgn(x)) if x.dtype.kind in "fc" else elementwise.sgn(x)


def where(condition: Tensor, x1: Any, x2: Any, /) -> Tensor:
    """Elements of x1 where the condition holds, of x2 elsewhere."""
    dtype = result_type(x1, x2)
    x1, x2 = (x.to(dtype) if hasattr(x, "dtype") else x for x in (x1, x2))
    return elementwise.where(condition, x1, x2)
