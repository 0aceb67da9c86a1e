"""Values to their places, where several may meet: scatter, scatter_reduce, index_reduce, put."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.basic_ops import conjugate
from minidl.autograd.fused import FusedOp
from minidl.autograd.inplace import write
from minidl.autograd.op import Op, Value
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.scatter import scatter_add
from minidl.backend.kernels.scatter_reduce import rounds
from minidl.backend.kernels.scatter_reduce import scatter_reduce as combine
from minidl.ops.base.broadcast import Expand
from minidl.ops.base.conversion import cast
from minidl.ops.base.declaration import public
from minidl.ops.base.dims import normalize_dim
from minidl.ops.elementwise.arithmetic import Add, div, floor_divide
from minidl.ops.index.along_axis import _places_along, _row, _source, check_range, positions_of
from minidl.ops.index.items import GetItem, Replace, ScatterAdd, SetItem, copy_
from minidl.ops.shape.views import Reshape, array_of, atleast_1d, clone, ravel, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

# ---------------------------------------------------------------------- the ops


class ScatterExtreme(Op):
    """y = x, then y[p] = max(y[p], v), or min, for each place p and its value v.

    All values that attain the result of a place share its gradient equally; x itself may be one of them.

    Without `include_self`, x does not count at the places, and gets no share, even where it equals the result.
    """

    def __init__(self, places: Any, ufunc: Any, include_self: bool) -> None:
        self.places, self.ufunc, self.include_self = places, ufunc, include_self

    def forward(self, x: Array, values: Array) -> Array:
        return combine(x, self.places, values, self.ufunc)

    def backward(self, g: Any, x: Any, values: Any, out: Any) -> list[Any]:
        x_attained = cast((x == out) | (x != x), g.dtype)      # a NaN attains the result, but equals nothing
        if not self.include_self:
            x_attained = Replace(self.places).watch_as(self)(x_attained, 0)
        attained = cast((values == GetItem(self.places)(out)) | (values != values), g.dtype)
        share = g / (x_attained + ScatterAdd(self.places, tuple(g.shape))(attained))
        return [share * x_attained, GetItem(self.places).watch_as(self)(share) * attained]


class ScatterProduct(FusedOp):
    """y = x, then y[p] = y[p] * v for each place p and its value v.

    The gradient of a factor is g times the product of all others. That is the product of all nonzero factors, divided
    by this one, or 0 if another one is zero.
    """

    complex_rules = "as written"

    def __init__(self, places: Any) -> None:
        self.places = places

    def reference(self, x: Value, values: Value) -> Value:
        """Multiply in rounds; each round has at most one value for every place."""
        for some, chosen in rounds(self.places, x.shape, values.shape):
            ones = wrap(array_module(array_of(x)).ones(x.shape, x.dtype))
            x = x * Replace(some)(ones, GetItem(chosen)(values))
        return x

    def forward(self, x: Array, values: Array) -> Array:
        return combine(x, self.places, values, np.multiply)

    def gradient(self, g: Value, x: Array, values: Array) -> Value:
        xp = array_module(x)

        def ones_for_zeros(a: Array) -> Array:
            return xp.where(a == 0, 1, a)
        product = combine(ones_for_zeros(x), self.places, ones_for_zeros(values), np.multiply)
        zeros = (x == 0) + scatter_add((values == 0).astype(x.dtype), self.places, x.shape)

        def others(a: Array, product: Array, zeros: Array) -> Array:
            return xp.where(zeros == (a == 0), product / ones_for_zeros(a), 0)
        return [g * conjugate(others(x, product, zeros)),
                g[self.places] * conjugate(others(values, product[self.places], zeros[self.places]))]


# ---------------------------------------------------------------------- functions

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


@public
def scatter(input: Tensor, dim: int, index: Tensor, src: Tensor | complex | None = None, *, value: Any = None,
            reduce: str | None = None, out: Tensor | None = None) -> Tensor:
    """A copy of x in which y[i, index[i, j, k], k] = src[i, j, k], for dim=1: the reverse of `gather`.

    `src` is a tensor, or one number for all. With `reduce`, "add" or "multiply", the values are added to what is there,
    or multiplied with it. Otherwise, where `index` names a place twice, the last value stays, and only that one has a
    gradient.

        >>> import minidl
        >>> minidl.scatter(minidl.zeros(2, 3), 1, minidl.tensor([[2], [0]]), 1.0)
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    src = value if src is None else src
    if reduce is not None:
        return _combine_in_scatter(input, dim, index, src, reduce)
    x, rows, src = _row(input), _row(index), _row(src)
    y = Replace(_places_along(x, dim, rows, "scatter", src)).watch(index)(x, _source(src, rows, x, "scatter"))
    return y if input.ndim else Reshape(())(y)


@public
def scatter_(input: Tensor, dim: int, index: Tensor, src: Tensor | complex | None = None, *, value: Any = None,
             reduce: str | None = None) -> Tensor:
    """`scatter` into `input` itself; returns `input`."""
    src = value if src is None else src
    if reduce is not None:
        return copy_(input, _combine_in_scatter(clone(input), dim, index, src, reduce))
    x, rows, src = _row(input), _row(index), _row(src)
    write(x, SetItem(_places_along(x, dim, rows, "scatter_", src)).watch(index), _source(src, rows, x, "scatter_"),
          who="scatter_")
    return input


def _combine_in_scatter(input: Any, dim: int, index: Any, src: Any, reduce: str) -> Any:
    """`scatter` with `reduce`: PyTorch's older names for two of the reductions, and numbers too."""
    if reduce not in ("add", "multiply"):
        raise RuntimeError(f"scatter: reduce argument must be either add or multiply, got {reduce!r}; scatter_reduce "
                           f"has others")
    if isinstance(src, (int, float)):
        src = wrap(array_module(array_of(input)).full(index.shape, src, input.dtype))
    return scatter_reduce(input, dim, index, src, "sum" if reduce == "add" else "prod")


@public
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True,
                   out: Tensor | None = None) -> Tensor:
    """Combine the elements of `src` with those at their places; a copy.

    For dim=1 of three axes, src[i, j, k] goes to y[i, index[i, j, k], k]. `reduce` is 'sum', 'prod', 'mean', 'amax' or
    'amin', over the values for one place and, with `include_self`, the element that was there.
    Errors: RuntimeError for another reduce, shapes that do not fit, dtypes that differ, places out of range.

        >>> import minidl
        >>> x, index = minidl.tensor([1.0, 2.0, 3.0]), minidl.tensor([0, 0, 2])
        >>> src = minidl.tensor([4.0, 6.0, 5.0])
        >>> minidl.scatter_reduce(x, 0, index, src, "amax")
        tensor([6., 2., 5.])
        >>> minidl.scatter_reduce(x, 0, index, src, "mean", include_self=False)
        tensor([5., 2., 5.])
    """
    if reduce not in REDUCTIONS:
        raise RuntimeError(f"scatter_reduce: reduce argument must be either sum, prod, mean, amax or amin, "
                           f"got {reduce}")
    if 0 in (input.ndim, index.ndim, src.ndim):
        x, index, src = atleast_1d(input, index, src)
        return reshape(scatter_reduce(x, dim, index, src, reduce, include_self=include_self), input.shape)
    places = _places_along(input, dim, index, "scatter_reduce", src)
    values = _source(src, index, input, "scatter_reduce")
    x = input if include_self else Replace(places).watch(index)(input, _neutral(reduce, input.dtype))
    if reduce in ("amax", "amin"):
        ufunc = np.maximum if reduce == "amax" else np.minimum
        return ScatterExtreme(places, ufunc, include_self).watch(index)(x, values)
    if reduce == "prod":
        return ScatterProduct(places).watch(index)(x, values)
    total = Add()(x, ScatterAdd(places, input.shape).watch(index)(values))
    if reduce == "sum":
        return total
    xp = array_module(array_of(input))
    count = scatter_add(xp.ones(values.shape, input.dtype), places, input.shape)
    count = wrap(count + 1 if include_self else xp.maximum(count, 1))
    return div(total, count) if input.dtype.kind == "f" else floor_divide(total, count)


def _neutral(reduce: str, dtype: Any) -> Any:
    """The neutral element of a reduction."""
    if reduce in ("sum", "mean", "prod"):
        return 1 if reduce == "prod" else 0
    if dtype.kind == "f":
        return -math.inf if reduce == "amax" else math.inf
    if dtype.kind == "b":
        return reduce == "amin"
    return int(np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max)


@public
def scatter_reduce_(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *,
                    include_self: bool = True) -> Tensor:
    """`scatter_reduce` into `input` itself; returns `input`."""
    return copy_(input, scatter_reduce(clone(input), dim, index, src, reduce, include_self=include_self))


@public
def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True,
                 out: Tensor | None = None) -> Tensor:
    """`scatter_reduce` of slices: slice k of `source` along `dim` goes to slice index[k].

    `reduce` is 'prod', 'mean', 'amax' or 'amin'; for sums there is `index_add`.

        >>> import minidl
        >>> x, source = minidl.zeros(2, 2), minidl.tensor([[1.0, 5.0], [4.0, 3.0]])
        >>> minidl.index_reduce(x, 0, minidl.tensor([1, 1]), source, "amax")
        tensor([[0., 0.],
                [4., 5.]])
    """
    if reduce not in REDUCTIONS or reduce == "sum":
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
                           + (" Try index_add." if reduce == "sum" else ""))
    axis = normalize_dim(dim, input.ndim, "index_reduce")
    positions = positions_of(index, input, "index_reduce")
    shape = (*input.shape[:axis], positions.size, *input.shape[axis + 1:]) if input.ndim else ()
    if positions.ndim > 1 or source.shape != shape:
        raise RuntimeError(f"index_reduce(): expected an index without dimensions or with one, and a source of shape "
                           f"{shape}, but got index {tuple(positions.shape)} and source {tuple(source.shape)}")
    ones = tuple([n if i == axis else 1 for i, n in enumerate(shape)])
    return scatter_reduce(input, dim, Expand(shape, ones)(index), source, reduce, include_self=include_self)


@public
def index_reduce_(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *,
                  include_self: bool = True) -> Tensor:
    """`index_reduce` into `input` itself; returns `input`."""
    return copy_(input, index_reduce(clone(input), dim, index, source, reduce, include_self=include_self))


@public
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Write `source` at positions `index` of the flattened `input`; a copy.

    `accumulate` adds them instead. The reverse of `take`.

    Errors: IndexError where a position is out of range, or the numbers of positions and values differ.

        >>> import minidl
        >>> minidl.zeros(2, 2).put(minidl.tensor([0, 3]), minidl.tensor([1.0, 2.0]))
        tensor([[1., 0.],
                [0., 2.]])
    """
    positions = positions_of(index, input, "put").reshape(-1)
    if source.dtype != input.dtype:
        raise RuntimeError(f"put: self and source expected to have the same dtype, but got self.dtype = {input.dtype} "
                           f"and source.dtype = {source.dtype}")
    if math.prod(source.shape) != positions.size:
        raise IndexError(f"put: Expected source and index to have the same number of elements, but got "
                         f"source.numel() = {math.prod(source.shape)}, index.numel() = {positions.size}")
    size = math.prod(input.shape)
    positions = positions + (positions < 0) * size
    check_range("put", positions, 0, size, IndexError)
    row, values = ravel(input), ravel(source)
    row = Add()(row, ScatterAdd(positions, (size,))(values)) if accumulate else Replace(positions)(row, values)
    return reshape(row, input.shape)


@public
def put_(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """`put` into `input` itself; returns `input`."""
    return copy_(input, put(input, index, source, accumulate))
