"""Softmax, cross-entropy and the binary one on the GPU: one launch each way."""
from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np

from minidl.backend.cuda.module import MOST_BLOCKS, function, is_real, rows
from minidl.backend.device import Array
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.activation import logits_loss_mean
from minidl.backend.kernels.softmax import (
    cross_entropy_forward,
    cross_entropy_grad,
    log_softmax_forward,
    log_softmax_grad,
    softmax_forward,
    softmax_grad,
    weighted_mean,
)

WARPS = 8       # of a block, each for a row
SHARE = 4096    # losses for a block


@softmax_forward.register("cupy")
def softmax_forward_online(x: Array, axis: int) -> Any:
    return _forward(x, axis, False)


@log_softmax_forward.register("cupy")
def log_softmax_forward_online(x: Array, axis: int) -> Any:
    return _forward(x, axis, True)


@softmax_grad.register("cupy")
def softmax_grad_by_warp(g: Array, y: Array, axis: int) -> Any:
    return _grad(g, y, axis, False)


@log_softmax_grad.register("cupy")
def log_softmax_grad_by_warp(g: Array, y: Array, axis: int) -> Any:
    return _grad(g, y, axis, True)


@cross_entropy_forward.register("cupy")
def cross_entropy_forward_by_warp(x: Array, target: Array, weight: Array | None, ignore_index: int,
                                  label_smoothing: float) -> Any:
    if not _fits(x, target, weight):
        return NotImplemented
    x = rows(x)
    losses, logp = cupy.empty(target.shape, x.dtype), cupy.empty(x.shape, x.dtype)
    _launch("cross_entropy", (), x, 1, x, rows(target), _rows(weight), losses, logp,
            more=(np.int64(ignore_index), np.float64(label_smoothing)))
    return losses, logp


@cross_entropy_grad.register("cupy")
def cross_entropy_grad_by_warp(g: Array, log_probabilities: Array, target: Array, weight: Array | None,
                               ignore_index: int, label_smoothing: float) -> Any:
    if not _fits(log_probabilities, target, weight) or g.dtype != log_probabilities.dtype:
        return NotImplemented
    logp = rows(log_probabilities)
    gx = cupy.empty(logp.shape, logp.dtype)
    step = 1 if any(g.strides) else 0                   # the gradient of a mean is one number
    _launch("cross_entropy_grad", (), logp, 1, rows(g) if step else g, np.int64(step), logp, rows(target),
            _rows(weight), gx, more=(np.int64(ignore_index), np.float64(label_smoothing)))
    return gx


@weighted_mean.register("cupy")
def weighted_mean_by_block(losses: Array, target: Array, weight: Array | None, ignore_index: int) -> Any:
    if not _fits(losses, target, weight):
        return NotImplemented
    wide = accumulation_dtype(losses.dtype)
    mean, total = cupy.empty((), losses.dtype), cupy.empty((), wide)
    function("softmax.cu", "weighted_mean", losses.dtype, wide)((1,), (1024,), (
        np.int64(losses.size), rows(losses), rows(target), _rows(weight), mean, total,
        np.int64(0 if weight is None else len(weight)), np.int64(ignore_index)))
    return mean, total


@logits_loss_mean.register("cupy")
def logits_loss_mean_by_block(x: Array, t: Array) -> Any:
    if not is_real(x) or t.dtype != x.dtype or not x.size:
        return NotImplemented
    wide, blocks = accumulation_dtype(x.dtype), min(-(-x.size // SHARE), MOST_BLOCKS)
    mean = (cupy.empty if blocks == 1 else cupy.zeros)((), wide)
    function("softmax.cu", "logits_loss_mean", x.dtype, wide)((blocks,), (256,), (
        np.int64(x.size), rows(x), rows(t), mean))
    return mean.astype(x.dtype, copy=False)


def _forward(x: Array, axis: int, logarithm: bool) -> Any:
    if not is_real(x) or not x.ndim:
        return NotImplemented
    x = rows(x)
    y = cupy.empty(x.shape, x.dtype)
    _launch("softmax", (logarithm,), x, axis, x, y)
    return y


def _grad(g: Array, y: Array, axis: int, logarithm: bool) -> Any:
    if not is_real(y) or not y.ndim or g.dtype != y.dtype:
        return NotImplemented
    y = rows(y)
    gx = cupy.empty(y.shape, y.dtype)
    _launch("softmax_grad", (logarithm,), y, axis, rows(g), y, gx)
    return gx


def _fits(x: Array, target: Array, weight: Array | None) -> bool:
    return is_real(x) and target.dtype == np.int64 and (weight is None or weight.dtype == x.dtype)


def _launch(name: str, which: tuple[bool, ...], x: Array, axis: int, *arrays: Any, more: tuple[Any, ...] = ()) -> None:
    """A warp for each row of x along an axis."""
    axis %= x.ndim
    outer, n, inner = math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1:])
    if outer * inner:
        blocks = min(-(-outer * inner // WARPS), MOST_BLOCKS)
        function("softmax.cu", name, x.dtype, accumulation_dtype(x.dtype), *which)((blocks,), (32, WARPS), (
            *arrays, np.int64(outer), np.int64(n), np.int64(inner), *more))


def _rows(weight: Array | None) -> Any:
    return np.uint64(0) if weight is None else rows(weight)
