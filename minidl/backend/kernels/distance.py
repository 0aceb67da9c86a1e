"""Distances between vectors: every pair of two sets at once, or one pair a row.

`pairwise_distance` is the fast form, built on a matrix product where the metric allows;
`paired_distance` is the definition, without cancellation. Metrics: 'l1', 'l2', 'sqeuclidean' (l2
without the root) and 'cosine'.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel

METRICS = ("l1", "l2", "sqeuclidean", "cosine")

BLOCK_BYTES = 1 << 26   # of differences at a time, for the l1 distance: few steps, and few launches on a GPU


@kernel
def pairwise_distance(x: Array, y: Array, metric: str) -> Array:
    """The distance of every row of x to every row of y: (N, D), (M, D) -> (N, M).

    `l2` comes from `|x|^2 - 2 x.y + |y|^2`: one matrix product.
    The price is cancellation: the error of a squared distance is about `D * eps * (|x| + |y|)^2`, so
    points that are close together and far from the origin need float64 (or `paired_distance`).
    `cosine` is `1 - cos` of the angle; a zero vector has no direction, and its distance to everything
    is 1, as in scikit-learn. Integers are computed in float64.

    Errors: ValueError for an unknown metric, RuntimeError where the shapes do not fit.

        >>> import numpy as np
        >>> pairwise_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [1.0, 0.0]]), 'l2')
        array([[5., 1.]])
    """
    x, y, dtype = as_floating(x, y)
    return _PAIRWISE[checked(x, y, metric)](x, y).astype(dtype, copy=False)


@kernel
def paired_distance(x: Array, y: Array, metric: str) -> Array:
    """The distance of row i of x to row i of y, from the definition: (N, D), (N, D) -> (N,)."""
    x, y, dtype = as_floating(x, y)
    return _PAIRED[checked(x, y, metric)](x, y).astype(dtype, copy=False)


def row_norms(x: Array) -> Array:
    """The length of every row: (N, D) -> (N,)."""
    return array_module(x).sqrt((x * x).sum(axis=1))


def unit_rows(x: Array) -> Array:
    """Every row scaled to length 1; a zero row stays zero."""
    norms = row_norms(x)[:, None]
    norms[norms == 0] = 1
    return x / norms


def _pairwise_sqeuclidean(x: Array, y: Array) -> Array:
    square = squared_norms(x)[:, None] - 2 * x @ y.T + squared_norms(y)     # (N, D), (M, D) -> (N, M)
    return array_module(x).maximum(square, 0)                               # rounding may dip below zero


def squared_norms(x: Array) -> Array:
    return array_module(x).einsum("nd,nd->n", x, x)


def _pairwise_l2(x: Array, y: Array) -> Array:
    return array_module(x).sqrt(_pairwise_sqeuclidean(x, y))


def _pairwise_l1(x: Array, y: Array) -> Array:
    return l1_in_blocks(x, y, BLOCK_BYTES)


def l1_in_blocks(x: Array, y: Array, block_bytes: int, magnitude: Callable[[Array], Array] = abs) -> Array:
    """The l1 distances, computed in blocks of `block_bytes` of differences; `magnitude` may overwrite its argument."""
    xp = array_module(x)
    (n, d), m = x.shape, len(y)
    block = block_bytes // x.dtype.itemsize
    columns = max(1, min(m, block // max(d, 1)))
    rows = max(1, block // max(d * columns, 1))
    distance = xp.empty((n, m), x.dtype)
    for j in range(0, m, columns):
        for i in range(0, n, rows):
            gap = x[i:i + rows, None] - y[j:j + columns]        # (rows, columns, D)
            distance[i:i + rows, j:j + columns] = magnitude(gap).sum(axis=2)
    return distance


def _pairwise_cosine(x: Array, y: Array) -> Array:
    return (1 - unit_rows(x) @ unit_rows(y).T).clip(0, 2)


def _paired_sqeuclidean(x: Array, y: Array) -> Array:
    gap = x - y
    return (gap * gap).sum(axis=1)


def _paired_l2(x: Array, y: Array) -> Array:
    return array_module(x).sqrt(_paired_sqeuclidean(x, y))


def _paired_l1(x: Array, y: Array) -> Array:
    return abs(x - y).sum(axis=1)


def _paired_cosine(x: Array, y: Array) -> Array:
    return (1 - (unit_rows(x) * unit_rows(y)).sum(axis=1)).clip(0, 2)


_PAIRWISE = {"l1": _pairwise_l1, "l2": _pairwise_l2,
             "sqeuclidean": _pairwise_sqeuclidean, "cosine": _pairwise_cosine}
_PAIRED = {"l1": _paired_l1, "l2": _paired_l2,
           "sqeuclidean": _paired_sqeuclidean, "cosine": _paired_cosine}


def as_floating(x: Array, y: Array) -> tuple[Array, Array, Any]:
    """Both arrays in the dtype to compute in, and the dtype of the result; they differ for half precision."""
    xp = array_module(x)
    dtype = xp.result_type(x.dtype, y.dtype)
    if dtype.kind != "f":
        dtype = xp.dtype("float64")
    compute_dtype = xp.dtype("float32") if dtype.itemsize < 4 else dtype
    return x.astype(compute_dtype, copy=False), y.astype(compute_dtype, copy=False), dtype


def checked(x: Array, y: Array, metric: str) -> str:
    if metric not in METRICS:
        raise ValueError(f"distance: metric expects one of {', '.join(METRICS)}, got {metric!r}")
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise RuntimeError(
            "distance: expected two matrices with the same number of columns, "
            f"got {x.shape} and {y.shape}")
    return metric
