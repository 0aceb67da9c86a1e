"""Complete IoU, as a loss between predicted and right boxes."""
from __future__ import annotations

from minidl.tensors.tensor import Tensor
from minidl.vision.ops.box_loss import check_pairs, reduced
from minidl.vision.ops.boxes import center_distance, iou, shape_difference


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
    boxes1, boxes2 = check_pairs("complete_box_iou_loss", boxes1, boxes2, reduction)
    overlap = iou(boxes1, boxes2, eps)
    losses = 1 - overlap + center_distance(boxes1, boxes2, eps) + shape_difference(boxes1, boxes2, overlap, eps)
    return reduced(losses, reduction)
