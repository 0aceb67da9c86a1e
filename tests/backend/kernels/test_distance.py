"""The distance kernels against naive loops, a case worked by hand, and scikit-learn."""
from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minidl.backend.kernels.distance import METRICS, l1_in_blocks, paired_distance, pairwise_distance
from tests.strict_array import StrictArray


def naive(a: list[float], b: list[float], metric: str) -> float:
    """One distance, from the definition, in Python's own numbers."""
    gaps = [p - q for p, q in zip(a, b)]
    if metric == "l1":
        return math.fsum(abs(g) for g in gaps)
    if metric == "cosine":
        lengths = math.hypot(*a) * math.hypot(*b)
        return 1 - math.fsum(p * q for p, q in zip(a, b)) / lengths if lengths else 1.0
    squared = math.fsum(g * g for g in gaps)
    return squared if metric == "sqeuclidean" else math.sqrt(squared)


def naive_pairwise(x: np.ndarray, y: np.ndarray, metric: str) -> np.ndarray:
    left, right = x.astype(float).tolist(), y.astype(float).tolist()
    rows = [[naive(a, b, metric) for b in right] for a in left]
    return np.array(rows).reshape(len(x), len(y))


SHAPES = [(1, 1, 1), (3, 4, 2), (5, 2, 7), (1, 6, 3), (4, 1, 33), (0, 3, 2), (3, 0, 2)]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("n, m, d", SHAPES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_against_naive_loops(metric: str, n: int, m: int, d: int, dtype: str) -> None:
    rng = np.random.default_rng(n + 10 * m + 100 * d)
    x, y = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(m, d)).astype(dtype)
    before = x.copy(), y.copy()
    tolerance = {"float16": 2e-2, "float32": 1e-5, "float64": 1e-12}[dtype]

    every = pairwise_distance(x, y, metric)
    assert every.dtype == dtype and every.shape == (n, m)
    np.testing.assert_allclose(every, naive_pairwise(x, y, metric), rtol=tolerance, atol=tolerance)

    few = min(n, m)
    paired = paired_distance(x[:few], y[:few], metric)
    assert paired.dtype == dtype and paired.shape == (few,)
    wanted = np.diag(naive_pairwise(x[:few], y[:few], metric))
    np.testing.assert_allclose(paired, wanted, rtol=tolerance, atol=tolerance)
    assert np.array_equal(x, before[0]) and np.array_equal(y, before[1])


def test_by_hand() -> None:
    x, y = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 4.0], [-2.0, 0.0]])
    assert pairwise_distance(x, y, "l1").tolist() == [[7, 2], [6, 3]]
    assert pairwise_distance(x, y, "sqeuclidean").tolist() == [[25, 4], [20, 9]]
    assert pairwise_distance(x, y, "l2")[0].tolist() == [5, 2]
    # the first row of x is the zero vector: 1 from everything, even from itself
    np.testing.assert_allclose(pairwise_distance(x, y, "cosine"), np.array([[1, 1], [0.4, 2]]))
    assert paired_distance(x[:1], x[:1], "cosine").tolist() == [1]


@pytest.mark.parametrize("metric", METRICS)
def test_integers_are_computed_in_float64(metric: str) -> None:
    x = np.array([[0, 255, 3]], np.uint8)
    y = np.array([[255, 0, 4]], np.uint8)
    result = pairwise_distance(x, y, metric)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, naive_pairwise(x, y, metric), rtol=1e-15)
    np.testing.assert_allclose(paired_distance(x, y, metric), result[0], rtol=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_no_distance_is_negative(metric: str) -> None:
    x = np.random.default_rng(0).normal(1000, 1e-3, size=(50, 9)).astype(np.float32)
    for result in (pairwise_distance(x, x, metric), paired_distance(x, x, metric)):
        assert (result >= 0).all() and np.isfinite(result).all()
    if metric != "cosine":
        assert (paired_distance(x, x, metric) == 0).all()   # the definition does not cancel


def test_manhattan_blocks_do_not_show() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(11, 5)), rng.normal(size=(13, 5))
    whole = pairwise_distance(x, y, "l1")
    for block in (1, 5, 17, 64, 70, 200):
        assert np.array_equal(l1_in_blocks(x, y, block * x.itemsize), whole)


@pytest.mark.parametrize("metric", METRICS)
def test_memory_layout_does_not_matter(metric: str) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(4, 6)), rng.normal(size=(5, 6))
    wanted = pairwise_distance(x, y, metric)
    for layout in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]):
        result = pairwise_distance(layout(x), layout(y), metric)
        np.testing.assert_allclose(result, wanted, rtol=1e-12)


@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-100, 100)))
def test_metric_laws(x: np.ndarray) -> None:
    for metric in ("l1", "l2"):
        d = pairwise_distance(x, x, metric)
        np.testing.assert_allclose(d, d.T, atol=1e-5)
        through = (d[:, :, None] + d[None, :, :]).min(axis=1)   # the best way with a stop
        assert (d <= through + 1e-4).all()


@pytest.mark.parametrize("metric", METRICS)
def test_agrees_with_sklearn(metric: str) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 8)), rng.normal(size=(30, 8))
    x[0] = 0
    name = {"l1": "manhattan", "l2": "euclidean"}.get(metric, metric)
    wanted = sklearn.pairwise_distances(x, y, metric="euclidean" if name == "sqeuclidean" else name)
    if metric == "sqeuclidean":
        wanted = wanted ** 2
    np.testing.assert_allclose(pairwise_distance(x, y, metric), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_stays_on_the_device(metric: str) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    result = pairwise_distance(StrictArray(x), StrictArray(y), metric)
    assert isinstance(result, StrictArray)
    np.testing.assert_allclose(result.get(), pairwise_distance(x, y, metric), rtol=1e-12)
    paired = paired_distance(StrictArray(x), StrictArray(y), metric)
    np.testing.assert_allclose(paired.get(), paired_distance(x, y, metric), rtol=1e-12)


def test_errors() -> None:
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match="one of l1, l2, sqeuclidean, cosine, got 'l3'"):
        pairwise_distance(x, x, "l3")
    with pytest.raises(RuntimeError, match=r"same number of columns, got \(2, 3\) and \(2, 4\)"):
        pairwise_distance(x, np.ones((2, 4)), "l2")
    with pytest.raises(RuntimeError, match=r"got \(3,\) and \(2, 3\)"):
        pairwise_distance(x[0], x, "l2")
