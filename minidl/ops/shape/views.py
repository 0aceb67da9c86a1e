"""Change the shape or the order of axes without copying: reshape, permute, expand, narrow.

Nothing is computed or moved here: where strides allow it, an op returns a view of the memory of its input. Each
gradient undoes the change.
"""
from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.errors import guarded
from minidl.autograd.op import AS_INPUTS, Op, Value
from minidl.autograd.tensorbase import TensorBase, memory_of, version_of
from minidl.backend.device import Array, array_module, dense_copy, library_of
from minidl.backend.layout import channels_last, owner
from minidl.backend.memory_format import axes_of, contiguous_format, is_in_order, memory_format, preserve_format
from minidl.backend.torch_types import dtype as DType
from minidl.ops.base.broadcast import Expand, Shape, broadcast_shape, expand_to
from minidl.ops.base.declaration import alias, in_place_view, public
from minidl.ops.base.dims import normalize_dim, normalize_dims, sizes

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

ALL = slice(None)
LONG_RUN = 16       # numbers in a row of memory from which a copy into another order costs more than short rows


class Reshape(Op):
    """The same elements, in the same order, in another shape; a view where strides allow it."""

    is_view = True
    complex_rules = "as written"

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        return x.reshape(self.shape)

    def grad_x(self, g: Value) -> Value:
        return Reshape(self.x_shape)(g)


class Permute(Op):
    """Axis i of y is axis `dims[i]` of x; a view. The gradient puts the axes back."""

    is_view = True
    complex_rules = "as written"

    def __init__(self, dims: Shape) -> None:
        self.dims = dims

    def forward(self, x: Array) -> Array:
        return x.transpose(self.dims)

    def grad_x(self, g: Value) -> Value:
        return Permute(tuple(sorted(range(len(self.dims)), key=self.dims.__getitem__)))(g)


class Slice(Op):
    """y = x[window], where the window consists of ints, slices and None; a view.

    Elements outside have no influence: their gradient is zero.
    """

    is_view = True
    complex_rules = "as written"

    def __init__(self, window: Any) -> None:
        self.window = (*window, ...)    # with `...`, NumPy returns a view even of one element

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        return x[self.window]

    def leaves_free(self, x: Array) -> bool:
        return has_long_runs(x[self.window], x)

    def grad_x(self, g: Value) -> Value:
        return SliceScatter(self.window[:-1], self.x_shape)(g) if g.shape != self.x_shape else g


class SliceScatter(Op):
    """y[window] = x, and `fill` everywhere else in y."""

    complex_rules = "as written"

    def __init__(self, window: Any, shape: Shape, fill: float = 0.0) -> None:
        self.window, self.shape, self.fill = (*window, ...), shape, fill

    def forward(self, x: Array) -> Array:
        xp, order = array_module(x), [*range(len(self.shape))]
        if x.ndim == len(order) and channels_last(x):
            order = [0, *order[2:], 1]      # NumPy is fast where both lie alike
        shape = [self.shape[axis] for axis in order]
        out = xp.full(shape, self.fill, x.dtype) if self.fill else xp.zeros(shape, x.dtype)
        out = out.transpose(sorted(order, key=order.__getitem__))
        out[self.window] = x
        return out

    def grad_x(self, g: Value) -> Value:
        return Slice(self.window[:-1])(g)


class Clone(Op):
    """A copy in its own memory: in the layout of x ('K'), or row by row ('C')."""

    layout = AS_INPUTS
    complex_rules = "as written"

    def __init__(self, order: str) -> None:
        self.order = order

    def forward(self, x: Array) -> Array:
        return dense_copy(x) if self.order == "K" else x.copy(order="C")

    def grad_x(self, g: Value) -> Value:
        return g


def has_long_runs(part: Array, whole: Array) -> bool:
    """Whether the innermost axis in memory is whole in a part of an array, or has `LONG_RUN` numbers in it."""
    if whole.flags.c_contiguous:    # row-major order takes no copy
        return False
    inner, length = min((step, n) for step, n in zip(whole.strides, whole.shape) if n > 1)
    return any(step == inner and (n == length or n >= LONG_RUN) for step, n in zip(part.strides, part.shape))


# ---------------------------------------------------------------------- shapes as arguments

def sizes_of(shape: Any) -> Shape:
    """`(2, 3)`, `[2, 3]` or `6` as a tuple of ints."""
    return sizes((shape,))


def infer_sizes(shape: Shape, size: int, who: str) -> Shape:
    """Replace the -1 in `shape`, if any, by the size that gives `size` elements.

    Errors: RuntimeError where no such size exists.
    """
    if math.prod(shape) == size and min(shape, default=0) >= 0:
        return shape
    if min(shape, default=0) < -1:
        raise RuntimeError(f"{who}: invalid shape dimension {min(shape)}; only one -1 is allowed")
    if shape.count(-1) > 1:
        raise RuntimeError(f"{who}: only one dimension can be inferred, but shape '{list(shape)}' has several -1")
    known = math.prod([n for n in shape if n != -1])
    if -1 in shape and known == 0 == size:
        raise RuntimeError(f"{who}: cannot reshape tensor of 0 elements into shape {list(shape)} because the "
                           f"unspecified dimension size -1 can be any value and is ambiguous")
    if (size % known if -1 in shape and known else size - known):
        raise RuntimeError(f"{who}: shape '{list(shape)}' is invalid for input of size {size}")
    return tuple([size // known if n == -1 else n for n in shape])


def as_sequence(tensors: Any) -> Any:
    """The tensors of `f(a, b)` or `f([a, b])` as a sequence."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors


def array_of(x: Any) -> Array:
    """The array of a tensor, to compute on; an array itself. Of several GPUs, the array's becomes current."""
    array = x.array if isinstance(x, TensorBase) else x
    if guarded:
        library_of(array)
    return array


# ---------------------------------------------------------------------- inside a function

def temporary_view(view: Op, x: Any) -> Any:
    """`view(x)`, to be read inside a function only.

    Nobody writes into it or sees its layout. So x, which may be the result of a convolution with channels last, is not
    copied into another layout first.
    """
    view.is_view, view.layout = False, AS_INPUTS  # type: ignore[misc]
    y = view(x)
    if isinstance(x, TensorBase) and owner(y.array) is owner(x.array):
        y.version = version_of(x)       # so that a write into x is noticed where y was kept
    return y


def as_result(temporary: Any, *views: Op) -> Any:
    """A temporary, seen through `views`, as a result. Nothing else uses its memory, so any layout is allowed."""
    for view in views:
        temporary = temporary_view(view, temporary)
    if isinstance(temporary, TensorBase):
        temporary.view_of, temporary.layout_is_free = None, True
    return temporary


def copy_if_view(input: Any, result: Any) -> Any:
    """Return `result`, copied if it is a view of `input`."""
    return Clone("C")(result) if owner(array_of(result)) is owner(array_of(input)) else result


# ---------------------------------------------------------------------- another shape

@public
def reshape(input: Tensor, shape: Any) -> Tensor:
    """The same elements, read row by row, in another shape; -1 stands for the remaining size.

    A view of `input` where possible, else a copy. Errors: RuntimeError where the product of the sizes is not the
    number of elements.

        >>> import minidl
        >>> minidl.reshape(minidl.arange(6), (2, -1))
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    return Reshape(infer_sizes(sizes_of(shape), array_of(input).size, "reshape"))(input)


class Reinterpret(Op):
    """The same bytes, read as numbers of another dtype: a view without a derivative."""

    is_view = True
    complex_rules = "as written"

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def forward(self, x: Array) -> Array:
        return x.view(self.dtype)


def reinterpret(input: Any, dtype: np.dtype) -> Any:
    if dtype == input.dtype:
        return view(input, input.shape)
    array = array_of(input)
    if dtype.itemsize != array.itemsize:
        if not array.ndim or array.size and array.strides[-1] != array.itemsize:
            raise RuntimeError(f"view: to read {input.dtype} as {dtype}, of another size, the last dimension must be "
                               f"contiguous, but got shape {tuple(input.shape)}; try .contiguous()")
        if array.shape[-1] * array.itemsize % dtype.itemsize:
            raise RuntimeError(f"view: {array.shape[-1]} {input.dtype} in the last dimension are no whole number of "
                               f"{dtype}; their {array.shape[-1] * array.itemsize} bytes must be divisible by "
                               f"{dtype.itemsize}")
    return Reinterpret(dtype)(input)


def view(input: Any, shape: Any) -> Any:
    """`reshape` without a copy. Errors: RuntimeError where the memory cannot be read in that shape.

    With a dtype in place of a shape, the same bytes are read as numbers of that dtype.

        >>> import minidl
        >>> minidl.arange(4).view(2, 2)
        tensor([[0, 1],
                [2, 3]])
    >>> minidl.tensor([1.0, -1.0]).view(minidl.int32)
    tensor([ 1065353216, -1082130432], dtype=int32)
    """
    if isinstance(shape, (np.dtype, DType)):
        return reinterpret(input, np.dtype(shape))
    shape = infer_sizes(sizes_of(shape), array_of(input).size, "view")
    out = Reshape(shape)(input)
    if owner(array_of(out)) is not owner(array_of(input)):
        raise RuntimeError(
            f"view: view size {list(shape)} is not compatible with input tensor's size {list(input.shape)} and "
            f"stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.")
    return out


@public
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` viewed in the shape of `other`."""
    return view(input, other.shape)


@public
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """`input` in the shape of `other`."""
    return reshape(input, other.shape)


@public
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the axes from `start_dim` to `end_dim` into one.

        >>> import minidl
        >>> minidl.flatten(minidl.zeros(2, 3, 4), start_dim=1).shape
        (2, 12)
    """
    start = normalize_dim(start_dim, input.ndim, "flatten")
    end = normalize_dim(end_dim, input.ndim, "flatten")
    if start > end:
        raise RuntimeError(f"flatten: start_dim cannot come after end_dim, but got {start_dim} and {end_dim} "
                           f"for an input of {input.ndim} dimensions")
    if start == end and input.ndim:
        return input
    shape = input.shape
    return Reshape((*shape[:start], math.prod(shape[start:end + 1]), *shape[end + 1:]))(input)


@public
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """Split the axis `dim` into several; one size may be -1.

    Errors: RuntimeError for a tensor without dimensions, and where the product of the sizes is not that of the axis.

        >>> import minidl
        >>> minidl.unflatten(minidl.zeros(2, 12), 1, (3, -1)).shape
        (2, 3, 4)
    """
    dim = normalize_dim(dim, input.ndim, "unflatten")
    if not input.ndim:
        raise RuntimeError("unflatten: a tensor without dimensions has no axis to make into several; try reshape")
    shape = input.shape
    inner = infer_sizes(sizes_of(sizes), shape[dim], "unflatten")
    return Reshape((*shape[:dim], *inner, *shape[dim + 1:]))(input)


@public
def ravel(input: Tensor) -> Tensor:
    """All elements in one row.

        >>> import minidl
        >>> minidl.ravel(minidl.tensor([[1, 2], [3, 4]]))
        tensor([1, 2, 3, 4])
    """
    return Reshape((math.prod(input.shape),))(contiguous(input))


@public
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Remove axes of size 1: all, or those among `dim`; a view.

        >>> import minidl
        >>> minidl.squeeze(minidl.zeros(1, 3, 1)).shape, minidl.squeeze(minidl.zeros(1, 3, 1), -1).shape
        ((3,), (1, 3))
    """
    dims = normalize_dims(dim, input.ndim, "squeeze")
    return Reshape(tuple([n for i, n in enumerate(input.shape) if n != 1 or i not in dims]))(input)

squeeze_ = in_place_view(squeeze)


@public
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert a new axis of size 1 at place `dim`; a view.

        >>> import minidl
        >>> minidl.unsqueeze(minidl.tensor([1, 2]), 1)
        tensor([[1],
                [2]])
    """
    dim = normalize_dim(dim, input.ndim + 1, "unsqueeze")
    return Reshape((*input.shape[:dim], 1, *input.shape[dim:]))(input)

unsqueeze_ = in_place_view(unsqueeze)


@public
def atleast_1d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """Tensors with at least one axis; several tensors give a tuple."""
    return _each(tensors, lambda x: x if x.ndim else Reshape((1,))(x))


@public
def atleast_2d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """Tensors with at least two axes: () -> (1, 1), (n,) -> (1, n)."""
    return _each(tensors, lambda x: x if x.ndim >= 2 else Reshape((1,) * (2 - x.ndim) + x.shape)(x))


@public
def atleast_3d(*tensors: Tensor | Sequence[Tensor]) -> Any:
    """Tensors with at least three axes: () -> (1, 1, 1), (n,) -> (1, n, 1), (m, n) -> (m, n, 1)."""
    def with_3_axes(x: Any) -> Any:
        return x if x.ndim >= 3 else Reshape((*atleast_2d(x).shape, 1))(x)
    return _each(tensors, with_3_axes)


def atleast_nd(input: Any, ndim: int) -> Any:
    """Add axes of size 1 in front of `input` until there are `ndim`."""
    return input if input.ndim >= ndim else Reshape((1,) * (ndim - input.ndim) + input.shape)(input)


def _each(tensors: Any, function: Any) -> Any:
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return function(tensors[0])
    return tuple([function(x) for x in as_sequence(tensors)])


# ---------------------------------------------------------------------- another order of the axes

@public
def permute(input: Tensor, dims: Any) -> Tensor:
    """Reorder the axes: axis i of the result is axis `dims[i]` of the input; a view.

        >>> import minidl
        >>> minidl.permute(minidl.zeros(2, 3, 4), (2, 0, 1)).shape
        (4, 2, 3)
    """
    dims = sizes_of(dims)
    if len(dims) != input.ndim:
        raise RuntimeError(f"permute: number of dimensions in the tensor input does not match the length of the "
                           f"desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to "
                           f"len(dims) = {len(dims)}; name every axis once")
    return Permute(normalize_dims(dims, input.ndim, "permute"))(input)


@public
def transpose(input: Tensor, dim0: Any, dim1: int | None = None) -> Tensor:
    """Exchange two axes; a view. A tuple of all axes is NumPy's form, and means `permute`.

        >>> import minidl
        >>> minidl.transpose(minidl.tensor([[1, 2], [3, 4]]), 0, 1)
        tensor([[1, 3],
                [2, 4]])
    """
    if dim1 is None:
        if not isinstance(dim0, tuple):
            raise TypeError("transpose() missing 1 required positional argument: 'dim1'")
        return permute(input, dim0)
    dims = list(range(input.ndim))
    dim0, dim1 = (normalize_dim(dim, input.ndim, "transpose") for dim in (dim0, dim1))
    if dims:
        dims[dim0], dims[dim1] = dim1, dim0
    return Permute(tuple(dims))(input)

transpose_ = in_place_view(transpose)


swapdims = alias("swapdims", transpose)
swapdims_ = in_place_view(swapdims)


@public
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """`transpose` under NumPy's name."""
    return transpose(input, axis0, axis1)

swapaxes_ = in_place_view(swapaxes)


@public
def t(input: Tensor) -> Tensor:
    """Transpose a matrix; vectors and scalars stay as they are. Errors: RuntimeError beyond 2 dimensions."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D; "
                           f"try transpose(-2, -1)")
    return Permute(tuple(range(input.ndim))[::-1])(input)

t_ = in_place_view(t)


@public
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Move the axes `source` to the places `destination`; the others keep their order; a view.

        >>> import minidl
        >>> minidl.movedim(minidl.zeros(2, 3, 4), 0, -1).shape
        (3, 4, 2)
    """
    sources = normalize_dims(source, input.ndim, "movedim")
    places = normalize_dims(destination, input.ndim, "movedim")
    if len(sources) != len(places):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source}) should contain the "
                           f"same number of dims as destination ({destination})")
    dims = [i for i in range(input.ndim) if i not in sources]
    for place, axis in sorted(zip(places, sources)):
        dims.insert(place, axis)
    return Permute(tuple(dims))(input)


moveaxis = alias("moveaxis", movedim)


# ---------------------------------------------------------------------- repeated

def expand(input: Any, sizes: Any) -> Any:
    """Repeat axes of size 1 without copying, and add axes in front; -1 keeps an axis. A view.

    Errors: RuntimeError where an axis of another size than 1 would change.

        >>> import minidl
        >>> minidl.tensor([[1], [2]]).expand(-1, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    asked, shape = sizes_of(sizes), input.shape
    new = len(asked) - len(shape)
    if new < 0:
        raise RuntimeError(f"expand: the number of sizes provided ({len(asked)}) must be greater or equal to the "
                           f"number of dimensions in the tensor ({len(shape)})")
    ones = (1,) * new + shape
    target = tuple([one if n == -1 and i >= new else n for i, (n, one) in enumerate(zip(asked, ones))])
    for i, (n, one) in enumerate(zip(target, ones)):
        if n < 0:
            raise RuntimeError(f"expand: The expanded size of the tensor ({n}) isn't allowed in a leading, "
                               f"non-existing dimension {i}")
        if one not in (1, n):
            raise RuntimeError(f"expand: The expanded size of the tensor ({n}) must match the existing size "
                               f"({one}) at non-singleton dimension {i}. Target sizes: {list(asked)}. "
                               f"Tensor sizes: {list(shape)}")
    # If nothing is repeated, no two elements share memory, and the result may be written to.
    return Reshape(target)(input) if target == ones else Expand(target, ones)(input)


@public
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Expand `input` to the shape of `other`."""
    return expand(input, other.shape)


@public
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """`expand` under NumPy's name."""
    return expand(input, size)


@public
def broadcast_tensors(*tensors: Tensor | Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Expand all tensors to the shape that they broadcast to."""
    given = as_sequence(tensors)
    shape = broadcast_shape("broadcast_tensors", *[x.shape for x in given])
    return tuple([expand_to(x, shape) for x in given])


@public
def meshgrid(*tensors: Tensor | Sequence[Tensor], indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: tensor k, repeated along all other axes.

    `indexing='xy'` exchanges the first two axes of the grid, as plots and images need it. Errors: RuntimeError for a
    tensor of two or more dimensions, or of another dtype than the first.

        >>> import minidl
        >>> rows, columns = minidl.meshgrid(minidl.tensor([1, 2]), minidl.tensor([3, 4, 5]))
        >>> rows
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be one of 'xy' or 'ij', but received: {indexing!r}")
    vectors = [atleast_1d(x) for x in as_sequence(tensors)]
    for x in vectors:
        if x.ndim > 1 or x.dtype != vectors[0].dtype:
            raise RuntimeError(f"meshgrid expects all tensors to have the same dtype and 0 or 1 dimensions, but got "
                               f"{x.dtype} of shape {tuple(x.shape)} beside {vectors[0].dtype}")
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = 1, 0
    shape = tuple([vectors[i].shape[0] for i in order])
    return tuple([expand(Reshape(tuple([n if k == i else 1 for i, n in zip(order, shape)]))(x), shape)
                  for k, x in enumerate(vectors)])


# ---------------------------------------------------------------------- parts

@public
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` elements along `dim`, from `start` on; a view.

        >>> import minidl
        >>> minidl.narrow(minidl.arange(5), 0, 1, 3)
        tensor([1, 2, 3])
    """
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    axis = normalize_dim(dim, input.ndim, "narrow")
    start, length, size = operator.index(start), operator.index(length), input.shape[axis]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, but got {length}")
    if not -size <= start <= size:
        raise IndexError(f"narrow: start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    first = start + size if start < 0 else start
    if first + length > size:
        raise RuntimeError(f"narrow: start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return Slice((*(ALL,) * axis, slice(first, first + length)))(input)


@public
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Slice number `index` along `dim`, without that axis; a view.

        >>> import minidl
        >>> minidl.select(minidl.tensor([[1, 2], [3, 4]]), 1, -1)
        tensor([2, 4])
    """
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = normalize_dim(dim, input.ndim, "select")
    index = operator.index(index)
    if not -input.shape[axis] <= index < input.shape[axis]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at "
                         f"dimension {axis}")
    return Slice((*(ALL,) * axis, index))(input)


# ---------------------------------------------------------------------- copies

@public
def clone(input: Tensor, *, memory_format: memory_format = preserve_format) -> Tensor:
    """A copy in its own memory; gradients pass through it.

    memory_format: the order of its axes in memory, by default that of `input`.

        >>> import minidl
        >>> x = minidl.zeros(2)
        >>> minidl.clone(x).add_(1), x
        (tensor([1., 1.]), tensor([0., 0.]))
    """
    if memory_format is preserve_format:
        return Clone("K")(input)
    return _copy_in_order(input, axes_of(memory_format, input.ndim, "clone"))


@public
def contiguous(input: Tensor, memory_format: memory_format = contiguous_format) -> Tensor:
    """Return `input` itself if it lies in memory without gaps, row by row, else a copy that does.

    memory_format: another order of axes, such as `minidl.channels_last`. Errors: RuntimeError for a copy in
    `preserve_format`, or a format for another number of axes.

        >>> import minidl
        >>> x = minidl.zeros(1, 3, 4, 5)
        >>> x.contiguous(memory_format=minidl.channels_last).stride(), x.contiguous() is x
        ((60, 1, 15, 3), True)
    """
    array = memory_of(input) if isinstance(input, TensorBase) else input
    if memory_format in (contiguous_format, preserve_format):
        if not array.flags.c_contiguous and memory_format is preserve_format:
            raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
        return input if array.flags.c_contiguous else Clone("C")(input)
    axes = axes_of(memory_format, input.ndim, "contiguous")
    return input if is_in_order(array, axes) else _copy_in_order(input, axes)


def _copy_in_order(input: Any, axes: Shape) -> Any:
    """A copy that lies in memory without gaps, with the axes in this order."""
    if axes == tuple(range(len(axes))):
        return Clone("C")(input)
    copy = Clone("C")(Permute(axes)(input))
    return Permute(tuple(sorted(range(len(axes)), key=axes.__getitem__)))(copy)
