"""Noise, blur, compression, erased rectangles, normalization, and fewer frames, for images and videos."""
from __future__ import annotations

import io
from typing import Any

from PIL import Image

from minidl.ops.shape import stack
from minidl.tensors.creation import linspace, randn
from minidl.tensors.tensor import Tensor
from minidl.vision.io import decode_jpeg, encode_jpeg
from minidl.vision.transforms import functional as v1
from minidl.vision.transforms import on_tensors
from minidl.vision.transforms.arguments import Numbers, Size
from minidl.vision.transforms.v2.functional.dispatch import I, call, register


def erase(inpt: I, i: int, j: int, h: int, w: int, v: Tensor | float, inplace: bool = False) -> I:
    """Fill a rectangle with the value v.

    Its first pixel is (i, j), its size (h, w). v: a number, or a tensor that broadcasts to (..., h, w). inplace: write
    into a tensor.
    """
    return call(erase, inpt, i=i, j=j, h=h, w=w, v=v, inplace=inplace)


def erase_image(image: Tensor, i: int, j: int, h: int, w: int, v: Tensor | float, inplace: bool = False) -> Tensor:
    """Fill a rectangle of images; see `erase`."""
    return v1.erase(image, i, j, h, w, v, inplace)


def _erase_pil(image: Image.Image, i: int, j: int, h: int, w: int, v: Tensor | float,
               inplace: bool = False) -> Image.Image:
    return v1.to_pil_image(v1.erase(v1.pil_to_tensor(image), i, j, h, w, v, inplace), mode=image.mode)


def jpeg(image: I, quality: int) -> I:
    """Compress as a JPEG file of this quality, from 1 to 100, and decompress.

    Tensors: (..., 1 or 3, H, W) of uint8.
    """
    return call(jpeg, image, quality=quality)


def jpeg_image(image: Tensor, quality: int) -> Tensor:
    """Compress images and decompress them; see `jpeg`."""
    if not image.numel():
        return image.clone()
    images = image.reshape(-1, *image.shape[-3:]).unbind(0)
    decoded: list[Any] = [decode_jpeg(encode_jpeg(each, quality)) for each in images]
    return stack(decoded, 0).reshape(image.shape)


def _jpeg_pil(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=quality)
    return Image.open(file).copy()


def gaussian_blur(inpt: I, kernel_size: Size, sigma: float | Numbers | None = None) -> I:
    """Gaussian blur with standard deviation `sigma`.

    kernel_size: odd width and height of the kernel. sigma: along x and y, by default 0.15 * kernel_size + 0.35.
    Errors: TypeError and ValueError for arguments of another type, length or sign.
    """
    return call(gaussian_blur, inpt, kernel_size=kernel_size, sigma=sigma)


def gaussian_blur_image(image: Tensor, kernel_size: Size, sigma: float | Numbers | None = None) -> Tensor:
    """Blur images; see `gaussian_blur`."""
    return on_tensors.rounded(lambda x: v1.gaussian_blur(x, kernel_size, sigma), image)


def gaussian_noise(inpt: I, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> I:
    """Add normally distributed noise to tensors of floating numbers from 0 to 1, or of bytes.

    mean, sigma: of the noise, where 1 is white. clip: keep the result from black to white; without it bytes wrap
    around. Errors: ValueError for PIL images, for other dtypes, and for a sigma below 0.

        >>> import minidl
        >>> gaussian_noise(minidl.zeros(1, 1, 2), mean=0.25, sigma=0.0)
        tensor([[[0.2500, 0.2500]]])
    """
    return call(gaussian_noise, inpt, mean=mean, sigma=sigma, clip=clip)


def gaussian_noise_image(image: Tensor, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Tensor:
    """Add noise to images; see `gaussian_noise`."""
    if sigma < 0:
        raise ValueError(f"sigma shouldn't be negative. Got {sigma}")
    floating = image.is_floating_point()
    if not floating and image.dtype.name != "uint8":
        raise ValueError(f"Input tensor is expected to be in uint8 or float dtype, got dtype={image.dtype}")
    white = 1 if floating else 255
    noise = mean * white + randn(image.shape, dtype=image.dtype if floating else "float32",
                                 device=image.device) * (sigma * white)
    result = image + (noise if floating else noise.short())
    return (result.clamp(0, white) if clip else result).to(image.dtype)


def _no_noise_pil(image: Image.Image, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Image.Image:
    raise ValueError("Gaussian Noise is not implemented for PIL images.")


def normalize(inpt: I, mean: Numbers, std: Numbers, inplace: bool = False) -> I:
    """(inpt - mean) / std, for each channel of floating images (..., C, H, W).

    inplace: write into the input. Errors: TypeError for whole numbers; ValueError for fewer than three dimensions, or a
    std of zero.
    """
    return call(normalize, inpt, mean=mean, std=std, inplace=inplace)


def normalize_image(image: Tensor, mean: Numbers, std: Numbers, inplace: bool = False) -> Tensor:
    """Normalize images; see `normalize`."""
    if not image.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {image.dtype}.")
    if image.ndim < 3:
        raise ValueError(f"Expected tensor to be a tensor image of size (..., C, H, W). Got {image.shape}.")
    if not all(std) if isinstance(std, (tuple, list)) else isinstance(std, (int, float)) and std == 0:
        raise ValueError("std evaluated to zero, leading to division by zero.")
    center, spread = (v1.of_channels(value, image) for value in (mean, std))
    return image.sub_(center).div_(spread) if inplace else on_tensors.normalize(image, center, spread)


def uniform_temporal_subsample(inpt: I, num_samples: int) -> I:
    """`num_samples` frames of a video (..., T, C, H, W), at equal distances."""
    return call(uniform_temporal_subsample, inpt, num_samples=num_samples)


def uniform_temporal_subsample_video(video: Tensor, num_samples: int) -> Tensor:
    """Frames at equal distances; see `uniform_temporal_subsample`."""
    return video.index_select(-4, linspace(0, video.shape[-4] - 1, num_samples, device=video.device).long())


register(erase, pil=_erase_pil, image=erase_image)
register(jpeg, pil=_jpeg_pil, image=jpeg_image)
register(gaussian_blur, pil=v1.gaussian_blur, image=gaussian_blur_image)
register(gaussian_noise, pil=_no_noise_pil, image=gaussian_noise_image)
register(normalize, image=normalize_image)
register(uniform_temporal_subsample, video=uniform_temporal_subsample_video)
