"""AutoAugment, RandAugment, TrivialAugment and AugMix: policies of several operations.

An operation has a table of magnitudes, weakest first, and may have a sign; None marks an operation without magnitude.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np
from PIL import Image

from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms import functional as F
from minidl.vision.transforms.draws import draw_integer, draw_shares, draw_uniform
from minidl.vision.transforms.functional import Fill, InterpolationMode, T
from minidl.vision.transforms.geometry import fill_for

Magnitudes = tuple[Sequence[float] | None, bool]
Step = tuple[str, float, int | None]


class AutoAugmentPolicy(Enum):
    """The data sets on which policies were found."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


# Each line is two steps: operation, probability in tenths, index in the table of magnitudes ("-" for none), from the
# paper's appendix.
_POLICIES = {
    AutoAugmentPolicy.IMAGENET: """
        Posterize 4 8 Rotate 6 9 | Solarize 6 5 AutoContrast 6 - | Equalize 8 - Equalize 6 -
        Posterize 6 7 Posterize 6 6
        Equalize 4 - Solarize 2 4 | Equalize 4 - Rotate 8 8 | Solarize 6 3 Equalize 6 - | Posterize 8 5 Equalize 10 -
        Rotate 2 3 Solarize 6 8 | Equalize 6 - Posterize 4 6 | Rotate 8 8 Color 4 0 | Rotate 4 9 Equalize 6 -
        Equalize 0 - Equalize 8 - | Invert 6 - Equalize 10 - | Color 6 4 Contrast 10 8 | Rotate 8 8 Color 10 2
        Color 8 8 Solarize 8 7 | Sharpness 4 7 Invert 6 - | ShearX 6 5 Equalize 10 - | Color 4 0 Equalize 6 -
        Equalize 4 - Solarize 2 4 | Solarize 6 5 AutoContrast 6 - | Invert 6 - Equalize 10 - | Color 6 4 Contrast 10 8
        Equalize 8 - Equalize 6 -""",
    AutoAugmentPolicy.CIFAR10: """
        Invert 1 - Contrast 2 6 | Rotate 7 2 TranslateX 3 9 | Sharpness 8 1 Sharpness 9 3 | ShearY 5 8 TranslateY 7 9
        AutoContrast 5 - Equalize 9 - | ShearY 2 7 Posterize 3 7 | Color 4 3 Brightness 6 7
        Sharpness 3 9 Brightness 7 9 | Equalize 6 - Equalize 5 - | Contrast 6 7 Sharpness 6 5 | Color 7 7 TranslateX 5 8
        Equalize 3 - AutoContrast 4 - | TranslateY 4 3 Sharpness 2 6 | Brightness 9 6 Color 2 8
        Solarize 5 2 Invert 0 - | Equalize 2 - AutoContrast 6 -
        Equalize 2 - Equalize 6 - | Color 9 9 Equalize 6 - | AutoContrast 8 - Solarize 2 8 | Brightness 1 3 Color 7 0
        Solarize 4 5 AutoContrast 9 - | TranslateY 9 9 TranslateY 7 9 | AutoContrast 9 - Solarize 8 3
        Equalize 8 - Invert 1 - | TranslateY 7 9 AutoContrast 9 -""",
    AutoAugmentPolicy.SVHN: """
        ShearX 9 4 Invert 2 - | ShearY 9 8 Invert 7 - | Equalize 6 - Solarize 6 6 | Invert 9 - Equalize 6 -
        Equalize 6 - Rotate 9 3 | ShearX 9 4 AutoContrast 8 - | ShearY 9 8 Invert 4 - | ShearY 9 5 Solarize 2 6
        Invert 9 - AutoContrast 8 - | Equalize 6 - Rotate 9 3 | ShearX 9 4 Solarize 3 3 | ShearY 8 8 Invert 7 -
        Equalize 9 - TranslateY 6 6 | Invert 9 - Equalize 6 - | Contrast 3 3 Rotate 8 4 | Invert 8 - TranslateY 0 2
        ShearY 7 6 Solarize 4 8 | Invert 6 - Rotate 8 4 | ShearY 3 7 TranslateX 9 3 | ShearX 1 6 Invert 6 -
        Solarize 7 2 TranslateY 6 7 | ShearY 8 4 Invert 8 - | ShearX 7 9 TranslateY 8 3 | ShearY 8 5 AutoContrast 7 -
        ShearX 7 2 Invert 1 -""",
}


def policy_steps(policy: AutoAugmentPolicy) -> list[tuple[Step, Step]]:
    """The 25 pairs of steps of a policy."""
    pairs = []
    for text in _POLICIES[policy].replace("\n", "|").split("|"):
        words = text.split()
        if words:
            first, second = ((words[i], int(words[i + 1]) / 10, None if words[i + 2] == "-" else int(words[i + 2]))
                             for i in (0, 3))
            pairs.append((first, second))
    return pairs


def linspace(start: float, stop: float, count: int) -> list[float]:
    """Equal steps in float32, computed from both ends, as in torchvision."""
    i = np.arange(count, dtype=np.float32)
    step = np.float32(stop - start) / np.float32(count - 1)
    return np.where(i < count // 2, np.float32(start) + step * i, np.float32(stop) - step * (count - 1 - i)).tolist()


def magnitude_table(bins: int, size: Sequence[int], shear: float = 0.3, shifts: Sequence[float] | None = None,
           angle: float = 30.0, color: float = 0.9, bits: int = 8, fewer_bits: int = 4) -> dict[str, Magnitudes]:
    """The magnitudes of all operations, for images of this height and width."""
    dx, dy = shifts or (150.0 / 331.0 * size[1], 150.0 / 331.0 * size[0])
    colors: Magnitudes = (linspace(0.0, color, bins), True)
    return {
        "ShearX": (linspace(0.0, shear, bins), True), "ShearY": (linspace(0.0, shear, bins), True),
        "TranslateX": (linspace(0.0, dx, bins), True), "TranslateY": (linspace(0.0, dy, bins), True),
        "Rotate": (linspace(0.0, angle, bins), True),
        "Brightness": colors, "Color": colors, "Contrast": colors, "Sharpness": colors,
        "Posterize": ([bits - round(i / ((bins - 1) / fewer_bits)) for i in range(bins)], False),
        "Solarize": (linspace(255.0, 0.0, bins), False),
        "AutoContrast": (None, False), "Equalize": (None, False),
    }


def apply_operation(img: T, name: str, magnitude: float, interpolation: Any, fill: Fill,
                    functions: Any = F) -> T:
    """Apply one operation with a magnitude, by the functions of v1 or v2. Errors: ValueError for an unknown name."""
    if name in ("ShearX", "ShearY"):        # the left or upper edge stays in place, as in the paper's code
        shear = [math.degrees(math.atan(magnitude)) * (name[-1] == axis) for axis in "XY"]
        return functions.affine(img, 0.0, [0, 0], 1.0, shear, interpolation, fill, center=[0, 0])
    if name in ("TranslateX", "TranslateY"):
        shift = [int(magnitude) * (name[-1] == axis) for axis in "XY"]
        return functions.affine(img, 0.0, shift, 1.0, [0.0, 0.0], interpolation, fill)
    if name == "Rotate":
        return functions.rotate(img, magnitude, interpolation, fill=fill)
    if name == "Posterize":
        return functions.posterize(img, int(magnitude))
    if name == "Solarize":
        return functions.solarize(img, magnitude)
    if name in COLORS:
        return getattr(functions, COLORS[name])(img, 1.0 + magnitude)
    if name == "Identity":
        return img
    if name in _FIXED:
        return getattr(functions, _FIXED[name])(img)
    raise ValueError(f"The provided operator {name} is not recognized.")


COLORS = {"Brightness": "adjust_brightness", "Color": "adjust_saturation", "Contrast": "adjust_contrast",
          "Sharpness": "adjust_sharpness"}
_FIXED = {"AutoContrast": "autocontrast", "Equalize": "equalize", "Invert": "invert"}


def _draw_sign(magnitude: float, signed: bool) -> float:
    return -magnitude if signed and draw_integer(0, 2) else magnitude


class AutoAugment(Module):
    """One of 25 pairs of operations found by search on a data set.

    policy: the data set. interpolation, fill: for operations that move pixels. Tensors must hold bytes.
    Source: Cubuk et al., "AutoAugment", 2018, https://arxiv.org/abs/1805.09501

        >>> AutoAugment(AutoAugmentPolicy.CIFAR10)(Image.new("RGB", (32, 32))).size
        (32, 32)
    """

    def __init__(self, policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
                 interpolation: InterpolationMode = InterpolationMode.NEAREST, fill: Fill = None) -> None:
        super().__init__()
        if policy not in _POLICIES:
            raise ValueError(f"The provided policy {policy} is not recognized.")
        self.policy = policy
        self.interpolation = interpolation
        self.fill = fill
        self.policies = policy_steps(policy)

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, list[float], list[int]]:
        """Draw the pair; for each step a number to compare with its probability, and a sign."""
        return (draw_integer(0, transform_num), [draw_uniform(), draw_uniform()],
                [draw_integer(0, 2), draw_integer(0, 2)])

    def forward(self, img: T) -> T:
        which, chances, signs = self.get_params(len(self.policies))
        table = magnitude_table(10, F.get_dimensions(img)[1:])
        for (name, probability, place), chance, sign in zip(self.policies[which], chances, signs):
            if chance <= probability:
                magnitudes, signed = table.get(name, (None, False))
                magnitude = 0.0 if magnitudes is None or place is None else magnitudes[place]
                magnitude = -magnitude if signed and sign == 0 else magnitude
                img = apply_operation(img, name, magnitude, self.interpolation, fill_for(img, self.fill))
        return img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(policy={self.policy}, fill={self.fill})"


class RandAugment(Module):
    """`num_ops` operations, drawn with equal probability, all of one magnitude.

    magnitude: the index in tables of `num_magnitude_bins`. interpolation, fill: for operations that move pixels.
    Tensors must hold bytes.
    Source: Cubuk et al., "RandAugment", 2019, https://arxiv.org/abs/1909.13719
    """

    def __init__(self, num_ops: int = 2, magnitude: int = 9, num_magnitude_bins: int = 31,
                 interpolation: InterpolationMode = InterpolationMode.NEAREST, fill: Fill = None) -> None:
        super().__init__()
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def forward(self, img: T) -> T:
        table = {"Identity": (None, False), **magnitude_table(self.num_magnitude_bins, F.get_dimensions(img)[1:])}
        for _ in range(self.num_ops):
            name = list(table)[draw_integer(0, len(table))]
            magnitudes, signed = table[name]
            magnitude = _draw_sign(0.0 if magnitudes is None else magnitudes[self.magnitude], signed)
            img = apply_operation(img, name, magnitude, self.interpolation, fill_for(img, self.fill))
        return img

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(num_ops={self.num_ops}, magnitude={self.magnitude}, "
                f"num_magnitude_bins={self.num_magnitude_bins}, interpolation={self.interpolation}, fill={self.fill})")


class TrivialAugmentWide(Module):
    """One operation with a random magnitude from wide tables. Nothing to tune.

    Arguments are those of `RandAugment`.
    Source: Müller and Hutter, "TrivialAugment", 2021, https://arxiv.org/abs/2103.10158
    """

    def __init__(self, num_magnitude_bins: int = 31, interpolation: InterpolationMode = InterpolationMode.NEAREST,
                 fill: Fill = None) -> None:
        super().__init__()
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def forward(self, img: T) -> T:
        table = {"Identity": (None, False),
                 **magnitude_table(self.num_magnitude_bins, (0, 0), 0.99, (32.0, 32.0), 135.0, 0.99, fewer_bits=6)}
        name = list(table)[draw_integer(0, len(table))]
        magnitudes, signed = table[name]
        magnitude = _draw_sign(0.0 if magnitudes is None else magnitudes[draw_integer(0, len(magnitudes))], signed)
        return apply_operation(img, name, magnitude, self.interpolation, fill_for(img, self.fill))

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(num_magnitude_bins={self.num_magnitude_bins}, "
                f"interpolation={self.interpolation}, fill={self.fill})")


class AugMix(Module):
    """The image mixed with several chains of operations, in random shares.

    severity: how many of the ten magnitudes are used, weakest first. mixture_width: the number of chains. chain_depth:
    their length; one to three at random if it is not above zero. alpha: parameter of the distribution of the shares.
    all_ops: also use colour and sharpness, which overlap with the corruptions of ImageNet-C. Images of a batch share
    their draws.
    Errors: ValueError for a severity outside 1 to 10. Tensors must hold bytes.
    Source: Hendrycks et al., "AugMix", 2019, https://arxiv.org/abs/1912.02781
    """

    def __init__(self, severity: int = 3, mixture_width: int = 3, chain_depth: int = -1, alpha: float = 1.0,
                 all_ops: bool = True, interpolation: InterpolationMode = InterpolationMode.BILINEAR,
                 fill: Fill = None) -> None:
        super().__init__()
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation
        self.fill = fill

    def forward(self, orig_img: T) -> T:
        if isinstance(orig_img, Image.Image):
            return F.to_pil_image(self._mix(F.pil_to_tensor(orig_img)))
        return self._mix(orig_img)

    def _mix(self, img: Tensor) -> Tensor:
        _, height, width = F.get_dimensions(img)
        table = magnitude_table(10, (height, width), shifts=(width / 3.0, height / 3.0), bits=4)
        names = [name for name in table if self.all_ops or name not in COLORS]
        own, others = draw_shares([self.alpha, self.alpha])
        mix = img * own
        for share in draw_shares([self.alpha] * self.mixture_width):
            changed = img
            for _ in range(self.chain_depth if self.chain_depth > 0 else draw_integer(1, 4)):
                name = names[draw_integer(0, len(names))]
                magnitudes, signed = table[name]
                strength = 0.0 if magnitudes is None else magnitudes[draw_integer(0, self.severity)]
                magnitude = _draw_sign(strength, signed)
                changed = apply_operation(changed, name, magnitude, self.interpolation, fill_for(img, self.fill))
            mix = mix + changed * (share * others)
        return mix.to(img.dtype)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(severity={self.severity}, mixture_width={self.mixture_width}, "
                f"chain_depth={self.chain_depth}, alpha={self.alpha}, all_ops={self.all_ops}, "
                f"interpolation={self.interpolation}, fill={self.fill})")
