"""The ops that the tape itself needs, and rules everywhere: `Alias`, `Cast`, `Conj`."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.op import AS_INPUTS, SHARED, Op, Value
from minidl.backend.device import Array, dense_copy


class Alias(Op):
    """y = x: the same values, another place in the graph."""

    layout = SHARED
    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        return x

    def grad_x(self, g: Value) -> Value:
        return g


class Cast(Op):
    """The same numbers in another dtype. A gradient has its tensor's dtype, so it is cast back: that of a real tensor
    is the real part of what complex numbers hand back, since an imaginary part cannot be followed."""

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
    """y = x - iy for z = x + iy, and so is its gradient."""

    layout = AS_INPUTS
    complex_rules = "as written"

    def forward(self, x: Array) -> Array:
        return np.conjugate(x)

    def grad_x(self, g: Value) -> Value:
        return Conj()(g)


def conjugate(x: Any) -> Any:
    """The complex conjugate of a tensor or an array; `x` itself if it is real."""
    return Conj()(x) if x.dtype.kind == "c" else x
