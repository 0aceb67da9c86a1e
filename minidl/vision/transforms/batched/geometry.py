"""Crops, shifts and mirror images, and squares that are cut out."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidl.backend.kernels.flip import mirrored
from minidl.vision.transforms.batched.base import Batched, chunks, generator

LARGE = 1 << 17     # bytes of an image from which on images are better mirrored one by one


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
        stream = generator()
        top, left = stream.integers(rows, size=N), stream.integers(columns, size=N)
        out = np.empty((N, C, h, w), x.dtype)
        for part in chunks(x):
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


class RandomResizedCrop(Batched):
    """Crop a random rectangle of each image, and resize it to `size`.

    size: pixels a side, or (height, width). scale: the range of the crop's area, as a share of the image's. ratio: that
    of its width by its height, even on a logarithmic scale; a side that would be longer than the image is as long.

    Pixels are read with antialiasing, as `resized_crop` does. Errors: ValueError for ranges that are none.
    Source: Szegedy et al., "Going Deeper with Convolutions", 2015, section 6.

        >>> images = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8)
        >>> RandomResizedCrop(4)(images).shape
        (1, 1, 4, 4)
    """

    def __init__(self, size: int | tuple[int, int], scale: tuple[float, float] = (0.08, 1.0),
                 ratio: tuple[float, float] = (3 / 4, 4 / 3)) -> None:
        if not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"batched.RandomResizedCrop: expected scale=(from, to) from above 0 to 1 and "
                             f"ratio=(from, to) above 0, got {scale} and {ratio}")
        self.size = size
        self.scale = scale
        self.ratio = ratio

    def images(self, x: np.ndarray) -> np.ndarray:
        N, C, H, W = x.shape
        h, w = (self.size, self.size) if isinstance(self.size, int) else self.size
        stream = generator()
        area = stream.uniform(*self.scale, N) * H * W
        ratio = np.exp(stream.uniform(np.log(self.ratio[0]), np.log(self.ratio[1]), N))
        heights = np.clip(np.rint(np.sqrt(area / ratio)), 1, H).astype(int)
        widths = np.clip(np.rint(np.sqrt(area * ratio)), 1, W).astype(int)
        top, left = stream.integers(H - heights + 1), stream.integers(W - widths + 1)
        out = np.empty((N, C, h, w), x.dtype)
        for part in chunks(x):
            rows = resampling(top[part], heights[part], H, h)[:, None]
            columns = resampling(left[part], widths[part], W, w)[:, None]
            pixels = rows @ x[part].astype(np.float32) @ columns.swapaxes(2, 3)
            out[part] = np.rint(pixels, out=pixels) if x.dtype == np.uint8 else pixels
        return out


def resampling(starts: np.ndarray, lengths: np.ndarray, old: int, new: int) -> np.ndarray:
    """Matrices (N, new, old) that resize `lengths` pixels from `starts` on to `new`: triangles, their rows add up to 1.

        >>> resampling(np.array([2]), np.array([2]), 5, 2)
        array([[[0., 0., 1., 0., 0.],
                [0., 0., 0., 1., 0.]]], dtype=float32)
    """
    step = (lengths / new)[:, None, None]
    place, pixel = (np.arange(new)[:, None] + 0.5) * step, np.arange(old) - starts[:, None, None]
    weights = np.maximum(0, 1 - np.abs(pixel + 0.5 - place) / np.maximum(step, 1))
    weights *= (pixel >= 0) & (pixel < lengths[:, None, None])
    return (weights / weights.sum(2, keepdims=True)).astype(np.float32)


class RandomHorizontalFlip(Batched):
    """Mirror each image horizontally with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def images(self, x: np.ndarray) -> np.ndarray:
        return flip(x, generator().random(len(x)) < self.p)


def flip(x: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """A copy with the chosen images mirrored."""
    if len(x) and x[0].nbytes >= LARGE:
        out = np.empty_like(x)
        for old, new, turned in zip(x, out, chosen):
            new[...] = mirrored(old) if turned else old
        return out
    out = x.copy()
    for part in chunks(x):
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
        stream, out = generator(), x.copy()
        top, left = (stream.integers(length, size=N) - self.size // 2 for length in (H, W))
        for image, y, z in zip(out, top.tolist(), left.tolist()):
            image[:, max(y, 0):y + self.size, max(z, 0):z + self.size] = value
        return out
