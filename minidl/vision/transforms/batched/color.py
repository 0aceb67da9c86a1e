"""Brightness, contrast and saturation, and images normalised."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.vision.transforms.batched.base import Batched, chunks, generator


class ColorJitter(Batched):
    """Multiply brightness, contrast and saturation of each image by random factors.

    A factor is from max(0, 1 - x) to 1 + x. All images share the random order of the three; grey images have no
    saturation.
    """

    def __init__(self, brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0) -> None:
        if min(brightness, contrast, saturation) < 0:
            raise ValueError("batched.ColorJitter: expected numbers of 0 or more, got brightness="
                             f"{brightness}, contrast={contrast}, saturation={saturation}")
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation

    def images(self, x: np.ndarray) -> np.ndarray:
        stream = generator()
        amounts = (self.brightness, self.contrast, self.saturation if x.shape[1] == 3 else 0)
        factors = [stream.uniform(max(0, 1 - amount), 1 + amount, (len(x), 1, 1, 1)).astype(np.float32)
                   for amount in amounts]
        order = [i for i in stream.permutation(3).tolist() if amounts[i]]
        white, out = np.float32(255 if x.dtype == np.uint8 else 1), np.empty_like(x)
        for part in chunks(x):
            pixels = x[part].astype(np.float32)
            for i in order:
                base = _blend_target(pixels, i)
                pixels -= base
                pixels *= factors[i][part]
                pixels += base
                np.clip(pixels, 0, white, out=pixels)
            out[part] = np.rint(pixels, out=pixels) if x.dtype == np.uint8 else pixels
        return out


def _blend_target(pixels: np.ndarray, i: int) -> np.ndarray:
    """The image to blend with: black for brightness, one grey for contrast, its greys for saturation."""
    if i == 0:
        return np.zeros((1, 1, 1, 1), np.float32)
    greys = _greys(pixels) if pixels.shape[1] == 3 else pixels
    return greys.mean((1, 2, 3), keepdims=True) if i == 1 else greys


def _greys(pixels: np.ndarray) -> np.ndarray:
    """The greys (N, 1, H, W) of colours (N, 3, H, W), as the eye weighs red, green and blue."""
    return np.einsum("nchw,c->nhw", pixels, np.array([0.299, 0.587, 0.114], np.float32))[:, None]


class RandomGrayscale(Batched):
    """Take the colours out of each image with probability p: all channels become its greys."""

    def __init__(self, p: float = 0.1) -> None:
        self.p = p

    def images(self, x: np.ndarray) -> np.ndarray:
        chosen = np.flatnonzero(generator().random(len(x)) < self.p)
        out = x.copy()
        if x.shape[1] == 3:
            greys = _greys(x[chosen].astype(np.float32))
            out[chosen] = np.rint(greys) if x.dtype == np.uint8 else greys
        return out


class Normalize(Batched):
    """(image - mean) / std in float32, for each channel. A byte of 255 counts as 1.

        >>> Normalize([0.5], [0.5])(np.array([[[[0, 255]]]], np.uint8))
        array([[[[-1.,  1.]]]], dtype=float32)
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        if len(mean) != len(std) or 0 in std:
            raise ValueError("batched.Normalize: expected mean and std of each channel, and no std of 0, got "
                             f"{mean}, {std}")
        self.mean = mean
        self.std = std

    def images(self, x: np.ndarray) -> np.ndarray:
        if len(self.mean) not in (1, x.shape[1]):
            raise ValueError(f"batched.Normalize: {len(self.mean)} means for images of {x.shape[1]} channels")
        mean, std = (np.asarray(values, np.float32)[:, None, None] for values in (self.mean, self.std))
        scale = 1 / (std * np.float32(255 if x.dtype == np.uint8 else 1))
        out = np.empty(x.shape, np.float32)
        for part in chunks(x):
            np.multiply(x[part], scale, out=out[part])
            out[part] -= mean / std
        return out
