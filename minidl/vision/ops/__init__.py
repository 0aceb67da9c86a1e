"""Boxes, losses, layers and structured dropout for vision, with torchvision's names.

`dice_loss` is not in torchvision.
"""
from minidl.vision.ops.box_loss import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss
from minidl.vision.ops.boxes import (
    box_area,
    box_convert,
    box_iou,
    clip_boxes_to_image,
    complete_box_iou,
    distance_box_iou,
    generalized_box_iou,
    nms,
    remove_small_boxes,
)
from minidl.vision.ops.dice_loss import dice_loss
from minidl.vision.ops.drop_block import DropBlock2d, drop_block2d
from minidl.vision.ops.focal_loss import sigmoid_focal_loss
from minidl.vision.ops.misc import (
    MLP,
    Conv2dNormActivation,
    Conv3dNormActivation,
    FrozenBatchNorm2d,
    Permute,
    SqueezeExcitation,
)
from minidl.vision.ops.stochastic_depth import StochasticDepth, stochastic_depth

__all__ = [
    "MLP", "Conv2dNormActivation", "Conv3dNormActivation", "DropBlock2d", "FrozenBatchNorm2d", "Permute",
    "SqueezeExcitation", "StochasticDepth", "box_area", "box_convert", "box_iou", "clip_boxes_to_image",
    "complete_box_iou", "complete_box_iou_loss", "dice_loss", "distance_box_iou", "distance_box_iou_loss",
    "drop_block2d", "generalized_box_iou", "generalized_box_iou_loss", "nms", "remove_small_boxes",
    "sigmoid_focal_loss", "stochastic_depth",
]
