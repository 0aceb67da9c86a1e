"""The geometric kernels of boxes (*, K). Those that change the image's size return it too."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from minidl.ops.shape import cat, stack
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.arguments import Numbers, Size
from minidl.vision.transforms.v2.functional.arguments import center_of_crop, padding_of, pair, resized_size
from minidl.vision.transforms.v2.functional.boxes import (
    CXCYWHR,
    XYXY,
    XYXYXYXY,
    Canvas,
    Format,
    as_format,
    clamp,
    convert,
)
from minidl.vision.transforms.v2.functional.geometry_on_points import (
    Corners,
    affine_map,
    check_displacement,
    elastic_map,
    perspective_map,
)
from minidl.vision.transforms.v2.functional.rotated import rectangle_of
from minidl.vision.tv_tensors import is_rotated_bounding_format


def horizontal_flip_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas) -> Tensor:
    """Mirror boxes horizontally."""
    return _flip(bounding_boxes, format, canvas_size[1], 0)


def vertical_flip_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas) -> Tensor:
    """Mirror boxes vertically."""
    return _flip(bounding_boxes, format, canvas_size[0], 1)


def _flip(boxes: Tensor, format: Format, length: int, axis: int) -> Tensor:
    """Mirror x (axis 0) or y (axis 1), which run from 0 to `length`."""
    name, numbers = as_format(format).value, list(boxes.unbind(-1))
    if name == "XYXYXYXY":
        numbers[axis::2] = [length - place for place in numbers[axis::2]]
        numbers = [numbers[i] for i in (2, 3, 0, 1, 6, 7, 4, 5)]        # the first corner is top left again
    elif name == "XYXY":
        numbers[axis], numbers[axis + 2] = length - numbers[axis + 2], length - numbers[axis]
    elif name == "XYWH":
        numbers[axis] = length - (numbers[axis] + numbers[axis + 2])
    elif name == "XYWHR":       # the corner at the other end of the upper side becomes the first
        x, y, width, _, degrees = numbers
        angle = degrees * math.pi / 180
        numbers[:2] = [x + width * angle.cos(), y - width * angle.sin()]
    if name in ("CXCYWH", "CXCYWHR", "XYWHR"):
        numbers[axis] = length - numbers[axis]
    if name.endswith("R"):
        numbers[4] = -numbers[4] if axis == 0 else 180 - numbers[4]
    return stack(numbers, -1)


def resize_bounding_boxes(bounding_boxes: Tensor, canvas_size: Canvas, size: Size | None, max_size: int | None = None,
                          format: Format = XYXY, clamping_mode: str | None = "soft") -> tuple[Tensor, Canvas]:
    """Resize the image that boxes belong to."""
    new = resized_size(canvas_size, size, max_size)
    if new == tuple(canvas_size):
        return bounding_boxes, canvas_size
    ratios = [new[1] / canvas_size[1], new[0] / canvas_size[0]]
    if not is_rotated_bounding_format(format):
        return (bounding_boxes * tensor(ratios * 2, device=bounding_boxes.device)).to(bounding_boxes.dtype), new
    corners = convert(bounding_boxes, as_format(format), XYXYXYXY)
    corners = rectangle_of(corners * tensor(ratios * 4, device=corners.device))
    corners = clamp(corners, XYXYXYXY, new, clamping_mode)
    return convert(corners, XYXYXYXY, as_format(format)).to(bounding_boxes.dtype), new


def crop_bounding_boxes(bounding_boxes: Tensor, format: Format, top: int, left: int, height: int, width: int,
                        clamping_mode: str | None = "soft") -> tuple[Tensor, Canvas]:
    """Boxes within a rectangle of their image."""
    moved = _shifted(bounding_boxes, format, -left, -top)
    if as_format(format) == XYXYXYXY:
        moved = rectangle_of(moved)
    return clamp(moved, as_format(format), (height, width), clamping_mode), (height, width)


def pad_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas, padding: Size,
                       padding_mode: str = "constant", clamping_mode: str | None = "soft") -> tuple[Tensor, Canvas]:
    """Pad the image that boxes belong to."""
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with bounding boxes")
    left, top, right, bottom = padding_of(padding)
    canvas_size = (canvas_size[0] + top + bottom, canvas_size[1] + left + right)
    moved = _shifted(bounding_boxes, format, left, top)
    return clamp(moved, as_format(format), canvas_size, clamping_mode), canvas_size


def _shifted(boxes: Tensor, format: Format, x: int, y: int) -> Tensor:
    """Boxes moved by (x, y)."""
    name = as_format(format).value
    shift = [x, y] * (len(name) // 2) if set(name) == {"X", "Y"} else [x, y, *[0] * (boxes.shape[-1] - 2)]
    return boxes + tensor(shift, dtype=boxes.dtype, device=boxes.device)


def center_crop_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas, output_size: Size,
                               clamping_mode: str | None = "soft") -> tuple[Tensor, Canvas]:
    """Boxes within the middle of their image."""
    height, width = pair(output_size)
    top, left = center_of_crop(height, width, canvas_size)
    return crop_bounding_boxes(bounding_boxes, format, top, left, height, width, clamping_mode)


def resized_crop_bounding_boxes(bounding_boxes: Tensor, format: Format, top: int, left: int, height: int, width: int,
                                size: Size, clamping_mode: str | None = "soft") -> tuple[Tensor, Canvas]:
    """Boxes within a rectangle of their image, resized."""
    boxes, canvas_size = crop_bounding_boxes(bounding_boxes, format, top, left, height, width, clamping_mode)
    return resize_bounding_boxes(boxes, canvas_size, size, format=format, clamping_mode=clamping_mode)


# ---------------------------------------------------------------------- by their corners

def affine_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas, angle: float,
                          translate: Sequence[float], scale: float, shear: float | Numbers,
                          center: Numbers | None = None, clamping_mode: str | None = "soft") -> Tensor:
    """Rotate, scale, shear and shift boxes; those of an unrotated format become the smallest around the result."""
    move, canvas_size = affine_map(canvas_size, angle, translate, scale, shear, center)
    return _affine(bounding_boxes, format, canvas_size, clamping_mode, move)


def rotate_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas, angle: float,
                          expand: bool = False, center: Numbers | None = None,
                          clamping_mode: str | None = "soft") -> tuple[Tensor, Canvas]:
    """Rotate boxes counter-clockwise; those of an unrotated format become the smallest around the result."""
    move, canvas_size = affine_map(canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)
    return _affine(bounding_boxes, format, canvas_size, clamping_mode, move), canvas_size


def _affine(boxes: Tensor, format: Format, canvas_size: Canvas, clamping_mode: str | None, move: Corners) -> Tensor:
    floating = boxes if boxes.is_floating_point() else boxes.float()
    return _by_corners(floating, format, canvas_size, clamping_mode, move).to(boxes.dtype)


def perspective_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas,
                               startpoints: Sequence[Sequence[int]] | None, endpoints: Sequence[Sequence[int]] | None,
                               coefficients: Numbers | None = None, clamping_mode: str | None = "soft") -> Tensor:
    """Move boxes in perspective; those of an unrotated format become the smallest around the result."""
    if not bounding_boxes.numel():
        return bounding_boxes
    move = perspective_map(startpoints, endpoints, coefficients, "bounding boxes")
    return _by_corners(bounding_boxes, format, canvas_size, clamping_mode, move).to(bounding_boxes.dtype)


def elastic_bounding_boxes(bounding_boxes: Tensor, format: Format, canvas_size: Canvas, displacement: Tensor,
                           clamping_mode: str | None = "soft") -> Tensor:
    """Move boxes as `elastic` moves pixels, about: by what the displacement is where their corners were.

    Rotated boxes move with their centres.
    """
    check_displacement(displacement, canvas_size)
    if not bounding_boxes.numel():
        return bounding_boxes
    move, old = elastic_map(displacement, canvas_size, up=True), as_format(format)
    if not is_rotated_bounding_format(format):
        return _by_corners(bounding_boxes, format, canvas_size, clamping_mode, move)
    turned = convert(bounding_boxes, old, CXCYWHR)
    turned = cat([move(turned[..., :2]), turned[..., 2:]], -1)
    return convert(clamp(turned, CXCYWHR, canvas_size, clamping_mode), CXCYWHR, old)


def _by_corners(boxes: Tensor, format: Format, canvas_size: Canvas, clamping_mode: str | None,
                move: Callable[[Tensor], Tensor]) -> Tensor:
    """Move the four corners (N, 4, 2) of each box, and take the box of the result, within the image."""
    if not boxes.numel():
        return boxes
    old = as_format(format)
    corners = XYXYXYXY if is_rotated_bounding_format(format) else XYXY
    numbers = convert(boxes, old, corners)
    points = numbers if corners == XYXYXYXY else numbers[..., [0, 1, 2, 1, 2, 3, 0, 3]]
    moved = move(points.reshape(-1, 4, 2))
    result = rectangle_of(moved.flatten(1)) if corners == XYXYXYXY else cat([moved.amin(1), moved.amax(1)], -1)
    return convert(clamp(result, corners, canvas_size, clamping_mode), corners, old).reshape(boxes.shape)
