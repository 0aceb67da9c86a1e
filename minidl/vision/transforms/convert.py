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


class LinearTransformation(Module):
    """Multiply the flattened image with a matrix, after its mean is taken away: to whiten it, for instance.

    transformation_matrix (D, D), mean_vector (D,), with D = C * H * W. Errors: ValueError where sizes, devices or
    dtypes do not fit.
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        check_linear(transformation_matrix, mean_vector)
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def forward(self, tensor: Tensor) -> Tensor:
        return apply_linear(tensor, self.transformation_matrix, self.mean_vector)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(transformation_matrix={self.transformation_matrix.tolist()}, "
                f"mean_vector={self.mean_vector.tolist()})")


def check_linear(matrix: Tensor, mean: Tensor) -> None:
    """Errors: ValueError unless matrix (D, D) and mean (D,) fit."""
    shape = tuple(matrix.shape)
    if shape[0] != shape[1]:
        raise ValueError(f"transformation_matrix should be square. Got {shape} rectangular matrix.")
    if mean.shape[0] != shape[0]:
        raise ValueError(f"mean_vector should have the same length {mean.shape[0]} as any one of the dimensions of the "
                         f"transformation_matrix [{shape}]")
    if matrix.device != mean.device:
        raise ValueError(f"Input tensors should be on the same device. Got {matrix.device} and {mean.device}")
    if matrix.dtype != mean.dtype:
        raise ValueError(f"Input tensors should have the same dtype. Got {matrix.dtype} and {mean.dtype}")


def apply_linear(images: Tensor, matrix: Tensor, mean: Tensor) -> Tensor:
    """(images - mean) @ matrix, of flattened images (..., C, H, W)."""
    C, H, W = images.shape[-3:]
    if C * H * W != matrix.shape[0]:
        raise ValueError(f"Input tensor and transformation matrix have incompatible shape.[{C} x {H} x {W}] != "
                         f"{matrix.shape[0]}")
    if images.device.type != mean.device.type:
        raise ValueError("Input tensor should be on the same device as transformation matrix and mean vector. Got "
                         f"{images.device} vs {mean.device}")
    flat = images.reshape(-1, C * H * W) - mean
    return (flat @ matrix.to(flat.dtype)).reshape(images.shape)
