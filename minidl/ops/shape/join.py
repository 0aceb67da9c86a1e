"""Join and cut tensors: cat, stack, split, chunk, unbind. Joining is the gradient of cutting."""
from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module
from minidl.backend.layout import channels_last, joined, without_gaps
from minidl.ops.base.checks import check_tensors
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import alias, public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.base.ufunc import common_dtype
from minidl.ops.shape.views import ALL, Slice, array_of, atleast_1d, atleast_2d, atleast_3d, has_long_runs, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Pieces(Op):
    """Base of ops that cut x up along one axis; every piece is a view.

    One op for all pieces means one pass for the whole gradient: it joins theirs. If each piece were a separate
    `Slice`, each would bring a gradient of the size of x, nearly all zeros. As a *view*, though, each piece has its own
    window, so that a write into it finds its place.
    """

    is_view = True
    complex_rules = "as written"

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def windows(self, length: int) -> list[Any]:
        """The index of each piece along the axis, which has this length."""
        raise NotImplementedError

    def forward(self, x: Array) -> tuple[Array, ...]:
        before = (ALL,) * self.dim
        self.indices = [(*before, window) for window in self.windows(x.shape[self.dim])]
        return tuple([x[index + (Ellipsis,)] for index in self.indices])

    def leaves_free(self, x: Array) -> bool:
        return all(has_long_runs(piece, x) for piece in self.forward(x))

    def mark_view(self, result: Any, base: Any) -> None:
        for piece, index in zip(result, self.indices):
            Slice(index).mark_view(piece, base)


class Split(Pieces):
    """Pieces of the given sizes along one axis."""

    def __init__(self, sizes: Sequence[int], dim: int) -> None:
        super().__init__(dim)
        self.sizes = sizes

    def windows(self, length: int) -> list[Any]:
        ends = [sum(self.sizes[:i + 1]) for i in range(len(self.sizes))]
        return [slice(end - size, end) for end, size in zip(ends, self.sizes)]

    def grad_x(self, g: Value) -> Value:
        return Cat(self.dim)(*_as_tuple(g))


class Cat(Op):
    """Tensors one after the other along an existing axis."""

    complex_rules = "as written"

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, *xs: Array) -> Array:
        self.sizes = [x.shape[self.dim] for x in xs]
        return joined(xs[0], xs[1:], self.dim)

    def backward(self, g: Any) -> Any:
        pieces = Split(self.sizes, self.dim)(g)
        if self.dim != 1 or type(g) is not np.ndarray or not channels_last(g):
            return pieces
        return tuple(map(without_gaps, pieces))     # short runs of channels are slow to read, again and again


class Unbind(Pieces):
    """x[..., 0, ...], x[..., 1, ...] and so on, without the axis itself."""

    def windows(self, length: int) -> list[Any]:
        return list(range(length))

    def grad_x(self, g: Value) -> Value:
        return Stack(self.dim)(*_as_tuple(g))


class Stack(Op):
    """Tensors one after the other along a new axis."""

    complex_rules = "as written"

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, *xs: Array) -> Array:
        return array_module(xs[0]).stack(xs, axis=self.dim)

    def backward(self, g: Any) -> Any:
        return Unbind(self.dim)(g)


def _as_tuple(g: Any) -> Any:
    """The gradients of several outputs; for one output, the engine passes its gradient alone."""
    return g if type(g) is tuple else (g,)


# ---------------------------------------------------------------------- functions

@public
def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Join tensors along `dim`; their other sizes must agree.

    Dtypes are promoted. As in PyTorch, a tensor of shape (0,) can be joined with any other. Errors: RuntimeError
    that names the shapes and the axis that clash.

        >>> import minidl
        >>> minidl.cat([minidl.ones(1, 2), minidl.zeros(2, 2)])
        tensor([[1., 1.],
                [0., 0.],
                [0., 0.]])
    """
    tensors = _as_tensor_list("cat", tensors)
    if not tensors:
        raise ValueError("cat: expected a non-empty list of Tensors")
    dtype = common_dtype(*tensors)
    shapes = [array_of(x).shape for x in tensors]
    first = next((shape for shape in shapes if shape != (0,)), (0,))
    if not first:
        raise RuntimeError("cat: zero-dimensional tensor (at position 0) cannot be concatenated; try stack")
    axis = normalize_dim(dim if first != (0,) else 0, len(first), "cat")    # any dim if all are (0,)
    nothing = (*first[:axis], 0, *first[axis + 1:])
    tensors = [x if shape != (0,) else reshape(x, nothing) for x, shape in zip(tensors, shapes)]
    for i, shape in enumerate(shapes):
        if shape == (0,):
            continue
        if len(shape) != len(first):
            raise RuntimeError(f"cat: Tensors must have same number of dimensions: got {len(first)} and {len(shape)} "
                               f"(shapes {first} and {shape})")
        for k, (n, m) in enumerate(zip(first, shape)):
            if n != m and k != axis:
                raise RuntimeError(
                    f"cat: Sizes of tensors must match except in dimension {axis}. Expected size {n} but got size "
                    f"{m} for tensor number {i} in the list: shapes {first} and {shape} clash at axis {k}")
    return Cat(axis)(*[cast(x, dtype) for x in tensors])


concat = alias("concat", cat)
concatenate = alias("concatenate", cat)


def _as_tensor_list(who: str, tensors: Any) -> list[Any]:
    """Several tensors as a list. Errors: TypeError unless it is a sequence of tensors, and not itself a tensor."""
    if not isinstance(tensors, Iterable) or isinstance(tensors, TensorBase):
        shape = f" of shape {tensors.array.shape}; try {who}([a, b])" if isinstance(tensors, TensorBase) else ""
        raise TypeError(f"{who}(): argument 'tensors' must be a tuple or list of Tensors, not "
                        f"{type(tensors).__name__}{shape}")
    several = list(tensors)
    check_tensors(who, **{f"tensors[{i}]": x for i, x in enumerate(several)})
    return several


def _some_tensors(who: str, tensors: Any) -> list[Any]:
    """`_as_tensor_list`. Errors: RuntimeError if there is none."""
    several = _as_tensor_list(who, tensors)
    if not several:
        raise RuntimeError(f"{who}: expects a non-empty TensorList")
    return several


@public
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Join tensors of one shape along a new axis `dim`. Errors: RuntimeError where shapes differ.

        >>> import minidl
        >>> minidl.stack([minidl.tensor([1, 2]), minidl.tensor([3, 4])], dim=1)
        tensor([[1, 3],
                [2, 4]])
    """
    tensors = _some_tensors("stack", tensors)
    shapes = [array_of(x).shape for x in tensors]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise RuntimeError(f"stack: expects each tensor to be equal size, but got {list(shapes[0])} at entry "
                               f"0 and {list(shape)} at entry {i}")
    dtype = common_dtype(*tensors)
    return Stack(normalize_dim(dim, len(shapes[0]) + 1, "stack"))(*[cast(x, dtype) for x in tensors])


@public
def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join side by side: along axis 1, or 0 for vectors."""
    tensors = atleast_1d(_some_tensors("hstack", tensors))
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


@public
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join one below the other; vectors become rows."""
    return cat(atleast_2d(_some_tensors("vstack", tensors)), 0)


row_stack = alias("row_stack", vstack)


@public
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join one behind the other, along axis 2."""
    return cat(atleast_3d(_some_tensors("dstack", tensors)), 2)


@public
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """Join side by side; vectors become columns.

        >>> import minidl
        >>> minidl.column_stack([minidl.tensor([1, 2]), minidl.tensor([3, 4])])
        tensor([[1, 3],
                [2, 4]])
    """
    return cat([reshape(t, (-1, 1)) if t.ndim < 2 else t for t in _some_tensors("column_stack", tensors)], 1)


@public
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut along `dim` into pieces of the given size or sizes; views.

    If there is one size, the last piece may be smaller.

        >>> import minidl
        >>> minidl.split(minidl.arange(5), 2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if not tensor.ndim:
        raise RuntimeError("split: expects at least a 1-dimensional tensor")
    dim = normalize_dim(dim, tensor.ndim, "split")
    length = tensor.shape[dim]
    if isinstance(split_size_or_sections, Sequence):
        sizes = [operator.index(n) for n in split_size_or_sections]
        if sum(sizes) != length or min(sizes, default=0) < 0:
            raise RuntimeError(f"split: split_with_sizes expects split_sizes to sum exactly to {length} (input "
                               f"tensor's size at dimension {dim}), but got split_sizes={sizes}")
        return Split(sizes, dim)(tensor)
    size = operator.index(split_size_or_sections)
    if size < 0 or size == 0 != length:
        raise RuntimeError(f"split: expects split_size be positive, but got split_size={size}")
    count = max(-(-length // size), 1) if size else 1
    return Split([min(size, length - i * size) for i in range(count)], dim)(tensor)


@public
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """`split` into pieces of the listed sizes. Errors: TypeError for a single size, and as `split`.

        >>> import minidl
        >>> minidl.split_with_sizes(minidl.arange(5), (2, 3))
        (tensor([0, 1]), tensor([2, 3, 4]))
    """
    if not isinstance(split_sizes, Sequence):
        raise TypeError(f"split_with_sizes(): argument 'split_sizes' must be tuple of ints, not "
                        f"{type(split_sizes).__name__}; try split")
    return split(input, split_sizes, dim)


@public
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Cut along `dim` into at most `chunks` pieces of equal size; views.

    The last piece may be smaller.

        >>> import minidl
        >>> [piece.shape[1] for piece in minidl.chunk(minidl.zeros(2, 7), 3, dim=1)]
        [3, 3, 1]
    """
    if not input.ndim:
        raise RuntimeError("chunk: expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk: expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[normalize_dim(dim, input.ndim, "chunk")]
    if length == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-length // chunks), dim)


# In PyTorch, these promise that a write into one piece needs no care for the others. Here all pieces allow that.
unsafe_split = alias("unsafe_split", split)
unsafe_split_with_sizes = alias("unsafe_split_with_sizes", split_with_sizes)
unsafe_chunk = alias("unsafe_chunk", chunk)


@public
def tensor_split(input: Tensor, indices_or_sections: Any = None, dim: int = 0, *, sections: Any = None,
                 indices: Any = None, tensor_indices_or_sections: Any = None) -> tuple[Tensor, ...]:
    """Cut into exactly n pieces, or at the listed indices; views.

    The sizes of n pieces differ by at most one. Number and indices may be a tensor of int64; the keywords are
    PyTorch's, of which one is given.

        >>> import minidl
        >>> minidl.tensor_split(minidl.arange(5), (1, 4))
        (tensor([0]), tensor([1, 2, 3]), tensor([4]))
    """
    if not input.ndim:
        raise RuntimeError("tensor_split: expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    dim = normalize_dim(dim, input.ndim, "tensor_split")
    length, before = input.shape[dim], (ALL,) * dim
    given = [x for x in (indices_or_sections, sections, indices, tensor_indices_or_sections) if x is not None]
    if len(given) != 1:
        raise TypeError(f"tensor_split(): expected a number of sections or indices, but got {len(given)} of them")
    indices_or_sections = _as_positions(given[0])
    if isinstance(indices_or_sections, Sequence):
        ends = [*indices_or_sections, None]     # like slices, they may overlap or reach beyond the end
        return tuple([Slice((*before, slice(a, b)))(input) for a, b in zip([0, *ends], ends)])
    sections = operator.index(indices_or_sections)
    if sections <= 0:
        raise RuntimeError(f"tensor_split: number of sections must be larger than 0, got {sections}")
    least, larger = divmod(length, sections)
    return Split([least + 1] * larger + [least] * (sections - larger), dim)(input)


def _as_positions(given: Any) -> Any:
    """A number, or a list of them, from a tensor; anything else as it is. Errors: RuntimeError for another tensor."""
    if not hasattr(given, "dtype"):
        return given
    if given.dtype != "int64" or given.ndim > 1:
        raise RuntimeError(f"tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                           f"one-dimensional tensor of int64, but got {given.ndim} dimensions of {given.dtype}")
    return given.tolist()


@public
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices along `dim`, without that axis; views.

        >>> import minidl
        >>> minidl.unbind(minidl.tensor([[1, 2], [3, 4]]))
        (tensor([1, 2]), tensor([3, 4]))
    """
    if not input.ndim:
        raise IndexError("unbind: Dimension specified as 0 but tensor has no dimensions")
    return Unbind(normalize_dim(dim, input.ndim, "unbind"))(input)


@public
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along axis 1, or along the only axis of a vector."""
    return _split_along("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


@public
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along axis 0."""
    return _split_along("vsplit", input, indices_or_sections, 0, 2)


@public
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along axis 2."""
    return _split_along("dsplit", input, indices_or_sections, 2, 3)


def _split_along(who: str, input: Any, pieces: Any, dim: int, least: int) -> tuple[Any, ...]:
    if input.ndim < least:
        raise RuntimeError(f"{who}: requires a tensor with at least {least} dimension{'s'[:least > 1]}, but got a "
                           f"tensor with {input.ndim} dimensions")
    if isinstance(pieces, int) and (pieces < 1 or input.shape[dim] % pieces):
        raise RuntimeError(f"{who}: attempted to split along dimension {dim}, but the size of the dimension "
                           f"{input.shape[dim]} is not divisible by the split_size {pieces}")
    return tensor_split(input, pieces, dim)
