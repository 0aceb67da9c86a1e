"""PCA: by hand, against the eigenvectors of the covariance, against scikit-learn."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.decomposition import PCA

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 8)) @ RNG.normal(size=(8, 8)) + 3


def test_by_hand() -> None:
    points = np.array([[2.0, 0.0], [0.0, 1.0], [-2.0, 0.0], [0.0, -1.0]]) + [5, 7]
    pca = PCA().fit(points)
    np.testing.assert_allclose(pca.mean_, [5, 7])
    np.testing.assert_allclose(pca.components_, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(pca.explained_variance_, [8 / 3, 2 / 3])
    np.testing.assert_allclose(pca.explained_variance_ratio_, [0.8, 0.2])
    np.testing.assert_allclose(pca.singular_values_, np.sqrt([8, 2]))
    np.testing.assert_allclose(PCA(whiten=True).fit_transform(points).std(axis=0, ddof=1), [1, 1])


@pytest.mark.parametrize("solver", ["full", "covariance_eigh", "randomized"])
def test_against_the_eigenvectors_of_the_covariance(solver: str) -> None:
    values, vectors = np.linalg.eigh(np.cov(X.T))
    pca = PCA(4, svd_solver=solver, random_state=0).fit(X)
    np.testing.assert_allclose(pca.explained_variance_, values[::-1][:4], rtol=1e-6)
    np.testing.assert_allclose(abs((pca.components_ * vectors.T[::-1][:4]).sum(axis=1)), 1, rtol=1e-6)
    np.testing.assert_allclose(pca.noise_variance_, values[:4].mean(), rtol=1e-6)
    assert (pca.components_[np.arange(4), abs(pca.components_).argmax(axis=1)] > 0).all()


@pytest.mark.parametrize("settings", [
    {}, {"n_components": 3}, {"n_components": 0.9}, {"n_components": 0.5, "svd_solver": "covariance_eigh"},
    {"n_components": 3, "whiten": True}, {"svd_solver": "covariance_eigh"}, {"n_components": 0},
    {"n_components": 3, "svd_solver": "randomized", "random_state": 0}], ids=str)
@pytest.mark.parametrize("wide", [False, True])
def test_against_scikit_learn(settings: dict[str, Any], wide: bool) -> None:
    Theirs = pytest.importorskip("sklearn.decomposition").PCA
    points = RNG.normal(size=(12, 30)) if wide else X
    ours, theirs = PCA(**settings).fit(points), Theirs(**settings).fit(points)
    assert (ours.n_components_, ours.n_samples_) == (theirs.n_components_, theirs.n_samples_)
    close: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-6}
    names = ["mean_", "explained_variance_", "explained_variance_ratio_", "singular_values_"]
    if not (wide and ours.svd_solver == "covariance_eigh"):     # scikit-learn counts dimensions without variance there
        names.append("noise_variance_")
    for name in names:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), err_msg=name, **close)
    kept = slice(ours.n_components_ if ours.n_components_ < min(points.shape) else -1)     # the last may be rounding
    np.testing.assert_allclose(ours.components_[kept], theirs.components_[kept], **close)
    np.testing.assert_allclose(ours.transform(points)[:, kept], theirs.transform(points)[:, kept], **close)
    coordinates = RNG.normal(size=(4, ours.n_components_)) * (np.arange(ours.n_components_) < min(points.shape) - 1)
    if settings and ours.n_components_:
        np.testing.assert_allclose(ours.inverse_transform(coordinates), theirs.inverse_transform(coordinates), **close)
        if not ours.whiten and "noise_variance_" in names:      # scikit-learn's covariance has the variances twice then
            np.testing.assert_allclose(ours.get_covariance(), theirs.get_covariance(), **close)
    if not wide and not ours.whiten:
        np.testing.assert_allclose(ours.score(points), theirs.score(points), rtol=1e-6)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out())


def test_whitening_changes_no_covariance() -> None:
    np.testing.assert_allclose(PCA(3, whiten=True).fit(X).get_covariance(), PCA(3).fit(X).get_covariance())


def test_large_points_go_to_a_random_space() -> None:
    wide = RNG.normal(size=(100, 5)) @ RNG.normal(size=(5, 2000))
    pca = PCA(5, random_state=0)
    assert pca._choose_solver(*wide.shape) == "randomized"
    assert abs(pca.inverse_transform(pca.fit_transform(wide)) - wide).max() < 1e-8


@pytest.mark.parametrize("settings, text", [
    ({"n_components": 9}, r"n_components=9 must be between 0 and min\(n_samples, n_features\)=8"),
    ({"n_components": 1.5}, "share of the variance and expects to lie between 0 and 1; .* try 1"),
    ({"n_components": "mle"}, "n_components expects a number or None, got 'mle'"),
    ({"svd_solver": "arpack"}, "svd_solver expects one of auto, full, .*, got 'arpack'"),
    ({"n_components": 0.5, "svd_solver": "randomized"}, "expects a number of components"),
])
def test_errors(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        PCA(**settings).fit(X)


def test_coordinates_of_another_number() -> None:
    with pytest.raises(ValueError, match="X expects 3 coordinates a point, one a component, but has 2"):
        PCA(3).fit(X).inverse_transform(np.zeros((1, 2)))


def test_points_that_are_all_the_same() -> None:
    pca = PCA(2).fit(np.ones((5, 3)))
    assert np.array_equal(pca.explained_variance_ratio_, [0, 0]) and pca.noise_variance_ == 0
