"""PCK and OKS: by hand, and OKS as pycocotools' formula inside the average precision has it."""
from __future__ import annotations

import math

import numpy as np
import pytest

import minidl
from minidl.metrics.functional import coco, object_keypoint_similarity, percentage_of_correct_keypoints
from tests import strict_array

TARGET = [[[10.0, 10.0, 2], [30.0, 10.0, 1], [0.0, 0.0, 0]], [[5.0, 5.0, 2], [5.0, 9.0, 0], [8.0, 5.0, 2]]]
PREDS = [[[12.0, 10.0], [30.0, 12.5], [9.0, 9.0]], [[5.0, 5.0], [0.0, 0.0], [8.0, 6.0]]]


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_share_of_visible_points_within_a_part_of_the_size(device):
    """2 pixels are a tenth of 20, 2.5 are more; 1 is more than a tenth of 8. Hidden points do not count."""
    assert strict_array.__doc__
    preds, target, size = (minidl.tensor(x).to(device) for x in (PREDS, TARGET, [20.0, 8.0]))
    assert percentage_of_correct_keypoints(preds, target, size).item() == 0.5
    assert percentage_of_correct_keypoints(preds, target, size, threshold=0.125).item() == 1
    assert percentage_of_correct_keypoints(preds, target, size, threshold=0.01).item() == 0.25
    assert math.isnan(percentage_of_correct_keypoints(preds, target * 0, size).item())


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_similarity_by_hand(device):
    preds, target, area = (minidl.tensor(x).to(device) for x in (PREDS, TARGET, [100.0, 25.0]))
    expected = [(math.exp(-4 / (8 * 100 * 0.01)) + math.exp(-6.25 / (8 * 100 * 0.04))) / 2,
                (1 + math.exp(-1 / (8 * 25 * 0.09))) / 2]
    found = object_keypoint_similarity(preds, target, area, [0.1, 0.2, 0.3]).cpu().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert object_keypoint_similarity(preds, target * 0, area, [0.1, 0.2, 0.3]).isnan().all()


def test_similarity_is_that_of_the_average_precision():
    rng, sigmas = np.random.default_rng(0), np.array([0.05, 0.1, 0.2, 0.4])
    points = np.concatenate([rng.uniform(0, 50, (6, 4, 2)), rng.integers(0, 3, (6, 4, 1))], 2)
    points[:, 0, 2] = 2                                     # one is visible in each object
    guesses, area = points + rng.normal(0, 3, points.shape), rng.uniform(100, 900, 6)
    zeros, boxes = np.zeros(6, np.int64), np.zeros((6, 4))
    detections = coco.Detections(zeros, zeros, area, area, guesses.reshape(6, -1))
    targets = coco.Targets(zeros, zeros, zeros > 0, zeros > 0, area, np.concatenate([points.reshape(6, -1), boxes], 1))
    pairs = coco.pair_within_groups(np.arange(6), np.arange(6))
    expected = coco.overlap_keypoints(sigmas)(detections, targets, pairs)
    found = object_keypoint_similarity(*(minidl.tensor(x) for x in (guesses, points, area)), sigmas.tolist())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("call, text", [
    (lambda x, y, a: percentage_of_correct_keypoints(x[0], y, a), r"but got \(2, 3, 3\), \(3, 2\) and \(2,\)"),
    (lambda x, y, a: percentage_of_correct_keypoints(x, y, a[:1]), "a number for each object"),
    (lambda x, y, a: percentage_of_correct_keypoints(x, y, a, threshold=0), "a threshold above 0, but got 0"),
    (lambda x, y, a: object_keypoint_similarity(x, y[..., :2], a, [1, 1, 1]), r"expected target \(N, K, 3\)"),
    (lambda x, y, a: object_keypoint_similarity(x, y, a, [0.1]), "a sigma for each of 3 key points, but got 1"),
])
def test_refusals(call, text):
    with pytest.raises(ValueError, match=text):
        call(minidl.tensor(PREDS), minidl.tensor(TARGET), minidl.tensor([1.0, 1.0]))
