"""Group and instance norm on the CPU, of images with the channels last in memory.

Each image is read as a matrix of its rows, W pixels of all channels: sums over a column are fast, those over the few
channels of a group are taken from what the columns gave. So a number for each group is repeated for all columns of its
channels. Instance norm is group norm with groups of one channel.
"""
from __future__ import annotations

import math
from collections.abc import Callable
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
    return group_forward(x, w, b, eps, _statistics, _normalize)


@normalize_grad.register("numpy", before="normalize_grad_by_channel")
def normalize_grad_by_group(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                            variance: np.ndarray, axes: Axes, across: Axes, eps: float) -> Any:
    if not (is_group_norm(x, axes, w) and sums_of_groups(w, axes, across)):
        return NotImplemented
    return group_grad(g, x, w, mean, variance, axes == across, eps, _sums, _pull_back)


def is_group_norm(x: np.ndarray, axes: Axes, *weights: np.ndarray | None) -> bool:
    """Whether x (N, groups, channels, ..., W) has the channels of all groups last in memory, and weights for each."""
    return (x.ndim > 3 and axes == tuple(range(2, x.ndim)) and x.size > 0 and x.dtype != np.float16
            and math.prod(x.shape[3:-1]) <= MAX_ROWS and np.moveaxis(x, (1, 2), (-2, -1)).flags.c_contiguous
            and all(v is None or v.shape == (1, *x.shape[1:3], *(1,) * (x.ndim - 3)) for v in weights))


def sums_of_groups(w: np.ndarray | None, axes: Axes, across: Axes) -> bool:
    """Whether the sums of a gradient are those of each channel, or those of each group where there are no weights."""
    return across == (0, *axes[1:]) or across == axes and w is None


def group_forward(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, eps: float,
                  statistics: Callable[..., Any], normalize: Callable[..., Any]) -> tuple[np.ndarray, ...]:
    """`normalize_forward` of group norm.

    The two functions go through some images as matrices of their rows, (n, rows, W * groups * channels), with a number
    for each image and column: `statistics(images)` are the means and the sums of squares around them, and
    `normalize(images, mean, scale, shift, out)`.
    """
    images, y, shape = _by_image(x), np.empty_like(x), x.shape[1:3]
    y_images, by_column = _by_image(y), (-1, x.shape[-1], *shape)
    mean, variance = np.empty((2, len(x), shape[0], 1), x.dtype)
    w, b = (None if v is None else v.reshape(1, *shape) for v in (w, b))

    def normalize_images(s: slice) -> None:
        means, squares = statistics(images[s])
        mean[s] = means.reshape(by_column).mean(axis=(1, 3))[..., None]
        squares += images.shape[1] * np.square(means - _along_columns(mean[s], x))
        variance[s] = squares.reshape(by_column).sum(axis=(1, 3))[..., None] / x[0, 0].size
        scale = 1 / np.sqrt(variance[s] + eps)
        normalize(images[s], *(_along_columns(v, x) for v in (
            mean[s], scale if w is None else scale * w,
            np.zeros_like(scale) if b is None else np.broadcast_to(b, (len(scale), *shape)))), y_images[s])

    parallel(normalize_images, _some_images(x))
    kept = (*mean.shape, *(1,) * (x.ndim - 3))
    return y, mean.reshape(kept), variance.reshape(kept)


def group_grad(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray, variance: np.ndarray,
               of_each_group: bool, eps: float, sums: Callable[..., Any],
               pull_back: Callable[..., Any]) -> tuple[np.ndarray, ...]:
    """`normalize_grad` of group norm.

    The two functions work as those of `group_forward`: `sums(g, images, mean)` are the sums of g and of
    g * (images - mean), and `pull_back(g, images, mean, scale, offset, slope, out)` has in `offset` what passes through
    the mean, and in `slope` what passes through the variance, for each images - mean.
    """
    images, g_images, gx, shape = _by_image(x), _by_image(g), np.empty_like(x), x.shape[1:3]
    gx_images, count, by_column = _by_image(gx), x[0, 0].size, (-1, x.shape[-1], *shape)
    rstd = 1 / np.sqrt(variance.reshape(len(x), -1, 1) + eps)
    mean, w = mean.reshape(rstd.shape), np.ones((1, *shape), x.dtype) if w is None else w.reshape(1, *shape)
    gw, gb = np.empty((2, len(x), *shape), x.dtype)      # of each image

    def pull_back_images(s: slice) -> None:
        mean_row = _along_columns(mean[s], x)
        gb[s], gw[s] = (v.reshape(by_column).sum(axis=1) for v in sums(g_images[s], images[s], mean_row))
        gw[s] *= rstd[s]
        mean_h, mean_hz = ((v[s] * w).sum(axis=2, keepdims=True) / count for v in (gb, gw))
        pull_back(g_images[s], images[s], mean_row, *(_along_columns(v, x) for v in (
            rstd[s] * w, mean_h * rstd[s], mean_hz * np.square(rstd[s]))), gx_images[s])

    parallel(pull_back_images, _some_images(x))
    ones = (1,) * (x.ndim - 3)
    if of_each_group:
        return gx, *(v.sum(axis=2).reshape(*rstd.shape, *ones) for v in (gw, gb))
    return gx, *(v.sum(axis=0).reshape(1, *shape, *ones) for v in (gw, gb))


def _some_images(x: np.ndarray) -> list[slice]:
    return [slice(None)] if x.nbytes <= SERIAL_BYTES else blocks(len(x), x[0].nbytes, BLOCK_BYTES)


def _by_image(x: np.ndarray) -> np.ndarray:
    """(N, groups, channels, ..., W) -> (N, ..., W * groups * channels): each image as a matrix of its rows."""
    return np.moveaxis(x, (1, 2), (-2, -1)).reshape(len(x), -1, x.shape[-1] * x.shape[1] * x.shape[2])


def _along_columns(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A number for each image, group and channel, (n, groups, channels or 1), for each column of `_by_image`."""
    return np.broadcast_to(values[:, None], (len(values), x.shape[-1], *x.shape[1:3])).reshape(len(values), -1)


def _statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    means = images.mean(axis=1)
    centred = images - means[:, None]
    return means, np.multiply(centred, centred, out=centred).sum(axis=1)


def _normalize(images: np.ndarray, mean: np.ndarray, scale: np.ndarray, shift: np.ndarray, out: np.ndarray) -> None:
    np.subtract(images, mean[:, None], out=out)
    out *= scale[:, None]
    out += shift[:, None]


def _sums(g: np.ndarray, images: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centred = images - mean[:, None]
    return g.sum(axis=1), np.multiply(centred, g, out=centred).sum(axis=1)


def _pull_back(g: np.ndarray, images: np.ndarray, mean: np.ndarray, scale: np.ndarray, offset: np.ndarray,
               slope: np.ndarray, out: np.ndarray) -> None:
    np.subtract(images, mean[:, None], out=out)
    out *= slope[:, None]
    out += offset[:, None]
    np.subtract(g * scale[:, None], out, out=out)


# ---------------------------------------------------------------------- instance norm: groups of one channel

@normalize_forward.register("numpy", before="normalize_forward_in_blocks")
def normalize_forward_by_channel(x: np.ndarray, w: np.ndarray | None, b: np.ndarray | None, axes: Axes,
                                 eps: float) -> Any:
    if not is_instance_norm(x, axes, w, b):
        return NotImplemented
    y, mean, variance = normalize_forward(*_with_groups(x, w, b), (2, *_next(axes)), eps)
    return y[:, :, 0], mean[:, :, 0], variance[:, :, 0]


@normalize_grad.register("numpy", before="normalize_grad_in_blocks")
def normalize_grad_by_channel(g: np.ndarray, x: np.ndarray, w: np.ndarray | None, mean: np.ndarray,
                              variance: np.ndarray, axes: Axes, across: Axes, eps: float) -> Any:
    across = (2, *_next(across)) if across == axes else _next(across)
    if not (is_instance_norm(x, axes, w) and sums_of_groups(w, (2, *_next(axes)), across)):
        return NotImplemented
    gx, gw, gb = normalize_grad(*_with_groups(g, x, w, mean, variance), (2, *_next(axes)), across, eps)
    return gx[:, :, 0], gw[:, :, 0], gb[:, :, 0]


def is_instance_norm(x: np.ndarray, axes: Axes, *weights: np.ndarray | None) -> bool:
    """Whether x (N, C, *) has the channels last in memory, each of them a group in each image."""
    return (x.ndim > 2 and axes == tuple(range(2, x.ndim))
            and is_group_norm(x[:, :, None], (2, *_next(axes)), *_with_groups(*weights)))


def _with_groups(*arrays: Any) -> list[Any]:
    """(N, C, *) -> (N, C, 1, *)"""
    return [None if v is None else v[:, :, None] for v in arrays]


def _next(axes: Axes) -> Axes:
    """The axes behind channels in place of those behind groups."""
    return tuple([axis + (axis > 1) for axis in axes])
