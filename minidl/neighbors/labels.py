"""Checks of labels: whole numbers or strings, one for each point."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import Array, is_array, to_numpy
from minidl.backend.warn import warn
from minidl.estimators.inputs import DataConversionWarning, match_sklearn


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
