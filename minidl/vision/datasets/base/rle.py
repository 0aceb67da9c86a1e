"""Masks of COCO: polygons and run lengths become pixels, as pycocotools draws them."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_SCALE = 5      # the border is drawn on a grid that is finer by this factor


def mask_of(segmentation: Any, height: int, width: int) -> np.ndarray:
    """The mask (H, W) of uint8 of a segmentation: polygons [x1, y1, x2, y2, ...], or run lengths.

    Run lengths are a dict of `size` and `counts`: how many pixels are outside, inside, outside and so on, column after
    column, as numbers or as pycocotools' text.
    Errors: ValueError for anything else.

        >>> mask_of([[0, 0, 2, 0, 2, 1, 0, 1]], 2, 3)
        array([[1, 1, 0],
               [0, 0, 0]], dtype=uint8)
        >>> mask_of({"size": [2, 3], "counts": [1, 2, 3]}, 2, 3)
        array([[0, 1, 0],
               [1, 0, 0]], dtype=uint8)
    """
    if isinstance(segmentation, dict):
        counts = segmentation["counts"]
        height, width = segmentation["size"]
        counts = counts.decode() if isinstance(counts, bytes) else counts
        runs = _counts_in(counts) if isinstance(counts, str) else list(counts)
        if sum(runs) != height * width:
            raise ValueError(f"COCO segmentation: expected counts that add up to {height} x {width} pixels, got "
                             f"{sum(runs)}")
        inside = np.arange(len(runs)) % 2
        return np.repeat(inside, runs).reshape(width, height).T.astype(np.uint8)
    if not isinstance(segmentation, list):
        raise ValueError(f"COCO segmentation expected to be a dict or a list, got {type(segmentation)}")
    masks = [_polygon(corners, height, width) for corners in segmentation]
    return np.bitwise_or.reduce(masks) if masks else np.zeros((height, width), np.uint8)


def _polygon(corners: Sequence[float], height: int, width: int) -> np.ndarray:
    """The pixels inside a polygon. A column changes between outside and inside where the border crosses it."""
    points = (_SCALE * np.asarray(corners, float).reshape(-1, 2) + 0.5).astype(int)
    along = [_line(start, end) for start, end in zip(points, np.roll(points, -1, 0))]
    x, y = np.concatenate(along).T
    crossing = np.flatnonzero(np.diff(x)) + 1
    column = (np.minimum(x[crossing], x[crossing - 1]) + 0.5) / _SCALE - 0.5
    row = np.ceil(np.clip((np.minimum(y[crossing], y[crossing - 1]) + 0.5) / _SCALE - 0.5, 0, height))
    there = (column == np.floor(column)) & (column >= 0) & (column <= width - 1)
    changes = (column[there] * height + row[there]).astype(int)
    parity = np.bincount(changes, minlength=height * width + 1)[:-1].cumsum() % 2
    return parity.reshape(width, height).T.astype(np.uint8)


def _line(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The points (n, 2) of the fine grid from one to another, both included."""
    size = np.abs(end - start)
    axis = 0 if size[0] >= size[1] else 1
    backwards = start[axis] > end[axis]
    first, last = (end, start) if backwards else (start, end)
    steps = np.arange(size[axis] + 1)
    points = np.empty((len(steps), 2), int)
    points[:, axis] = first[axis] + steps
    slope = (last[1 - axis] - first[1 - axis]) / size[axis] if size[axis] else 0.0
    points[:, 1 - axis] = (first[1 - axis] + slope * steps + 0.5).astype(int)
    return points[::-1] if backwards else points


def _counts_in(text: str) -> list[int]:
    """Run lengths in pycocotools' text: five bits a character, and differences from the last but one."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 0x1f) << shift
        shift += 5
        if not bits & 0x20:
            value -= (1 << shift) if bits & 0x10 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
