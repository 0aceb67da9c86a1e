"""How near found key points are to the true ones."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.ops.base import check_tensors
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor


def percentage_of_correct_keypoints(preds: Tensor, target: Tensor, size: Tensor, threshold: float = 0.1) -> Tensor:
    """PCK: the share of visible key points that are found within `threshold` times the size of their object.

    Args:
        preds: (N, K, 2 or more), x and y of each key point of N objects.
        target: (N, K, 3), x, y and visibility, above 0 where the point counts.
        size: (N,), such as the longer side of each object's box.

    Returns a scalar, nan if no point is visible.

    Errors: ValueError for shapes that do not fit, and for a threshold that is not above 0.
    Source: Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of Parts", 2013.

        >>> from minidl import tensor
        >>> from minidl.metrics.functional import percentage_of_correct_keypoints
        >>> target = tensor([[[10.0, 10.0, 2], [30.0, 10.0, 2], [0.0, 0.0, 0]]])
        >>> preds = tensor([[[11.0, 10.0], [30.0, 14.0], [50.0, 50.0]]])        # 1 and 4 pixels away; one is hidden
        >>> percentage_of_correct_keypoints(preds, target, size=tensor([20.0]))
        tensor(0.5000)
    """
    check_points("percentage_of_correct_keypoints", preds, target, size)
    if not threshold > 0:
        raise ValueError(f"percentage_of_correct_keypoints: expected a threshold above 0, but got {threshold}")
    right = squared_distances(preds, target) <= (threshold * size.double())[:, None] ** 2
    return right[target[..., 2] > 0].double().mean().float()


def object_keypoint_similarity(preds: Tensor, target: Tensor, area: Tensor, sigmas: Sequence[float]) -> Tensor:
    """OKS (N,): the mean over an object's visible key points of exp(-distance^2 / (8 area sigma^2)).

    Args:
        preds, target: see `percentage_of_correct_keypoints`.
        area: (N,), of each object.
        sigmas: K numbers, how far apart annotators are at each key point, for an object of area 1.

    Objects without a visible point have nan. COCO's average precision by this similarity is `MeanAveragePrecision`'s
    with iou_type="keypoints".

    Errors: ValueError for shapes that do not fit. Source: https://cocodataset.org/#keypoints-eval

        >>> from minidl import tensor
        >>> from minidl.metrics.functional import object_keypoint_similarity
        >>> target = tensor([[[10.0, 10.0, 2], [30.0, 10.0, 2]]])
        >>> preds = tensor([[[10.0, 10.0], [30.0, 14.0]]])      # exact; and 4 pixels away: exp(-16 / (8 * 400 * 0.01))
        >>> object_keypoint_similarity(preds, target, tensor([400.0]), sigmas=[0.1, 0.1])
        tensor([0.8033])
    """
    check_points("object_keypoint_similarity", preds, target, area)
    if len(sigmas) != target.shape[1]:
        raise ValueError(f"object_keypoint_similarity: expected a sigma for each of {target.shape[1]} key points, but "
                         f"got {len(sigmas)}")
    variances = (2 * tensor(sigmas, device=target.device).double()) ** 2
    error = squared_distances(preds, target) / (2 * variances * area.double()[:, None])
    visible = (target[..., 2] > 0).double()
    return (((-error).exp() * visible).sum(1) / visible.sum(1)).float()


def squared_distances(preds: Tensor, target: Tensor) -> Tensor:
    """(N, K)"""
    return ((preds[..., :2].double() - target[..., :2].double()) ** 2).sum(-1)


def check_points(who: str, preds: Tensor, target: Tensor, sizes: Tensor) -> None:
    """Errors: TypeError unless all are tensors; ValueError for shapes that do not fit."""
    check_tensors(who, preds=preds, target=target, sizes=sizes)
    if target.ndim != 3 or target.shape[2] != 3 or preds.ndim != 3 or preds.shape[:2] != target.shape[:2] or \
            preds.shape[2] < 2 or sizes.shape != target.shape[:1]:
        raise ValueError(f"{who}: expected target (N, K, 3), preds (N, K, 2) and a number for each object (N,), but "
                         f"got {tuple(target.shape)}, {tuple(preds.shape)} and {tuple(sizes.shape)}")
