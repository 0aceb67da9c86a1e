"""t-SNE: a map in one to three dimensions on which neighbours stay neighbours.

Between points x, p_ij is the chance that i picks j as its neighbour, by a normal distribution around x_i whose width
gives it `perplexity` neighbours. Between their places y on the map, q_ij is proportional to 1 / (1 + |y_i - y_j|^2).
Gradient descent on KL(p, q) pulls neighbours together and pushes all apart:

    dKL/dy_i = 4 sum_j (p_ij - q_ij) (y_i - y_j) / (1 + |y_i - y_j|^2)

The pull needs the nearest neighbours alone. The push is a sum over all pairs, which `push.py` reads off a grid.
"""
from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module, device_of, move
from minidl.decomposition import PCA
from minidl.estimators.estimator import Estimator, as_array_or_tensor, random_numbers
from minidl.estimators.inputs import as_points, check_count
from minidl.manifold.push import push_by_grid, push_by_pairs
from minidl.neighbors.knn import resolve_metric
from minidl.neighbors.search import NeighbourSearch

EXAGGERATED = 250       # steps with the pull enlarged, so that groups form before they are in each other's way
CHECKED = 50            # steps between two looks at the divergence
SMALLEST_GAIN = 0.01
FEW_POINTS = 256        # whose pairs are fewer than the nodes of a grid, on a map that has spread


class TSNE(Estimator):
    """A map of points on which neighbours stay neighbours.

    Args:
        n_components: dimensions of the map: 1, 2 or 3.
        perplexity: about how many neighbours a point has; less than the number of points.
        early_exaggeration: by how much the pull is enlarged in the first 250 steps.
        learning_rate: a number, or 'auto' for max(N / early_exaggeration / 4, 50).
        max_iter: steps, at least 250.
        n_iter_without_progress: end after so many steps without a smaller divergence (looked at every 50 steps).
        min_grad_norm: end where the gradient's norm is smaller.
        metric: between points: 'euclidean', 'manhattan' or 'cosine'.
        init: 'pca', 'random', or the first map (N, n_components).
        verbose: show a bar with the divergence.
        random_state: a seed or a NumPy generator; None continues minidl's own stream.
        method: 'exact' sums over all pairs; any other name of scikit-learn's ('barnes_hut') sums over neighbours and a
            grid, whose cost grows with N alone. A map in three dimensions is always exact.

    After `fit`: `embedding_` (N, n_components), `kl_divergence_`, `n_iter_`, `learning_rate_`, `n_features_in_`.

        >>> import numpy as np
        >>> from minidl.manifold import TSNE
        >>> X = np.concatenate([np.zeros((20, 5)), np.ones((20, 5))]) + np.random.default_rng(0).normal(0, .1, (40, 5))
        >>> y = TSNE(perplexity=5, random_state=0).fit_transform(X)
        >>> y.shape, bool(abs(y[:20].mean(0) - y[20:].mean(0)).max() > y[:20].std())
        ((40, 2), True)

    Sources: van der Maaten and Hinton, "Visualizing data using t-SNE", 2008; Linderman et al., "Fast
    interpolation-based t-SNE for improved visualization of single-cell RNA-seq data", 2019 (the grid); Belkina et al.,
    "Automated optimized parameters for t-SNE", 2019 (the learning rate).
    """

    learned = "embedding_"

    def __init__(self, n_components: int = 2, *, perplexity: float = 30.0, early_exaggeration: float = 12.0,
                 learning_rate: float | str = "auto", max_iter: int = 1000, n_iter_without_progress: int = 300,
                 min_grad_norm: float = 1e-7, metric: str = "euclidean", init: Any = "pca", verbose: int = 0,
                 random_state: Any = None, method: str = "barnes_hut") -> None:
        self.n_components = n_components
        self.perplexity = perplexity
        self.early_exaggeration = early_exaggeration
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.n_iter_without_progress = n_iter_without_progress
        self.min_grad_norm = min_grad_norm
        self.metric = metric
        self.init = init
        self.verbose = verbose
        self.random_state = random_state
        self.method = method

    def fit(self, X: Any, y: Any = None) -> TSNE:
        """Make the map of points X (N, D); return self. `y` is not used."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """The map (N, n_components), float32, of points X (N, D): a tensor where X is one.

        Errors: ValueError for X that is not 2-D and finite, and for arguments out of range.
        """
        points = self._first_points(X, "fit", least=2)
        self._check_arguments(len(points))
        n, xp = len(points), array_module(points)
        exact = self.method == "exact" or self.n_components > 2
        count = n - 1 if exact else min(n - 1, int(3 * self.perplexity + 1))
        search = NeighbourSearch(points, resolve_metric(self.metric))
        distances, neighbours = search.nearest(points, count, own=True)
        pull = chances(distances * distances, self.perplexity).astype(np.float32) / np.float32(2 * n)
        places = xp.ascontiguousarray(self._start(points).T.astype(np.float32))         # (n_components, N)
        push = push_by_pairs if exact or n <= FEW_POINTS else push_by_grid
        self._descend(places, pull, neighbours, push)
        self.embedding_ = places.T.copy()
        return as_array_or_tensor(self.embedding_, isinstance(X, TensorBase))

    def _descend(self, places: Array, pull: Array, neighbours: Array, push: Any) -> None:
        """Move `places` (n_components, N), in place, by gradient descent with momentum and gains."""
        xp, n = array_module(places), places.shape[1]
        self.learning_rate_ = (max(n / self.early_exaggeration / 4, 50.0) if self.learning_rate == "auto"
                               else float(self.learning_rate))
        velocity, gains = xp.zeros_like(places), xp.ones_like(places)
        constant = _negative_entropy(pull, neighbours)
        best, best_step = np.inf, 0
        bar = tqdm(range(self.max_iter), "t-SNE", leave=False, disable=not self.verbose)
        for step in bar:
            early = step < EXAGGERATED
            if step == EXAGGERATED:                         # a new descent, on the divergence itself
                velocity[:], gains[:], best, best_step = 0, 1, np.inf, step
            looked = (step + 1) % CHECKED == 0 or step + 1 == self.max_iter
            pulled, cross_entropy = _pull(places, pull, neighbours, looked)
            pushed, total = push(places)
            gradient = 4 * (pulled * np.float32(self.early_exaggeration if early else 1) - pushed / np.float32(total))
            same = (velocity * gradient) > 0                # velocity points down: the same sign means a turn
            gains = xp.maximum(xp.where(same, gains * np.float32(0.8), gains + np.float32(0.2)), SMALLEST_GAIN)
            velocity *= np.float32(0.5 if early else 0.8)
            velocity -= np.float32(self.learning_rate_) * gains * gradient
            places += velocity
            self.n_iter_ = step + 1
            if looked:
                self.kl_divergence_ = constant + cross_entropy + float(np.log(total))
                bar.set_postfix(divergence=f"{self.kl_divergence_:.3f}")
                if self.kl_divergence_ < best:
                    best, best_step = self.kl_divergence_, step
                small = float(xp.linalg.norm(gradient)) <= self.min_grad_norm
                if not early and (small or step - best_step > self.n_iter_without_progress):
                    break
        places -= places.mean(axis=1, keepdims=True)

    def _start(self, points: Array) -> Array:
        """The first map (N, n_components), so small that all push each other alike."""
        xp, shape = array_module(points), (len(points), self.n_components)
        if not isinstance(self.init, str):
            given = as_points(self.init, "init")
            if given.shape != shape:
                raise ValueError(f"init expects a map of shape {shape}, got {given.shape}")
            return move(given, device_of(points))
        numbers = random_numbers(self.random_state)
        if self.init == "random":
            return move(1e-4 * numbers.normal(size=shape), device_of(points))
        if self.n_components > min(points.shape):
            raise ValueError(f"init='pca' expects X with at least {self.n_components} samples and features, got shape "
                             f"{points.shape}; try init='random'")
        first = PCA(self.n_components, random_state=numbers).fit_transform(points)
        spread = float(xp.std(first[:, 0]))
        return first / spread * 1e-4 if spread else first

    def _check_arguments(self, n: int) -> None:
        check_count(self.n_components, "n_components")
        check_count(self.max_iter, "max_iter")
        if self.n_components > 3:
            raise ValueError(f"n_components expects 1, 2 or 3, got {self.n_components}")
        if self.max_iter < EXAGGERATED:
            raise ValueError(f"max_iter expects at least {EXAGGERATED}, got {self.max_iter}")
        if not 0 < self.perplexity < n:
            raise ValueError(f"perplexity ({self.perplexity}) must be less than n_samples ({n}), and more than 0")
        if not self.early_exaggeration >= 1:
            raise ValueError(f"early_exaggeration expects a number >= 1, got {self.early_exaggeration!r}")
        if self.learning_rate != "auto" and not (not isinstance(self.learning_rate, str) and self.learning_rate > 0):
            raise ValueError(f"learning_rate expects 'auto' or a number > 0, got {self.learning_rate!r}")
        if self.method not in ("barnes_hut", "exact"):
            raise ValueError(f"method expects 'barnes_hut' or 'exact', got {self.method!r}")
        if isinstance(self.init, str) and self.init not in ("pca", "random"):
            raise ValueError(f"init expects 'pca', 'random' or a map, got {self.init!r}")


def chances(squares: Array, perplexity: float) -> Array:
    """How likely each point picks each of its neighbours: squared distances (N, K) -> (N, K), rows sum to 1.

    Row i is proportional to exp(-b_i d^2), where b_i is found by bisection such that the entropy is log(perplexity).
    """
    xp = array_module(squares)
    squares = squares - squares[:, :1]                      # the nearest has weight 1, whatever the scale
    wanted = min(np.log(perplexity), np.log(squares.shape[1]))
    low, high = xp.zeros(len(squares)), xp.full(len(squares), np.inf)
    b = 1 / xp.maximum(squares.mean(axis=1), 1e-300)
    for _ in range(64):
        weights = xp.exp(-b[:, None] * squares)
        total = weights.sum(axis=1)
        entropy = xp.log(total) + b * (weights * squares).sum(axis=1) / total
        wide = entropy > wanted
        low, high = xp.where(wide, b, low), xp.where(wide, high, b)
        middle = xp.where(xp.isinf(high), xp.minimum(2 * b, 1e300), (low + high) / 2)
        if bool((abs(entropy - wanted) < 1e-5).all()):
            break
        b = middle
    return weights / total[:, None]


def _pull(places: Array, weights: Array, neighbours: Array, looked: bool) -> tuple[Array, float]:
    """The pull of all edges on `places` (n_components, N), and if `looked` -sum p log q but for q's constant, else 0.

    Edge (i, k) leads from i to its k-th neighbour with weight p / 2N; it pulls at both ends.
    """
    xp, n = array_module(places), places.shape[1]
    between = [row[:, None] - row[neighbours] for row in places]        # (N, K) each
    nearness = 1 / (1 + sum(xp.square(d) for d in between))
    force, ends = weights * nearness, neighbours.ravel()
    pulled = xp.empty_like(places)
    for axis, d in enumerate(between):
        d *= force
        pulled[axis] = d.sum(axis=1) - xp.bincount(ends, d.ravel(), minlength=n)
    return pulled, -2 * float((weights * xp.log(nearness)).sum(dtype=np.float64)) if looked else 0.0


def _negative_entropy(weights: Array, neighbours: Array) -> float:
    """sum p log p, the part of the divergence that no map changes."""
    xp, both = array_module(weights), _with_way_back(weights, neighbours)
    return 2 * float((weights * xp.log(xp.where(both > 0, both, 1))).sum(dtype=np.float64))


def _with_way_back(weights: Array, neighbours: Array) -> Array:
    """p_ij for each edge: its own weight, and that of the edge from j to i where there is one."""
    xp, (n, k) = array_module(weights), weights.shape
    there = (xp.arange(n)[:, None] * n + neighbours).ravel()
    back = (neighbours * n + xp.arange(n)[:, None]).ravel()
    order = xp.argsort(there)
    spots = xp.minimum(xp.searchsorted(there[order], back), n * k - 1)
    spots = order[spots]
    return weights + xp.where(there[spots] == back, weights.ravel()[spots], 0).reshape(n, k)


def trustworthiness(X: Any, X_embedded: Any, *, n_neighbors: int = 5, metric: str = "euclidean") -> float:
    """How far the neighbours on a map are neighbours indeed: from 0 to 1.

    Each of a place's nearest on the map X_embedded (N, d) that is only the r-th nearest among the points X (N, D)
    costs r - n_neighbors. Errors: ValueError unless n_neighbors < N / 2.

        >>> from minidl.manifold import trustworthiness
        >>> trustworthiness([[0.0], [1.0], [2.0], [3.0]], [[0.0], [1.0], [2.0], [3.0]], n_neighbors=1)
        1.0

    Source: Venna and Kaski, "Neighborhood preservation in nonlinear projection methods", 2001
    """
    points, places = as_points(X, "trustworthiness"), as_points(X_embedded, "trustworthiness")
    n, k = len(points), n_neighbors
    if not 0 < k < n / 2:
        raise ValueError(f"n_neighbors ({k}) should be less than n_samples / 2 ({n / 2})")
    xp = array_module(points)
    _, order = NeighbourSearch(points, resolve_metric(metric)).nearest(points, n - 1, own=True)
    _, nearest = NeighbourSearch(places, "l2").nearest(places, k, own=True)
    ranks = xp.empty((n, n), np.int64)
    ranks[xp.arange(n)[:, None], order] = xp.arange(1, n)
    late = xp.maximum(ranks[xp.arange(n)[:, None], nearest] - k, 0)
    return 1 - float(late.sum()) * 2 / (n * k * (2 * n - 3 * k - 1))
