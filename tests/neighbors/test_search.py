"""The search is exact: against naive loops, with ties, near ties, outliers, and little memory."""
from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.neighbors.search import MIB, NeighbourSearch
from tests.strict_array import StrictArray


def naive(points: np.ndarray, x: np.ndarray, metric: str, k: int, own: bool = False) -> np.ndarray:
    """Indices of the k nearest, from exact fractions: by distance, then by index."""
    def distance(a: np.ndarray, b: np.ndarray) -> Fraction:
        gaps = [Fraction(float(p)) - Fraction(float(q)) for p, q in zip(a, b)]
        return sum((abs(g) if metric == "l1" else g * g for g in gaps), Fraction(0))

    return np.array([
        sorted((j for j in range(len(points)) if not (own and i == j)),
               key=lambda j: (distance(row, points[j]), j))[:k]
        for i, row in enumerate(x)])


def direct(points: np.ndarray, x: np.ndarray, metric: str, k: int) -> np.ndarray:
    """The same in plain float64, for larger sets."""
    points, x = points.astype(np.float64), x.astype(np.float64)
    if metric == "cosine":
        def unit(a: np.ndarray) -> np.ndarray:
            return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-300)
        far = 1 - unit(x) @ unit(points).T
    else:
        gaps = (points - row for row in x)
        far = np.stack([(abs(gap) if metric == "l1" else gap * gap).sum(1) for gap in gaps])
    return np.argsort(far, axis=1, kind="stable")[:, :k]


def test_by_hand() -> None:
    search = NeighbourSearch(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0], [0.0, -2.0]]), "l2")
    distances, indices = search.nearest(np.array([[0.0, 0.0]]), 4)
    assert indices.tolist() == [[0, 2, 3, 1]]       # 2 and 3 are equally far: the lower index first
    assert distances.tolist() == [[0, 2, 2, 5]]
    assert search.nearest(search.points, 1, own=True)[1].tolist() == [[2], [2], [0], [0]]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_small_integers_with_many_ties(data: st.DataObject) -> None:
    m, n, d = (data.draw(st.integers(1, top)) for top in (12, 5, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    dtype = data.draw(st.sampled_from([np.uint8, np.int64, np.float32, np.float64]))
    points, x = rng.integers(0, 4, (m, d)).astype(dtype), rng.integers(0, 4, (n, d)).astype(dtype)
    metric = data.draw(st.sampled_from(["l1", "l2"]))
    k = data.draw(st.integers(1, m))
    memory = data.draw(st.sampled_from([1e-6, 1e-3, 1.0]))
    search = NeighbourSearch(points, metric, memory)
    assert np.array_equal(search.nearest(x, k)[1], naive(points, x, metric, k))
    if m > 1:
        k = min(k, m - 1)
        own = search.nearest(points, k, own=True)[1]
        assert np.array_equal(own, naive(points, points, metric, k, own=True))


@pytest.mark.parametrize("metric", ["l1", "l2", "cosine"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("k", [1, 7, 300, 1500])
def test_against_plain_float64(metric: str, dtype: str, k: int) -> None:
    rng = np.random.default_rng(k)
    points, x = rng.normal(size=(1500, 24)).astype(dtype), rng.normal(size=(40, 24)).astype(dtype)
    distances, indices = NeighbourSearch(points, metric).nearest(x, k)
    assert distances.dtype == np.float64 and indices.dtype == np.int64
    assert (np.diff(distances, axis=1) >= 0).all()
    differ = indices != direct(points, x, metric, k)
    if metric == "l2":
        assert not differ.any()
    else:   # the order of summation may swap neighbours that are equally far but for the last digit
        assert differ.mean() < 1e-3


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_near_ties_below_the_resolution_of_float32(metric: str) -> None:
    rng = np.random.default_rng(0)
    points = 1e4 + rng.normal(size=(400, 6))
    points[200:] = points[:200] + rng.normal(size=(200, 6)) * 1e-9      # all but twins
    x = points[:20] + 0.25
    indices = NeighbourSearch(points, metric).nearest(x, 8)[1]
    assert np.array_equal(indices, naive(points, x, metric, 8))


def test_integers_that_float32_products_cannot_hold() -> None:
    rng = np.random.default_rng(1)
    points = rng.integers(0, 256, (600, 784)).astype(np.uint8)
    points[300:] = points[:300]
    points[np.arange(300, 600), rng.integers(0, 784, 300)] ^= 1     # all but twins
    x = rng.integers(0, 256, (15, 784)).astype(np.uint8)
    wanted = direct(points, x, "l2", 9)
    for dtype in (np.uint8, np.float32, np.float64):
        search = NeighbourSearch(points.astype(dtype), "l2")
        assert np.array_equal(search.nearest(x.astype(dtype), 9)[1], wanted)


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_an_outlier_calls_for_the_float64_screen(metric: str) -> None:
    rng = np.random.default_rng(2)
    points, x = rng.normal(size=(3000, 5)), rng.normal(size=(30, 5))
    points[17] = 1e9
    search = NeighbourSearch(points, metric)
    assert np.array_equal(search.nearest(x, 4)[1], direct(points, x, metric, 4))
    assert "float64" in search._screens


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("offset, scale", [(1e4, 1), (0, 1e-60), (0, 1e60)])
def test_offset_and_scale_leave_float32_enough(metric: str, offset: float, scale: float) -> None:
    rng = np.random.default_rng(7)
    points, x = rng.normal(size=(3000, 5)) + offset, rng.normal(size=(30, 5)) + offset
    search = NeighbourSearch(points * scale, metric)
    assert np.array_equal(search.nearest(x * scale, 4)[1], direct(points, x, metric, 4))
    assert list(search._screens) == ["float32"]


@pytest.mark.parametrize("metric", ["l1", "l2", "cosine"])
@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e60])
def test_extreme_scales(metric: str, scale: float) -> None:
    rng = np.random.default_rng(3)
    points, x = rng.normal(size=(700, 5)), rng.normal(size=(20, 5))
    search = NeighbourSearch(points * scale, metric)
    assert np.array_equal(search.nearest(x * scale, 4)[1], direct(points, x, metric, 4))
    # queries so far away that every distance is the same in float64, or out of float32's range
    far = x * scale * 1e50
    assert np.array_equal(search.nearest(far, 4)[1], direct(points * scale, far, metric, 4))


def test_a_query_out_of_range_of_float32() -> None:
    points = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    # float64 sees no difference at such a distance: the lowest index it is, on either side
    for far in (1e50, -1e50):
        assert NeighbourSearch(points, "l2").nearest(np.array([[far]]), 2)[1].tolist() == [[0, 1]]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_nobody_is_its_own_neighbour_even_where_float64_overflows(metric: str) -> None:
    points = np.array([[1.7e308], [1.7e308], [-1.7e308]])
    indices = NeighbourSearch(points, metric).nearest(points, 2, own=True)[1]
    assert np.sort(indices, axis=1).tolist() == [[1, 2], [0, 2], [0, 1]]


def test_points_that_are_all_the_same() -> None:
    points = np.full((500, 3), 7.0)
    for metric in ("l1", "l2", "cosine"):
        search = NeighbourSearch(points, metric, working_memory=0.01)
        assert search.nearest(points[:4] + 1, 3)[1].tolist() == [[0, 1, 2]] * 4
        assert search.nearest(points, 2, own=True)[1][:3].tolist() == [[1, 2], [0, 2], [0, 1]]


def test_a_zero_vector_is_at_cosine_distance_one() -> None:
    points = np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.1]])
    x = np.array([[1.0, 0.0], [0.0, 0.0]])
    distances, indices = NeighbourSearch(points, "cosine").nearest(x, 3)
    assert indices.tolist() == [[2, 1, 0], [0, 1, 2]]
    assert distances[1].tolist() == [1, 1, 1] and distances[0, 1:].tolist() == [1, 2]


@pytest.mark.parametrize("metric", ["l1", "l2", "cosine"])
def test_chunks_do_not_show(metric: str) -> None:
    rng = np.random.default_rng(4)
    points = rng.normal(size=(900, 13)).astype(np.float32)
    x = rng.normal(size=(77, 13)).astype(np.float32)
    points[450:] = points[:450]
    whole = NeighbourSearch(points, metric).nearest(x, 6)
    for memory in (1e-6, 0.02, 0.1, 0.5):
        parts = NeighbourSearch(points, metric, memory).nearest(x, 6)
        assert np.array_equal(parts[0], whole[0]) and np.array_equal(parts[1], whole[1])


@pytest.mark.parametrize("metric", ["l1", "l2", "cosine"])
@pytest.mark.parametrize("distinct", [4000, 7, 1])
def test_memory_is_bounded(metric: str, distinct: int) -> None:
    rng = np.random.default_rng(5)
    points = rng.normal(size=(distinct, 16)).astype(np.float32)[np.arange(4000) % distinct]
    x = points[rng.integers(0, 4000, 500)]              # all scores at once: 8 MB in float32
    search = NeighbourSearch(points, metric, working_memory=4)
    search.nearest(x[:2], 5)                            # builds whatever screen it needs
    tracemalloc.start()
    search.nearest(x, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB


@pytest.mark.parametrize("metric", ["l1", "l2", "cosine"])
def test_stays_on_the_device(metric: str) -> None:
    rng = np.random.default_rng(6)
    points, x = rng.normal(size=(50, 4)), rng.normal(size=(9, 4))
    strict, plain = StrictArray(points), NeighbourSearch(points, metric)
    search = NeighbourSearch(strict, metric, working_memory=1e-3)
    distances, indices = search.nearest(StrictArray(x), 3)
    wanted = plain.nearest(x, 3)
    assert np.array_equal(indices.get(), wanted[1]) and np.array_equal(distances.get(), wanted[0])
    own = search.nearest(strict, 3, own=True)[1]
    assert np.array_equal(own.get(), plain.nearest(points, 3, own=True)[1])
