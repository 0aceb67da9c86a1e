"""Masks of objects in their boxes: what is learned, the loss, and masks as large as the image."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.backend.dtype import int64
from minidl.nn import functional as F
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import arange, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.roi_align import roi_align


def project_masks_on_boxes(gt_masks: Tensor, boxes: Tensor, matched_idxs: Tensor, M: int) -> Tensor:
    """What a mask is in each box, in M by M points: masks (N, H, W), boxes (K, 4), their masks (K,) -> (K, M, M)."""
    rois = cat([matched_idxs.to(boxes.dtype)[:, None], boxes], 1)
    return roi_align(gt_masks[:, None].to(boxes.dtype), rois, (M, M), 1.0)[:, 0]


def maskrcnn_loss(mask_logits: Tensor, proposals: Sequence[Tensor], gt_masks: Sequence[Tensor],
                  gt_labels: Sequence[Tensor], mask_matched_idxs: Sequence[Tensor]) -> Tensor:
    """Binary cross-entropy of the mask of each box's own class.

    mask_logits (K, classes, M, M) for the K boxes of all images; of each image its boxes, its objects' masks and
    labels, and the object of each box. Without boxes it is 0.
    """
    side = mask_logits.shape[-1]
    labels = cat([each[matched] for each, matched in zip(gt_labels, mask_matched_idxs) if len(matched)] or
                 [zeros(0, dtype=int64)])
    if not len(labels):
        return mask_logits.sum() * 0
    wanted = cat([project_masks_on_boxes(masks, boxes, matched, side)
                  for masks, boxes, matched in zip(gt_masks, proposals, mask_matched_idxs) if len(matched)])
    return F.binary_cross_entropy_with_logits(mask_logits[arange(len(labels), device=labels.device), labels], wanted)


def maskrcnn_inference(x: Tensor, labels: Sequence[Tensor]) -> list[Tensor]:
    """The mask of each box's own class, from 0 to 1: scores (K, classes, M, M) -> of each image (L, 1, M, M)."""
    of_all = cat(list(labels))
    masks = x.sigmoid()[arange(len(x), device=x.device), of_all][:, None]
    return list(masks.split([len(each) for each in labels], 0))


def expand_boxes(boxes: Tensor, scale: float) -> Tensor:
    """Boxes (K, 4) larger around their centres."""
    half, center = (boxes[:, 2:] - boxes[:, :2]) * 0.5 * scale, (boxes[:, 2:] + boxes[:, :2]) * 0.5
    return cat([center - half, center + half], 1)


def expand_masks(mask: Tensor, padding: int) -> tuple[Tensor, float]:
    """Masks (*, M, M) with zeros around, and how much larger they are."""
    side = mask.shape[-1]
    return F.pad(mask, (padding,) * 4), (side + 2 * padding) / side


def paste_mask_in_image(mask: Tensor, box: Tensor | Sequence[int], im_h: int, im_w: int) -> Tensor:
    """A mask (M, M), that fills a box of whole pixels, in an image: (im_h, im_w)."""
    x1, y1, x2, y2 = box.tolist() if isinstance(box, Tensor) else box
    size = (max(int(y2 - y1 + 1), 1), max(int(x2 - x1 + 1), 1))
    inside = F.interpolate(mask[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    image = zeros(im_h, im_w, dtype=mask.dtype, device=mask.device)
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2 + 1, im_w), min(y2 + 1, im_h)
    image[top:bottom, left:right] = inside[top - y1:bottom - y1, left - x1:right - x1]
    return image


def paste_masks_in_image(masks: Tensor, boxes: Tensor, img_shape: Sequence[int], padding: int = 1) -> Tensor:
    """Masks (K, 1, M, M) in their boxes (K, 4), each in an image of this (height, width): (K, 1, height, width)."""
    if not len(masks):
        return zeros(0, 1, *img_shape, dtype=masks.dtype, device=masks.device)
    masks, scale = expand_masks(masks, padding)
    corners = expand_boxes(boxes, scale).to(int64).tolist()
    return stack([paste_mask_in_image(mask, box, *img_shape) for mask, box in zip(masks[:, 0], corners)])[:, None]
