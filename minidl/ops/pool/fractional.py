"""Fractional max pooling: windows at random steps, to shrink an image by a factor such as 1.5.

Along an axis of length n, `out` windows of length k begin at floor((i + u)*a) - floor(u*a), with a = (n - k)/(out - 1)
and u drawn from [0, 1) for each channel of each image. The steps are floor(a) and ceil(a), in a random order.
"""
from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.device import Array, array_module, device_of
from minidl.backend.kernels import pool as kernels
from minidl.ops.base.checks import numbers
from minidl.ops.base.declaration import public
from minidl.ops.pool.arguments import as_batch, unbatched
from minidl.ops.pool.two_d import MaxPool2d
from minidl.ops.shape.views import array_of, reshape
from minidl.random import default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class FractionalMaxPool(MaxPool2d):
    """y[n,c,0,i] = max over the offsets of x[n, c, 0, corners[n,c,0,i] + offset], and its position.

    x (N, C, 1, L), corners (N, C, 1, I) -> y, indices (N, C, 1, I). An image is stored as one row, so a window is the
    position of its corner, plus offsets that are the same for all windows.
    """

    def __init__(self, corners: Array, offsets: list[int]) -> None:
        self.corners, self.offsets = corners, offsets

    def maxima(self, x: Array) -> tuple[Array, Array]:
        xp, indices = array_module(x), self.corners
        y = kernels.max_pool2d_gather(x, indices)
        for offset in self.offsets:
            places = self.corners + offset
            values = kernels.max_pool2d_gather(x, places)
            better = (values > y) | xp.isnan(values)
            y, indices = xp.where(better, values, y), xp.where(better, places, indices)
        return y, indices


@public
def fractional_max_pool2d(input: Tensor, kernel_size: int | tuple[int, ...],
                          output_size: int | tuple[int, ...] | None = None,
                          output_ratio: float | tuple[float, ...] | None = None, return_indices: bool = False,
                          _random_samples: Any = None) -> Any:
    """The largest element of windows at random steps: (N, C, H, W) -> (N, C, *output_size), or without N.

    output_size: an int or a pair; or output_ratio, the share of H and W, between 0 and 1. return_indices: as for
    `max_pool2d`. _random_samples (N, C, 2): numbers from [0, 1) that determine the steps, horizontal first.
    Errors: ValueError unless there is a size or a ratio, RuntimeError where it does not fit the image.

    Source: Graham, "Fractional Max-Pooling", 2014, https://arxiv.org/abs/1412.6071

        >>> import minidl
        >>> x = minidl.arange(25.).reshape(1, 5, 5)
        >>> minidl.nn.functional.fractional_max_pool2d(x, 2, output_size=3).shape
        (1, 3, 3)
    """
    return _fractional("fractional_max_pool2d", 2, input, kernel_size, output_size, output_ratio, return_indices,
                       _random_samples)


@public
def fractional_max_pool3d(input: Tensor, kernel_size: int | tuple[int, ...],
                          output_size: int | tuple[int, ...] | None = None,
                          output_ratio: float | tuple[float, ...] | None = None, return_indices: bool = False,
                          _random_samples: Any = None) -> Any:
    """`fractional_max_pool2d` for volumes: (N, C, D, H, W) -> (N, C, *output_size), or without N.

    _random_samples (N, C, 3): for depth, vertical and horizontal. Other arguments and errors: as
    `fractional_max_pool2d`.

        >>> import minidl
        >>> x = minidl.arange(64.).reshape(1, 4, 4, 4)
        >>> minidl.nn.functional.fractional_max_pool3d(x, 2, output_ratio=0.5).shape
        (1, 2, 2, 2)
    """
    return _fractional("fractional_max_pool3d", 3, input, kernel_size, output_size, output_ratio, return_indices,
                       _random_samples)


def _fractional(who: str, dims: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any,
                return_indices: bool, samples: Any) -> Any:
    x = as_batch(who, dims, input, floating=True)
    (N, C), lengths = x.shape[:2], x.shape[2:]
    kernel = numbers(kernel_size, dims, who, "kernel_size", 1)
    if output_size is None and output_ratio is None:
        raise ValueError(f"{who} requires specifying either an output_size or an output_ratio")
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * dims
        if len(ratios) != dims or not all(0 < ratio < 1 for ratio in ratios):
            raise ValueError(f"{who}: output_ratio must be between 0 and 1 (got {output_ratio})")
        output_size = tuple([int(n * ratio) for n, ratio in zip(lengths, ratios)])
    size = numbers(output_size, dims, who, "output_size", 1)
    for n, k, out in zip(lengths, kernel, size):
        if out + k - 1 > n:
            raise RuntimeError(f"{who}: too large relative to input: {out} windows of {k} that begin at different "
                               f"places need at least {out + k - 1}, but input is {tuple(input.shape)}")
    samples = _draw(array_of(x), (N, C, dims)) if samples is None else array_of(samples)
    if tuple(samples.shape) != (N, C, dims):
        raise RuntimeError(f"{who}: Expect _random_samples of shape {(N, C, dims)}, but got {tuple(samples.shape)}")
    order = (1, 0) if dims == 2 else (0, 1, 2)         # PyTorch reads a pair as (horizontal, vertical)
    corners, offsets = array_module(samples).zeros((N, C, 1), dtype=np.int64), [0]
    for axis, n, k, out in zip(order, lengths, kernel, size):
        corners = corners[..., None] * n + _starts(samples[..., axis], n, k, out)[:, :, None]
        corners = corners.reshape(N, C, corners.shape[2] * out)
        offsets = [offset * n + u for offset, u in itertools.product(offsets, range(k))]
    op = FractionalMaxPool(corners[:, :, None], offsets)
    y, indices = op(reshape(x, (N, C, 1, math.prod(lengths))))             # (N, C, 1, I)
    y, indices = (unbatched(input, dims, reshape(result, (N, C, *size))) for result in (y, indices))
    return (y, indices) if return_indices else y


def _starts(u: Array, n: int, k: int, out: int) -> Array:
    """The first elements of the windows along one axis: u (N, C) -> (N, C, out)"""
    xp = array_module(u)
    u, last = u[..., None], n - k
    if out == 1:
        return xp.full((*u.shape[:2], 1), last)
    steps = xp.arange(out - 1).astype(u.dtype)
    step = u.dtype.type(last) / u.dtype.type(out - 1)
    starts = ((steps + u) * step).astype(np.int64) - (u * step).astype(np.int64)
    return xp.concatenate([starts, xp.full((*u.shape[:2], 1), last)], axis=2)


def _draw(x: Array, shape: tuple[int, ...]) -> Array:
    stream = default_generator(device_of(x)).stream
    return stream.random(shape, dtype=np.float64 if x.dtype == np.float64 else np.float32)
