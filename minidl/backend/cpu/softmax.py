"""Softmax on the CPU, in place and in blocks of rows.

A block stays in the cache between the passes, and each thread takes blocks of its own.

NumPy takes the largest of 10 numbers, and their sum, one row at a time: 256 rows take 16 us. Cross-entropy, whose
log-probabilities nobody else sees, lays them out class by class. Then both are a few passes over long rows: 2 us. So
it does with the scores of pixels, where the channels are last in memory: a row for each pixel would be as slow.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.cpu.norm import channels_behind
from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.softmax import (
    cross_entropy_forward,
    cross_entropy_grad,
    log_softmax_forward,
    log_softmax_grad,
    minus_max,
    softmax_forward,
    softmax_grad,
    weighted_mean,
)

BLOCK_BYTES = 1 << 20   # of the input in a block
SERIAL_BYTES = 1 << 18  # up to this size, threads cost more than they gain
FEW_CLASSES = 128       # up to this number, cross-entropy goes class by class


@softmax_forward.register("numpy")
def softmax_forward_by_rows(x: np.ndarray, axis: int) -> np.ndarray:
    return _by_rows(_softmax, [x], axis) if x.size else NotImplemented


@softmax_grad.register("numpy")
def softmax_grad_by_rows(g: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return _by_rows(_softmax_grad, [g, y], axis)


@log_softmax_forward.register("numpy")
def log_softmax_forward_by_rows(x: np.ndarray, axis: int) -> np.ndarray:
    return _by_rows(_log_softmax, [x], axis) if x.size else NotImplemented


@log_softmax_grad.register("numpy")
def log_softmax_grad_by_rows(g: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    return _by_rows(_log_softmax_grad, [g, y], axis)


def _by_rows(function: Callable[..., np.ndarray], arrays: list[np.ndarray], axis: int) -> np.ndarray:
    """`function(*arrays, axis)`, in blocks of rows where there are many and the axis is not the first."""
    x = arrays[0]
    if x.nbytes <= SERIAL_BYTES or not axis % x.ndim:
        return function(*arrays, axis)
    y = np.empty_like(x)

    def compute_rows(rows: slice) -> None:
        y[rows] = function(*[a[rows] for a in arrays], axis)

    parallel(compute_rows, blocks(len(x), x.nbytes // len(x), BLOCK_BYTES))
    return y


def _softmax(x: np.ndarray, axis: int) -> np.ndarray:
    y = minus_max(x, axis)
    np.exp(y, out=y)
    y /= y.sum(axis=axis, keepdims=True)
    return y.astype(x.dtype, copy=False)


def _softmax_grad(g: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    gx = np.multiply(g, y, dtype=accumulation_dtype(g.dtype))
    total = gx.sum(axis=axis, keepdims=True)
    np.subtract(g, total, out=gx)
    gx *= y
    return gx.astype(g.dtype, copy=False)


def _log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    y = minus_max(x, axis)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))
    return y.astype(x.dtype, copy=False)


def _log_softmax_grad(g: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
    gx = np.exp(y, dtype=accumulation_dtype(y.dtype))
    gx *= g.sum(axis=axis, keepdims=True, dtype=gx.dtype)
    np.subtract(g, gx, out=gx)
    return gx.astype(g.dtype, copy=False)


# ---------------------------------------------------------------------- cross-entropy, class by class

@cross_entropy_forward.register("numpy")
def cross_entropy_forward_by_classes(x: np.ndarray, target: np.ndarray, weight: np.ndarray | None, ignore_index: int,
                                     label_smoothing: float) -> Any:
    rows = x if x.ndim == 2 else channels_behind(x)
    if (x.shape[1] > FEW_CLASSES or not _is_fast_by_classes(rows) or x.itemsize < 4
            or not _all_count_alike(target, weight, ignore_index, label_smoothing)):
        return NotImplemented
    logp = (rows if x.ndim == 2 else rows.reshape(-1, x.shape[1])).T.copy()     # (C, N), or with all pixels of images
    with np.errstate(invalid="ignore"):                             # -inf - -inf is NaN, as it should be
        logp -= np.maximum.reduce(logp, axis=0)
    logp -= np.log(np.add.reduce(np.exp(logp), axis=0))
    losses = np.negative(logp.ravel()[_places(target)])
    return (losses, logp.T) if x.ndim == 2 else (losses, logp.reshape(-1, *target.shape).swapaxes(0, 1))


@cross_entropy_grad.register("numpy")
def cross_entropy_grad_by_classes(g: np.ndarray, log_probabilities: np.ndarray, target: np.ndarray,
                                  weight: np.ndarray | None, ignore_index: int, label_smoothing: float) -> Any:
    logp = log_probabilities.swapaxes(0, 1)
    if (not logp.size or not logp.flags.c_contiguous or logp.ndim == 2 and logp.nbytes > BLOCK_BYTES
            or not _all_count_alike(target, weight, ignore_index, label_smoothing)):
        return NotImplemented
    gx = np.exp(logp)
    gx *= g
    gx.ravel()[_places(target)] -= g                                # a view, for gx is contiguous
    return gx.swapaxes(0, 1)


def _is_fast_by_classes(rows: np.ndarray) -> bool:
    """Whether the scores, those of a sample or a pixel in a row, are images with the channels last, or few samples."""
    return rows.size > 0 and (rows.nbytes <= BLOCK_BYTES if rows.ndim == 2 else rows.flags.c_contiguous)


@weighted_mean.register("numpy")
def weighted_mean_by_count(losses: np.ndarray, target: np.ndarray, weight: np.ndarray | None,
                           ignore_index: int) -> Any:
    count = np.count_nonzero(target != ignore_index)
    if weight is not None or not count:
        return NotImplemented
    total = np.array(count, accumulation_dtype(losses.dtype))
    mean = np.add.reduce(losses, axis=None, dtype=total.dtype) / total      # `sum` would warn from NumPy's own module
    return np.asarray(mean, losses.dtype), total


def _all_count_alike(target: np.ndarray, weight: np.ndarray | None, ignore_index: int, label_smoothing: float) -> bool:
    return weight is None and not label_smoothing and not np.count_nonzero(target == ignore_index)


def _places(target: np.ndarray) -> np.ndarray:
    """Where the entries of the targets (N, *) are in a flat array of (C, N, *)."""
    places = target * target.size
    places += np.arange(target.size) if target.ndim == 1 else np.arange(target.size).reshape(target.shape)
    return places
