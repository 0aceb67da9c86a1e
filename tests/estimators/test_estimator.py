"""The contract that PCA, KMeans and TSNE keep with scikit-learn; the classifier's stands in tests/neighbors."""
from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.cluster import KMeans
from minidl.decomposition import PCA
from minidl.estimators import Estimator, NotFittedError
from minidl.manifold import TSNE
from tests.strict_array import StrictArray

ESTIMATORS: list[Any] = [PCA(2), KMeans(3, random_state=0), TSNE(perplexity=3, max_iter=250, random_state=0)]
EXPECTED = {"KMeans": {"check_sample_weight_equivalence_on_dense_data":
                       "a point of weight 2 is drawn as one point, as in scikit-learn"}}
each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
X = np.random.default_rng(0).normal(size=(40, 5)) + np.repeat(np.arange(4), 10)[:, None]


def again(estimator: Any) -> Any:
    return type(estimator)(**estimator.get_params())


@pytest.mark.parametrize("estimator", [PCA(), KMeans(), TSNE(perplexity=2, max_iter=250, random_state=0)],
                         ids=lambda e: type(e).__name__)
def test_scikit_learns_own_checks(estimator: Any) -> None:
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # that it is no BaseEstimator; that checks of pandas are left out
        found = checks.check_estimator(estimator, on_fail=None,
                                       expected_failed_checks=EXPECTED.get(type(estimator).__name__))
    assert {f["check_name"]: f["exception"] for f in found if f["status"] not in ("passed", "skipped", "xfail")} == {}
    assert sum(f["status"] == "passed" for f in found) >= 40


@each
def test_arguments_as_scikit_learn_reads_them(estimator: Any) -> None:
    base = pytest.importorskip("sklearn.base")
    assert base.clone(estimator).get_params() == estimator.get_params()
    assert base.is_clusterer(estimator) == isinstance(estimator, KMeans)


@each
def test_what_is_asked_before_fit(estimator: Any) -> None:
    fresh = again(estimator)
    with pytest.raises(NotFittedError, match=f"this {type(estimator).__name__} is not fitted yet; call fit.X. first"):
        fresh._check_fitted("transform")
    with pytest.raises(ValueError, match=f"{type(estimator).__name__} has no parameter 'depth'; it has "):
        fresh.set_params(depth=3)


def test_the_words_of_an_estimator() -> None:
    assert repr(PCA(2)) == "PCA(n_components=2)" and repr(PCA()) == "PCA()"
    assert repr(KMeans(init=np.zeros((2, 1)))) == "KMeans(init=array([[0.],\n       [0.]]))"
    assert KMeans().set_params(tol=1.0).tol == 1.0
    assert isinstance(pickle.loads(pickle.dumps(PCA(2).fit(X))), Estimator)


@each
def test_tensors_and_devices_in_and_out(estimator: Any) -> None:
    wanted = again(estimator).fit_transform(X)
    found = again(estimator).fit_transform(minidl.tensor(X))
    assert isinstance(found, minidl.Tensor)
    np.testing.assert_array_equal(found.numpy(), wanted)
    strict = again(estimator).fit_transform(StrictArray(X))
    assert isinstance(strict, StrictArray)
    np.testing.assert_allclose(strict.get(), wanted, rtol=1e-4, atol=1e-4)
    assert again(estimator).fit_transform(X.astype(np.float32)).dtype == np.float32


@each
@pytest.mark.parametrize("bad, text", [
    (np.zeros(3), "X expects a 2-D array"), (np.zeros((0, 3)), r"0 sample\(s\)"), (np.full((9, 2), np.nan), "NaN"),
    (np.zeros((9, 2), complex), "real numbers")])
def test_points_that_are_none(estimator: Any, bad: np.ndarray, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        again(estimator).fit(bad)


@pytest.mark.parametrize("estimator", ESTIMATORS[:2], ids=lambda e: type(e).__name__)
def test_points_of_another_width_or_device(estimator: Any) -> None:
    fitted = again(estimator).fit(X)
    with pytest.raises(ValueError, match=f"X has 4 features, but {type(estimator).__name__} is expecting 5"):
        fitted.transform(X[:, :4])
    with pytest.raises(RuntimeError, match=r"X is on strict but .* was fitted on cpu; try X.to\('cpu'\)"):
        fitted.transform(StrictArray(X))


def test_random_states() -> None:
    def centres(state: Any) -> np.ndarray:
        return KMeans(3, init="random", n_init=1, max_iter=1, random_state=state).fit(X).cluster_centers_
    np.testing.assert_array_equal(centres(1), centres(np.random.default_rng(1)))
    np.testing.assert_array_equal(centres(np.random.RandomState(1)), centres(np.random.RandomState(1)))
    minidl.manual_seed(3)
    first, second = centres(None), centres(None)
    minidl.manual_seed(3)
    np.testing.assert_array_equal(centres(None), first)
    assert not np.array_equal(first, second)
