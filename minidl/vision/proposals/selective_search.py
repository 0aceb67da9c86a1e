"""Boxes around what may be an object: segments of an image, merged step by step."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.proposals.graph_segmentation import NEIGHBOURS, graph_segmentation, pixels_of

_BINS = 25
_DIRECTIONS = 8


@dataclass
class Region:
    """What is known of a region: it suffices to compare regions, and to merge them."""

    size: int
    box: np.ndarray             # x1, y1, x2, y2
    colours: np.ndarray         # shares, that sum to 1
    texture: np.ndarray

    def __add__(self, other: Region) -> Region:
        size = self.size + other.size
        least, most = np.minimum(self.box, other.box), np.maximum(self.box, other.box)
        a, b = self.size / size, other.size / size
        return Region(size, np.concatenate([least[:2], most[2:]]), a * self.colours + b * other.colours,
                      a * self.texture + b * other.texture)


def selective_search(image: Tensor, scales: Sequence[float] = (1.0, 3.0), sigma: float = 0.8, min_size: int = 20,
                     most: int = 2000) -> Tensor:
    """Boxes (N, 4) that an object may fill, of an image (C, H, W) from 0 to 1; those of large regions first.

    Of each scale: the image is cut into segments by `graph_segmentation`. Then the two neighbours that are most alike
    are merged, again and again, until one region is left. Every region on the way gives a box. How alike two are is the
    sum of four numbers from 0 to 1:

        colour and texture: the sum over bins of min(a, b), for histograms of colours, and of directions of slopes
        size: 1 - (size a + size b) / size of the image, so that small regions merge first
        fill: 1 - (area of the box around both - size a - size b) / size of the image, so that gaps are filled

    Args:
        scales: of the segments at the start, see `graph_segmentation`; as are sigma and min_size.
        most: how many boxes are returned at most.

    Errors: those of `graph_segmentation`; ValueError without a scale.

    Source: J. Uijlings, K. van de Sande, T. Gevers and A. Smeulders, "Selective search for object recognition", IJCV
    2013. Here colours are those of the image, slopes are differences of pixels, and boxes come in the order of merging,
    without its random factor.

        >>> import minidl
        >>> from minidl.vision.proposals import selective_search
        >>> image = minidl.zeros(1, 32, 32)
        >>> image[:, 8:20, 4:16] = 1.0
        >>> selective_search(image, scales=[1.0], sigma=0.0)
        tensor([[ 0.,  0., 32., 32.],
                [ 4.,  8., 16., 20.]])
    """
    if not len(scales):
        raise ValueError("selective_search: expected at least one scale")
    pixels = pixels_of("selective_search", image)
    ranked = []
    for scale in scales:
        segments = graph_segmentation(image, scale, sigma, min_size).numpy()
        boxes = [region.box for region in hierarchy(regions_of(pixels, segments), neighbours_of(segments),
                                                    segments.size)]
        ranked += list(enumerate(boxes[::-1]))
    boxes = [box for _, box in sorted(ranked, key=lambda pair: pair[0])]        # the last merged of each scale first
    unique = list(dict.fromkeys(tuple(box.tolist()) for box in boxes))[:most]
    return from_numpy(np.array(unique, np.float32).reshape(-1, 4))


def regions_of(pixels: np.ndarray, segments: np.ndarray) -> list[Region]:
    """The segments as regions. pixels: (C, H, W) from 0 to 1."""
    flat, count = segments.ravel(), segments.max() + 1
    sizes = np.bincount(flat, minlength=count)
    height, width = segments.shape
    row, column = np.divmod(np.arange(height * width), width)
    boxes = np.empty((count, 4))
    for side, (place, better, start) in enumerate([(column, np.minimum, width), (row, np.minimum, height),
                                                   (column + 1, np.maximum, 0), (row + 1, np.maximum, 0)]):
        boxes[:, side] = start
        better.at(boxes[:, side], flat, place)
    down, across = (np.gradient(pixels, axis=axis) if pixels.shape[axis] > 1 else 0 * pixels for axis in (1, 2))
    direction = ((np.arctan2(down, across) / (2 * np.pi)) % 1 * _DIRECTIONS).astype(int) % _DIRECTIONS
    slopes = np.hypot(down, across)
    colours = [histogram(flat, (channel.clip(0, 1) * (_BINS - 1)).round().astype(int), _BINS, np.ones(flat.shape))
               for channel in pixels]
    textures = [histogram(flat, channel, _DIRECTIONS, slope) for channel, slope in zip(direction, slopes)]
    of_colours, of_texture = (shares(np.concatenate(each, 1)) for each in (colours, textures))
    return [Region(*each) for each in zip(sizes.tolist(), boxes, of_colours, of_texture)]


def histogram(segments: np.ndarray, bins: np.ndarray, count: int, weights: np.ndarray) -> np.ndarray:
    """The sum of weights of each segment and bin."""
    most = segments.max() + 1
    return np.bincount(segments * count + bins.ravel(), weights.ravel(), most * count).reshape(most, count)


def shares(histograms: np.ndarray) -> np.ndarray:
    """Histograms whose sums are 1; an empty one becomes even."""
    histograms = histograms + 1e-9
    return histograms / histograms.sum(1, keepdims=True)


def neighbours_of(segments: np.ndarray) -> set[tuple[int, int]]:
    """Pairs of segments that touch."""
    pairs = np.concatenate([np.stack([segments[one].ravel(), segments[other].ravel()], 1)
                            for one, other in NEIGHBOURS])
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1), axis=0)
    return set(map(tuple, pairs.tolist()))


def similarity(a: Region, b: Region, pixels: int) -> float:
    """How alike two regions are, of an image of so many pixels."""
    colour, texture = np.minimum(a.colours, b.colours).sum(), np.minimum(a.texture, b.texture).sum()
    size = 1 - (a.size + b.size) / pixels
    around = np.maximum(a.box, b.box)[2:] - np.minimum(a.box, b.box)[:2]
    fill = 1 - (around.prod() - a.size - b.size) / pixels
    return float(colour + texture + size + fill)


def hierarchy(regions: list[Region], pairs: set[tuple[int, int]], pixels: int) -> list[Region]:
    """All regions: those at the start, and then each that two of them were merged into."""
    regions = list(regions)
    alike = {pair: similarity(regions[pair[0]], regions[pair[1]], pixels) for pair in sorted(pairs)}
    while alike:
        a, b = max(alike, key=alike.__getitem__)
        regions.append(regions[a] + regions[b])
        touching = {one for pair in alike for one in pair if a in pair or b in pair} - {a, b}
        alike = {pair: value for pair, value in alike.items() if a not in pair and b not in pair}
        new = len(regions) - 1
        alike.update({(one, new): similarity(regions[one], regions[new], pixels) for one in sorted(touching)})
    return regions
