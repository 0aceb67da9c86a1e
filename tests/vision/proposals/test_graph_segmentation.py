"""Segments of images whose answer is known by hand, and beside the paper's rule written out plainly."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.vision.proposals import graph_segmentation


def plainly(image, scale, min_size):
    """The paper's algorithm, with sets of pixels."""
    _, height, width = image.shape
    pixels = [(y, x) for y in range(height) for x in range(width)]
    edges = sorted((float(np.sqrt(((image[:, y, x] - image[:, y + dy, x + dx]) ** 2).sum())), (y, x), (y + dy, x + dx))
                   for y, x in pixels for dy, dx in ((0, 1), (1, 0), (1, 1), (-1, 1))
                   if 0 <= y + dy < height and x + dx < width)
    segment = {pixel: {pixel} for pixel in pixels}
    heaviest = {}

    def merge(a, b):
        both = a | b
        for pixel in both:
            segment[pixel] = both
        return both

    for weight, one, other in edges:
        a, b = segment[one], segment[other]
        if a is not b and weight <= min(heaviest.get(id(each), 0.0) + scale / len(each) for each in (a, b)):
            heaviest[id(merge(a, b))] = weight
    for _, one, other in edges:
        a, b = segment[one], segment[other]
        if a is not b and min(len(a), len(b)) < min_size:
            merge(a, b)
    numbers = {}
    return [[numbers.setdefault(id(segment[y, x]), len(numbers)) for x in range(width)] for y in range(height)]


@pytest.mark.parametrize("seed, scale, min_size", [(0, 0.5, 1), (1, 1.0, 1), (2, 2.0, 4), (3, 0.2, 6), (4, 1e-6, 1)])
def test_as_the_paper_says(seed, scale, min_size):
    image = np.random.default_rng(seed).random((2, 9, 11))
    image[:, 2:7, 3:6] = 0.25                       # a plain area, which is merged at once
    found = graph_segmentation(minidl.tensor(image), scale, 0.0, min_size)
    assert found.tolist() == plainly(image, scale, min_size)


def test_a_ramp_stays_whole_and_a_step_is_cut():
    image = minidl.zeros(1, 8, 16)
    image[0, :, :8] = minidl.arange(8) * 0.05       # steps of 0.05 along the ramp
    image[0, :, 8:] = 1.0
    found = graph_segmentation(image, 1.0, 0.0, 1)
    assert (found[:, :8] == 0).all() and (found[:, 8:] == 1).all()
    assert (graph_segmentation(image, 1000.0, 0.0, 1) == 0).all()
    assert (graph_segmentation(image, 1.0, 0.0, 65) == 0).all()     # each is smaller than that


def test_one_pixel_and_refusals():
    assert graph_segmentation(minidl.ones(3, 1, 1)).tolist() == [[0]]
    for image, said in ((minidl.ones(4, 4), r"\(C, H, W\), but got \(4, 4\)"), (minidl.ones(1, 0, 4), "but got"),
                        (np.ones((1, 2, 2)), "but got ndarray"), (minidl.full((1, 2, 2), float("nan")), "finite")):
        with pytest.raises(ValueError, match="graph_segmentation: expected an image.*" + said):
            graph_segmentation(image)
