"""Scatter-add: for every kind of index, against adding one element at a time."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl.backend.cpu  # noqa: F401  (registers the fast bodies)
from minidl.backend.kernels.scatter import scatter_add

MASK = np.arange(20).reshape(4, 5) % 3 == 0
CASES = [
    ((4, 5), 1), ((4, 5), -1), ((4, 5), np.int64(2)), ((4, 5), ()), ((), ()), ((4, 5), ...),
    ((4, 5), (slice(None, None, -2), 3)), ((4, 5), (None, ..., slice(1, 4))), ((4, 5), (2, 3)),
    ((4, 5), MASK), ((4, 5), MASK[:, 0]), ((4, 5), (MASK[:, 0],)), ((4, 5), (slice(None), MASK[0])),
    ((4, 5), (MASK, None)), ((4, 5), MASK & False),
    ((4, 5), np.array([1, 1, 3, -1, -3])), ((4, 5), (np.array([1, 1, 3, -1]),)), ((4, 5), np.array([[0, 2], [2, 2]])),
    ((7,), np.array([6, 0, 6], np.int32)), ((4, 5), np.array([1, 1], np.uint8)), ((4, 5), np.array(2)),
    ((4, 5), np.array([], np.int64)), ((0, 5), np.array([], np.int64)), ((4, 0), np.array([1, 1])),
    ((4, 5), [1, 1, 2]), ((4, 5), ([1, 1, 2], [3, 3, 0])), ((3, 4, 5), (np.array([[0], [2]]), 1, np.array([1, 1]))),
    ((3, 4, 5), (np.array([0, 0]), slice(None), np.array([1, 1]))), ((3, 4, 5), (..., np.array([4, 4, 0]))),
    ((3, 4, 5), (slice(1, None), np.array([3, 3]), None)), ((4, 5), (MASK[:, 0], np.array([1, 1]))),
]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64"])
@pytest.mark.parametrize("shape,index", CASES, ids=str)
def test_scatter_add(shape: Any, index: Any, dtype: str) -> None:
    positions = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    g = np.asarray(np.random.default_rng(0).integers(-4, 5, positions.shape)).astype(dtype)
    expected = np.zeros(shape, dtype)
    for position, value in zip(np.ravel(positions), np.ravel(g), strict=True):
        expected.reshape(-1)[position] += value
    for body in (scatter_add, scatter_add.generic):
        np.testing.assert_array_equal(body(g, index, shape), expected, strict=True)
    if g.ndim:
        reversed_g = np.ascontiguousarray(g[..., ::-1])[..., ::-1]
        np.testing.assert_array_equal(scatter_add(reversed_g, index, shape), expected, strict=True)


@pytest.mark.parametrize("index", [np.array([4]), np.array([-5, 0])], ids=str)
def test_out_of_bounds(index: Any) -> None:
    for body in (scatter_add, scatter_add.generic):
        with pytest.raises(IndexError, match="out of bounds"):
            body(np.ones((len(index), 5)), index, (4, 5))
