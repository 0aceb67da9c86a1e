"""Distance IoU, as a loss between predicted and right boxes."""
from __future__ import annotations

from minidl.tensors.tensor import Tensor
from minidl.vision.ops.box_loss import check_pairs, reduced
from minidl.vision.ops.boxes import center_distance, iou


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
    boxes1, boxes2 = check_pairs("distance_box_iou_loss", boxes1, boxes2, reduction)
    return reduced(1 - iou(boxes1, boxes2, eps) + center_distance(boxes1, boxes2, eps), reduction)
