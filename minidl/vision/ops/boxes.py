"""Boxes in images: areas, overlaps, conversions, non-maximum suppression.

Names are those of torchvision's `ops.boxes`. A box is (x1, y1, x2, y2), with x to the right, y down, x1 <= x2 and y1 <=
y2, in the last dimension of a tensor.
"""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.device import to_numpy
from minidl.backend.dtype import float16, int64
from minidl.ops.base import check_tensors
from minidl.ops.elementwise import maximum, minimum
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import as_tensor, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.rotated_boxes import NUMBERS, convert_rotated, rotated_iou

# ---------------------------------------------------------------------- single boxes


_FORMATS = ("xyxy", "xywh", "cxcywh")


def box_area(boxes: Tensor, fmt: str = "xyxy") -> Tensor:
    """The area (x2 - x1) * (y2 - y1): (*, 4) -> (*).

    fmt: the format of the boxes, see `box_convert`. Here and below, float16 is computed in float32, and short integers
    in int32. Errors: ValueError for another format.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.box_area(minidl.tensor([[0., 0., 2., 3.]]))
        tensor([6.])
    """
    check_boxes("box_area", boxes=boxes)
    if fmt not in _FORMATS:
        raise ValueError(f"Unsupported Bounding Box area for given format {fmt}; expected one of {', '.join(_FORMATS)}")
    boxes = upcast(boxes)
    if fmt != "xyxy":
        return boxes[..., 2] * boxes[..., 3]
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Convert boxes (*, 4) to another format.

    "xyxy": two corners. "xywh": the first corner and the sides. "cxcywh": the centre and the sides. Boxes (*, 5) may be
    rotated by an angle in degrees, "xywhr" and "cxcywhr", and so may those of four corners (*, 8), "xyxyxyxy".
    Errors: ValueError for another format, NotImplementedError from a rotated format to one that is not.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.box_convert(minidl.tensor([[1., 2., 5., 8.]]), "xyxy", "cxcywh")
        tensor([[3., 5., 4., 6.]])
    """
    if not {in_fmt, out_fmt} <= {*_FORMATS, *NUMBERS}:
        raise ValueError(f"Unsupported Bounding Box Conversions for given in_fmt {in_fmt} and out_fmt {out_fmt}; "
                         f"expected two of {', '.join((*_FORMATS, *NUMBERS))}")
    check_boxes("box_convert", NUMBERS.get(in_fmt, 4), boxes=boxes)
    if in_fmt == out_fmt:
        return boxes.clone()
    if (in_fmt in NUMBERS) != (out_fmt in NUMBERS):
        raise NotImplementedError(f"Unsupported Bounding Box Conversions for given in_fmt {in_fmt} and out_fmt "
                                  f"{out_fmt}: only one of them is of rotated boxes")
    if in_fmt in NUMBERS:
        return convert_rotated(boxes, in_fmt, out_fmt)
    first, second = boxes[..., :2], boxes[..., 2:]
    if in_fmt == "cxcywh":
        low, high = first - second * 0.5, first + second * 0.5
    else:
        low, high = first, second if in_fmt == "xyxy" else first + second
    if out_fmt == "xyxy":
        return cat([low, high], -1)
    return cat([low if out_fmt == "xywh" else (low + high) * 0.5, high - low], -1)


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Clip boxes (*, 4) to an image of this size, (height, width).

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.clip_boxes_to_image(minidl.tensor([[-1., 2., 50., 8.]]), (10, 20))
        tensor([[ 0.,  2., 20.,  8.]])
    """
    check_boxes("clip_boxes_to_image", boxes=boxes)
    height, width = size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return stack([x, y], -1).reshape(boxes.shape)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """The indices of the boxes (N, 4) with both sides at least min_size.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.remove_small_boxes(minidl.tensor([[0., 0., 9., 9.], [0., 0., 9., 1.]]), 2)
        tensor([0])
    """
    check_boxes("remove_small_boxes", boxes=boxes)
    if boxes.ndim != 2:
        raise RuntimeError(f"remove_small_boxes: expected boxes (N, 4), but got {tuple(boxes.shape)}")
    sides = boxes[:, 2:] - boxes[:, :2]
    return (sides >= min_size).all(1).nonzero()[:, 0]


# ---------------------------------------------------------------------- all pairs of boxes


def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """Intersection over union (IoU): (N, 4), (M, 4) -> (N, M).

    From 0 (disjoint) to 1 (equal); also called the Jaccard index. Here and below, boxes of a batch of images may be in
    one tensor: (*, N, 4), (*, M, 4) -> (*, N, M). fmt: the format of the boxes, see `box_convert`. With a rotated
    format there is no gradient. Errors: ValueError for another format.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> boxes = minidl.tensor([[0., 0., 2., 2.], [1., 0., 3., 2.]])
        >>> ops.box_iou(boxes, boxes)
        tensor([[1.0000, 0.3333],
                [0.3333, 1.0000]])
    """
    if fmt in NUMBERS:
        check_boxes("box_iou", NUMBERS[fmt], boxes1=boxes1, boxes2=boxes2)
        return rotated_iou(boxes1, boxes2, fmt)
    if fmt not in _FORMATS:
        raise ValueError(f"Unsupported format '{fmt}'. Supported axis-aligned formats: {', '.join(_FORMATS)}. "
                         f"Supported rotated formats: {', '.join(NUMBERS)}.")
    a, b = _pairs("box_iou", boxes1, boxes2)
    return iou(a, b) if fmt == "xyxy" else iou(box_convert(a, fmt, "xyxy"), box_convert(b, fmt, "xyxy"))


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """`box_iou` minus the empty share of the smallest box around both.

    (N, 4), (M, 4) -> (N, M), from -1 (far apart) to 1 (equal). It still measures the distance of boxes that do not
    meet.
    Source: Rezatofighi et al., "Generalized Intersection over Union", 2019, https://arxiv.org/abs/1902.09630

        >>> import minidl
        >>> from minidl.vision import ops
        >>> first, second = minidl.tensor([[0., 0., 1., 1.]]), minidl.tensor([[3., 0., 4., 1.]])
        >>> ops.generalized_box_iou(first, second)      # 2 of 4 are empty
        tensor([[-0.5000]])
    """
    a, b = _pairs("generalized_box_iou", boxes1, boxes2)
    return generalized_iou(a, b)


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """`box_iou` - d^2 / c^2.

    d is the distance of the centres, c the diagonal of the smallest box around both. (N, 4), (M, 4) -> (N, M). Source:
    Zheng et al., "Distance-IoU Loss", 2019, https://arxiv.org/abs/1911.08287

        >>> import minidl
        >>> from minidl.vision import ops
        >>> first, second = minidl.tensor([[0., 0., 1., 1.]]), minidl.tensor([[3., 0., 4., 1.]])
        >>> ops.distance_box_iou(first, second)         # 3^2 / (4^2 + 1^2)
        tensor([[-0.5294]])
    """
    a, b = _pairs("distance_box_iou", boxes1, boxes2)
    return iou(a, b) - center_distance(a, b, eps)


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """`distance_box_iou` minus the difference in shape: (N, 4), (M, 4) -> (N, M).

    `complete_box_iou_loss` has the formula.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> first, second = minidl.tensor([[0., 0., 1., 1.]]), minidl.tensor([[3., 0., 4., 1.]])
        >>> ops.complete_box_iou(first, second)         # both are squares
        tensor([[-0.5294]])
    """
    a, b = _pairs("complete_box_iou", boxes1, boxes2)
    overlap = iou(a, b)
    return overlap - center_distance(a, b, eps) - shape_difference(a, b, overlap, eps)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: indices of boxes that no better box covers.

    boxes (N, 4), scores (N,). Take the box with the highest score, drop all boxes whose IoU with it is above
    iou_threshold, and repeat with the rest. The best box comes first.
    Errors: RuntimeError where shapes do not fit.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> boxes = minidl.tensor([[0., 0., 10., 10.], [1., 0., 11., 10.], [20., 0., 30., 10.]])
        >>> ops.nms(boxes, minidl.tensor([0.8, 0.9, 0.1]), 0.5)
        tensor([1, 2])
    """
    return _best_boxes("nms", boxes, scores, None, iou_threshold)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """`nms` within each class: the indices of what is left, best first.

    boxes (N, 4), scores (N,); idxs (N,): the class of each box. Boxes of different classes never cover each other.
    Errors: RuntimeError where shapes do not fit.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> boxes = minidl.tensor([[0., 0., 10., 10.], [1., 0., 11., 10.], [0., 0., 10., 10.]])
        >>> ops.batched_nms(boxes, minidl.tensor([0.8, 0.9, 0.1]), minidl.tensor([0, 0, 1]), 0.5)
        tensor([1, 2])
    """
    return _best_boxes("batched_nms", boxes, scores, idxs, iou_threshold)


def _best_boxes(who: str, boxes: Tensor, scores: Tensor, classes: Tensor | None, iou_threshold: float) -> Tensor:
    """Take the best box, drop those of its class that it covers, and so on with what is left."""
    check_boxes(who, boxes=boxes)
    each_has = {"scores": scores} if classes is None else {"scores": scores, "idxs": classes}
    check_tensors(who, **each_has)
    for name, values in each_has.items():
        if boxes.ndim != 2 or tuple(values.shape) != (len(boxes),):
            raise RuntimeError(f"{who}: boxes and {name} should have same number of elements in dimension 0, (N, 4) "
                               f"and (N,), but got {tuple(boxes.shape)} and {tuple(values.shape)}")
    corners, order = to_numpy(upcast(boxes).array), to_numpy(scores.argsort(descending=True, stable=True).array)
    kept = np.zeros(len(boxes), bool)
    numbers = np.zeros(len(boxes), np.int64) if classes is None else to_numpy(classes.array)
    for number in np.unique(numbers):       # boxes of different classes never cover each other
        of_class = order[numbers[order] == number]
        kept[of_class[_uncovered(corners[of_class], iou_threshold)]] = True
    return as_tensor(order[kept[order]], dtype=int64, device=boxes.device)


def _uncovered(boxes: np.ndarray, iou_threshold: float, block: int = 64) -> np.ndarray:
    """The places of boxes (N, 4) that none before them covers, of those that are not covered themselves.

    The overlaps of `block` boxes with all that are left are computed at once.
    """
    kept, left = [], np.arange(len(boxes))
    x1, y1, x2, y2 = np.ascontiguousarray(boxes.T)
    area = (x2 - x1) * (y2 - y1)
    while len(left):
        some, uncovered = left[:block], np.ones(len(left), bool)
        width, height = (np.minimum(last[some, None], last[left]) - np.maximum(first[some, None], first[left])
                         for first, last in ((x1, x2), (y1, y2)))
        overlap = width.clip(0) * height.clip(0)
        with np.errstate(divide="ignore", invalid="ignore"):        # a box without area covers nothing
            covers = overlap / (area[some, None] + area[left] - overlap) > np.float64(iou_threshold)
        for i, best in enumerate(some):
            if uncovered[i]:
                kept.append(best)
                uncovered[i + 1:] &= ~covers[i, i + 1:]
        left = left[block:][uncovered[block:]]
    return np.array(kept, np.int64)


def masks_to_boxes(masks: Tensor) -> Tensor:
    """The smallest box around each mask: (N, H, W) -> (N, 4).

    Masks are what is not 0, boxes x1, y1, x2, y2 in float32. Corners are pixels: x2 is the last column that is not
    empty. An empty mask gives zeros.
    Errors: RuntimeError unless masks are (N, H, W).

        >>> import minidl
        >>> from minidl.vision import ops
        >>> ops.masks_to_boxes(minidl.tensor([[[0, 0, 0, 0], [0, 1, 1, 0]]]))
        tensor([[1., 1., 2., 1.]])
    """
    check_tensors("masks_to_boxes", masks=masks)
    if masks.numel() == 0:
        return zeros(0, 4, device=masks.device)
    if masks.ndim != 3:
        raise RuntimeError(f"masks_to_boxes: expected masks (N, H, W), but got {tuple(masks.shape)}; for a single mask "
                           f"try masks[None]")
    some = masks != 0
    x, y = some.any(1), some.any(2)                             # (N, W), (N, H)
    first = [axis.int().argmax(1) for axis in (x, y)]
    last = [axis.shape[1] - 1 - axis.flip(1).int().argmax(1) for axis in (x, y)]
    return stack([*first, *last], 1).float() * y.any(1, keepdim=True)


# ---------------------------------------------------------------------- shared with the losses


def check_boxes(who: str, numbers: int = 4, **boxes: Tensor) -> None:
    """Errors: TypeError unless all are tensors, RuntimeError unless all end in a dimension of `numbers`."""
    check_tensors(who, **boxes)
    for name, value in boxes.items():
        if not value.ndim or value.shape[-1] != numbers:
            about = ", with x1, y1, x2, y2 in the last dimension" if numbers == 4 else " for boxes of this format"
            raise RuntimeError(f"{who}: expected {name} (*, {numbers}){about}, but got {tuple(value.shape)}")


def _pairs(who: str, boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """(*, N, 4), (*, M, 4) -> (*, N, 1, 4), (*, 1, M, 4)"""
    check_boxes(who, boxes1=boxes1, boxes2=boxes2)
    if min(boxes1.ndim, boxes2.ndim) < 2:
        raise RuntimeError(f"{who}: expected boxes1 (N, 4) and boxes2 (M, 4), but got {tuple(boxes1.shape)} and "
                           f"{tuple(boxes2.shape)}; try boxes[None] for a single box")
    return upcast(boxes1)[..., :, None, :], upcast(boxes2)[..., None, :, :]


def upcast(boxes: Tensor) -> Tensor:
    """Cast boxes so that areas do not overflow: 256 * 256 is inf in float16."""
    if boxes.dtype == float16:
        return boxes.float()
    return boxes.int() if boxes.dtype.kind in "iu" and boxes.dtype.itemsize < 4 else boxes


def iou(a: Tensor, b: Tensor, eps: float = 0.0) -> Tensor:
    """Intersection over union of matching boxes."""
    overlap, union = intersection_and_union(a, b)
    return overlap / (union + eps)


def intersection_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The areas of intersection and union."""
    sides = (minimum(a[..., 2:], b[..., 2:]) - maximum(a[..., :2], b[..., :2])).clamp(min=0)
    overlap = sides[..., 0] * sides[..., 1]
    return overlap, box_area(a) + box_area(b) - overlap


def generalized_iou(a: Tensor, b: Tensor, eps: float = 0.0) -> Tensor:
    """IoU minus the empty share of the smallest box around both."""
    overlap, union = intersection_and_union(a, b)
    around = _sides_around(a, b)
    if not eps:         # the corners of boxes may be the wrong way round; as in torchvision, losses do not ask
        around = around.clamp(min=0)
    area = around[..., 0] * around[..., 1]
    return overlap / (union + eps) - (area - union) / (area + eps)


def center_distance(a: Tensor, b: Tensor, eps: float) -> Tensor:
    """d^2 / c^2: squared distance of the centres over squared diagonal of the box around both."""
    between = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) * 0.5
    return (between ** 2).sum(-1) / ((_sides_around(a, b) ** 2).sum(-1) + eps)


def shape_difference(a: Tensor, b: Tensor, overlap: Tensor, eps: float) -> Tensor:
    """alpha v, v = 4/pi^2 (atan(w_b/h_b) - atan(w_a/h_a))^2, with the constant alpha = v / (1 - IoU + v)."""
    angles = [((x[..., 2] - x[..., 0]) / (x[..., 3] - x[..., 1])).atan() for x in (a, b)]
    v = (angles[1] - angles[0]) ** 2 * (4 / math.pi ** 2)
    alpha = v / (1 - overlap + v + eps)
    return alpha.detach() * v


def _sides_around(a: Tensor, b: Tensor) -> Any:
    """Width and height of the smallest box around both."""
    return maximum(a[..., 2:], b[..., 2:]) - minimum(a[..., :2], b[..., :2])
