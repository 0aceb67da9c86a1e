"""Many numbers become one, or are added up step by step. `axis` is one axis, several, or None for all."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minidl.array_api.dtypes import alike
from minidl.backend import torch_types as types
from minidl.ops import reduce
from minidl.ops.base import normalize_dim
from minidl.ops.shape import cat
from minidl.tensors.creation import full

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "all", "any", "argmax", "argmin", "count_nonzero", "cumulative_prod", "cumulative_sum", "diff", "max", "mean",
    "min", "prod", "std", "sum", "var",
]

Axes = int | tuple[int, ...] | None


def _along(function: Callable[[Tensor, int], Tensor], x: Tensor, axis: Axes, keepdims: bool, who: str) -> Tensor:
    """`function` along one axis of x, which several are joined to; `()` is an axis of length 1."""
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = tuple(normalize_dim(a, x.ndim, who) for a in axes)
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    joined = x.permute(rest + axes).reshape([x.shape[a] for a in rest] + [math.prod(x.shape[a] for a in axes)])
    result = function(joined, -1)
    return result.reshape([1 if a in axes else x.shape[a] for a in range(x.ndim)]) if keepdims else result


def _sum_dtype(x: Tensor, dtype: Any) -> Any:
    """The dtype of sums and products: 64 bits for integers."""
    return dtype or {"b": types.int64, "i": types.int64, "u": types.uint64}.get(x.dtype.kind, x.dtype)


def _total(function: Callable[[Tensor, int], Tensor], x: Tensor, axis: Axes, dtype: Any, keepdims: bool,
           who: str) -> Tensor:
    wanted = _sum_dtype(x, dtype)
    return _along(function, x.to(wanted), axis, keepdims, who).to(wanted)


def all(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true."""
    return _along(lambda t, a: reduce.all(t != 0, a), x, axis, keepdims, "all")


def any(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether an element is true."""
    return _along(lambda t, a: reduce.any(t != 0, a), x, axis, keepdims, "any")


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position of the largest element, the first of equals."""
    return _along(reduce.argmax, x, axis, keepdims, "argmax")


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The position of the smallest element, the first of equals."""
    return _along(reduce.argmin, x, axis, keepdims, "argmin")


def count_nonzero(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """How many elements are not zero."""
    return _along(reduce.count_nonzero, x, axis, keepdims, "count_nonzero")


def max(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The largest element."""
    return _along(reduce.amax, x, axis, keepdims, "max")


def mean(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The mean."""
    return _along(reduce.mean, x, axis, keepdims, "mean")


def min(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The smallest element."""
    return _along(reduce.amin, x, axis, keepdims, "min")


def prod(x: Tensor, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product."""
    return _total(reduce.prod, x, axis, dtype, keepdims, "prod")


def std(x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The standard deviation: the sum of squares is divided by the number of elements less `correction`."""
    return _along(lambda t, a: reduce.std(t, a, correction=correction), x, axis, keepdims, "std")


def sum(x: Tensor, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum."""
    return _total(reduce.sum, x, axis, dtype, keepdims, "sum")


def var(x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance: the sum of squares is divided by the number of elements less `correction`."""
    return _along(lambda t, a: reduce.var(t, a, correction=correction), x, axis, keepdims, "var")


# ---------------------------------------------------------------------- step by step

def cumulative_prod(x: Tensor, /, *, axis: int | None = None, dtype: Any = None,
                    include_initial: bool = False) -> Tensor:
    """The products of the first elements; `include_initial` puts a 1 in front of them."""
    return _steps(reduce.cumprod, 1, x, axis, dtype, include_initial)


def cumulative_sum(x: Tensor, /, *, axis: int | None = None, dtype: Any = None,
                   include_initial: bool = False) -> Tensor:
    """The sums of the first elements; `include_initial` puts a 0 in front of them."""
    return _steps(reduce.cumsum, 0, x, axis, dtype, include_initial)


def _steps(function: Callable[[Tensor, int], Tensor], start: int, x: Tensor, axis: int | None, dtype: Any,
           include_initial: bool) -> Tensor:
    if axis is None and x.ndim != 1:
        raise ValueError(f"{function.__name__}: expected axis= for a Tensor of {x.ndim} axes")
    axis = normalize_dim(0 if axis is None else axis, x.ndim, function.__name__)
    dtype = _sum_dtype(x, dtype)
    result = function(x.to(dtype), axis).to(dtype)
    if not include_initial:
        return result
    sizes = [1 if a == axis else size for a, size in enumerate(x.shape)]
    return cat([full(sizes, start, dtype=dtype, device=x.device), result], axis)


def diff(x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Tensor | None = None,
         append: Tensor | None = None) -> Tensor:
    """The differences of neighbours, n times over."""
    x, *rest = alike(x, *(t for t in (prepend, append) if t is not None))
    before = None if prepend is None else rest.pop(0)
    return reduce.diff(x, n, axis, before, None if append is None else rest[0])
