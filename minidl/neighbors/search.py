"""Exact nearest neighbours by brute force: float32 picks candidates, float64 decides.

A search in float64 throughout computes digits that almost no pair needs. Here a float32 matrix
product (the *screen*) gives every pair a rough score, with a proven bound on its error. Every point
that could be among the k nearest within that bound is a candidate, a handful for each query. Only the
candidates get their distance in float64, from its definition. The answer is the same.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernels.distance import paired_distance, pairwise_distance, row_norms, unit_rows
from minidl.estimators.inputs import row_blocks

MIB = 1 << 20
BYTES_PER_SCORE = 12        # a float64 score, its flag in `near`, its share of the minima of groups
BYTES_PER_FEATURE = 64      # a feature of a query or of a gathered candidate: float64 copies
BYTES_PER_CANDIDATE = 128   # row, column, distance, and sort keys
PAIR_BLOCK = 1 << 18        # numbers gathered at a time, so that they fit into a cache


class NeighbourSearch:
    """The points to search among, for one metric: 'l1', 'l2' or 'cosine'.

    `points` (M, D) is kept without a copy, next to a float32 version of it (and a float64 one, once a
    screen in float64 was needed). `working_memory` bounds the temporary arrays of a search, in MiB; at
    least one query is searched at a time.

        >>> import numpy as np
        >>> search = NeighbourSearch(np.array([[0.0], [3.0], [1.0]]), 'l2')
        >>> search.nearest(np.array([[0.9]]), 2)[1]
        array([[2, 0]])
    """

    def __init__(self, points: Array, metric: str, working_memory: float = 256) -> None:
        self.points = points
        self.metric = metric
        self.memory = int(working_memory * MIB)
        self._screens: dict[str, Any] = {}
        self._screen("float32")

    def nearest(self, x: Array, k: int, own: bool = False) -> tuple[Array, Array]:
        """The k points nearest to every row of x (N, D).

        Returns distances and indices, both (N, k). Distances are float64 and ascending; between equal
        distances, the lower index comes first. With `own`, x are the points themselves, and no point is
        its own neighbour.
        """
        xp = array_module(x)
        m, d = self.points.shape
        distances, indices = xp.empty((len(x), k)), xp.empty((len(x), k), np.int64)
        size = self.memory // (BYTES_PER_SCORE * m + BYTES_PER_FEATURE * d)
        for block in row_blocks(len(x), size):
            itself = xp.arange(block.start, block.stop) if own else None
            distances[block], indices[block] = self._nearest(x[block], k, itself, "float32")
        return distances, indices

    def _nearest(
        self, x: Array, k: int, itself: Array | None, precision: str,
    ) -> tuple[Array, Array]:
        """`nearest` for a block of queries whose scores fit into memory."""
        xp = array_module(x)
        n, m = len(x), len(self.points)
        near = self._find_candidates(x, k, itself, precision)       # (n, m), bool
        count = int(xp.count_nonzero(near))
        if precision == "float32" and count > n * max(4 * k, m // 64):
            # an outlier among the points makes the bound loose: a float64 screen is cheaper now
            return self._nearest(x, k, itself, "float64")
        if count * BYTES_PER_CANDIDATE > self.memory and n > 1:     # too many equal distances
            del near
            halves = slice(n // 2), slice(n // 2, None)
            parts = [self._nearest(x[half], k, None if itself is None else itself[half], precision)
                     for half in halves]
            return xp.concatenate([p[0] for p in parts]), xp.concatenate([p[1] for p in parts])

        rows, columns = xp.divmod(xp.flatnonzero(near), m)
        distance = self._exact_distances(x, rows, columns)
        order = xp.lexsort(xp.stack((columns, distance, rows)))     # by row, distance, then index
        first = xp.searchsorted(rows, xp.arange(n))                 # where a row's candidates begin
        chosen = order[first[:, None] + xp.arange(k)]               # (n, k)
        distance = distance[chosen]
        return xp.sqrt(distance) if self.metric == "l2" else distance, columns[chosen]

    def _find_candidates(self, x: Array, k: int, itself: Array | None, precision: str) -> Array:
        """Find the points that may be among the k nearest: (n, D) -> (n, M).

        If k points score at most s, and scores are wrong by at most e, then the true k nearest
        score at most s + 2e. A bound s is cheap to find: divide the points into groups, take the
        minimum of each group, and the k-th smallest of these minima.
        """
        xp = array_module(x)
        scores, size = self._screen(precision)(x)                   # (n, M), (n,)
        n, m = scores.shape
        if itself is not None:
            scores[xp.arange(n), itself] = np.inf
        groups = min(m, max(256, 64 * k))
        # (n, M) -> (n, M / groups, groups), a view: every groups-th point is in the same group
        grouped = scores[:, :m - m % groups].reshape(n, -1, groups)
        best = xp.partition(grouped.min(axis=1), k - 1, axis=1)[:, k - 1]

        # A sum of D products errs by about D * eps/2 of the sum of their absolute values, in any
        # order of summation (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section
        # 3.1). Twice that, and a little more, also covers the rounding of factors and bound.
        limits = np.finfo(precision)
        relative = (x.shape[1] + 4) * float(limits.eps)
        error = xp.where(size < float(limits.max) / 4, relative * size, np.inf)
        with np.errstate(invalid="ignore", over="ignore"):
            bound = (best + 2 * error).astype(precision)
            near = scores > bound[:, None]
        xp.logical_not(near, out=near)                              # so that NaN counts as near
        if itself is not None:
            near[xp.arange(n), itself] = False
        return near

    def _exact_distances(self, x: Array, rows: Array, columns: Array) -> Array:
        """The float64 distances of candidates; squared for l2."""
        metric = "sqeuclidean" if self.metric == "l2" else self.metric
        distance = array_module(x).empty(len(rows))
        size = min(PAIR_BLOCK, self.memory // (2 * BYTES_PER_FEATURE)) // x.shape[1]
        for block in row_blocks(len(rows), size):
            queries = x[rows[block]].astype(np.float64)
            points = self.points[columns[block]].astype(np.float64)
            distance[block] = paired_distance(queries, points, metric)
        return distance

    def _screen(self, precision: str) -> Any:
        if precision not in self._screens:
            self._screens[precision] = _SCREENS[self.metric](self.points, np.dtype(precision))
        return self._screens[precision]


class _Frame:
    """Move the points' mean to the origin; scale coordinates into [-1, 1].

    Distances keep their order. Rounding errors grow with the numbers, so they become small. The scale
    is a power of two, so scaling does not round.
    """

    def __init__(self, points: Array) -> None:
        xp = array_module(points)
        self.centre = points.mean(axis=0, dtype=np.float64)
        low = points.min(axis=0).astype(np.float64)
        high = points.max(axis=0).astype(np.float64)
        max_norm = float(xp.maximum(high - self.centre, self.centre - low).max())
        self.scale = 2.0 ** -int(np.clip(np.frexp(max_norm)[1], -1000, 1000))

    def place(self, x: Array) -> Array:
        z = x.astype(np.float64)
        z -= self.centre
        z *= self.scale
        return z


class _EuclideanScreen:
    """score = |y|^2 - 2 x.y, in the same order as |x - y|^2 for each x.

    One matrix product computes it, with the norm as one more column: [x, 1] . [-2y, |y|^2].
    """

    def __init__(self, points: Array, dtype: np.dtype) -> None:
        m, d = points.shape
        self.frame = _Frame(points)
        self.columns = array_module(points).empty((m, d + 1), dtype)
        self.max_norm = 0.0                                            # the longest |y|
        for block in row_blocks(m, PAIR_BLOCK // d):
            y = self.frame.place(points[block])
            norms = row_norms(y)
            self.max_norm = max(self.max_norm, float(norms.max()))
            self.columns[block, :d] = -2 * y
            self.columns[block, d] = norms * norms

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Scores (n, M), and the magnitude (n,) of the summed terms."""
        n, d = x.shape
        x = self.frame.place(x)
        rows = array_module(x).ones((n, d + 1), self.columns.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            rows[:, :d] = x
            return rows @ self.columns.T, (row_norms(x) + self.max_norm) ** 2


class _ManhattanScreen:
    """score = sum |x - y|: the distance itself. No matrix product, but float32 halves the memory traffic."""

    def __init__(self, points: Array, dtype: np.dtype) -> None:
        self.frame = _Frame(points)
        self.points = array_module(points).empty(points.shape, dtype)
        self.max_norm = 0.0                                            # the largest sum |y|
        for block in row_blocks(len(points), PAIR_BLOCK // points.shape[1]):
            y = self.frame.place(points[block])
            self.max_norm = max(self.max_norm, float(abs(y).sum(axis=1).max()))
            self.points[block] = y

    def __call__(self, x: Array) -> tuple[Array, Array]:
        x = self.frame.place(x)
        with np.errstate(over="ignore", invalid="ignore"):
            scores = pairwise_distance(x.astype(self.points.dtype), self.points, "l1")
        return scores, abs(x).sum(axis=1) + self.max_norm


class _CosineScreen:
    """score = -cos of the angle between x and y."""

    def __init__(self, points: Array, dtype: np.dtype) -> None:
        self.points = array_module(points).empty(points.shape, dtype)
        for block in row_blocks(len(points), PAIR_BLOCK // points.shape[1]):
            self.points[block] = unit_rows(points[block].astype(np.float64))

    def __call__(self, x: Array) -> tuple[Array, Array]:
        x = -unit_rows(x.astype(np.float64))
        size = array_module(x).full(len(x), 2.0)     # |x| |y| is 1; one more for 1 - cos
        return x.astype(self.points.dtype) @ self.points.T, size


_SCREENS: dict[str, Any] = {"l1": _ManhattanScreen, "l2": _EuclideanScreen, "cosine": _CosineScreen}
