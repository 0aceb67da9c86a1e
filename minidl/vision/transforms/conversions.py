"""PIL images, arrays and tensors made of each other, and other dtypes; `functional` has these functions."""
from __future__ import annotations

import sys
from typing import Any

import numpy as np
from PIL import Image

from minidl.backend.dtype import get_default_dtype
from minidl.tensors.creation import as_tensor, from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import on_tensors
from minidl.vision.transforms.arguments import Numbers


def to_tensor(pic: Image.Image | np.ndarray) -> Tensor:
    """Convert a PIL image or an array (H, W) or (H, W, C) to a tensor (C, H, W).

    Bytes become numbers from 0 to 1. Errors: TypeError for anything else, ValueError for an array of another number of
    dimensions.

        >>> to_tensor(Image.new("L", (2, 1), 51))
        tensor([[[0.2000, 0.2000]]])
    """
    if not isinstance(pic, (Image.Image, np.ndarray)):
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        img = from_numpy(_channels_first(pic))
    else:
        kinds = {"I": np.int32, "I;16": np.int16, "I;16B": np.int16, "F": np.float32}
        img = from_numpy(_channels_first(np.array(pic, dtype=kinds.get(pic.mode, np.uint8))))
        img = img * 255 if pic.mode == "1" else img
    return img.to(get_default_dtype()) / 255 if img.dtype.name == "uint8" else img


def pil_to_tensor(pic: Image.Image) -> Tensor:
    """Convert a PIL image to a tensor (C, H, W) of its own numbers.

        >>> pil_to_tensor(Image.new("L", (2, 1), 51))
        tensor([[[51, 51]]], dtype=uint8)
    """
    if not isinstance(pic, Image.Image):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    pixels = np.array(pic)
    return from_numpy(_channels_first(pixels))


def _channels_first(pixels: np.ndarray) -> np.ndarray:
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) if pixels.size else pixels.transpose(2, 0, 1)


def to_pil_image(pic: Tensor | np.ndarray, mode: str | None = None) -> Image.Image:
    """Convert a tensor (C, H, W) or an array (H, W, C) to a PIL image.

    It has one to four channels. Floating numbers should be from 0 to 1. mode: the meaning of the channels; by default
    "L", "LA", "RGB" or "RGBA".
    Errors: TypeError for anything else, and for numbers that no image holds; ValueError for another number of
    dimensions or channels, and for a mode that does not fit.
    """
    if isinstance(pic, Tensor):
        pixels = pic.detach().cpu().numpy()
        pixels = pixels.transpose(1, 2, 0) if pixels.ndim == 3 else pixels
    elif isinstance(pic, np.ndarray):
        pixels = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3:
        raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    channels = pixels.shape[2]
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if pixels.dtype.kind == "f" and mode != "F":
        pixels = (pixels * 255).astype(np.uint8)
    if channels == 1:
        sixteen = "I;16" if sys.byteorder == "little" else "I;16B"
        expected = {"uint8": "L", "int16": sixteen, "int32": "I", "float32": "F"}.get(pixels.dtype.name)
        if mode is not None and mode != expected:
            raise ValueError(f"Incorrect mode ({mode}) supplied for input type {pixels.dtype}. Should be {expected}")
        mode, pixels = expected, pixels[:, :, 0]
    else:
        permitted = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}[channels]
        if mode is not None and mode not in permitted:
            raise ValueError(f"Only modes {permitted} are supported for {channels}D inputs")
        if mode is None and pixels.dtype == np.uint8:
            mode = permitted[0]
    if mode is None:
        raise TypeError(f"Input type {pixels.dtype} is not supported")
    pixels = np.ascontiguousarray(pixels)
    return Image.frombuffer(mode, pixels.shape[1::-1], pixels.tobytes(), "raw", mode, 0, 1)


def convert_image_dtype(image: Tensor, dtype: Any = np.float32) -> Tensor:
    """Convert the image to another dtype and scale it.

    White is the largest number of an integer dtype, and 1 for floating numbers. Errors: RuntimeError where floating
    numbers are too coarse for the integers.

        >>> import minidl
        >>> convert_image_dtype(minidl.tensor([[[0, 255]]], dtype=minidl.uint8))
        tensor([[[0., 1.]]])
    """
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    return on_tensors.convert_image_dtype(image, np.dtype(dtype).name)


def of_channels(values: Numbers | Tensor, like: Tensor) -> Tensor:
    """Numbers for the channels of an image, (C, 1, 1), in its dtype; one number stays one."""
    if isinstance(values, (list, tuple)) and not any(isinstance(value, Tensor) for value in values):
        return as_tensor(np.array(values, like.dtype).reshape(-1, 1, 1), device=like.device)
    of_each = as_tensor(values, dtype=like.dtype, device=like.device)
    return of_each[:, None, None] if of_each.ndim == 1 else of_each


def normalize(tensor: Tensor, mean: Numbers, std: Numbers, inplace: bool = False) -> Tensor:
    """(tensor - mean) / std, for each channel of a floating image (..., C, H, W).

    Errors: TypeError for whole numbers; ValueError for fewer than three dimensions, or a std of zero.

        >>> import minidl
        >>> normalize(minidl.ones(1, 1, 2), [0.5], [0.25])
        tensor([[[2., 2.]]])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError("Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = "
                         f"{tuple(tensor.shape)}")
    center, spread = (of_channels(value, tensor) for value in (mean, std))
    for name, value in (("mean", center), ("std", spread)):
        if value.ndim and len(value) not in (1, tensor.shape[-3]):
            raise RuntimeError(f"normalize: {name} has {len(value)} numbers, but the image {tuple(tensor.shape)} has "
                               f"{tensor.shape[-3]} channels; give one for each")
    if not spread.array.all():
        raise ValueError(f"std evaluated to zero after conversion to {tensor.dtype}, leading to division by zero.")
    return tensor.sub_(center).div_(spread) if inplace else on_tensors.normalize(tensor, center, spread)
