"""Sampling of images at positions between their pixels, where no gradient is wanted."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from minidl.backend.device import Array, array_module
from minidl.backend.kernel import kernel


class Sampling(NamedTuple):
    """How images are sampled: `nearest`, or between four pixels. Outside they have a colour (C,), or None for zeros.

    With a colour, a pixel at the edge is mixed as torchvision does it: the sample, in which zeros stand outside, is
    multiplied by the share of it that lies in the image, and the rest is the colour.
    """

    nearest: bool
    color: np.ndarray | None = None


@kernel
def sample_images(images: Array, x: Array, y: Array, sampling: Sampling) -> Array:
    """Images (N, C, H, W) at the pixels x and y, both (N, H', W'), or (1, H', W') for all -> (N, C, H', W').

    The centre of the first pixel is at 0, 0. Whole numbers are rounded. A position that is no number gives none, or
    what lies outside if `nearest`.
    """
    xp, (N, C, H, W) = array_module(images), images.shape
    pixels = images.reshape(N, C, H * W)
    which = xp.arange(N).reshape(N, 1, 1)

    def pixel(row: Array, column: Array) -> tuple[Array, Array]:
        """The pixels there, zeros outside; and whether they are inside."""
        inside = (row >= 0) & (row <= H - 1) & (column >= 0) & (column <= W - 1)
        place = xp.where(inside, row, 0).astype(np.int64) * W + xp.where(inside, column, 0).astype(np.int64)
        found = xp.moveaxis(pixels[which, :, place], -1, 1)
        return xp.where(inside[:, None], found, xp.zeros_like(found)), inside[:, None]

    color = None if sampling.color is None else xp.asarray(sampling.color).reshape(C, 1, 1)
    if sampling.nearest:
        result, inside = pixel(np.rint(y), np.rint(x))
        if color is None:
            return result
        return xp.where(inside, result, (color if images.dtype.kind == "f" else np.rint(color)).astype(images.dtype))
    top, left = np.floor(y), np.floor(x)
    below, right = y - top, x - left
    parts, shares = [], []
    for row, column, weight in ((top, left, (1 - below) * (1 - right)), (top, left + 1, (1 - below) * right),
                                (top + 1, left, below * (1 - right)), (top + 1, left + 1, below * right)):
        found, inside = pixel(row, column)
        parts.append(found.astype(x.dtype) * weight[:, None])
        shares.append(inside * weight[:, None])
    total, share = (a + b + c + d for a, b, c, d in (parts, shares))
    if color is not None:
        total = total * share + color.astype(x.dtype) * (1 - share)
    return total if images.dtype.kind == "f" else np.rint(total).astype(images.dtype)
