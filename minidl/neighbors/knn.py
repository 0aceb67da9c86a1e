"""The k-nearest-neighbours classifier, with scikit-learn's contract: fit, predict, kneighbors, ...

It learns nothing: `fit` remembers the points, `predict` lets the k nearest of them vote. It passes
scikit-learn's `check_estimator`, so it stands in pipelines, `cross_val_score` and `GridSearchCV`.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module, device_of, move, to_numpy
from minidl.backend.dtype import supported
from minidl.estimators.estimator import Estimator, as_array_or_tensor, like
from minidl.estimators.inputs import check_count
from minidl.neighbors.labels import as_labels, encode_labels
from minidl.neighbors.search import NeighbourSearch

_METRICS = {"l1": "l1", "manhattan": "l1", "l2": "l2", "euclidean": "l2", "cosine": "cosine"}
_MINKOWSKI: dict[float, str] = {1: "l1", 2: "l2"}
_WEIGHTS = ("uniform", "distance")


class KNeighborsClassifier(Estimator):
    """A vote among the nearest training points.

    The search is exact (see `minidl.neighbors.search`) and deterministic: between points at the same
    float64 distance, the lower index counts as nearer; between labels with equal votes, the smallest
    wins. The chunks in which the work is done never change a result.

    Args:
        n_neighbors: k, how many neighbours vote.
        weights: 'uniform', one vote each; or 'distance', votes of 1 / distance (if a neighbour is at
            distance 0, only such neighbours vote).
        metric: 'l2' ('euclidean'), 'l1' ('manhattan'), 'cosine' (1 - cos; 1 for a zero vector), or
            'minkowski', which is l1 or l2 by `p`.
        p: 1 or 2, for metric='minkowski' only.
        working_memory: MiB that the temporary arrays of a search may take.

    After `fit`: `classes_` (the labels, sorted), `n_features_in_`, `n_samples_fit_`, and, where X
    is a data frame whose columns have names, `feature_names_in_`. Arguments are checked by `fit`.

    X is (N, D), y is (N,): NumPy arrays, lists, data frames, or tensors of minidl. Results are NumPy
    arrays, or tensors on X's device where X is one (labels that no tensor holds, such as strings,
    stay in NumPy). Distances and probabilities are float32 for float32 X, else float64.

    `fit` keeps X without a copy: do not write into it afterwards.

        >>> from minidl.neighbors import KNeighborsClassifier
        >>> knn = KNeighborsClassifier(n_neighbors=3).fit([[0], [1], [2], [8], [9]], list('aaabb'))
        >>> knn.predict([[1.2], [7.0]]).tolist()
        ['a', 'b']
        >>> knn.predict_proba([[7.0]]).round(2)
        array([[0.33, 0.67]])

    Source: Fix and Hodges, Discriminatory Analysis, 1951; Cover and Hart, Nearest Neighbor Pattern
    Classification, 1967.
    """

    kind = _estimator_type = "classifier"      # the latter is what scikit-learn asked for before 1.6
    learned = "classes_"

    def __init__(self, n_neighbors: int = 5, *, weights: str = "uniform", metric: str = "l2",
                 p: float = 2, working_memory: float = 256) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.p = p
        self.working_memory = working_memory

    def fit(self, X: Any, y: Any) -> KNeighborsClassifier:
        """Remember points X (N, D) and labels y (N,), ints or strings; return self.

        Errors: ValueError where shapes disagree, X holds NaN or infinity, or a constructor argument is
        out of range; TypeError where an argument has the wrong type.
        """
        self._check_params()
        points = self._first_points(X)
        self.classes_, codes = encode_labels(y, points, "fit")
        self.n_samples_fit_ = len(points)
        self._fit_on_tensor = isinstance(X, TensorBase)
        self._codes = move(codes, device_of(points))    # the labels as indices into classes_
        metric = resolve_metric(self.metric, self.p)
        self._search = NeighbourSearch(points, metric, self.working_memory)
        return self

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None,
                   return_distance: bool = True) -> Any:
        """The nearest training points of every row of X.

        Args:
            X: queries (N, D); None for the training points, where no point is its own neighbour.
            n_neighbors: k, if not the constructor's.
            return_distance: whether to return `(distances, indices)`, both (N, k), or the indices alone.

        Errors: ValueError where there are fewer than k training points to choose from.
        """
        distances, indices = self._neighbours(X, n_neighbors, "kneighbors")
        queries = as_array_or_tensor(self._search.points, self._fit_on_tensor) if X is None else X
        indices = as_array_or_tensor(indices, isinstance(queries, TensorBase))
        if not return_distance:
            return indices
        return like(queries, distances), indices

    def predict(self, X: Any) -> Any:
        """The label with most votes, for every row of X: (N, D) -> (N,)."""
        votes = self._votes(X, "predict")
        winners = to_numpy(votes.argmax(axis=1))        # argmax takes the first maximum: the smallest label
        labels = self.classes_[winners]
        if isinstance(X, TensorBase) and labels.dtype in supported:
            return wrap(move(labels, device_of(X.array)))
        return labels

    def predict_proba(self, X: Any) -> Any:
        """Each label's share of the votes: (N, D) -> (N, C). Columns are in the order of `classes_`."""
        votes = self._votes(X, "predict_proba")
        votes /= votes.sum(axis=1, keepdims=True)
        return like(X, votes)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The accuracy of the predictions for X against y; rows may have weights (N,)."""
        winners = to_numpy(self._votes(X, "score").argmax(axis=1))
        labels = as_labels(y, len(winners), "score")
        return float(np.average(self.classes_[winners] == labels, weights=sample_weight))

    def _votes(self, X: Any, who: str) -> Array:
        distances, indices = self._neighbours(X, None, who, training=False)
        return count_votes(self._codes[indices], distances, len(self.classes_), self.weights)

    def _neighbours(self, X: Any, n_neighbors: int | None, who: str,
                    training: bool = True) -> tuple[Array, Array]:
        """Distances in float64, and indices. `training`: X=None stands for the training points."""
        self._check_fitted(who)
        self._check_params()
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        check_count(k, "n_neighbors")
        points = self._search.points
        own = X is None and training
        queries = points if own else self._further_points(X, who, points)
        if k > self.n_samples_fit_ - own:
            raise ValueError(f"Expected n_neighbors {'<' if own else '<='} n_samples_fit, but "
                             f"n_neighbors = {k}, n_samples_fit = {self.n_samples_fit_}")
        return self._search.nearest(queries, k, own)

    def _check_params(self) -> None:
        check_count(self.n_neighbors, "n_neighbors")
        check_weights(self.weights)
        resolve_metric(self.metric, self.p)
        if not self.working_memory > 0:
            raise ValueError(f"working_memory expects MiB > 0, got {self.working_memory!r}")


def count_votes(codes: Array, distances: Array, n_classes: int, weights: str) -> Array:
    """Count each class's votes: codes, distances (N, k) -> votes (N, n_classes)."""
    xp = array_module(codes)
    n = len(codes)
    # bin i * n_classes + c is class c of row i: one count serves all rows, (N, k) -> (N * k,)
    bins = (codes + n_classes * xp.arange(n)[:, None]).ravel()
    if weights == "uniform":
        votes = xp.bincount(bins, minlength=n * n_classes).astype(np.float64)
    else:
        at_zero = distances == 0
        weight = 1 / xp.where(at_zero, 1, distances)
        weight = xp.where(at_zero.any(axis=1, keepdims=True), at_zero, weight)
        votes = xp.bincount(bins, weight.ravel(), minlength=n * n_classes)
    return votes.reshape(n, n_classes)


def resolve_metric(metric: str, p: float = 2) -> str:
    """'l1', 'l2' or 'cosine', for any of their accepted names."""
    if metric == "minkowski":
        if p not in _MINKOWSKI:
            raise ValueError(f"metric='minkowski' expects p=1 (l1) or p=2 (l2), got p={p!r}")
        return _MINKOWSKI[p]
    if metric not in _METRICS:
        known = ", ".join((*_METRICS, "minkowski"))
        raise ValueError(f"metric expects one of {known}, got {metric!r}")
    if p != 2:
        raise ValueError(
            f"p={p!r} has no meaning for metric={metric!r}; try metric='minkowski', p={p!r}")
    return _METRICS[metric]


def check_weights(weights: str) -> None:
    if weights not in _WEIGHTS:
        raise ValueError(f"weights expects 'uniform' or 'distance', got {weights!r}")
