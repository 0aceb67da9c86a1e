"""Choose between two values: where, maximum, clamp, nan_to_num. Gradients flow to the chosen one."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, dense_copy
from minidl.backend.dtype import as_representable, result_type
from minidl.backend.warn import warn
from minidl.ops.base.broadcast import broadcast_shape, expand_to, prepare
from minidl.ops.base.checks import check_tensors
from minidl.ops.base.declaration import alias, in_place, public
from minidl.ops.base.ufunc import Binary, Elementwise, Unary
from minidl.ops.elementwise.comparison import isfinite

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- where


class Where(Elementwise):
    """y = a where the condition holds, else b. The other branch gets a zero, even if g is inf or NaN."""

    complex_rules = "as written"

    def forward(self, condition: Array, a: Array, b: Array) -> Array:
        return array_module(condition).where(condition, a, b)

    def grad_a(self, g: Value, condition: Value) -> Value:
        return where(condition, g, 0.0)

    def grad_b(self, g: Value, condition: Value) -> Value:
        return where(condition, 0.0, g)


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Tensor | complex, other: Tensor | complex, *,
          out: Tensor | None = None) -> Tensor: ...
@public
def where(condition: Tensor, input: Tensor | complex | None = None, other: Any = None, *,
          out: Tensor | None = None) -> Any:
    """`input` where `condition` holds, `other` elsewhere, with broadcasting and promotion.

    With the condition alone, which may be numeric: the indices where it is not 0, one tensor per dimension.
    A NaN in the branch not taken does not reach the result, but it may reach the gradient through the op that made it:
    mask the operand as well, as in `where(x > 0, log(where(x > 0, x, 1)), 0)`.

    A condition of uint8 is taken with a warning. Errors: RuntimeError where there are two branches and the condition is
    of another dtype, or shapes cannot be broadcast.

        >>> import minidl
        >>> x = minidl.tensor([1.0, -2.0, 3.0])
        >>> minidl.where(x > 0, x, 0.0)
        tensor([1., 0., 3.])
        >>> minidl.where(x > 0)
        (tensor([0, 2]),)
    """
    if not any(isinstance(x, TensorBase) for x in (condition, input, other)):
        return Where()(condition, input, other)
    if not isinstance(condition, TensorBase):
        check_tensors("where", condition=condition)
        condition = wrap(condition)
    if input is None and other is None:
        found = condition.array
        return tuple([wrap(index) for index in (found if found.ndim else found.reshape(1)).nonzero()])
    if condition.array.dtype == np.uint8:
        warn("where received a uint8 condition tensor. This is deprecated in PyTorch; use a boolean condition instead, "
             "condition.bool().")
        condition = wrap(condition.array != 0)
    if condition.array.dtype.kind != "b":
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype "
                           f"{condition.array.dtype}; try a comparison, as in where(x > 0, ...)")
    if not isinstance(input, TensorBase) and not isinstance(other, TensorBase):
        kind = result_type(input, other)  # of two numbers, one must choose the dtype
        input = wrap(array_module(condition.array).asarray(input, kind))
    a, b = prepare("where", input, other)
    a, b = [x if isinstance(x, TensorBase) else as_representable(x, (a if b is x else b).array.dtype) for x in (a, b)]
    shape = broadcast_shape("where", *[x.array.shape for x in (condition, a, b) if isinstance(x, TensorBase)])
    condition, a, b = [expand_to(x, shape) if isinstance(x, TensorBase) else x for x in (condition, a, b)]
    return Where()(condition, a, b)


# ---------------------------------------------------------------------- maximum and minimum

class Maximum(Binary):
    """y = max(a, b), NaN if either is NaN. Equal operands get half of the gradient each."""

    ufunc = np.maximum

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return where(a == b, g * 0.5, where(a < b, 0.0, g))

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return where(a == b, g * 0.5, where(a > b, 0.0, g))


class Minimum(Binary):
    """y = min(a, b), NaN if either is NaN. Equal operands get half of the gradient each."""

    ufunc = np.minimum

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return where(a == b, g * 0.5, where(a > b, 0.0, g))

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return where(a == b, g * 0.5, where(a < b, 0.0, g))


class Fmax(Binary):
    """y = max(a, b); if one is NaN, the other. Where both are equal, a gets the gradient."""

    ufunc = np.fmax

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return where((a >= b) | (b != b), g, 0.0)   # b != b: b is NaN

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return where((a >= b) | (b != b), 0.0, g)


class Fmin(Binary):
    """y = min(a, b); if one is NaN, the other. Where both are equal, a gets the gradient."""

    ufunc = np.fmin

    def grad_a(self, g: Value, a: Value, b: Value) -> Value:
        return where((a <= b) | (b != b), g, 0.0)

    def grad_b(self, g: Value, a: Value, b: Value) -> Value:
        return where((a <= b) | (b != b), 0.0, g)


@public
def maximum(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The larger of two, element by element; NaN where either is NaN.

        >>> import minidl
        >>> minidl.maximum(minidl.tensor([1.0, 5.0]), minidl.tensor([3.0, 2.0]))
        tensor([3., 5.])
    """
    return Maximum()(input, other)


@public
def minimum(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The smaller of two, element by element; NaN where either is NaN.

        >>> import minidl
        >>> minidl.minimum(minidl.tensor([1.0, 5.0]), minidl.tensor([3.0, 2.0]))
        tensor([1., 2.])
    """
    return Minimum()(input, other)


@public
def fmax(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The larger of two; where one is NaN, the other.

        >>> import minidl
        >>> minidl.fmax(minidl.tensor([1.0, float("nan")]), minidl.tensor([3.0, 2.0]))
        tensor([3., 2.])
    """
    return Fmax()(input, other)


@public
def fmin(input: Tensor | complex, other: Tensor | complex, *, out: Tensor | None = None) -> Tensor:
    """The smaller of two; where one is NaN, the other.

        >>> import minidl
        >>> minidl.fmin(minidl.tensor([1.0, float("nan")]), minidl.tensor([3.0, 2.0]))
        tensor([1., 2.])
    """
    return Fmin()(input, other)


# ---------------------------------------------------------------------- limited to a range

class Clamp(Elementwise):
    """y = min(max(x, low), high); None means no bound.

    Inside the bounds or on one, the gradient goes to x; outside, to the bound. If low > high, y is high everywhere.
    """

    def forward(self, x: Array, low: Any, high: Any) -> Array:
        try:
            if x.dtype.kind == "b" and (low is None or high is None):       # CuPy's `clip` wants both bounds
                return np.maximum(x, low) if high is None else np.minimum(x, high)
            return array_module(x).clip(x, low, high)
        except OverflowError as error:
            raise RuntimeError(f"clamp: value cannot be converted to type {x.dtype} without overflow; try a bound that "
                               f"the tensor can hold") from error

    def grad_x(self, g: Value, x: Value, low: Value, high: Value) -> Value:
        inside = x <= high if low is None else x >= low if high is None else (x >= low) & (x <= high)
        return where(inside, g, 0.0)

    def grad_low(self, g: Value, x: Value, low: Value, high: Value) -> Value:
        return where(x < low if high is None else (x < low) & (low < high), g, 0.0)

    def grad_high(self, g: Value, x: Value, low: Value, high: Value) -> Value:
        return where(x > high if low is None else (x > high) | (low > high), g, 0.0)


@public
def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Limit `input` to the range from `min` to `max`: each a number, a tensor or None.

    Errors: RuntimeError where both are None.

        >>> import minidl
        >>> minidl.clamp(minidl.tensor([-2.0, 0.5, 2.0]), min=-1, max=1)
        tensor([-1.0000,  0.5000,  1.0000])
    """
    bounds = [bound for bound in (min, max) if bound is not None]
    if not bounds:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if any(isinstance(x, TensorBase) for x in (input, *bounds)):
        input, *bounds = prepare("clamp", input, *bounds)
        Clamp().check_not_complex((input, *bounds))
    low = bounds[0] if min is not None else None
    high = bounds[-1] if max is not None else None
    return Clamp()(input, low, high)

clamp_ = in_place(clamp)


clip = alias("clip", clamp)
clip_ = in_place(clip)


class NanToNum(Unary):
    """y = x with numbers in place of NaN and infinities, which get no gradient"""

    complex_rules = "as written"

    def __init__(self, nan: float | None, posinf: float | None, neginf: float | None) -> None:
        self.nan, self.posinf, self.neginf = nan or 0.0, posinf, neginf

    def forward(self, x: Array) -> Array:
        y = dense_copy(x)
        return array_module(x).nan_to_num(y, copy=False, nan=self.nan, posinf=self.posinf, neginf=self.neginf)

    def grad_x(self, g: Value, x: Value) -> Value:
        return where(isfinite(x), g, 0.0)


@public
def nan_to_num(input: Tensor, nan: float | None = 0.0, posinf: float | None = None,
               neginf: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """Replace NaN, inf and -inf: by 0, the largest and the smallest finite number by default.

        >>> import minidl
        >>> minidl.nan_to_num(minidl.tensor([1.0, float("nan"), float("inf")]), posinf=9.0)
        tensor([1., 0., 9.])
    """
    return NanToNum(nan, posinf, neginf)(input)

nan_to_num_ = in_place(nan_to_num)
