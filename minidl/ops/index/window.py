"""Strided views: sliding windows and `as_strided`; elements may appear several times.

The gradient of an element is the sum over all its appearances.
"""
from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from minidl.autograd.grad_mode import switches
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import version_of, wrap
from minidl.autograd.views import View
from minidl.backend.device import Array, array_module
from minidl.ops.base.broadcast import Shape
from minidl.ops.base.checks import integer
from minidl.ops.base.declaration import in_place_view, public
from minidl.ops.base.dims import normalize_dim, sizes
from minidl.ops.elementwise.exponential import pow
from minidl.ops.index.items import ScatterAdd
from minidl.ops.shape.views import ALL, Reshape, array_of, narrow, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- the ops


class Strided(Op):
    """Base of ops that read the memory of x with custom strides.

    Array libraries do not always report whose memory such an array uses, so the view is marked without asking them.
    """

    is_view = True
    complex_rules = "as written"

    def mark_view(self, result: Any, base: Any) -> None:
        result.version = version_of(base)
        result.view_of = View(base, self, recorded=switches.enabled)


class SlidingWindow(Strided):
    """y[..., i, ..., u] = x[..., i * step + u, ...]: windows along an axis, each along a new last axis."""

    def __init__(self, axis: int, size: int, step: int) -> None:
        self.axis, self.size, self.step = axis, size, step

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        shape, strides = list(x.shape), list(x.strides)
        windows = (x.shape[self.axis] - self.size) // self.step + 1
        # (..., L, ...) -> (..., windows, ..., size)
        shape[self.axis:self.axis + 1], strides[self.axis] = [windows], strides[self.axis] * self.step
        return array_module(x).lib.stride_tricks.as_strided(
            x, (*shape, self.size), (*strides, x.strides[self.axis]))

    def grad_x(self, g: Value) -> Value:
        return WindowSum(self.axis, self.size, self.step, self.x_shape)(g)


class WindowSum(Op):
    """y[..., i * step + u, ...] += x[..., i, ..., u]: sum of overlapping windows, by a loop over `size`."""

    complex_rules = "as written"

    def __init__(self, axis: int, size: int, step: int, shape: Shape) -> None:
        self.axis, self.size, self.step, self.shape = axis, size, step, shape

    def forward(self, x: Array) -> Array:
        y = array_module(x).zeros(self.shape, x.dtype)
        last = (x.shape[self.axis] - 1) * self.step
        for u in range(self.size):
            window = (ALL,) * self.axis + (slice(u, u + last + 1, self.step),)
            y[window] += x[..., u]
        return y

    def grad_x(self, g: Value) -> Value:
        return SlidingWindow(self.axis, self.size, self.step)(g)


class AsStrided(Strided):
    """y[i, j, ...] = m[offset + i * stride_0 + j * stride_1 + ...], where m is the contiguous memory of x."""

    def __init__(self, shape: Shape, stride: Shape, offset: int) -> None:
        self.shape, self.stride, self.offset = shape, stride, offset

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        if not x.flags.c_contiguous:    # a gradient may have any layout
            x = x.copy()
        return self.strided_view(x.reshape(-1))

    def mark_view(self, result: Any, base: Any) -> None:
        if base.array.flags.c_contiguous:
            super().mark_view(result, base)

    def strided_view(self, row: Array) -> Array:
        strides = tuple([s * row.itemsize for s in self.stride])
        return array_module(row).lib.stride_tricks.as_strided(row[self.offset:], self.shape, strides)

    def grad_x(self, g: Value) -> Value:
        size = math.prod(self.x_shape)
        places = self.strided_view(array_module(array_of(g)).arange(size))
        return Reshape(self.x_shape)(ScatterAdd(places, (size,))(g))


# ---------------------------------------------------------------------- functions

@public
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` elements along a dimension, `step` apart; a view.

    (..., L, ...) -> (..., (L - size) // step + 1, ..., size). This is `Tensor.unfold`; that of
    `nn.functional` cuts patches out of images.
    Errors: RuntimeError where a window is larger than the dimension, or the step is below 1.

        >>> import minidl
        >>> minidl.tensor([1, 2, 3, 4, 5]).unfold(0, 3, 2)
        tensor([[1, 2, 3],
                [3, 4, 5]])
    """
    axis = normalize_dim(dimension, input.ndim, "unfold")
    size, step = operator.index(size), operator.index(step)
    length = input.shape[axis] if input.ndim else 1
    if size < 0 or step < 1:
        raise RuntimeError(f"unfold: size is {size} but must be >= 0" if size < 0 else
                           f"unfold: step is {step} but must be > 0")
    if size > length:
        raise RuntimeError(f"unfold: maximum size for tensor at dimension {axis} is {length} but size is {size}")
    if not input.ndim:
        return narrow(Reshape((1,))(input), 0, 0, size)
    return SlidingWindow(axis, size, step)(input)


@public
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int = 0) -> Tensor:
    """A view of `input` with the given size and strides.

    Element (i, j, ...) is number `storage_offset + i * stride[0] + j * stride[1] + ...` in memory.

    `input` must lie in memory row by row. Errors: RuntimeError where it does not, where the view would leave its
    memory, or where size and stride differ in length.

        >>> import minidl
        >>> minidl.as_strided(minidl.arange(6), (3, 2), (1, 3))
        tensor([[0, 3],
                [1, 4],
                [2, 5]])
    """
    shape, strides = sizes((size,)), sizes((stride,))
    if len(shape) != len(strides):
        raise RuntimeError(f"as_strided: mismatch in length of strides and shape: {list(strides)} and {list(shape)}")
    if any(s < 0 for s in strides) or storage_offset < 0:
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: "
                           f"{list(strides)} and storage offset {storage_offset}")
    if not array_of(input).flags.c_contiguous:
        raise RuntimeError("as_strided: expected a tensor that lies in memory row by row; call .contiguous() first")
    count = math.prod(input.shape)
    last = storage_offset + sum([(n - 1) * s for n, s in zip(shape, strides)])
    if 0 not in shape and last >= count:
        raise RuntimeError(f"as_strided: sizes {list(shape)}, strides {list(strides)} and storage offset "
                           f"{storage_offset} reach element {last}, out of bounds for storage of {count} elements")
    return AsStrided(shape, strides, min(storage_offset, count))(input)

as_strided_ = in_place_view(as_strided)


@public
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of x as columns, from N - 1 down to 0: (n) -> (n, N).

    `increasing` reverses the order. N is n unless given. Errors: RuntimeError unless x is 1-D.

        >>> import minidl
        >>> minidl.vander(minidl.tensor([1, 2, 3]))
        tensor([[1, 1, 1],
                [4, 2, 1],
                [9, 3, 1]])
    """
    if x.ndim != 1:
        raise RuntimeError(f"vander: x must be a one-dimensional tensor, but got shape {tuple(x.shape)}")
    n = x.shape[0] if N is None else integer("vander", "N", N)
    if n < 0:
        raise RuntimeError(f"vander: N must be non-negative, but got {n}")
    xp, dtype = array_module(array_of(x)), x.dtype
    powers = xp.arange(n) if increasing else xp.arange(n)[::-1]
    return pow(unsqueeze(x, 1), wrap(powers.astype(dtype if dtype.kind == "f" else "int64")))


@public
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Convert flat positions in a tensor of `shape` to one index per dimension.

    Errors: TypeError unless the indices are integers.

        >>> import minidl
        >>> minidl.unravel_index(minidl.tensor([1, 5]), (2, 3))
        (tensor([0, 1]), tensor([1, 2]))
    """
    positions, shape = array_of(indices), sizes((shape,))
    if min(shape, default=1) < 1:
        raise ValueError(f"unravel_index: 'shape' must have positive values, but got {shape}")
    if positions.dtype.kind not in "iu":
        raise TypeError(f"unravel_index: expected 'indices' to be integer dtype, but got {positions.dtype}")
    result = []
    for n in reversed(shape):
        result.append(wrap(positions % n))
        positions = positions // n
    return tuple(result[::-1])
