"""Order, positions, and sets of values."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from minidl.array_api.dtypes import alike
from minidl.ops import index
from minidl.ops.base import normalize_dim

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "argsort", "nonzero", "searchsorted", "sort", "take", "take_along_axis", "unique_all", "unique_counts",
    "unique_inverse", "unique_values",
]


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The positions of the elements in order."""
    return index.argsort(x, axis, descending, stable=stable)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The positions of the elements that are not zero: a Tensor for each axis."""
    if not x.ndim:
        raise ValueError("nonzero: expected a Tensor with axes, but got one without; try x.reshape(1)")
    return index.nonzero(x, as_tuple=True)


def searchsorted(x1: Tensor, x2: Any, /, *, side: str = "left", sorter: Tensor | None = None) -> Tensor:
    """Where the numbers x2 would stand in the sorted x1: before equal ones, or after them if `side` is "right"."""
    return index.searchsorted(*alike(x1, x2), side=side, sorter=sorter)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements in order."""
    return index.sort(x, axis, descending, stable=stable)[0]


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Elements along one axis, which x may leave open if it has one only."""
    if axis is None and x.ndim != 1:
        raise ValueError(f"take: expected axis= for a Tensor of {x.ndim} axes")
    axis = normalize_dim(0 if axis is None else axis, x.ndim, "take")
    return x[(slice(None),) * axis + (indices,)]


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """Elements whose position along one axis is given for each place of the others."""
    return index.take_along_dim(x, indices, axis)


# ---------------------------------------------------------------------- sets

class UniqueAll(NamedTuple):
    """Values, where each is first, which of them every element is, and how often."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """Values, and how often each is there."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """Values, and which of them every element is."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: Tensor, /) -> UniqueAll:
    """The different values in order, where each is first, which of them every element is, and how often."""
    values, inverse, counts = index.unique(x, return_inverse=True, return_counts=True)
    order = index.argsort(inverse.reshape(-1), stable=True)
    ends = counts.cumsum(0)
    return UniqueAll(values, order[ends - counts], inverse.reshape(x.shape), counts)


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The different values in order, and how often each is there."""
    return UniqueCounts(*index.unique(x, return_counts=True))


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The different values in order, and which of them every element is."""
    values, inverse = index.unique(x, return_inverse=True)
    return UniqueInverse(values, inverse.reshape(x.shape))


def unique_values(x: Tensor, /) -> Tensor:
    """The different values in order."""
    return index.unique(x)
