"""Sampling of images, compiled: a row of the result after the other, without tables of rows and weights.

Nothing is reassociated or contracted, so that bytes are rounded as in `backend/cpu/grid.py`.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.compiled.compiler import exactly_compiled
from minidl.backend.cpu.grid import EXACT, MARGIN, with_margin
from minidl.backend.cpu.threads import parallel
from minidl.backend.kernels.grid import Sampling, sample_images


@sample_images.register("numpy", layer="compiled")
def sample_images_by_rows(images: np.ndarray, x: np.ndarray, y: np.ndarray, sampling: Sampling) -> Any:
    N, C, H, W = images.shape
    if x.dtype != np.float32 or sampling.nearest or not images.size or not x.size or H * W > EXACT:
        return NotImplemented       # the nearest pixels are only read, which NumPy does as fast
    result = np.empty((N, C, *x.shape[1:]), images.dtype)
    color = np.zeros(C, np.float32) if sampling.color is None else sampling.color.astype(np.float32)
    ones = with_margin(np.ones((1, 1, H, W), np.float32), x.dtype, sampling)
    none = ones[:, :0]

    def sample(n: int) -> None:
        i = 0 if len(x) == 1 else n
        planes = with_margin(images[n:n + 1], x.dtype, sampling)
        _sample(planes[0], x[i], y[i], none[0] if sampling.color is None else ones[0], color, result[n],
                images.dtype.kind != "f")

    parallel(sample, range(N))
    return result


@exactly_compiled
def _sample(planes: Any, x: Any, y: Any, ones: Any, color: Any, result: Any, whole: bool) -> None:
    C, H, W = planes.shape[0], np.float32(planes.shape[1] - 2 * MARGIN), np.float32(planes.shape[2] - 2 * MARGIN)
    one, margin = np.float32(1), np.float32(-MARGIN)
    across = planes.shape[2]
    flat, inside = planes.reshape(C, -1), ones.reshape(-1)
    width = x.shape[1]
    first = np.empty(width, np.uint32)
    weights = np.empty((4, width), np.float32)
    share = np.empty(width, np.float32)
    for i in range(x.shape[0]):
        for j in range(width):
            top, left = np.floor(y[i, j]), np.floor(x[i, j])
            below, right = y[i, j] - top, x[i, j] - left
            weights[0, j], weights[1, j] = (one - below) * (one - right), (one - below) * right
            weights[2, j], weights[3, j] = below * (one - right), below * right
            top = top if top <= H else H            # what is no number is outside
            left = left if left <= W else W
            top = top if top >= margin else margin
            left = left if left >= margin else margin
            first[j] = np.uint32((np.int32(top) + MARGIN) * across + np.int32(left) + MARGIN)
        if inside.size:
            for j in range(width):
                share[j] = _mixed(inside, first[j], across, weights, j)
        for c in range(C):
            for j in range(width):
                value = _mixed(flat[c], first[j], across, weights, j)
                if inside.size:
                    value = value * share[j] + color[c] * (one - share[j])
                if whole:
                    value = np.rint(value)
                result[c, i, j] = value


@exactly_compiled
def _mixed(pixels: Any, first: Any, across: Any, weights: Any, j: Any) -> Any:
    """The four pixels with their weights."""
    place, down = np.uint64(first), np.uint64(across)
    return (pixels[place] * weights[0, j] + pixels[place + np.uint64(1)] * weights[1, j]
            + pixels[place + down] * weights[2, j] + pixels[place + down + np.uint64(1)] * weights[3, j])
