"""Softmax, log-softmax and cross-entropy of rows, compiled: all passes over a row while it is in the cache."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import compiled, is_single, shares
from minidl.backend.compiled.functions import exp
from minidl.backend.cpu.threads import parallel
from minidl.backend.kernel import Kernel
from minidl.backend.kernels.softmax import (
    cross_entropy_forward,
    cross_entropy_grad,
    log_softmax_forward,
    log_softmax_grad,
    softmax_forward,
    softmax_grad,
)

PARALLEL_SIZE = 1 << 16     # numbers from which threads gain more than they cost
MANY_ROWS, FEW_CLASSES = 256, 32

f = np.float32


def _in_shares(function: Callable[[slice], Any], x: np.ndarray) -> None:
    """Call `function` for all rows of x, on all cores if x is large."""
    if x.size < PARALLEL_SIZE:
        function(slice(0, len(x)))
    else:
        parallel(function, shares(len(x)))


def _are_rows(*arrays: np.ndarray) -> bool:
    return is_single(*arrays) and all(a.flags.c_contiguous and a.ndim > 0 and a.size > 0 for a in arrays)


def _by_rows(kernel: Kernel, function: Callable[..., None]) -> None:
    """Register `function(operands..., result)`, on matrices, as a body of the kernel for the last axis."""
    def body(*args: Any) -> Any:
        *operands, axis = args
        if not _are_rows(*operands) or axis % operands[0].ndim != operands[0].ndim - 1:
            return NotImplemented
        result = np.empty_like(operands[0])
        rows = [a.reshape(-1, a.shape[-1]) for a in (*operands, result)]
        _in_shares(lambda s: function(*[a[s] for a in rows]), rows[0])
        return result

    body.__name__ = f"{kernel.generic.__name__}_by_rows"
    kernel.register("numpy", layer="compiled")(body)


@cross_entropy_forward.register("numpy", layer="compiled")
def cross_entropy_forward_by_rows(x: np.ndarray, target: np.ndarray, weight: np.ndarray | None, ignore_index: int,
                                  label_smoothing: float) -> Any:
    if not _are_plain(x, target, weight, label_smoothing):
        return NotImplemented
    losses, log_probabilities = np.empty(len(x), x.dtype), np.empty_like(x)
    _in_shares(lambda s: _losses(x[s], target[s], ignore_index, losses[s], log_probabilities[s]), x)
    return losses, log_probabilities


@cross_entropy_grad.register("numpy", layer="compiled")
def cross_entropy_grad_by_rows(g: np.ndarray, log_probabilities: np.ndarray, target: np.ndarray,
                               weight: np.ndarray | None, ignore_index: int, label_smoothing: float) -> Any:
    if not (_are_plain(log_probabilities, target, weight, label_smoothing) and is_single(g)):
        return NotImplemented
    gx = np.empty_like(log_probabilities)
    g = np.ascontiguousarray(g) if g.ndim else np.full(len(gx), g)
    _in_shares(lambda s: _losses_grad(g[s], log_probabilities[s], target[s], ignore_index, gx[s]), gx)
    return gx


def _are_plain(x: np.ndarray, target: np.ndarray, weight: np.ndarray | None, label_smoothing: float) -> bool:
    """Whether x is rows of scores, and there are no weights and no smoothing.

    Many rows of few classes are left to NumPy, class by class: see `cpu/softmax.py`.
    """
    return (x.ndim == 2 and (len(x) < MANY_ROWS or x.shape[1] > FEW_CLASSES) and weight is None and not label_smoothing
            and _are_rows(x) and target.dtype == np.int64 and target.flags.c_contiguous)


@compiled
def _normalizer(x: Any, i: int) -> Any:
    """The largest number of row i, and the sum of exp(x - largest) over the row."""
    row_max = x[i, 0]
    for j in range(x.shape[1]):
        row_max = max(row_max, x[i, j])
    total = f(0)
    for j in range(x.shape[1]):
        total += exp(x[i, j] - row_max)
    return row_max, total


@compiled
def _softmax(x: Any, y: Any) -> None:
    for i in range(len(x)):
        row_max, total = _normalizer(x, i)
        share = f(1) / total
        for j in range(x.shape[1]):
            y[i, j] = exp(x[i, j] - row_max) * share


@compiled
def _softmax_grad(g: Any, y: Any, gx: Any) -> None:
    for i in range(len(y)):
        total = f(0)
        for j in range(y.shape[1]):
            total += g[i, j] * y[i, j]
        for j in range(y.shape[1]):
            gx[i, j] = (g[i, j] - total) * y[i, j]


@compiled
def _log_softmax(x: Any, y: Any) -> None:
    for i in range(len(x)):
        row_max, total = _normalizer(x, i)
        log_total = np.log(total)
        for j in range(x.shape[1]):
            y[i, j] = x[i, j] - row_max - log_total


@compiled
def _log_softmax_grad(g: Any, y: Any, gx: Any) -> None:
    for i in range(len(y)):
        total = f(0)
        for j in range(y.shape[1]):
            total += g[i, j]
        for j in range(y.shape[1]):
            gx[i, j] = g[i, j] - exp(y[i, j]) * total


@compiled
def _losses(x: Any, target: Any, ignore_index: int, losses: Any, log_probabilities: Any) -> None:
    _log_softmax(x, log_probabilities)
    for i in range(len(x)):
        losses[i] = -log_probabilities[i, target[i]] if target[i] != ignore_index else f(0)


@compiled
def _losses_grad(g: Any, log_probabilities: Any, target: Any, ignore_index: int, gx: Any) -> None:
    for i in range(len(gx)):
        scale = g[i] if target[i] != ignore_index else f(0)
        for j in range(gx.shape[1]):
            gx[i, j] = scale * exp(log_probabilities[i, j])
        if target[i] != ignore_index:       # p - 1, with all its digits where p is nearly 1
            gx[i, target[i]] = scale * f(math.expm1(log_probabilities[i, target[i]]))


_by_rows(softmax_forward, _softmax)
_by_rows(softmax_grad, _softmax_grad)
_by_rows(log_softmax_forward, _log_softmax)
_by_rows(log_softmax_grad, _log_softmax_grad)
