"""Checks of what estimators are given: points, labels and counts.

Texts and types of errors are scikit-learn's where its `check_estimator` looks for them.
"""
from __future__ import annotations

import sys
from numbers import Integral
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module, is_array, to_numpy
from minidl.backend.warn import warn


class NotFittedError(ValueError, AttributeError):
    """The estimator was used before `fit`."""


class DataConversionWarning(UserWarning):
    """The data were accepted, but had to be converted."""


def match_sklearn(ours: type[Exception], *args: Any) -> Any:
    """An error or warning that scikit-learn's class matches, too.

    It is an instance of `ours`, and of scikit-learn's class of the same name if that is loaded. So `except` clauses and
    warning filters that name scikit-learn's class match it too.
    """
    theirs = getattr(sys.modules.get("sklearn.exceptions"), ours.__name__, None)
    if theirs is None:
        return ours(*args)
    pickled = {"__reduce__": lambda self: (match_sklearn, (ours, *self.args))}
    return type(ours.__name__, (ours, theirs), pickled)(*args)


# ---------------------------------------------------------------------- points

def as_points(X: Any, who: str) -> Array:
    """Check X: a raw (N, D) array of finite numbers. An array or a tensor is not copied."""
    if isinstance(X, TensorBase):
        X = X.array
    if hasattr(X, "toarray"):
        raise TypeError(f"{who}: sparse X ({type(X).__name__}) is not supported; try X.toarray()")
    points = X if is_array(X) else np.asarray(X)
    if points.dtype.kind == "O" and points.ndim:
        try:
            points = points.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{who}: X expects numbers, got dtype object: {error}") from None
    if points.dtype.kind == "c":
        raise ValueError(f"{who}: Complex data not supported: X expects real numbers, got dtype {points.dtype}")
    if points.dtype.kind not in "biuf":
        raise TypeError(f"{who}: X expects numbers, got dtype {points.dtype}")
    if points.ndim != 2:
        hint = ("X.flatten(1), or X.reshape(len(X), -1) on a NumPy array" if points.ndim > 2 else
                "X.reshape(1, -1) for one sample, X.reshape(-1, 1) for one feature")
        raise ValueError(f"{who}: X expects a 2-D array (samples, features), got shape {points.shape}. "
                         f"Reshape your data: {hint}")
    for count, what in zip(points.shape, ("sample", "feature")):
        if count == 0:
            raise ValueError(f"{who}: X has 0 {what}(s) (shape={points.shape}) while a minimum of 1 is required.")
    if points.dtype.kind == "f":
        _check_finite(points, who)
    return points


def _check_finite(points: Array, who: str) -> None:
    xp = array_module(points)
    # NaN and infinity show in the extremes: no array of flags unless something is wrong
    if bool(xp.isfinite(points.min())) and bool(xp.isfinite(points.max())):
        return
    bad = ~xp.isfinite(points)
    row, column = (int(i[0]) for i in xp.nonzero(bad))
    raise ValueError(f"{who}: X contains NaN or infinity: {int(bad.sum())} of {points.size} values, the first "
                     f"at row {row}, column {column}; remove or replace them")


def feature_names(X: Any) -> np.ndarray | None:
    """The column names of a data frame; None unless all are strings.

    Errors: TypeError where some are strings and some are not.
    """
    names = np.asarray(getattr(X, "columns", ()), dtype=object)
    strings = sum(isinstance(name, str) for name in names)
    if 0 < strings < len(names):
        raise TypeError(f"Feature names are only supported if all input features have string names, but "
                        f"{len(names) - strings} of {len(names)} are none; try X.columns = X.columns.astype(str)")
    return names if strings else None


def check_feature_names(X: Any, fitted: np.ndarray | None) -> None:
    """Errors: ValueError unless X's columns have the names that `fit` saw, in their order."""
    names = feature_names(X)
    if names is None and fitted is None:
        return
    if fitted is None:
        warn("X has feature names, but KNeighborsClassifier was fitted without feature names")
    elif names is None:
        warn("X does not have valid feature names, but KNeighborsClassifier was fitted with feature names")
    elif list(names) != list(fitted):
        lines = ["The feature names should match those that were passed during fit."]
        for unmatched, what in ((set(names) - set(fitted), "Feature names unseen at fit time:"),
                                (set(fitted) - set(names), "Feature names seen at fit time, yet now missing:")):
            if unmatched:
                lines += [what, *(f"- {name}" for name in sorted(unmatched)[:5])]
        if len(lines) == 1:
            lines.append("Feature names must be in the same order as they were in fit.")
        raise ValueError("\n".join(lines) + "\n")


# ---------------------------------------------------------------------- labels

def as_labels(y: Any, count: int, who: str) -> np.ndarray:
    """Check y: a NumPy array of `count` ints or strings. A column (count, 1) is accepted with a warning."""
    if y is None:
        raise ValueError(f"{who}: KNeighborsClassifier requires y to be passed, but the target y is None")
    if isinstance(y, TensorBase):
        y = y.array
    labels = to_numpy(y) if is_array(y) else np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        warn(match_sklearn(DataConversionWarning, f"A column-vector y was passed when a 1d array was "
                           f"expected, of shape {labels.shape}; try y.reshape(-1)"))
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"{who}: y expects a 1-D array of labels, got shape {labels.shape}")
    if len(labels) != count:
        raise ValueError(f"{who}: X and y expect one label a sample, got {count} samples and {len(labels)} labels")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{who}: y contains NaN or infinity: {labels[~np.isfinite(labels)][0]}")
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.trunc(labels)):
        raise ValueError(f"{who}: y expects classes, got continuous numbers such as "
                         f"{labels[labels != np.trunc(labels)][0]}")
    return labels


def encode_labels(y: Any, points: Array, who: str) -> tuple[np.ndarray, np.ndarray]:
    """The distinct labels of y, sorted, and y as int64 indices into them."""
    classes, codes = np.unique(as_labels(y, len(points), who), return_inverse=True)
    return classes, codes.astype(np.int64, copy=False)


def check_count(value: Any, name: str) -> None:
    """Check that `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} expects an integer, got {value!r} ({type(value).__name__})")
    if value < 1:
        raise ValueError(f"{name} expects at least 1, got {value}")
