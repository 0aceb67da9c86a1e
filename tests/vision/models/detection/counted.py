"""Parameters and multiply-adds of a detector, of an image and of each box that it proposes.

At the size of the image a detector would compute for seconds. Layers here return zeros of the right shape, which take
no memory, and say what they would have computed; so the count is exact, whatever rounding the sizes of maps have.
"""
from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Iterator
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.nn import functional as F
from minidl.vision import models, ops
from minidl.vision.models import detection


@contextlib.contextmanager
def counting() -> Iterator[list[int]]:
    """In it, layers add their multiply-adds to the list, and return zeros."""
    found: list[int] = []

    def zeros(*shape: int) -> minidl.Tensor:
        return minidl.zeros(1).expand(*shape)

    def conv(self: Any, x: minidl.Tensor) -> minidl.Tensor:
        sides = [(side + 2 * pad - step * (kernel - 1) - 1) // stride + 1 for side, pad, step, kernel, stride in
                 zip(x.shape[2:], self.padding, self.dilation, self.kernel_size, self.stride)]
        found.append(len(x) * math.prod(sides) * self.weight.numel())
        return zeros(len(x), self.out_channels, *sides)

    def transposed(self: Any, x: minidl.Tensor) -> minidl.Tensor:
        found.append(len(x) * math.prod(x.shape[2:]) * self.weight.numel())
        sides = [(side - 1) * stride - 2 * pad + kernel for side, stride, pad, kernel in
                 zip(x.shape[2:], self.stride, self.padding, self.kernel_size)]
        return zeros(len(x), self.out_channels, *sides)

    def linear(self: Any, x: minidl.Tensor) -> minidl.Tensor:
        found.append(math.prod(x.shape[:-1]) * self.weight.numel())
        return zeros(*x.shape[:-1], self.out_features)

    bodies = {nn.Conv2d: conv, nn.ConvTranspose2d: transposed, nn.Linear: linear}
    same = (nn.BatchNorm2d, nn.GroupNorm, ops.FrozenBatchNorm2d, nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid)
    with pytest.MonkeyPatch.context() as patch:
        for kind, body in {**bodies, **dict.fromkeys(same, lambda self, x: x)}.items():
            patch.setattr(kind, "forward", body)
        patch.setattr(F, "normalize", lambda x: x)
        yield found


def trained(name: str, **arguments: Any) -> Any:
    """The net that trained weights are loaded into."""
    return inspect.unwrap(models.get_model_builder(name))(_trained=True, **arguments)


def of_detector(name: str, side: int, boxes: int = 0, results: int = 0) -> tuple[int, int]:
    """Parameters, and multiply-adds of a square image of which so many boxes are proposed.

    results: how many of them are left, and have a mask or key points.

    The net is that of trained weights, whose norms may be frozen.
    """
    model = trained(name).eval()
    with counting() as found, minidl.no_grad():
        maps = model.backbone(minidl.zeros(1).expand(1, 3, side, side))
        if isinstance(model, detection.FasterRCNN):
            heads = model.roi_heads
            model.rpn.head([*maps.values()])
            of_image = sum(found)
            heads.box_predictor(heads.box_head(minidl.zeros(1, model.backbone.out_channels, 7, 7)))
            of_box, of_result = sum(found) - of_image, 0
            for kind in ("mask", "keypoint"):
                if results and getattr(heads, f"{kind}_head") is not None:
                    region = minidl.zeros(1, model.backbone.out_channels, 14, 14)
                    getattr(heads, f"{kind}_predictor")(getattr(heads, f"{kind}_head")(region))
                    of_result = sum(found) - of_image - of_box
        else:
            model.head([*maps.values()])
            of_image, of_box, of_result = sum(found), 0, 0
    return sum(p.numel() for p in model.parameters()), of_image + boxes * of_box + results * of_result
