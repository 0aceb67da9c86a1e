"""What an image of a tensor (..., C, H, W) is: channels, white, dtypes; and such images as one batch."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.color_ops import Fraction
from minidl.vision.transforms.in_cache import images_in_cache

_LARGEST = {"bool": 1, "uint8": 255, "int8": 127, "int16": 32767, "uint16": 65535, "int32": 2147483647,
            "int64": 9223372036854775807}
FLOATING = ("float32", "float64")


def largest(img: Tensor) -> int:
    """The value of white: 1 for floating numbers."""
    return white(img.dtype.name)


def white(name: str) -> int:
    """The value of white in the dtype of this name."""
    return _LARGEST.get(name, 1)


def get_dimensions(img: Tensor) -> list[int]:
    shape = img.array.shape
    if len(shape) < 2:
        raise TypeError("Tensor is not a torch image.")
    return [1, *shape] if len(shape) == 2 else list(shape[-3:])


def check_channels(img: Tensor) -> None:
    channels = get_dimensions(img)[0]
    if channels not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are [1, 3], but found {channels}")


def floating(img: Tensor) -> Tensor:
    """The image in floating numbers."""
    return img if img.is_floating_point() else img.to("float32")


def wants_gradient(*values: Any) -> bool:
    """Whether the result must be recorded: then plain operations compute it."""
    return any(getattr(value, "requires_grad", False) for value in values)


def convert_image_dtype(img: Tensor, name: str) -> Tensor:
    """Convert to another dtype. White is the largest integer of the dtype, or 1 for floating numbers."""
    if img.dtype.name == name:
        return img
    if name not in _LARGEST:                                    # to floating numbers
        if img.is_floating_point():
            return img.to(name)
        return Fraction(np.dtype(name), over=largest(img))(img)
    return _whole(img, name)


@images_in_cache
def _whole(img: Tensor, name: str) -> Tensor:
    bound = _LARGEST[name]
    if img.is_floating_point():
        if (img.dtype.name, name) in (("float32", "int32"), ("float32", "int64"), ("float64", "int64")):
            raise RuntimeError(f"The cast from {img.dtype} to {name} cannot be performed safely.")
        return (img * (bound + 1.0 - 1e-3)).to(name)            # so that each integer has an equal share
    if largest(img) > bound:
        return (img // ((largest(img) + 1) // (bound + 1))).to(name)
    return img.to(name) * ((bound + 1) // (largest(img) + 1))


def in_batch(img: Tensor) -> Tensor:
    """The images (..., C, H, W) as a batch (N, C, H, W) of floating numbers."""
    batch = as_batch(img)
    return batch if batch.dtype.name in FLOATING else batch.to("float32")


def as_batch(img: Tensor) -> Tensor:
    """The images (..., C, H, W) as a batch (N, C, H, W)."""
    shape = (*[1] * (3 - img.ndim), *img.shape)
    return img.reshape(math.prod(shape[:-3]), *shape[-3:])


def out_of_batch(batch: Tensor, like: Tensor) -> Tensor:
    """The inverse of `in_batch`: dimensions and dtype of the image `like`."""
    result = batch.reshape(*like.shape[:-3], *batch.shape[-min(like.ndim, 3):])
    if result.dtype == like.dtype:
        return result
    exact = like.is_floating_point() or like.dtype.name == "bool"      # every share of True is True
    return (result if exact else result.round()).to(like.dtype)


def rounded(change: Callable[[Tensor], Tensor], img: Tensor) -> Tensor:
    """The changed image; of a bool, what is more than half true, as in v2. (In v1 every share of True is True.)"""
    return change(img.to("uint8")).to(img.dtype) if img.dtype.name == "bool" else change(img)
