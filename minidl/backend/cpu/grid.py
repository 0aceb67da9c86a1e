"""Sampling on the CPU: images get a margin, so that every pixel around a position can be read without asking.

The four pixels around a position lie at the same distances from each other everywhere, so one table of rows serves
all of them, and all images where they are sampled at the same positions.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.backend.cpu.threads import blocks, parallel
from minidl.backend.kernels.grid import Sampling, sample_images

MARGIN = 2              # pixels: the first of the four may lie two outside, the last one as well
BLOCK_BYTES = 1 << 20   # of images sampled at a time, which stay in the cache
EXACT = 1 << 24         # whole numbers of float32


@sample_images.register("numpy")
def sample_images_with_margin(images: np.ndarray, x: np.ndarray, y: np.ndarray, sampling: Sampling) -> np.ndarray:
    N, C, H, W = images.shape
    size = (H + 2 * MARGIN) * (W + 2 * MARGIN)
    if not images.size or not x.size or size > EXACT or x.itemsize < 4:
        return NotImplemented
    result = np.empty((N, C, *x.shape[1:]), images.dtype)
    shared = _places(x[0], y[0], images.shape[2:], sampling) if len(x) == 1 else None

    def sample(part: slice) -> None:
        places = shared or _places(x[part.start], y[part.start], images.shape[2:], sampling)
        planes = with_margin(images[part], images.dtype if sampling.nearest else x.dtype, sampling)
        values = _read(planes.reshape(-1, size), places).reshape(*planes.shape[:2], -1)
        if places.share is not None:
            values *= places.share
            values += places.rest
        if not sampling.nearest and images.dtype.kind != "f":
            np.rint(values, out=values)
        result[part] = values.reshape(result[part].shape)

    parallel(sample, blocks(N, C * max(size, x[0].size) * x.itemsize if shared else BLOCK_BYTES, BLOCK_BYTES))
    return result


class _Places(NamedTuple):
    """Where the pixels are among those of an image with margin, for P positions."""

    rows: list[np.ndarray]          # (P,) for each of the four pixels, or of the nearest one
    weights: list[np.ndarray]       # (P,) for each of the four
    share: np.ndarray | None = None     # (P,) how much of the sample lies in the image, where there is a colour
    rest: np.ndarray | None = None      # (C, P) what the colour adds


def _places(x: np.ndarray, y: np.ndarray, size: tuple[int, ...], sampling: Sampling) -> _Places:
    height, width = size
    across = width + 2 * MARGIN
    whole = np.rint if sampling.nearest else np.floor
    top, left = whole(y), whole(x)
    below, right = (y - top).reshape(-1), (x - left).reshape(-1)
    # positions further away are moved into the margin; what is no number too, as `fmin` has it
    np.fmax(np.fmin(top, height, out=top), -MARGIN, out=top)
    np.fmax(np.fmin(left, width, out=left), -MARGIN, out=left)
    top *= across
    top += left
    top += MARGIN * across + MARGIN
    first = top.reshape(-1).astype(np.intp)
    if sampling.nearest:
        return _Places([first], [])
    above, before = 1 - below, 1 - right
    places = _Places([first, first + 1, first + across, first + (across + 1)],
                     [above * before, above * right, below * before, below * right])
    if sampling.color is None:
        return places
    whole_image = with_margin(np.ones((1, 1, height, width), x.dtype), x.dtype, sampling)
    share = _read(whole_image.reshape(1, -1), places)[0]
    return places._replace(share=share, rest=sampling.color.astype(x.dtype)[:, None] * (1 - share))


def with_margin(images: np.ndarray, dtype: np.dtype, sampling: Sampling) -> np.ndarray:
    """The images, in this dtype, with the colour of the nearest pixel, or zeros, around them."""
    N, C, H, W = images.shape
    planes = np.zeros((N, C, H + 2 * MARGIN, W + 2 * MARGIN), dtype)
    if sampling.nearest and sampling.color is not None and sampling.color.any():
        planes[:] = (sampling.color if dtype.kind == "f" else np.rint(sampling.color)).reshape(C, 1, 1)
    planes[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN] = images
    return planes


def _read(planes: np.ndarray, places: _Places) -> np.ndarray:
    """The samples (planes, P): of the nearest pixel, or the sum of four with their weights."""
    result = planes.take(places.rows[0], axis=1, mode="clip")       # "clip" asks for no second look at the rows
    if places.weights:
        result *= places.weights[0]
        values = np.empty_like(result)
        for rows, weight in zip(places.rows[1:], places.weights[1:]):
            planes.take(rows, axis=1, out=values, mode="clip")
            values *= weight
            result += values
    return result
