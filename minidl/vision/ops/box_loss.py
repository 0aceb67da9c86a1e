"""What the losses between predicted and right boxes share: 1 minus an extended IoU.

IoU is the intersection over union. Where boxes do not meet, it is 0 and so is its gradient. Each of these losses adds a
term whose gradient still moves the boxes together. Boxes come in pairs: both (N, 4) or (4,), as x1, y1, x2, y2.
"""
from __future__ import annotations

from minidl.ops.base import check_floating
from minidl.ops.loss.losses import check_reduction, reduce_losses
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.boxes import check_boxes, upcast


def check_pairs(who: str, boxes1: Tensor, boxes2: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """Both, in a type that does not overflow. Errors: as the losses say."""
    check_floating(who, boxes1=boxes1, boxes2=boxes2)
    check_reduction(reduction)
    check_boxes(who, boxes1=boxes1, boxes2=boxes2)
    if boxes1.shape != boxes2.shape:
        raise RuntimeError(f"{who}: boxes belong together in pairs, but got boxes1 {tuple(boxes1.shape)} and boxes2 "
                           f"{tuple(boxes2.shape)}; for every box with every other one, see box_iou")
    return upcast(boxes1), upcast(boxes2)


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """Reduce as usual, but the mean of no boxes is 0."""
    return reduce_losses(losses, "sum" if reduction == "mean" and not losses.numel() else reduction)
