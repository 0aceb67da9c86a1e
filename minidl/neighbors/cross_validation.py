"""Which k? Cross-validation of the nearest-neighbours classifier.

Many k cost as much as one: the neighbours for the largest k contain those for every smaller one, so each fold is
searched once.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.backend.device import array_module, device_of, move, to_numpy
from minidl.estimators.inputs import as_points, check_count
from minidl.neighbors.knn import check_weights, count_votes, resolve_metric
from minidl.neighbors.labels import encode_labels
from minidl.neighbors.search import NeighbourSearch


@dataclass(frozen=True)
class CrossValidation:
    """Accuracies (len(ks), folds): a row for every k, a column for every fold."""

    ks: tuple[int, ...]
    accuracies: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The mean accuracy of every k: (len(ks),)."""
        return self.accuracies.mean(axis=1)

    @property
    def std(self) -> np.ndarray:
        """The standard deviation over the folds, for every k (divided by the number of folds)."""
        return self.accuracies.std(axis=1)

    @property
    def best_k(self) -> int:
        """The k with the highest mean accuracy; the smallest such k."""
        mean = self.mean
        return min(k for k, accuracy in zip(self.ks, mean) if accuracy == mean.max())


def split_folds(count: int, folds: int, seed: int = 0) -> list[np.ndarray]:
    """Split the numbers 0 .. count-1 into `folds` parts of almost equal size.

    Sizes differ by at most one. The numbers are shuffled by `numpy.random.default_rng(seed)` and cut into consecutive
    parts, the larger ones first; within a part they are sorted.

        >>> [len(part) for part in split_folds(10, 3)]
        [4, 3, 3]
    """
    check_count(folds, "folds")
    if not 2 <= folds <= count:
        raise ValueError(f"folds expects 2 to {count} (the number of samples), got {folds}")
    shuffled = np.random.default_rng(seed).permutation(count)
    return [np.sort(part) for part in np.array_split(shuffled, folds)]


def cross_validate_k(
    X: Any, y: Any, ks: Sequence[int], folds: int = 5, *, metric: str = "l2", p: float = 2,
    weights: str = "uniform", seed: int = 0, working_memory: float = 256,
) -> CrossValidation:
    """Measure the classifier's accuracy for every k in `ks`, on every fold.

    Each fold (see `split_folds`) is predicted from the points of all others.

    Args:
        X, y: points (N, D) and labels (N,), as for `KNeighborsClassifier.fit`.
        ks: the candidates for k, in any order.
        folds: the number of parts, at least 2.
        metric, p, weights, working_memory: as for `KNeighborsClassifier`.
        seed: seed of the shuffle; the same seed gives the same folds.

    Errors: ValueError where the smallest training part has fewer points than the largest k.

        >>> import numpy as np
        >>> X = np.arange(20.0).reshape(-1, 1)
        >>> result = cross_validate_k(X, X[:, 0] > 9, ks=[1, 3, 15], folds=4)
        >>> result.accuracies.shape, result.best_k
        ((3, 4), 1)
    """
    points = as_points(X, "cross_validate_k")
    classes, codes = encode_labels(y, points, "cross_validate_k")
    metric = resolve_metric(metric, p)
    check_weights(weights)
    for k in ks:
        check_count(k, "ks")
    if not len(ks):
        raise ValueError("cross_validate_k: ks expects at least one k, got none")
    parts = split_folds(len(points), folds, seed)
    fewest = len(points) - len(parts[0])
    if max(ks) > fewest:
        raise ValueError(
            f"cross_validate_k: expected every k <= {fewest}, the number of points in the other "
            f"folds, got k = {max(ks)} ({len(points)} samples, {folds} folds)")

    xp, device = array_module(points), device_of(points)
    codes = move(codes, device)
    accuracies = np.empty((len(ks), folds))
    for fold, part in enumerate(parts):
        held_out = move(part, device)
        rest = move(np.setdiff1d(np.arange(len(points)), part), device)
        search = NeighbourSearch(points[rest], metric, working_memory)
        distances, indices = search.nearest(points[held_out], max(ks))
        neighbours = codes[rest][indices]                           # (n, max(ks))
        for i, k in enumerate(ks):
            votes = count_votes(neighbours[:, :k], distances[:, :k], len(classes), weights)
            hits = votes.argmax(axis=1) == codes[held_out]
            accuracies[i, fold] = to_numpy(xp.mean(hits))
    return CrossValidation(tuple(int(k) for k in ks), accuracies)
