"""k-means: k centres, each the mean of the points that are nearest to it.

Lloyd's algorithm takes turns: every point goes to its nearest centre, every centre to the mean of its points. Neither
turn makes the sum of squared distances larger, so it ends, in a minimum that depends on the start; k-means++ starts
with points that lie far apart.
"""
from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module, device_of, move, to_numpy
from minidl.backend.warn import warn
from minidl.estimators.estimator import Estimator, as_array_or_tensor, like, random_numbers
from minidl.estimators.inputs import as_points, check_count, row_blocks

BLOCK = 1 << 22     # distances at a time


class KMeans(Estimator):
    """Groups of points around k centres.

    Args:
        n_clusters: k, how many groups.
        init: 'k-means++', 'random' (k of the points), or the first centres (k, D).
        n_init: how many starts; the best result stays. 'auto' is 1 for 'k-means++' and given centres, else 10.
        max_iter: at most so many turns from a start.
        tol: end where the centres moved by less than this share of the mean variance of a feature, in squares.
        random_state: a seed or a NumPy generator; None continues minidl's own stream.

    After `fit`: `cluster_centers_` (k, D), `labels_` (N,), `inertia_` (the sum of squared distances of the points to
    their centres), `n_iter_`, `n_features_in_`: arrays of NumPy, or of CuPy for points on the GPU.

    X is (N, D): an array, a list, a data frame or a tensor. Results are tensors where X is one. A group that loses all
    its points takes the point that is farthest from its centre.

        >>> from minidl.cluster import KMeans
        >>> kmeans = KMeans(2, random_state=0).fit([[0.0], [1.0], [10.0], [11.0]])
        >>> sorted(kmeans.cluster_centers_.ravel().tolist()), kmeans.inertia_
        ([0.5, 10.5], 1.0)
        >>> bool(kmeans.predict([[2.0]]) == kmeans.labels_[0])
        True

    Sources: Lloyd, "Least squares quantization in PCM", 1982; Arthur and Vassilvitskii, "k-means++: the advantages of
    careful seeding", 2007.
    """

    kind = _estimator_type = "clusterer"
    learned = "cluster_centers_"

    def __init__(self, n_clusters: int = 8, *, init: Any = "k-means++", n_init: int | str = "auto", max_iter: int = 300,
                 tol: float = 1e-4, random_state: Any = None) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> KMeans:
        """Find the centres of points X (N, D), which may have weights (N,); return self. `y` is not used.

        Errors: ValueError for fewer points than groups, weights that are negative or of another number.
        """
        points = _floats(self._first_points(X))
        starts = self._check_arguments(points)
        xp, weights = array_module(points), _weights(sample_weight, points)
        numbers = random_numbers(self.random_state)
        centre = points.mean(axis=0)                        # distances around it have more digits
        moved = points - centre
        allowed = self.tol * float(moved.var(axis=0).mean())
        best: tuple[float, Any] = (np.inf, None)
        for _ in range(starts):
            run = self._run(moved, weights, self._start(moved, weights, numbers, centre), allowed)
            best = min(best, (run[2], run), key=lambda found: found[0])
        centres, labels, self.inertia_, self.n_iter_ = best[1]
        self.cluster_centers_ = centres + centre
        self.labels_ = labels.astype(np.int32)
        distinct = len(xp.unique(labels))
        if distinct < self.n_clusters:
            warn(f"KMeans: found {distinct} groups for n_clusters={self.n_clusters}: X has too few points that differ")
        return self

    def predict(self, X: Any, sample_weight: Any = None) -> Any:
        """The number of the nearest centre, for each of points X (N, D): (N,), int32."""
        points = self._points(X, "predict")
        labels, _ = _nearest(points, self.cluster_centers_)
        return as_array_or_tensor(labels.astype(np.int32), isinstance(X, TensorBase))

    def transform(self, X: Any) -> Any:
        """The distances of points X (N, D) to all centres: (N, k)."""
        points = self._points(X, "transform")
        return like(X, array_module(points).sqrt(_squares(points, self.cluster_centers_)))

    def fit_predict(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """`fit(X)`, and the groups of its points (N,)."""
        return as_array_or_tensor(self.fit(X, sample_weight=sample_weight).labels_, isinstance(X, TensorBase))

    def fit_transform(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """`fit(X)`, then `transform(X)`."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Minus the sum of squared distances of points X (N, D) to their nearest centres."""
        points = self._points(X, "score")
        _, squares = _nearest(points, self.cluster_centers_)
        return -float((squares * _weights(sample_weight, points)).sum())

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of `transform`'s distances: 'kmeans0', 'kmeans1', ..."""
        self._check_fitted("get_feature_names_out")
        return np.array([f"kmeans{i}" for i in range(len(self.cluster_centers_))], dtype=object)

    def _points(self, X: Any, who: str) -> Array:
        self._check_fitted(who)
        return _floats(self._further_points(X, who, self.cluster_centers_))

    def _check_arguments(self, points: Array) -> int:
        """Check the arguments; the number of starts."""
        check_count(self.n_clusters, "n_clusters")
        check_count(self.max_iter, "max_iter")
        if not self.tol >= 0:
            raise ValueError(f"tol expects a number >= 0, got {self.tol!r}")
        if len(points) < self.n_clusters:
            raise ValueError(f"n_samples={len(points)} should be >= n_clusters={self.n_clusters}.")
        named = isinstance(self.init, str)
        if named and self.init not in ("k-means++", "random"):
            raise ValueError(f"init expects 'k-means++', 'random' or the first centres, got {self.init!r}")
        if self.n_init == "auto":
            return 10 if named and self.init == "random" else 1
        if not isinstance(self.n_init, Integral):
            raise ValueError(f"n_init expects 'auto' or an integer, got {self.n_init!r}")
        check_count(self.n_init, "n_init")
        return int(self.n_init) if named else 1             # the same centres end in the same place

    def _start(self, points: Array, weights: Array, numbers: Any, centre: Array) -> Array:
        """The first centres (k, D), in the frame of `points`."""
        if not isinstance(self.init, str):
            given = move(_floats(as_points(self.init, "init")), device_of(points)).astype(points.dtype)
            if given.shape != (self.n_clusters, points.shape[1]):
                raise ValueError(f"init expects centres of shape {(self.n_clusters, points.shape[1])}, one row a "
                                 f"group, got {given.shape}")
            return given - centre
        chances = to_numpy(weights).astype(np.float64)
        if self.init == "random":
            chosen = numbers.choice(len(points), self.n_clusters, replace=False, p=chances / chances.sum())
            return points[move(chosen, device_of(points))]
        return _far_apart(points, chances, self.n_clusters, numbers)

    def _run(self, points: Array, weights: Array, centres: Array, allowed: float) -> tuple[Array, Array, float, int]:
        """Take turns until nothing changes: centres (k, D), labels (N,), the sum of squares, the number of turns."""
        xp, k = array_module(points), self.n_clusters
        labels, squares = _nearest(points, centres)
        turns = 0
        while turns < self.max_iter:
            turns += 1
            before, centres = centres, _means(points, weights, labels, squares, k)
            previous, (labels, squares) = labels, _nearest(points, centres)
            if bool((labels == previous).all()) or float(xp.square(centres - before).sum()) <= allowed:
                break
        return centres, labels, float((squares * weights).sum()), turns


def _far_apart(points: Array, chances: np.ndarray, k: int, numbers: Any) -> Array:
    """k points, each drawn with a chance that grows with its squared distance from those before.

    Of a few candidates for each place, that which leaves the least sum of squares is taken, as in scikit-learn.
    """
    xp, device = array_module(points), device_of(points)
    first = int(numbers.choice(len(points), p=chances / chances.sum()))
    chosen, tries = [first], 2 + int(np.log(k))
    nearest = _squares(points, points[first:first + 1])[:, 0]
    weights = move(chances.astype(points.dtype), device)
    for _ in range(1, k):
        share = to_numpy(nearest * weights).astype(np.float64).cumsum()
        spots = np.minimum(np.searchsorted(share, numbers.random(tries) * share[-1]), len(points) - 1)
        distances = xp.minimum(nearest[:, None], _squares(points, points[move(spots, device)]))     # (N, tries)
        best = int((distances * weights[:, None]).sum(axis=0).argmin())
        chosen.append(int(spots[best]))
        nearest = distances[:, best]
    return points[move(np.array(chosen), device)]


def _means(points: Array, weights: Array, labels: Array, squares: Array, k: int) -> Array:
    """The weighted mean of each group (k, D); an empty one takes the point farthest from its centre."""
    xp = array_module(points)
    mass = xp.bincount(labels, weights, minlength=k)
    empty = to_numpy(xp.flatnonzero(mass == 0))
    if len(empty):
        farthest = xp.argsort(-squares * (weights > 0))[:len(empty)]
        labels, squares = labels.copy(), squares.copy()
        labels[farthest] = move(empty, device_of(points))
        mass = xp.bincount(labels, weights, minlength=k)
    sums = xp.zeros((k, points.shape[1]), points.dtype)
    for block in row_blocks(len(points), BLOCK // k):
        rows = points[block]
        members = xp.zeros((k, len(rows)), points.dtype)    # a row of weights a group: one product sums all groups
        members[labels[block], xp.arange(len(rows))] = weights[block]
        sums += members @ rows
    return sums / xp.where(mass == 0, 1, mass).astype(points.dtype)[:, None]


def _nearest(points: Array, centres: Array) -> tuple[Array, Array]:
    """The number of the nearest centre of each point (N,), and the squared distance to it (N,)."""
    xp = array_module(points)
    labels, squares = xp.empty(len(points), np.int64), xp.empty(len(points), points.dtype)
    for block in row_blocks(len(points), BLOCK // len(centres)):
        labels[block] = (xp.square(centres).sum(axis=1) - 2 * (points[block] @ centres.T)).argmin(axis=1)
        squares[block] = xp.square(points[block] - centres[labels[block]]).sum(axis=1)
    return labels, squares


def _squares(points: Array, centres: Array) -> Array:
    """Squared distances (N, k)."""
    xp = array_module(points)
    found = (xp.square(points).sum(axis=1)[:, None] - 2 * (points @ centres.T)) + xp.square(centres).sum(axis=1)
    return xp.maximum(found, 0)


def _floats(points: Array) -> Array:
    return points if points.dtype.kind == "f" and points.dtype.itemsize >= 4 else points.astype(np.float64)


def _weights(sample_weight: Any, points: Array) -> Array:
    """The weights of the points (N,); ones where none are given."""
    if sample_weight is None:
        return array_module(points).ones(len(points), points.dtype)
    raw = sample_weight.array if isinstance(sample_weight, TensorBase) else sample_weight
    weights = move(np.asarray(raw) if not hasattr(raw, "dtype") else raw, device_of(points)).astype(points.dtype)
    if weights.shape != (len(points),):
        raise ValueError(f"sample_weight expects one weight a point, ({len(points)},), got shape {weights.shape}")
    if not bool((weights >= 0).all()) or not float(weights.sum()) > 0:
        raise ValueError("sample_weight expects weights >= 0 that are not all zero")
    return weights
