"""The geometric kernels of key points (..., 2), and the maps of points that boxes share.

Those that change the image's size return it too.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minidl.ops.shape import stack
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.arguments import (
    Numbers,
    Size,
    check_affine,
    check_coefficients,
    inverse_affine,
    rotated_size,
)
from minidl.vision.transforms.on_tensors import identity_grid
from minidl.vision.transforms.v2.functional.arguments import center_of_crop, padding_of, pair, resized_size
from minidl.vision.transforms.v2.functional.boxes import Canvas

Corners = Callable[[Tensor], Tensor]


def horizontal_flip_keypoints(keypoints: Tensor, canvas_size: Canvas) -> Tensor:
    """Mirror points horizontally: the first column becomes the last."""
    return stack([canvas_size[1] - 1 - keypoints[..., 0], keypoints[..., 1]], -1)


def vertical_flip_keypoints(keypoints: Tensor, canvas_size: Canvas) -> Tensor:
    """Mirror points vertically: the first row becomes the last."""
    return stack([keypoints[..., 0], canvas_size[0] - 1 - keypoints[..., 1]], -1)


def resize_keypoints(keypoints: Tensor, size: Size | None, canvas_size: Canvas,
                     max_size: int | None = None) -> tuple[Tensor, Canvas]:
    """Resize the image that points belong to."""
    new = resized_size(canvas_size, size, max_size)
    if new == tuple(canvas_size):
        return keypoints, canvas_size
    ratios = tensor([new[1] / canvas_size[1], new[0] / canvas_size[0]], device=keypoints.device)
    return (keypoints * ratios).to(keypoints.dtype), new


def crop_keypoints(keypoints: Tensor, top: int, left: int, height: int, width: int) -> tuple[Tensor, Canvas]:
    """Points within a rectangle of their image."""
    return keypoints - tensor([left, top], dtype=keypoints.dtype, device=keypoints.device), (height, width)


def pad_keypoints(keypoints: Tensor, canvas_size: Canvas, padding: Size,
                  padding_mode: str = "constant") -> tuple[Tensor, Canvas]:
    """Pad the image that points belong to."""
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with KeyPoints (supported modes are "
                         "constant)")
    left, top, right, bottom = padding_of(padding)
    return crop_keypoints(keypoints, -top, -left, canvas_size[0] + top + bottom, canvas_size[1] + left + right)


def center_crop_keypoints(inpt: Tensor, canvas_size: Canvas, output_size: Size) -> tuple[Tensor, Canvas]:
    """Points within the middle of their image."""
    height, width = pair(output_size)
    return crop_keypoints(inpt, *center_of_crop(height, width, canvas_size), height, width)


def resized_crop_keypoints(keypoints: Tensor, top: int, left: int, height: int, width: int,
                           size: Size) -> tuple[Tensor, Canvas]:
    """Points within a rectangle of their image, resized."""
    return resize_keypoints(*crop_keypoints(keypoints, top, left, height, width)[:1], size, (height, width))


def affine_keypoints(keypoints: Tensor, canvas_size: Canvas, angle: float, translate: Sequence[float], scale: float,
                     shear: float | Numbers, center: Numbers | None = None) -> tuple[Tensor, Canvas]:
    """Rotate, scale, shear and shift points."""
    move, canvas_size = affine_map(canvas_size, angle, translate, scale, shear, center)
    return move(keypoints), canvas_size


def rotate_keypoints(keypoints: Tensor, canvas_size: Canvas, angle: float, expand: bool = False,
                     center: Numbers | None = None) -> tuple[Tensor, Canvas]:
    """Rotate points counter-clockwise."""
    move, canvas_size = affine_map(canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)
    return move(keypoints), canvas_size


def affine_map(canvas_size: Canvas, angle: float, translate: Sequence[float], scale: float, shear: float | Numbers,
               center: Numbers | None, expand: bool = False) -> tuple[Corners, Canvas]:
    """The map of points, and the size of the image afterwards."""
    shears = check_affine(angle, translate, scale, shear, center)
    height, width = canvas_size
    middle = [width * 0.5, height * 0.5] if center is None else [float(place) for place in center]
    back = inverse_affine(middle, float(angle), translate, scale, shears)
    forward = np.linalg.inv(np.array([*back, 0.0, 0.0, 1.0]).reshape(3, 3))[:2]
    if expand:      # the size of the image, whose quarter turns are exact
        corners = np.array([[0, 0, 1], [0, height, 1], [width, height, 1], [width, 0, 1]], float)
        forward[:, 2] -= (corners @ forward.T).min(0)
        quarters = angle / 90 if center is None and angle % 90 == 0 else None
        relative = [place - size * 0.5 for place, size in zip(middle, (width, height))]
        if quarters is None:
            width, height = rotated_size(inverse_affine(relative, float(angle), translate, scale, shears), width,
                                         height)
        elif quarters % 2:
            width, height = height, width

    def move(points: Tensor) -> Tensor:
        floating = points if points.is_floating_point() else points.float()
        matrix = tensor(forward, dtype=floating.dtype, device=points.device)
        return (floating @ matrix[:, :2].T + matrix[:, 2]).to(points.dtype)
    return move, (height, width)


def perspective_keypoints(keypoints: Tensor, canvas_size: Canvas, startpoints: Sequence[Sequence[int]] | None,
                          endpoints: Sequence[Sequence[int]] | None, coefficients: Numbers | None = None) -> Tensor:
    """Move points in perspective."""
    if not keypoints.numel():
        return keypoints
    return perspective_map(startpoints, endpoints, coefficients, "keypoints")(keypoints).to(keypoints.dtype)


def perspective_map(startpoints: Sequence[Sequence[int]] | None, endpoints: Sequence[Sequence[int]] | None,
                    coefficients: Numbers | None, what: str) -> Corners:
    """The map of points: the inverse of that from the result to its source."""
    numbers = check_coefficients(coefficients, startpoints, endpoints)
    a, b, c, d, e, f, g, h = numbers
    denominator = a * e - b * d
    if denominator == 0:
        raise RuntimeError(f"Provided perspective_coeffs {numbers} can not be inverted to transform {what}. "
                           f"Denominator is zero, denom={denominator}")
    above = [[e - f * h, -b + c * h, b * f - c * e], [-d + f * g, a - c * g, -a * f + c * d]]
    below = [-e * g + d * h, -a * h + b * g]

    def move(points: Tensor) -> Tensor:
        floating = points if points.is_floating_point() else points.float()
        over, under = (tensor(np.array(rows) / denominator, dtype=floating.dtype, device=points.device)
                       for rows in (above, below))
        return (floating @ over[:, :2].T + over[:, 2]) / (floating @ under + 1.0)[..., None]
    return move


def elastic_keypoints(keypoints: Tensor, canvas_size: Canvas, displacement: Tensor) -> Tensor:
    """Move points as `elastic` moves pixels, about: by what the displacement is where they were."""
    check_displacement(displacement, canvas_size)
    return elastic_map(displacement, canvas_size)(keypoints) if keypoints.numel() else keypoints


def check_displacement(displacement: Tensor, canvas_size: Canvas) -> None:
    """Errors: TypeError unless it is a tensor, ValueError unless it is (1, H, W, 2)."""
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    if displacement.shape != (1, *canvas_size, 2):
        raise ValueError(f"Argument displacement shape should be {(1, *canvas_size, 2)}, but given "
                         f"{tuple(displacement.shape)}")


def elastic_map(displacement: Tensor, canvas_size: Canvas, up: bool = False) -> Corners:
    """The map of points. Its exact inverse, which is what pixels follow, has no formula. up: round places up first."""
    height, width = canvas_size

    def move(points: Tensor) -> Tensor:
        dtype = points.dtype if points.is_floating_point() else "float32"
        grid = (identity_grid(height, width, dtype, points.device) - displacement.to(points.device).to(dtype))[0]
        x, y = (points.ceil() if up and points.is_floating_point() else points).long().unbind(-1)
        moved = grid[y.clamp(0, height - 1), x.clamp(0, width - 1)]
        size = tensor([width, height], dtype=dtype, device=points.device)
        return ((moved + 1) * (0.5 * size) - 0.5).to(points.dtype)
    return move
