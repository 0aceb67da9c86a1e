"""Losses between predicted and right boxes: 1 minus an extended IoU.

IoU is the intersection over union. Where boxes do not meet, it is 0 and so is its gradient. Each of these losses adds a
term whose gradient still moves the boxes together. Boxes come in pairs: both (N, 4) or (4,), as x1, y1, x2, y2.
"""
from __future__ import annotations

from minidl.ops.base import check_floating
from minidl.ops.loss.losses import check_reduction, reduce_losses
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.boxes import center_distance, check_boxes, generalized_iou, iou, shape_difference, upcast


def generalized_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - GIoU, from 0 to 2.

    GIoU = IoU - (A - union) / A, with the area A of the smallest box around both. eps: against division by 0.
    reduction: 'none' gives (N,); the mean of no boxes is 0. float16 is computed in float32.
    Errors: RuntimeError where shapes differ, ValueError for another reduction.
    Source: Rezatofighi et al., "Generalized Intersection over Union", 2019, https://arxiv.org/abs/1902.09630

        >>> import minidl
        >>> from minidl.vision import ops
        >>> first, second = minidl.tensor([[0., 0., 1., 1.]]), minidl.tensor([[3., 0., 4., 1.]])
        >>> ops.generalized_box_iou_loss(first, second)
        tensor([1.5000])
    """
    boxes1, boxes2 = _check_pairs("generalized_box_iou_loss", boxes1, boxes2, reduction)
    return _reduce(1 - generalized_iou(boxes1, boxes2, eps), reduction)


def distance_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - IoU + d^2 / c^2.

    d is the distance of the centres, c the diagonal of the smallest box around both. Arguments and errors: as
    `generalized_box_iou_loss`.
    Source: Zheng et al., "Distance-IoU Loss", 2019, https://arxiv.org/abs/1911.08287

        >>> import minidl
        >>> from minidl.vision import ops
        >>> first, second = minidl.tensor([[0., 0., 1., 1.]]), minidl.tensor([[3., 0., 4., 1.]])
        >>> ops.distance_box_iou_loss(first, second)        # 1 - 0 + 9/17
        tensor([1.5294])
    """
    boxes1, boxes2 = _check_pairs("distance_box_iou_loss", boxes1, boxes2, reduction)
    return _reduce(1 - iou(boxes1, boxes2, eps) + center_distance(boxes1, boxes2, eps), reduction)


def complete_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """`distance_box_iou_loss` + alpha v, where v measures the difference in shape:

        v = 4/pi^2 (atan(w2/h2) - atan(w1/h1))^2,        alpha = v / (1 - IoU + v)

    alpha counts as a constant, so no gradient passes through it. Arguments and errors: as `generalized_box_iou_loss`.
    Source: Zheng et al., "Distance-IoU Loss", 2019, https://arxiv.org/abs/1911.08287

        >>> import minidl
        >>> from minidl.vision import ops
        >>> square, wide = minidl.tensor([[0., 0., 2., 2.]]), minidl.tensor([[-1., 0., 3., 2.]])
        >>> ops.complete_box_iou_loss(square, wide)         # 1 - 4/8, and a little for the shape
        tensor([0.5032])
    """
    boxes1, boxes2 = _check_pairs("complete_box_iou_loss", boxes1, boxes2, reduction)
    overlap = iou(boxes1, boxes2, eps)
    losses = 1 - overlap + center_distance(boxes1, boxes2, eps) + shape_difference(boxes1, boxes2, overlap, eps)
    return _reduce(losses, reduction)


def _check_pairs(who: str, boxes1: Tensor, boxes2: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    check_floating(who, boxes1=boxes1, boxes2=boxes2)
    check_reduction(reduction)
    check_boxes(who, boxes1=boxes1, boxes2=boxes2)
    if boxes1.shape != boxes2.shape:
        raise RuntimeError(f"{who}: boxes belong together in pairs, but got boxes1 {tuple(boxes1.shape)} and boxes2 "
                           f"{tuple(boxes2.shape)}; for every box with every other one, see box_iou")
    return upcast(boxes1), upcast(boxes2)


def _reduce(losses: Tensor, reduction: str) -> Tensor:
    """Reduce as usual, but the mean of no boxes is 0."""
    return reduce_losses(losses, "sum" if reduction == "mean" and not losses.numel() else reduction)
