"""Rotated boxes: their formats, and how far they overlap.

"cxcywhr": the centre, the sides, and the angle by which the box is turned about its centre, in degrees,
counter-clockwise in the image. "xywhr": its first corner in place of the centre. "xyxyxyxy": four corners,
top left, top right, bottom right, bottom left before it was turned.
"""
from __future__ import annotations

import math

from minidl.autograd.grad_mode import no_grad
from minidl.backend.dtype import float16, float64
from minidl.ops.elementwise import atan2
from minidl.ops.shape import cat, stack
from minidl.tensors.tensor import Tensor

NUMBERS = {"xywhr": 5, "cxcywhr": 5, "xyxyxyxy": 8}
"""How many numbers a box of each format has."""


def convert_rotated(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Convert rotated boxes (*, 5) or (*, 8) to another of the formats. Whole numbers are rounded after each step."""
    for step in ((in_fmt, "xywhr"), ("xywhr", out_fmt)):
        if step in _STEPS:
            wide = boxes.float() if boxes.dtype == float16 else boxes
            converted = _STEPS[step](wide)
            boxes = (converted if boxes.is_floating_point() else converted.round()).to(boxes.dtype)
    return boxes


def _to_corner(boxes: Tensor) -> Tensor:
    x, y, w, h, r = boxes.unbind(-1)
    cos, sin = _direction(r)
    return stack([x - w / 2 * cos - h / 2 * sin, y - h / 2 * cos + w / 2 * sin, w, h, r], -1)


def _to_center(boxes: Tensor) -> Tensor:
    x, y, w, h, r = boxes.unbind(-1)
    cos, sin = _direction(r)
    return stack([x + w / 2 * cos + h / 2 * sin, y - w / 2 * sin + h / 2 * cos, w, h, r], -1)


def _to_corners(boxes: Tensor) -> Tensor:
    x, y, w, h, r = boxes.unbind(-1)
    cos, sin = _direction(r)
    right, above = x + w * cos, y - w * sin
    return stack([x, y, right, above, right + h * sin, above + h * cos, x + h * sin, y + h * cos], -1)


def _from_corners(boxes: Tensor) -> Tensor:
    x1, y1, x2, y2, x3, y3, _, _ = boxes.unbind(-1)
    w, h = ((x2 - x1) ** 2 + (y1 - y2) ** 2).sqrt(), ((x3 - x2) ** 2 + (y3 - y2) ** 2).sqrt()
    return stack([x1 * 1.0, y1 * 1.0, w, h, atan2(y1 - y2, x2 - x1) * 180 / math.pi], -1)


def _direction(degrees: Tensor) -> tuple[Tensor, Tensor]:
    angle = degrees * math.pi / 180.0
    return angle.cos(), angle.sin()


_STEPS = {("cxcywhr", "xywhr"): _to_corner, ("xywhr", "cxcywhr"): _to_center,
          ("xyxyxyxy", "xywhr"): _from_corners, ("xywhr", "xyxyxyxy"): _to_corners}


def rotated_iou(boxes1: Tensor, boxes2: Tensor, fmt: str) -> Tensor:
    """Intersection over union of all pairs: (N, K), (M, K) -> (N, M). It has no gradient.

    The intersection of two boxes is a convex polygon. Its corners are corners of one box inside the other, and points
    where edges cross.
    """
    with no_grad():
        a, b = (convert_rotated(boxes.to(float64), fmt, "xyxyxyxy") for boxes in (boxes1, boxes2))
        a, b = (corners.reshape(*corners.shape[:-1], 4, 2) for corners in (a, b))
        areas = [_cross(p[..., 1, :] - p[..., 0, :], p[..., 3, :] - p[..., 0, :]).abs() for p in (a, b)]
        first, second = areas[0][..., :, None], areas[1][..., None, :]
        shape = (*a.shape[:-3], a.shape[-3], b.shape[-3], 4, 2)
        a, b = a[..., :, None, :, :].expand(shape), b[..., None, :, :, :].expand(shape)
        crossings, cross = _crossings(a, b)
        points = cat([a, b, crossings], -2)
        counts = cat([_inside(a, b), _inside(b, a), cross], -1)
        overlap = _area(points, counts)
        union = first + second - overlap
        iou = overlap / union.clamp(min=1e-14)
        return iou.masked_fill((first < 1e-14) | (second < 1e-14), 0).to(
            boxes1.dtype if boxes1.is_floating_point() else "float32")


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def _crossings(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Where the edges of two boxes (*, 4, 2) cross: points (*, 16, 2), and which of them there are (*, 16)."""
    u, v = a.roll(-1, -2) - a, b.roll(-1, -2) - b
    u, v, between = u[..., :, None, :], v[..., None, :, :], b[..., None, :, :] - a[..., :, None, :]
    size = _cross(u, v)
    parallel = size.abs() <= 1e-14
    size = size.masked_fill(parallel, 1)
    s, t = _cross(between, v) / size, _cross(between, u) / size
    there = ~parallel & (s >= 0) & (s <= 1) & (t >= 0) & (t <= 1)
    points = a[..., :, None, :] + s[..., None] * u
    return points.flatten(-3, -2), there.flatten(-2)


def _inside(points: Tensor, box: Tensor) -> Tensor:
    """Which of the points (*, 4, 2) are in the box (*, 4, 2), its border included."""
    origin = box[..., 0:1, :]
    within = []
    for corner in (1, 3):
        side = box[..., corner:corner + 1, :] - origin
        share = ((points - origin) * side).sum(-1)
        within.append((share >= -1e-5) & (share <= (side * side).sum(-1) + 1e-5))
    return within[0] & within[1]


def _area(points: Tensor, counts: Tensor) -> Tensor:
    """The area of the convex polygon of those points (*, P, 2) that count (*, P)."""
    weights = counts.to(points.dtype)[..., None]
    center = (points * weights).sum(-2, keepdim=True) / weights.sum(-2, keepdim=True).clamp(min=1)
    spokes = (points - center) * weights                    # what does not count is the centre, and adds no area
    angles = atan2(spokes[..., 1], spokes[..., 0]).masked_fill(~counts, 9.0)        # and comes last
    order = angles.argsort(-1)[..., None].expand(spokes.shape)
    spokes = spokes.gather(-2, order)
    number = counts.sum(-1, keepdim=True)
    last = spokes.gather(-2, (number - 1).clamp(min=0)[..., None].expand(*number.shape, 2))
    return (_cross(spokes[..., :-1, :], spokes[..., 1:, :]).sum(-1) + _cross(last[..., 0, :], spokes[..., 0, :])) / 2
