"""The bases of elementwise ops: one operand, two, or more.

Before the mathematics starts, operands get one shape and one dtype (see `broadcast.py`). Most ops add only the
name of a ufunc and one line of gradient.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.around import around_ops, call_wrapped
from minidl.autograd.grad_mode import switches
from minidl.autograd.op import AS_INPUTS, Op, Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.autograd.views import refresh_edge
from minidl.backend.device import Array, array_module, dense_copy
from minidl.backend.dtype import get_default_dtype, result_type
from minidl.ops.base.broadcast import as_operand, prepare, with_summed_gradient


class Elementwise(Op):
    """Base of ops that compute element i from the elements i of the inputs.

    The output has the memory layout of the inputs.
    """

    layout = AS_INPUTS


class Unary(Elementwise):
    """y = ufunc(x). NumPy's ufuncs hand arrays of other libraries to those libraries."""

    ufunc: Any

    def forward(self, x: Array) -> Array:
        return self.ufunc(x)


class Floating(Unary):
    """y = ufunc(x) with floating results: integers become floating first."""

    def forward(self, x: Array) -> Array:
        return self.ufunc(x if x.dtype.kind in "fc" else as_floating(x))


class Step(Unary):
    """y = ufunc(x), piecewise constant: its gradient is zero. Integers stay integers."""

    def forward(self, x: Array) -> Array:
        if x.dtype.kind == "c":     # complex numbers have no order
            raise self.complex_error()
        return self.ufunc(x) if x.dtype.kind == "f" else dense_copy(x)

    def grad_x(self, g: Value) -> Value:
        return Zero()(g)


class Zero(Elementwise):
    """y = 0 for every x: a gradient that exists and is zero."""

    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        return array_module(x).zeros_like(x)


class Binary(Elementwise):
    """y = ufunc(a, b), with broadcasting and promotion. With `floating`, integers give floating results."""

    ufunc: Any
    floating = False

    def __call__(self, a: Any, b: Any) -> Any:
        if around_ops.active and (around_ops.guard or around_ops.of_class[type(self)]) and not self.is_inside:
            return call_wrapped(self, (a, b))
        # Nothing to prepare: two floating tensors of one dtype, and of one shape or with a small second one, or one
        # tensor and a number. Everything else goes through `prepare`.
        if isinstance(a, TensorBase):
            kind, dtype = type(b), a.array.dtype
            if kind is float or kind is int:
                if dtype.kind != "f":
                    a, b = self.prepare(a, b)
            elif not isinstance(b, TensorBase) or dtype is not b.array.dtype or dtype.kind != "f":
                a, b = self.prepare(a, b)
            elif a.array.shape != b.array.shape:
                a, b = self.repeat(a, b)
        elif isinstance(b, TensorBase):
            a, b = self.prepare(a, b)
        return Op.__call__(self, a, b)

    def prepare(self, a: Any, b: Any) -> list[Any]:
        """Give the operands one shape and one dtype. An op overrides this to refuse dtypes."""
        operands = prepare(self.name(), a, b, floating=self.floating)
        if self.complex_rules is None:
            self.check_not_complex(operands)
        return operands

    def repeat(self, a: Any, b: Any) -> list[Any]:
        """`prepare` for one floating dtype; the ufunc itself repeats a small `b`.

        So it may where no gradient is summed over the copies, or no rule looks at them.
        """
        small, large = b.array.shape, a.array.shape
        if len(small) > len(large) or not all(n in (1, m) for n, m in zip(small[::-1], large[::-1])):
            return self.prepare(a, b)
        if b.view_of is not None:
            refresh_edge(b)
        if b.edge is None or not switches.enabled:
            return [a, b]
        if around_ops.active or any(needs for _, _, needs in self.rules):
            return self.prepare(a, b)
        return [a, with_summed_gradient(b, large)]

    def forward(self, a: Array, b: Array) -> Array:
        try:
            return self.ufunc(a, b)
        except OverflowError:  # a Python int beyond the range of the integer dtype wraps around
            return self.ufunc(*wrap_int_operand(a, b))


class Ternary(Elementwise):
    """y = f(a, b, c), with broadcasting and promotion."""

    def __call__(self, a: Any, b: Any, c: Any) -> Any:
        if around_ops.active and (around_ops.guard or around_ops.of_class[type(self)]) and not self.is_inside:
            return call_wrapped(self, (a, b, c))
        if any(isinstance(x, TensorBase) for x in (a, b, c)):
            a, b, c = prepare(self.name(), a, b, c)
        return Op.__call__(self, a, b, c)


def as_floating(x: Array) -> Array:
    """Return `x` itself if floating or complex, else in the default dtype."""
    return x if x.dtype.kind in "fc" else dense_copy(x, get_default_dtype())


def number_as_tensor(x: Any, other: TensorBase) -> Any:
    """A number as a 0-d tensor, in the common dtype of both."""
    x = as_operand(x, "an operand")
    return wrap(array_module(other.array).asarray(x, result_type(x, other.array)))


def wrap_int_operand(a: Any, b: Any) -> tuple[Any, Any]:
    """Wrap the Python int of the two to the array's dtype, as C does."""
    if isinstance(a, int):
        b, a = wrap_int_operand(b, a)
        return a, b
    return a, np.array(b).astype(a.dtype).item()


def common_dtype(*operands: Any) -> np.dtype:
    """The dtype of a result of tensors, arrays and numbers."""
    return result_type(*[getattr(x, "array", x) for x in operands])


def either_is_bool(a: Any, b: Any) -> bool:
    """Whether either operand is a bool, or a tensor of bools."""
    return any(isinstance(x, bool) or getattr(x, "dtype", None) == np.bool_ for x in (a, b))
