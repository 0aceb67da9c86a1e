"""x[index] and x[index] = value, in every form that NumPy has.

An index is read in two steps. Whole numbers, slices and None choose a *window*: a view, made by `Slice`. Arrays then
choose *places* in the window: a copy, made by `GetItem`. The gradient of reading is adding: `ScatterAdd` adds every
gradient to the place its value was read from. The gradient of that is reading again.
"""
from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.inplace import InPlaceOp, write
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase, is_leaf, wrap
from minidl.backend.device import Array, array_module, device_of, is_array, library_of, move
from minidl.backend.dtype import as_representable
from minidl.backend.kernels.scatter import names_once, scatter_add
from minidl.backend.warn import warn
from minidl.ops.base.broadcast import Shape, expand_to
from minidl.ops.base.conversion import cast, to_device
from minidl.ops.base.declaration import public
from minidl.ops.base.ufunc import Zero
from minidl.ops.elementwise.selection import where
from minidl.ops.shape.views import ALL, Clone, Reshape, Slice, array_of

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- the ops


class GetItem(Op):
    """y = x[places], where `places` are arrays of positions, or a mask; a copy.

    An element that is read several times receives the sum of the gradients. `once` promises that none is.
    """

    complex_rules = "as written"

    def __init__(self, places: Any, once: bool = False) -> None:
        self.places, self.once = places, once

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        try:
            return x[self.places]
        except IndexError as error:
            raise IndexError(str(error).replace("axis", "dimension")) from None

    def grad_x(self, g: Value) -> Value:
        return ScatterAdd(self.places, self.x_shape, self.once).watch_as(self)(g)


class ScatterAdd(Op):
    """y = zeros; y[places] += x. A place that is named twice receives both."""

    complex_rules = "as written"

    def __init__(self, places: Any, shape: Shape, once: bool = False) -> None:
        self.places, self.shape, self.once = places, shape, once

    def forward(self, x: Array) -> Array:
        if not self.once:
            return scatter_add(x, self.places, self.shape)
        out = array_module(x).zeros(self.shape, x.dtype)
        out[self.places] = x
        return out

    def grad_x(self, g: Value) -> Value:
        return GetItem(self.places, self.once).watch_as(self)(g)


class Replace(Op):
    """y = x, but y[places] = value. Where a place is named twice, the last value stays.

    Only that value has a gradient.
    """

    complex_rules = "as written"

    def __init__(self, places: Any) -> None:
        self.places = places

    def forward(self, x: Array, value: Any) -> Array:
        out = x.copy()
        self.put(out, value)
        return out

    def put(self, x: Array, value: Any) -> None:
        """Write into x."""
        self.x_shape = x.shape
        try:
            x[self.places] = value
        except IndexError as error:
            raise IndexError(str(error).replace("axis", "dimension")) from None

    def grad_x(self, g: Value) -> Value:
        return Replace(self.places).watch_as(self)(g, 0.0)

    def grad_value(self, g: Value) -> Value:
        g = GetItem(self.places).watch_as(self)(g)
        return g if names_once(self.places) else where(self.surviving_writes(g.shape), g, 0.0)

    def surviving_writes(self, shape: Shape) -> Array:
        """Which of the written values remain: number them, write the numbers, read them back."""
        first = self.places if is_array(self.places) else next(p for p in self.places if is_array(p))
        numbers = array_module(first).arange(int(np.prod(shape))).reshape(shape)
        written = array_module(first).empty(self.x_shape, numbers.dtype)
        written[self.places] = numbers
        return written[self.places] == numbers


class SetItem(InPlaceOp, Replace):
    """`Replace` in the memory of x."""

    def forward(self, x: Array, value: Any) -> Array:
        self.put(x, value)
        return x


class Assign(InPlaceOp):
    """All of x becomes `value`."""

    complex_rules = "as written"

    def forward(self, x: Array, value: Any) -> Array:
        x[...] = value
        return x

    def grad_x(self, g: Value) -> Value:
        return Zero()(g)

    def grad_value(self, g: Value) -> Value:
        return g


# ---------------------------------------------------------------------- reading an index

def items_of(index: Any) -> tuple[Any, ...]:
    """The items of an index, one for a tuple's each; a list of more than numbers counts as one, with a warning."""
    if isinstance(index, tuple):
        return tuple(index)
    if isinstance(index, Sequence) and not isinstance(index, (str, range)) and len(index) < 32 and any(
            item is None or item is Ellipsis or isinstance(item, (slice, TensorBase, Sequence)) or is_array(item)
            for item in index):
        warn(f"x[sequence] with a {type(index).__name__} that holds more than numbers is read as x[tuple(sequence)], "
             f"as in PyTorch, which will read it as x[tensor(sequence)] one day; write which you mean")
        return tuple(index)
    return (index,)


def resolve(index: tuple[Any, ...], x: Array) -> tuple[Any, Any]:
    """`(window, places)` of the items of an index; either is None where it would change nothing.

    Errors: IndexError where the index does not fit the shape of x or has an unknown type.
    """
    items = [_item(item, x) for item in index]
    used = sum([_axes_of(item) for item in items])
    if used > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}" if x.ndim else
                         "invalid index of a 0-dim tensor; use tensor.item() to convert it to a number")
    window: list[Any] = []
    places: list[Any] = []
    for item in items:
        axis = len(window) - window.count(None)
        if item is None:
            window.append(None)
            places.append(ALL)
        elif item is Ellipsis:
            window += [ALL] * (x.ndim - used)
            places += [ALL] * (x.ndim - used)
            used = x.ndim
        elif isinstance(item, slice):
            window.append(item)
            places.append(ALL)
        elif isinstance(item, int):
            window.append(check_position(item, axis, x.shape[axis]))
        elif item.ndim == 0:        # a single bool: a new axis of length 1 or 0
            window.append(None)
            places.append(item.reshape(1).nonzero()[0])
        else:
            window += [ALL] * _axes_of(item)
            places.append(item)
            if type(item) is not np.ndarray and item.dtype.kind != "b":     # NumPy checks by itself
                library_of(item).assert_in_range(item, -x.shape[axis], x.shape[axis], IndexError, (
                    f"index {{position}} is out of bounds for dimension {axis} with size {x.shape[axis]}"))
            if item.dtype.kind == "b" and item.shape != x.shape[axis:axis + item.ndim]:
                raise IndexError(f"The shape of the mask {list(item.shape)} at index {axis} does not match the shape "
                                 f"of the indexed tensor {list(x.shape)} at index {axis}")
    return (None if window and all(item == ALL for item in window) else tuple(window), _simplify_places(places))


def _axes_of(item: Any) -> int:
    """The number of axes that an item of an index covers."""
    if item is None or item is Ellipsis:
        return 0
    return item.ndim if is_array(item) and item.dtype.kind == "b" else 1


def _simplify_places(places: list[Any]) -> Any:
    """Drop the slices after the last array; return a single array without a tuple."""
    arrays = [p for p in places if is_array(p)]
    if not arrays:
        return None
    if len(arrays) > 1:             # several arrays: masks become positions
        places = [q for p in places
                  for q in (p.nonzero() if is_array(p) and p.dtype.kind == "b" else (p,))]
    while not is_array(places[-1]):
        places.pop()
    return places[0] if len(places) == 1 else tuple(places)


def _item(item: Any, x: Array) -> Any:
    """Parse one item of an index: None, Ellipsis, an int, a slice of ints, or an array on x's device."""
    if item is None or item is Ellipsis or type(item) is int:
        return item
    if isinstance(item, slice):
        start, stop, step = [None if end is None else operator.index(end) for end in (item.start, item.stop, item.step)]
        if step is not None and step < 1:
            raise ValueError(f"step must be greater than zero, but got {step}; x.flip(dim) turns an axis round")
        return slice(start, stop, step)
    if isinstance(item, (bool, np.bool_)):
        return array_module(x).asarray(bool(item))
    if isinstance(item, TensorBase):
        item = item.array
    elif isinstance(item, Sequence) and not isinstance(item, str):
        item = np.asarray([array_of(i).item() if isinstance(i, TensorBase) else i for i in item])
        item = item if item.size else item.astype(np.int64)
    if is_array(item):
        return _array_item(item, x)
    try:
        return operator.index(item)
    except TypeError:
        kind = TypeError if isinstance(item, str) else IndexError
        raise kind(f"only integers, slices (`:`), ellipsis (`...`), None and integer or bool tensors are valid "
                   f"indices (got {type(item).__name__})") from None


def _array_item(item: Array, x: Array) -> Any:
    if item.dtype == np.uint8:
        raise IndexError("an index of dtype uint8 could mean positions or, as in PyTorch, a mask; "
                         "say which with .long() or .bool()")
    if item.dtype.kind not in "biu":
        raise IndexError(f"tensors used as indices must be integer or bool tensors, but this one is {item.dtype}")
    if item.ndim == 0 and item.dtype.kind != "b":
        return int(item)
    return move(item, device_of(x))


def check_position(position: int, axis: int, size: int) -> int:
    """Return the position itself. Errors: IndexError outside the axis."""
    if not -size <= position < size:
        raise IndexError(f"index {position} is out of bounds for dimension {axis} with size {size}")
    return position


# ---------------------------------------------------------------------- x[index]

def getitem(input: Any, index: Any) -> Any:
    """`input[index]`: a view for whole numbers, slices and None; a copy for tensors, lists or masks.

    Results are PyTorch's. They differ from NumPy's in one point: whole numbers are taken first, so that in
    `x[0, :, [1, 2]]` the axis of the list stays in its place. A list that holds more than numbers, as `x[[rows,
    columns]]`, is read as a tuple, with a warning.

    Errors: IndexError where an index is out of range, or has an unknown type; ValueError for a step below 1.

        >>> import minidl
        >>> x = minidl.tensor([[1, 2, 3], [4, 5, 6]])
        >>> x[:, 1:], x[x > 2]
        (tensor([[2, 3],
                [5, 6]]), tensor([3, 4, 5, 6]))
    """
    array = array_of(input)
    if type(index) is int and array.ndim:
        return Slice((check_position(index, 0, array.shape[0]),))(input)
    items = items_of(index)
    window, places = resolve(items, array)
    if places is None:
        return Slice(window or ())(input)
    step = GetItem(places).watch(*items)
    return step(input if window is None else Slice(window)(input))


# ---------------------------------------------------------------------- x[index] = value

def setitem(input: Any, index: Any, value: Any) -> None:
    """`input[index] = value`, in place; the value is cast and expanded to the elements it replaces.

    Gradients flow to the value, and to the parts of `input` that were not replaced. Where an index names a place
    twice, the last value stays, and only that one has a gradient (on a GPU, which one is last is not defined).

    Errors: IndexError as `getitem`; RuntimeError where the value does not fit, or where a leaf that requires
    grad would be overwritten.

        >>> import minidl
        >>> x = minidl.zeros(4)
        >>> x[1:3] = minidl.tensor([1., 2.])
        >>> x[x == 0] = 9
        >>> x
        tensor([9., 1., 2., 9.])
    """
    items = items_of(index)
    window, places = resolve(items, input.array)
    if places is None and _is_window(value, input, window or ()):
        return      # `x[i] += v` has already written into the view x[i]
    target = input if places is not None and window is None else Slice(window or ())(input)
    if places is None:
        _write_all(target, value, "setitem")
        return
    value = as_value(value, target.array)
    if isinstance(value, TensorBase):
        value = expand_value(value, shape_of_places(target.array, places), "setitem")
    write(target, SetItem(places).watch(*items), value, who="setitem")


def shape_of_places(x: Array, places: Any) -> Shape:
    """The shape of x[places], found without memory."""
    xp = array_module(x)
    return GetItem(places).forward(xp.broadcast_to(xp.ones((), bool), x.shape)).shape


def _is_window(value: Any, x: TensorBase, window: Any) -> bool:
    """Whether `value` is the view `x[window]` itself, also to the graph."""
    view = value.view_of if isinstance(value, TensorBase) else None
    return view is not None and view.base is x and view.recorded and not is_leaf(value) and \
        isinstance(view.op, Slice) and view.op.window == (*window, ...)


def as_value(value: Any, like: Array) -> Any:
    """Prepare a value for a write into the array `like`: a number, or a tensor of its dtype and device."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, complex)):
        return as_representable(value, like.dtype)
    if not isinstance(value, TensorBase):
        if not is_array(value) and (not isinstance(value, Sequence) or isinstance(value, str)):
            raise TypeError(f"can't assign a {type(value).__name__} to a tensor; expected a Tensor or a number")
        value = wrap(value if is_array(value) else np.asarray(value))
    return cast(to_device(value, device_of(like)), like.dtype)


def expand_value(value: Any, shape: Shape, who: str) -> Any:
    """Expand a tensor to `shape`. Errors: RuntimeError where it does not fit."""
    given = tuple(value.array.shape)
    while len(value.array.shape) > len(shape) and value.array.shape[0] == 1:
        value = Reshape(value.array.shape[1:])(value)
    own = value.array.shape
    if len(own) > len(shape) or any(n not in (1, m) for n, m in zip(own[::-1], shape[::-1])):
        raise RuntimeError(f"{who}: shape mismatch: value tensor of shape {list(given)} cannot be broadcast to "
                           f"indexing result of shape {list(shape)}")
    return expand_to(value, tuple(shape))


def _write_all(input: Any, value: Any, who: str) -> Any:
    value = as_value(value, input.array)
    if isinstance(value, TensorBase):
        value = expand_value(value, input.array.shape, who)
    return write(input, Assign(), value, who=who)


@public
def copy_(input: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of `src`, cast and expanded, into `input`; returns `input`.

    With `non_blocking`, a `src` in pinned memory may be read after the call.

    Errors: RuntimeError where `src` does not expand to the shape of `input`.

        >>> import minidl
        >>> minidl.zeros(2, 2).copy_(minidl.tensor([1, 2]))
        tensor([[1., 2.],
                [1., 2.]])
    """
    if isinstance(src, TensorBase) and src.array.ndim > input.array.ndim:
        raise RuntimeError(f"copy_: output with shape {list(input.shape)} doesn't match the broadcast shape "
                           f"{list(src.array.shape)}; try squeeze(0) on what is copied")
    if non_blocking and isinstance(src, TensorBase):
        src = to_device(src, device_of(input.array), non_blocking)
    return _write_all(input, src, "copy_")


@public
def fill_(input: Tensor, value: Any) -> Tensor:
    """Set every element to `value`, a number or a 0-d tensor; returns `input`."""
    if isinstance(value, TensorBase) and value.array.ndim:
        raise RuntimeError(f"fill_: only supports 0-dimension value tensor but got tensor with "
                           f"{value.array.ndim} dimensions; try copy_")
    return _write_all(input, value, "fill_")


@public
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input`, filled with `value`, a number or a 0-d tensor.

        >>> import minidl
        >>> minidl.fill(minidl.zeros(2), 3)
        tensor([3., 3.])
    """
    return fill_(Clone("C")(input), value)


@public
def zero_(input: Tensor) -> Tensor:
    """Set every element of `input` to 0; returns `input`."""
    return _write_all(input, 0, "zero_")


@public
def fill_diagonal_(input: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Write `fill_value` wherever all indices are equal; returns `input`.

    In a tall matrix, `wrap` starts a new diagonal below the first square, after a row left out.

    Errors: RuntimeError below two dimensions, or where more than two have different lengths.

        >>> import minidl
        >>> minidl.zeros(4, 2).fill_diagonal_(1, wrap=True)
        tensor([[1., 0.],
                [0., 1.],
                [0., 0.],
                [1., 0.]])
    """
    shape = input.shape
    if len(shape) < 2:
        raise RuntimeError(f"fill_diagonal_: dimensions must larger than 1, but got shape {tuple(shape)}")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(f"fill_diagonal_: all dimensions of input must be of equal length, but got {tuple(shape)}")
    if wrap and len(shape) == 2:
        index = np.unravel_index(np.arange(0, shape[0] * shape[1], shape[1] + 1), shape) if shape[1] else ()
    else:
        index = (np.arange(min(shape)),) * len(shape)
    setitem(input, tuple(index) or ..., fill_value)
    return input
