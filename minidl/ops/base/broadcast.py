"""Broadcasting and promotion: an elementwise op gets operands of one shape and dtype.

Broadcasting and casts are separate steps of the graph, so no other gradient formula mentions them. `Expand` repeats
values without copying them; its gradient sums over the copies. `Sum` is the reverse, so each is the other's gradient,
at every order.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, is_array
from minidl.backend.dtype import result_type
from minidl.backend.kernels.sums import sum_over
from minidl.ops.base.conversion import cast

Shape = tuple[int, ...]


class Sum(Op):
    """Sum over `axes`, then write the result as `shape`.

    `shape` is that of x with ones for the summed axes, or without them.

    Every element went into one sum with factor 1, so each receives the gradient of its sum.
    """

    complex_rules = "as written"

    def __init__(self, axes: Shape, shape: Shape) -> None:
        self.axes, self.shape = axes, shape

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        total = sum_over(x, self.axes)
        return total.astype(x.dtype, copy=False).reshape(self.shape)

    def grad_x(self, g: Value) -> Value:
        ones = tuple([1 if i in self.axes else n for i, n in enumerate(self.x_shape)])
        return Expand(self.x_shape, ones)(g)


class Expand(Op):
    """Write x as the shape `ones`, then repeat axes up to `shape`; a view.

    Every element was copied, so it receives the sum of its copies' gradients.
    """

    is_view = True
    complex_rules = "as written"

    def __init__(self, shape: Shape, ones: Shape) -> None:
        self.shape, self.ones = shape, ones

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        return array_module(x).broadcast_to(x.reshape(self.ones), self.shape)

    def grad_x(self, g: Value) -> Value:
        axes = tuple([i for i, (one, n) in enumerate(zip(self.ones, self.shape)) if one == 1 != n])
        return Sum(axes, self.x_shape)(g)


def expand_to(x: Any, shape: Shape) -> Any:
    """Repeat `x` to `shape` by the broadcasting rule; return `x` itself if it has that shape."""
    old = (x.array if isinstance(x, TensorBase) else x).shape
    return x if old == shape else Expand(shape, _with_ones(old, shape))(x)


def with_summed_gradient(x: Any, shape: Shape) -> Any:
    """`x`, which the op repeats itself, with the gradient of an `Expand`."""
    step, same = Expand(shape, _with_ones(x.array.shape, shape)), wrap(x.array)
    step.x_shape, same.layout_is_free = x.array.shape, x.layout_is_free
    step.record((x,), (x.edge,), same)
    return same


def _with_ones(old: Shape, shape: Shape) -> Shape:
    """`old` with as many axes as `shape`: ones in front."""
    return (1,) * (len(shape) - len(old)) + old


def broadcast_shape(who: str, *shapes: Shape) -> Shape:
    """The shape that all broadcast to. Errors: RuntimeError that marks the axis where they clash."""
    result: list[int] = []
    for back in range(1, max(map(len, shapes)) + 1):   # shapes are aligned at the last axis
        sizes = {shape[-back] for shape in shapes if len(shape) >= back} - {1}
        if len(sizes) > 1:
            raise RuntimeError(_clash(who, shapes, back))
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


def _clash(who: str, shapes: tuple[Shape, ...], back: int) -> str:
    marked = " and ".join(
        "(" + ", ".join(f">{n}<" if len(shape) - i == back else str(n) for i, n in enumerate(shape)) + ")"
        for shape in shapes)
    return (f"{who}: shapes {marked} cannot be broadcast: axes are lined up from the last, and at axis "
            f"{-back} the marked sizes differ and none is 1. Try reshape, unsqueeze or transpose on one.")


def as_operand(x: Any, who: str) -> Any:
    """Turn NumPy arrays into tensors, and NumPy scalars into Python scalars."""
    if isinstance(x, (TensorBase, int, float, complex)) and not isinstance(x, np.generic):
        return x
    if isinstance(x, np.generic):
        return x.item()
    if is_array(x):
        return wrap(x)
    if who in ("Add", "Sub") and hasattr(x, "to_dense"):     # the sum of a dense and a sparse tensor is dense
        return x.to_dense()
    if hasattr(x, "to_dense"):
        raise TypeError(f"{who}: a dense tensor and a sparse one; write the sparse one first (sparse * dense), or try "
                        f"to_dense() on it")
    raise TypeError(f"{who}: expected a Tensor or a number, but got {type(x).__name__}; "
                    f"try minidl.tensor(...) on it first")


def prepare(who: str, *operands: Any, floating: bool = False) -> list[Any]:
    """Cast and expand operands to a common dtype and shape.

    Python scalars stay as they are, so that they never widen a tensor. With `floating`, integers become
    the default floating dtype first.
    """
    operands = tuple([as_operand(x, who) for x in operands])
    arrays = [x.array if isinstance(x, TensorBase) else x for x in operands]
    dtype = result_type(*arrays, *([1.0] if floating else []))
    shape = broadcast_shape(who, *[a.shape for a in arrays if hasattr(a, "shape")])
    return [expand_to(cast(x, dtype), shape) if isinstance(x, TensorBase) else
            dtype.type(x).item() if dtype.kind in "fc" else x for x in operands]
