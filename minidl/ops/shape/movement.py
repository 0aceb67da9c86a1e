"""Copy elements to other places: repeat, flip, roll, tril, diag, pad. Gradients move back."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.inplace import replace_memory
from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module
from minidl.backend.dtype import as_representable
from minidl.backend.kernels.flip import mirrored
from minidl.ops.base.broadcast import Shape, Sum
from minidl.ops.base.checks import integer
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.dims import normalize_dim, normalize_dims, sizes
from minidl.ops.shape.join import Cat
from minidl.ops.shape.views import (
    ALL,
    Clone,
    Reshape,
    Slice,
    SliceScatter,
    atleast_nd,
    clone,
    copy_if_view,
    expand,
    narrow,
    ravel,
    reshape,
    sizes_of,
    transpose,
)

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- repeated

class Tile(Op):
    """x repeated `times[i]` times along axis i. Every element collects the gradients of its copies."""

    complex_rules = "as written"

    def __init__(self, times: Shape) -> None:
        self.times = times

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        return array_module(x).tile(x, self.times)

    def grad_x(self, g: Value) -> Value:
        split = tuple([n for pair in zip(self.times, self.x_shape) for n in pair])  # (r0, n0, r1, n1, ...)
        return Sum(tuple(range(0, len(split), 2)), self.x_shape)(Reshape(split)(g))


def repeat(input: Any, repeats: Any) -> Any:
    """Repeat `input` `repeats[i]` times along axis i; a copy.

    More repeats than axes make new axes in front.

        >>> import minidl
        >>> minidl.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    times = sizes_of(repeats)
    if len(times) < input.ndim:
        raise RuntimeError(f"repeat: Number of dimensions of repeat dims can not be smaller than number of "
                           f"dimensions of tensor; got {list(times)} for an input of {input.ndim} dimensions")
    if min(times, default=0) < 0:
        raise RuntimeError(f"repeat: Trying to create tensor with negative dimension: repeats {list(times)}")
    return Tile(times)(atleast_nd(input, len(times)))


@public
def tile(input: Tensor, dims: Any) -> Tensor:
    """`repeat`, where `dims` may name only the last axes.

        >>> import minidl
        >>> minidl.tile(minidl.tensor([[1], [2]]), (2,))
        tensor([[1, 1],
                [2, 2]])
    """
    times = sizes_of(dims)
    return repeat(input, (1,) * (input.ndim - len(times)) + times)


# ---------------------------------------------------------------------- reversed and rotated

class Flip(Op):
    """x in reverse order along `dims`; a copy, as in PyTorch."""

    complex_rules = "as written"

    def __init__(self, dims: Shape) -> None:
        self.dims = dims

    def forward(self, x: Array) -> Array:
        last, backwards = x.ndim - 1, slice(None, None, -1)
        if self.dims == (last,):
            return mirrored(x)
        y = x[tuple([backwards if i in self.dims and i != last else ALL for i in range(x.ndim)])]
        return mirrored(y) if last in self.dims else y.copy()

    def grad_x(self, g: Value) -> Value:
        return Flip(self.dims)(g)


class Roll(Op):
    """x shifted by `shifts` along `dims`: what leaves at the end enters at the front."""

    complex_rules = "as written"

    def __init__(self, shifts: Shape, dims: Shape) -> None:
        self.shifts, self.dims = shifts, dims

    def forward(self, x: Array) -> Array:
        return array_module(x).roll(x, self.shifts, self.dims)

    def grad_x(self, g: Value) -> Value:
        return Roll(tuple([-shift for shift in self.shifts]), self.dims)(g)


@public
def flip(input: Tensor, dims: Any) -> Tensor:
    """Reverse the order along `dims`; a copy.

        >>> import minidl
        >>> minidl.flip(minidl.tensor([[1, 2], [3, 4]]), (0, 1))
        tensor([[4, 3],
                [2, 1]])
    """
    return Flip(normalize_dims(sizes_of(dims), input.ndim, "flip"))(input)


@public
def fliplr(input: Tensor) -> Tensor:
    """Columns in reverse order. Errors: RuntimeError below 2 dimensions."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, but got {input.ndim}-d")
    return Flip((1,))(input)


@public
def flipud(input: Tensor) -> Tensor:
    """Rows in reverse order. Errors: RuntimeError below 1 dimension."""
    if input.ndim < 1:
        raise RuntimeError("flipud: Input must be >= 1-d, but got 0-d")
    return Flip((0,))(input)


@public
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Shift elements by `shifts` along `dims`, round from end to front.

    Without `dims` the tensor is rolled as one row.

        >>> import minidl
        >>> minidl.roll(minidl.arange(5), 2)
        tensor([3, 4, 0, 1, 2])
    """
    shifts = sizes_of(shifts)
    if dims is None:
        if len(shifts) != 1:
            raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(shifts)}, dims:0")
        return reshape(Roll(shifts, (0,))(ravel(input)), input.shape)
    axes = tuple([normalize_dim(dim, input.ndim, "roll") for dim in sizes_of(dims)])
    if not shifts:
        raise RuntimeError("roll: `shifts` required; try 0 to roll by nothing")
    if axes and not input.ndim:
        raise IndexError(f"roll: Dimension specified as {axes[0]} but tensor has no dimensions; try it without dims")
    if len(axes) != len(shifts):
        raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(axes)}")
    return Roll(shifts, axes)(input)


@public
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Rotate by k quarter turns, from the first axis of `dims` towards the second.

        >>> import minidl
        >>> minidl.rot90(minidl.tensor([[1, 2], [3, 4]]))
        tensor([[2, 4],
                [1, 3]])
    """
    if len(dims) != 2:
        raise RuntimeError(f"rot90: expected total rotation dims == 2, but got dims = {len(dims)}")
    a, b = normalize_dims(dims, input.ndim, "rot90")
    k = integer("rot90", "k", k) % 4
    if k == 0:
        return Clone("C")(input)
    if k == 2:
        return Flip((a, b))(input)
    # A quarter turn is a reflection and an exchange of axes; the reflection decides the direction.
    return Flip((a if k == 1 else b,))(transpose(input, a, b))


# ---------------------------------------------------------------------- triangles and diagonals

class Triangle(Op):
    """x on one side of a diagonal ('tril' or 'triu'), zero on the other; so is its gradient."""

    complex_rules = "as written"

    def __init__(self, side: str, diagonal: int) -> None:
        self.side, self.diagonal = side, diagonal

    def forward(self, x: Array) -> Array:
        return getattr(array_module(x), self.side)(x, self.diagonal)

    def grad_x(self, g: Value) -> Value:
        return Triangle(self.side, self.diagonal)(g)


class Diagonal(Op):
    """y[..., i] = x[..., i, ..., i + offset, ...]: the elements where two axes agree; a view."""

    is_view = True
    complex_rules = "as written"

    def __init__(self, offset: int, dim1: int, dim2: int) -> None:
        self.where = offset, dim1, dim2

    def forward(self, x: Array) -> Array:
        self.x_shape = x.shape
        y = x.diagonal(*self.where)
        if hasattr(y, "setflags"):      # NumPy returns it read-only
            y.setflags(write=x.flags.writeable)
        return y

    def grad_x(self, g: Value) -> Value:
        return DiagonalScatter(self.where, self.x_shape)(g)


class DiagonalScatter(Op):
    """y with x on a diagonal, and zero everywhere else."""

    complex_rules = "as written"

    def __init__(self, where: tuple[int, int, int], shape: Shape) -> None:
        self.where, self.shape = where, shape

    def forward(self, x: Array) -> Array:
        xp, (offset, dim1, dim2) = array_module(x), self.where
        out = xp.zeros(self.shape, x.dtype)
        batch = [i for i in range(out.ndim) if i not in (dim1, dim2)]
        i = xp.arange(x.shape[-1])
        out.transpose(*batch, dim1, dim2)[..., i + max(-offset, 0), i + max(offset, 0)] = x
        return out

    def grad_x(self, g: Value) -> Value:
        return Diagonal(*self.where)(g)


@public
def tril(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The lower triangle of matrices, up to a diagonal; zero above.

        >>> import minidl
        >>> minidl.tril(minidl.ones(2, 3))
        tensor([[1., 0., 0.],
                [1., 1., 0.]])
    """
    return _triangle(input, "tril", diagonal)

tril_ = in_place(tril)


@public
def triu(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The upper triangle of matrices, from a diagonal on; zero below.

        >>> import minidl
        >>> minidl.triu(minidl.ones(2, 3), diagonal=1)
        tensor([[0., 1., 1.],
                [0., 0., 1.]])
    """
    return _triangle(input, "triu", diagonal)

triu_ = in_place(triu)


def _triangle(input: Any, side: str, diagonal: int) -> Any:
    if input.ndim < 2:
        raise RuntimeError(f"{side}: input tensor must have at least 2 dimensions, got shape {input.shape}")
    return Triangle(side, integer(side, "diagonal", diagonal))(input)


@public
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The elements where two axes have equal indices, as a new last axis; a view.

    `offset` > 0 takes a diagonal above, < 0 one below.

        >>> import minidl
        >>> minidl.diagonal(minidl.tensor([[1, 2], [3, 4]]))
        tensor([1, 4])
    """
    axis1, axis2 = _two_axes("diagonal", input.ndim, dim1, dim2)
    return Diagonal(offset, axis1, axis2)(input)


@public
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last axis of `input` on a diagonal, else zeros.

        >>> import minidl
        >>> minidl.diag_embed(minidl.tensor([1, 2]), offset=1)
        tensor([[0, 1, 0],
                [0, 0, 2],
                [0, 0, 0]])
    """
    if not input.ndim:
        raise RuntimeError("diag_embed: expected a tensor with at least 1 dimension")
    axis1, axis2 = _two_axes("diag_embed", input.ndim + 1, dim1, dim2)
    shape = list(input.shape[:-1])
    for axis in sorted((axis1, axis2)):
        shape.insert(axis, input.shape[-1] + abs(offset))
    return DiagonalScatter((offset, axis1, axis2), tuple(shape))(input)


@public
def diag(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """A vector as a diagonal matrix, or the diagonal of a matrix; always a copy.

        >>> import minidl
        >>> minidl.diag(minidl.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D; try diagonal or diag_embed")
    return clone(Diagonal(diagonal, 0, 1)(input))


@public
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A diagonal matrix of all elements, read as one row.

        >>> import minidl
        >>> minidl.diagflat(minidl.tensor([[1], [2]]))
        tensor([[1, 0],
                [0, 2]])
    """
    return diag_embed(ravel(input), offset)


def _two_axes(who: str, ndim: int, dim1: int, dim2: int) -> tuple[int, int]:
    axis1, axis2 = normalize_dim(dim1, ndim, who), normalize_dim(dim2, ndim, who)
    if axis1 == axis2:
        raise RuntimeError(f"{who}: diagonal dimensions cannot be identical {dim1}, {dim2}")
    return axis1, axis2


# ---------------------------------------------------------------------- padding

_DIMS_OF_ITSELF = {(2, 2), (2, 3), (4, 3), (4, 4), (6, 4), (6, 5)}
"""Numbers of widths and of dimensions that go together where the margin is made of the input."""

@public
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Pad `input`. `pad` begins with the *last* axis: (left, right, top, bottom, front, back, ...).

    Modes: 'constant' (`value`, or 0), 'reflect' (mirrored; the edge is not repeated), 'replicate' (the edge is
    repeated), 'circular' (continued from the other side). Negative widths cut off.

    Errors: RuntimeError where `pad` does not fit the input, or the input is too small to be mirrored or wrapped that
    far; NotImplementedError for an unknown mode, and where the modes but 'constant' get other than (N, C, ...) or
    (C, ...) with two widths for each axis in place of the dots.

        >>> import minidl
        >>> minidl.nn.functional.pad(minidl.tensor([1., 2., 3.]), (1, 2))
        tensor([0., 1., 2., 3., 0., 0.])
        >>> minidl.nn.functional.pad(minidl.tensor([[1., 2., 3.]]), (2, 0), mode="reflect")
        tensor([[3., 2., 1., 2., 3.]])
    """
    widths = sizes_of(pad)
    if len(widths) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, but got {len(widths)} numbers: {widths}")
    if len(widths) > 2 * input.ndim:
        raise RuntimeError(f"pad: Padding length should be less than or equal to two times the input dimension but "
                           f"got padding length {len(widths)} and input of dimension {input.ndim}")
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode!r}; expected 'constant', 'reflect', "
                                  f"'replicate' or 'circular'")
    if mode != "constant" and (len(widths), input.ndim) not in _DIMS_OF_ITSELF:
        raise NotImplementedError(f"pad: Padding size {len(widths)} is not supported for {input.ndim}D input tensor in "
                                  f"mode {mode!r}; expected 2 numbers for 2D or 3D inputs, 4 for 3D or 4D, 6 for 4D or "
                                  f"5D; try unsqueeze(0)")
    if mode != "constant" and value:
        raise ValueError(f"pad: Padding mode {mode!r} doesn't take in value argument")
    sides = [(0, 0)] * (input.ndim - len(widths) // 2) + list(zip(widths[-2::-2], widths[::-2]))
    for axis, ((left, right), n) in enumerate(zip(sides, input.shape)):
        if n + left + right < 0:
            raise RuntimeError(f"pad: The input size {n}, plus negative padding {left} and {right}, resulted in a "
                               f"negative output size at dimension {axis}")
    cropped = Slice(tuple([slice(max(-left, 0), n - max(-right, 0))
                           for (left, right), n in zip(sides, input.shape)]))(input) \
        if min(widths, default=0) < 0 else input
    margins = [(max(left, 0), max(right, 0)) for left, right in sides]
    if mode == "constant":
        shape = tuple([left + n + right for (left, right), n in zip(margins, cropped.shape)])
        inside = tuple([slice(left, left + n) for (left, _), n in zip(margins, cropped.shape)])
        margin = as_representable(float(value) if isinstance(value, int) else value or 0.0, input.dtype)
        return SliceScatter(inside, shape, margin)(cropped)
    for axis, (left, right) in enumerate(margins):
        if left or right:
            cropped = _pad_from_itself(cropped, axis, left, right, mode)
    return copy_if_view(input, cropped)


def _pad_from_itself(x: Any, axis: int, left: int, right: int, mode: str) -> Any:
    """Pad one axis with copies of its own elements."""
    n = x.shape[axis]
    most = {"reflect": n - 1, "circular": n, "replicate": max(left, right) if n else 0}[mode]
    if max(left, right) > most:
        raise RuntimeError(f"pad: Padding size should be at most {most} in mode {mode!r}, but got: padding "
                           f"({left}, {right}) at dimension {axis} of input {list(x.shape)}")
    if mode == "reflect":
        before = Flip((axis,))(narrow(x, axis, 1, left))
        after = Flip((axis,))(narrow(x, axis, n - 1 - right, right))
    elif mode == "circular":
        before, after = narrow(x, axis, n - left, left), narrow(x, axis, 0, right)
    else:
        sizes = [-1] * x.ndim
        before = expand(narrow(x, axis, 0, 1), sizes[:axis] + [left] + sizes[axis + 1:])
        after = expand(narrow(x, axis, n - 1, 1), sizes[:axis] + [right] + sizes[axis + 1:])
    return Cat(axis)(before, x, after)


# ---------------------------------------------------------------------- resized in place

@public
def resize_(input: Tensor, *size: Any) -> Tensor:
    """Resize `input` in place; the first elements stay, new ones are unset; returns `input`.

    It gets memory of its own: earlier views keep the old memory. Errors: RuntimeError if it requires grad.

        >>> import minidl
        >>> minidl.arange(6).resize_(2, 2)
        tensor([[0, 1],
                [2, 3]])
    """
    shape, old = sizes(size), input.array
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad; try detach() first")
    if min(shape, default=0) < 0:
        raise RuntimeError(f"resize_: Trying to create tensor with negative dimension: {list(shape)}")
    if shape != old.shape:
        new = array_module(old).empty(shape, old.dtype)
        n = min(new.size, old.size)
        new.reshape(-1)[:n] = old.reshape(-1)[:n]
        replace_memory(input, new, "resize_")
    return input


@public
def resize_as_(input: Tensor, the_template: Tensor) -> Tensor:
    """`resize_` to the size of another tensor; returns `input`."""
    return resize_(input, the_template.shape)
