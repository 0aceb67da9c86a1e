"""What cannot be learned is refused at the door, with the image and the box; images without objects are trained on."""
from __future__ import annotations

import math

import pytest

import minidl
from minidl import optim
from minidl.vision import ops
from minidl.vision.models import detection
from tests.vision.models.detection.beside import OURS, backbone, objects, ours_of
from tests.vision.models.detection.test_faster_rcnn import SMALL, parts

GOOD = {"boxes": minidl.tensor([[4.0, 5.0, 30.0, 40.0]]), "labels": minidl.tensor([2])}


def net(**more):
    return detection.FasterRCNN(**parts(OURS), **{**SMALL, **more})


def box(*corners):
    return {"boxes": minidl.tensor([[1.0, 2.0, 9.0, 9.0], list(corners)]), "labels": minidl.tensor([1, 1])}


@pytest.mark.parametrize("target, kind, text", [
    (box(5.0, 5.0, 5.0, 9.0), AssertionError, "should have positive height and width. Found invalid box "
                                              r"\[5.0, 5.0, 5.0, 9.0\] for target at index 1: box 1 of image 1"),
    (box(30.0, 5.0, 10.0, 9.0), AssertionError, r"ops.box_convert\(boxes, 'xywh', 'xyxy'\)"),
    (box(3.0, math.nan, 10.0, 9.0), ValueError, "finite numbers, but box 1 of image 1 is"),
    (box(3.0, 4.0, math.inf, 9.0), ValueError, "finite numbers, but box 1 of image 1 is"),
    (box(80.0, 5.0, 90.0, 9.0), ValueError, "64 high and 80 wide, but box 1 of image 1"),
    (box(-9.0, 5.0, 0.0, 9.0), ValueError, "box 1 of image 1, .* is outside of it"),
    ({**box(3.0, 5.0, 8.0, 9.0), "labels": minidl.tensor([1, 5])}, ValueError,
     "labels from 1 to 4, but box 1 of image 1 has label 5; num_classes counts the background, too"),
    ({**GOOD, "labels": minidl.tensor([0])}, ValueError, "box 0 of image 1 has label 0; 0 is the background"),
    ({**GOOD, "labels": minidl.tensor([-1]), "image_id": minidl.tensor([17])}, ValueError,
     r"image 1 \(image_id \[17\]\) has label -1"),
    ({**GOOD, "labels": minidl.tensor([1, 1])}, ValueError, r"as many labels as boxes, 1 for image 1, but got \(2,\)"),
    ({**GOOD, "labels": minidl.tensor([1.0])}, TypeError, "target labels must of int64 type, instead got"),
    ({**GOOD, "boxes": minidl.tensor([[4, 5, 30, 40]])}, TypeError, "target boxes must of float type, instead got"),
    ({**GOOD, "boxes": [[4.0, 5.0, 30.0, 40.0]]}, AssertionError, "to be of type Tensor, got <class 'list'> for image"),
    ({**GOOD, "boxes": minidl.zeros(0)}, AssertionError, r"shape \[N, 4\], got \(0,\) .*boxes.reshape\(-1, 4\)"),
    ({**GOOD, "boxes": minidl.zeros(2, 5)}, AssertionError, r"shape \[N, 4\], got \(2, 5\) for image 1"),
    ({"labels": GOOD["labels"]}, KeyError, "should have a boxes key"),
    ({"boxes": GOOD["boxes"]}, KeyError, "should have a labels key"),
    ({**GOOD, "masks": minidl.zeros(1, 20, 20)}, ValueError, r"masks \(N, 64, 80\) as large as image 1"),
    ({**GOOD, "masks": minidl.zeros(2, 64, 80)}, ValueError, "as many masks as boxes"),
])
def test_objects(target, kind, text):
    with pytest.raises(kind, match=text):
        net()([minidl.rand(3, 64, 80)] * 2, [GOOD, target])


@pytest.mark.parametrize("images, targets, kind, text", [
    ([minidl.rand(3, 64, 80)], None, AssertionError, "targets should not be none when in training mode"),
    ([minidl.rand(3, 64, 80)], [GOOD, GOOD], ValueError, "a target for each of 1 images, but got 2"),
    ([minidl.rand(64, 80)], [GOOD], ValueError, r"list of 3d tensors of shape \[C, H, W\], got \(64, 80\) for image 0"),
    ([minidl.ones(3, 64, 80, dtype=minidl.uint8)], [GOOD], TypeError, "to be of floating type"),
    ([[1.0]], [GOOD], TypeError, "image 0 is a list"),
    ([], [], ValueError, "a list of images, but got none"),
])
def test_images(images, targets, kind, text):
    with pytest.raises(kind, match=text):
        net()(images, targets)


def test_a_batch_tensor_is_a_list_of_images():
    assert len(net().eval()(minidl.rand(2, 3, 64, 80))) == 2


def test_targets_are_not_changed():
    target = {key: value.clone() for key, value in GOOD.items()}
    net(min_size=128, max_size=200)([minidl.rand(3, 64, 80)], [target])
    assert all(bool((target[key] == GOOD[key]).all()) for key in GOOD) and len(target) == 2


@pytest.mark.parametrize("counts", [(0, 0), (2, 0)])
def test_training_goes_on_without_objects(counts):
    """Losses and parameters stay finite, and a class that never occurs does no harm."""
    minidl.manual_seed(0)
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    images, targets = [minidl.rand(3, 64, 80), minidl.rand(3, 72, 56)], ours_of(objects(counts=counts))
    totals = []
    for _ in range(6):
        optimizer.zero_grad()
        total = sum(model(images, targets).values())
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert all(map(math.isfinite, totals)) and totals[-1] < totals[0]
    assert all(bool(p.isfinite().all()) for p in model.parameters())
    assert all(set(found) == {"boxes", "labels", "scores"} for found in model.eval()(images))


def test_parts_can_be_replaced():
    """A backbone that returns one map, and heads for other classes, as programs do that fine-tune."""
    bare = minidl.nn.Sequential(minidl.nn.Conv2d(3, 6, 3, 8, 1))
    with pytest.raises(ValueError, match="backbone should contain an attribute out_channels"):
        detection.FasterRCNN(bare, 3)
    bare.out_channels = 6
    anchors = detection.anchor_utils.AnchorGenerator(((16, 24),), ((0.5, 1.0),))
    pool = ops.MultiScaleRoIAlign(["0"], 2, 2)
    model = detection.FasterRCNN(bare, 3, rpn_anchor_generator=anchors, box_roi_pool=pool, min_size=64)
    width = model.roi_heads.box_predictor.cls_score.in_features
    model.roi_heads.box_predictor = detection.faster_rcnn.FastRCNNPredictor(width, 9)
    assert set(model([minidl.rand(3, 64, 80)], [{**GOOD, "labels": minidl.tensor([8])}])) == {
        "loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"}
    for arguments, kind, text in (
            ({}, ValueError, "num_classes should not be None when box_predictor is not specified"),
            ({"num_classes": 3, "box_predictor": model.roi_heads.box_predictor}, ValueError,
             "num_classes should be None when box_predictor is specified"),
            ({"num_classes": 3, "rpn_anchor_generator": 1}, TypeError, "rpn_anchor_generator should be of type Anchor"),
            ({"num_classes": 3, "box_roi_pool": 1}, TypeError, "box_roi_pool should be of type MultiScaleRoIAlign"),
            ({"num_classes": 3, "rpn_nms_tresh": 1}, TypeError, "rpn_nms_tresh")):
        with pytest.raises(kind, match=text):
            detection.FasterRCNN(backbone(minidl.nn), **arguments)
