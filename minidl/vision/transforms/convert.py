"""Convert PIL images, arrays and tensors, and their dtypes."""
from __future__ import annotations

import numpy as np
from PIL import Image

from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as F


class ToTensor:
    """Convert a PIL image or an array (H, W, C) to a tensor (C, H, W). Bytes become numbers from 0 to 1.

        >>> ToTensor()(Image.new("RGB", (4, 2), (255, 0, 0))).shape
        (3, 2, 4)
    """

    def __call__(self, pic: Image.Image | np.ndarray) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """Convert a PIL image to a tensor (C, H, W) of its own numbers."""

    def __call__(self, pic: Image.Image) -> Tensor:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToPILImage:
    """Convert a tensor (C, H, W) or an array (H, W, C) to a PIL image; see `functional.to_pil_image`."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Tensor | np.ndarray) -> Image.Image:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(Module):
    """Convert the image to another dtype and scale it; see `functional.convert_image_dtype`."""

    def __init__(self, dtype: np.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        return F.convert_image_dtype(image, self.dtype)


class Normalize(Module):
    """(image - mean) / std, for each channel of a floating image (..., C, H, W).

        >>> import minidl
        >>> Normalize([0.5], [0.5])(minidl.tensor([[[0., 0.5, 1.]]]))
        tensor([[[-1.,  0.,  1.]]])
    """

    def __init__(self, mean: F.Numbers, std: F.Numbers, inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"
