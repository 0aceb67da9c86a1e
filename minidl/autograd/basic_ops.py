"""The ops that the tape itself and many rules need: `Alias`, `Cast`, `Conj`."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.op import AS_INPUTS, SHARED_MEMORY, Op, Value
from minidl.backend.device import Array, dense_copy


class Alias(Op):
    """y = x: the same values at another place in the graph."""

    layout = SHARED_MEMORY
    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        return x

    def grad_x(self, g: Value) -> Value:
        return g


class Cast(Op):
    """The same numbers in another dtype.

    A gradient has the dtype of its tensor, so it is cast back. The gradient of a real tensor is the real part of the
    complex gradient, since a real tensor cannot change along the imaginary axis.
    """

    layout = AS_INPUTS
    complex_rules = "as written"

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.differentiable = self.dtype.kind in "fc"   # whole numbers have no gradient

    def forward(self, x: Array) -> Array:
        self.x_dtype = x.dtype
        if x.dtype.kind == "c" and self.dtype.kind not in "cb":
            x = x.real
        return dense_copy(x, self.dtype)

    def grad_x(self, g: Value) -> Value:
        return Cast(self.x_dtype)(g)


class Conj(Op):
    """The complex conjugate: x - iy for x + iy. The gradient is conjugated too."""

    layout = AS_INPUTS
    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        return np.conjugate(x)

    def grad_x(self, g: Value) -> Value:
        return Conj()(g)


def conjugate(x: Any) -> Any:
    """The complex conjugate of a tensor or an array; `x` itself if it is real."""
    return Conj()(x) if x.dtype.kind == "c" else x
