"""The transforms of tensors (..., C, H, W), in plain operations.

They run on every device, and on batches. Bytes are computed in float32 and rounded, or truncated where torchvision does
so. `form` says what such an image is, `geometry` where its pixels go, `color` what they become.
"""
from __future__ import annotations

from minidl.vision.transforms.on_tensors.color import (
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    blend,
    clamped,
    equalize,
    invert,
    normalize,
    posterize,
    rgb_to_grayscale,
    solarize,
)
from minidl.vision.transforms.on_tensors.form import (
    as_batch,
    check_channels,
    convert_image_dtype,
    floating,
    get_dimensions,
    in_batch,
    largest,
    out_of_batch,
    rounded,
    wants_gradient,
    white,
)
from minidl.vision.transforms.on_tensors.geometry import (
    affine,
    crop,
    elastic,
    gaussian_blur,
    hflip,
    identity_grid,
    pad,
    perspective,
    resize,
    rotate,
    sample,
    vflip,
)

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness",
    "affine", "as_batch", "autocontrast", "blend", "check_channels", "clamped", "convert_image_dtype", "crop",
    "elastic", "equalize", "floating", "gaussian_blur", "get_dimensions", "hflip", "identity_grid", "in_batch",
    "invert", "largest", "normalize", "out_of_batch", "pad", "perspective", "posterize", "resize", "rgb_to_grayscale",
    "rotate", "rounded", "sample", "solarize", "vflip", "wants_gradient", "white",
]
