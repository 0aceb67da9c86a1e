"""t-SNE: its parts against their formulas, its maps against exact ones and scikit-learn's."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.manifold import TSNE, trustworthiness
from minidl.manifold.push import push_by_grid, push_by_pairs
from minidl.manifold.tsne import _negative_entropy, _pull, _with_way_back, chances
from minidl.neighbors import KNeighborsClassifier
from minidl.neighbors.search import NeighbourSearch

RNG = np.random.default_rng(0)
Y = np.repeat(np.arange(3), 100)
X = RNG.normal(size=(300, 10)) + 3 * RNG.normal(size=(3, 10))[Y]


def graph(count: int, perplexity: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights and neighbours (N, count) of X, and the joint probabilities p (N, N) that they stand for."""
    distances, neighbours = NeighbourSearch(X, "l2").nearest(X, count, own=True)
    weights = chances(distances ** 2, perplexity) / (2 * len(X))
    p = np.zeros((len(X), len(X)))
    np.put_along_axis(p, neighbours, weights, axis=1)
    return weights, neighbours, p + p.T


def test_each_point_has_as_many_neighbours_as_asked() -> None:
    for perplexity in (2, 10, 40.5):
        rows = chances(np.sort(RNG.exponential(100, (7, 60)), axis=1), perplexity)
        np.testing.assert_allclose(rows.sum(axis=1), 1)
        np.testing.assert_allclose(np.exp(-(rows * np.log(np.where(rows, rows, 1))).sum(axis=1)), perplexity, rtol=1e-3)
    np.testing.assert_allclose(chances(np.zeros((2, 4)), 3), 0.25)      # all at the same place
    rows = chances(np.array([[0.0, 1e-9, 1.0, 1e9]]), 2)
    np.testing.assert_allclose(rows, [[0.5, 0.5, 0, 0]], atol=1e-3)


def test_gradient_and_divergence_against_the_definition() -> None:
    """Both ends of an edge are pulled; KL(p, q) is what its differences say."""
    weights, neighbours, p = graph(20, 5)
    y = RNG.normal(size=(2, 300))

    def divergence(y: np.ndarray) -> float:
        nearness = 1 / (1 + ((y[:, :, None] - y[:, None]) ** 2).sum(axis=0))
        np.fill_diagonal(nearness, 0)
        positive = p > 0
        return float((p[positive] * np.log(p[positive] / (nearness / nearness.sum())[positive])).sum())
    pulled, found = _pull(y, weights, neighbours, True)
    pushed, total = push_by_pairs(y)
    assert _negative_entropy(weights, neighbours) + found + np.log(total) == pytest.approx(divergence(y), rel=1e-9)
    gradient = 4 * (pulled - pushed / total)
    for axis, i in ((0, 3), (1, 77), (0, 149)):
        step = np.zeros_like(y)
        step[axis, i] = 1e-5
        assert (divergence(y + step) - divergence(y - step)) / 2e-5 == pytest.approx(gradient[axis, i], rel=1e-5)
    np.testing.assert_allclose(_with_way_back(weights, neighbours), np.take_along_axis(p, neighbours, axis=1))


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("spread, rtol", [(1e-4, 1e-5), (1, 1e-3), (10, 0.02)])
def test_the_grid_against_all_pairs(dims: int, spread: float, rtol: float) -> None:
    y = (np.random.default_rng(1).normal(size=(dims, 800)) * spread).astype(np.float32)
    (wanted, total), (found, about) = push_by_pairs(y), push_by_grid(y)
    assert np.linalg.norm(found - wanted) < rtol * np.linalg.norm(wanted)
    assert about == pytest.approx(total, rel=rtol / 5)


def test_the_push_by_hand() -> None:
    pushed, total = push_by_pairs(np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(pushed, [[-0.25, 0.25]])
    assert total == 1
    pushed, _ = push_by_grid(np.zeros((2, 5), np.float32))             # all at one place: nowhere to go
    np.testing.assert_allclose(pushed, 0, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"method": "exact"}, {"n_components": 1}, {"n_components": 3},
                                      {"init": "random"}, {"metric": "cosine"}, {"init": X[:, :2] * 1e-4}],
                         ids=lambda s: " ".join(s) or "default")
def test_groups_stay_together(settings: dict[str, Any]) -> None:
    tsne = TSNE(perplexity=10, max_iter=300, random_state=0, **settings)
    places = tsne.fit_transform(X)
    assert places.shape == (300, settings.get("n_components", 2)) and places.dtype == np.float32
    nearest = KNeighborsClassifier(1).fit(places, Y).kneighbors(None, return_distance=False)[:, 0]
    assert (Y[nearest] == Y).mean() > 0.95
    assert tsne.n_iter_ == 300 and 0 < tsne.kl_divergence_ < 2 and tsne.learning_rate_ == 50
    assert trustworthiness(X, places) > 0.8


def test_as_good_a_map_as_scikit_learns() -> None:
    Theirs = pytest.importorskip("sklearn.manifold").TSNE
    settings: dict[str, Any] = {"perplexity": 10, "max_iter": 500, "random_state": 0}
    ours, exact, theirs = (kind.fit(X) for kind in (
        TSNE(**settings), TSNE(method="exact", **settings), Theirs(method="exact", **settings)))
    assert ours.kl_divergence_ < theirs.kl_divergence_ * 1.05 + 0.02
    assert exact.kl_divergence_ < theirs.kl_divergence_ * 1.05


def test_trustworthiness() -> None:
    manifold = pytest.importorskip("sklearn.manifold")
    places = RNG.normal(size=(300, 2))
    for k in (1, 5, 30):
        assert trustworthiness(X, places, n_neighbors=k) == pytest.approx(
            manifold.trustworthiness(X, places, n_neighbors=k))
    assert trustworthiness(minidl.tensor(X), minidl.tensor(X)) == 1
    with pytest.raises(ValueError, match=r"n_neighbors \(150\) should be less than n_samples / 2 \(150.0\)"):
        trustworthiness(X, places, n_neighbors=150)


@pytest.mark.parametrize("settings, text", [
    ({"perplexity": 300}, r"perplexity \(300\) must be less than n_samples \(300\)"),
    ({"n_components": 4}, "n_components expects 1, 2 or 3, got 4"),
    ({"max_iter": 100}, "max_iter expects at least 250, got 100"),
    ({"early_exaggeration": 0.5}, "early_exaggeration expects a number >= 1"),
    ({"learning_rate": "fast"}, "learning_rate expects 'auto' or a number > 0, got 'fast'"),
    ({"learning_rate": 0}, "learning_rate expects 'auto' or a number > 0, got 0"),
    ({"method": "fft"}, "method expects 'barnes_hut' or 'exact', got 'fft'"),
    ({"metric": "l7"}, "metric expects one of"),
    ({"init": "line"}, "init expects 'pca', 'random' or a map, got 'line'"),
    ({"init": np.zeros((3, 2))}, r"init expects a map of shape \(300, 2\), got \(3, 2\)"),
])
def test_errors(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TSNE(**settings).fit(X)


def test_few_features_have_no_two_components() -> None:
    with pytest.raises(ValueError, match="init='pca' expects X with at least 2 samples and features"):
        TSNE(perplexity=2).fit(X[:, :1])


def test_the_bar_shows_the_divergence(capsys: Any) -> None:
    TSNE(perplexity=10, max_iter=250, verbose=1, random_state=0).fit(X)
    assert "divergence=" in capsys.readouterr().err
