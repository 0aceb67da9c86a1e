"""Writing several values to one place: their product, maximum or minimum."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel


@kernel
def scatter_reduce(x: Array, places: Any, values: Array, ufunc: Any) -> Array:
    """A copy y of x after `y[p] = ufunc(y[p], v)`, one by one.

    p is a place and v its value. It is done in rounds. In each round, every place takes one of its remaining values.
    """
    y = x.copy()
    for some, chosen in rounds(places, x.shape, values.shape):
        y[some] = ufunc(y[some], values[chosen])
    return y


def rounds(places: Any, shape: tuple[int, ...], values_shape: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """The places and their values in rounds, in each of which no place is named twice.

    A round is a pair (places, indices of the values that go there). There is at least one round, even if it is empty,
    so that results depend on the values. `places` is an index of integer arrays for a tensor of `shape`, for values of
    `values_shape`.
    """
    first = places[0] if isinstance(places, tuple) else places
    xp = array_module(first)
    size = int(np.prod(shape, dtype=np.int64))
    flat = xp.broadcast_to(xp.arange(size).reshape(shape)[places], values_shape).reshape(-1)
    order = xp.argsort(flat, kind="stable")
    ranked = flat[order]
    # The number of earlier values for the same place: the position in the sorted order, minus where the place begins.
    number = xp.arange(flat.size) - xp.searchsorted(ranked, ranked)
    for k in range(int(number.max()) + 1 if flat.size else 1):
        chosen = order[number == k]
        yield _unraveled(flat[chosen], shape), _unraveled(chosen, values_shape)


def _unraveled(positions: Array, shape: tuple[int, ...]) -> Any:
    index = []
    for n in reversed(shape):
        index.append(positions % n)
        positions = positions // n
    return tuple(index[::-1])
