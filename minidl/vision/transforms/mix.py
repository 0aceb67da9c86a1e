"""MixUp and CutMix: mix each image of a batch, and its label, with another."""
from __future__ import annotations

import math

from minidl.backend.device import Device
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.base import check_floating, check_tensors
from minidl.random import default_generator
from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.functional import erase


class _Mix(Module):
    """Base class: mix every image with the one before it, in shares that add up to 1."""

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None) -> None:
        super().__init__()
        if not 0 < alpha < math.inf:
            raise ValueError(f"{self._get_name()}: alpha should be greater than 0, but got {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes

    def mix(self, images: Tensor, share: float) -> tuple[Tensor, float]:
        """Mix with about this share of the own images. Returns the images and the exact share."""
        raise NotImplementedError

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        check_floating(self._get_name(), images=images)
        check_tensors(self._get_name(), labels=labels)
        if labels.ndim not in (1, 2) or labels.shape[:1] != images.shape[:1]:
            raise ValueError(f"{self._get_name()}: expected labels (N,) or (N, C), one for each image, but got "
                             f"{tuple(labels.shape)} for images {tuple(images.shape)}")
        if labels.ndim == 1:
            if self.num_classes is None:
                raise ValueError(f"{self._get_name()}: num_classes must be given where labels are class numbers (N,)")
            labels = F.one_hot(labels, self.num_classes)
        elif self.num_classes not in (None, labels.shape[1]):
            raise ValueError(f"{self._get_name()}: expected labels (N, {self.num_classes}), with num_classes="
                             f"{self.num_classes}, but got {tuple(labels.shape)}")
        labels = labels.to(images.dtype)
        images, share = self.mix(images, default_generator(Device("cpu")).stream.beta(self.alpha, self.alpha))
        return images, labels * share + labels.roll(1, 0) * (1 - share)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + ("" if self.num_classes is None else f", num_classes={self.num_classes}")


class MixUp(_Mix):
    """lambda * x[n] + (1 - lambda) * x[n-1], for images and labels.

    lambda is from Beta(alpha, alpha). Called with images (N, *) and labels: class numbers (N,), for which num_classes
    must be given, or probabilities (N, num_classes). Returns images and probabilities, (N, num_classes), for a
    `CrossEntropyLoss`. With a small alpha nearly all is often from one image.
    Errors: ValueError unless alpha is above 0 and finite, and where labels do not fit; RuntimeError unless images are
    floating.
    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018, https://arxiv.org/abs/1710.09412

        >>> import minidl
        >>> from minidl.vision import transforms
        >>> mixup = transforms.MixUp(alpha=0.2, num_classes=2)
        >>> images, labels = mixup(minidl.tensor([[0.], [1.]]), minidl.tensor([0, 1]))
        >>> bool((images == labels[:, 1:]).all())       # as much of image 1 as of class 1
        True
    """

    def mix(self, images: Tensor, share: float) -> tuple[Tensor, float]:
        return images * share + images.roll(1, 0) * (1 - share), share


class CutMix(_Mix):
    """Paste a rectangle of image n - 1 into image n of a batch.

    Its share of the pixels is its share in the label. The rectangle has its centre anywhere, the aspect ratio of the
    image, and a share of 1 - lambda of its area, with lambda from Beta(alpha, alpha). The part outside the image is cut
    off and does not count. Images (N, C, H, W); all else is as in `MixUp`.
    Source: Yun et al., "CutMix", 2019, https://arxiv.org/abs/1905.04899

        >>> import minidl
        >>> from minidl.vision import transforms
        >>> cutmix = transforms.CutMix(num_classes=2)
        >>> images = minidl.stack([minidl.zeros(3, 8, 8), minidl.ones(3, 8, 8)])
        >>> images, labels = cutmix(images, minidl.tensor([0, 1]))
        >>> bool((images.mean((1, 2, 3)) == labels[:, 1]).all())
        True
    """

    def mix(self, images: Tensor, share: float) -> tuple[Tensor, float]:
        if images.ndim != 4 or 0 in images.shape[2:]:
            raise ValueError(f"CutMix: expected a batch of images, (N, C, H, W), but got {tuple(images.shape)}")
        stream, (H, W) = default_generator(Device("cpu")).stream, images.shape[-2:]
        y, x, half = int(stream.integers(H)), int(stream.integers(W)), 0.5 * math.sqrt(1 - share)
        top, bottom = max(y - int(half * H), 0), min(y + int(half * H), H)
        left, right = max(x - int(half * W), 0), min(x + int(half * W), W)
        pasted = images.roll(1, 0)[..., top:bottom, left:right]
        mixed = erase(images, top, left, bottom - top, right - left, pasted)
        return mixed, 1 - (bottom - top) * (right - left) / (H * W)
