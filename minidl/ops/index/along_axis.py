"""Read and write along one axis: gather, scatter, index_select and others; masks.

All of them are `x[places]` and `x[places] = value`, with the places written out for one axis. So this file has
hardly any ops: the gradients come with `GetItem`, `ScatterAdd` and `Replace`.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.errors import check_devices
from minidl.autograd.inplace import InPlaceOp, write
from minidl.autograd.op import Value
from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, device_of, library_of, move
from minidl.backend.dtype import as_representable
from minidl.ops.base.broadcast import Sum, broadcast_shape, expand_to
from minidl.ops.base.checks import check_tensors, number
from minidl.ops.base.declaration import in_place, public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.base.ufunc import Elementwise
from minidl.ops.elementwise.arithmetic import Add
from minidl.ops.index.items import (
    GetItem,
    Replace,
    ScatterAdd,
    SetItem,
    as_value,
    expand_value,
    resolve,
    shape_of_places,
)
from minidl.ops.shape.movement import Tile
from minidl.ops.shape.views import ALL, Reshape, Slice, array_of, clone, narrow, ravel, reshape, unsqueeze

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- gather and scatter

def _row(x: Any) -> Any:
    """View a tensor without dimensions as a row of one element."""
    return Reshape((1,))(x) if getattr(x, "ndim", 1) == 0 else x


@public
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """y[i, j, k] = x[i, index[i, j, k], k], for dim=1 of three axes: one element for each of `index`.

    Errors: RuntimeError where the number of dimensions differs, where `index` is larger than `input` in an axis other
    than `dim`, or where it names a position out of range.

        >>> import minidl
        >>> scores = minidl.tensor([[.1, .7, .2], [.6, .3, .1]])
        >>> minidl.gather(scores, 1, minidl.tensor([[1], [0]]))
        tensor([[0.7000],
                [0.6000]])
    """
    x, rows = _row(input), _row(index)
    y = GetItem(_places_along(x, dim, rows, "gather")).watch(index)(x)
    return y if index.ndim else Reshape(())(y)


@public
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy of x with y[i, index[i, j, k], k] += src[i, j, k], for dim=1; repeats add up.

        >>> import minidl
        >>> minidl.scatter_add(minidl.zeros(3), 0, minidl.tensor([0, 2, 2]), minidl.tensor([1., 2., 3.]))
        tensor([1., 0., 5.])
    """
    return Add()(input, _scattered(input, dim, index, src, "scatter_add"))


@public
def scatter_add_(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`scatter_add` into `input` itself; returns `input`."""
    return write(input, Add(), _scattered(input, dim, index, src, "scatter_add_"), who="scatter_add_")


def _scattered(input: Any, dim: int, index: Any, src: Any, who: str) -> Any:
    x, rows, src = _row(input), _row(index), _row(src)
    added = ScatterAdd(_places_along(x, dim, rows, who, src), x.shape).watch(index)(_source(src, rows, x, who))
    return added if input.ndim else Reshape(())(added)


def _places_along(input: Any, dim: int, index: Any, who: str, src: Any = None) -> Any:
    """The places that `index` names along `dim`; each row of the other axes reads its own."""
    axis = normalize_dim(dim, input.ndim, who)
    positions = positions_of(index, input, who)
    if not positions.size:      # names nothing, in whatever shape, as in PyTorch
        return (positions,) * input.ndim
    if positions.ndim != input.ndim:
        raise RuntimeError(f"{who}: Index tensor must have the same number of dimensions as input tensor, but got "
                           f"index {positions.shape} and input {input.shape}")
    if any(n > m for i, (n, m) in enumerate(zip(positions.shape, input.shape)) if i != axis):
        raise RuntimeError(f"{who}: Size does not match: expected index {list(positions.shape)} to be no larger than "
                           f"self {list(input.shape)} apart from dimension {axis}")
    if hasattr(src, "shape") and (src.ndim != input.ndim or any(
            n > m for n, m in zip(positions.shape, src.shape))):
        raise RuntimeError(f"{who}: Expected index {list(positions.shape)} to be no larger size than src "
                           f"{list(src.shape)}")
    check_range(who, positions, axis, input.shape[axis] if input.ndim else 1, RuntimeError)
    return index_along(positions, axis)


def index_along(positions: Array, axis: int) -> Any:
    """An index for x[..., positions[..., k, ...], ...] along one axis."""
    xp, ndim = array_module(positions), positions.ndim
    if ndim < 2:
        return positions if ndim else ()
    return tuple([positions if i == axis else
                  xp.arange(positions.shape[i]).reshape([-1 if k == i else 1 for k in range(ndim)])
                  for i in range(ndim)])


def _source(src: Any, index: Any, input: Any, who: str) -> Any:
    """The value to write: a number, or the part of `src` that has the shape of `index`."""
    if isinstance(src, (int, float)):
        return as_representable(src, input.dtype)
    if src.dtype != input.dtype:
        raise RuntimeError(f"{who}: Expected self.dtype to be equal to src.dtype, but got {input.dtype} and "
                           f"{src.dtype}; cast one with .to(...)")
    if src.shape == index.shape:
        return src
    if 0 in index.shape:
        return reshape(narrow(ravel(src), 0, 0, 0), index.shape)
    return Slice(tuple([slice(n) for n in index.shape]))(src)


def positions_of(index: Any, input: Any, who: str) -> Array:
    """An index tensor as an array on the device of `input`. Errors: RuntimeError unless its dtype is integer."""
    check_tensors(who, index=index)
    positions = move(array_of(index), device_of(array_of(input)))
    if positions.dtype.kind not in "iu":
        raise RuntimeError(f"{who}: Expected dtype int64 for index, but got {positions.dtype}; try .long()")
    return positions


def check_range(who: str, positions: Array, axis: int, size: int, error: type[Exception], least: int = 0) -> None:
    """Errors: `error` unless least <= positions < size. A GPU raises it when it is next waited for."""
    if positions.size and not (type(positions) is np.ndarray and least <= positions.min() and positions.max() < size):
        library_of(positions).assert_in_range(positions, least, size, error, (
            f"{who}: index {{position}} is out of bounds for dimension {axis} with size {size}; "
            f"indices go from {least} to {size - 1}"))


# ---------------------------------------------------------------------- whole slices along an axis

@public
def index_select(input: Tensor, dim: int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The slices along `dim` at the positions in `index` (1-D), which may repeat.

        >>> import minidl
        >>> minidl.index_select(minidl.tensor([[1, 2], [3, 4]]), 0, minidl.tensor([1, 1, 0]))
        tensor([[3, 4],
                [3, 4],
                [1, 2]])
    """
    places, _ = _slices(input, dim, index, "index_select")
    if not input.ndim and array_of(index).size != 1:
        raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, but got {array_of(index).size}")
    return GetItem(places).watch(index)(input) if input.ndim else clone(input)


@public
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1,
              out: Tensor | None = None) -> Tensor:
    """A copy of `input` with `alpha * source` added to the slices at `index`; repeats add up.

        >>> import minidl
        >>> minidl.index_add(minidl.zeros(3), 0, minidl.tensor([0, 2, 2]), minidl.tensor([1., 2., 3.]))
        tensor([1., 0., 5.])
    """
    return Add()(input, _added_slices(input, dim, index, source, alpha, "index_add"))


@public
def index_add_(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """`index_add` into `input` itself; returns `input`."""
    return write(input, Add(), _added_slices(input, dim, index, source, alpha, "index_add_"), who="index_add_")


def _added_slices(input: Any, dim: int, index: Any, source: Any, alpha: float, who: str) -> Any:
    x = _row(input)
    places, shape = _slices(x, dim, index, who)
    source = _slice_source(source if input.ndim else _check_0d_source(source, who), shape, x, who)
    added = ScatterAdd(places, x.shape).watch(index)(source if alpha == 1 else source * alpha)
    return added if input.ndim else Reshape(())(added)


def _check_0d_source(source: Any, who: str) -> Any:
    """A source for a tensor without dimensions. Errors: RuntimeError unless the source has none either."""
    if source.ndim:
        raise RuntimeError(f"{who}: source tensor shape must match self tensor shape, but got {tuple(source.shape)} "
                           f"for a tensor without dimensions")
    return _row(source)


@public
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy of `input` whose slices at `index` are those of `source`."""
    x = _row(input)
    places, shape = _slices(x, dim, index, "index_copy")
    y = Replace(places).watch(index)(x, _slice_source(_row(source), shape, x, "index_copy"))
    return y if input.ndim else Reshape(())(y)


@public
def index_copy_(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`index_copy` into `input` itself; returns `input`."""
    x = _row(input)
    places, shape = _slices(x, dim, index, "index_copy_")
    write(x, SetItem(places).watch(index), _slice_source(_row(source), shape, x, "index_copy_"), who="index_copy_")
    return input


@public
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy of `input` with the slices at `index` set to `value`.

        >>> import minidl
        >>> minidl.index_fill(minidl.zeros(2, 3), 1, minidl.tensor([0, 2]), 7)
        tensor([[7., 0., 7.],
                [7., 0., 7.]])
    """
    x = _row(input)
    places, shape = _slices(x, dim, index, "index_fill", from_the_end=True)
    y = Replace(places).watch(index)(x, _one_value(value, shape, x, "index_fill"))
    return y if input.ndim else Reshape(())(y)


@public
def index_fill_(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """`index_fill` into `input` itself; returns `input`."""
    x = _row(input)
    places, shape = _slices(x, dim, index, "index_fill_", from_the_end=True)
    write(x, SetItem(places).watch(index), _one_value(value, shape, x, "index_fill_"), who="index_fill_")
    return input


def _slices(input: Any, dim: int, index: Any, who: str, from_the_end: bool = False) -> tuple[Any, Any]:
    """The places of the slices, and their joint shape; negative positions may count from the end."""
    axis = normalize_dim(dim, input.ndim, who)
    positions = positions_of(index, input, who)
    if positions.ndim > 1:
        raise IndexError(f"{who}: Index is supposed to be a vector, but got shape {positions.shape}")
    positions = positions.reshape(-1)
    size = input.shape[axis] if input.ndim else 1
    check_range(who, positions, axis, size, IndexError, -size if from_the_end else 0)
    if from_the_end:
        positions = positions + size * (positions < 0)
    if not input.ndim:
        return (), ()
    shape = (*input.shape[:axis], positions.size, *input.shape[axis + 1:])
    return (positions if axis == 0 else (*(ALL,) * axis, positions)), shape


def _slice_source(source: Any, shape: Any, input: Any, who: str) -> Any:
    if source.dtype != input.dtype:
        raise RuntimeError(f"{who}: self and source expected to have the same dtype, but got (self) {input.dtype} "
                           f"and (source) {source.dtype}; cast one with .to(...)")
    if source.shape != shape:
        raise RuntimeError(f"{who}: Number of indices and shape of source must agree: expected source of shape "
                           f"{shape}, but got {source.shape}")
    check_devices(who, (array_of(input), array_of(source)))
    return source


def _one_value(value: Any, shape: Any, input: Any, who: str) -> Any:
    """Expand a number or 0-d tensor to the places to write."""
    if isinstance(value, TensorBase):
        if value.array.ndim:
            raise RuntimeError(f"{who}: only supports a 0-dimensional value tensor, but got tensor with "
                               f"{value.array.ndim} dimension(s).")
        return expand_to(as_value(value, array_of(input)), shape)
    return as_representable(number(who, "value", value), input.dtype)


# ---------------------------------------------------------------------- arbitrary places

@public
def index_put(input: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy of `input` after `y[indices] = values`; with `accumulate`, after `y[indices] += values`.

    `accumulate` adds repeats up. `indices` is a tuple of tensors, as in `x[i, j]`.

        >>> import minidl
        >>> minidl.index_put(minidl.zeros(3), (minidl.tensor([1, 1]),), minidl.tensor([1., 2.]), accumulate=True)
        tensor([0., 3., 0.])
    """
    places, values = _places_and_values(input, indices, values, "index_put")
    if accumulate:
        return Add()(input, ScatterAdd(places, input.shape).watch(*indices)(values))
    return Replace(places).watch(*indices)(input, values)


@public
def index_put_(input: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """`index_put` into `input` itself; returns `input`."""
    places, values = _places_and_values(input, indices, values, "index_put_")
    if accumulate:
        return write(input, Add(), ScatterAdd(places, input.shape).watch(*indices)(values), who="index_put_")
    return write(input, SetItem(places).watch(*indices), values, who="index_put_")


def _places_and_values(input: Any, indices: Any, values: Any, who: str) -> tuple[Any, Any]:
    if values.dtype != input.dtype:
        raise RuntimeError(f"{who}: Index put requires the source and destination dtypes match, got {input.dtype} for "
                           f"the destination and {values.dtype} for the source.")
    x = array_of(input)
    _, places = resolve(tuple([_as_places(index, x) for index in indices]), x)
    return places, expand_value(values, shape_of_places(x, places), who)


def _as_places(index: Any, x: Array) -> Any:
    """Read a tensor without dimensions as one place or a mask; `x[i]` would read it as a part of x."""
    if getattr(index, "ndim", 1):
        return index
    index = array_of(index)
    return array_module(x).broadcast_to(index, x.shape) if index.dtype.kind == "b" else index.reshape(1)


@public
def take(input: Tensor, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of the flattened `input` at positions `index`, in the shape of `index`.

        >>> import minidl
        >>> minidl.take(minidl.tensor([[1, 2], [3, 4]]), minidl.tensor([0, 3]))
        tensor([1, 4])
    """
    positions = positions_of(index, input, "take")
    size = math.prod(input.shape)
    library_of(positions).assert_in_range(positions, -size, size, IndexError, (
        f"take: out of range: tried to access index {{position}} on a tensor of {size} elements."))
    return GetItem(positions).watch(index)(ravel(input))


@public
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """`gather` with broadcasting, for indices from argsort; without `dim`, `input` is read as one row.

    Along a `dim`, a negative index counts from the end.

        >>> import minidl
        >>> x = minidl.tensor([[3, 1, 2]])
        >>> minidl.take_along_dim(x, minidl.argsort(x, dim=1), dim=1)
        tensor([[1, 2, 3]])
    """
    if dim is None:
        return gather(ravel(input), 0, ravel(indices))
    if indices.ndim != input.ndim:
        raise RuntimeError(f"take_along_dim(): input and indices should have the same number of dimensions, but got "
                           f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices")
    if not input.ndim:
        raise IndexError(f"take_along_dim: Dimension specified as {dim} but tensor has no dimensions; leave dim out")
    axis = normalize_dim(dim, input.ndim, "take_along_dim")

    def others(shape: Any) -> Any:
        return (*shape[:axis], 1, *shape[axis + 1:])

    common = broadcast_shape("take_along_dim", others(input.shape), others(indices.shape))
    places = array_of(indices)
    if places.dtype.kind == "i" and (type(places) is not np.ndarray or (places < 0).any()):
        counted = array_module(places).where(places < 0, places + input.shape[axis], places)
        indices = wrap(counted) if isinstance(indices, TensorBase) else counted
    return gather(expand_to(input, (*common[:axis], input.shape[axis], *common[axis + 1:])), axis,
                  expand_to(indices, (*common[:axis], indices.shape[axis], *common[axis + 1:])))


@public
def repeat_interleave(input: Tensor, repeats: Any = None, dim: int | None = None, *,
                      output_size: int | None = None) -> Tensor:
    """Repeat every slice along `dim`: `repeats` times, or each as often as `repeats` lists.

    Without `dim`, `input` is read as one row. Given only a tensor of counts, position i is repeated count[i] times.
    Errors: RuntimeError for negative counts, unless there is one per slice, or where `output_size` is not their sum.

        >>> import minidl
        >>> x = minidl.tensor([1, 2])
        >>> minidl.repeat_interleave(x, 2), minidl.repeat_interleave(x, minidl.tensor([1, 3]))
        (tensor([1, 1, 2, 2]), tensor([1, 2, 2, 2]))
        >>> minidl.repeat_interleave(minidl.tensor([0, 2, 1]))
        tensor([1, 1, 2])
    """
    who = "repeat_interleave"
    if repeats is None:
        input, repeats = wrap(array_module(array_of(input)).arange(input.shape[0] if input.ndim else 1)), input
    if dim is None:
        input, dim = ravel(input), 0
    if not input.ndim:
        raise IndexError(f"{who}: Dimension specified as {dim} but tensor has no dimensions")
    axis = normalize_dim(dim, input.ndim, who)
    if isinstance(repeats, (int, np.integer)):
        counts = np.asarray(repeats)
    else:
        check_tensors(who, repeats=repeats)
        counts = positions_of(repeats, input, who)
    if counts.ndim > 1 or counts.size not in (1, input.shape[axis]):
        raise RuntimeError(f"{who}: repeats must have the same size as input along dim, or 0 or 1 dimensions and one "
                           f"element, but got shape {tuple(counts.shape)} for {input.shape[axis]} slices")
    if bool((counts < 0).any()):
        raise RuntimeError(f"{who}: repeats can not be negative, but got {int(counts.min())}")
    each = int(counts.sum())
    total = each * input.shape[axis] if counts.size == 1 else each
    if output_size not in (None, total):
        raise RuntimeError(f"{who}: allocated size does not match required size: output_size={output_size}, but "
                           f"repeats ask for {total}")
    if counts.size == 1:
        times = [1] * (input.ndim + 1)
        times[axis + 1] = each
        shape = (*input.shape[:axis], total, *input.shape[axis + 1:])
        return Reshape(shape)(Tile(tuple(times))(unsqueeze(input, axis + 1)))
    xp = array_module(counts)
    return index_select(input, axis, xp.searchsorted(xp.cumsum(counts), xp.arange(total), side="right"))


# ---------------------------------------------------------------------- masks

class MaskedFill(Elementwise):
    """y = value where the mask is true, x elsewhere. Each gets the gradient of its part."""

    complex_rules = "as written"

    def __init__(self, mask: Array) -> None:
        self.mask = mask

    def forward(self, x: Array, value: Any) -> Array:
        out = x.copy()
        array_module(x).copyto(out, value, where=self.mask)
        return out

    def grad_x(self, g: Value) -> Value:
        return MaskedFill(self.mask).watch_as(self)(g, 0.0)

    def grad_value(self, g: Value) -> Value:
        return Sum(tuple(range(len(g.shape))), ())(MaskedFill(~self.mask)(g, 0.0))


class MaskedFillInPlace(InPlaceOp, MaskedFill):
    """`MaskedFill` in the memory of x."""

    def forward(self, x: Array, value: Any) -> Array:
        array_module(x).copyto(x, value, where=self.mask)
        return x


@public
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy of `input` with `value` where `mask` is true; `mask` is broadcast.

        >>> import minidl
        >>> minidl.zeros(3).masked_fill(minidl.tensor([True, False, True]), 5)
        tensor([5., 0., 5.])
    """
    where, value = _mask(mask, input, "masked_fill"), _mask_value(value, input, "masked_fill")
    shape = broadcast_shape("masked_fill", input.shape, where.shape)
    return MaskedFill(where).watch(mask)(expand_to(input, shape), value)


@public
def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`masked_fill` into `input` itself; returns `input`."""
    where, value = _mask(mask, input, "masked_fill_"), _mask_value(value, input, "masked_fill_")
    if broadcast_shape("masked_fill_", input.shape, where.shape) != input.shape:
        raise RuntimeError(f"masked_fill_: output with shape {input.shape} doesn't match the broadcast shape of the "
                           f"mask {where.shape}; an in-place operation cannot grow its tensor")
    return write(input, MaskedFillInPlace(where).watch(mask), value, who="masked_fill_")


@public
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of `input` where `mask` is true, in one row.

        >>> import minidl
        >>> x = minidl.tensor([[1, 2], [3, 4]])
        >>> minidl.masked_select(x, x > 2)
        tensor([3, 4])
    """
    where = _mask(mask, input, "masked_select")
    shape = broadcast_shape("masked_select", input.shape, where.shape)
    return GetItem(expand_to(where, shape)).watch(mask)(expand_to(input, shape))


@public
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Write the elements of `source`, in order, where `mask` is true; a copy.

        >>> import minidl
        >>> mask = minidl.tensor([True, False, True, False])
        >>> minidl.masked_scatter(minidl.zeros(4), mask, minidl.tensor([1., 2., 3.]))
        tensor([1., 0., 2., 0.])
    """
    where = _mask(mask, input, "masked_scatter")
    shape = broadcast_shape("masked_scatter", input.shape, where.shape)
    where = expand_to(where, shape)
    check_tensors("masked_scatter", source=source)
    if source.dtype != input.dtype:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got {input.dtype} and "
                           f"{source.dtype}; try source.to({input.dtype})")
    count = int(where.sum())
    if math.prod(source.shape) < count:
        raise RuntimeError(f"masked_scatter: expected source to have at least {count} elements, one for each True of "
                           f"the mask, but it has {math.prod(source.shape)}")
    return Replace(where).watch(mask)(expand_to(input, shape), Slice((slice(count),))(ravel(source)))

masked_scatter_ = in_place(masked_scatter)


def _mask(mask: Any, input: Any, who: str) -> Array:
    check_tensors(who, mask=mask)
    array = move(array_of(mask), device_of(array_of(input)))
    if array.dtype.kind != "b":
        raise RuntimeError(f"{who}: only supports boolean masks, but got mask with dtype {array.dtype}; try .bool()")
    return array


def _mask_value(value: Any, input: Any, who: str) -> Any:
    if isinstance(value, TensorBase):
        return _one_value(value, (), input, who)
    dtype = array_of(input).dtype
    return dtype.type(as_representable(number(who, "value", value), dtype)).item()
