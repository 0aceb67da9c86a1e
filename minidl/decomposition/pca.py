"""Principal component analysis: the directions in which points differ most.

Points X (N, D) around their mean have a singular value decomposition U S V^T. The rows of V^T are the components, and
S^2 / (N - 1) the variance along each. A few components of many features do not need the whole decomposition: a random
projection finds the space they lie in.
"""
from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from minidl.backend.device import Array, array_module, device_of, move, to_numpy
from minidl.estimators.estimator import Estimator, like, random_numbers
from minidl.estimators.inputs import as_points

SOLVERS = ("auto", "full", "covariance_eigh", "randomized")


class PCA(Estimator):
    """Rotate points so that their first coordinates hold most of their variance.

    Args:
        n_components: how many components to keep: a number, None for all (the smaller of N and D), or the share of the
            variance that they shall explain, between 0 and 1.
        whiten: divide each coordinate by its standard deviation.
        svd_solver: 'full' decomposes X, 'covariance_eigh' the covariance matrix (D, D), fast for many points of few
            features; 'randomized' finds a few components of large X; 'auto' chooses among them as scikit-learn does.
        iterated_power: how often 'randomized' multiplies by X and its transpose; 'auto' is 7 for few of them, else 4.
        n_oversamples: how many more directions 'randomized' draws than it keeps.
        random_state: a seed or a NumPy generator for 'randomized'; None continues minidl's own stream.

    After `fit`: `components_` (K, D), `explained_variance_` (K,), `explained_variance_ratio_` (K,),
    `singular_values_` (K,), `mean_` (D,), `noise_variance_`, `n_components_`, `n_samples_`, `n_features_in_`: arrays of
    NumPy, or of CuPy for points on the GPU. The largest entry of a component is positive, so that signs do not depend
    on the solver.

    X is (N, D): an array, a list, a data frame or a tensor. Results are tensors where X is one, in float32 for float32.

        >>> import numpy as np
        >>> from minidl.decomposition import PCA
        >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.1]])
        >>> pca = PCA(n_components=1).fit(X)
        >>> pca.explained_variance_ratio_.round(3)
        array([1.])
        >>> np.abs(pca.inverse_transform(pca.transform(X)) - X).max() < 0.03
        np.True_

    Sources: Pearson, "On lines and planes of closest fit", 1901; Halko, Martinsson and Tropp, "Finding structure with
    randomness", 2011 (randomized); Tipping and Bishop, "Probabilistic principal component analysis", 1999 (score).
    """

    kind = "transformer"
    learned = "components_"

    def __init__(self, n_components: int | float | None = None, *, whiten: bool = False, svd_solver: str = "auto",
                 iterated_power: int | str = "auto", n_oversamples: int = 10, random_state: Any = None) -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.iterated_power = iterated_power
        self.n_oversamples = n_oversamples
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> PCA:
        """Find the components of points X (N, D), N >= 2; return self. `y` is not used.

        Errors: ValueError for X that is not 2-D and finite, or more components than the smaller of N and D.
        """
        points = self._first_points(X, least=2)
        points = points.astype(np.float64 if points.dtype.kind != "f" else np.promote_types(points.dtype, np.float32))
        xp, (n, d) = array_module(points), points.shape
        solver = self._choose_solver(n, d)
        self.mean_ = points.mean(axis=0)
        centred = points - self.mean_
        total = float(centred.var(axis=0).sum()) * n / (n - 1)
        if solver == "covariance_eigh":
            variance, vectors = xp.linalg.eigh(centred.T @ centred / (n - 1))
            variance, components = xp.maximum(variance[::-1], 0), vectors.T[::-1]
        elif solver == "full":
            _, singular, components = xp.linalg.svd(centred, full_matrices=False)
            variance = singular * singular / (n - 1)
        else:
            singular, components = self._decompose_at_random(centred)
            variance = singular * singular / (n - 1)
        self.n_samples_ = n
        kept = self.n_components_ = self._count(to_numpy(variance), total)
        largest = abs(components).argmax(axis=1)
        components = components * xp.sign(components[xp.arange(len(components)), largest])[:, None]
        self.components_, self.explained_variance_ = components[:kept], variance[:kept]
        self.explained_variance_ratio_ = self.explained_variance_ / total if total else self.explained_variance_
        self.singular_values_ = xp.sqrt(self.explained_variance_ * (n - 1))
        rest = min(n, d) - kept
        self.noise_variance_ = max(total - float(self.explained_variance_.sum()), 0.0) / rest if rest else 0.0
        return self

    def transform(self, X: Any) -> Any:
        """The coordinates of points X (N, D) along the components: (N, K)."""
        points = self._points(X, "transform")
        return like(X, self._scaled(points @ self.components_.T - self.mean_ @ self.components_.T, 1))

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """`fit(X)`, then `transform(X)`."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: Any) -> Any:
        """The points (N, D) that have coordinates X (N, K); the rest of their variance is lost."""
        self._check_fitted("inverse_transform")
        coordinates = as_points(X, "inverse_transform")
        if coordinates.shape[1] != self.n_components_:
            raise ValueError(f"inverse_transform: X expects {self.n_components_} coordinates a point, one a component, "
                             f"but has {coordinates.shape[1]}")
        return like(X, self._scaled(coordinates, -1) @ self.components_ + self.mean_)

    def get_covariance(self) -> Array:
        """The covariance (D, D) that the components and the noise beside them stand for."""
        self._check_fitted("get_covariance")
        xp = array_module(self.components_)
        above = xp.maximum(self.explained_variance_ - self.noise_variance_, 0)
        return (self.components_.T * above) @ self.components_ + self.noise_variance_ * xp.eye(self.n_features_in_)

    def score_samples(self, X: Any) -> Any:
        """The log-likelihood (N,) of points X (N, D) under a normal distribution of this mean and covariance."""
        points = self._points(X, "score_samples") - self.mean_
        xp, covariance = array_module(points), self.get_covariance()
        squares = (points * xp.linalg.solve(covariance, points.T).T).sum(axis=1)
        return like(X, -0.5 * (squares + xp.linalg.slogdet(covariance)[1] + points.shape[1] * np.log(2 * np.pi)))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean log-likelihood of points X (N, D)."""
        return float(self.score_samples(X).mean())

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the coordinates: 'pca0', 'pca1', ..."""
        self._check_fitted("get_feature_names_out")
        return np.array([f"pca{i}" for i in range(self.n_components_)], dtype=object)

    def _points(self, X: Any, who: str) -> Array:
        self._check_fitted(who)
        points = self._further_points(X, who, self.components_)
        return points.astype(np.promote_types(points.dtype, self.components_.dtype), copy=False)

    def _scaled(self, coordinates: Array, way: int) -> Array:
        """Coordinates over their standard deviations (way 1), or times them (-1), where whitened."""
        if not self.whiten:
            return coordinates
        xp = array_module(coordinates)
        tiny = np.finfo(self.explained_variance_.dtype).eps
        return coordinates * xp.maximum(xp.sqrt(self.explained_variance_), tiny) ** -way

    def _choose_solver(self, n: int, d: int) -> str:
        """Check the arguments, and choose as scikit-learn does."""
        most, k = min(n, d), self.n_components
        if self.svd_solver not in SOLVERS:
            raise ValueError(f"PCA: svd_solver expects one of {', '.join(SOLVERS)}, got {self.svd_solver!r}")
        if isinstance(k, (bool, str)) or not isinstance(k, (Real, type(None))):
            raise ValueError(f"PCA: n_components expects a number or None, got {k!r}")
        if k is not None and not isinstance(k, Integral):
            if not 0 < k < 1:
                raise ValueError(f"PCA: n_components={k!r} is a share of the variance and expects to lie between 0 and "
                                 f"1; for a number of components try {int(k)}")
            if self.svd_solver == "randomized":
                raise ValueError("PCA: svd_solver='randomized' expects a number of components, got a share of the "
                                 "variance; try svd_solver='full'")
        elif k is not None and not 0 <= k <= most:
            raise ValueError(f"PCA: n_components={k} must be between 0 and min(n_samples, n_features)={most} with "
                             f"svd_solver={self.svd_solver!r}")
        if self.svd_solver != "auto":
            return self.svd_solver
        if d <= 1000 and n >= 10 * d:
            return "covariance_eigh"
        few = isinstance(k, Integral) and 1 <= k < 0.8 * most
        return "randomized" if few and max(n, d) > 500 else "full"

    def _count(self, variance: np.ndarray, total: float) -> int:
        """How many components to keep."""
        if self.n_components is None:
            return min(self.n_samples_, self.n_features_in_)
        if isinstance(self.n_components, Integral):
            return int(self.n_components)
        return int(np.searchsorted(variance.cumsum() / total, self.n_components, side="right")) + 1

    def _decompose_at_random(self, centred: Array) -> tuple[Array, Array]:
        """The largest singular values (K,) and their right vectors (K, D), in a space that random products find."""
        xp, (n, d) = array_module(centred), centred.shape
        k = min(n, d) if self.n_components is None else int(self.n_components)      # type: ignore[arg-type]
        powers = self.iterated_power
        if powers == "auto":
            powers = 7 if k < 0.1 * min(n, d) else 4
        wide = min(k + self.n_oversamples, n, d)
        start = random_numbers(self.random_state).normal(size=(d, wide)).astype(centred.dtype)
        space = move(start, device_of(centred))
        for _ in range(int(powers)):                        # orthonormal each time, else the largest drowns the others
            space = xp.linalg.qr(centred.T @ xp.linalg.qr(centred @ space)[0])[0]
        basis = xp.linalg.qr(centred @ space)[0]
        _, singular, components = xp.linalg.svd(basis.T @ centred, full_matrices=False)
        return singular[:k], components[:k]
