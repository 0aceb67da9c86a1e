"""YOLO: its loss by hand, its results by hand, and what it refuses."""
from __future__ import annotations

import pytest

import minidl
from minidl import nn, optim
from minidl.vision.models import detection


def net(channels=3, width=8, **more):
    backbone = nn.Sequential(nn.Conv2d(channels, width, 16, 16), nn.ReLU())
    backbone.out_channels = width
    return detection.YOLO(backbone, (32, 32), 3, image_mean=[0.0] * channels, image_std=[1.0] * channels, **more)


def target(*boxes, labels):
    return {"boxes": minidl.tensor(boxes).reshape(-1, 4), "labels": minidl.tensor(labels, dtype=minidl.int64)}


def test_the_loss_by_hand():
    """An object of 8x16 with its middle at (20, 8): cell (0, 1) of 2x2, in which it is at (0.25, 0.5)."""
    boxes, scores = minidl.zeros(1, 2, 2, 2, 5), minidl.zeros(1, 2, 2, 2)
    boxes[0, 0, 1, 0] = minidl.tensor([0.25, 0.5, 0.5, 0.5, 0.3])       # 8x8 in the middle of it: IoU 0.5
    boxes[0, 0, 1, 1] = minidl.tensor([0.9, 0.9, 0.1, 0.1, 0.6])        # elsewhere
    boxes[0, 1, 0, 0, 4] = 2.0
    scores[0, 0, 1] = minidl.tensor([0.25, 0.5])
    scores[0, 1, 1] = 7.0                                               # counts in no cell without an object
    losses = net().losses([target([16.0, 0.0, 24.0, 16.0], labels=[2])], boxes, scores, (32, 32))
    assert losses["box"].item() == pytest.approx(5 * (0.5 ** 0.5 - 0.5) ** 2)          # the height: sqrt(16 / 32)
    assert losses["objectness"].item() == pytest.approx((0.3 - 0.5) ** 2)
    assert losses["emptiness"].item() == pytest.approx(0.5 * (0.6 ** 2 + 2.0 ** 2))
    assert losses["classification"].item() == pytest.approx(0.25 ** 2 + 0.5 ** 2)


def test_the_loss_is_a_mean_over_images_and_a_cell_has_one_object():
    boxes, scores = minidl.randn(2, 2, 2, 2, 5), minidl.randn(2, 2, 2, 2)
    first, last = [1.0, 2.0, 9.0, 12.0], [2.0, 2.0, 14.0, 8.0]          # the middles of both are in cell (0, 0)
    one = net().losses([target(last, labels=[1])], boxes[:1], scores[:1], (32, 32))
    both = net().losses([target(first, last, labels=[2, 1]), target(labels=[])], boxes, scores, (32, 32))
    for name in ("box", "objectness", "classification"):
        assert both[name].item() == pytest.approx(one[name].item() / 2)


def test_results_by_hand():
    boxes, scores = minidl.zeros(1, 2, 2, 2, 5), minidl.zeros(1, 2, 2, 2)
    boxes[0, 1, 0, 1] = minidl.tensor([0.5, 0.25, 0.5, -0.5, 0.8])      # a negative root has the same square
    boxes[0, 0, 1, 0] = minidl.tensor([1.0, 0.0, 0.5, 0.5, 0.5])        # half outside of the image, on two sides
    scores[0, 1, 0] = minidl.tensor([0.0, 0.5])
    scores[0, 0, 1] = minidl.tensor([1.0, 0.0])
    found, = net().detections(boxes, scores, (32, 32))
    assert found["boxes"].tolist() == [[28.0, 0.0, 32.0, 4.0], [4.0, 16.0, 12.0, 24.0]]
    assert found["labels"].tolist() == [1, 2]
    assert found["scores"].tolist() == pytest.approx([0.5, 0.4])


def test_it_learns_an_image_and_one_without_objects():
    minidl.manual_seed(0)
    model = net(width=32)
    images = [minidl.rand(3, 40, 48), minidl.rand(3, 32, 32)]
    targets = [target([6.0, 5.0, 20.0, 30.0], labels=[2]), target(labels=[])]
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    for _ in range(100):
        optimizer.zero_grad()
        sum(model(images, targets).values()).backward()
        optimizer.step()
    found, nothing = model.eval()(images)
    assert found["labels"][0] == 2 and found["scores"][0] > 0.5 and not (nothing["scores"] > 0.2).any()
    assert abs(found["boxes"][0] - targets[0]["boxes"]).max() < 2


def test_refusals():
    with pytest.raises(ValueError, match="box 0 of image 0 has label 3; num_classes counts the background"):
        net()([minidl.rand(3, 32, 32)], [target([1.0, 1.0, 9.0, 9.0], labels=[3])])
    with pytest.raises(AssertionError, match="positive height and width"):
        net()([minidl.rand(3, 32, 32)], [target([1.0, 1.0, 1.0, 9.0], labels=[1])])
    with pytest.raises(ValueError, match="one map, but got 2"):
        model = net().eval()
        model.backbone = type("Two", (nn.Module,), {"forward": lambda self, x: {"0": x, "1": x}})()
        model([minidl.rand(3, 32, 32)])
