"""Other dtypes, and conversions between images, arrays and tensors."""
from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image as pillow

from minidl.backend.warn import warn
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.transforms import functional as v1
from minidl.vision.transforms.color_ops import Fraction
from minidl.vision.transforms.in_cache import images_in_cache
from minidl.vision.transforms.on_tensors import largest, white
from minidl.vision.transforms.v2.functional.dispatch import call, register

_VALUE_BITS = {"uint8": 8, "int8": 7, "int16": 15, "uint16": 16, "int32": 31, "int64": 63}


def value_bits(dtype: Any) -> int:
    """How many bits of an integer hold its value. Errors: TypeError for other dtypes."""
    name = np.dtype(dtype).name
    if name not in _VALUE_BITS:
        raise TypeError(f"Number of value bits is only defined for integer dtypes, but got {name}.")
    return _VALUE_BITS[name]


def to_dtype(inpt: Any, dtype: Any = np.float32, scale: bool = False) -> Any:
    """Convert to another dtype.

    scale: scale images and videos, so that white stays white: it is the largest number of an integer dtype, and 1 for
    floating numbers. Boxes, masks and key points are never scaled.
    Errors: RuntimeError where floating numbers are too coarse for the integers.

        >>> import minidl
        >>> to_dtype(minidl.tensor([[[0, 255]]], dtype=minidl.uint8), scale=True)
        tensor([[[0., 1.]]])
    """
    return call(to_dtype, inpt, dtype=dtype, scale=scale)


def to_dtype_image(image: Tensor, dtype: Any = np.float32, scale: bool = False) -> Tensor:
    """Convert images to another dtype; see `to_dtype`."""
    dtype, old = np.dtype(dtype), image.dtype
    if old == dtype or not scale or old.kind == dtype.kind == "f":
        return image.to(dtype)
    if dtype.kind == "f" and old.kind != "f":
        return Fraction(dtype, times=1.0 / largest(image))(image)
    return _scaled_to(image, dtype)


@images_in_cache
def _scaled_to(image: Tensor, dtype: Any) -> Tensor:
    if image.is_floating_point():
        if (image.dtype.name, dtype.name) in (("float32", "int32"), ("float32", "int64"), ("float64", "int64")):
            raise RuntimeError(f"The conversion from {image.dtype} to {dtype} cannot be performed safely.")
        return (image * (white(dtype.name) + 1.0 - 1e-3)).to(dtype)       # so that each integer has an equal share
    shift = value_bits(image.dtype) - value_bits(dtype)
    if "uint16" in (image.dtype.name, dtype.name):
        wide = image.long()         # nothing is computed in uint16
        return (wide >> shift if shift > 0 else wide << -shift).to(dtype)
    return (image >> shift).to(dtype) if shift > 0 else image.to(dtype) << -shift


def _to_dtype_only(inpt: Tensor, dtype: Any = np.float32) -> Tensor:
    return inpt.to(dtype)


register(to_dtype, image=to_dtype_image, mask=_to_dtype_only, boxes=_to_dtype_only, keypoints=_to_dtype_only)


def convert_image_dtype(image: Tensor, dtype: Any = np.float32) -> Tensor:
    """`to_dtype_image` with scale=True."""
    return to_dtype_image(image, dtype, scale=True)


def to_image(inpt: Tensor | pillow.Image | np.ndarray) -> tv_tensors.Image:
    """A `tv_tensors.Image` of a tensor (..., C, H, W), a PIL image, or an array (H, W) or (H, W, C).

    Errors: TypeError for anything else.

        >>> to_image(np.zeros((2, 3), np.uint8)).shape
        (1, 2, 3)
    """
    if isinstance(inpt, np.ndarray):
        return tv_tensors.Image(from_numpy(np.ascontiguousarray(np.atleast_3d(inpt).transpose(2, 0, 1))))
    if not isinstance(inpt, (Tensor, pillow.Image)):
        raise TypeError("Input can either be a pure Tensor, a numpy array, or a PIL image, but got "
                        f"{type(inpt)} instead.")
    return tv_tensors.Image(v1.pil_to_tensor(inpt) if isinstance(inpt, pillow.Image) else inpt)


def to_tensor(inpt: pillow.Image | np.ndarray) -> Tensor:
    """As v1's `functional.to_tensor`; in its place use `to_image`, and `to_dtype` with scale=True."""
    warn("The function `to_tensor(...)` is deprecated and will be removed in a future release. Instead, please use "
         "`to_image(...)` followed by `to_dtype(..., dtype=minidl.float32, scale=True)`.")
    return v1.to_tensor(inpt)
