"""Mask and Keypoint R-CNN beside torchvision's: losses, gradients and results, and what they are made of."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.vision.models import detection
from minidl.vision.models.detection import roi_heads
from tests.vision.models.detection.beside import (
    OURS,
    agree_in_evaluation,
    agree_in_training,
    backbone,
    modules,
    objects,
    ours_of,
    same_weights,
    theirs,
    without_chance,
)
from tests.vision.models.detection.test_faster_rcnn import SMALL, parts


def mask(library, **more):
    _, of, ops = library
    return of.MaskRCNN(**parts(library), mask_roi_pool=ops.MultiScaleRoIAlign(["0", "1"], 4, 2),
                       mask_head=of.mask_rcnn.MaskRCNNHeads(8, [6, 6], 1),
                       mask_predictor=of.mask_rcnn.MaskRCNNPredictor(6, 5, 5), **{**SMALL, **more})


def keypoint(library, **more):
    _, of, ops = library
    return of.KeypointRCNN(**parts(library), keypoint_roi_pool=ops.MultiScaleRoIAlign(["0", "1"], 4, 2),
                           keypoint_head=of.keypoint_rcnn.KeypointRCNNHeads(8, [6, 6]),
                           keypoint_predictor=of.keypoint_rcnn.KeypointRCNNPredictor(6, 4), **{**SMALL, **more})


def both(build, **more):
    ours, there = (build(library, **more) for library in modules())
    same_weights(ours, there)
    return ours, there


@pytest.mark.parametrize("counts", [(3, 2), (0, 2), (0, 0)])
@pytest.mark.parametrize("build", [mask, keypoint])
def test_losses_and_gradients(monkeypatch, build, counts):
    ours, there = both(build)
    without_chance(monkeypatch)
    agree_in_training(ours, there, objects(counts=counts))


@pytest.mark.parametrize("build", [mask, keypoint])
@pytest.mark.parametrize("more", [{}, {"min_size": 96, "max_size": 200}])
def test_results(build, more):
    agree_in_evaluation(*both(build, **more))


@pytest.mark.parametrize("build, key", [(mask, "masks"), (keypoint, "keypoints")])
def test_no_results_at_all(build, key):
    """Above every score: the shapes stay."""
    ours, there = both(build, box_score_thresh=1.1)
    agree_in_evaluation(ours, there, least=0)
    found = ours.eval()([minidl.rand(3, 40, 50)])[0]
    assert found[key].shape == ((0, 1, 40, 50) if key == "masks" else (0, 4, 3)) and found["boxes"].shape == (0, 4)


def test_masks_at_the_rim_of_an_image():
    torch, there = pytest.importorskip("torch"), theirs().roi_heads
    generator = np.random.default_rng(0)
    masks = generator.random((6, 1, 7, 7), np.float32)
    boxes = np.array([[0, 0, 5, 9], [30, 20, 40, 30], [3.5, 2.2, 3.9, 2.4], [-3, 4, 10, 12], [0, 0, 40, 30],
                      [39, 29, 40, 30]], np.float32)
    ours = roi_heads.paste_masks_in_image(minidl.tensor(masks), minidl.tensor(boxes), (30, 40))
    expected = there.paste_masks_in_image(torch.from_numpy(masks), torch.from_numpy(boxes), (30, 40))
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), atol=1e-6)


def test_points_of_a_heatmap():
    """On the last side, outside, and not visible."""
    torch, there = pytest.importorskip("torch"), theirs().roi_heads
    points = np.array([[[4, 6, 2], [10, 12, 1], [3.9, 6, 2], [7, 7, 0]],
                       [[1, 1, 1], [5, 3, 1], [4.9, 2.9, 2], [0, 9, 1]]],
                      np.float32)
    boxes = np.array([[4, 6, 10, 12], [1, 1, 5, 3]], np.float32)
    ours = roi_heads.keypoints_to_heatmap(minidl.tensor(points), minidl.tensor(boxes), 8)
    expected = there.keypoints_to_heatmap(torch.from_numpy(points), torch.from_numpy(boxes), 8)
    for here, wanted in zip(ours, expected):
        np.testing.assert_array_equal(here.numpy(), wanted.numpy())
    assert ours[1].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]


def test_a_point_comes_back_where_it_was():
    """To half a pixel of the map."""
    box, point = minidl.tensor([[10.0, 20.0, 66.0, 76.0]]), minidl.tensor([[[37.0, 61.0, 1.0]]])
    place, _ = roi_heads.keypoints_to_heatmap(point, box, 56)
    maps = minidl.zeros(1, 1, 56, 56)
    maps.view(-1)[place.item()] = 1.0
    found, scores = roi_heads.heatmaps_to_keypoints(maps, box)
    assert float((found - point).abs().max()) <= 0.5 and scores.item() == 1.0


@pytest.mark.parametrize("build, kind, change, text", [
    (mask, ValueError, lambda target: target.pop("masks"), "should have a masks key"),
    (keypoint, ValueError, lambda target: target.pop("keypoints"), "should have a keypoints key"),
    (keypoint, TypeError, lambda target: target.update(keypoints=minidl.zeros(3, 4, 3).double()),
     "target keypoints must of float type, instead got float64"),
    (keypoint, ValueError, lambda target: target.update(keypoints=minidl.zeros(2, 4, 3)), "as many keypoints as boxes"),
    (keypoint, ValueError, lambda target: target.update(keypoints=minidl.zeros(3, 9, 3)), r"keypoints \(N, 4, 3\)"),
])
def test_refusals(build, kind, change, text):
    target = ours_of(objects())[0]
    change(target)
    with pytest.raises(kind, match=text):
        build(OURS)([minidl.rand(3, 64, 80)], [target])


def test_refusals_of_arguments():
    _, of, _ = OURS
    body = backbone(minidl.nn)
    for make, arguments, kind, text in (
            (of.MaskRCNN, {"num_classes": 3, "mask_roi_pool": 1}, TypeError, "mask_roi_pool should be of type Multi"),
            (of.MaskRCNN, {"num_classes": 3, "mask_predictor": body}, ValueError, "None when mask_predictor is spec"),
            (of.MaskRCNN, {"box_predictor": body}, ValueError, "num_classes should not be None when mask_predictor"),
            (of.KeypointRCNN, {"num_classes": 3, "keypoint_roi_pool": 1}, TypeError, "keypoint_roi_pool should be of"),
            (of.KeypointRCNN, {"num_keypoints": 3, "keypoint_predictor": body}, ValueError,
             "num_keypoints should be None when keypoint_predictor is specified")):
        with pytest.raises(kind, match=text):
            make(body, **arguments)
    assert detection.MaskRCNN is of.MaskRCNN
