"""The colour kernels of images (..., C, H, W).

Those of v1 take bytes and floating numbers of one or three channels. These take whole numbers of any width, and more
channels where that has a meaning; they keep fractions where v1 goes through bytes in between.
"""
from __future__ import annotations

from collections.abc import Sequence

from minidl.nn import functional as nn
from minidl.ops.base.broadcast import expand_to
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import full, tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.color_ops import Equalize, Grey, Posterize, Sharpen, ShiftHue, Solarize, Stretch
from minidl.vision.transforms.in_cache import images_in_cache
from minidl.vision.transforms.on_tensors import blend, clamped, floating, in_batch, largest, wants_gradient
from minidl.vision.transforms.v2.functional.dtypes import to_dtype_image, value_bits


def _check_axes(image: Tensor) -> None:
    if image.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {image.ndim}; try "
                        f"image[None]")


def _check(image: Tensor, name: str = "", factor: float = 0.0) -> int:
    """The number of channels. Errors: ValueError for a negative factor, TypeError unless there are 1 or 3 channels."""
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")
    _check_axes(image)
    channels = image.shape[-3]
    if channels not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are 1 or 3, but found {channels}")
    return channels


def _whole_grey(image: Tensor) -> Tensor:
    """The brightness, without fractions where the image has none, but as floating numbers."""
    grey = Grey()(image)
    return grey if image.is_floating_point() else grey.floor()


def rgb_to_grayscale_image(image: Tensor, num_output_channels: int = 1) -> Tensor:
    """The image in grey; see `rgb_to_grayscale`."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels}.")
    _check_axes(image)
    if image.shape[-3] == 1:
        return image.clone() if num_output_channels == 1 else cat([image] * 3, -3)
    grey = Grey()(image).to(image.dtype)
    return expand_to(grey, image.shape) if num_output_channels == 3 else grey


def grayscale_to_rgb_image(image: Tensor) -> Tensor:
    """Three channels; see `grayscale_to_rgb`."""
    return image if image.shape[-3] >= 3 else rgb_to_grayscale_image(image, 3)


def adjust_brightness_image(image: Tensor, brightness_factor: float) -> Tensor:
    """Change the brightness; see `adjust_brightness`."""
    _check(image, "brightness_factor", brightness_factor)
    return blend(image, None, brightness_factor)


@images_in_cache
def adjust_saturation_image(image: Tensor, saturation_factor: float) -> Tensor:
    """Change the saturation; see `adjust_saturation`."""
    if _check(image, "saturation_factor", saturation_factor) == 1:
        return image
    return blend(image, _whole_grey(image), saturation_factor)


@images_in_cache
def adjust_contrast_image(image: Tensor, contrast_factor: float) -> Tensor:
    """Change the contrast; see `adjust_contrast`."""
    channels = _check(image, "contrast_factor", contrast_factor)
    grey = _whole_grey(image) if channels == 3 else floating(image)
    return blend(image, grey.mean((-3, -2, -1), keepdim=True), contrast_factor)


def adjust_sharpness_image(image: Tensor, sharpness_factor: float) -> Tensor:
    """Change the sharpness; see `adjust_sharpness`."""
    channels = _check(image, "sharpness_factor", sharpness_factor)
    if not image.numel() or min(image.shape[-2:]) <= 2:
        return image
    if not wants_gradient(image):
        return Sharpen(sharpness_factor, largest(image))(image)
    batch = in_batch(image)
    kernel = full((channels, 1, 3, 3), 1 / 13, dtype=batch.dtype, device=image.device)
    kernel[:, :, 1, 1] = 5 / 13
    blurred = nn.conv2d(batch, kernel, groups=channels)
    inner = batch[:, :, 1:-1, 1:-1]
    result = batch.clone()
    result[:, :, 1:-1, 1:-1] = inner + (blurred - inner) * (1.0 - sharpness_factor)
    return clamped(result.reshape(image.shape), image)


def adjust_hue_image(image: Tensor, hue_factor: float) -> Tensor:
    """Shift the hue; see `adjust_hue`."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if _check(image) == 1 or not image.numel():
        return image
    if image.dtype.name in ("uint8", "float32", "float64") and not wants_gradient(image):
        return ShiftHue(hue_factor)(image)
    hue, saturation, value = _hsv(to_dtype_image(image, "float32", scale=True))
    return to_dtype_image(_rgb((hue + hue_factor).remainder(1.0), saturation, value), image.dtype, scale=True)


def _hsv(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value (..., H, W), all from 0 to 1."""
    red, green, _ = image.unbind(-3)
    value = image.amax(-3)
    spread = value - image.amin(-3)
    grey = spread == 0
    below = (value.unsqueeze(-3) - image) / spread.masked_fill(grey, 1).unsqueeze(-3)
    from_red, from_green, from_blue = below.unbind(-3)
    sixths = (from_blue - from_green).where(value == red, (from_red + 2.0 - from_blue).where(
        value == green, from_green + 4.0 - from_red))
    return (sixths * (1.0 / 6.0) + 1.0).fmod(1.0), spread / value.masked_fill(grey, 1), value


_CHANNELS = ((0, 2, 1, 1, 3, 0), (3, 0, 0, 2, 1, 1), (1, 1, 3, 0, 0, 2))
"""For red, green, blue: which of value, p, q, t it is in each sixth of the circle."""


def _rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """The inverse of `_hsv`."""
    sixth = (hue * 6).floor()
    share = saturation * (hue * 6 - sixth)
    rest = 1.0 - saturation
    p, q, t = ((part * value).clamp(0.0, 1.0) for part in (rest, 1.0 - share, share + rest))
    which = tensor(_CHANNELS, device=hue.device)[:, sixth.long() % 6].movedim(0, -3)
    return stack([value, p, q, t], -3).gather(-3, which)


@images_in_cache
def adjust_gamma_image(image: Tensor, gamma: float, gain: float = 1.0) -> Tensor:
    """gain * v ** gamma; see `adjust_gamma`."""
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    values = image if image.is_floating_point() else to_dtype_image(image, "float32", scale=True)
    result = values.pow(gamma)
    return to_dtype_image(result if gain == 1 else (result * gain).clamp(0.0, 1.0), image.dtype, scale=True)


def posterize_image(image: Tensor, bits: int) -> Tensor:
    """Keep only the top bits; see `posterize`."""
    if not isinstance(bits, int) or not 0 <= bits <= 8:
        raise TypeError(f"bits must be a positive integer in the range [0, 8], got {bits} instead.")
    if image.is_floating_point():
        levels = 1 << bits
        return (image * levels).floor().clamp(0, levels - 1) * (1.0 / levels)
    width = value_bits(image.dtype)
    return image if bits >= width else Posterize(((1 << bits) - 1) << (width - bits))(image)


def solarize_image(image: Tensor, threshold: float) -> Tensor:
    """Invert bright pixels; see `solarize`."""
    if threshold > largest(image):
        raise TypeError(f"Threshold should be less or equal the maximum value of the dtype, but got {threshold}")
    if image.dtype.name in ("uint8", "float32", "float64") and not wants_gradient(image):
        return Solarize(threshold, largest(image))(image)
    return invert_image(image).where(image >= threshold, image)


def autocontrast_image(image: Tensor) -> Tensor:
    """Stretch each channel; see `autocontrast`."""
    _check(image)
    if not image.numel():
        return image
    if not wants_gradient(image):
        return Stretch(largest(image), by_quotient=True)(image)
    low, high = image.amin((-2, -1), keepdim=True), image.amax((-2, -1), keepdim=True)
    flat = low == high
    scale = ((high - low) * (1.0 / largest(image))).masked_fill(flat, 1.0)
    return clamped((image - low.masked_fill(flat, 0.0)) / scale, image)


def equalize_image(image: Tensor) -> Tensor:
    """Equalize the histogram of each channel; see `equalize`.

    It is that of bytes: other numbers become bytes on the way.
    """
    if not image.numel():
        return image
    return to_dtype_image(Equalize()(to_dtype_image(image, "uint8", scale=True)), image.dtype, scale=True)


def invert_image(image: Tensor) -> Tensor:
    """Invert; see `invert`."""
    return 1.0 - image if image.is_floating_point() else image ^ ((1 << value_bits(image.dtype)) - 1)


def permute_channels_image(image: Tensor, permutation: Sequence[int] | Tensor) -> Tensor:
    """Reorder the channels; see `permute_channels`."""
    order = permutation.tolist() if isinstance(permutation, Tensor) else list(permutation)
    if len(order) != image.shape[-3]:
        raise ValueError(f"Length of permutation does not match number of channels: {len(order)} != "
                         f"{image.shape[-3]}")
    return image.index_select(-3, tensor(order, device=image.device)) if image.numel() else image
