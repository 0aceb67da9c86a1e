"""k-means: by hand, against a naive Lloyd, against scikit-learn, where groups are empty or points few."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.cluster import KMeans

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)) + 4 * np.repeat(np.arange(3), 30)[:, None]


def lloyd(x: np.ndarray, centres: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Until nothing changes, one point and one centre at a time."""
    while True:
        labels = np.array([min(range(len(centres)), key=lambda j: ((row - centres[j]) ** 2).sum()) for row in x])
        means = np.stack([np.average(x[labels == j], axis=0, weights=weights[labels == j])
                          for j in range(len(centres))])
        if np.allclose(means, centres, rtol=0, atol=1e-12):
            return centres, labels
        centres = means


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_a_naive_one(weighted: bool, dtype: Any) -> None:
    start, weights = X[[0, 1, 50]], RNG.random(90) + 0.1 if weighted else np.ones(90)
    centres, labels = lloyd(X, start, weights)
    kmeans = KMeans(3, init=start, tol=0).fit(X.astype(dtype), sample_weight=weights if weighted else None)
    np.testing.assert_allclose(kmeans.cluster_centers_, centres, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(kmeans.labels_, labels)
    np.testing.assert_allclose(kmeans.inertia_, (weights * ((X - centres[labels]) ** 2).sum(axis=1)).sum(), rtol=1e-5)
    assert kmeans.labels_.dtype == np.int32 and kmeans.cluster_centers_.dtype == dtype


def test_methods() -> None:
    kmeans = KMeans(3, random_state=0)
    labels = kmeans.fit_predict(X)
    np.testing.assert_array_equal(labels, kmeans.predict(X))
    distances = np.sqrt(((X[:, None] - kmeans.cluster_centers_) ** 2).sum(axis=2))
    np.testing.assert_allclose(kmeans.transform(X), distances)
    np.testing.assert_array_equal(labels, distances.argmin(axis=1))
    np.testing.assert_allclose(kmeans.score(X), -kmeans.inertia_)
    np.testing.assert_allclose(kmeans.score(X, sample_weight=np.full(90, 2.0)), -2 * kmeans.inertia_)
    np.testing.assert_allclose(KMeans(3, random_state=0).fit_transform(X), distances)
    assert list(kmeans.get_feature_names_out()) == ["kmeans0", "kmeans1", "kmeans2"]


def test_against_scikit_learn() -> None:
    Theirs = pytest.importorskip("sklearn.cluster").KMeans
    for start in (X[:5], X[::20]):
        ours, theirs = KMeans(5, init=start, tol=0).fit(X), Theirs(5, init=start, n_init=1, tol=0).fit(X)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        assert ours.inertia_ == pytest.approx(theirs.inertia_)


def test_the_start_finds_groups_that_lie_apart() -> None:
    groups = np.repeat(np.arange(20.0), 15)[:, None] * [100, -70] + RNG.normal(size=(300, 2))
    for seed in range(5):
        assert KMeans(20, random_state=seed).fit(groups).inertia_ < 2.5 * 300
    several = KMeans(20, init="random", n_init=10, random_state=0).fit(groups).inertia_
    assert several <= min(KMeans(20, init="random", n_init=1, random_state=0).fit(groups).inertia_, 1e7)


def test_a_group_that_loses_all_its_points_takes_the_farthest() -> None:
    points = np.array([[0.0], [1.0], [2.0], [50.0]])
    kmeans = KMeans(2, init=[[1.0], [1000.0]]).fit(points)
    assert sorted(kmeans.cluster_centers_.ravel()) == [1, 50]


def test_fewer_points_that_differ_than_groups() -> None:
    with pytest.warns(UserWarning, match="found 2 groups for n_clusters=3"):
        KMeans(3, random_state=0).fit([[0.0], [0.0], [1.0], [1.0]])


def test_numbers_far_from_zero_keep_their_digits() -> None:
    kmeans = KMeans(3, random_state=0).fit((X + 1e4).astype(np.float32))
    np.testing.assert_allclose(np.sort(kmeans.cluster_centers_[:, 0]),
                               np.sort(KMeans(3, random_state=0).fit(X).cluster_centers_[:, 0]) + 1e4, rtol=1e-6)


@pytest.mark.parametrize("settings, error, text", [
    ({"n_clusters": 0}, ValueError, "n_clusters expects at least 1, got 0"),
    ({"n_clusters": 2.0}, TypeError, "n_clusters expects an integer"),
    ({"n_clusters": 91}, ValueError, "n_samples=90 should be >= n_clusters=91"),
    ({"init": "far"}, ValueError, "init expects 'k-means[+][+]', 'random' or the first centres, got 'far'"),
    ({"init": np.zeros((2, 3))}, ValueError, r"init expects centres of shape \(8, 3\), .*, got \(2, 3\)"),
    ({"n_init": "many"}, ValueError, "n_init expects 'auto' or an integer, got 'many'"),
    ({"tol": -1}, ValueError, "tol expects a number >= 0"),
])
def test_errors(settings: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        KMeans(**settings).fit(X)


@pytest.mark.parametrize("weights, text", [(np.ones(3), r"one weight a point, \(90,\), got shape \(3,\)"),
                                           (-np.ones(90), ">= 0"), (np.zeros(90), "not all zero")])
def test_weights_that_are_none(weights: np.ndarray, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        KMeans(3).fit(X, sample_weight=weights)
