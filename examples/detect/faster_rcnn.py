"""Faster R-CNN: one network proposes boxes, another says what is in each and moves its sides.

Ren, He, Girshick and Sun, 2015. Both look at the same maps, so that a proposal costs next to nothing. The figure is the
mean average precision: of the boxes that are found, best first, how many are right, for each share of the objects.

    python examples/detect/faster_rcnn.py
    python examples/detect/faster_rcnn.py --dataset mnist --data DIR --compiled --run runs/faster_rcnn --plot plots
    python examples/detect/faster_rcnn.py --dataset bccd --data DIR --compiled --save cells.minidl
    python examples/detect/faster_rcnn.py --dataset bccd --data DIR --weights cells.minidl --evaluate --split val
"""
import detector

from minidl.vision.models import detection
from minidl.vision.ops import MultiScaleRoIAlign

DEFAULTS = {
    "digits": {"epochs": 10, "batch_size": 8, "lr": 2e-3},
    "mnist": {"epochs": 8, "batch_size": 16, "lr": 2e-3},
    "bccd": {"epochs": 30, "batch_size": 4, "lr": 2e-3},
}


def build(data):
    trunk = detector.trunk(data)
    return detection.FasterRCNN(
        trunk, min_size=min(data.size), max_size=max(data.size), image_mean=data.mean, image_std=data.std,
        rpn_anchor_generator=detection.anchor_utils.AnchorGenerator((data.sides,), (data.ratios,)),
        rpn_pre_nms_top_n_train=10 * data.most, rpn_pre_nms_top_n_test=5 * data.most,
        rpn_post_nms_top_n_train=3 * data.most, rpn_post_nms_top_n_test=3 * data.most // 2,
        rpn_batch_size_per_image=max(64, 2 * data.most), box_batch_size_per_image=max(32, data.most),
        box_detections_per_img=data.most,
        box_roi_pool=MultiScaleRoIAlign(["0"], output_size=7, sampling_ratio=2),
        box_head=detection.faster_rcnn.TwoMLPHead(trunk.out_channels * 7 * 7, 128),
        box_predictor=detection.faster_rcnn.FastRCNNPredictor(128, len(data.classes)))


if __name__ == "__main__":
    run = detector.Run(detector.parse(__doc__, DEFAULTS))
    run.end(build(run.data))
