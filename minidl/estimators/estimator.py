"""What all estimators share: their arguments as scikit-learn reads and sets them, and what X may be.

An estimator takes its arguments when it is made, checks them in `fit`, and keeps what it has learned in attributes that
end in an underscore. So it stands in scikit-learn's pipelines and searches without being derived from its classes.
"""
from __future__ import annotations

import inspect
import sys
from typing import Any, TypeVar

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, Device, device_of, same_device
from minidl.estimators.inputs import NotFittedError, as_points, check_feature_names, feature_names, match_sklearn
from minidl.random import default_generator

Self = TypeVar("Self", bound="Estimator")


class Estimator:
    """The base of `KNeighborsClassifier`, `PCA`, `KMeans` and `TSNE`.

    A subclass stores each argument of its constructor under the same name, and does nothing else there.
    """

    kind: str | None = None             # 'classifier', 'clusterer' or 'transformer'
    learned: str                        # an attribute that only `fit` makes

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments as they are now. (`deep` is scikit-learn's; no estimator is nested here.)"""
        return {name: getattr(self, name) for name in _defaults(type(self))}

    def set_params(self: Self, **params: Any) -> Self:
        """Change constructor arguments; most take effect at the next `fit`."""
        known = self.get_params()
        unknown = [name for name in params if name not in known]
        if unknown:
            raise ValueError(f"set_params: {type(self).__name__} has no parameter {unknown[0]!r}; "
                             f"it has {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn what this estimator is. It calls this method, so it is loaded."""
        sklearn = sys.modules["sklearn.utils"]
        return sklearn.Tags(
            estimator_type=None if self.kind == "transformer" else self.kind,
            target_tags=sklearn.TargetTags(required=self.kind == "classifier"),
            classifier_tags=sklearn.ClassifierTags() if self.kind == "classifier" else None,
            transformer_tags=sklearn.TransformerTags(preserves_dtype=["float64", "float32"])
            if hasattr(self, "transform") else None)

    def __repr__(self) -> str:
        defaults = _defaults(type(self))
        changed = (f"{name}={value!r}" for name, value in self.get_params().items() if value is not defaults[name]
                   and not (np.isscalar(value) and value == defaults[name]))
        return f"{type(self).__name__}({', '.join(changed)})"

    def _first_points(self, X: Any, who: str = "fit", least: int = 1) -> Array:
        """Check the points X (N, D) to learn from; remember the number and the names of their features."""
        points, names = as_points(X, who, least), feature_names(X)
        self.__dict__.pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        self.n_features_in_ = points.shape[1]
        return points

    def _check_fitted(self, who: str) -> None:
        if not hasattr(self, self.learned):
            raise match_sklearn(NotFittedError, f"{who}: this {type(self).__name__} is not fitted yet; "
                                                f"call fit(X{', y' if self.kind == 'classifier' else ''}) first")

    def _further_points(self, X: Any, who: str, fitted: Array) -> Array:
        """Check points X (N, D) against those of `fit`; `fitted` is an array (..., D) that it kept."""
        check_feature_names(X, getattr(self, "feature_names_in_", None), type(self).__name__)
        points = as_points(X, who)
        if points.shape[1] != self.n_features_in_:
            raise ValueError(f"{who}: X has {points.shape[1]} features, but {type(self).__name__} is expecting "
                             f"{self.n_features_in_} features as input (X {points.shape})")
        if not same_device(device_of(points), device_of(fitted)):
            raise RuntimeError(f"{who}: X is on {device_of(points)} but {type(self).__name__} was fitted on "
                               f"{device_of(fitted)}; try X.to('{device_of(fitted)}')")
        return points


def like(X: Any, numbers: Array) -> Any:
    """Numbers in the precision of X (float32 for float32 and float16), as a tensor where X is one."""
    dtype = getattr(X, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", "") == "f" and dtype.itemsize <= 4:
        numbers = numbers.astype(np.float32)
    return as_array_or_tensor(numbers, isinstance(X, TensorBase))


def as_array_or_tensor(array: Array, as_tensor: bool) -> Any:
    return wrap(array) if as_tensor else array


def random_numbers(random_state: Any) -> np.random.Generator | np.random.RandomState:
    """The generator that scikit-learn's `random_state` stands for: a seed, a generator, or None for minidl's own."""
    if random_state is None:
        return default_generator(Device("cpu")).stream
    if isinstance(random_state, (np.random.Generator, np.random.RandomState)):
        return random_state
    return np.random.default_rng(random_state)


def _defaults(kind: type) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()}
