"""The geometric kernels of images (..., C, H, W) and masks (..., H, W), and those of PIL images.

They compute what `transforms.functional` computes; they take more kinds of arguments, and any leading dimensions.
"""
from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from minidl.backend.warn import warn
from minidl.ops.resize import resize_last_axes
from minidl.ops.shape import Flip, Slice
from minidl.tensors.creation import tensor, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as v1
from minidl.vision.transforms import on_images, on_tensors
from minidl.vision.transforms.arguments import (
    PADDING_MODES,
    PILLOW,
    InterpolationMode,
    Numbers,
    Size,
    check_affine,
    check_coefficients,
    inverse_affine,
)
from minidl.vision.transforms.on_images import Fill
from minidl.vision.transforms.v2.functional.arguments import (
    Interpolation,
    mode_of,
    padding_of,
    pair,
    resized_size,
)
from minidl.vision.transforms.v2.functional.dispatch import for_masks

BILINEAR, NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


def horizontal_flip_image(image: Tensor) -> Tensor:
    """Mirror images horizontally."""
    return Flip((image.ndim - 1,))(image)


def vertical_flip_image(image: Tensor) -> Tensor:
    """Mirror images vertically."""
    return image.flip(-2)


def resize_image(image: Tensor, size: Size | None, interpolation: Interpolation = BILINEAR,
                 max_size: int | None = None, antialias: bool | None = True) -> Tensor:
    """Resize images; see `resize`."""
    mode = mode_of(interpolation)
    if mode == InterpolationMode.LANCZOS and not antialias:
        raise ValueError("InterpolationMode.LANCZOS requires antialias=True")
    old = (image.shape[-2], image.shape[-1])
    new = resized_size(old, size, max_size)
    if new == old:
        return image
    if not image.numel():
        return _empty(image, new)
    if image.dtype.name == "uint8" and mode in (BILINEAR, InterpolationMode.BICUBIC, InterpolationMode.LANCZOS):
        return resize_last_axes(image, new, mode.value, antialias=bool(antialias))
    return on_tensors.resize(image, new, mode.value, antialias)


def _empty(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Images without a pixel, in another size. Errors: RuntimeError where there would be pixels."""
    shape = (*image.shape[:-2], *size)
    if zeros(shape, dtype=image.dtype, device=image.device).numel():
        raise RuntimeError(f"shape {shape} is invalid for images of shape {tuple(image.shape)}, which have no pixels")
    return zeros(shape, dtype=image.dtype, device=image.device)


def resize_image_pil(image: Image.Image, size: Size | None, interpolation: Interpolation = BILINEAR,
                     max_size: int | None = None, antialias: bool | None = True) -> Image.Image:
    """Resize a PIL image; see `resize`."""
    if antialias is False:
        warn("Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.")
    old, mode = (image.height, image.width), mode_of(interpolation)
    new = resized_size(old, size, max_size)
    return image if new == old else on_images.resize(image, new, PILLOW[mode])


def pad_image(image: Tensor, padding: Size, fill: Fill = None, padding_mode: str = "constant") -> Tensor:
    """Pad images; see `pad`."""
    left, top, right, bottom = padding_of(padding)
    if padding_mode not in PADDING_MODES:
        raise ValueError("`padding_mode` should be either `'constant'`, `'edge'`, `'reflect'` or `'symmetric'`, but "
                         f"got `'{padding_mode}'`.")
    colors = [0.0] if fill is None else [fill] if isinstance(fill, (int, float)) else list(fill)
    if len(colors) == 1:
        value = colors[0] if image.is_floating_point() else int(colors[0])
        return on_tensors.pad(image, [left, top, right, bottom], value, padding_mode)
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported if fill is not scalar")
    padded = on_tensors.pad(image, [left, top, right, bottom], 0, padding_mode)
    color = tensor(colors, device=image.device).to(image.dtype)[:, None, None]
    height, width = padded.shape[-2:]
    for rows, columns in ((slice(0, max(top, 0)), slice(None)), (slice(height - max(bottom, 0), None), slice(None)),
                          (slice(None), slice(0, max(left, 0))), (slice(None), slice(width - max(right, 0), None))):
        padded[..., rows, columns] = color
    return padded


def pad_mask(mask: Tensor, padding: Size, fill: Fill = None, padding_mode: str = "constant") -> Tensor:
    """Pad masks (..., H, W). Errors: ValueError for several fills."""
    if isinstance(fill, (tuple, list)):
        raise ValueError("Non-scalar fill value is not supported")
    return _pad_mask(mask, padding, fill, padding_mode)


def pad_image_pil(image: Image.Image, padding: Size, fill: Fill = 0, padding_mode: str = "constant") -> Image.Image:
    """Pad a PIL image; see `pad`."""
    return v1.pad(image, padding, fill, padding_mode)


def crop_image(image: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """A rectangle of images; see `crop`."""
    if top >= 0 <= left and 0 <= height <= image.array.shape[-2] - top and 0 <= width <= image.array.shape[-1] - left:
        return _inside(image, top, left, height, width)
    return on_tensors.crop(image, top, left, height, width)


def _inside(image: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    rows, columns = slice(top, top + height), slice(left, left + width)
    return Slice((*[slice(None)] * (image.ndim - 2), rows, columns))(image)


def center_crop_image(image: Tensor, output_size: Size) -> Tensor:
    """The middle of images; see `center_crop`."""
    size, (height, width) = pair(output_size), image.array.shape[-2:]
    if size[0] <= height and size[1] <= width:
        top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
        return _inside(image, top, left, *size)
    return v1.center_crop(image, size) if image.numel() else _empty(image, size)


def resized_crop_image(image: Tensor, top: int, left: int, height: int, width: int, size: Size,
                       interpolation: Interpolation = BILINEAR, antialias: bool | None = True) -> Tensor:
    """A rectangle of images, resized; see `resized_crop`."""
    return resize_image(crop_image(image, top, left, height, width), size, interpolation, None, antialias)


def resized_crop_image_pil(image: Image.Image, top: int, left: int, height: int, width: int, size: Size,
                           interpolation: Interpolation = BILINEAR, antialias: bool | None = True) -> Image.Image:
    """A rectangle of a PIL image, resized; see `resized_crop`."""
    return resize_image_pil(on_images.crop(image, top, left, height, width), size, interpolation, None, antialias)


def affine_image(image: Tensor, angle: float, translate: Sequence[float], scale: float, shear: float | Numbers,
                 interpolation: Interpolation = NEAREST, fill: Fill = None, center: Numbers | None = None) -> Tensor:
    """Rotate, scale, shear and shift images; see `affine`."""
    mode, shears = mode_of(interpolation), check_affine(angle, translate, scale, shear, center)
    if not image.numel():
        return image
    matrix = inverse_affine(_from_middle(image, center), angle, translate, scale, shears)
    return on_tensors.rounded(lambda x: on_tensors.affine(x, matrix, mode.value, fill), image)


def affine_image_pil(image: Image.Image, angle: float, translate: Sequence[float], scale: float,
                     shear: float | Numbers, interpolation: Interpolation = NEAREST, fill: Fill = None,
                     center: Numbers | None = None) -> Image.Image:
    """Rotate, scale, shear and shift a PIL image; see `affine`."""
    return v1.affine(image, angle, translate, scale, shear, mode_of(interpolation), fill, center)  # type: ignore


def _from_middle(image: Tensor, center: Numbers | None) -> list[float]:
    """A place relative to the middle of the image."""
    width, height = image.shape[-1], image.shape[-2]
    return [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]


def rotate_image(image: Tensor, angle: float, interpolation: Interpolation = NEAREST, expand: bool = False,
                 center: Numbers | None = None, fill: Fill = None) -> Tensor:
    """Rotate images counter-clockwise; see `rotate`. Quarter turns only move pixels."""
    angle = angle % 360
    if center is None and angle in (0, 180):
        return image.rot90(2, (-2, -1)) if angle else image.clone()
    if center is None and angle in (90, 270) and (expand or image.shape[-1] == image.shape[-2]):
        return image.rot90(int(angle) // 90, (-2, -1))
    if not image.numel() and not expand:
        return image
    matrix = inverse_affine(_from_middle(image, center), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    mode = mode_of(interpolation).value
    return on_tensors.rounded(lambda x: on_tensors.rotate(x, matrix, mode, expand, fill), image)


def rotate_image_pil(image: Image.Image, angle: float, interpolation: Interpolation = NEAREST, expand: bool = False,
                     center: Numbers | None = None, fill: Fill = None) -> Image.Image:
    """Rotate a PIL image counter-clockwise; see `rotate`."""
    return on_images.rotate(image, angle, PILLOW[mode_of(interpolation)], expand, center, fill)


def perspective_image(image: Tensor, startpoints: Sequence[Sequence[int]] | None,
                      endpoints: Sequence[Sequence[int]] | None, interpolation: Interpolation = BILINEAR,
                      fill: Fill = None, coefficients: Numbers | None = None) -> Tensor:
    """Move images in perspective; see `perspective`."""
    numbers = check_coefficients(coefficients, startpoints, endpoints)
    if not image.numel():
        return image
    mode = mode_of(interpolation).value
    return on_tensors.rounded(lambda x: on_tensors.perspective(x, numbers, mode, fill), image)


def perspective_image_pil(image: Image.Image, startpoints: Sequence[Sequence[int]] | None,
                          endpoints: Sequence[Sequence[int]] | None, interpolation: Interpolation = BILINEAR,
                          fill: Fill = None, coefficients: Numbers | None = None) -> Image.Image:
    """Move a PIL image in perspective; see `perspective`."""
    numbers = check_coefficients(coefficients, startpoints, endpoints)
    return on_images.perspective(image, numbers, PILLOW[mode_of(interpolation)], fill)


def elastic_image(image: Tensor, displacement: Tensor, interpolation: Interpolation = BILINEAR,
                  fill: Fill = None) -> Tensor:
    """Read every pixel of images at another place; see `elastic`."""
    mode = mode_of(interpolation)
    return on_tensors.rounded(lambda x: v1.elastic_transform(x, displacement, mode, fill), image)


def elastic_image_pil(image: Image.Image, displacement: Tensor, interpolation: Interpolation = BILINEAR,
                      fill: Fill = None) -> Image.Image:
    """Read every pixel of a PIL image at another place; see `elastic`."""
    return v1.elastic_transform(image, displacement, mode_of(interpolation), fill)


def five_crop_image(image: Tensor, size: Size) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The four corners and the middle of images; see `five_crop`."""
    return v1.five_crop(image, size)


def ten_crop_image(image: Tensor, size: Size, vertical_flip: bool = False) -> tuple[Tensor, ...]:
    """`five_crop_image` of images and of their mirror images; see `ten_crop`."""
    return v1.ten_crop(image, size, vertical_flip)


# ---------------------------------------------------------------------- masks: by the nearest pixel

def resize_mask(mask: Tensor, size: Size | None, interpolation: Interpolation = BILINEAR,
                max_size: int | None = None) -> Tensor:
    """Resize masks (..., H, W) by the nearest pixel, or the one that "nearest-exact" takes."""
    mode = mode_of(interpolation)
    mode = mode if mode == InterpolationMode.NEAREST_EXACT else NEAREST
    return _resize_mask(mask, size, mode, max_size)


def resized_crop_mask(mask: Tensor, top: int, left: int, height: int, width: int, size: Size) -> Tensor:
    """A rectangle of masks (..., H, W), resized by the nearest pixel."""
    return resize_mask(crop_mask(mask, top, left, height, width), size)


_resize_mask, _pad_mask = for_masks(resize_image, "resize_mask"), for_masks(pad_image, "pad_mask")
horizontal_flip_mask, vertical_flip_mask = horizontal_flip_image, vertical_flip_image
crop_mask = for_masks(crop_image, "crop_mask")
center_crop_mask = for_masks(center_crop_image, "center_crop_mask")
affine_mask = for_masks(affine_image, "affine_mask", interpolation=NEAREST)
rotate_mask = for_masks(rotate_image, "rotate_mask", interpolation=NEAREST)
perspective_mask = for_masks(perspective_image, "perspective_mask", interpolation=NEAREST)
elastic_mask = for_masks(elastic_image, "elastic_mask", interpolation=NEAREST)
