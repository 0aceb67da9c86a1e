"""What trained weights expect of images: `weights.transforms()` makes one of these."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as F
from minidl.vision.transforms.functional import InterpolationMode, T

__all__ = ["ImageClassification", "ObjectDetection", "SemanticSegmentation"]


class ObjectDetection(nn.Module):
    """An image for a detector: a tensor of floats from 0 to 1. The detector itself resizes and normalises."""

    def forward(self, img: T) -> Tensor:
        return F.convert_image_dtype(img if isinstance(img, Tensor) else F.pil_to_tensor(img))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def describe(self) -> str:
        """What is done to an image, in words."""
        return ("Accepts ``PIL.Image``, batched ``(B, C, H, W)`` and single ``(C, H, W)`` image ``Tensor`` objects. "
                "The images are rescaled to ``[0.0, 1.0]``.")


class _Preset(nn.Module):
    """Resize, crop, and normalise; each step where it is wanted."""

    crop_size: list[int] | None = None

    def __init__(self, resize_size: int | None, mean: Sequence[float], std: Sequence[float],
                 interpolation: InterpolationMode, antialias: bool | None) -> None:
        super().__init__()
        self.resize_size = None if resize_size is None else [resize_size]
        self.mean, self.std = list(mean), list(std)
        self.interpolation, self.antialias = interpolation, antialias

    def forward(self, img: T) -> Tensor:
        if self.resize_size is not None:
            img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        if self.crop_size is not None:
            img = F.center_crop(img, self.crop_size)
        x = img if isinstance(img, Tensor) else F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(x), mean=self.mean, std=self.std)

    def _settings(self) -> dict[str, Any]:
        names = ("crop_size", "resize_size", "mean", "std", "interpolation")
        return {name: getattr(self, name) for name in names if name != "crop_size" or self.crop_size is not None}

    def __repr__(self) -> str:
        lines = "".join(f"\n    {name}={value}" for name, value in self._settings().items())
        return f"{type(self).__name__}({lines}\n)"

    def describe(self) -> str:
        """What is done to an image, in words."""
        crop = "" if self.crop_size is None else f", followed by a central crop of ``crop_size={self.crop_size}``"
        return ("Accepts ``PIL.Image``, batched ``(B, C, H, W)`` and single ``(C, H, W)`` image ``Tensor`` objects. "
                f"The images are resized to ``resize_size={self.resize_size}`` using "
                f"``interpolation={self.interpolation}``{crop}. Finally the values are first rescaled to "
                f"``[0.0, 1.0]`` and then normalized using ``mean={self.mean}`` and ``std={self.std}``.")


class ImageClassification(_Preset):
    """An image for a classifier, (3, crop_size, crop_size): its shorter side resized, its middle, normalised.

    Args:
        crop_size: the side of the square in the middle that remains.
        resize_size: of the shorter side, before.
        mean, std: of the colours, from 0 to 1; those of ImageNet if not given.
        antialias: smooth a tensor that gets smaller, as Pillow does with images.

        >>> import minidl
        >>> from minidl.vision.transforms._presets import ImageClassification
        >>> ImageClassification(crop_size=224)(minidl.rand(2, 3, 300, 400)).shape
        (2, 3, 224, 224)
    """

    def __init__(self, *, crop_size: int, resize_size: int = 256, mean: Sequence[float] = (0.485, 0.456, 0.406),
                 std: Sequence[float] = (0.229, 0.224, 0.225),
                 interpolation: InterpolationMode = InterpolationMode.BILINEAR, antialias: bool | None = True) -> None:
        super().__init__(resize_size, mean, std, interpolation, antialias)
        self.crop_size = [crop_size]


class SemanticSegmentation(_Preset):
    """An image for a network that names pixels: its shorter side resized, normalised.

    Args:
        resize_size: of the shorter side; None leaves it as it is.
        mean, std, antialias: as in `ImageClassification`.
    """

    def __init__(self, *, resize_size: int | None, mean: Sequence[float] = (0.485, 0.456, 0.406),
                 std: Sequence[float] = (0.229, 0.224, 0.225),
                 interpolation: InterpolationMode = InterpolationMode.BILINEAR, antialias: bool | None = True) -> None:
        super().__init__(resize_size, mean, std, interpolation, antialias)
