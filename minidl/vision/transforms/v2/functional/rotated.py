"""Rotated boxes that a transform has bent, or moved outside the image: made boxes again."""
from __future__ import annotations

import math

from minidl.ops.elementwise import atan2
from minidl.ops.shape import stack
from minidl.tensors.creation import arange
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.rotated_boxes import convert_rotated


def rectangle_of(corners: Tensor) -> Tensor:
    """The rectangle with the longer diagonal of a parallelogram (*, 8)."""
    wide = corners if corners.dtype.name in ("float32", "float64") else corners.float()
    x1, y1, x2, y2, x3, y3, x4, y4 = wide.unbind(-1)
    width, height = ((x2 - x1) ** 2 + (y2 - y1) ** 2).sqrt(), ((x4 - x1) ** 2 + (y4 - y1) ** 2).sqrt()
    along_width, along_height = atan2(y1 - y2, x2 - x1), atan2(y1 - y4, x4 - x1)
    between = along_width - along_height
    cos, sin = between.cos(), between.sin()
    cos = (-cos).where(between > math.pi / 2, cos)
    # the longer side keeps its direction; the shorter one becomes its height, and what that leaves over lengthens it
    w = (width * sin).where(width < height, width + height * cos)
    h = (height * sin).where(width > height, height + width * cos)
    angle = (along_height + math.pi / 2).where(height > width, along_width)
    cos, sin = angle.cos(), angle.sin()
    x, y = (x1 + x3) / 2, (y1 + y3) / 2
    places = []
    for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        places += [x + across * (w / 2 * cos) + down * (h / 2 * sin), y + down * (h / 2 * cos) - across * (w / 2 * sin)]
    return stack(places, -1).to(corners.dtype)


def clamp_rotated(boxes: Tensor, format: str, canvas_size: tuple[int, int], hard: bool) -> Tensor:
    """Boxes (N, K) with their angles, within the image: the largest inside (hard), or the smallest around that part.

    One side of the image after the other is treated as the left one, and the image is turned between.
    """
    corners = convert_rotated(boxes, format, "xyxyxyxy").reshape(-1, 8)
    before, (height, width) = corners, canvas_size
    for _ in range(4):
        order = _leftmost_first(corners)
        corners, before = corners.gather(1, order), before.gather(1, order)
        corners = _clamp_left(corners, before, (height, width), hard)
        corners, before = (_turned(box.gather(1, order), width) for box in (corners, before))
        height, width = width, height
    return convert_rotated(corners, "xyxyxyxy", format).reshape(boxes.shape)


def _turned(corners: Tensor, width: int) -> Tensor:
    """Turn by 90 degrees counter-clockwise, with the image."""
    return stack([corners[:, 1::2], width - corners[:, ::2]], -1).flatten(1)


def _leftmost_first(corners: Tensor) -> Tensor:
    """The order of the numbers of boxes (N, 8) that begins with the corner furthest to the left."""
    x, y = corners[:, 0::2], corners[:, 1::2]
    size_x, size_y = x.abs().amax(1, keepdim=True), y.abs().amax(1, keepdim=True)
    first = (y / size_y + (x / size_x) * 100).argmin(1)
    return (2 * first[:, None] + arange(8, device=corners.device)) % 8


def _edges(corners: Tensor) -> tuple[Tensor, Tensor]:
    """Slope a and intercept b of the four edges, y = a x + b."""
    x, y = corners[..., ::2], corners[..., 1::2]
    slope = (y.roll(-1, -1) - y) / (x.roll(-1, -1) - x)
    return slope, y - slope * x


def _clamp_left(corners: Tensor, before: Tensor, canvas_size: tuple[int, int], hard: bool) -> Tensor:
    """Move what is left of the image to its left border; the first corner is the one furthest to the left."""
    x1, y1, x2, y2, x3, y3, x4, y4 = corners.unbind(-1)
    slope, intercept = _edges(corners)
    intercept = _moved_edges(slope, intercept, _edges(before)[1], canvas_size, hard)
    x = -(intercept - intercept.roll(1, -1)) / (slope - slope.roll(1, -1))
    crossed = stack([x, slope * x + intercept], -1).flatten(1)              # where neighbouring edges meet
    straight = stack([x1.clamp(min=0), y1, x2, y2, x3, y3, x4.clamp(min=0), y4], -1)
    upright = y1.isclose(y2) | y3.isclose(y4)
    outside = (x1 <= 0) & (x2 <= 0) & (x3 <= 0) & (x4 <= 0)
    outside = outside | y1.isclose(y4) | y2.isclose(y3) | (upright & x1.isclose(x2))
    corners = crossed.where(((x1 < 0) & ~crossed.isnan().any(-1))[:, None], corners)
    return (straight.where(upright[:, None], corners)).masked_fill(outside[:, None], 0)


def _moved_edges(slope: Tensor, intercept: Tensor, before: Tensor, canvas_size: tuple[int, int],
                 hard: bool) -> Tensor:
    """New intercepts of the four edges of boxes that reach beyond the left border."""
    (height, width), (a1, a2, a3, a4), (b1, b2, b3, b4) = canvas_size, slope.unbind(-1), intercept.unbind(-1)
    low1, low2, high1, high2 = before.unbind(-1)
    b1 = b2.clamp(b1, b3).clamp(0, height)
    b4 = b3.clamp(b2, b4).clamp(0, height)
    if hard:
        b1 = b4 = (b1 + b4) / 2
        # each edge as far out as the borders of the image allow: above and right; below and right
        b2 = stack([b1 * a2 / a1, b3 * a2 / a3, (a1 - a2) * width + b1, (a3 - a2) * width + b3], 1).amax(1).clamp(
            max=b2)
        b3 = stack([height * (1 - a3 / a4) + b4 * a3 / a4, height * (1 - a3 / a2) + b2 * a3 / a2,
                    (a2 - a3) * width + b2, (a4 - a3) * width + b4], 1).amin(1).clamp(min=b3)
        b1 = b4 = b1.clamp(low1, high1).clamp(low2, high2)
    else:
        b1, b4 = b1.clamp(low1, high1), b4.clamp(low2, high2)
    return stack([b1, b2.clamp(low2, high2), b3.clamp(low1, high1), b4], -1)
