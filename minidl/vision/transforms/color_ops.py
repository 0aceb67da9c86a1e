"""Ops of colour: several steps on arrays, each in the memory of the one before."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.autograd.op import AS_INPUTS, Op, Value
from minidl.backend.device import Array, array_module
from minidl.ops.base.ufunc import as_floating
from minidl.ops.shape import cat


class Grey(Op):
    """The brightness of three channels, (..., 3, H, W) -> (..., 1, H, W), in floating numbers."""

    weights = 0.2989, 0.587, 0.114

    def forward(self, x: Array) -> Array:
        red, green, blue = (x[..., i:i + 1, :, :] for i in range(3))
        y, values = as_floating(red) * self.weights[0], as_floating(green) * self.weights[1]
        y += values
        y += np.multiply(as_floating(blue), self.weights[2], out=values)
        return y

    def grad_x(self, g: Value) -> Value:
        return cat([g * weight for weight in self.weights], -3)


class Blend(Op):
    """ratio * img + (1 - ratio) * other, from black to white, where no gradient is wanted."""

    layout = AS_INPUTS

    def __init__(self, ratio: float, white: int) -> None:
        self.ratio, self.white = ratio, white

    def forward(self, img: Array, other: Any) -> Array:
        y = as_floating(img) * self.ratio
        y += (as_floating(other) if hasattr(other, "dtype") else other) * (1.0 - self.ratio)
        return np.clip(y, 0, self.white, out=y).astype(img.dtype, copy=False)


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
