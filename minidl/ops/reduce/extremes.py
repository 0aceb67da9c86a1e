"""The largest and the smallest element, and their positions."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module, is_array
from minidl.ops.base import return_types
from minidl.ops.base.broadcast import Shape, Sum
from minidl.ops.base.checks import check_real
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.elementwise.selection import maximum, minimum, where
from minidl.ops.index.along_axis import index_along
from minidl.ops.index.items import GetItem
from minidl.ops.reduce.sums import Dims, Reduction, axes_of, axis_of, ndim_of
from minidl.ops.shape.views import array_of, clone, reshape, squeeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Extreme(Reduction):
    """y = the largest x, or the smallest. All elements equal to it share the gradient evenly."""

    def __init__(self, axes: Shape, keepdim: bool, which: str) -> None:
        super().__init__(axes, keepdim)
        self.which = which   # "max" or "min"

    def reduce(self, x: Array) -> Array:
        return getattr(x, self.which)(axis=self.axes, keepdims=True)

    def grad_x(self, g: Value, x: Value, out: Value) -> Value:
        # If there is a nan, it is the extreme.
        attained = (x == self.spread(out)) | (x != x)
        shares = Sum(self.axes, tuple(g.shape))(cast(attained, g.dtype))
        return where(attained, self.spread(g / shares), 0.0)


class ArgExtreme(Op):
    """The position of the first largest (or smallest) x, along an axis or overall."""

    def __init__(self, axis: int | None, which: str) -> None:
        self.axis, self.which = axis, which   # "argmax" or "argmin"

    def forward(self, x: Array) -> Array:
        index = getattr(x, self.which)(axis=self.axis)
        return index.reshape((1,) * x.ndim) if self.axis is None else \
            array_module(x).expand_dims(index, self.axis)


def check_not_empty(input: Any, axes: Shape, who: str, kind: type[Exception] = IndexError) -> None:
    for axis in axes:
        if input.shape[axis] == 0:
            raise kind(f"{who}(): Expected reduction dim {axis} to have non-zero size, but the input has "
                       f"shape {tuple(input.shape)}: an empty dimension has no maximum or minimum")


def _extreme(input: Any, dim: Any, keepdim: bool, which: str) -> Any:
    """`max` and `min` in their three forms."""
    ndim_of(input, which)
    check_real(which, input)
    if isinstance(dim, TensorBase) or is_array(dim):
        return maximum(input, dim) if which == "max" else minimum(input, dim)
    if dim is None:
        axes = axes_of(input, None, which)
        if 0 in input.shape:
            raise RuntimeError(f"{which}(): Expected reduction dim to be specified for input.numel() == 0. "
                               f"Specify the reduction dim with the 'dim' argument; the input has shape "
                               f"{tuple(input.shape)}.")
        return Extreme(axes, False, which)(input)
    axis, kind = axis_of(input, dim, which), getattr(return_types, which)
    if axis is None:
        return kind(clone(input), reshape(ArgExtreme(None, "argmax")(input), ()))
    check_not_empty(input, (axis,), which)
    indices = ArgExtreme(axis, f"arg{which}")(input)
    # The gradient goes to the position of the value.
    values = GetItem(index_along(array_of(indices), axis)).watch(indices)(input)
    return kind(values, indices) if keepdim else kind(squeeze(values, axis), squeeze(indices, axis))


@overload
def max(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(input: Tensor, dim: int, keepdim: bool = False, *,
        out: Tensor | Sequence[Tensor] | None = None) -> return_types.ValuesIndices: ...
@overload
def max(input: Tensor, dim: Tensor = ..., *, other: Tensor = ..., out: Tensor | None = None) -> Tensor: ...
@public
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None,
        out: Tensor | Sequence[Tensor] | None = None) -> Any:
    """The largest element; the largest along a dimension; or the larger of two tensors.

    `max(input)` is one value; all elements equal to it share its gradient evenly. `max(input, dim)` is a named tuple
    (values, indices) with the first index among equals; the gradient goes to that one. `max(input, other)` is
    `maximum`. Errors: RuntimeError or IndexError where there are no elements.

        >>> import minidl
        >>> x = minidl.tensor([[1.0, 5.0], [3.0, 2.0]])
        >>> minidl.max(x)
        tensor(5.)
        >>> minidl.max(x, dim=1).indices
        tensor([1, 0])
    """
    return _extreme(input, dim if other is None else other, keepdim, "max")


@overload
def min(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def min(input: Tensor, dim: int, keepdim: bool = False, *,
        out: Tensor | Sequence[Tensor] | None = None) -> return_types.ValuesIndices: ...
@overload
def min(input: Tensor, dim: Tensor = ..., *, other: Tensor = ..., out: Tensor | None = None) -> Tensor: ...
@public
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None,
        out: Tensor | Sequence[Tensor] | None = None) -> Any:
    """The smallest element; the smallest along a dimension; or the smaller of two tensors.

    Otherwise as `max`.

        >>> import minidl
        >>> minidl.min(minidl.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=0).values
        tensor([1., 2.])
    """
    return _extreme(input, dim if other is None else other, keepdim, "min")


@public
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The largest element over the given dimensions; equal elements share the gradient evenly.

        >>> import minidl
        >>> minidl.amax(minidl.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=(0, 1))
        tensor(5.)
    """
    axes = axes_of(input, dim, "amax")
    check_real("amax", input)
    check_not_empty(input, axes, "amax")
    return Extreme(axes, keepdim, "max")(input)


@public
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The smallest element over the given dimensions; equal elements share the gradient evenly.

        >>> import minidl
        >>> minidl.amin(minidl.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=1)
        tensor([1., 2.])
    """
    axes = axes_of(input, dim, "amin")
    check_real("amin", input)
    check_not_empty(input, axes, "amin")
    return Extreme(axes, keepdim, "min")(input)


@public
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False,
            out: Sequence[Tensor] | None = None) -> return_types.MinMax:
    """The smallest and the largest element, as a named tuple (min, max).

        >>> import minidl
        >>> minidl.aminmax(minidl.tensor([3.0, 1.0, 2.0]))
        aminmax(min=tensor(1.), max=tensor(3.))
    """
    axes = axes_of(input, dim, "aminmax")
    check_real("aminmax", input)
    check_not_empty(input, axes, "aminmax", IndexError if dim is not None else RuntimeError)
    return return_types.aminmax(Extreme(axes, keepdim, "min")(input), Extreme(axes, keepdim, "max")(input))


@public
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The position of the first largest element, along `dim` or overall.

        >>> import minidl
        >>> minidl.argmax(minidl.tensor([[1.0, 5.0], [3.0, 2.0]]), dim=1)
        tensor([1, 0])
    """
    return _arg_extreme(input, dim, keepdim, "argmax")


@public
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The position of the first smallest element, along `dim` or overall.

        >>> import minidl
        >>> minidl.argmin(minidl.tensor([[1.0, 5.0], [3.0, 2.0]]))
        tensor(0)
    """
    return _arg_extreme(input, dim, keepdim, "argmin")


def _arg_extreme(input: Any, dim: int | None, keepdim: bool, who: str) -> Any:
    axis = axis_of(input, 0 if dim is None else dim, who)
    check_real(who, input)
    if dim is None:
        if 0 in input.shape:
            raise IndexError(f"{who}(): Expected reduction dim to be specified for input.numel() == 0; "
                             f"the input has shape {tuple(input.shape)}")
        axis = None
    elif axis is not None:
        check_not_empty(input, (axis,), who)
    index = ArgExtreme(axis, who)(input)
    if keepdim:
        return index
    return reshape(index, ()) if axis is None else squeeze(index, axis)
