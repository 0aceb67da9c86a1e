"""Arguments of the geometric transforms: checked, completed, and made matrices."""
from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

Numbers = Sequence[float]
Size = int | Sequence[int]

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


class InterpolationMode(Enum):
    """How to compute values between pixels."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


PILLOW = {InterpolationMode.NEAREST: 0, InterpolationMode.LANCZOS: 1, InterpolationMode.BILINEAR: 2,
          InterpolationMode.BICUBIC: 3, InterpolationMode.BOX: 4, InterpolationMode.HAMMING: 5,
          InterpolationMode.NEAREST_EXACT: 0}


def as_mode(interpolation: InterpolationMode | int) -> InterpolationMode:
    """Convert Pillow's number for an interpolation to the mode."""
    if isinstance(interpolation, InterpolationMode):
        return interpolation
    if isinstance(interpolation, int):
        return {number: mode for mode, number in list(PILLOW.items())[:6]}[interpolation]
    raise TypeError("Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant, "
                    f"but got {interpolation!r}")


def check_sequence(value: Any, name: str, lengths: Sequence[int] = (2,)) -> None:
    """Errors: TypeError unless it is a sequence, ValueError for another length."""
    text = f"{name} should be a sequence of length {' or '.join(map(str, lengths))}."
    if not isinstance(value, Sequence):
        raise TypeError(text)
    if len(value) not in lengths:
        raise ValueError(text)


def angles_of(value: float | Sequence[float], name: str, lengths: Sequence[int] = (2,)) -> list[float]:
    """A range of degrees. One number x means (-x, x)."""
    if isinstance(value, numbers.Number):
        if value < 0:       # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [-float(value), float(value)]    # type: ignore[arg-type]
    check_sequence(value, name, lengths)
    return [float(angle) for angle in value]    # type: ignore[union-attr]


def check_affine_ranges(translate: Sequence[float] | None, scale: Sequence[float] | None,
                        center: Sequence[float] | None) -> None:
    """Errors: TypeError and ValueError for ranges of an affine map that are none."""
    if translate is not None:
        check_sequence(translate, "translate")
        if not all(0.0 <= share <= 1.0 for share in translate):
            raise ValueError("translation values should be between 0 and 1")
    if scale is not None:
        check_sequence(scale, "scale")
        if min(scale) <= 0:
            raise ValueError("scale values should be positive")
    if center is not None:
        check_sequence(center, "center")


def resized_size(height: int, width: int, size: Size | None, max_size: int | None) -> list[int]:
    """Height and width after `resize`. One number is for the shorter side."""
    if isinstance(size, Sequence) and len(size) == 2:
        return [size[0], size[1]]
    short, long = min(height, width), max(height, width)
    if not short:
        raise ValueError(f"resize: expected an image with pixels, but got {height} rows and {width} columns")
    if size is None:
        if not isinstance(max_size, int):
            raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        new_short, new_long = int(max_size * short / long), max_size
    else:
        new_short = size if isinstance(size, int) else size[0]
        new_long = int(new_short * long / short)
        if max_size is not None:
            if max_size <= new_short:
                raise ValueError(f"max_size = {max_size} must be strictly greater than the requested size for the "
                                 f"smaller edge size = {size}")
            if new_long > max_size:
                new_short, new_long = int(max_size * new_short / new_long), max_size
    return [new_long, new_short] if width <= height else [new_short, new_long]


def pair(size: Size) -> tuple[int, int]:
    """Height and width, from one number for both, or two. Errors: ValueError for another length."""
    if isinstance(size, int):
        return size, size
    if len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return size[0], size[1]


def inverse_affine(center: Numbers, angle: float, translate: Numbers, scale: float, shear: Numbers) -> list[float]:
    """The matrix (2, 3), as six numbers, from the result to its source.

    The forward map: shift the centre to the origin, shear, rotate, scale, shift back and by `translate`.
    """
    turn, x_shear, y_shear = (math.radians(value) for value in (angle, *shear))
    cx, cy = center
    a = math.cos(turn - y_shear) / math.cos(y_shear)
    b = -math.cos(turn - y_shear) * math.tan(x_shear) / math.cos(y_shear) - math.sin(turn)
    c = math.sin(turn - y_shear) / math.cos(y_shear)
    d = -math.sin(turn - y_shear) * math.tan(x_shear) / math.cos(y_shear) + math.cos(turn)
    back = [d / scale, -b / scale, 0.0, -c / scale, a / scale, 0.0]
    for row in (0, 3):
        back[row + 2] += back[row] * (-cx - translate[0]) + back[row + 1] * (-cy - translate[1])
    back[2] += cx
    back[5] += cy
    return back


def rotated_size(matrix: Sequence[float], width: int, height: int) -> tuple[int, int]:
    """Width and height of a box around the rotated image."""
    corners = [(x * width / 2, y * height / 2) for x in (-1, 1) for y in (-1, 1)]
    sizes = []
    for (a, b, c), side in ((matrix[:3], width), (matrix[3:], height)):
        places = [a * x + b * y + c + side / 2 for x, y in corners]
        # rounding errors beyond a whole number do not count
        low, high = (math.trunc(place / 1e-4) * 1e-4 for place in (min(places), max(places)))
        sizes.append(math.ceil(round(high, 4)) - math.floor(round(low, 4)))
    return sizes[0], sizes[1]


def check_affine(angle: float, translate: Sequence[float], scale: float, shear: float | Numbers,
                 center: Numbers | None) -> list[float]:
    """The shears along x and y. Errors: TypeError and ValueError for arguments of another type or length."""
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, (list, tuple)):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    if not isinstance(shear, (int, float, list, tuple)):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    shears = [shear, 0.0] if isinstance(shear, (int, float)) else list(shear) * (2 if len(shear) == 1 else 1)
    if len(shears) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    return shears


def perspective_coefficients(startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]]) -> list[float]:
    """The eight numbers of the map from the result to its source.

    startpoints, endpoints: x and y of four corners of the source and of the result. With the numbers a to h the map is
    ((a x + b y + c) / (g x + h y + 1), (d x + e y + f) / (g x + h y + 1)).
    Errors: ValueError for another number of corners.
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(f"Please provide exactly four corners, got {len(startpoints)} startpoints and "
                         f"{len(endpoints)} endpoints.")
    rows = []
    for (x, y), source in zip(endpoints, startpoints):
        rows.append([x, y, 1, 0, 0, 0, -source[0] * x, -source[0] * y])
        rows.append([0, 0, 0, x, y, 1, -source[1] * x, -source[1] * y])
    solution = np.linalg.lstsq(np.array(rows, float), np.array(startpoints, float).reshape(8), rcond=None)[0]
    return solution.astype(np.float32).tolist()


def check_coefficients(coefficients: Numbers | None, startpoints: Sequence[Sequence[int]] | None,
                       endpoints: Sequence[Sequence[int]] | None) -> list[float]:
    """The numbers of a perspective map, from themselves or from corners. Errors: ValueError unless given one way."""
    if coefficients is not None:
        if startpoints is not None and endpoints is not None:
            raise ValueError("The startpoints/endpoints and the coefficients shouldn't be defined concurrently.")
        if len(coefficients) != 8:
            raise ValueError("Argument coefficients should have 8 float values")
        return list(coefficients)
    if startpoints is None or endpoints is None:
        raise ValueError("Either the startpoints/endpoints or the coefficients must have non `None` values.")
    return perspective_coefficients(startpoints, endpoints)
