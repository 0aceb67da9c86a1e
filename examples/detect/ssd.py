"""SSD: maps from fine to coarse, each with boxes of its own size; one network finds all at once.

Liu et al., 2015. Of the many boxes that hold nothing, the loss sees the three hardest for each object.

    python examples/detect/ssd.py
    python examples/detect/ssd.py --dataset mnist --data DIR --compiled --run runs/ssd --plot plots
"""
import detector

from minidl import nn
from minidl.vision.models import detection
from minidl.vision.ops import Conv2dNormActivation

DEFAULTS = {
    "digits": {"epochs": 12, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 8, "batch_size": 16, "lr": 2e-3},
    "bccd": {"epochs": 30, "batch_size": 4, "lr": 2e-3},
}


class Maps(nn.Module):
    """The trunk's map, and two that are half as large each."""

    def __init__(self, trunk):
        super().__init__()
        width = trunk.out_channels
        self.out_channels = [width] * 3
        self.stages = nn.ModuleList([trunk, *(Conv2dNormActivation(width, width, 3, 2) for _ in range(2))])

    def forward(self, x):
        maps = {}
        for i, stage in enumerate(self.stages):
            x = maps[str(i)] = stage(x)
        return maps


def build(data):
    height, width = data.size
    scales = [side / (height * width) ** 0.5 for side in data.sides_of_maps]
    boxes = detection.anchor_utils.DefaultBoxGenerator([[2, 3]] * 3, scales=scales)
    return detection.SSD(
        Maps(detector.trunk(data)), boxes, (width, height), len(data.classes), image_mean=data.mean, image_std=data.std,
        detections_per_img=data.most, topk_candidates=100)


if __name__ == "__main__":
    run = detector.Run(detector.parse(__doc__, DEFAULTS))
    run.end(build(run.data))
