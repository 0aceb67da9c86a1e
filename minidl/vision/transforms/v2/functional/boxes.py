"""Boxes and key points: formats, within the image, and fit to train on."""
from __future__ import annotations

from minidl.ops.shape import cat, stack
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.ops.boxes import clip_boxes_to_image
from minidl.vision.ops.rotated_boxes import convert_rotated
from minidl.vision.transforms.v2.functional.dispatch import is_pure_tensor
from minidl.vision.transforms.v2.functional.rotated import clamp_rotated
from minidl.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, is_rotated_bounding_format

XYXY, XYWH, CXCYWH = BoundingBoxFormat.XYXY, BoundingBoxFormat.XYWH, BoundingBoxFormat.CXCYWH
XYXYXYXY, CXCYWHR = BoundingBoxFormat.XYXYXYXY, BoundingBoxFormat.CXCYWHR
Canvas = tuple[int, int]
Format = BoundingBoxFormat | str


def as_format(format: Format) -> BoundingBoxFormat:
    """The format of this name. Errors: KeyError if there is none."""
    return BoundingBoxFormat[format.upper()] if isinstance(format, str) else format


def convert(boxes: Tensor, old: BoundingBoxFormat, new: BoundingBoxFormat) -> Tensor:
    """Plain boxes (*, K) in another format. Whole numbers: the centre is rounded down, corners are cut off."""
    if old == new:
        return boxes
    if is_rotated_bounding_format(old) != is_rotated_bounding_format(new):
        raise ValueError("Cannot convert between rotated and unrotated bounding boxes.")
    if is_rotated_bounding_format(old):
        return convert_rotated(boxes, old.value.lower(), new.value.lower())
    low, high = boxes[..., :2], boxes[..., 2:]
    size = high
    if old == XYWH:
        high = low + size
    elif old == CXCYWH:
        low = low - size / 2
        high = low + size
        if not boxes.is_floating_point():
            low, high = low.to(boxes.dtype), high.to(boxes.dtype)
            size = high - low
    else:
        size = high - low
    if new == XYXY:
        return cat([low, high], -1)
    half = size / 2 if boxes.is_floating_point() else size // 2
    return cat([low if new == XYWH else low + half, size], -1)


def convert_bounding_box_format(inpt: Tensor, old_format: Format | None = None, new_format: Format | None = None,
                                inplace: bool = False) -> Tensor:
    """Convert boxes to another format.

    inpt: `BoundingBoxes`, or a plain tensor of boxes in `old_format`. inplace: write into `inpt` where the numbers of a
    box stay as many. Errors: ValueError where old_format is missing, or given for `BoundingBoxes`, and between rotated
    boxes and others; TypeError for another input.

        >>> import minidl
        >>> convert_bounding_box_format(minidl.tensor([[1., 2., 5., 8.]]), "XYXY", "CXCYWH")
        tensor([[3., 5., 4., 6.]])
    """
    if new_format is None:
        raise TypeError("convert_bounding_box_format() missing 1 required argument: 'new_format'")
    new = as_format(new_format)
    if is_pure_tensor(inpt):
        if old_format is None:
            raise ValueError("For pure tensor inputs, `old_format` has to be passed.")
        return _written(inpt, convert(inpt, as_format(old_format), new), inplace)
    if not isinstance(inpt, BoundingBoxes):
        raise TypeError("Input can either be a plain tensor or a bounding box tv_tensor, but got "
                        f"{type(inpt)} instead.")
    if old_format is not None:
        raise ValueError("For bounding box tv_tensor inputs, `old_format` must not be passed.")
    plain = inpt.as_subclass(Tensor)
    return tv_tensors.wrap(_written(plain, convert(plain, inpt.format, new), inplace), like=inpt, format=new)


def _written(boxes: Tensor, converted: Tensor, inplace: bool) -> Tensor:
    if not inplace or converted is boxes or converted.shape != boxes.shape:
        return converted
    boxes[...] = converted
    return boxes


def clamp(boxes: Tensor, format: BoundingBoxFormat, canvas_size: Canvas, clamping_mode: str | None) -> Tensor:
    """Plain boxes (*, K) within the image."""
    if clamping_mode is None:
        return boxes.clone()
    if is_rotated_bounding_format(format):
        return clamp_rotated(boxes, format.value.lower(), canvas_size, clamping_mode == "hard")
    corners = convert(boxes if boxes.is_floating_point() else boxes.float(), format, XYXY)
    return convert(clip_boxes_to_image(corners, canvas_size), XYXY, format).to(boxes.dtype)


def clamp_bounding_boxes(inpt: Tensor, format: Format | None = None, canvas_size: Canvas | None = None,
                         clamping_mode: str | None = "auto") -> Tensor:
    """Clamp boxes to their image.

    inpt: `BoundingBoxes`, or a plain tensor; then format, canvas_size and clamping_mode are needed. clamping_mode:
    "soft", "hard" or None, see `BoundingBoxes`; "auto" is that of the boxes.
    Errors: ValueError where they are missing, or given for `BoundingBoxes`; TypeError for another input.

        >>> import minidl
        >>> clamp_bounding_boxes(minidl.tensor([[-1., 2., 50., 8.]]), "XYXY", (10, 20), "soft")
        tensor([[ 0.,  2., 20.,  8.]])
    """
    if clamping_mode not in (None, "soft", "hard", "auto"):
        raise ValueError(f"clamping_mode must be soft, hard, auto or None, got {clamping_mode}")
    if is_pure_tensor(inpt):
        if format is None or canvas_size is None or clamping_mode == "auto":
            raise ValueError("For pure tensor inputs, `format`, `canvas_size` and `clamping_mode` have to be passed.")
        return clamp(inpt, as_format(format), canvas_size, clamping_mode)
    if not isinstance(inpt, BoundingBoxes):
        raise TypeError("Input can either be a plain tensor or a bounding box tv_tensor, but got "
                        f"{type(inpt)} instead.")
    if format is not None or canvas_size is not None:
        raise ValueError("For bounding box tv_tensor inputs, `format` and `canvas_size` must not be passed.")
    mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
    return tv_tensors.wrap(clamp(inpt.as_subclass(Tensor), inpt.format, inpt.canvas_size, mode), like=inpt)


def clamp_keypoints(inpt: Tensor, canvas_size: Canvas | None = None) -> Tensor:
    """Clamp key points to their image: the last column is at width - 1.

    inpt: `KeyPoints`, or a plain tensor (..., 2); then canvas_size is needed. Errors: ValueError where it is missing,
    or given for `KeyPoints`; TypeError for another input.

        >>> import minidl
        >>> clamp_keypoints(minidl.tensor([[-1., 30.]]), (10, 20))
        tensor([[0., 9.]])
    """
    size = _canvas_of(inpt, canvas_size)
    points = inpt.as_subclass(Tensor)
    x, y = (points if points.is_floating_point() else points.float()).unbind(-1)
    clamped = stack([x.clamp(0, size[1] - 1), y.clamp(0, size[0] - 1)], -1).to(points.dtype)
    return clamped if is_pure_tensor(inpt) else tv_tensors.wrap(clamped, like=inpt)


def _canvas_of(points: Tensor, canvas_size: Canvas | None) -> Canvas:
    """The size of the image that points belong to."""
    if is_pure_tensor(points):
        if canvas_size is None:
            raise ValueError("For pure tensor inputs, `canvas_size` has to be passed.")
        return canvas_size
    if not isinstance(points, KeyPoints):
        raise TypeError(f"Input can either be a plain tensor or a keypoints tv_tensor, but got {type(points)} instead.")
    if canvas_size is not None:
        raise ValueError("For keypoints tv_tensor inputs, `canvas_size` must not be passed.")
    return points.canvas_size


def sanitize_bounding_boxes(bounding_boxes: Tensor, format: Format | None = None, canvas_size: Canvas | None = None,
                            min_size: float = 1.0, min_area: float = 1.0) -> tuple[Tensor, Tensor]:
    """Remove boxes that are too small, or partly outside the image.

    bounding_boxes: `BoundingBoxes`, or a plain tensor (N, K); then format and canvas_size are needed. Returns the boxes
    that are left and which these are, (N,) of bool. Errors: ValueError where they are missing, or given for
    `BoundingBoxes`.

        >>> import minidl
        >>> boxes = minidl.tensor([[0., 0., 4., 4.], [5., 5., 5., 9.]])
        >>> sanitize_bounding_boxes(boxes, "XYXY", (10, 10))
        (tensor([[0., 0., 4., 4.]]), tensor([ True, False]))
    """
    if is_pure_tensor(bounding_boxes):
        if format is None or canvas_size is None:
            raise ValueError("format and canvas_size cannot be None if bounding_boxes is a pure tensor. Got format="
                             f"{format} and canvas_size={canvas_size}. Set those to appropriate values or pass "
                             "bounding_boxes as a tv_tensors.BoundingBoxes object.")
        valid = valid_boxes(bounding_boxes, as_format(format), canvas_size, min_size, min_area)
        return bounding_boxes[valid], valid
    if not isinstance(bounding_boxes, BoundingBoxes):
        raise ValueError("bounding_boxes must be a tv_tensors.BoundingBoxes instance or a pure tensor.")
    if format is not None or canvas_size is not None:
        raise ValueError("format and canvas_size must be None when bounding_boxes is a tv_tensors.BoundingBoxes "
                         f"instance. Got format={format} and canvas_size={canvas_size}. Leave those to None or pass "
                         "bounding_boxes as a pure tensor.")
    plain = bounding_boxes.as_subclass(Tensor)
    valid = valid_boxes(plain, bounding_boxes.format, bounding_boxes.canvas_size, min_size, min_area)
    return tv_tensors.wrap(plain[valid], like=bounding_boxes), valid


def valid_boxes(boxes: Tensor, format: BoundingBoxFormat, canvas_size: Canvas, min_size: float,
                min_area: float) -> Tensor:
    """Which boxes (N, K) are large enough and inside the image."""
    height, width = canvas_size
    rotated = is_rotated_bounding_format(format)
    corners = convert(boxes, format, XYXYXYXY if rotated else XYXY)
    if rotated:
        x1, y1, x2, y2, x3, y3, x4, _ = corners.unbind(-1)
        w = ((x1 - x2) ** 2 + (y1 - y2) ** 2).sqrt()
        h = ((y2 - y3) ** 2 + (x3 - x4) ** 2).sqrt()        # as torchvision takes it: not the side of turned boxes
    else:
        w, h = (corners[..., 2:] - corners[..., :2]).unbind(-1)
    valid = (w >= min_size) & (h >= min_size) & (corners >= 0).all(-1) & (w * h >= min_area)
    return valid & (corners[..., 0::2] <= width).all(-1) & (corners[..., 1::2] <= height).all(-1)


def sanitize_keypoints(key_points: Tensor, canvas_size: Canvas | None = None) -> tuple[Tensor, Tensor]:
    """Remove key points outside the image; of groups (N, ..., 2), each that has one outside.

    key_points: `KeyPoints`, or a plain tensor; then canvas_size is needed. Returns what is left, and which these are,
    (N,) of bool. Errors: ValueError where it is missing, or given for `KeyPoints`.

        >>> import minidl
        >>> sanitize_keypoints(minidl.tensor([[1., 2.], [30., 2.]]), (10, 20))
        (tensor([[1., 2.]]), tensor([ True, False]))
    """
    if is_pure_tensor(key_points):
        if canvas_size is None:
            raise ValueError("canvas_size cannot be None if key_points is a pure tensor. Set it to an appropriate "
                             "value or pass key_points as a tv_tensors.KeyPoints object.")
        valid = valid_points(key_points, canvas_size)
        return key_points[valid], valid
    if not isinstance(key_points, KeyPoints):
        raise ValueError("key_points must be a tv_tensors.KeyPoints instance or a pure tensor.")
    if canvas_size is not None:
        raise ValueError("canvas_size must be None when key_points is a tv_tensors.KeyPoints instance. Got "
                         f"canvas_size={canvas_size}. Leave it to None or pass key_points as a pure tensor.")
    plain = key_points.as_subclass(Tensor)
    valid = valid_points(plain, key_points.canvas_size)
    return tv_tensors.wrap(plain[valid], like=key_points), valid


def valid_points(points: Tensor, canvas_size: Canvas) -> Tensor:
    """Which points (N, 2), or groups of them (N, ..., 2), are inside the image."""
    (height, width), (x, y) = canvas_size, points.unbind(-1)
    valid = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return valid.flatten(1).all(1) if valid.ndim > 1 else valid
