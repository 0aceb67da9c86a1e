"""Generalized IoU, as a loss between predicted and right boxes."""
from __future__ import annotations

from minidl.tensors.tensor import Tensor
from minidl.vision.ops.box_loss import check_pairs, reduced
from minidl.vision.ops.boxes import generalized_iou


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
    boxes1, boxes2 = check_pairs("generalized_box_iou_loss", boxes1, boxes2, reduction)
    return reduced(1 - generalized_iou(boxes1, boxes2, eps), reduction)
