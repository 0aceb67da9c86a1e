"""Sizes, crops, flips and rotations, for PIL images or tensors (..., C, H, W)."""
from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from minidl.backend.warn import warn
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as F
from minidl.vision.transforms.arguments import angles_of, check_affine_ranges, check_sequence
from minidl.vision.transforms.draws import draw_integer, draw_uniform
from minidl.vision.transforms.functional import Fill, InterpolationMode, Size, T


def pair_of(size: Size, message: str) -> tuple[int, int]:
    """Height and width, from one number for both, or two. Errors: ValueError with this message."""
    if isinstance(size, int):
        return size, size
    if not isinstance(size, Sequence) or len(size) not in (1, 2):
        raise ValueError(message)
    return size[0], size[-1]


_TWO = "Please provide only two dimensions (h, w) for size."


class Resize(Module):
    """Resize the image to (height, width), or its shorter side to one number; see `functional.resize`.

        >>> Resize(8)(Image.new("RGB", (32, 16))).size
        (16, 8)
    """

    def __init__(self, size: Size, interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
                 max_size: int | None = None, antialias: bool | None = True) -> None:
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size = size
        self.interpolation = F.as_mode(interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def forward(self, img: T) -> T:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
                f"max_size={self.max_size}, antialias={self.antialias})")


class CenterCrop(Module):
    """The middle of the image. A smaller image is padded with black."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = pair_of(size, _TWO)

    def forward(self, img: T) -> T:
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class Pad(Module):
    """Pad the image; see `functional.pad`."""

    def __init__(self, padding: Size, fill: Fill = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        if not isinstance(padding, (int, tuple, list)):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(fill, (int, float, tuple, list)):
            raise TypeError("Got inappropriate fill arg")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        if isinstance(padding, Sequence) and len(padding) not in (1, 2, 4):
            raise ValueError("Padding must be an int or a 1, 2, or 4 element tuple, not a "
                             f"{len(padding)} element tuple")
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: T) -> T:
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomCrop(Module):
    """A random rectangle of this size.

    padding, fill, padding_mode: pad the image first, as in `Pad`. pad_if_needed: pad a small image to the size.
    Errors: ValueError for an image that is too small.
    """

    def __init__(self, size: Size, padding: Size | None = None, pad_if_needed: bool = False, fill: Fill = 0,
                 padding_mode: str = "constant") -> None:
        super().__init__()
        self.size = pair_of(size, _TWO)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Image.Image | Tensor, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Draw row and column of the first pixel, height and width."""
        _, h, w = F.get_dimensions(img)
        th, tw = output_size
        if h < th or w < tw:
            raise ValueError(f"Required crop size {(th, tw)} is larger than input image size {(h, w)}")
        if (h, w) == (th, tw):
            return 0, 0, h, w
        return draw_integer(0, h - th + 1), draw_integer(0, w - tw + 1), th, tw

    def forward(self, img: T) -> T:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, height, width = F.get_dimensions(img)
            for sides in ([self.size[1] - width, 0], [0, self.size[0] - height]):
                if max(sides) > 0:
                    img = F.pad(img, sides, self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class RandomResizedCrop(Module):
    """A rectangle of random place, area and shape, resized to this size.

    scale: a range for its share of the image's area. ratio: a range for the ratio of width to height, drawn so that 1/r
    is as likely as r. If none fits in ten draws, the middle is taken.
    Errors: TypeError unless both are sequences.
    Source: Szegedy et al., "Going Deeper with Convolutions", 2014, https://arxiv.org/abs/1409.4842
    """

    def __init__(self, size: Size, scale: Sequence[float] = (0.08, 1.0),
                 ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
                 interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
                 antialias: bool | None = True) -> None:
        super().__init__()
        self.size = pair_of(size, _TWO)
        if not isinstance(scale, Sequence):
            raise TypeError("Scale should be a sequence")
        if not isinstance(ratio, Sequence):
            raise TypeError("Ratio should be a sequence")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warn("Scale and ratio should be of kind (min, max)")
        self.interpolation = F.as_mode(interpolation)
        self.antialias = antialias
        self.scale = scale
        self.ratio = ratio

    @staticmethod
    def get_params(img: Image.Image | Tensor, scale: Sequence[float],
                   ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Draw row and column of the first pixel, height and width."""
        _, height, width = F.get_dimensions(img)
        return draw_part(height, width, scale, ratio)

    def forward(self, img: T) -> T:
        i, j, h, w = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, i, j, h, w, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(size={self.size}, scale={tuple(round(s, 4) for s in self.scale)}, "
                f"ratio={tuple(round(r, 4) for r in self.ratio)}, interpolation={self.interpolation.value}, "
                f"antialias={self.antialias})")


def draw_part(height: int, width: int, scale: Sequence[float],
              ratio: Sequence[float]) -> tuple[int, int, int, int]:
    """Draw a rectangle of random share and shape: row and column of its first pixel, its height and width."""
    for _ in range(10):
        area = height * width * draw_uniform(scale[0], scale[1])
        shape = math.exp(draw_uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < w <= width and 0 < h <= height:
            return draw_integer(0, height - h + 1), draw_integer(0, width - w + 1), h, w
    h = min(height, round(width / min(ratio)))
    w = min(width, round(height * max(ratio)))
    return (height - h) // 2, (width - w) // 2, h, w


class RandomHorizontalFlip(Module):
    """Mirror horizontally with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: T) -> T:
        return F.hflip(img) if draw_uniform() < self.p else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomVerticalFlip(Module):
    """Mirror vertically with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: T) -> T:
        return F.vflip(img) if draw_uniform() < self.p else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class FiveCrop(Module):
    """The four corners and the middle, as a tuple."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = pair_of(size, _TWO)

    def forward(self, img: T) -> tuple[T, T, T, T, T]:
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class TenCrop(Module):
    """`FiveCrop` of the image and of its mirror image, as one tuple."""

    def __init__(self, size: Size, vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = pair_of(size, _TWO)
        self.vertical_flip = vertical_flip

    def forward(self, img: T) -> tuple[T, ...]:
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, vertical_flip={self.vertical_flip})"


def check_fill(fill: Fill) -> float | Sequence[float]:
    """Check the fill; None means black. Errors: TypeError unless it is a number or a sequence."""
    if fill is not None and not isinstance(fill, (int, float, Sequence)):
        raise TypeError("Fill should be either a sequence or a number.")
    return 0 if fill is None else fill


def fill_for(img: Image.Image | Tensor, fill: Fill) -> Fill:
    """The fill; for a tensor, one number for each channel."""
    if not isinstance(img, Tensor) or fill is None:
        return fill
    if isinstance(fill, (int, float)):
        return [float(fill)] * F.get_dimensions(img)[0]
    return [float(value) for value in fill]


class RandomRotation(Module):
    """Rotate the image by a random angle from a range of degrees.

    degrees: the range; one number x means (-x, x). interpolation, expand, center, fill: as in `functional.rotate`.
    """

    def __init__(self, degrees: float | Sequence[float],
                 interpolation: InterpolationMode | int = InterpolationMode.NEAREST, expand: bool = False,
                 center: Sequence[float] | None = None, fill: Fill = 0) -> None:
        super().__init__()
        self.degrees = angles_of(degrees, "degrees")
        self.interpolation = F.as_mode(interpolation)
        self.expand = expand
        if center is not None:
            check_sequence(center, "center")
        self.center = center
        self.fill = check_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """Draw the angle."""
        return draw_uniform(degrees[0], degrees[1])

    def forward(self, img: T) -> T:
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, fill_for(img, self.fill))

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
                f"expand={self.expand}{center}, fill={self.fill})")


class RandomAffine(Module):
    """Rotate, shift, scale and shear the image by random amounts.

    degrees: the range of the angle. translate: the largest shifts, as shares of width and height. scale: the range of
    the factor. shear: degrees along x, or along x and y (four numbers). One number x of degrees means (-x, x).
    interpolation, fill, center: as in `functional.affine`.
    """

    def __init__(self, degrees: float | Sequence[float], translate: Sequence[float] | None = None,
                 scale: Sequence[float] | None = None, shear: float | Sequence[float] | None = None,
                 interpolation: InterpolationMode | int = InterpolationMode.NEAREST, fill: Fill = 0,
                 center: Sequence[float] | None = None) -> None:
        super().__init__()
        self.degrees = angles_of(degrees, "degrees")
        check_affine_ranges(translate, scale, center)
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else angles_of(shear, "shear", (2, 4))
        self.interpolation = F.as_mode(interpolation)
        self.fill = check_fill(fill)
        self.center = center

    @staticmethod
    def get_params(degrees: Sequence[float], translate: Sequence[float] | None, scale_ranges: Sequence[float] | None,
                   shears: Sequence[float] | None, img_size: Sequence[int]
                   ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Draw angle, shifts in pixels, scale and shears. img_size: (width, height)."""
        angle = draw_uniform(degrees[0], degrees[1])
        shifts = (0, 0)
        if translate is not None:
            x, y = (share * size for share, size in zip(translate, img_size))
            shifts = (round(draw_uniform(-x, x)), round(draw_uniform(-y, y)))
        scale = 1.0 if scale_ranges is None else draw_uniform(scale_ranges[0], scale_ranges[1])
        along_x = 0.0 if shears is None else draw_uniform(shears[0], shears[1])
        along_y = 0.0 if shears is None or len(shears) < 4 else draw_uniform(shears[2], shears[3])
        return angle, shifts, scale, (along_x, along_y)

    def forward(self, img: T) -> T:
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, F.get_image_size(img))
        return F.affine(img, *drawn, self.interpolation, fill_for(img, self.fill), self.center)

    def __repr__(self) -> str:
        parts = [f"degrees={self.degrees}"]
        parts += [f"{name}={value}" for name, value in (
            ("translate", self.translate), ("scale", self.scale), ("shear", self.shear)) if value is not None]
        if self.interpolation != InterpolationMode.NEAREST:
            parts.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            parts.append(f"fill={self.fill}")
        if self.center is not None:
            parts.append(f"center={self.center}")
        return f"{type(self).__name__}({', '.join(parts)})"
