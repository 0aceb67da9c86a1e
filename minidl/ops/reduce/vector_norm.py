"""The p-norms of tensors read as vectors."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Value
from minidl.backend.device import Array
from minidl.backend.dtype import accumulation_dtype
from minidl.ops.base.broadcast import Shape
from minidl.ops.base.declaration import public
from minidl.ops.base.ufunc import Step
from minidl.ops.elementwise.arithmetic import abs as abs_
from minidl.ops.elementwise.arithmetic import sign
from minidl.ops.elementwise.selection import where
from minidl.ops.reduce.extremes import Extreme, check_not_empty
from minidl.ops.reduce.sums import Dims, Reduction, axes_of, floating, sum

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Norm2(Reduction):
    """y = sqrt(sum x^2);  dy/dx = x / y, and 0 where y is 0"""

    def reduce(self, x: Array) -> Array:
        x = x.astype(accumulation_dtype(x.dtype), copy=False)
        if len(self.axes) == x.ndim:   # a dot product needs no array of squares
            row = x.reshape(-1)
            return np.sqrt(row @ row).reshape((1,) * x.ndim)
        return np.sqrt((x * x).sum(axis=self.axes, keepdims=True))

    def forward(self, x: Array) -> Array:
        return super().forward(x).astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        return self.spread(where(out == 0, 0, g / (out + (out == 0)))) * x      # also for an infinite g


class NormP(Reduction):
    """y = (sum |x|^p)^(1/p);  dy/dx = sign(x) (|x| / y)^(p-1), and 0 where x is 0"""

    def __init__(self, axes: Shape, keepdim: bool, p: float) -> None:
        super().__init__(axes, keepdim)
        self.p = p

    def reduce(self, x: Array) -> Array:
        powers = np.abs(x.astype(accumulation_dtype(x.dtype), copy=False)) ** self.p
        y = powers.sum(axis=self.axes, keepdims=True) ** (1 / self.p)
        return y.astype(x.dtype, copy=False)

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        # A 1 in place of a zero keeps its powers finite; sign(x) = 0 makes the product zero. For p < 0 a single zero
        # among the x makes y zero, and so (y / |x|)^(1-p) for the others too.
        size, y = abs_(x) + (x == 0), out + (out == 0)
        return self.spread(g * y ** (1 - self.p) * (out != 0)) * (sign(x) * size ** (self.p - 1))


class NotZero(Step):
    """y = 1 where x is not 0, also for NaN; 0 where x is 0"""

    def forward(self, x: Array) -> Array:
        return (x != 0).astype(x.dtype)


@public
def norm(input: Tensor, p: float | str | None = "fro", dim: Dims = None, keepdim: bool = False,
         dtype: Any = None, *, out: Tensor | None = None) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) of all elements, or over the given dimensions.

    `p` may be inf (the largest |x|), -inf (the smallest), 0 (the number of nonzero x); "fro" and None mean 2. At zero
    the gradient is 0. The norm of complex numbers is that of their absolute values.
    Errors: RuntimeError unless floating or complex, and for an infinite norm of no elements; ValueError for another p.

        >>> import minidl
        >>> minidl.norm(minidl.tensor([3.0, 4.0])), minidl.norm(minidl.tensor([3.0, 4.0]), p=1)
        (tensor(5.), tensor(7.))
    """
    axes, x = axes_of(input, dim, "norm"), floating(input, dtype, "norm", "fc")
    if x.dtype.kind == "c":
        x = abs_(x)
    if p is None or p == "fro":
        p = 2.0
    if isinstance(p, str):
        raise ValueError(f"norm: expected p to be a number or 'fro', but got {p!r}; "
                         "minidl.linalg.matrix_norm(A, 'nuc') is the sum of the singular values")
    if p == 2:
        return Norm2(axes, keepdim)(x)
    if p == 1:
        return sum(abs_(x), axes or None, keepdim)
    if p == 0:
        return sum(NotZero()(x), axes or None, keepdim)
    if math.isinf(p):
        check_not_empty(x, axes, "norm", RuntimeError)
        return Extreme(axes, keepdim, "max" if p > 0 else "min")(abs_(x))
    return NormP(axes, keepdim, float(p))(x)
