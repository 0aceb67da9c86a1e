"""Elementwise arithmetic and mathematics.

Most ops here are a NumPy ufunc with a one-line gradient. `Unary` and `Binary` are their bases.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.op import Op
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array
from minidl.ops.broadcast import prepare


class Unary(Op):
    """y = ufunc(x). NumPy's ufuncs hand arrays of other libraries to those libraries."""

    ufunc: Any

    def forward(self, x: Array) -> Array:
        return self.ufunc(x)


class Binary(Op):
    """y = ufunc(a, b), with broadcasting and promotion."""

    ufunc: Any

    def __call__(self, a: Any, b: Any) -> Any:
        # Nothing to prepare for: two tensors of one shape and dtype, a floating tensor and a number.
        # Everything else goes through `prepare`.
        if isinstance(a, TensorBase):
            kind = type(b)
            if kind is float or kind is int:
                if a.array.dtype.kind != "f":
                    a, b = prepare(self.name(), a, b)
            elif not isinstance(b, TensorBase) or a.array.shape != b.array.shape \
                    or a.array.dtype != b.array.dtype:
                a, b = prepare(self.name(), a, b)
        elif isinstance(b, TensorBase):
            a, b = prepare(self.name(), a, b)
        return Op.__call__(self, a, b)

    def forward(self, a: Array, b: Array) -> Array:
        return self.ufunc(a, b)


class Add(Binary):
    """y = a + b"""

    ufunc = np.add

    def grad_a(self, g: Any) -> Any:
        return g

    def grad_b(self, g: Any) -> Any:
        return g


class Sub(Binary):
    """y = a - b"""

    ufunc = np.subtract

    def grad_a(self, g: Any) -> Any:
        return g

    def grad_b(self, g: Any) -> Any:
        return -g


class Mul(Binary):
    """y = a * b"""

    ufunc = np.multiply

    def grad_a(self, g: Any, b: Any) -> Any:
        return g * b

    def grad_b(self, g: Any, a: Any) -> Any:
        return g * a


class Tanh(Unary):
    """y = tanh(x);  dy/dx = 1 - y^2"""

    ufunc = np.tanh

    def grad_x(self, g: Any, out: Any) -> Any:
        return g * (1 - out * out)


def add(input: Any, other: Any) -> Any:
    return Add()(input, other)
def mul(input: Any, other: Any) -> Any:
    return Mul()(input, other)
def sub(input: Any, other: Any) -> Any:
    return Sub()(input, other)
def tanh(input):
    return Tanh()(input)
