"""Faster R-CNN beside torchvision's: losses, gradients and results with the same weights."""
from __future__ import annotations

import pytest

from tests.vision.models.detection.beside import (
    agree_in_evaluation,
    agree_in_training,
    backbone,
    modules,
    objects,
    same_weights,
    without_chance,
)

SMALL = {"min_size": 64, "max_size": 80, "box_batch_size_per_image": 32, "rpn_batch_size_per_image": 32,
         "rpn_pre_nms_top_n_train": 60, "rpn_post_nms_top_n_train": 40, "rpn_pre_nms_top_n_test": 60,
         "rpn_post_nms_top_n_test": 40, "rpn_fg_iou_thresh": 0.5, "box_detections_per_img": 12}


def parts(library, channels=8):
    """Those that fit two small maps."""
    layers, of, ops = library
    return {"backbone": backbone(layers),
            "rpn_anchor_generator": of.anchor_utils.AnchorGenerator(((16,), (24,)), ((0.5, 1.0),) * 2),
            "box_roi_pool": ops.MultiScaleRoIAlign(["0", "1"], 3, 2),
            "box_head": of.faster_rcnn.TwoMLPHead(channels * 9, 16),
            "box_predictor": of.faster_rcnn.FastRCNNPredictor(16, 5)}


def both(**more):
    return [library[1].FasterRCNN(**parts(library), **{**SMALL, **more}) for library in modules()]


@pytest.mark.parametrize("counts", [(3, 2), (0, 2), (0, 0)])
def test_losses_and_gradients(monkeypatch, counts):
    ours, theirs = both()
    same_weights(ours, theirs)
    without_chance(monkeypatch)
    agree_in_training(ours, theirs, objects(counts=counts))


@pytest.mark.parametrize("more", [{}, {"box_nms_thresh": 0.2, "box_score_thresh": 0.19}, {"rpn_nms_thresh": 0.4},
                                  {"size_divisible": 8, "image_mean": [0.5] * 3, "image_std": [0.3] * 3}])
def test_results(more):
    ours, theirs = both(**more)
    same_weights(ours, theirs)
    agree_in_evaluation(ours, theirs)
