"""Transforms of colour and sharpness, for PIL images or tensors (..., C, H, W)."""
from __future__ import annotations

import math
from collections.abc import Sequence

from minidl.nn.module import Module
from minidl.vision.transforms import functional as F
from minidl.vision.transforms.draws import draw_order, draw_uniform
from minidl.vision.transforms.functional import Size, T
from minidl.vision.transforms.geometry import pair_of

Range = tuple[float, float] | None


class ColorJitter(Module):
    """Change brightness, contrast, saturation and hue at random, in random order.

    brightness, contrast, saturation: a factor from max(0, 1 - x) to 1 + x, or a range of it. hue: a shift from -x to x,
    or a range of it, within -0.5 to 0.5.
    Errors: ValueError for numbers out of range, TypeError for anything but a number or a pair.
    """

    def __init__(self, brightness: float | Sequence[float] = 0, contrast: float | Sequence[float] = 0,
                 saturation: float | Sequence[float] = 0, hue: float | Sequence[float] = 0) -> None:
        super().__init__()
        self.brightness = _range(brightness, "brightness")
        self.contrast = _range(contrast, "contrast")
        self.saturation = _range(saturation, "saturation")
        self.hue = _range(hue, "hue", 0, (-0.5, 0.5))

    @staticmethod
    def get_params(brightness: Range, contrast: Range, saturation: Range, hue: Range
                   ) -> tuple[list[int], float | None, float | None, float | None, float | None]:
        """Draw the order (0 brightness, 1 contrast, 2 saturation, 3 hue) and each amount, None for none."""
        order = draw_order(4)
        b, c, s, h = (None if values is None else draw_uniform(*values)
                      for values in (brightness, contrast, saturation, hue))
        return order, b, c, s, h

    def forward(self, img: T) -> T:
        order, *amounts = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        for i in order:
            amount = amounts[i]
            if amount is not None:
                img = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)[i](img, amount)
        return img

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, "
                f"saturation={self.saturation}, hue={self.hue})")


def _range(value: float | Sequence[float], name: str, center: float = 1,
           bounds: tuple[float, float] = (0, math.inf)) -> Range:
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = center - float(value), center + float(value)
        low = max(low, 0.0) if center else low
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(f"{name} values should be between {bounds}, but got {[low, high]}.")
    return None if low == high == center else (low, high)


class Grayscale(Module):
    """The image in grey, in one channel or three equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: T) -> T:
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class GaussianBlur(Module):
    """Gaussian blur with a standard deviation drawn from `sigma`.

    kernel_size: odd width and height of the kernel. sigma: one number, or a range.
    Errors: ValueError for anything else.
    """

    def __init__(self, kernel_size: Size, sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = pair_of(kernel_size, "Kernel size should be a tuple/list of two integers")
        if any(size <= 0 or size % 2 == 0 for size in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, (int, float)):
            if sigma <= 0:
                raise ValueError("If sigma is a single number, it must be positive.")
            self.sigma: Sequence[float] = (sigma, sigma)
        elif isinstance(sigma, Sequence) and len(sigma) == 2:
            if not 0.0 < sigma[0] <= sigma[1]:
                raise ValueError("sigma values should be positive and of the form (min, max).")
            self.sigma = sigma
        else:
            raise ValueError("sigma should be a single number or a list/tuple with length 2.")

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """Draw the standard deviation."""
        return draw_uniform(sigma_min, sigma_max)

    def forward(self, img: T) -> T:
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


class _WithProbability(Module):
    """Base class: change colours with probability p."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def change(self, img: T) -> T:
        raise NotImplementedError

    def forward(self, img: T) -> T:
        return self.change(img) if draw_uniform() < self.p else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomGrayscale(_WithProbability):
    """Turn to grey with probability p. The number of channels stays."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def change(self, img: T) -> T:
        return F.rgb_to_grayscale(img, F.get_image_num_channels(img))


class RandomInvert(_WithProbability):
    """Invert the image, with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: T) -> T:
        return F.invert(img)


class RandomAutocontrast(_WithProbability):
    """Stretch each channel from black to white, with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: T) -> T:
        return F.autocontrast(img)


class RandomEqualize(_WithProbability):
    """Equalize the histogram, with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def change(self, img: T) -> T:
        return F.equalize(img)


class RandomPosterize(_WithProbability):
    """Keep only the top `bits` bits of each byte, with probability p."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def change(self, img: T) -> T:
        return F.posterize(img, self.bits)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(bits={self.bits},p={self.p})"


class RandomSolarize(_WithProbability):
    """Invert pixels at least as bright as the threshold, with probability p."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def change(self, img: T) -> T:
        return F.solarize(img, self.threshold)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(_WithProbability):
    """Change the sharpness by this factor, with probability p."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img: T) -> T:
        return F.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sharpness_factor={self.sharpness_factor},p={self.p})"
