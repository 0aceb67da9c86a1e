"""The classifier inside scikit-learn: its own checks, pipelines, searches, and data frames."""
from __future__ import annotations

import pickle
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minidl.neighbors import DataConversionWarning, KNeighborsClassifier, NotFittedError

Knn = KNeighborsClassifier


def flowers() -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of 50 points in four dimensions, of different scales."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 50)
    return (rng.normal(size=(150, 4)) + 2 * y[:, None]) * [1, 10, 0.1, 3], y


def test_scikit_learns_own_checks() -> None:
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # that it is no BaseEstimator; that checks of pandas are left out
        found = checks.check_estimator(Knn(), on_fail=None)
    assert {f["check_name"]: f["exception"] for f in found if f["status"] not in ("passed", "skipped")} == {}
    assert sum(f["status"] == "passed" for f in found) > 40


def test_clone_takes_the_arguments_and_leaves_what_fit_gave() -> None:
    base = pytest.importorskip("sklearn.base")
    knn = base.clone(Knn(3, weights="distance", metric="l1").fit(*flowers()))
    assert knn.get_params() == Knn(3, weights="distance", metric="l1").get_params()
    assert not hasattr(knn, "classes_")
    assert base.is_classifier(knn) and not base.is_regressor(knn)


@pytest.mark.parametrize("processes", [None, 2])
def test_pipelines_and_searches_give_what_scikit_learns_own_gives(processes: int | None) -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    from joblib import parallel_config
    from sklearn.neighbors import KNeighborsClassifier as Theirs
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    X, y = flowers()
    scores, searches = [], []
    for kind in (Knn, Theirs):
        steps = make_pipeline(StandardScaler(), kind())
        grid = {"kneighborsclassifier__n_neighbors": [1, 5, 15],
                "kneighborsclassifier__weights": ["uniform", "distance"]}
        with parallel_config("multiprocessing"):       # whose processes end with the work
            scores.append(selection.cross_val_score(steps, X, y, n_jobs=processes))
            search = selection.GridSearchCV(steps, grid, n_jobs=processes).fit(X, y)
        searches.append((search.best_params_, list(search.cv_results_["mean_test_score"])))
    np.testing.assert_array_equal(*scores)
    assert searches[0] == searches[1]
    assert len(set(searches[0][1])) > 1     # the arguments arrive


def test_a_search_goes_on_where_one_value_is_out_of_range() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    X, y = flowers()
    with pytest.warns(Warning) as caught:
        search = selection.GridSearchCV(Knn(), {"n_neighbors": [0, 3]}).fit(X, y)
    assert search.best_params_ == {"n_neighbors": 3}
    assert any("n_neighbors expects at least 1, got 0" in str(w.message) for w in caught)


def test_a_voting_ensemble_and_a_score_of_probabilities() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.ensemble import VotingClassifier
    X, y = flowers()
    assert selection.cross_val_score(Knn(15), X, y, scoring="roc_auc_ovr").min() > 0.9
    vote = VotingClassifier([("few", Knn(3)), ("many", Knn(30))], voting="soft").fit(X, y)
    assert vote.score(X, y) > 0.9


def test_error_before_fit_is_scikit_learns_too() -> None:
    theirs = pytest.importorskip("sklearn.exceptions")
    for kind in (NotFittedError, theirs.NotFittedError):
        with pytest.raises(kind, match="not fitted yet") as caught:
            Knn().predict([[1.0]])
    again = pickle.loads(pickle.dumps(caught.value))      # a process of joblib hands it on
    assert isinstance(again, theirs.NotFittedError) and str(again) == str(caught.value)


def test_a_column_of_labels_is_taken_with_a_warning() -> None:
    X, y = flowers()
    with pytest.warns(DataConversionWarning, match=r"A column-vector y was passed .* \(150, 1\); try y.reshape\(-1\)"):
        knn = Knn().fit(X, y[:, None])
    assert np.array_equal(knn.predict(X), Knn().fit(X, y).predict(X))


def test_weights_of_samples_in_the_score() -> None:
    knn = Knn(1).fit([[0.0], [1.0]], [0, 1])
    assert knn.score([[0.0], [1.0]], [0, 0]) == 0.5
    assert knn.score([[0.0], [1.0]], [0, 0], sample_weight=[3, 1]) == 0.75


class Frame(SimpleNamespace):
    """What a data frame is to the classifier: numbers, and names of columns."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.values, dtype)


def test_names_of_features() -> None:
    X, y = flowers()
    names = ["sepal length", "sepal width", "petal length", "petal width"]
    knn = Knn().fit(Frame(values=X, columns=names), y)
    assert knn.feature_names_in_.tolist() == names and knn.feature_names_in_.dtype == object
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        knn.predict(Frame(values=X, columns=names))
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        knn.predict(Frame(values=X, columns=names[::-1]))
    with pytest.raises(ValueError, match="unseen at fit time:\n- hue\n.*yet now missing:\n- petal width\n"):
        knn.predict(Frame(values=X, columns=[*names[:3], "hue"]))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        knn.predict(X)
    assert not hasattr(knn.fit(X, y), "feature_names_in_")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        knn.predict(Frame(values=X, columns=names))
    with pytest.raises(TypeError, match="1 of 4 are none"):
        knn.fit(Frame(values=X, columns=[*names[:3], 4]), y)
    assert not hasattr(knn.fit(Frame(values=X, columns=[1, 2, 3, 4]), y), "feature_names_in_")
