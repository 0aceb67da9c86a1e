"""Where pixels go: mirrored, cropped, padded, resized, sampled at other places, blurred."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import minidl.nn.functional as F
from minidl.ops.resize import SampleImages
from minidl.ops.shape import Flip, Slice, SliceScatter, cat, stack
from minidl.tensors.creation import linspace, ones_like, tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.arguments import rotated_size
from minidl.vision.transforms.color_ops import Blur
from minidl.vision.transforms.on_images import Fill
from minidl.vision.transforms.on_tensors.form import (
    FLOATING,
    as_batch,
    get_dimensions,
    in_batch,
    out_of_batch,
)


def hflip(img: Tensor) -> Tensor:
    return Flip((img.ndim - 1,))(img)


def vflip(img: Tensor) -> Tensor:
    return img.flip(-2)


def crop(img: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    _, h, w = get_dimensions(img)
    if height < 0 or width < 0:
        raise ValueError(f"crop: expected a height and a width of 0 or more, but got {height} and {width}")
    bottom, right = top + height, left + width
    rows, columns = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
    inside = Slice((*[slice(None)] * (img.ndim - 2), rows, columns))(img)
    if top >= 0 and left >= 0 and bottom <= h and right <= w:
        return inside
    sides = [max(-left + min(0, right), 0), max(-top + min(0, bottom), 0), max(right - max(w, left), 0),
             max(bottom - max(h, top), 0)]
    return pad(inside, sides, 0, "constant") if any(sides) else inside


def pad(img: Tensor, sides: Sequence[int], fill: Fill, padding_mode: str) -> Tensor:
    left, top, right, bottom = sides
    if not isinstance(fill, (int, float)) and fill is not None:
        raise TypeError("Got inappropriate fill arg")
    if padding_mode == "constant" and not fill and min(sides) >= 0:     # without what `F.pad` asks of others
        _, height, width = get_dimensions(img)
        window = (*[slice(None)] * (img.ndim - 2), slice(top, top + height), slice(left, left + width))
        return SliceScatter(window, (*img.array.shape[:-2], top + height + bottom, left + width + right))(img)
    if padding_mode == "constant":
        return F.pad(img, (left, right, top, bottom), value=fill or 0)
    _, height, width = get_dimensions(img)
    rows = tensor(_padded_indices(height, top, bottom, padding_mode), dtype="int64", device=img.device)
    columns = tensor(_padded_indices(width, left, right, padding_mode), dtype="int64", device=img.device)
    return img.index_select(-2, rows).index_select(-1, columns)


def _padded_indices(length: int, before: int, after: int, mode: str) -> list[int]:
    """The indices of rows or columns after padding; negative padding crops."""
    if length == 0 and max(before, after) > 0:
        raise RuntimeError(f"pad: padding_mode={mode!r} repeats pixels, but the image has none")
    if mode == "reflect" and max(before, after) >= length:
        raise RuntimeError(f"pad: reflecting needs a padding below the size, but got {max(before, after)} for {length}")
    if mode == "symmetric" and max(before, after) > length:
        raise RuntimeError(f"pad: symmetric padding may be as large as the size, but got {max(before, after)} for "
                           f"{length}")
    places = range(-before, length + after)
    if mode == "edge":
        return [min(max(i, 0), length - 1) for i in places]
    if mode == "reflect":
        return [-i if i < 0 else 2 * (length - 1) - i if i >= length else i for i in places]
    return [-1 - i if i < 0 else 2 * length - 1 - i if i >= length else i for i in places]


def resize(img: Tensor, size: Sequence[int], interpolation: str, antialias: bool | None) -> Tensor:
    smooth = interpolation in ("bilinear", "bicubic", "lanczos")
    batch = in_batch(img)
    result = F.interpolate(batch, tuple(size), mode=interpolation, align_corners=False if smooth else None,
                           antialias=bool(antialias) and smooth)
    if interpolation in ("bicubic", "lanczos") and img.dtype.name == "uint8":
        result = result.clamp(0, 255)       # they overshoot
    return out_of_batch(result, img)


def affine(img: Tensor, matrix: Sequence[float], interpolation: str, fill: Fill) -> Tensor:
    return _sample(img, matrix, img.shape[-1], img.shape[-2], interpolation, fill)


def rotate(img: Tensor, matrix: Sequence[float], interpolation: str, expand: bool, fill: Fill) -> Tensor:
    height, width = img.shape[-2:]
    if expand:
        return _sample(img, matrix, *rotated_size(matrix, width, height), interpolation, fill)
    return _sample(img, matrix, width, height, interpolation, fill)


def _sample(img: Tensor, matrix: Sequence[float], width: int, height: int, interpolation: str, fill: Fill) -> Tensor:
    """Sample the image at `matrix` @ (x, y, 1). (x, y) is a place of the result, relative to its middle."""
    h, w = _some_pixels(img)
    dtype = _grid_dtype(img)
    x, y = (linspace(-size * 0.5 + 0.5, size * 0.5 - 0.5, size, dtype=dtype, device=img.device)
            for size in (width, height))
    places = [(x * a + y[:, None] * b + c)[None] for a, b, c in (
        [value / (0.5 * w) for value in matrix[:3]],            # positions are from -1 to 1
        [value / (0.5 * h) for value in matrix[3:]])]
    return _sample_at(img, places, interpolation, fill)


def _some_pixels(img: Tensor) -> tuple[int, int]:
    """Height and width. Errors: RuntimeError if one is 0."""
    _, height, width = get_dimensions(img)
    if not height or not width:
        raise RuntimeError(f"expected an image with pixels, but got {tuple(img.shape)}")
    return height, width


def perspective(img: Tensor, coefficients: Sequence[float], interpolation: str, fill: Fill) -> Tensor:
    height, width = _some_pixels(img)
    a, b, c, d, e, f, g, h = coefficients
    x, y = (linspace(0.5, size - 0.5, size, dtype=_grid_dtype(img), device=img.device) for size in (width, height))
    y = y[:, None]
    depth = x * g + y * h + 1.0
    places = [(x * (a / (0.5 * width)) + y * (b / (0.5 * width)) + c / (0.5 * width)) / depth - 1.0,
              (x * (d / (0.5 * height)) + y * (e / (0.5 * height)) + f / (0.5 * height)) / depth - 1.0]
    return _sample_at(img, [place[None] for place in places], interpolation, fill)


def elastic(img: Tensor, displacement: Tensor, interpolation: str, fill: Fill) -> Tensor:
    _, height, width = get_dimensions(img)
    grid = identity_grid(height, width, _grid_dtype(img), img.device)
    return sample(img, grid + displacement.to(grid), interpolation, fill)


def identity_grid(height: int, width: int, dtype: Any, device: Any) -> Tensor:
    """The places x and y of all pixels, (1, H, W, 2), each from -1 to 1 over the image."""
    x, y = (linspace((1 - size) / size, (size - 1) / size, size, dtype=dtype, device=device)
            for size in (width, height))
    return stack([x.expand(height, width), y[:, None].expand(height, width)], -1)[None]


def _grid_dtype(img: Tensor) -> Any:
    return img.dtype if img.dtype.name in FLOATING else "float32"


def sample(img: Tensor, grid: Tensor, interpolation: str, fill: Fill) -> Tensor:
    """Sample the image at the places of a grid (1, height, width, 2); `fill` is what lies outside."""
    return _sample_at(img, [grid[..., 0], grid[..., 1]], interpolation, fill)


def _sample_at(img: Tensor, places: Sequence[Tensor], interpolation: str, fill: Fill) -> Tensor:
    """Sample the image at the places x and y (1, height, width), from -1 to 1."""
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"Interpolation mode '{interpolation}' is unsupported with Tensor input")
    channels = get_dimensions(img)[0]
    if isinstance(fill, (tuple, list)) and len(fill) not in (1, channels):
        raise ValueError("The number of elements in 'fill' cannot broadcast to match the number of channels of the "
                         f"image ({len(fill)} != {channels})")
    if fill is not None and not isinstance(fill, (int, float, tuple, list)):
        raise ValueError("Argument fill should be either int, float, tuple or list")
    values = [] if fill is None else [fill] if isinstance(fill, (int, float)) else list(fill)
    recorded = img.requires_grad or places[0].requires_grad
    exact = img.dtype.name in FLOATING or img.dtype.name == "uint8" and all(0 <= value <= 255 for value in values)
    if exact and not recorded:
        outside = np.broadcast_to(np.asarray(values, np.float64), (channels,)) if values else None
        return out_of_batch(SampleImages(interpolation, color=outside)(as_batch(img), *places), img)
    batch = in_batch(img)
    grid = stack(list(places), -1).expand(batch.shape[0], -1, -1, -1)
    if fill is None:
        return out_of_batch(F.grid_sample(batch, grid, interpolation, "zeros", False), img)
    # an extra channel holds how much of each pixel comes from the image
    sampled = F.grid_sample(cat([batch, ones_like(batch[:, :1])], 1), grid, interpolation, "zeros", False)
    result, share = sampled[:, :-1], sampled[:, -1:]
    if interpolation == "nearest":
        share = (share >= 0.5).to(result.dtype)
    color = tensor(values, dtype=result.dtype, device=img.device)[:, None, None]
    return out_of_batch(result * share + color * (1 - share), img)


def gaussian_blur(img: Tensor, kernel_size: Sequence[int], sigma: Sequence[float]) -> Tensor:
    if not img.numel():
        return img
    width, height = kernel_size
    # the kernel is a product of a row and a column
    across, down = (_gaussian_kernel(size, deviation, img) for size, deviation in zip(kernel_size, sigma))
    fits = height // 2 < img.shape[-2] and width // 2 < img.shape[-1]       # or else padding says what is wrong
    if fits and not img.requires_grad and img.dtype.name in (*FLOATING, "uint8"):
        return Blur(down, across)(img)
    batch = F.pad(in_batch(img), (width // 2, width // 2, height // 2, height // 2), mode="reflect")
    for dim, weights in ((-1, across), (-2, down)):
        length = batch.shape[dim] - len(weights) + 1
        batch = sum((weight * batch.narrow(dim, i, length) for i, weight in enumerate(weights.tolist())), 0)
    return out_of_batch(batch, img)


def _gaussian_kernel(size: int, sigma: float, img: Tensor) -> np.ndarray:
    half = (size - 1) * 0.5
    weights = np.exp(-0.5 * (np.linspace(-half, half, size, dtype=_grid_dtype(img)) / sigma) ** 2)
    return weights / weights.sum()
