"""Normalisation on the GPU: one launch forward, one or two backward."""
from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import cupy
import numpy as np

from minidl.backend.cuda.module import blocks_for, function, is_real, record, rows
from minidl.backend.device import Array
from minidl.backend.dtype import accumulation_dtype
from minidl.backend.kernels.norm import (
    Axes,
    batch_normalize_forward,
    normalize_forward,
    normalize_grad,
    running_scale,
    scale_shift,
)

_RUNNING = np.dtype([("mean", np.uint64), ("variance", np.uint64), ("batches", np.uint64), ("momentum", np.float64)])
_NOTHING = np.uint64(0)                 # a pointer


class _Groups(NamedTuple):
    """x as A x B x C elements: see norm.cu."""

    A: int
    B: int
    C: int
    inner: int
    channels: int


@normalize_forward.register("cupy")
def normalize_forward_by_group(x: Array, w: Array | None, b: Array | None, axes: Axes, eps: float) -> Any:
    return _forward(x, w, b, axes, eps, None, None, 0.0, None)


@batch_normalize_forward.register("cupy")
def batch_normalize_forward_by_channel(x: Array, w: Array | None, b: Array | None, axes: Axes, eps: float,
                                       running_mean: Array | None, running_var: Array | None, momentum: float,
                                       batches: Array | None) -> Any:
    moved = [running for running in (running_mean, running_var) if running is not None]
    if any(not is_real(running) or running.dtype != moved[0].dtype or running.strides != (running.itemsize,)
           for running in moved) or batches is not None and batches.dtype != np.int64:
        return NotImplemented
    return _forward(x, w, b, axes, eps, running_mean, running_var, momentum, batches)


def _forward(x: Array, w: Array | None, b: Array | None, axes: Axes, eps: float, running_mean: Array | None,
             running_var: Array | None, momentum: float, batches: Array | None) -> Any:
    groups = _groups(x, axes, w if w is not None else b)
    if groups is None or any(v is not None and v.dtype != x.dtype for v in (w, b)):
        return NotImplemented
    wide, x = accumulation_dtype(x.dtype), rows(x)
    y = cupy.empty(x.shape, x.dtype)
    mean, variance = (cupy.empty([1 if i in axes else n for i, n in enumerate(x.shape)], wide) for _ in range(2))
    running = record((_pointer(running_mean), _pointer(running_var), _pointer(batches), momentum), _RUNNING)
    of_running = next((r.dtype for r in (running_mean, running_var) if r is not None), x.dtype)
    _on_groups("normalize", groups, (x.dtype, wide, of_running), x, _rows(w), _rows(b), y, mean, variance,
               *groups, float(eps), running)
    return y, mean, variance


@normalize_grad.register("cupy")
def normalize_grad_by_group(g: Array, x: Array, w: Array | None, mean: Array, variance: Array, axes: Axes, across: Axes,
                            eps: float) -> Any:
    shape = tuple([1 if i in across else n for i, n in enumerate(x.shape)])
    by_group = set(across) == set(axes)
    groups = _groups(x, axes, w, None if by_group else shape)
    wide = accumulation_dtype(x.dtype)
    if groups is None or g.dtype != x.dtype or mean.dtype != wide or (w is not None and w.dtype != x.dtype):
        return NotImplemented
    if not by_group and groups.A != 1:
        return NotImplemented
    g, x, mean, variance = rows(g), rows(x), rows(mean), rows(variance)
    gx, gw, gb = cupy.empty(x.shape, x.dtype), cupy.empty(shape, x.dtype), cupy.empty(shape, x.dtype)
    sums = (gw, gb) if by_group else (_NOTHING, _NOTHING)
    _on_groups("normalize_grad", groups, (x.dtype, wide), g, x, _rows(w), mean, variance, gx, *sums, *groups,
               float(eps))
    if not by_group and gw.size:
        blocks = -(-gw.size // 32) if groups.inner == 1 else gw.size
        function("norm.cu", "weight_grad", x.dtype, wide)((blocks,), (32, 32), (
            g, x, mean, variance, gw, gb, x.size, *groups[2:], float(eps)))
    return gx, gw, gb


@running_scale.register("cupy")
def running_scale_in_one(mean: Array, variance: Array, w: Array | None, b: Array | None, eps: float) -> Any:
    if not is_real(mean) or any(v is not None and v.dtype != mean.dtype for v in (variance, w, b)):
        return NotImplemented
    scale, shift = cupy.empty(mean.shape, mean.dtype), cupy.empty(mean.shape, mean.dtype)
    if mean.size:
        function("norm.cu", "running_scale", mean.dtype)((blocks_for(mean.size),), (256,), (
            rows(mean), rows(variance), _rows(w), _rows(b), scale, shift, mean.size, float(eps)))
    return scale, shift


@scale_shift.register("cupy")
def scale_shift_in_one(x: Array, scale: Array, shift: Array | None) -> Array:
    if not is_real(x) or scale.dtype != x.dtype or (shift is not None and shift.dtype != x.dtype):
        return NotImplemented
    x = rows(x)
    y = cupy.empty(x.shape, x.dtype)
    if x.size:
        function("norm.cu", "scale_shift", x.dtype)((blocks_for(x.size),), (256,), (
            x, rows(scale), _rows(shift), y, x.size, math.prod(x.shape[2:]), x.shape[1]))
    return y


def _groups(x: Array, axes: Axes, w: Array | None, w_shape: tuple[int, ...] | None = None) -> _Groups | None:
    """How x divides into groups, and which weight an element has; None where norm.cu has no words for it."""
    if not is_real(x) or not x.size:
        return None
    return _divided(x.shape, axes, (w_shape or ()) if w is None else w.shape)


@functools.lru_cache(1024)
def _divided(shape: tuple[int, ...], axes: Axes, w_shape: tuple[int, ...]) -> _Groups | None:
    axes, first = tuple(sorted(axes)), len(shape) - len(axes)
    if axes == tuple(range(first, len(shape))):
        A, B, C = 1, math.prod(shape[:first]), math.prod(shape[first:])
    elif axes == (0, *range(2, len(shape))):
        A, B, C = shape[0], shape[1], math.prod(shape[2:])
    else:
        return None
    used = [i for i, n in enumerate(w_shape) if n > 1]
    if not used:
        return _Groups(A, B, C, math.prod(shape), 1)
    if any(w_shape[i] != shape[i] for i in range(used[0], used[-1] + 1)):
        return None
    return _Groups(A, B, C, math.prod(shape[used[-1] + 1:]), math.prod(w_shape))


def _on_groups(name: str, groups: _Groups, dtypes: tuple[np.dtype, ...], *args: Any) -> None:
    """A block for each group, with as many threads as its elements keep busy."""
    count, threads = groups.A * groups.C, 32
    while threads < 1024 and threads * 4 < count:
        threads *= 2
    function("norm.cu", name, *dtypes)((groups.B,), (threads,), args)


def _rows(array: Array | None) -> Any:
    return _NOTHING if array is None else rows(array)


def _pointer(array: Array | None) -> int:
    return 0 if array is None else array.data.ptr
