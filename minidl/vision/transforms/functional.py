"""The transforms without random numbers (torchvision's `transforms.functional`).

Each takes a PIL image or a tensor (..., C, H, W), and returns the same kind. `on_images` and `on_tensors` have the two
implementations under the same name.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from PIL import Image

from minidl.backend.warn import warn
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import on_images, on_tensors
from minidl.vision.transforms.arguments import (
    PADDING_MODES,
    PILLOW,
    InterpolationMode,
    Numbers,
    Size,
    as_mode,
    check_affine,
    inverse_affine,
    pair,
    perspective_coefficients,
    resized_size,
)
from minidl.vision.transforms.color_ops import Erase
from minidl.vision.transforms.conversions import (  # noqa: F401
    convert_image_dtype,
    normalize,
    of_channels,
    pil_to_tensor,
    to_pil_image,
    to_tensor,
)
from minidl.vision.transforms.on_images import Fill

T = TypeVar("T", Image.Image, Tensor)


def _bodies(img: Any) -> Any:
    """The module with the implementations for this kind of image."""
    if isinstance(img, Tensor):
        if img.ndim < 2:
            raise TypeError(f"Tensor is not a torch image: expected (..., H, W), but got {tuple(img.shape)}")
        return on_tensors
    if isinstance(img, Image.Image):
        return on_images
    raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}; try ToPILImage() or minidl.tensor(...) first")


def get_dimensions(img: Image.Image | Tensor) -> list[int]:
    """Channels, height and width.

        >>> get_dimensions(Image.new("RGB", (5, 3)))
        [3, 3, 5]
    """
    return _bodies(img).get_dimensions(img)


def get_image_size(img: Image.Image | Tensor) -> list[int]:
    """Width and height."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Image.Image | Tensor) -> int:
    """The number of channels."""
    return get_dimensions(img)[0]


# ---------------------------------------------------------------------- geometry

def resize(img: T, size: Size, interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
           max_size: int | None = None, antialias: bool | None = True) -> T:
    """Resize the image to (height, width), or its shorter side to one number.

    max_size: the limit of the longer side in that case. antialias: let every pixel contribute when shrinking; PIL
    images always do.

        >>> resize(Image.new("RGB", (40, 20)), 10).size
        (20, 10)
    """
    mode = as_mode(interpolation)
    if isinstance(size, Sequence) and len(size) not in (1, 2):
        raise ValueError(f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list")
    if max_size is not None and isinstance(size, Sequence) and len(size) != 1:
        raise ValueError("max_size should only be passed if size specifies the length of the smaller edge, i.e. size "
                         "should be an int or a sequence of length 1.")
    _, height, width = get_dimensions(img)
    new = resized_size(height, width, size, max_size)
    if [height, width] == new:
        return img
    if isinstance(img, Tensor):
        # torchvision added Lanczos' filter for tensors to v2 only
        return on_tensors.resize(img, new, mode.value, antialias and mode != InterpolationMode.LANCZOS)
    if antialias is False:
        warn("Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.")
    return on_images.resize(img, new, PILLOW[mode])


def pad(img: T, padding: Size, fill: Fill = 0, padding_mode: str = "constant") -> T:
    """Pad the image.

    padding: one number; (left and right, top and bottom); or (left, top, right, bottom). Negative numbers crop.
    padding_mode: "constant", the colour `fill`; "edge", the last pixel repeated; "reflect", mirrored at the last pixel;
    "symmetric", mirrored after it.

        >>> import minidl
        >>> pad(minidl.tensor([[[1, 2, 3]]]), [2, 0], padding_mode="reflect")
        tensor([[[3, 2, 1, 2, 3, 2, 1]]])
    """
    if not isinstance(padding, (int, tuple, list)):
        raise TypeError("Got inappropriate padding arg")
    if fill is not None and not isinstance(fill, (int, float, tuple, list)):
        raise TypeError("Got inappropriate fill arg")
    if not isinstance(padding_mode, str):
        raise TypeError("Got inappropriate padding_mode arg")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(sides)} element tuple")
    if padding_mode not in PADDING_MODES:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    return _bodies(img).pad(img, sides * (4 // len(sides)), fill, padding_mode)


def crop(img: T, top: int, left: int, height: int, width: int) -> T:
    """A rectangle of the image. The part outside is black."""
    return _bodies(img).crop(img, top, left, height, width)


def center_crop(img: T, output_size: Size) -> T:
    """The middle of the image. A smaller image is padded with black."""
    h, w = pair(output_size)
    _, height, width = get_dimensions(img)
    if w > width or h > height:
        more_x, more_y = max(w - width, 0), max(h - height, 0)
        img = pad(img, [more_x // 2, more_y // 2, (more_x + 1) // 2, (more_y + 1) // 2])
        _, height, width = get_dimensions(img)
    return crop(img, int(round((height - h) / 2.0)), int(round((width - w) / 2.0)), h, w)


def resized_crop(img: T, top: int, left: int, height: int, width: int, size: Size,
                 interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
                 antialias: bool | None = True) -> T:
    """A rectangle of the image, resized."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img: T, size: Size) -> tuple[T, T, T, T, T]:
    """The four corners and the middle. Errors: ValueError for a size larger than the image."""
    h, w = pair(size)
    _, height, width = get_dimensions(img)
    if w > width or h > height:
        raise ValueError(f"Requested crop size {(h, w)} is bigger than input size {(height, width)}")
    return (crop(img, 0, 0, h, w), crop(img, 0, width - w, h, w), crop(img, height - h, 0, h, w),
            crop(img, height - h, width - w, h, w), center_crop(img, [h, w]))


def ten_crop(img: T, size: Size, vertical_flip: bool = False) -> tuple[T, ...]:
    """`five_crop` of the image and of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def hflip(img: T) -> T:
    """Mirror horizontally."""
    return _bodies(img).hflip(img)


def vflip(img: T) -> T:
    """Mirror vertically."""
    return _bodies(img).vflip(img)


def rotate(img: T, angle: float, interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
           expand: bool = False, center: Numbers | None = None, fill: Fill = None) -> T:
    """Rotate the image counter-clockwise, by degrees.

    expand: enlarge the result to hold the whole image. center: x and y of the fixed point, by default the middle. fill:
    the colour of the corners.
    """
    mode = as_mode(interpolation)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    bodies = _bodies(img)
    if not isinstance(img, Tensor):
        return bodies.rotate(img, angle, PILLOW[mode], expand, center, fill)
    matrix = inverse_affine(_from_middle(img, center), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    return on_tensors.rotate(img, matrix, mode.value, expand, fill)


def affine(img: T, angle: float, translate: Sequence[int], scale: float, shear: float | Numbers,
           interpolation: InterpolationMode | int = InterpolationMode.NEAREST, fill: Fill = None,
           center: Numbers | None = None) -> T:
    """Rotate clockwise, scale, shear and shift the image.

    angle and shear (along x and y) are in degrees, translate in pixels. Errors: TypeError and ValueError for arguments
    of another type or length, and for a scale of zero or less.
    """
    mode = as_mode(interpolation)
    shears = check_affine(angle, translate, scale, shear, center)
    if not isinstance(img, Tensor):
        _, height, width = get_dimensions(img)
        middle = [width * 0.5, height * 0.5] if center is None else center
        return on_images.affine(img, inverse_affine(middle, angle, translate, scale, shears), PILLOW[mode], fill)
    matrix = inverse_affine(_from_middle(img, center), angle, translate, scale, shears)
    return _bodies(img).affine(img, matrix, mode.value, fill)


def _from_middle(img: Tensor, center: Numbers | None) -> list[float]:
    """A place relative to the middle of the image."""
    if center is None:
        return [0.0, 0.0]
    return [1.0 * (place - size * 0.5) for place, size in zip(center, get_image_size(img))]


def perspective(img: T, startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]],
                interpolation: InterpolationMode | int = InterpolationMode.BILINEAR, fill: Fill = None) -> T:
    """Move four corners of the image, and all between them in perspective.

    startpoints, endpoints: where the corners are and where they go, as four [x, y]: top left, top right, bottom right,
    bottom left. fill: the colour outside. Errors: ValueError for another number of corners.

        >>> corners = [[0, 0], [3, 0], [3, 3], [0, 3]]
        >>> perspective(Image.new("L", (4, 4), 9), corners, corners).getextrema()
        (9, 9)
    """
    mode, coefficients = as_mode(interpolation), perspective_coefficients(startpoints, endpoints)
    if isinstance(img, Tensor):
        return on_tensors.perspective(img, coefficients, mode.value, fill)
    return _bodies(img).perspective(img, coefficients, PILLOW[mode], fill)


def elastic_transform(img: T, displacement: Tensor,
                      interpolation: InterpolationMode | int = InterpolationMode.BILINEAR, fill: Fill = None) -> T:
    """Read every pixel of the image at another place.

    displacement: (1, H, W, 2), how far along x and y; from -1 to 1 is the whole image. fill: the colour outside.
    Errors: TypeError for what is no tensor, ValueError for another shape.

        >>> import minidl
        >>> elastic_transform(minidl.tensor([[[1., 2., 3.]]]), minidl.tensor([2 / 3, 0.]).expand(1, 1, 3, 2))
        tensor([[[2., 3., 0.]]])
    """
    mode = as_mode(interpolation)
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    _, height, width = get_dimensions(img)
    if displacement.shape != (1, height, width, 2):
        raise ValueError(f"Argument displacement shape should be {(1, height, width, 2)}, but given "
                         f"{tuple(displacement.shape)}")
    if isinstance(img, Tensor):
        return on_tensors.elastic(img, displacement, mode.value, fill)
    return to_pil_image(on_tensors.elastic(pil_to_tensor(img), displacement, mode.value, fill), mode=img.mode)


def gaussian_blur(img: T, kernel_size: Size, sigma: float | Numbers | None = None) -> T:
    """Gaussian blur with standard deviation `sigma`.

    kernel_size: odd width and height of the kernel. sigma: along x and y, by default 0.15 * kernel_size + 0.35.
    Errors: TypeError and ValueError for arguments of another type, length or sign.
    """
    if not isinstance(kernel_size, (int, list, tuple)):
        raise TypeError(f"kernel_size should be int or a sequence of integers. Got {type(kernel_size)}")
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    if len(sizes) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(sizes)}")
    if any(size % 2 == 0 or size < 0 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    if sigma is not None and not isinstance(sigma, (int, float, list, tuple)):
        raise TypeError(f"sigma should be either float or sequence of floats. Got {type(sigma)}")
    if sigma is None:
        widths = [size * 0.15 + 0.35 for size in sizes]
    else:
        widths = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else list(sigma) * (2 if len(sigma) == 1 else 1)
    if len(widths) != 2:
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(widths)}")
    if min(widths) <= 0:
        raise ValueError(f"sigma should have positive values. Got {widths}")
    _bodies(img)
    if isinstance(img, Tensor):
        return on_tensors.gaussian_blur(img, sizes, widths)
    return to_pil_image(on_tensors.gaussian_blur(pil_to_tensor(img), sizes, widths), mode=img.mode)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor | float, inplace: bool = False) -> Tensor:
    """Fill a rectangle of an image (..., H, W) with the value v.

    Its first pixel is (i, j), its size (h, w). v: a number, or a tensor that broadcasts to (..., h, w), such as (C, 1,
    1) for a colour. inplace: write into `img`.

        >>> import minidl
        >>> from minidl.vision.transforms import functional
        >>> functional.erase(minidl.ones(1, 2, 3), 0, 1, 2, 2, 0.)
        tensor([[[1., 0., 0.],
                 [1., 0., 0.]]])
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"erase(): argument 'img' must be Tensor, not {type(img).__name__}; try minidl.tensor(...) "
                        f"on it first")
    _bodies(img)
    hole, value = (..., slice(i, i + h), slice(j, j + w)), v.to(img.dtype) if isinstance(v, Tensor) else v
    if isinstance(value, Tensor) and not inplace and not on_tensors.wants_gradient(img, value):
        return Erase(hole)(img, value)
    image = img if inplace else img.clone()
    image[hole] = value
    return image


# ---------------------------------------------------------------------- colour

def adjust_brightness(img: T, brightness_factor: float) -> T:
    """Change the brightness: 0 is black, 1 the same, 2 twice as bright. Errors: ValueError below 0, for tensors."""
    return _adjust("brightness", img, brightness_factor)


def adjust_contrast(img: T, contrast_factor: float) -> T:
    """Change the contrast: 0 is one grey, 1 the same, 2 twice the contrast. Errors: ValueError below 0, for tensors."""
    return _adjust("contrast", img, contrast_factor)


def adjust_saturation(img: T, saturation_factor: float) -> T:
    """Change the saturation: 0 is grey, 1 the same, 2 twice as strong. Errors: ValueError below 0, for tensors."""
    return _adjust("saturation", img, saturation_factor)


def adjust_sharpness(img: T, sharpness_factor: float) -> T:
    """Change the sharpness: 0 is blurred, 1 the same, 2 twice as sharp. Errors: ValueError below 0, for tensors."""
    return _adjust("sharpness", img, sharpness_factor)


def _adjust(what: str, img: T, factor: float) -> T:
    bodies = _bodies(img)
    if factor < 0 and bodies is on_tensors:
        raise ValueError(f"{what}_factor ({factor}) is not non-negative.")
    return getattr(bodies, f"adjust_{what}")(img, factor)


def adjust_hue(img: T, hue_factor: float) -> T:
    """Shift the hue around the colour circle; 0.5 is half a turn. Errors: ValueError outside -0.5 to 0.5."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    return _bodies(img).adjust_hue(img, hue_factor)


def adjust_gamma(img: T, gamma: float, gain: float = 1) -> T:
    """gain * v ** gamma, for values v from 0 to 1. Errors: ValueError for a gamma below 0."""
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    return _bodies(img).adjust_gamma(img, gamma, gain)


def rgb_to_grayscale(img: T, num_output_channels: int = 1) -> T:
    """The image in grey, in one channel or three equal ones."""
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    return _bodies(img).rgb_to_grayscale(img, num_output_channels)


def to_grayscale(img: Image.Image, num_output_channels: int = 1) -> Image.Image:
    """As `rgb_to_grayscale`, for PIL images only."""
    if not isinstance(img, Image.Image):
        raise TypeError("Input should be PIL Image")
    return rgb_to_grayscale(img, num_output_channels)


def invert(img: T) -> T:
    """Invert the image."""
    return _bodies(img).invert(img)


def posterize(img: T, bits: int) -> T:
    """Keep only the top `bits` bits of each byte. Errors: ValueError outside 0 to 8."""
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    return _bodies(img).posterize(img, bits)


def solarize(img: T, threshold: float) -> T:
    """Invert pixels at least as bright as the threshold."""
    return _bodies(img).solarize(img, threshold)


def autocontrast(img: T) -> T:
    """Stretch each channel from black to white."""
    return _bodies(img).autocontrast(img)


def equalize(img: T) -> T:
    """Equalize the histogram of each channel."""
    return _bodies(img).equalize(img)
