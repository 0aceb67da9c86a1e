"""Arguments of the geometric functions of v2: checked and completed."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.vision.transforms.arguments import InterpolationMode, Size, as_mode
from minidl.vision.transforms.arguments import pair as pair
from minidl.vision.transforms.arguments import resized_size as size_of_resized

Interpolation = InterpolationMode | str | int


def mode_of(interpolation: Interpolation) -> InterpolationMode:
    """The mode of this name or of Pillow's number. Errors: ValueError for anything else."""
    if isinstance(interpolation, str):
        try:
            return InterpolationMode(interpolation)
        except ValueError:
            raise ValueError(f"Invalid interpolation mode: '{interpolation}'. Supported string values are: "
                             f"{[mode.value for mode in InterpolationMode]}.") from None
    if not isinstance(interpolation, (InterpolationMode, int)):
        raise ValueError("Argument interpolation should be an `InterpolationMode` or a corresponding Pillow integer "
                         f"constant, but got {interpolation}.")
    return as_mode(interpolation)


def resized_size(size: tuple[int, int], new: Size | None, max_size: int | None) -> tuple[int, int]:
    """Height and width of an image of this size after `resize`."""
    if max_size is not None and isinstance(new, Sequence) and len(new) != 1:
        raise ValueError("max_size should only be passed if size is None or specifies the length of the smaller edge, "
                         "i.e. size should be an int or a sequence of length 1.")
    height, width = size_of_resized(*size, new, max_size)
    return height, width


def padding_of(padding: Size) -> list[int]:
    """Pixels left, above, right and below."""
    if not isinstance(padding, (int, tuple, list)):
        raise TypeError(f"`padding` should be an integer or tuple or list of integers, but got {padding}")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple or list. Found {len(sides)}")
    return sides * (4 // len(sides))


def center_of_crop(height: int, width: int, size: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the first pixel of a rectangle in the middle."""
    return round((size[0] - height) / 2.0), round((size[1] - width) / 2.0)
