"""The transforms of PIL images.

Pillow does the work, as in torchvision, so results agree bit by bit.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

Fill = float | Sequence[float] | None


def get_dimensions(img: Image.Image) -> list[int]:
    return [len(img.getbands()), img.height, img.width]


def hflip(img: Image.Image) -> Image.Image:
    return img.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Image.Image) -> Image.Image:
    return img.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def crop(img: Image.Image, top: int, left: int, height: int, width: int) -> Image.Image:
    return img.crop((left, top, left + width, top + height))


def pad(img: Image.Image, sides: Sequence[int], fill: Fill, padding_mode: str) -> Image.Image:
    left, top, right, bottom = sides
    if padding_mode == "constant":
        padded = ImageOps.expand(img, (left, top, right, bottom), fill=color_for(img, fill))
    else:
        if min(sides) < 0:
            img = img.crop((max(-left, 0), max(-top, 0), img.width - max(-right, 0), img.height - max(-bottom, 0)))
        pixels = np.asarray(img)
        widths = [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)), (0, 0)][:pixels.ndim]
        padded = Image.fromarray(np.pad(pixels, widths, mode=padding_mode))     # type: ignore[call-overload]
    palette = img.getpalette() if img.mode == "P" else None
    if palette is not None:
        padded.putpalette(palette)
    return padded


def resize(img: Image.Image, size: Sequence[int], interpolation: int) -> Image.Image:
    return img.resize((size[1], size[0]), interpolation)


def affine(img: Image.Image, matrix: Sequence[float], interpolation: int, fill: Fill) -> Image.Image:
    return img.transform(img.size, Image.Transform.AFFINE, matrix, interpolation, fillcolor=color_for(img, fill))


def rotate(img: Image.Image, angle: float, interpolation: int, expand: bool, center: Sequence[float] | None,
           fill: Fill) -> Image.Image:
    return img.rotate(angle, interpolation, expand, center, fillcolor=color_for(img, fill))     # type: ignore[arg-type]


def perspective(img: Image.Image, coefficients: Sequence[float], interpolation: int, fill: Fill) -> Image.Image:
    return img.transform(img.size, Image.Transform.PERSPECTIVE, coefficients, interpolation,
                         fillcolor=color_for(img, fill))


def adjust_brightness(img: Image.Image, brightness_factor: float) -> Image.Image:
    return ImageEnhance.Brightness(img).enhance(brightness_factor)


def adjust_contrast(img: Image.Image, contrast_factor: float) -> Image.Image:
    return ImageEnhance.Contrast(img).enhance(contrast_factor)


def adjust_saturation(img: Image.Image, saturation_factor: float) -> Image.Image:
    return ImageEnhance.Color(img).enhance(saturation_factor)


def adjust_sharpness(img: Image.Image, sharpness_factor: float) -> Image.Image:
    return ImageEnhance.Sharpness(img).enhance(sharpness_factor)


def adjust_hue(img: Image.Image, hue_factor: float) -> Image.Image:
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    shifted = np.asarray(hue) + np.int32(hue_factor * 255).astype(np.uint8)      # uint8: the full circle is 256
    return Image.merge("HSV", (Image.fromarray(shifted), saturation, value)).convert(img.mode)


def adjust_gamma(img: Image.Image, gamma: float, gain: float) -> Image.Image:
    table = [int((255 + 1 - 1e-3) * gain * pow(value / 255.0, gamma)) for value in range(256)]
    return img.convert("RGB").point(table * 3).convert(img.mode)


def rgb_to_grayscale(img: Image.Image, num_output_channels: int) -> Image.Image:
    grey = img.convert("L")
    return grey if num_output_channels == 1 else Image.merge("RGB", (grey, grey, grey))


def invert(img: Image.Image) -> Image.Image:
    return ImageOps.invert(img)


def posterize(img: Image.Image, bits: int) -> Image.Image:
    return ImageOps.posterize(img, bits)


def solarize(img: Image.Image, threshold: float) -> Image.Image:
    return ImageOps.solarize(img, threshold)        # type: ignore[arg-type]


def autocontrast(img: Image.Image) -> Image.Image:
    return ImageOps.autocontrast(img)


def equalize(img: Image.Image) -> Image.Image:
    return ImageOps.equalize(img)


def color_for(img: Image.Image, fill: Fill) -> Any:
    """A fill value in Pillow's form for an image of this mode."""
    channels = len(img.getbands())
    if fill is None:
        fill = 0
    if isinstance(fill, (int, float)):
        values = [fill] * channels
    elif len(fill) == 1:
        values = list(fill) * channels
    elif len(fill) == channels:
        values = list(fill)
    else:
        raise ValueError("The number of elements in 'fill' does not match the number of channels of the image "
                         f"({len(fill)} != {channels})")
    if img.mode != "F":
        values = [int(value) for value in values]
    return values[0] if isinstance(fill, (int, float)) and channels == 1 else tuple(values)
