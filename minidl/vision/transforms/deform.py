"""Random perspective, and elastic deformation, for PIL images or tensors (..., C, H, W)."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.nn.module import Module
from minidl.ops.shape import cat
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as F
from minidl.vision.transforms.draws import draw_integer, draw_noise, draw_uniform
from minidl.vision.transforms.functional import Fill, InterpolationMode, T
from minidl.vision.transforms.geometry import check_fill, fill_for

Corners = list[list[int]]


class RandomPerspective(Module):
    """Move the four corners inwards at random, with probability p.

    distortion_scale: how far, as a share of half the image. interpolation, fill: as in `functional.perspective`.
    """

    def __init__(self, distortion_scale: float = 0.5, p: float = 0.5,
                 interpolation: InterpolationMode | int = InterpolationMode.BILINEAR, fill: Fill = 0) -> None:
        super().__init__()
        self.p = p
        self.interpolation = F.as_mode(interpolation)
        self.distortion_scale = distortion_scale
        self.fill = check_fill(fill)

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[Corners, Corners]:
        """The corners of the image, and where they go: top left, top right, bottom right, bottom left."""
        x, y = (int(distortion_scale * (length // 2)) + 1 for length in (width, height))
        moved = []
        for right, below in ((False, False), (True, False), (True, True), (False, True)):
            across = draw_integer(width - x, width) if right else draw_integer(0, x)
            moved.append([across, draw_integer(height - y, height) if below else draw_integer(0, y)])
        return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], moved

    def forward(self, img: T) -> T:
        if draw_uniform() >= self.p:
            return img
        width, height = F.get_image_size(img)
        corners = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, *corners, self.interpolation, fill_for(img, self.fill))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class ElasticTransform(Module):
    """Move every pixel by a smooth random field.

    alpha: how far, in half pixels, along x and y. sigma: how smooth, the standard deviation of a Gaussian blur.
    interpolation, fill: as in `functional.elastic_transform`.
    Errors: TypeError and ValueError for arguments of another type or length.
    Source: Simard et al., "Best Practices for Convolutional Neural Networks", 2003
    """

    def __init__(self, alpha: float | Sequence[float] = 50.0, sigma: float | Sequence[float] = 5.0,
                 interpolation: InterpolationMode | int = InterpolationMode.BILINEAR, fill: Fill = 0) -> None:
        super().__init__()
        self.alpha = _two_floats(alpha, "alpha")
        self.sigma = _two_floats(sigma, "sigma")
        self.interpolation = F.as_mode(interpolation)
        if not isinstance(fill, (int, float, list, tuple)):
            raise TypeError(f"fill should be int or float or a list or tuple of them. Got {type(fill)}")
        self.fill = [float(value) for value in (fill if isinstance(fill, (list, tuple)) else [fill])]

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Tensor:
        """Draw the displacement, (1, H, W, 2), for an image of this height and width."""
        return draw_displacement(alpha, sigma, size[0], size[1])

    def forward(self, tensor: T) -> T:
        width, height = F.get_image_size(tensor)
        field = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, field, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(alpha={self.alpha}, sigma={self.sigma}, interpolation={self.interpolation}, "
                f"fill={self.fill})")


def draw_displacement(alpha: Sequence[float], sigma: Sequence[float], height: int, width: int) -> Tensor:
    """Smooth noise (1, H, W, 2), along x and y."""
    fields = []
    for reach, smooth, length in zip(alpha, sigma, (width, height)):
        noise = from_numpy(draw_noise(1, 1, height, width))
        if smooth > 0.0:
            size = int(8 * smooth + 1) // 2 * 2 + 1         # the next odd number
            noise = F.gaussian_blur(noise, [size, size], list(sigma))
        fields.append(noise * reach / length)
    return cat(fields, 1).permute(0, 2, 3, 1)


def _two_floats(value: float | Sequence[float], name: str) -> list[float]:
    if not isinstance(value, (float, Sequence)):
        raise TypeError(f"{name} should be float or a sequence of floats. Got {type(value)}")
    if isinstance(value, float):
        return [value, value]
    if len(value) != 2:
        raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(value)}")
    for element in value:
        if not isinstance(element, float):
            raise TypeError(f"{name} should be a sequence of floats. Got {type(element)}")
    return list(value)
