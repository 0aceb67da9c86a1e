"""What colours become, and sharpness."""
from __future__ import annotations

import minidl.nn.functional as F
from minidl.ops.shape import stack
from minidl.tensors.creation import full
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.color_ops import Blend, Equalize, Grey, Posterize, Smooth, Solarize, Standardize, Stretch
from minidl.vision.transforms.in_cache import images_in_cache
from minidl.vision.transforms.on_tensors.form import (
    check_channels,
    convert_image_dtype,
    floating,
    get_dimensions,
    in_batch,
    largest,
    out_of_batch,
    wants_gradient,
)


def clamped(values: Tensor, like: Tensor) -> Tensor:
    """New numbers from black to white, cut off to the dtype of the image `like`."""
    return values.clamp(0, largest(like)).to(like.dtype)


def blend(img: Tensor, other: Tensor | None, ratio: float) -> Tensor:
    """ratio * img + (1 - ratio) * other, from black to white; None is black."""
    if wants_gradient(img, other):
        return clamped(float(ratio) * img + (1.0 - float(ratio)) * (0.0 if other is None else other), img)
    return Blend(float(ratio), largest(img))(img, *[] if other is None else [other])


def adjust_brightness(img: Tensor, factor: float) -> Tensor:
    check_channels(img)
    return blend(img, None, factor)


@images_in_cache
def adjust_contrast(img: Tensor, factor: float) -> Tensor:
    check_channels(img)
    grey = rgb_to_grayscale(img, 1) if get_dimensions(img)[0] == 3 else img
    dims = tuple(range(-min(grey.ndim, 3), 0))
    return blend(img, floating(grey).mean(dims, keepdim=True), factor)


@images_in_cache
def adjust_saturation(img: Tensor, factor: float) -> Tensor:
    check_channels(img)
    return img if get_dimensions(img)[0] == 1 else blend(img, rgb_to_grayscale(img, 1), factor)


@images_in_cache
def adjust_sharpness(img: Tensor, factor: float) -> Tensor:
    check_channels(img)
    if min(img.shape[-2:]) <= 2:
        return img
    if not wants_gradient(img):
        return blend(img, Smooth()(img), factor)
    batch = in_batch(img)
    kernel = full((batch.shape[1], 1, 3, 3), 1 / 13, dtype=batch.dtype, device=img.device)
    kernel[:, :, 1, 1] = 5 / 13
    blurred = img.clone()
    blurred[..., 1:-1, 1:-1] = out_of_batch(F.conv2d(batch, kernel, groups=batch.shape[1]), img)
    return blend(img, blurred, factor)


@images_in_cache
def adjust_hue(img: Tensor, factor: float) -> Tensor:
    check_channels(img)
    if get_dimensions(img)[0] == 1:
        return img
    hue, saturation, value = _hsv(convert_image_dtype(img, "float32"))
    return convert_image_dtype(_rgb((hue + factor) % 1.0, saturation, value), img.dtype.name)


def _hsv(img: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value (..., H, W), all from 0 to 1."""
    red, green, blue = img.unbind(-3)
    value = img.amax(-3)
    spread = value - img.amin(-3)
    grey = spread == 0
    divisor = spread.masked_fill(grey, 1)
    from_red, from_green, from_blue = ((value - channel) / divisor for channel in (red, green, blue))
    sixths = (from_blue - from_green).where(value == red, (2 + from_red - from_blue).where(
        value == green, 4 + from_green - from_red))
    return (sixths / 6 + 1) % 1.0, spread / value.masked_fill(grey, 1), value


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The inverse of `_hsv`. Red, green and blue rise and fall with the hue, shifted by thirds of the circle."""
    sixth = (hue * 6).floor()
    part = hue * 6 - sixth
    p, q, t = ((value * (1 - saturation * share)).clamp(0, 1) for share in (1.0, part, 1 - part))
    which = (sixth.long() % 6).unsqueeze(-3)
    channels = []
    for order in ((value, q, p, p, t, value), (t, value, value, q, p, p), (p, p, t, value, value, q)):
        channels.append(stack(list(order), -3).gather(-3, which).squeeze(-3))
    return stack(channels, -3)


@images_in_cache
def adjust_gamma(img: Tensor, gamma: float, gain: float) -> Tensor:
    check_channels(img)
    floating = img if img.is_floating_point() else convert_image_dtype(img, "float32")
    return convert_image_dtype((gain * floating.pow(gamma)).clamp(0, 1), img.dtype.name)


def rgb_to_grayscale(img: Tensor, num_output_channels: int) -> Tensor:
    if img.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
    check_channels(img)
    if img.shape[-3] == 3:
        grey = Grey()(img).to(img.dtype)
    else:
        grey = img.clone()
    return grey.expand(*img.shape[:-3], 3, *img.shape[-2:]) if num_output_channels == 3 else grey


def normalize(img: Tensor, center: Tensor, spread: Tensor) -> Tensor:
    """(img - center) / spread, which are numbers or (C, 1, 1)."""
    fit = all(value.ndim < 3 or value.shape[0] in (1, img.shape[-3]) for value in (center, spread))
    if wants_gradient(img, center, spread) or not fit:
        return (img - center) / spread
    return Standardize()(img, center, spread)


def invert(img: Tensor) -> Tensor:
    _check_colors(img)
    return largest(img) - img


def posterize(img: Tensor, bits: int) -> Tensor:
    _check_colors(img)
    _check_bytes(img)
    return Posterize(-int(2 ** (8 - bits)) & 255)(img)


def solarize(img: Tensor, threshold: float) -> Tensor:
    _check_colors(img)
    if threshold > largest(img):
        raise TypeError("Threshold should be less than bound of img.")
    if img.dtype.name in ("uint8", "float32", "float64") and not wants_gradient(img):
        return Solarize(threshold, largest(img))(img)
    return invert(img).where(img >= threshold, img)


def autocontrast(img: Tensor) -> Tensor:
    _check_colors(img)
    if img.numel() and not wants_gradient(img):
        return Stretch(largest(img), by_quotient=False)(img)
    low, high = floating(img.amin((-2, -1), keepdim=True)), floating(img.amax((-2, -1), keepdim=True))
    flat = low == high      # stays as it is
    low, scale = low.masked_fill(flat, 0), ((high - low).reciprocal() * largest(img)).masked_fill(flat, 1)
    return clamped((floating(img) - low) * scale, img)


def equalize(img: Tensor) -> Tensor:
    if not 3 <= img.ndim <= 4:
        raise TypeError(f"Input image tensor should have 3 or 4 dimensions, but found {img.ndim}")
    _check_colors(img)
    _check_bytes(img)
    return Equalize()(img) if img.numel() else img


def _check_colors(img: Tensor) -> None:
    if img.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
    check_channels(img)


def _check_bytes(img: Tensor) -> None:
    if img.dtype.name != "uint8":
        raise TypeError(f"Only uint8 image tensors are supported, but found {img.dtype}")
