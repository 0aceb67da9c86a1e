"""The classifier: scikit-learn's contract and results, ties, and error texts."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

import minidl
from minidl.neighbors import KNeighborsClassifier, NotFittedError
from tests.strict_array import StrictArray

Knn = KNeighborsClassifier
LINE = np.array([[0.0], [1.0], [2.0], [8.0], [9.0]])
NAMES = np.array(["a", "a", "a", "b", "b"])


def blobs(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three overlapping clouds: training points and labels, then queries and theirs."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 260)
    X = (rng.normal(size=(260, 6)) + 0.8 * y[:, None]).astype(dtype)
    return X[:200], y[:200], X[200:], y[200:]


def test_by_hand() -> None:
    knn = Knn(n_neighbors=3)
    assert knn.fit(LINE, NAMES) is knn
    assert knn.classes_.tolist() == ["a", "b"]
    assert knn.n_features_in_ == 1 and knn.n_samples_fit_ == 5
    assert knn.predict([[1.5], [7.0]]).tolist() == ["a", "b"]
    np.testing.assert_allclose(knn.predict_proba([[1.5], [7.0]]) * 3, np.array([[3, 0], [1, 2]]))
    distances, indices = knn.kneighbors([[7.0]])
    assert distances.tolist() == [[1, 2, 5]] and indices.tolist() == [[3, 4, 2]]
    assert knn.kneighbors([[7.0]], 1, return_distance=False).tolist() == [[3]]
    assert knn.score([[1.5], [7.0], [0.0], [9.0]], ["a", "b", "b", "b"]) == 0.75


def test_training_points_without_themselves() -> None:
    knn = Knn(n_neighbors=2).fit(np.array([[0], [0], [5], [6]]), [0, 1, 0, 1])
    assert knn.kneighbors(return_distance=False).tolist() == [[1, 2], [0, 2], [3, 0], [2, 0]]


def test_weights_by_distance_by_hand() -> None:
    knn = Knn(n_neighbors=3, weights="distance").fit(LINE, NAMES)
    # at distances 2 and 3 from b, 4 from a: votes of 1/2 + 1/3 = 10/12 and 1/4 = 3/12
    np.testing.assert_allclose(knn.predict_proba([[6.0]]), [[3 / 13, 10 / 13]])
    assert knn.predict_proba([[8.0]]).tolist() == [[0, 1]]  # on a training point: it alone votes
    twins = Knn(n_neighbors=3, weights="distance").fit([[1], [1], [2]], [7, 5, 5])
    assert twins.predict_proba([[1]]).tolist() == [[0.5, 0.5]]


def test_equal_votes_go_to_the_smallest_label() -> None:
    assert Knn(n_neighbors=2).fit([[1.0], [2.0]], ["z", "y"]).predict([[0.0]]).tolist() == ["y"]
    assert Knn(n_neighbors=4).fit(LINE[:4], [3, 2, 2, 3]).predict([[0.0]]).tolist() == [2]


def test_equal_distances_go_to_the_lowest_index() -> None:
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    knn = Knn(n_neighbors=2).fit(X, [3, 2, 1, 0])
    assert knn.kneighbors([[0.0]], return_distance=False).tolist() == [[0, 1]]
    assert knn.predict([[0.0]]).tolist() == [2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("settings", [
    {}, {"metric": "euclidean"}, {"metric": "l1"}, {"metric": "manhattan"}, {"metric": "cosine"},
    {"metric": "minkowski", "p": 1}, {"metric": "minkowski", "p": 2}], ids=str)
def test_agrees_with_sklearn(dtype: str, weights: str, settings: dict[str, Any]) -> None:
    sklearn = pytest.importorskip("sklearn.neighbors")
    X, y, queries, answers = blobs(dtype=dtype)
    for k in (1, 4, 5, 60):
        ours = Knn(k, weights=weights, **settings).fit(X, y)
        theirs = sklearn.KNeighborsClassifier(k, weights=weights, algorithm="brute", **settings)
        theirs.fit(X, y)
        rtol = 1e-4 if dtype == "float32" else 1e-9
        for given, wanted in zip(ours.kneighbors(queries), theirs.kneighbors(queries)):
            np.testing.assert_allclose(given, wanted, rtol=rtol, atol=1e-6)
        for given, wanted in zip(ours.kneighbors(), theirs.kneighbors()):
            np.testing.assert_allclose(given, wanted, rtol=rtol, atol=1e-6)
        shares = theirs.predict_proba(queries)
        np.testing.assert_allclose(ours.predict_proba(queries), shares, rtol=rtol)
        assert np.array_equal(ours.predict(queries), theirs.predict(queries))
        assert ours.score(queries, answers) == theirs.score(queries, answers)


@pytest.mark.parametrize("labels", [
    ["b", "a", "b"], [2, 1, 2], np.array([True, False, True]), np.array([2, 1, 2], np.uint8),
    [2.0, 1.0, 2.0]], ids=str)
def test_labels_of_many_kinds_keep_their_dtype(labels: Any) -> None:
    knn = Knn(1).fit([[0], [1], [2]], labels)
    predicted = knn.predict([[2], [1], [0]])
    assert predicted.dtype == np.asarray(labels).dtype
    assert predicted.tolist() == np.asarray(labels).tolist()
    assert knn.score([[2], [1], [0]], labels) == 1


@pytest.mark.parametrize("dtype, width", [
    ("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("int64", "float64"),
    ("uint8", "float64"), ("bool", "float64")])
def test_precision_of_results_is_that_of_the_query(dtype: str, width: str) -> None:
    knn = Knn(2).fit(LINE, NAMES)
    X = np.array([[1], [0]]).astype(dtype)
    assert knn.kneighbors(X)[0].dtype == width and knn.predict_proba(X).dtype == width


def test_input_is_neither_copied_nor_changed() -> None:
    X, y, queries, _ = blobs()
    before = X.copy(), queries.copy()
    knn = Knn().fit(X, y)
    knn.predict(queries)
    assert np.array_equal(X, before[0]) and np.array_equal(queries, before[1])
    assert np.shares_memory(knn._search.points, X)


def test_memory_and_order_of_queries_do_not_show() -> None:
    X, y, queries, _ = blobs(dtype="float32")
    whole = Knn(weights="distance").fit(X, y).predict_proba(queries)
    few = Knn(weights="distance", working_memory=1e-3).fit(X, y)
    assert np.array_equal(few.predict_proba(queries), whole)
    assert np.array_equal(few.predict_proba(queries[::-1])[::-1], whole)
    assert np.array_equal(np.concatenate([few.predict_proba(row[None]) for row in queries]), whole)


def test_tensors_in_tensors_out() -> None:
    X, y, queries, answers = blobs(dtype="float32")
    plain, knn = Knn().fit(X, y), Knn().fit(minidl.tensor(X), minidl.tensor(y))
    assert isinstance(knn.predict(queries), np.ndarray)
    asked = minidl.tensor(queries)
    for result, wanted in [(knn.predict(asked), plain.predict(queries)),
                           (knn.predict_proba(asked), plain.predict_proba(queries)),
                           *zip(knn.kneighbors(asked), plain.kneighbors(queries)),
                           *zip(knn.kneighbors(), plain.kneighbors())]:
        assert isinstance(result, minidl.Tensor)
        assert result.dtype == wanted.dtype and np.array_equal(result.numpy(), wanted)
    assert knn.score(asked, minidl.tensor(answers)) == plain.score(queries, answers)
    named = Knn().fit(X, y.astype(str))
    assert named.predict(asked).tolist() == [str(label) for label in plain.predict(queries)]


def test_stays_on_the_device() -> None:
    X, y, queries, answers = blobs(dtype="float32")
    plain = Knn(weights="distance").fit(X, y)
    knn = Knn(weights="distance").fit(StrictArray(X), StrictArray(y))
    asked = StrictArray(queries)
    assert np.array_equal(knn.predict(asked), plain.predict(queries))
    assert np.array_equal(knn.predict_proba(asked).get(), plain.predict_proba(queries))
    assert np.array_equal(knn.kneighbors(asked)[1].get(), plain.kneighbors(queries)[1])
    assert knn.score(asked, answers) == plain.score(queries, answers)
    with pytest.raises(RuntimeError, match="X is on cpu but KNeighborsClassifier was fitted on strict"):
        knn.predict(queries)
    with pytest.raises(ValueError, match="1 of 2 values, the first at row 1, column 0"):
        Knn().fit(StrictArray(np.array([[0.0], [np.nan]])), [0, 1])


def test_parameters() -> None:
    knn = Knn(7, metric="l1")
    assert knn.get_params() == {"n_neighbors": 7, "weights": "uniform", "metric": "l1", "p": 2,
                                "working_memory": 256}
    assert repr(knn) == "KNeighborsClassifier(n_neighbors=7, metric='l1')"
    assert knn.set_params(n_neighbors=1, weights="distance") is knn
    assert knn.n_neighbors == 1 and knn.weights == "distance"
    assert knn.set_params(metric="minkowski", p=1).fit(LINE, NAMES).score(LINE, NAMES) == 1
    with pytest.raises(ValueError, match="no parameter 'k'; it has n_neighbors, weights, metric"):
        knn.set_params(k=3)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        knn.set_params(metric="l2", p=2, n_neighbors=0).predict(LINE)


@pytest.mark.parametrize("settings, error, text", [
    ({"n_neighbors": 0}, ValueError, "n_neighbors expects at least 1, got 0"),
    ({"n_neighbors": 2.0}, TypeError, r"n_neighbors expects an integer, got 2.0 \(float\)"),
    ({"n_neighbors": True}, TypeError, "n_neighbors expects an integer, got True"),
    ({"weights": "equal"}, ValueError, "weights expects 'uniform' or 'distance', got 'equal'"),
    ({"metric": "hamming"}, ValueError, "metric expects one of l1, .*, got 'hamming'"),
    ({"metric": "minkowski", "p": 3}, ValueError, r"expects p=1 \(l1\) or p=2 \(l2\), got p=3"),
    ({"p": 1}, ValueError, "p=1 has no meaning for metric='l2'; try metric='minkowski', p=1"),
    ({"working_memory": 0}, ValueError, "working_memory expects MiB > 0, got 0"),
])
def test_parameter_errors(settings: dict[str, Any], error: type[Exception], text: str) -> None:
    knn = Knn(**settings)       # scikit-learn's contract: arguments are checked by `fit`
    with pytest.raises(error, match=text):
        knn.fit(LINE, NAMES)


NAN, INFINITE = LINE.copy(), LINE.copy()
NAN[[1, 3]] = np.nan
INFINITE[2] = np.inf


@pytest.mark.parametrize("X, y, error, text", [
    (NAN, NAMES, ValueError, "NaN or infinity: 2 of 5 values, the first at row 1, column 0"),
    (INFINITE, NAMES, ValueError, "NaN or infinity: 1 of 5 values, the first at row 2, column 0"),
    (-INFINITE, NAMES, ValueError, "NaN or infinity: 1 of 5 values"),
    (LINE, NAMES[:4], ValueError, "got 5 samples and 4 labels"),
    (LINE, np.ones((5, 2)), ValueError, r"y expects a 1-D array of labels, got shape \(5, 2\)"),
    (LINE, None, ValueError, "requires y to be passed, but the target y is None"),
    (LINE, NAN[:, 0], ValueError, "y contains NaN or infinity: nan"),
    (LINE, INFINITE[:, 0], ValueError, "y contains NaN or infinity: inf"),
    (LINE, LINE[:, 0] + 0.5, ValueError, "y expects classes, got continuous numbers such as 0.5"),
    (LINE[:, 0], NAMES, ValueError, r"got shape \(5,\). Reshape your data: X.reshape\(1, -1\)"),
    (np.zeros((5, 1, 8, 8)), NAMES, ValueError,
     r"got shape \(5, 1, 8, 8\). Reshape your data: X.flatten\(1\)"),
    (np.zeros((0, 3)), [], ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1"),
    (np.zeros((5, 0)), NAMES, ValueError, r"0 feature\(s\) \(shape=\(5, 0\)\) while a minimum of 1"),
    (NAMES[:, None], NAMES, TypeError, "X expects numbers, got dtype <U1"),
    (NAMES[:, None].astype(object), NAMES, ValueError, "got dtype object: could not convert .*'a'"),
    (LINE * 1j, NAMES, ValueError, "X expects real numbers, got dtype complex128"),
    (scipy.sparse.csr_array(LINE), NAMES, TypeError, r"sparse X .* not supported; try X.toarray\(\)"),
], ids=range(17))
def test_fit_errors(X: Any, y: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Knn().fit(X, y)


def test_query_errors() -> None:
    knn = Knn(3).fit(np.ones((5, 4)), [0, 1, 0, 1, 0])
    with pytest.raises(ValueError, match=r"predict: X has 3 features, but KNeighborsClassifier is "
                       r"expecting 4 features as input \(X \(2, 3\)\)"):
        knn.predict(np.ones((2, 3)))
    with pytest.raises(ValueError, match="predict: X contains NaN"):
        knn.predict(np.full((2, 4), np.nan))
    with pytest.raises(TypeError, match="predict: X expects numbers, got dtype object"):
        knn.predict(None)
    with pytest.raises(ValueError, match="^Expected n_neighbors <= n_samples_fit, but "
                                         "n_neighbors = 7, n_samples_fit = 5$"):
        knn.kneighbors(np.ones((2, 4)), 7)
    assert knn.kneighbors(np.ones((2, 4)), 5)[1].shape == (2, 5)
    with pytest.raises(ValueError, match="^Expected n_neighbors < n_samples_fit, but "
                                         "n_neighbors = 5, n_samples_fit = 5$"):
        knn.kneighbors(None, 5)
    assert knn.kneighbors(None, 4)[1].shape == (5, 4)
    with pytest.raises(ValueError, match="n_neighbors expects at least 1, got 0"):
        knn.kneighbors(np.ones((2, 4)), 0)
    with pytest.raises(ValueError, match="got 2 samples and 3 labels"):
        knn.score(np.ones((2, 4)), [0, 1, 0])


@pytest.mark.parametrize("ask", [
    lambda knn: knn.predict(LINE), lambda knn: knn.predict_proba(LINE),
    lambda knn: knn.kneighbors(), lambda knn: knn.score(LINE, NAMES),
], ids=["predict", "predict_proba", "kneighbors", "score"])
def test_before_fit(ask: Any) -> None:
    with pytest.raises(NotFittedError, match=r"is not fitted yet; call fit\(X, y\) first"):
        ask(Knn())
