"""Copy a tensor with new values in one view of it: `y = x.clone(); y[...] = src`, in one op.

The gradient of the replaced part goes to `src`, the rest to `input`. `ViewWrite` does that for every kind of view; it
is the op that records a write into a view.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from minidl.autograd.inplace import ViewWrite
from minidl.autograd.tensorbase import TensorBase, memory_of, wrap
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.index.window import as_strided
from minidl.ops.shape.movement import diagonal
from minidl.ops.shape.views import ALL, Slice, clone, contiguous, select

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None,
                  step: int = 1, *, out: Tensor | None = None) -> Tensor:
    """A copy of `input` with `src` at `start:end:step` along `dim`.

    Errors: RuntimeError where the shape of src is not that of the slice, or the step is below 1.

        >>> import minidl
        >>> minidl.slice_scatter(minidl.zeros(2, 4), minidl.ones(2, 2), dim=1, start=1, end=3)
        tensor([[0., 1., 1., 0.],
                [0., 1., 1., 0.]])
    """
    return _replaced("slice_scatter", input, src, slice_view(_detached(input), dim, start, end, step, "slice_scatter"))


@public
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` with `src` as slice number `index` along `dim`.

    Errors: RuntimeError where the shape of src is not that of the slice, IndexError where the slice does not exist.

        >>> import minidl
        >>> minidl.select_scatter(minidl.zeros(2, 2), minidl.tensor([1.0, 2.0]), dim=1, index=0)
        tensor([[1., 0.],
                [2., 0.]])
    """
    return _replaced("select_scatter", input, src, select(_detached(input), dim, index))


@public
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of `input` with `src` on a diagonal.

    Errors: RuntimeError where the shape of src is not that of the diagonal.

        >>> import minidl
        >>> minidl.diagonal_scatter(minidl.zeros(2, 2), minidl.tensor([1.0, 2.0]))
        tensor([[1., 0.],
                [0., 2.]])
    """
    return _replaced("diagonal_scatter", input, src, diagonal(_detached(input), offset, dim1, dim2))


@public
def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A copy of `input` with `src` in the view that `as_strided` returns.

    Errors: RuntimeError where the shape of src is not `size`, and as `as_strided`.

        >>> import minidl
        >>> minidl.as_strided_scatter(minidl.zeros(2, 2), minidl.tensor([1.0, 2.0]), (2,), (3,))
        tensor([[1., 0.],
                [0., 2.]])
    """
    input = contiguous(input)
    return _replaced("as_strided_scatter", input, src, as_strided(_detached(input), size, stride, storage_offset or 0))


def slice_view(input: Any, dim: int, start: int | None, end: int | None, step: int, who: str) -> Any:
    """`input[..., start:end:step]`, with the slice along `dim`. Errors: RuntimeError for a step below 1."""
    if step < 1:
        raise RuntimeError(f"{who}: slice step must be positive, but got {step}")
    return Slice((*(ALL,) * normalize_dim(dim, input.ndim, who), slice(start, end, step)))(input)


def _detached(x: Any) -> Any:
    """A tensor on the same memory without history; only its views are needed."""
    return wrap(memory_of(x) if isinstance(x, TensorBase) else x)


def _replaced(who: str, input: Any, src: Any, view: Any) -> Any:
    if tuple(src.shape) != tuple(view.shape):
        raise RuntimeError(f"{who}: expected src to have a size equal to the slice of self. src size = "
                           f"{list(src.shape)}, slice size = {list(view.shape)}; try expand or reshape on src")
    if not math.prod(view.shape):
        return clone(input)
    return ViewWrite(view.view_of.op)(input, cast(src, input.dtype))
