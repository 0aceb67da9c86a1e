"""Distances of all pairs on the CPU.

They are one matrix product, and then work in place on its result, which may be large.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.backend.kernels.distance import (
    as_floating,
    checked,
    l1_in_blocks,
    pairwise_distance,
    squared_norms,
    unit_rows,
)

BLOCK_BYTES = 1 << 18   # of differences at a time, for the l1 distance, so that they stay in the cache


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
    return l1_in_blocks(x, y, BLOCK_BYTES, lambda gap: np.abs(gap, out=gap))


_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "l1": _l1, "l2": _l2, "sqeuclidean": _sqeuclidean, "cosine": _cosine}
