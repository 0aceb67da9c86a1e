"""Selective search: similarities by hand, the order of merging, and what it finds on canvases."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.vision.datasets import DigitCanvas, Digits
from minidl.vision.ops import box_iou
from minidl.vision.proposals import graph_segmentation, objectness, selective_search
from minidl.vision.proposals.selective_search import Region, hierarchy, neighbours_of, regions_of, similarity


def region(size, box, colours, texture=(1.0,)):
    return Region(size, np.array(box, float), np.array(colours, float), np.array(texture, float))


def test_similarity_by_hand():
    a, b = region(6, [0, 0, 2, 3], [0.5, 0.5]), region(4, [2, 0, 4, 2], [0.2, 0.8], (0.6,))
    # colours 0.2 + 0.5, texture 0.6, size 1 - 10 / 100, fill 1 - (12 - 10) / 100
    assert similarity(a, b, 100) == pytest.approx(0.7 + 0.6 + 0.9 + 0.98)
    both = a + b
    assert both.size == 10 and both.box.tolist() == [0, 0, 4, 3]
    assert both.colours.tolist() == pytest.approx([0.6 * 0.5 + 0.4 * 0.2, 0.6 * 0.5 + 0.4 * 0.8])


def test_regions_of_segments():
    image = minidl.zeros(1, 4, 6)
    image[0, 1:3, 2:5] = 1.0
    segments = image[0].long()
    plain, square = regions_of(image.numpy(), segments.numpy())
    assert (plain.size, square.size) == (18, 6) and square.box.tolist() == [2, 1, 5, 3]
    assert plain.colours[0] == pytest.approx(1) and square.colours[-1] == pytest.approx(1)
    assert square.texture.sum() == pytest.approx(1)
    assert neighbours_of(segments.numpy()) == {(0, 1)}


def test_neighbours_that_are_most_alike_merge_first():
    regions = [region(4, [0, 0, 2, 2], [1, 0]), region(4, [2, 0, 4, 2], [1, 0]), region(4, [4, 0, 6, 2], [0, 1])]
    found = hierarchy(regions, {(0, 1), (1, 2)}, 12)
    assert [each.box.tolist() for each in found[3:]] == [[0, 0, 4, 2], [0, 0, 6, 2]]
    assert len(hierarchy(regions, set(), 12)) == 3


def test_it_finds_digits():
    canvases = DigitCanvas(Digits(False), 20, 64, (1, 3), (2.0, 3.5), seed=1)
    hit = []
    for image, target in (canvases[i] for i in range(20)):
        pixels = minidl.tensor(np.asarray(image, np.float32)[None] / 255)
        boxes = selective_search(pixels, (0.3,), 0.5, most=200)
        assert len(boxes) <= 200 and len(set(map(tuple, boxes.tolist()))) == len(boxes)
        hit += (box_iou(target["boxes"], boxes).max(1).values >= 0.5).tolist()
        segments = graph_segmentation(pixels, 0.3, 0.5)
        moved = (target["boxes"] + minidl.tensor([6.0, 6.0, 6.0, 6.0])).clamp(max=64)
        assert objectness(segments, target["boxes"]).mean() > objectness(segments, moved).mean()
    assert np.mean(hit) >= 0.9


def test_most_and_refusals():
    image = minidl.rand(3, 24, 24)
    assert selective_search(image, (0.05, 0.5), min_size=2, most=3).shape == (3, 4)
    assert selective_search(minidl.ones(1, 5, 7)).tolist() == [[0, 0, 7, 5]]
    assert selective_search(minidl.rand(3, 1, 9), (0.1,), 0.0, 1).shape[1] == 4
    with pytest.raises(ValueError, match="at least one scale"):
        selective_search(image, ())
    with pytest.raises(ValueError, match="selective_search: expected an image"):
        selective_search(minidl.ones(4, 4))


def test_objectness_by_hand():
    segments = minidl.tensor([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 2]])
    boxes = minidl.tensor([[0.0, 0, 4, 3], [2, 0, 4, 2], [1, 0, 3, 2], [2, 0, 4, 3]])
    # the third cuts both squares in halves; of 6 pixels of the fourth, 2 are half of the row below
    assert objectness(segments, boxes).tolist() == pytest.approx([1, 1, 0, 1 - 2 / 6])
    assert objectness(segments, boxes[:0]).shape == (0,)
    with pytest.raises(ValueError, match="box 1 has no pixel of an image 3 high and 4 wide"):
        objectness(segments, minidl.tensor([[0.0, 0, 4, 3], [9, 9, 12, 12]]))
    with pytest.raises(ValueError, match=r"boxes \(N, 4\), but got"):
        objectness(segments, minidl.zeros(4))
