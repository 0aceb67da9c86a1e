"""Detectors of both libraries on one small backbone, with the same weights, images, objects and draws."""
from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.vision import ops
from minidl.vision.models import detection
from tests.vision.models.test_against_torchvision import to_torch
from tests.vision.reference import torchvision


@functools.cache
def theirs() -> Any:
    """torchvision's detectors, with a body for `nms`, whose compiled one may not load."""
    torch, there = pytest.importorskip("torch"), torchvision("models.detection")

    def nms(boxes, scores, iou_threshold):
        kept, left = [], scores.argsort(descending=True, stable=True)
        while len(left):
            kept.append(left[0])
            overlaps = torchvision("ops").box_iou(boxes[left[:1]], boxes[left])[0]
            left = left[1:][~(overlaps[1:] > iou_threshold)]       # NaN, of two boxes without area, covers nothing
        return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)

    torchvision("ops.boxes").nms = nms
    regions = importlib.import_module("torchvision.ops.roi_align")      # in Python, and not compiled at the first call
    regions._roi_align = inspect.unwrap(regions._roi_align)
    return there


OURS = (nn, detection, ops)


def modules():
    """(layers, detection, ops) of both; ours start with the same weights always."""
    torch = pytest.importorskip("torch")
    minidl.manual_seed(0)
    return OURS, (torch.nn, theirs(), torchvision("ops"))


def backbone(layers: Any, maps: int = 2, channels: int = 8) -> Any:
    """Maps "0" and on, an eighth of the image, a sixteenth, and so on, in few channels."""
    class Backbone(layers.Module):
        def __init__(self):
            super().__init__()
            self.stem = layers.Sequential(layers.Conv2d(3, channels, 5, 4, 2), layers.ReLU())
            self.stages = layers.ModuleList(layers.Conv2d(channels, channels, 3, 2, 1) for _ in range(maps))
            self.out_channels = channels

        def forward(self, x):
            x, found = self.stem(x), {}
            for i, stage in enumerate(self.stages):
                x = stage(x).relu()
                found[str(i)] = x
            return found

    return Backbone()


SIZES = [(64, 80), (72, 56)]


def images(seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.random((3, *size), np.float32) for size in SIZES]


def objects(seed: int = 0, counts: tuple[int, ...] = (3, 2), num_classes: int = 5) -> list[dict[str, np.ndarray]]:
    """Boxes, labels, masks and key points of each image."""
    generator, found = np.random.default_rng(seed), []
    for (height, width), n in zip(SIZES, counts):
        corner = generator.random((n, 2)) * [width - 30, height - 30]
        boxes = np.concatenate([corner, corner + 12 + 17 * generator.random((n, 2))], 1).astype(np.float32)
        masks = np.zeros((n, height, width), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int)):
            mask[y1:y2, x1:x2] = generator.random((y2 - y1, x2 - x1)) < 0.7
        points = boxes[:, None, :2] + generator.random((n, 4, 2)) * (boxes[:, None, 2:] - boxes[:, None, :2])
        found.append({
            "boxes": boxes, "labels": generator.integers(1, num_classes, n), "masks": masks,
            "keypoints": np.concatenate([points, generator.integers(0, 3, (n, 4, 1))], -1).astype(np.float32)})
    return found


def ours_of(values: list[dict[str, np.ndarray]]) -> list[dict[str, minidl.Tensor]]:
    return [{key: minidl.tensor(value) for key, value in each.items()} for each in values]


def theirs_of(values: list[dict[str, np.ndarray]]) -> list[dict[str, Any]]:
    torch = pytest.importorskip("torch")
    return [{key: torch.from_numpy(value.copy()) for key, value in each.items()} for each in values]


def without_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws take the first ones in both."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(detection._utils, "randperm", lambda n, **_: minidl.arange(n))
    monkeypatch.setattr(torch, "randperm", lambda n, **_: torch.arange(n))


def same_weights(here: nn.Module, there: Any, seed: int = 0, size: float = 0.05) -> None:
    """Weights so large that results differ from box to box."""
    generator = np.random.default_rng(seed)
    with minidl.no_grad():
        for p in here.parameters():
            p += minidl.tensor(generator.standard_normal(p.shape).astype(np.float32)) * size
    there.load_state_dict(to_torch(here.state_dict()))
    assert list(here.state_dict()) == list(there.state_dict())


def agree_in_training(here: nn.Module, there: Any, values: list[dict[str, np.ndarray]], rtol: float = 2e-5) -> None:
    """Losses by name, and gradients."""
    torch = pytest.importorskip("torch")
    here.train(), there.train()
    losses = here([minidl.tensor(image) for image in images()], ours_of(values))
    expected = there([torch.from_numpy(image) for image in images()], theirs_of(values))
    assert set(losses) == set(expected)
    for name, loss in losses.items():
        np.testing.assert_allclose(loss.item(), expected[name].item(), rtol=rtol, err_msg=name)
    sum(losses.values()).backward()
    sum(expected.values()).backward()
    # a bias before a norm has no effect: what is left of its gradient is rounding
    cancelled = 1e-6 * max(float(q.grad.abs().max()) for q in there.parameters() if q.grad is not None)
    for (name, p), q in zip(here.named_parameters(), there.parameters(), strict=True):
        assert (p.grad is None) == (q.grad is None), name
        if q.grad is not None:
            largest = float(q.grad.abs().max())
            np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-4 * largest + cancelled,
                                       err_msg=name)


def agree_in_evaluation(here: nn.Module, there: Any, least: int = 5) -> None:
    """Results of each image; boxes whose scores are the same to rounding may change places."""
    torch = pytest.importorskip("torch")
    here.eval(), there.eval()
    with minidl.no_grad(), torch.no_grad():
        found = here([minidl.tensor(image) for image in images()])
        expected = there([torch.from_numpy(image) for image in images()])
    assert len(found) == len(expected)
    for ours, wanted in zip(found, expected):
        assert list(ours) == list(wanted) and len(wanted["boxes"]) >= least
        for key, value in wanted.items():
            assert str(value.dtype).removeprefix("torch.") == str(ours[key].dtype).removeprefix("minidl."), key
            np.testing.assert_allclose(ours[key].numpy(), value.numpy(), rtol=1e-4, atol=2e-4, err_msg=key)


