"""Ops on pixels: several steps on arrays, each in the memory of the one before, on a part that stays in the cache.

Only `Grey` has a gradient. Where one is wanted, the others are written in plain operations by those who call them.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.autograd.op import AS_INPUTS, Op, Value
from minidl.backend.cpu.threads import parallel
from minidl.backend.device import Array, array_module
from minidl.ops.shape import cat

NUMBERS = 1 << 18       # of an image at a time: 1 MiB of float32


def in_parts(function: Callable[..., Any], image: Array, *others: Array) -> None:
    """Call `function` on the same rows of `image` (..., C, H, W) and `others`, which have the same leading axes.

    An array with one row serves all.
    """
    if not isinstance(image, np.ndarray) or image.ndim < 3 or image.size <= NUMBERS:
        return function(image, *others)
    channels, height, width = image.shape[-3:]
    step = max(1, NUMBERS // max(1, channels * width))
    rows = [slice(start, start + step) for start in range(0, height, step)]

    def compute(part: tuple[Any, ...]) -> None:
        index, row = part
        of_image, all_rows = (*index, slice(None), row), (*index, slice(None))
        function(*[x[of_image if x.shape[-2] == height else all_rows] for x in (image, *others)])

    parallel(compute, [(index, row) for index in np.ndindex(image.shape[:-3]) for row in rows])
    return None


def floating(x: Array) -> Array:
    """Whole numbers become float32; they are exact up to 2 ** 24."""
    return x if x.dtype.kind == "f" else x.astype(np.float32)


def _float_dtype(x: Array) -> np.dtype:
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)


class Grey(Op):
    """The brightness of three channels, (..., 3, H, W) -> (..., 1, H, W), in floating numbers."""

    weights = 0.2989, 0.587, 0.114

    def forward(self, x: Array) -> Array:
        y = array_module(x).empty((*x.shape[:-3], 1, *x.shape[-2:]), _float_dtype(x))
        in_parts(self.add_up, x, y)
        return y

    def add_up(self, x: Array, y: Array) -> None:
        xp = array_module(x)
        if x.dtype.kind == "f" and x.flags.c_contiguous:        # in one pass
            pixels = math.prod(x.shape[-2:])
            channels, grey = x.reshape(*x.shape[:-2], pixels), y.reshape(*y.shape[:-2], pixels)
            xp.matmul(xp.asarray([self.weights], x.dtype), channels, out=grey)
            return
        red, green, blue = (floating(x[..., i:i + 1, :, :]) for i in range(3))
        xp.multiply(red, self.weights[0], out=y)
        values = green * self.weights[1]
        y += values
        y += xp.multiply(blue, self.weights[2], out=values)

    def grad_x(self, g: Value) -> Value:
        return cat([g * weight for weight in self.weights], -3)


class Blend(Op):
    """ratio * img + (1 - ratio) * other, cut off from black to white.

    other: another image of one channel or as many, a grey for each image (..., 1, 1, 1), or None for black.
    """

    layout = AS_INPUTS

    def __init__(self, ratio: float, white: int) -> None:
        self.ratio, self.white = ratio, white

    def forward(self, img: Array, other: Any = None) -> Array:
        y = array_module(img).empty_like(img)
        in_parts(self.blend, img, y, *[] if other is None else [other])
        return y

    def blend(self, img: Array, new: Array, other: Any = None) -> None:
        values = floating(img)
        values = array_module(img).multiply(values, values.dtype.type(self.ratio),
                                            out=new if values is img else values)
        if other is not None:
            values += floating(other) * (1.0 - self.ratio)
        cut_off(values, self.white, new)


def cut_off(values: Array, white: int, new: Array) -> None:
    """Write numbers from black to white to `new`; bytes are truncated. `values` is overwritten."""
    array_module(values).clip(values, 0, white, out=values)
    if new is not values:
        new[...] = values


class Fraction(Op):
    """Whole numbers as floating ones from 0 to 1: each times, or divided by, a number."""

    def __init__(self, dtype: np.dtype, times: float = 1.0, over: float = 1.0) -> None:
        self.dtype, self.times, self.over = dtype, times, over

    def forward(self, x: Array) -> Array:
        y = array_module(x).empty(x.shape, self.dtype)
        in_parts(self.scale, x, y)
        return y

    def scale(self, x: Array, y: Array) -> None:
        y[...] = x
        if self.times != 1.0:
            y *= self.times
        if self.over != 1.0:
            y /= self.over


class Standardize(Op):
    """(x - center) / spread, which are numbers or (C, 1, 1)."""

    layout = AS_INPUTS

    def forward(self, x: Array, center: Array, spread: Array) -> Array:
        y = array_module(x).empty_like(x)
        of_each = [center, spread] if x.size <= NUMBERS else [
            array_module(x).broadcast_to(value, (*x.shape[:-2], 1, 1)) for value in (center, spread)]
        in_parts(self.scale, x, y, *of_each)
        return y

    def scale(self, x: Array, y: Array, center: Array, spread: Array) -> None:
        array_module(x).subtract(x, center, out=y)
        y /= spread


class Stretch(Op):
    """Each channel from black to white; one that is flat stays as it is.

    by_quotient: divide by how many parts of white it spans, as in v2; v1 multiplies by the inverse.
    """

    layout = AS_INPUTS

    def __init__(self, white: int, by_quotient: bool) -> None:
        self.white, self.by_quotient = white, by_quotient

    def forward(self, x: Array) -> Array:
        xp, y = array_module(x), array_module(x).empty_like(x)
        low, high = (floating(extreme((-2, -1), keepdims=True)) for extreme in (x.min, x.max))
        flat = low == high
        span = xp.where(flat, 1, high - low)
        scale = span * (1.0 / self.white) if self.by_quotient else xp.reciprocal(span) * self.white
        in_parts(self.stretch, x, y, xp.where(flat, 0, low), xp.where(flat, 1, scale))
        return y

    def stretch(self, x: Array, new: Array, low: Array, scale: Array) -> None:
        xp = array_module(x)
        values = floating(x)
        values = xp.subtract(values, low, out=new if values is x else values)
        (xp.divide if self.by_quotient else xp.multiply)(values, scale, out=values)
        cut_off(values, self.white, new)


class Solarize(Op):
    """white - x where x is the threshold or brighter, and x elsewhere."""

    layout = AS_INPUTS

    def __init__(self, threshold: float, white: int) -> None:
        self.threshold, self.white = threshold, white

    def forward(self, x: Array) -> Array:
        y = array_module(x).empty_like(x)
        in_parts(self.invert, x, y)
        return y

    def invert(self, x: Array, y: Array) -> None:
        bright = (x >= self.threshold).astype(x.dtype)      # products, since choices one by one take ten times as long
        y[...] = x
        y *= 1 - 2 * bright                                 # of bytes, 255 counts as -1
        bright *= x.dtype.type(self.white)
        y += bright


class Posterize(Op):
    """The bits of whole numbers that the mask has, too."""

    layout = AS_INPUTS

    def __init__(self, mask: int) -> None:
        self.mask = mask

    def forward(self, x: Array) -> Array:
        return x & x.dtype.type(self.mask)


class Smooth(Op):
    """The mean of 13 pixels: each counts 5 times and the 8 around it once.

    The margin has no such neighbours and stays. Bytes are rounded.
    """

    layout = AS_INPUTS

    def forward(self, x: Array) -> Array:
        y = array_module(x).empty_like(x)
        for index in np.ndindex(x.shape[:-2]) if isinstance(x, np.ndarray) else [()]:   # a channel at a time
            self.change(x[index], y[index])
        return y

    def change(self, x: Array, new: Array) -> None:
        new[...] = x
        new[..., 1:-1, 1:-1] = self.of_inner(x.astype(_float_dtype(x)), x.dtype.kind != "f")

    def of_inner(self, values: Array, rounded: bool) -> Array:
        """The means of floating pixels that have neighbours."""
        rows = values[..., :-2, :] + values[..., 1:-1, :]
        rows += values[..., 2:, :]
        smooth = rows[..., :-2] + rows[..., 1:-1]
        smooth += rows[..., 2:]
        smooth += values[..., 1:-1, 1:-1] * 4
        smooth /= 13
        return array_module(values).rint(smooth, out=smooth) if rounded else smooth


class Sharpen(Smooth):
    """x + (1 - factor) * (smooth x - x)"""

    def __init__(self, factor: float, white: int) -> None:
        self.factor, self.white = factor, white

    def change(self, x: Array, new: Array) -> None:
        values = x.astype(_float_dtype(x))
        smooth, inner = self.of_inner(values, x.dtype.kind != "f"), values[..., 1:-1, 1:-1]
        smooth -= inner
        smooth *= 1.0 - self.factor
        inner += smooth
        cut_off(values, self.white, new)


class Blur(Op):
    """Each channel mixed with its neighbours, down by one row of weights and across by another.

    down, across: an odd number of weights each, the same from both ends. Beyond the margin the image is mirrored; bytes
    are rounded.
    """

    def __init__(self, down: np.ndarray, across: np.ndarray) -> None:
        self.down, self.across = down, across

    def forward(self, x: Array) -> Array:
        xp, dtype = array_module(x), _float_dtype(x)
        y = xp.empty(x.shape, x.dtype)
        height, width = x.shape[-2:]
        top, left = len(self.down) // 2, len(self.across) // 2
        down, across = self.down.astype(dtype), self.across.astype(dtype)

        def blur(index: tuple[int, ...]) -> None:
            padded = xp.empty((height + 2 * top, width + 2 * left), dtype)
            rows = padded[top:top + height]
            rows[:, left:left + width] = x[index]
            for i in range(1, left + 1):
                rows[:, left - i] = rows[:, left + i]
                rows[:, left + width - 1 + i] = rows[:, left + width - 1 - i]
            for i in range(1, top + 1):
                padded[top - i] = padded[top + i]
                padded[top + height - 1 + i] = padded[top + height - 1 - i]
            # The rows lie one behind the other. What is mixed across their ends is not read.
            flat = padded.reshape(-1)
            mixed = self.mix(self.mix(flat, down, padded.shape[1]), across, 1)
            flat[:len(mixed)] = xp.rint(mixed, out=mixed) if x.dtype.kind != "f" else mixed
            y[index] = padded[:height, :width]

        parallel(blur, list(np.ndindex(x.shape[:-2])))
        return y

    @staticmethod
    def mix(x: Array, weights: np.ndarray, step: int) -> Array:
        """Sums of numbers that are `step` apart."""
        xp, half = array_module(x), len(weights) // 2
        length = len(x) - 2 * half * step
        parts = [x[i * step:i * step + length] for i in range(len(weights))]
        sums = parts[half] * weights[half]
        pair = xp.empty_like(sums)
        for i in range(half):
            xp.add(parts[i], parts[-1 - i], out=pair)
            pair *= weights[i]
            sums += pair
        return sums


class Erase(Op):
    """A copy with a rectangle filled, its index `hole`."""

    def __init__(self, hole: tuple[Any, ...]) -> None:
        self.hole = hole

    def forward(self, x: Array, value: Array) -> Array:
        y = x.copy()
        try:
            y[self.hole] = value
        except ValueError:
            raise RuntimeError(f"erase: numbers of shape {value.shape} do not fit into a rectangle of shape "
                               f"{y[self.hole].shape}") from None
        return y


class ShiftHue(Op):
    """The hue of red, green and blue (..., 3, H, W) shifted by a part of the circle.

    Hue and saturation are Smith's: A. R. Smith, "Color gamut transform pairs", 1978,
    https://doi.org/10.1145/965139.807361
    """

    layout = AS_INPUTS

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def forward(self, x: Array) -> Array:
        y = array_module(x).empty_like(x)
        in_parts(self.change, x, y)
        return y

    def change(self, x: Array, y: Array) -> None:
        bytewise = x.dtype.kind != "f"
        values = x * np.float32(1 / 255) if bytewise else x
        hue, saturation, value = self.to_hsv(values)
        hue += self.shift
        hue -= array_module(x).floor(hue)
        rgb = self.to_rgb(hue, saturation, value)
        y[...] = rgb * np.float32(256 - 1e-3) if bytewise else rgb

    @staticmethod
    def to_hsv(x: Array) -> tuple[Array, Array, Array]:
        """Hue, saturation and value (..., H, W), all from 0 to 1."""
        xp = array_module(x)
        red, green, _ = (x[..., i, :, :] for i in range(3))
        value = x.max(-3)
        spread = value - x.min(-3)
        grey = spread == 0
        below = value[..., None, :, :] - x
        below /= (spread + grey)[..., None, :, :]
        from_red, from_green, from_blue = (below[..., i, :, :] for i in range(3))
        sixths = xp.where(value == red, from_blue - from_green,
                          xp.where(value == green, from_red + 2.0 - from_blue, from_green + 4.0 - from_red))
        sixths *= 1.0 / 6.0
        sixths += 1.0
        sixths -= sixths >= 1.0                 # it was from 5/6 to 11/6
        return sixths, spread / xp.where(grey, 1, value), value

    @staticmethod
    def to_rgb(hue: Array, saturation: Array, value: Array) -> Array:
        """The inverse of `to_hsv`."""
        xp = array_module(hue)
        sixths = hue * 6
        sixth = xp.floor(sixths)
        share = (sixths - sixth) * saturation
        rest = 1.0 - saturation
        parts = xp.stack([value, rest * value, (1.0 - share) * value, (share + rest) * value])
        xp.clip(parts[1:], 0.0, 1.0, out=parts[1:])
        which = xp.asarray(_PARTS * value.size).take(sixth.astype(np.intp).reshape(-1) % 6, axis=1)
        which += xp.arange(value.size)
        return xp.moveaxis(parts.reshape(-1).take(which).reshape(3, *value.shape), 0, -3)


_PARTS = np.array([(0, 2, 1, 1, 3, 0), (3, 0, 0, 2, 1, 1), (1, 1, 3, 0, 0, 2)])
"""For red, green and blue: which of the four parts it is, in each sixth of the circle."""


class Equalize(Op):
    """Each channel (..., H, W) of bytes with its histogram equalized: each 255th part of the pixels has its value."""

    def forward(self, images: Array) -> Array:
        xp = array_module(images)
        result = xp.empty(images.shape, images.dtype)
        channels = images.reshape(-1, math.prod(images.shape[-2:]))
        for channel, new in zip(channels, result.reshape(channels.shape)):
            new[...] = self.equalized(channel)
        return result

    def equalized(self, channel: Array) -> Array:
        xp = array_module(channel)
        counts = xp.bincount(channel, minlength=256)
        step = int(counts.sum() - counts[counts != 0][-1]) // 255
        if step == 0:
            return channel
        table = ((xp.cumsum(counts) - counts + step // 2) // step).clip(0, 255).astype(np.uint8)
        table[0] = 0
        if isinstance(channel, np.ndarray):     # Python looks bytes up twice as fast as NumPy
            return np.frombuffer(channel.tobytes().translate(table.tobytes()), np.uint8)
        return table[channel.astype(np.intp)]
