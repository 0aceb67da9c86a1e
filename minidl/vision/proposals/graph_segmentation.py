"""Segments of an image from a graph of its pixels."""
from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from minidl.backend.device import to_numpy
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor

NEIGHBOURS = ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :]),
              (np.s_[:-1, :-1], np.s_[1:, 1:]), (np.s_[1:, :-1], np.s_[:-1, 1:]))
"""Of an image's rows and columns: pixels, and their neighbours in one of four directions."""


def graph_segmentation(image: Tensor, scale: float = 1.0, sigma: float = 0.8, min_size: int = 20) -> Tensor:
    """Segments whose colours differ less inside than across their border: (C, H, W) from 0 to 1 -> int64 (H, W).

    Each pixel is joined with its eight neighbours by an edge, which weighs the distance of their colours. From light to
    heavy, an edge merges two segments if it weighs at most Int + scale / size for each of them, where Int is the
    heaviest edge that a segment has been merged by. So small segments need little to merge, and segments with much
    texture more than plain ones. Segments are numbered from 0 in the order of their first pixels.

    Args:
        scale: the larger, the larger segments become.
        sigma: the image is blurred by so many pixels before.
        min_size: smaller segments, in pixels, are merged with a neighbour, along the lightest edges.

    Errors: ValueError for an image that is not (C, H, W), without pixels, or not finite.

    Source: P. Felzenszwalb and D. Huttenlocher, "Efficient graph-based image segmentation", IJCV 2004.

        >>> import minidl
        >>> from minidl.vision.proposals import graph_segmentation
        >>> image = minidl.zeros(1, 4, 6)
        >>> image[:, :, 4:] = 1.0
        >>> graph_segmentation(image, scale=1.0, sigma=0.0, min_size=1)[0]
        tensor([0, 0, 0, 0, 1, 1])
    """
    pixels = pixels_of("graph_segmentation", image)
    if sigma > 0:
        pixels = gaussian_filter(pixels, (0, sigma, sigma))
    height, width = pixels.shape[1:]
    numbers = np.arange(height * width).reshape(height, width)
    edges, weights = [], []
    for one, other in NEIGHBOURS:
        edges.append(np.stack([numbers[one].ravel(), numbers[other].ravel()], 1))
        weights.append(np.sqrt(sum((channel[one] - channel[other]) ** 2 for channel in pixels)).ravel())
    roots = merged(np.concatenate(edges), np.concatenate(weights), height * width, scale, min_size)
    _, first, segments = np.unique(roots, return_index=True, return_inverse=True)
    return from_numpy(np.argsort(np.argsort(first))[segments].reshape(height, width).astype(np.int64))


def merged(edges: np.ndarray, weights: np.ndarray, count: int, scale: float, min_size: int) -> np.ndarray:
    """The segment of each of `count` pixels, by any number. edges: (E, 2) pixels."""
    # edges of weight 0 always merge: those of plain areas are done at once
    same = edges[weights == 0]
    most, start = connected_components(coo_array((np.ones(len(same)), same.T), (count, count)), directed=False)
    parent, size = list(range(most)), np.bincount(start).tolist()
    limit = [scale / each for each in size]                     # Int + scale / size

    def root(segment: int) -> int:
        while parent[segment] != segment:
            parent[segment] = segment = parent[parent[segment]]
        return segment

    def merge(a: int, b: int) -> int:
        a, b = (a, b) if size[a] >= size[b] else (b, a)
        parent[b] = a
        size[a] += size[b]
        return a

    order = weights.argsort(kind="stable")[len(same):]
    ends = start[edges[order]]
    for (one, other), weight in zip(ends.tolist(), weights[order].tolist()):
        a, b = root(one), root(other)
        if a != b and weight <= limit[a] and weight <= limit[b]:
            a = merge(a, b)
            limit[a] = weight + scale / size[a]
    roots = np.array([root(segment) for segment in range(most)])
    ends = roots[ends]
    for one, other in ends[ends[:, 0] != ends[:, 1]].tolist():
        a, b = root(one), root(other)
        if a != b and min(size[a], size[b]) < min_size:
            merge(a, b)
    return np.array([root(segment) for segment in range(most)])[start]


def pixels_of(who: str, image: Tensor) -> np.ndarray:
    """An image (C, H, W) as an array of float64."""
    if not isinstance(image, Tensor) or image.ndim != 3 or not image.numel():
        shape = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise ValueError(f"{who}: expected an image (C, H, W), but got {shape}")
    pixels = to_numpy(image.array).astype(np.float64)
    if not np.isfinite(pixels).all():
        raise ValueError(f"{who}: expected an image of finite numbers; divide bytes by 255, and look for nan")
    return pixels
