"""Cross-validation over k: against one classifier per k and fold, and the split itself."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.neighbors import CrossValidation, KNeighborsClassifier, cross_validate_k, split_folds
from tests.strict_array import StrictArray

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 103)
X = RNG.normal(size=(103, 4)) + 0.7 * Y[:, None]


@pytest.mark.parametrize("settings", [
    {}, {"metric": "l1", "weights": "distance"}, {"metric": "cosine"},
    {"metric": "minkowski", "p": 1}, {"weights": "distance", "working_memory": 1e-3}], ids=str)
def test_against_one_classifier_at_a_time(settings: dict[str, Any]) -> None:
    ks = [5, 1, 12, 2]
    result = cross_validate_k(X, Y, ks, folds=4, seed=3, **settings)
    parts = split_folds(len(X), 4, seed=3)
    wanted = np.empty((4, 4))
    for j, part in enumerate(parts):
        rest = [i for i in range(len(X)) if i not in part]
        for i, k in enumerate(ks):
            knn = KNeighborsClassifier(k, **settings).fit(X[rest], Y[rest])
            wanted[i, j] = knn.score(X[part], Y[part])
    assert np.array_equal(result.accuracies, wanted) and result.ks == (5, 1, 12, 2)
    np.testing.assert_allclose(result.mean, wanted.mean(1))
    np.testing.assert_allclose(result.std, wanted.std(1))


def test_best_k_is_the_smallest_of_the_best() -> None:
    accuracies = np.array([[0.5, 0.75], [0.75, 1.0], [1.0, 0.75], [0.0, 1.0]])
    assert CrossValidation((1, 9, 3, 5), accuracies).best_k == 3


def test_the_split() -> None:
    parts = split_folds(11, 4, seed=1)
    assert [len(part) for part in parts] == [3, 3, 3, 2]
    assert sorted(np.concatenate(parts).tolist()) == list(range(11))
    assert all(np.array_equal(a, b) for a, b in zip(parts, split_folds(11, 4, seed=1)))
    assert any(not np.array_equal(a, b) for a, b in zip(parts, split_folds(11, 4, seed=2)))
    assert np.concatenate(parts).tolist() != list(range(11))        # shuffled


def test_same_seed_same_result() -> None:
    first, second, other = (cross_validate_k(X, Y, [1, 3], seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first.accuracies, second.accuracies)
    assert not np.array_equal(first.accuracies, other.accuracies)


def test_a_class_that_lives_in_one_fold_only() -> None:
    labels = np.zeros(20, int)
    labels[split_folds(20, 5)[0]] = 9
    result = cross_validate_k(np.arange(20.0)[:, None], labels, [1, 16])
    assert result.accuracies[:, 0].tolist() == [0, 0]       # its class was never seen


def test_strings_tensors_and_devices() -> None:
    wanted = cross_validate_k(X, Y, [1, 4]).accuracies
    assert np.array_equal(cross_validate_k(X, Y.astype(str), [1, 4]).accuracies, wanted)
    assert np.array_equal(cross_validate_k(StrictArray(X), Y, [1, 4]).accuracies, wanted)
    tensors = minidl.tensor(X), minidl.tensor(Y)
    assert np.array_equal(cross_validate_k(*tensors, [1, 4]).accuracies, wanted)


@pytest.mark.parametrize("ks, folds, settings, error, text", [
    ([1, 80], 3, {}, ValueError, r"every k <= 68, .*, got k = 80 \(103 samples, 3 folds\)"),
    ([], 3, {}, ValueError, "ks expects at least one k, got none"),
    ([0], 3, {}, ValueError, "ks expects at least 1, got 0"),
    ([1.5], 3, {}, TypeError, "ks expects an integer, got 1.5"),
    ([1], 1, {}, ValueError, r"folds expects 2 to 103 \(the number of samples\), got 1"),
    ([1], 104, {}, ValueError, r"folds expects 2 to 103"),
    ([1], 3, {"metric": "l7"}, ValueError, "got 'l7'"),
    ([1], 3, {"weights": "w"}, ValueError, "got 'w'"),
])
def test_errors(ks: list[Any], folds: int, settings: dict[str, Any],
                error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        cross_validate_k(X, Y, ks, folds, **settings)
