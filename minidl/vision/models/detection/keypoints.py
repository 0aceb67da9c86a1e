"""Key points of objects in their boxes: the pixel of a map that each is, the loss, and the way back."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.backend.dtype import float32, int64
from minidl.nn import functional as F
from minidl.ops.elementwise import where
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import ones_like, zeros
from minidl.tensors.tensor import Tensor


def keypoints_to_heatmap(keypoints: Tensor, rois: Tensor, heatmap_size: int) -> tuple[Tensor, Tensor]:
    """The pixel of a square map over the box that each key point is in, and whether it is to be learned.

    keypoints (K, P, 3), with x, y and the visibility; rois (K, 4). Returns two tensors (K, P): rows first, 0 where a
    point is not visible or not in the box; and 1 or 0.
    """
    corner, far = rois[:, None, :2], rois[:, None, 2:]
    points = keypoints[..., :2]
    places = ((points - corner) * (heatmap_size / (far - corner))).floor().to(int64)
    places = where(points == far, heatmap_size - 1, places)         # the last side belongs to the last pixel
    inside = ((places >= 0) & (places < heatmap_size)).all(-1)
    valid = (inside & (keypoints[..., 2] > 0)).to(int64)
    return (places[..., 1] * heatmap_size + places[..., 0]) * valid, valid


def keypointrcnn_loss(keypoint_logits: Tensor, proposals: Sequence[Tensor], gt_keypoints: Sequence[Tensor],
                      keypoint_matched_idxs: Sequence[Tensor]) -> Tensor:
    """Cross-entropy over the pixels of each key point's map.

    keypoint_logits (K, P, S, S) for the K boxes of all images; of each image its boxes, its objects' key points, and
    the object of each box. Without a visible point it is 0. Errors: ValueError unless the maps are squares.
    """
    K, P, H, W = keypoint_logits.shape
    if H != W:
        raise ValueError(f"keypoint_logits height and width (last two elements of shape) should be equal. Instead got "
                         f"H = {H} and W = {W}")
    found = [keypoints_to_heatmap(points[matched], boxes, H) for boxes, points, matched in
             zip(proposals, gt_keypoints, keypoint_matched_idxs) if len(matched)]
    if not found:
        return keypoint_logits.sum() * 0
    wanted, valid = (cat([each.flatten() for each in of_images]) for of_images in zip(*found))
    some = valid.nonzero()[:, 0]
    if not len(some):
        return keypoint_logits.sum() * 0
    return F.cross_entropy(keypoint_logits.reshape(K * P, H * W)[some], wanted[some])


def heatmaps_to_keypoints(maps: Tensor, rois: Tensor) -> tuple[Tensor, Tensor]:
    """The best pixel of each map, as a point of the image, and its score.

    maps (K, P, H, W), rois (K, 4) -> (K, P, 3), with x, y and 1; (K, P). Each map is enlarged to the pixels of its box.
    """
    if not len(rois):
        points = maps.shape[1]
        return zeros(0, points, 3, dtype=float32, device=maps.device), zeros(0, points, device=maps.device)
    sizes = (rois[:, 2:] - rois[:, :2]).clamp(min=1)
    pixels = sizes.ceil()
    places, scores = [], []
    for each, (width, height) in zip(maps, pixels.to(int64).tolist()):
        enlarged = F.interpolate(each[:, None], size=(height, width), mode="bicubic", align_corners=False)
        best = enlarged.flatten(1).max(1)
        places.append(stack([best.indices % width, best.indices // width], 1))
        scores.append(best.values)
    points = (stack(places).to(float32) + 0.5) * (sizes / pixels)[:, None] + rois[:, None, :2]
    return cat([points, ones_like(points[..., :1])], -1), stack(scores)


def keypointrcnn_inference(x: Tensor, boxes: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """`heatmaps_to_keypoints` for each image."""
    lengths = [len(each) for each in boxes]
    found = [heatmaps_to_keypoints(maps, rois) for maps, rois in zip(x.split(lengths, 0), boxes)]
    return [points for points, _ in found], [scores for _, scores in found]
