"""Faster R-CNN: one network proposes boxes, another says what is in each and moves its sides.

Ren, He, Girshick and Sun, 2015. Both look at the same maps, so that a proposal costs next to nothing. The figure is the
mean average precision: of the boxes that are found, best first, how many are right, for each share of the digits.

    python examples/detect/faster_rcnn.py
    python examples/detect/faster_rcnn.py --dataset mnist --data DIR --compiled --run runs/faster_rcnn --plot plots
"""
import canvases

from minidl.vision.models import detection
from minidl.vision.ops import MultiScaleRoIAlign

DEFAULTS = {
    "digits": {"epochs": 10, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 8, "batch_size": 16, "lr": 2e-3},
}

args = canvases.parse(__doc__, DEFAULTS)
net = detection.FasterRCNN(
    canvases.trunk(), min_size=canvases.CANVAS, max_size=canvases.CANVAS,
    image_mean=[0.1], image_std=[0.3],
    rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((12, 20, 30),), ((0.5, 1.0, 2.0),)),
    rpn_pre_nms_top_n_train=200, rpn_pre_nms_top_n_test=100, rpn_post_nms_top_n_train=60, rpn_post_nms_top_n_test=30,
    rpn_batch_size_per_image=64, box_batch_size_per_image=32, box_detections_per_img=20,
    box_roi_pool=MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
    box_head=detection.faster_rcnn.TwoMLPHead(64 * 7 * 7, 128),
    box_predictor=detection.faster_rcnn.FastRCNNPredictor(128, 11)).to(args.device)
canvases.Run(args, net).end()
