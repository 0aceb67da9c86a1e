"""RetinaNet: one network, at once, for all boxes; the focal loss keeps the many empty ones from drowning the few.

Lin, Goyal, Girshick, He and Dollar, 2017. Every place of every map has nine boxes, and only a handful of the hundreds
of an image hold anything. The loss of a box that is already right by a wide margin counts next to nothing.

    python examples/detect/retinanet.py
    python examples/detect/retinanet.py --dataset mnist --data DIR --compiled --run runs/retinanet --plot plots
"""
import detector

from minidl import nn
from minidl.vision.models import detection
from minidl.vision.models.detection.retinanet import RetinaNetHead

DEFAULTS = {
    "digits": {"epochs": 12, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 8, "batch_size": 16, "lr": 2e-3},
    "bccd": {"epochs": 30, "batch_size": 4, "lr": 2e-3},
}


def build(data):
    trunk = detector.trunk(data)
    anchors = detection.anchor_utils.AnchorGenerator((data.sides,), (data.ratios,))
    shapes = anchors.num_anchors_per_location()[0]
    return detection.RetinaNet(
        trunk, num_classes=len(data.classes), min_size=min(data.size), max_size=max(data.size),
        image_mean=data.mean, image_std=data.std, anchor_generator=anchors,
        head=RetinaNetHead(trunk.out_channels, shapes, len(data.classes), nn.BatchNorm2d),
        detections_per_img=data.most, topk_candidates=5 * data.most)


if __name__ == "__main__":
    run = detector.Run(detector.parse(__doc__, DEFAULTS))
    run.end(build(run.data))
