"""Transforms of v2 that flip and map the plane."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.vision.transforms import deform
from minidl.vision.transforms import geometry as v1
from minidl.vision.transforms.arguments import (
    angles_of,
    check_affine_ranges,
    check_sequence,
    perspective_coefficients,
)
from minidl.vision.transforms.draws import draw_uniform
from minidl.vision.transforms.v2 import functional as F
from minidl.vision.transforms.v2.functional.arguments import Interpolation
from minidl.vision.transforms.v2.samples import query_size
from minidl.vision.transforms.v2.settings import (
    Fills,
    fill_for,
    fills_of,
    two_numbers,
)
from minidl.vision.transforms.v2.transform import RandomApplyTransform, Transform


class RandomHorizontalFlip(RandomApplyTransform):
    """Mirror horizontally with probability p."""

    _v1_transform_cls = v1.RandomHorizontalFlip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(RandomApplyTransform):
    """Mirror vertically with probability p."""

    _v1_transform_cls = v1.RandomVerticalFlip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.vertical_flip, inpt)


class RandomRotation(Transform):
    """Rotate by a random angle from a range of degrees.

    degrees: the range; one number x means (-x, x). interpolation, expand, center: as in `functional.rotate`. fill: the
    colour of the corners, or a dict of one for each type of input.
    """

    _v1_transform_cls = v1.RandomRotation

    def __init__(self, degrees: float | Sequence[float], interpolation: Interpolation = "nearest",
                 expand: bool = False, center: Sequence[float] | None = None, fill: Fills = 0) -> None:
        super().__init__()
        self.degrees = angles_of(degrees, "degrees")
        self.interpolation = interpolation
        self.expand = expand
        self.fill = fill
        self._fill = fills_of(fill)
        if center is not None:
            check_sequence(center, "center")
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"angle": draw_uniform(self.degrees[0], self.degrees[1])}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.rotate, inpt, **params, interpolation=self.interpolation, expand=self.expand,
                                 center=self.center, fill=fill_for(self._fill, inpt))


class RandomAffine(Transform):
    """Rotate, shift, scale and shear by random amounts.

    degrees: the range of the angle. translate: the largest shifts, as shares of width and height. scale: the range of
    the factor. shear: degrees along x, or along x and y (four numbers). One number x of degrees means (-x, x).
    interpolation, center: as in `functional.affine`. fill: the colour outside, or a dict of one for each type of input.
    """

    _v1_transform_cls = v1.RandomAffine

    def __init__(self, degrees: float | Sequence[float], translate: Sequence[float] | None = None,
                 scale: Sequence[float] | None = None, shear: float | Sequence[float] | None = None,
                 interpolation: Interpolation = "nearest", fill: Fills = 0,
                 center: Sequence[float] | None = None) -> None:
        super().__init__()
        self.degrees = angles_of(degrees, "degrees")
        check_affine_ranges(translate, scale, center)
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else angles_of(shear, "shear", (2, 4))
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills_of(fill)
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        drawn = v1.RandomAffine.get_params(self.degrees, self.translate, self.scale, self.shear, (width, height))
        return dict(zip(("angle", "translate", "scale", "shear"), drawn))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.affine, inpt, **params, interpolation=self.interpolation,
                                 fill=fill_for(self._fill, inpt), center=self.center)


class RandomPerspective(RandomApplyTransform):
    """Move the four corners inwards at random, with probability p.

    distortion_scale: how far, as a share of half the image. interpolation: as in `functional.perspective`. fill: the
    colour outside, or a dict of one for each type of input. Errors: ValueError for a share outside 0 to 1.
    """

    _v1_transform_cls = deform.RandomPerspective

    def __init__(self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Interpolation = "bilinear",
                 fill: Fills = 0) -> None:
        super().__init__(p)
        if not 0 <= distortion_scale <= 1:
            raise ValueError("Argument distortion_scale value should be between 0 and 1")
        self.distortion_scale = distortion_scale
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills_of(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        corners = deform.RandomPerspective.get_params(width, height, self.distortion_scale)
        return {"coefficients": perspective_coefficients(*corners)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.perspective, inpt, startpoints=None, endpoints=None,
                                 fill=fill_for(self._fill, inpt), interpolation=self.interpolation, **params)


class ElasticTransform(Transform):
    """Move every pixel by a smooth random field.

    alpha: how far, in half pixels, along x and y. sigma: how smooth, the standard deviation of a Gaussian blur.
    interpolation: as in `functional.elastic`. fill: the colour outside, or a dict of one for each type of input.
    """

    _v1_transform_cls = deform.ElasticTransform

    def __init__(self, alpha: float | Sequence[float] = 50.0, sigma: float | Sequence[float] = 5.0,
                 interpolation: Interpolation = "bilinear", fill: Fills = 0) -> None:
        super().__init__()
        self.alpha = two_numbers(alpha, "alpha")
        self.sigma = two_numbers(sigma, "sigma")
        self.interpolation = interpolation
        self.fill = fill
        self._fill = fills_of(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"displacement": deform.draw_displacement(self.alpha, self.sigma, *query_size(flat_inputs))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.elastic, inpt, **params, fill=fill_for(self._fill, inpt),
                                 interpolation=self.interpolation)
