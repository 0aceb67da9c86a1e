"""The colour functions of v2, for images (PIL images, tensors, `tv_tensors.Image`) and videos."""
from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as v1
from minidl.vision.transforms import on_images as pil
from minidl.vision.transforms.v2.functional import color_on_images as images
from minidl.vision.transforms.v2.functional.dispatch import I, call, register


def rgb_to_grayscale(inpt: I, num_output_channels: int = 1) -> I:
    """The image in grey, in one channel or three equal ones."""
    return call(rgb_to_grayscale, inpt, num_output_channels=num_output_channels)


def grayscale_to_rgb(inpt: I) -> I:
    """The image in three channels; itself if it has three."""
    return call(grayscale_to_rgb, inpt)


def adjust_brightness(inpt: I, brightness_factor: float) -> I:
    """Change the brightness: 0 is black, 1 the same, 2 twice as bright."""
    return call(adjust_brightness, inpt, brightness_factor=brightness_factor)


def adjust_contrast(inpt: I, contrast_factor: float) -> I:
    """Change the contrast: 0 is one grey, 1 the same, 2 twice the contrast."""
    return call(adjust_contrast, inpt, contrast_factor=contrast_factor)


def adjust_saturation(inpt: I, saturation_factor: float) -> I:
    """Change the saturation: 0 is grey, 1 the same, 2 twice as strong."""
    return call(adjust_saturation, inpt, saturation_factor=saturation_factor)


def adjust_sharpness(inpt: I, sharpness_factor: float) -> I:
    """Change the sharpness: 0 is blurred, 1 the same, 2 twice as sharp."""
    return call(adjust_sharpness, inpt, sharpness_factor=sharpness_factor)


def adjust_hue(inpt: I, hue_factor: float) -> I:
    """Shift the hue around the colour circle; 0.5 is half a turn. Errors: ValueError outside -0.5 to 0.5."""
    return call(adjust_hue, inpt, hue_factor=hue_factor)


def adjust_gamma(inpt: I, gamma: float, gain: float = 1) -> I:
    """gain * v ** gamma, for values v from 0 to 1. Errors: ValueError for a gamma below 0."""
    return call(adjust_gamma, inpt, gamma=gamma, gain=gain)


def posterize(inpt: I, bits: int) -> I:
    """Keep only the top `bits` bits of each number. Errors: TypeError outside 0 to 8, for tensors."""
    return call(posterize, inpt, bits=bits)


def solarize(inpt: I, threshold: float) -> I:
    """Invert pixels at least as bright as the threshold."""
    return call(solarize, inpt, threshold=threshold)


def autocontrast(inpt: I) -> I:
    """Stretch each channel from black to white."""
    return call(autocontrast, inpt)


def equalize(inpt: I) -> I:
    """Equalize the histogram of each channel."""
    return call(equalize, inpt)


def invert(inpt: I) -> I:
    """Invert the image."""
    return call(invert, inpt)


def permute_channels(inpt: I, permutation: Sequence[int] | Tensor) -> I:
    """Reorder the channels: channel i of the result is channel permutation[i].

        >>> import minidl
        >>> permute_channels(minidl.tensor([[[1]], [[2]], [[3]]]), [2, 0, 1]).flatten()
        tensor([3, 1, 2])

    Errors: ValueError for another number of channels.
    """
    return call(permute_channels, inpt, permutation=permutation)


def _grey_pil(image: Image.Image, num_output_channels: int = 1) -> Image.Image:
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels}.")
    return pil.rgb_to_grayscale(image, num_output_channels)


def _permute_channels_pil(image: Image.Image, permutation: Sequence[int] | Tensor) -> Image.Image:
    return v1.to_pil_image(images.permute_channels_image(v1.pil_to_tensor(image), permutation))


def _rgb_pil(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


to_grayscale = rgb_to_grayscale

register(rgb_to_grayscale, pil=_grey_pil, image=images.rgb_to_grayscale_image)
register(grayscale_to_rgb, pil=_rgb_pil, image=images.grayscale_to_rgb_image)
register(adjust_brightness, pil=pil.adjust_brightness, image=images.adjust_brightness_image)
register(adjust_contrast, pil=pil.adjust_contrast, image=images.adjust_contrast_image)
register(adjust_saturation, pil=pil.adjust_saturation, image=images.adjust_saturation_image)
register(adjust_sharpness, pil=pil.adjust_sharpness, image=images.adjust_sharpness_image)
register(adjust_hue, pil=v1.adjust_hue, image=images.adjust_hue_image)
register(adjust_gamma, pil=v1.adjust_gamma, image=images.adjust_gamma_image)
register(posterize, pil=pil.posterize, image=images.posterize_image)
register(solarize, pil=pil.solarize, image=images.solarize_image)
register(autocontrast, pil=pil.autocontrast, image=images.autocontrast_image)
register(equalize, pil=pil.equalize, image=images.equalize_image)
register(invert, pil=pil.invert, image=images.invert_image)
register(permute_channels, pil=_permute_channels_pil, image=images.permute_channels_image)
