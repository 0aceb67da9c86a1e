"""Distances between two tensors, and between all rows of two tensors."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Op
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.matmul import matmul as product
from minidl.ops.base.broadcast import broadcast_shape, expand_to
from minidl.ops.base.checks import dtypes_clash
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.arithmetic import sub
from minidl.ops.reduce.sums import sum
from minidl.ops.reduce.vector_norm import norm
from minidl.ops.shape.views import transpose, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class CDist(Op):
    """y_ij = |a_i - b_j| from |a|^2 + |b|^2 - 2 a.b, with one matrix product: (*, P, M), (*, R, M) -> (*, P, R)

    With W = g / y, and 0 where y is 0,  ga_i = sum_j W_ij (a_i - b_j)  and  gb_j = sum_i W_ij (b_j - a_i), so the
    gradient needs no array of all differences either.

    The squares cancel where two points are close compared with their distance from the origin. So the origin is
    first moved to the mean of b. A result within rounding error of zero becomes zero, and so does its gradient.
    """

    def forward(self, a: Array, b: Array) -> Array:
        xp = array_module(a)
        if not (a.size and b.size):
            return xp.zeros((*a.shape[:-1], b.shape[-2]), a.dtype)
        middle = b.mean(axis=-2, keepdims=True)
        a, b = a - middle, b - middle
        a2, b2 = (xp.einsum("...i,...i->...", x, x) for x in (a, b))      # |a|^2, |b|^2: no array of squares
        squares = a2[..., :, None] + b2[..., None, :]
        y = squares - 2 * product(a, b.swapaxes(-2, -1))
        y[y < squares * (4 * float(np.finfo(a.dtype).eps))] = 0
        return np.sqrt(y)

    def backward(self, g: Any, a: Any, b: Any, out: Any) -> Any:
        w = g / (out + (out == 0)) * (out != 0)
        return [sum(w, -1, keepdim=True) * a - w @ b,
                transpose(sum(w, -2, keepdim=True), -2, -1) * b - transpose(w, -2, -1) @ a]


@public
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The p-norm distances between rows of x1 and rows of x2: (*, P, M) and (*, R, M) -> (*, P, R).

    For p=2 with more than 25 rows in either (or always, with `compute_mode` 'use_mm_for_euclid_dist'), a matrix product
    does the work: fast and small, but close points lose digits. 'donot_use_mm_for_euclid_dist', and any other p,
    form all P * R * M differences. Where a distance is 0, so is its gradient.
    Errors: RuntimeError where sizes or dtypes do not fit or p < 0, ValueError for another mode.

        >>> import minidl
        >>> minidl.cdist(minidl.tensor([[0.0, 0.0], [3.0, 0.0]]), minidl.tensor([[3.0, 4.0]]))
        tensor([[5.],
                [4.]])
    """
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in modes:
        raise ValueError(f"cdist: {compute_mode} is not a valid value for compute_mode; expected one of {modes}")
    if not p >= 0:
        raise RuntimeError(f"cdist only supports non-negative p values, but got p={p}")
    for name, x in (("X1", x1), ("X2", x2)):
        if not hasattr(x, "dtype"):
            raise TypeError(f"cdist(): argument '{name.lower()}' must be Tensor, not {type(x).__name__}")
        if x.dtype.kind != "f":
            raise RuntimeError(f"cdist only supports floating-point dtypes, {name} got: {x.dtype}; try .float()")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if dtypes_clash(x1, x2):
        raise RuntimeError(f"cdist: expected X1 and X2 to have the same dtype, but got {x1.dtype} and {x2.dtype}")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    batch = broadcast_shape("cdist", tuple(x1.shape[:-2]), tuple(x2.shape[:-2]))
    x1, x2 = expand_to(x1, (*batch, *x1.shape[-2:])), expand_to(x2, (*batch, *x2.shape[-2:]))
    many = max(x1.shape[-2], x2.shape[-2]) > 25
    if p == 2 and (compute_mode == modes[1] or compute_mode == modes[0] and many):
        return CDist()(x1, x2)
    return norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), float(p), -1)    # (*, P, 1, M) - (*, 1, R, M)


@public
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference of two tensors, read as one vector; they are broadcast.

        >>> import minidl
        >>> minidl.dist(minidl.tensor([1.0, 2.0]), minidl.tensor([4.0, 6.0]))
        tensor(5.)
    """
    return norm(sub(input, other), float(p))
