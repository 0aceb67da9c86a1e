"""Transforms of v2 that change colours and sharpness, of images and videos."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minidl.vision.transforms import color as v1
from minidl.vision.transforms.draws import draw_integer, draw_order, draw_uniform
from minidl.vision.transforms.v2 import functional as F
from minidl.vision.transforms.v2.samples import query_chw
from minidl.vision.transforms.v2.transform import RandomApplyTransform, Transform

Range = tuple[float, float] | None


class Grayscale(Transform):
    """Grey, in one channel or three equal ones."""

    _v1_transform_cls = v1.Grayscale

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=self.num_output_channels)


class RandomGrayscale(RandomApplyTransform):
    """Turn to grey with probability p. The number of channels stays."""

    _v1_transform_cls = v1.RandomGrayscale

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"num_input_channels": query_chw(flat_inputs)[0]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=params["num_input_channels"])


class RGB(Transform):
    """Three channels, of a grey image three equal ones."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.grayscale_to_rgb, inpt)


class ColorJitter(Transform):
    """Change brightness, contrast, saturation and hue at random, in random order.

    brightness, contrast, saturation: a factor from max(0, 1 - x) to 1 + x, or a range of it. hue: a shift from -x to x,
    or a range of it, within -0.5 to 0.5.
    Errors: ValueError for numbers out of range, TypeError for anything but a number or a pair.
    """

    _v1_transform_cls = v1.ColorJitter

    def __init__(self, brightness: float | Sequence[float] | None = None,
                 contrast: float | Sequence[float] | None = None, saturation: float | Sequence[float] | None = None,
                 hue: float | Sequence[float] | None = None) -> None:
        super().__init__()
        self.brightness = _range(brightness, "brightness")
        self.contrast = _range(contrast, "contrast")
        self.saturation = _range(saturation, "saturation")
        self.hue = _range(hue, "hue", 0, (-0.5, 0.5))

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        order, *amounts = v1.ColorJitter.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        return {"fn_idx": order, **dict(zip(_AMOUNTS, amounts))}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        for i in params["fn_idx"]:
            name = list(_AMOUNTS)[int(i)]
            if params[name] is not None:
                inpt = self._call_kernel(_AMOUNTS[name], inpt, **{name: params[name]})
        return inpt


_AMOUNTS = {"brightness_factor": F.adjust_brightness, "contrast_factor": F.adjust_contrast,
            "saturation_factor": F.adjust_saturation, "hue_factor": F.adjust_hue}


def _range(value: float | Sequence[float] | None, name: str, center: float = 1.0,
           bounds: tuple[float, float] = (0, math.inf)) -> Range:
    if value is None:
        return None
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = center - float(value), center + float(value)
        low = max(low, 0.0) if center else low
    elif isinstance(value, Sequence) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"{name}={value} should be a single number or a sequence with length 2.")
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(f"{name} values should be between {bounds} and increasing, but got {[low, high]}.")
    return None if low == high == center else (float(low), float(high))


class RandomChannelPermutation(Transform):
    """Put the channels in random order."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": draw_order(query_chw(flat_inputs)[0])}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.permute_channels, inpt, params["permutation"])


class RandomPhotometricDistort(Transform):
    """Change brightness, contrast, saturation, hue and the order of channels, each with probability p.

    The contrast comes before or after saturation and hue, at random. Numbers are ranges, as in `ColorJitter`.
    Source: Liu et al., "SSD: Single Shot MultiBox Detector", 2015, https://arxiv.org/abs/1512.02325
    """

    def __init__(self, brightness: tuple[float, float] = (0.875, 1.125), contrast: tuple[float, float] = (0.5, 1.5),
                 saturation: tuple[float, float] = (0.5, 1.5), hue: tuple[float, float] = (-0.05, 0.05),
                 p: float = 0.5) -> None:
        super().__init__()
        self.brightness = brightness
        self.contrast = contrast
        self.hue = hue
        self.saturation = saturation
        self.p = p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels = query_chw(flat_inputs)[0]
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        params: dict[str, Any] = {name: draw_uniform(low, high) if draw_uniform() < self.p else None
                                  for name, (low, high) in zip(_AMOUNTS, ranges)}
        params["contrast_before"] = bool(draw_integer(0, 2))
        params["channel_permutation"] = draw_order(channels) if draw_uniform() < self.p else None
        return params

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        names = ["brightness_factor", "saturation_factor", "hue_factor"]
        names.insert(1 if params["contrast_before"] else 3, "contrast_factor")
        for name in names:
            if params[name] is not None:
                inpt = self._call_kernel(_AMOUNTS[name], inpt, **{name: params[name]})
        if params["channel_permutation"] is not None:
            inpt = self._call_kernel(F.permute_channels, inpt, permutation=params["channel_permutation"])
        return inpt


class RandomEqualize(RandomApplyTransform):
    """Equalize the histogram, with probability p."""

    _v1_transform_cls = v1.RandomEqualize

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.equalize, inpt)


class RandomInvert(RandomApplyTransform):
    """Invert, with probability p."""

    _v1_transform_cls = v1.RandomInvert

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.invert, inpt)


class RandomPosterize(RandomApplyTransform):
    """Keep only the top `bits` bits of each number, with probability p."""

    _v1_transform_cls = v1.RandomPosterize

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.posterize, inpt, bits=self.bits)


class RandomSolarize(RandomApplyTransform):
    """Invert pixels at least as bright as the threshold, with probability p."""

    _v1_transform_cls = v1.RandomSolarize

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.solarize, inpt, threshold=self.threshold)


class RandomAutocontrast(RandomApplyTransform):
    """Stretch each channel from black to white, with probability p."""

    _v1_transform_cls = v1.RandomAutocontrast

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.autocontrast, inpt)


class RandomAdjustSharpness(RandomApplyTransform):
    """Change the sharpness by this factor, with probability p."""

    _v1_transform_cls = v1.RandomAdjustSharpness

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.adjust_sharpness, inpt, sharpness_factor=self.sharpness_factor)
