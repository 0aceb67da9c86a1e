"""Augment whole arrays of images, ten times faster than image by image.

Each transform takes images (N, C, H, W) or (N, H, W), tensors on the CPU or arrays, of uint8 or float32, and returns
new ones of the same kind. Every image has its own random draw. With labels it takes and returns both. N may be a batch
or a whole data set. NumPy does the work for all images together:

    augment = batched.Compose([batched.RandomCrop(padding=4, padding_mode="reflect"), batched.RandomHorizontalFlip(),
                               batched.Normalize(mean, std)])
    for images, labels in DataLoader(batched.Augmented(train, augment), batch_size=128, shuffle=True, num_workers=2):

Normalise images of bytes last: until then they need a quarter of the memory traffic.
"""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidl.backend.device import Device
from minidl.backend.layout import mirrored
from minidl.random import default_generator
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.utils.data.collate import default_collate
from minidl.utils.data.dataset import Dataset, fetch_batch, fetch_samples

Images = Tensor | np.ndarray
_CHUNK = 1 << 20        # bytes of images at a time, which stay in the processor's cache


def _generator() -> np.random.Generator:
    return default_generator(Device("cpu")).stream


class Batched:
    """Base class of batched transforms: a subclass changes arrays (N, C, H, W).

    Errors: TypeError unless given a tensor on the CPU or an array; ValueError for another number of dimensions or
    another dtype, and unless there is one label for each image.
    """

    def __call__(self, images: Images, labels: Images | None = None, *, indices: np.ndarray | None = None) -> Any:
        """Transform the images; with labels, both. indices: the images' numbers in their data set, if needed."""
        pixels, wrap = _pixels(type(self).__name__, images)
        grey = pixels.ndim == 3
        classes = None if labels is None else _labels(type(self).__name__, labels, len(pixels))
        changed, targets = self.change(pixels[:, None] if grey else pixels, classes, indices)
        changed = changed[:, 0] if grey else changed
        result = from_numpy(changed) if wrap else changed
        if labels is None:
            return result
        if targets is None or targets is classes:
            return result, labels
        return result, from_numpy(targets) if isinstance(labels, Tensor) else targets

    def change(self, x: np.ndarray, labels: np.ndarray | None,
               indices: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        """New images, and labels."""
        return self.images(x), labels

    def images(self, x: np.ndarray) -> np.ndarray:
        """New images, for transforms that do not change the labels."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in vars(self).items())})"


def _pixels(who: str, images: Images) -> tuple[np.ndarray, bool]:
    """The images as an array, and whether they came as a tensor."""
    if isinstance(images, Tensor) and images.device.type != "cpu":
        raise TypeError(f"batched.{who}: expected images on the CPU, got {images.device}; augment before .to(device)")
    if not isinstance(images, (Tensor, np.ndarray)):
        raise TypeError(f"batched.{who}: expected a tensor or an array of images, got {type(images).__name__}")
    pixels = images.detach().numpy() if isinstance(images, Tensor) else images
    if pixels.ndim not in (3, 4) or pixels.dtype not in (np.uint8, np.float32):
        raise ValueError(f"batched.{who}: expected images (N, C, H, W) or (N, H, W) of uint8 or float32, got "
                         f"{pixels.shape} of {pixels.dtype}")
    return pixels, isinstance(images, Tensor)


def _labels(who: str, labels: Images, count: int) -> np.ndarray:
    array = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if len(array) != count:
        raise ValueError(f"batched.{who}: expected one label for each of {count} images, got {len(array)}")
    return array


def _chunks(x: np.ndarray) -> Iterator[slice]:
    step = max(1, _CHUNK // max(1, x.nbytes // max(1, len(x))))
    return (slice(start, start + step) for start in range(0, len(x), step))


class Compose:
    """Batched transforms one after the other."""

    def __init__(self, transforms: Sequence[Batched]) -> None:
        self.transforms = transforms

    def __call__(self, images: Images, labels: Images | None = None, *, indices: np.ndarray | None = None) -> Any:
        for transform in self.transforms:
            if labels is None:
                images = transform(images, indices=indices)
            else:
                images, labels = transform(images, labels, indices=indices)
        return images if labels is None else (images, labels)

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {transform}" for transform in self.transforms), ")"])


class Augmented(Dataset[tuple[Any, Any]]):
    """A data set whose batches pass through a batched transform.

    The transform runs where the loader makes batches, in workers too. dataset: images and labels, such as `CIFAR10`,
    without its own transforms, or a `Subset`. transform: called as `transform(images, labels, indices=...)`.

        >>> from minidl.utils.data import DataLoader
        >>> from minidl.vision.datasets import Digits
        >>> flipped = Augmented(Digits(), RandomHorizontalFlip(p=1.0))
        >>> images, labels = next(iter(DataLoader(flipped, batch_size=3)))
        >>> bool((images == Digits().data[:3].flip(-1)).all())
        True
    """

    def __init__(self, dataset: Dataset[Any], transform: Batched | Compose) -> None:
        self.dataset: Any = dataset
        self.transform = transform

    def __getbatch__(self, indices: np.ndarray) -> list[Any]:
        batch = fetch_batch(self.dataset, indices.tolist())
        if batch is NotImplemented:
            batch = default_collate(fetch_samples(self.dataset, indices.tolist()))
        images, labels = batch
        return list(self.transform(images, labels, indices=indices))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        images, labels = self.__getbatch__(np.array([index]))
        return images[0], labels[0]

    def __len__(self) -> int:
        return len(self.dataset)


# ---------------------------------------------------------------------- geometry

class RandomCrop(Batched):
    """Pad each image by `padding` pixels and crop a random square.

    size: pixels a side, or (height, width); None for the images' size. padding_mode: "constant" for black,
    "reflect", "edge" or "symmetric". Errors: ValueError for images that are too small.

        >>> images = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
        >>> RandomCrop(4, padding=1)(images).shape
        (1, 1, 4, 4)
    """

    def __init__(self, size: int | tuple[int, int] | None = None, padding: int = 4,
                 padding_mode: str = "constant") -> None:
        if padding_mode not in _SOURCES:
            raise ValueError(f"batched.RandomCrop: expected padding_mode {', '.join(_SOURCES)}, got {padding_mode!r}")
        if padding < 0:
            raise ValueError(f"batched.RandomCrop: expected a padding of 0 or more, got {padding}")
        self.size = size
        self.padding = padding
        self.padding_mode = padding_mode

    def images(self, x: np.ndarray) -> np.ndarray:
        N, C, H, W = x.shape
        h, w = (H, W) if self.size is None else (self.size, self.size) if isinstance(self.size, int) else self.size
        rows, columns = H + 2 * self.padding - h + 1, W + 2 * self.padding - w + 1
        if min(rows, columns) < 1:
            raise ValueError(f"batched.RandomCrop: no {(h, w)} in images of {(H, W)} with a padding of {self.padding}")
        stream = _generator()
        top, left = stream.integers(rows, size=N), stream.integers(columns, size=N)
        out = np.empty((N, C, h, w), x.dtype)
        for part in _chunks(x):
            windows = sliding_window_view(pad(x[part], self.padding, self.padding_mode), (h, w), axis=(2, 3))
            # (n, C, places, places, h, w): take one window of each image
            out[part] = windows[np.arange(len(windows)), :, top[part], left[part]]
        return out


_SOURCES = {    # for n pixels before and after an axis: which pixels are copied there
    "constant": lambda n, length: (None, None),
    "edge": lambda n, length: (np.zeros(n, int), np.full(n, length - 1)),
    "reflect": lambda n, length: (np.arange(n, 0, -1), length - 2 - np.arange(n)),
    "symmetric": lambda n, length: (np.arange(n)[::-1], length - 1 - np.arange(n)),
}


def pad(x: np.ndarray, n: int, mode: str) -> np.ndarray:
    """`np.pad` with n pixels on each side of (N, C, H, W), several times faster.

        >>> pad(np.array([[[[1, 2, 3]]]], np.uint8), 1, "edge")[0, 0, 1]
        array([1, 1, 2, 3, 3], dtype=uint8)
    """
    N, C, H, W = x.shape
    if n >= min(H, W) + (mode == "symmetric") and mode in ("reflect", "symmetric"):
        raise ValueError(f"batched: images of {(H, W)} are too small for a {mode} padding of {n}")
    padded = np.zeros((N, C, H + 2 * n, W + 2 * n), x.dtype)
    padded[:, :, n:n + H, n:n + W] = x
    before, after = _SOURCES[mode](n, W)
    if before is not None:
        middle = padded[:, :, n:n + H]
        middle[..., :n], middle[..., n + W:] = x[..., before], x[..., after]
        above, below = _SOURCES[mode](n, H)
        padded[:, :, :n], padded[:, :, n + H:] = middle[:, :, above], middle[:, :, below]
    return padded


class RandomShift(RandomCrop):
    """Shift each image by up to `shift` pixels along both axes. New pixels follow `padding_mode`."""

    def __init__(self, shift: int = 2, padding_mode: str = "constant") -> None:
        super().__init__(None, shift, padding_mode)


class RandomHorizontalFlip(Batched):
    """Mirror each image horizontally with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def images(self, x: np.ndarray) -> np.ndarray:
        return flip(x, _generator().random(len(x)) < self.p)


def flip(x: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """A copy with the chosen images mirrored."""
    out = x.copy()
    for part in _chunks(x):
        which = np.flatnonzero(chosen[part])
        out[part][which] = mirrored(x[part][which])
    return out


class AlternatingFlip(Batched):
    """Mirror a random half of the images; the other half next epoch.

    So in two epochs the network sees each image both ways; independent draws would show half of them the same way
    twice. `seed` and each image's number in the data set decide the half. The numbers are `indices`, which `Augmented`
    passes on; without them they are 0, 1, 2, ... `epoch` says which half is mirrored: add 1 after each epoch.

    Source: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, https://arxiv.org/abs/2404.00498

        >>> flip = AlternatingFlip()
        >>> x = np.random.default_rng(0).random((4, 1, 2, 2), dtype=np.float32)
        >>> first = flip(x)
        >>> flip.epoch += 1
        >>> second = flip(x)
        >>> bool((np.sort([first, second], 0) == np.sort([x, x[..., ::-1]], 0)).all())
        True
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.epoch = 0

    def change(self, x: np.ndarray, labels: np.ndarray | None,
               indices: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
        numbers = np.arange(len(x)) if indices is None else np.asarray(indices)
        return flip(x, (_bits(numbers, self.seed) + self.epoch) % 2 == 1), labels


def _bits(numbers: np.ndarray, seed: int) -> np.ndarray:
    """A pseudo-random bit for each number: one step of SplitMix64 from (seed, number)."""
    state = (numbers.astype(np.uint64) + np.uint64(seed % 2**32 << 32)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (state >> np.uint64(63)).astype(np.int64)


class Cutout(Batched):
    """Overwrite a random square of `size` pixels in each image with `value`.

    value: a number, or one for each channel. The centre is anywhere in the image; the part outside is cut off.
    Source: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017,
    https://arxiv.org/abs/1708.04552
    """

    def __init__(self, size: int, value: float | Sequence[float] = 0) -> None:
        if size < 1:
            raise ValueError(f"batched.Cutout: expected a size of 1 or more, got {size}")
        self.size = size
        self.value = value

    def images(self, x: np.ndarray) -> np.ndarray:
        N, _, H, W = x.shape
        value = np.asarray(self.value, x.dtype).reshape(-1, 1, 1)
        stream, out = _generator(), x.copy()
        top, left = (stream.integers(length, size=N) - self.size // 2 for length in (H, W))
        for image, y, z in zip(out, top.tolist(), left.tolist()):
            image[:, max(y, 0):y + self.size, max(z, 0):z + self.size] = value
        return out


# ---------------------------------------------------------------------- colour

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
        stream = _generator()
        amounts = (self.brightness, self.contrast, self.saturation if x.shape[1] == 3 else 0)
        factors = [stream.uniform(max(0, 1 - amount), 1 + amount, (len(x), 1, 1, 1)).astype(np.float32)
                   for amount in amounts]
        order = [i for i in stream.permutation(3).tolist() if amounts[i]]
        white, out = np.float32(255 if x.dtype == np.uint8 else 1), np.empty_like(x)
        for part in _chunks(x):
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
    greys = pixels
    if pixels.shape[1] == 3:
        greys = np.einsum("nchw,c->nhw", pixels, np.array([0.299, 0.587, 0.114], np.float32))[:, None]
    return greys.mean((1, 2, 3), keepdims=True) if i == 1 else greys


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
        for part in _chunks(x):
            np.multiply(x[part], scale, out=out[part])
            out[part] -= mean / std
        return out


# ---------------------------------------------------------------------- several images in one

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
        stream = _generator()
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
        for part in _chunks(x):
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
        stream, half = _generator(), 0.5 * np.sqrt(1 - own)
        ends = []
        for length in (H, W):
            center, reach = stream.integers(length, size=N), (half * length).astype(np.int64)
            ends += [np.maximum(center - reach, 0), np.minimum(center + reach, length)]
        top, bottom, left, right = ends
        out = x.copy()
        for i, (j, a, b, c, d) in enumerate(zip(*(values.tolist() for values in (other, *ends)))):
            out[i, :, a:b, c:d] = x[j, :, a:b, c:d]
        return out, 1 - (bottom - top) * (right - left) / (H * W)
