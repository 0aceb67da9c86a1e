"""RetinaNet: one network, at once, for all boxes; the focal loss keeps the many empty ones from drowning the few.

Lin, Goyal, Girshick, He and Dollar, 2017. Every place of every map has nine boxes, and only a handful of the hundreds
of an image hold anything. The loss of a box that is already right by a wide margin counts next to nothing.

    python examples/detect/retinanet.py
    python examples/detect/retinanet.py --dataset mnist --data DIR --compiled --run runs/retinanet --plot plots
"""
import canvases

from minidl import nn
from minidl.vision.models import detection
from minidl.vision.models.detection.retinanet import RetinaNetHead

DEFAULTS = {
    "digits": {"epochs": 8, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 8, "batch_size": 16, "lr": 2e-3},
}

args = canvases.parse(__doc__, DEFAULTS)
anchors = detection.anchor_utils.AnchorGenerator(((12, 20, 30),), ((0.5, 1.0, 2.0),))
net = detection.RetinaNet(
    canvases.trunk(), num_classes=11, min_size=canvases.CANVAS, max_size=canvases.CANVAS,
    image_mean=[0.1], image_std=[0.3], anchor_generator=anchors,
    head=RetinaNetHead(64, anchors.num_anchors_per_location()[0], 11, nn.BatchNorm2d),
    detections_per_img=20, topk_candidates=100).to(args.device)
canvases.Run(args, net).end()
