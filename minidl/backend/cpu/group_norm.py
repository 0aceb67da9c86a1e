"""Group and instance norm on the CPU, of images with the channels last in memory.

Each image is read as a matrix of its rows, W pixels of all channels: sums over a column are fast, those over the few
channels of a group are taken from what the columns gave. So a number for each group is repeated for all columns of its
channels. Instance norm is group norm with groups of one channel.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.cpu.norm import BLOCK_BYTES, SERIAL_BYTES
from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.kernels.norm import Axes, normalize_forward, normalize_grad

MAX_ROWS = 1 << 10      # of an image: longer sums in float32 lose precision


@normalize_forward.register("numpy", before="normalize_forward_by_channel")
def normalize_forward_by_group(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                               eps: float) -> Any:
    if not is_group_norm(x, axes, w, b):
        return NotImplemented
    images, y, count = by_image(x), np.empty_like(x), x[0, 0].size
    y_images = by_image(y)
    mean, variance = np.empty((2, len(x), x.shape[1], 1), x.dtype)

    def normalize(s: slice) -> None:
        part = y_images[s]
        mean[s] = _each_group(images[s].sum(axis=1), x) / count
        np.subtract(images[s], _along_columns(mean[s], x), out=part)
        variance[s] = _each_group(_sum_of_products(part, part), x) / count
        scale = 1 / np.sqrt(variance[s] + eps)
        part *= _along_columns(scale if w is None else scale * w.reshape(x.shape[1:3]), x)
        if b is not None:
            part += _along_columns(b.reshape(1, *x.shape[1:3]), x)

    parallel(normalize, some_images(x))
    kept = statistics_shape(x)
    return y, mean.reshape(kept), variance.reshape(kept)


@normalize_grad.register("numpy", before="normalize_grad_by_channel")
def normalize_grad_by_group(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                            variance: np.ndarray, axes: Axes, across: Axes, eps: float) -> Any:
    if not (is_group_norm(x, axes, w) and sums_of_groups(w, axes, across)):
        return NotImplemented
    images, g_images, gx, shape = by_image(x), by_image(g), np.empty_like(x), x.shape[1:3]
    gx_images, count = by_image(gx), x[0, 0].size
    rstd = 1 / np.sqrt(variance.reshape(len(x), -1, 1) + eps)
    mean, weight = mean.reshape(rstd.shape), np.ones(shape, x.dtype) if w is None else w.reshape(shape)
    gw, gb = np.empty((2, len(x), *shape), x.dtype)      # of each image

    def pull_back(s: slice) -> None:
        part = np.subtract(images[s], _along_columns(mean[s], x), out=gx_images[s])
        gb[s] = _each_channel(g_images[s].sum(axis=1), x)
        gw[s] = _each_channel(_sum_of_products(g_images[s], part), x) * rstd[s]
        mean_h, mean_hz = ((v[s] * weight).sum(axis=2, keepdims=True) / count for v in (gb, gw))
        part *= _along_columns(mean_hz * np.square(rstd[s]), x)     # what passes through the variance
        part += _along_columns(mean_h * rstd[s], x)                 # what passes through the mean
        np.subtract(g_images[s] * _along_columns(rstd[s] * weight, x), part, out=part)

    parallel(pull_back, some_images(x))
    return gx, *sums_over_images(gw, gb, x, axes == across)


def is_group_norm(x: np.ndarray, axes: Axes, *weights: np.ndarray | None) -> bool:
    """Whether x (N, groups, channels, ..., W) has the channels of all groups last in memory, and weights for each."""
    return (x.ndim > 3 and axes == tuple(range(2, x.ndim)) and x.size > 0 and x.dtype != np.float16
            and math.prod(x.shape[3:-1]) <= MAX_ROWS and channels_behind(x).flags.c_contiguous
            and all(v is None or v.shape == (1, *x.shape[1:3], *(1,) * (x.ndim - 3)) for v in weights))


def sums_of_groups(w: np.ndarray | None, axes: Axes, across: Axes) -> bool:
    """Whether the sums of a gradient are those of each channel, or those of each group where there are no weights."""
    return across == (0, *axes[1:]) or across == axes and w is None


def by_image(x: np.ndarray) -> np.ndarray:
    """(N, groups, channels, ..., W) -> (N, ..., W * groups * channels): each image as a matrix of its rows."""
    return channels_behind(x).reshape(len(x), -1, x.shape[-1] * x.shape[1] * x.shape[2])


def channels_behind(x: np.ndarray) -> np.ndarray:
    """(N, groups, channels, ..., W) -> (N, ..., W, groups, channels)"""
    return x.transpose(0, *range(3, x.ndim), 1, 2)


def some_images(x: np.ndarray) -> list[slice]:
    """The images in blocks."""
    return [slice(None)] if x.nbytes <= SERIAL_BYTES else blocks(len(x), x[0].nbytes, BLOCK_BYTES)


def statistics_shape(x: np.ndarray) -> tuple[int, ...]:
    """The shape of a mean of each group of each image."""
    return *x.shape[:2], *(1,) * (x.ndim - 2)


def sums_over_images(gw: np.ndarray, gb: np.ndarray, x: np.ndarray, of_each_group: bool) -> list[np.ndarray]:
    """The gradients of the weights, or of each group where it has no weights: (N, groups, channels) each."""
    if of_each_group:
        return [v.sum(axis=2).reshape(statistics_shape(x)) for v in (gw, gb)]
    return [v.sum(axis=0).reshape(1, *x.shape[1:3], *(1,) * (x.ndim - 3)) for v in (gw, gb)]


def _sum_of_products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sum over the rows of each image, in one pass: (n, rows, columns) -> (n, columns)"""
    return np.einsum("nrc,nrc->nc", a, b)


def _each_channel(sums: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sums of columns to those of each channel: (n, W * groups * channels) -> (n, groups, channels)"""
    channels = x.shape[1] * x.shape[2]
    return sums.reshape(len(sums), -1, channels).sum(axis=1).reshape(-1, *x.shape[1:3])


def _each_group(sums: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sums of columns to those of each group: (n, W * groups * channels) -> (n, groups, 1)"""
    return _each_channel(sums, x).sum(axis=2, keepdims=True)


def _along_columns(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A number for each image, group and channel, (n, groups, channels or 1), for each column of `by_image`."""
    each = np.broadcast_to(values, (len(values), *x.shape[1:3])).reshape(len(values), -1)
    return np.tile(each, x.shape[-1])[:, None]


# ---------------------------------------------------------------------- instance norm: groups of one channel

@normalize_forward.register("numpy", before="normalize_forward_in_blocks")
def normalize_forward_by_channel(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                                 eps: float) -> Any:
    if not is_instance_norm(x, axes, w, b):
        return NotImplemented
    y, mean, variance = normalize_forward(*_with_groups(x, w, b), _with_channels(axes), eps)
    return y[:, :, 0], mean[:, :, 0], variance[:, :, 0]


@normalize_grad.register("numpy", before="normalize_grad_in_blocks")
def normalize_grad_by_channel(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                              variance: np.ndarray, axes: Axes, across: Axes, eps: float) -> Any:
    across = _with_channels(across) if across == axes else _next(across)
    if not (is_instance_norm(x, axes, w) and sums_of_groups(w, _with_channels(axes), across)):
        return NotImplemented
    gx, gw, gb = normalize_grad(*_with_groups(g, x, w, mean, variance), _with_channels(axes), across, eps)
    return gx[:, :, 0], gw[:, :, 0], gb[:, :, 0]


def is_instance_norm(x: np.ndarray, axes: Axes, *weights: np.ndarray | None) -> bool:
    """Whether x (N, C, *) has the channels last in memory, each of them a group in each image."""
    return (x.ndim > 2 and axes == tuple(range(2, x.ndim))
            and is_group_norm(x[:, :, None], _with_channels(axes), *_with_groups(*weights)))


def _with_groups(*arrays: Any) -> list[Any]:
    """(N, C, *) -> (N, C, 1, *)"""
    return [None if v is None else v[:, :, None] for v in arrays]


def _next(axes: Axes) -> Axes:
    """The axes behind channels in place of those behind groups."""
    return tuple([axis + (axis > 1) for axis in axes])


def _with_channels(axes: Axes) -> Axes:
    """The axes of groups of one channel each: those of the positions, and that of the channels."""
    return (2, *_next(axes))
