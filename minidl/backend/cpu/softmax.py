"""Softmax on the CPU, in place and in blocks of rows.

A block stays in the cache between the passes, and each thread takes blocks of its own.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.softmax import (
    log_softmax_forward,
    log_softmax_grad,
    minus_max,
    softmax_forward,
    softmax_grad,
)

BLOCK_BYTES = 1 << 20   # of the input in a block
SERIAL_BYTES = 1 << 18  # up to this size, threads cost more than they gain


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
