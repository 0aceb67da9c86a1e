"""Group and instance norm on the CPU, of images with the channels last in memory.

Each image is read as a matrix of its rows, W pixels of all channels: sums over a column are fast, those over the few
channels of a group are taken from what the columns gave. So a number for each group is repeated for all columns of its
channels. Instance norm is group norm with groups of one channel.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.kernels.norm import Axes, normalize_forward, normalize_grad

MAX_ROWS = 1 << 10      # of an image: longer sums in float32 lose precision
SERIAL_BYTES = 1 << 21  # up to this size, threads cost more than they gain
BLOCK_BYTES = 1 << 22   # of images at a time: a block takes twenty calls, and smaller ones wait for Python's lock
FAR_FROM_ZERO = 16      # how many times the variance the square of a mean may be: four of 24 bits are lost at most


@normalize_forward.register("numpy", before="normalize_forward_by_channel")
def normalize_forward_by_group(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                               eps: float) -> Any:
    """y = x scale + shift, with the variance as the mean square less the square of the mean."""
    if not is_group_norm(x, axes, w, b):
        return NotImplemented
    y, (mean, variance) = np.empty_like(x), np.empty((2, *x.shape[:2], 1), x.dtype)
    images, y_images, count, shape = by_image(x), by_image(y), x[0, 0].size, x.shape[1:3]
    weight, bias = 1 if w is None else w.reshape(shape), 0 if b is None else b.reshape(shape)

    def normalize(s: slice) -> None:
        mean[s] = _each_group(images[s].sum(axis=1), x) / count
        squares = _each_group(_sum_of_products(images[s], images[s]), x)
        variance[s] = np.maximum(squares / count - np.square(mean[s]), 0)
        scale = weight / np.sqrt(variance[s] + eps)
        part = np.multiply(images[s], _along_columns(scale, x), out=y_images[s])
        part += _along_columns(bias - mean[s] * scale, x)

    parallel(normalize, some_images(x))
    mean, variance = (v.reshape(statistics_shape(x)) for v in (mean, variance))
    if _loses_digits(mean, variance + eps):
        y, rest, variance = normalize_forward(x - mean, w, b, axes, eps)
        mean += rest
    return y, mean, variance


@normalize_grad.register("numpy", before="normalize_grad_by_channel")
def normalize_grad_by_group(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                            variance: np.ndarray, axes: Axes, across: Axes, eps: float) -> Any:
    """gx = g scale + x slope + shift: what passes straight through, through the variance and through the mean."""
    if not (is_group_norm(x, axes, w) and sums_of_groups(w, axes, across)):
        return NotImplemented
    if _loses_digits(mean, variance + eps):
        x, mean = x - mean, np.zeros_like(mean)
    gx, (gw, gb) = np.empty_like(x), np.empty((2, *x.shape[:3]), x.dtype)       # gw and gb of each image
    images, g_images, gx_images, count = by_image(x), by_image(g), by_image(gx), x[0, 0].size
    weight = 1 if w is None else w.reshape(x.shape[1:3])
    means, rstds = (v.reshape(len(x), -1, 1) for v in (mean, 1 / np.sqrt(variance + eps)))

    def pull_back(s: slice) -> None:
        mean, rstd = means[s], rstds[s]
        gb[s] = _each_channel(g_images[s].sum(axis=1), x)
        gw[s] = (_each_channel(_sum_of_products(g_images[s], images[s]), x) - mean * gb[s]) * rstd
        mean_h, mean_hz = ((v[s] * weight).sum(axis=2, keepdims=True) / count for v in (gb, gw))
        slope = -mean_hz * np.square(rstd)
        part = np.multiply(images[s], _along_columns(slope, x), out=gx_images[s])
        part += _along_columns(-mean_h * rstd - mean * slope, x)
        part += g_images[s] * _along_columns(rstd * weight, x)

    parallel(pull_back, some_images(x))
    return gx, *sums_over_images(gw, gb, x, axes == across)


def _loses_digits(mean: np.ndarray, variance: np.ndarray) -> bool:
    """Whether numbers are so far from zero, for their spread, that a mean must be taken off before they are squared."""
    return bool(np.any(np.square(mean) > FAR_FROM_ZERO * variance))


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


def some_images(x: np.ndarray, serial_bytes: int = SERIAL_BYTES) -> list[slice]:
    """The images in blocks."""
    return [slice(None)] if x.nbytes <= serial_bytes else blocks(len(x), x[0].nbytes, BLOCK_BYTES)


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
    """Sums of columns to those of each channel: (n, W * groups * channels) -> (n, groups, channels)

    As a product with ones, which takes a fifth of the time of a sum over so few channels.
    """
    ones = np.ones((1, x.shape[-1]), x.dtype)
    return (ones @ sums.reshape(len(sums), x.shape[-1], -1)).reshape(-1, *x.shape[1:3])


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
