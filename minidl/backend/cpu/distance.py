"""Distances of all pairs on the CPU: one matrix product, and then work in place on its result, which may be large."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.backend.kernels.distance import as_floating, checked, pairwise_distance, squared_norms, unit_rows

BLOCK_BYTES = 1 << 18   # of differences at a time, for the l1 distance: they stay in the cache


@pairwise_distance.register("numpy")
def pairwise_distance_in_place(x: np.ndarray, y: np.ndarray, metric: str) -> np.ndarray:
    x, y, dtype = as_floating(x, y)
    return _METRICS[checked(x, y, metric)](x, y).astype(dtype, copy=False)


def _sqeuclidean(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    distance = (-2 * x) @ y.T                       # (N, D), (M, D) -> (N, M)
    distance += squared_norms(x)[:, None]
    distance += squared_norms(y)
    return np.maximum(distance, 0, out=distance)    # rounding may dip below zero


def _l2(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    distance = _sqeuclidean(x, y)
    return np.sqrt(distance, out=distance)


def _cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    distance = -unit_rows(x) @ unit_rows(y).T       # (N, D), (M, D) -> (N, M)
    distance += 1
    return distance.clip(0, 2, out=distance)


def _l1(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    (n, d), m = x.shape, len(y)
    block = BLOCK_BYTES // x.dtype.itemsize
    columns = max(1, min(m, block // max(d, 1)))
    rows = max(1, block // max(d * columns, 1))
    distance = np.empty((n, m), x.dtype)
    for j in range(0, m, columns):
        for i in range(0, n, rows):
            gap = x[i:i + rows, None] - y[j:j + columns]        # (rows, columns, D)
            distance[i:i + rows, j:j + columns] = np.abs(gap, out=gap).sum(axis=2)
    return distance


_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "l1": _l1, "l2": _l2, "sqeuclidean": _sqeuclidean, "cosine": _cosine}
