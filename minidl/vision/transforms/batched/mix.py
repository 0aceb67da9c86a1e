"""Several images in one, and their labels."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.vision.transforms.batched.base import Batched, Images, chunks, generator


class _Mix(Batched):
    """Base class: mix each image with another, and their labels, in shares that add up to 1."""

    def __init__(self, alpha: float = 1.0, num_classes: int | None = None) -> None:
        if not 0 < alpha < math.inf:
            raise ValueError(f"batched.{type(self).__name__}: alpha should be greater than 0, but got {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes

    def __call__(self, images: Images, labels: Images | None = None, *, indices: np.ndarray | None = None) -> Any:
        if labels is None:
            raise ValueError(f"batched.{type(self).__name__}: expected images and labels, got images only")
        return super().__call__(images, labels, indices=indices)

    def change(self, x: np.ndarray, labels: np.ndarray | None,
               indices: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        assert labels is not None
        shares = self._shares(labels)
        stream = generator()
        other = stream.permutation(len(x))
        mixed, own = self.mix(x, other, stream.beta(self.alpha, self.alpha, len(x)))
        own = own.astype(np.float32)[:, None]
        return mixed, shares * own + shares[other] * (1 - own)

    def _shares(self, labels: np.ndarray) -> np.ndarray:
        """(N, classes) of 0..1."""
        if labels.ndim == 2:
            return labels.astype(np.float32)
        if self.num_classes is None:
            raise ValueError(f"batched.{type(self).__name__}: num_classes must be given where labels are class numbers")
        if len(labels) and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(f"batched.{type(self).__name__}: expected labels from 0 to {self.num_classes - 1}, got "
                             f"{labels.min()} to {labels.max()}")
        return (labels[:, None] == np.arange(self.num_classes)).astype(np.float32)

    def mix(self, x: np.ndarray, other: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mix with about these shares of the own images. Returns the images and the exact shares."""
        raise NotImplementedError


class MixUp(_Mix):
    """lambda * image + (1 - lambda) * other image, and the same for labels.

    Each image draws lambda from Beta(alpha, alpha). Called with labels: class numbers (N,), for which num_classes must
    be given, or probabilities (N, num_classes).
    Returns float32 images, or rounded ones for bytes, and probabilities (N, num_classes) for a `CrossEntropyLoss`.
    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018, https://arxiv.org/abs/1710.09412
    """

    def mix(self, x: np.ndarray, other: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares, out = own.astype(np.float32)[:, None, None, None], np.empty_like(x)
        for part in chunks(x):
            mixed = x[part] * shares[part]
            mixed += x[other[part]] * (1 - shares[part])
            out[part] = np.rint(mixed) if x.dtype == np.uint8 else mixed
        return out, own


class CutMix(_Mix):
    """Paste a rectangle of another image into each image.

    Its share of the pixels is its share in the label. A rectangle has its centre anywhere, the aspect ratio of the
    image, and a share of 1 - lambda of its area, with lambda from Beta(alpha, alpha). The part outside is cut off and
    does not count. Labels are as in `MixUp`.
    Source: Yun et al., "CutMix", 2019, https://arxiv.org/abs/1905.04899
    """

    def mix(self, x: np.ndarray, other: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        N, _, H, W = x.shape
        stream, half = generator(), 0.5 * np.sqrt(1 - own)
        ends = []
        for length in (H, W):
            center, reach = stream.integers(length, size=N), (half * length).astype(np.int64)
            ends += [np.maximum(center - reach, 0), np.minimum(center + reach, length)]
        top, bottom, left, right = ends
        out = x.copy()
        for i, (j, a, b, c, d) in enumerate(zip(*(values.tolist() for values in (other, *ends)))):
            out[i, :, a:b, c:d] = x[j, :, a:b, c:d]
        return out, 1 - (bottom - top) * (right - left) / (H * W)
