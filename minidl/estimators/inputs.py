"""Checks of what estimators are given: points, names of features, counts.

Texts and types of errors are scikit-learn's where its `check_estimator` looks for them.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, array_module, is_array
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

def as_points(X: Any, who: str, least: int = 1) -> Array:
    """Check X: a raw (N, D) array of finite numbers, N >= least. An array or a tensor is not copied."""
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
    for count, what, minimum in zip(points.shape, ("sample", "feature"), (least, 1)):
        if count < minimum:
            raise ValueError(f"{who}: X has {count} {what}(s) (shape={points.shape}) while a minimum of {minimum} is "
                             "required.")
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


def check_feature_names(X: Any, fitted: np.ndarray | None, who: str) -> None:
    """Errors: ValueError unless X's columns have the names that estimator `who` was fitted with, in their order."""
    names = feature_names(X)
    if names is None and fitted is None:
        return
    if fitted is None:
        warn(f"X has feature names, but {who} was fitted without feature names")
    elif names is None:
        warn(f"X does not have valid feature names, but {who} was fitted with feature names")
    elif list(names) != list(fitted):
        lines = ["The feature names should match those that were passed during fit."]
        for unmatched, what in ((set(names) - set(fitted), "Feature names unseen at fit time:"),
                                (set(fitted) - set(names), "Feature names seen at fit time, yet now missing:")):
            if unmatched:
                lines += [what, *(f"- {name}" for name in sorted(unmatched)[:5])]
        if len(lines) == 1:
            lines.append("Feature names must be in the same order as they were in fit.")
        raise ValueError("\n".join(lines) + "\n")


def check_count(value: Any, name: str) -> None:
    """Check that `value` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} expects an integer, got {value!r} ({type(value).__name__})")
    if value < 1:
        raise ValueError(f"{name} expects at least 1, got {value}")


def row_blocks(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows (at least one) that cover `count` rows."""
    size = max(1, size)
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))
