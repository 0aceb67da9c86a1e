"""What a transform of whole arrays is, several of them, and a data set whose batches pass through one."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.backend.device import Device
from minidl.random import default_generator
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.utils.data.collate import default_collate
from minidl.utils.data.dataset import Dataset, fetch_batch, fetch_samples

Images = Tensor | np.ndarray
_CHUNK = 1 << 20        # bytes of images at a time, which stay in the processor's cache


def generator() -> np.random.Generator:
    """The stream of random numbers that all of them draw from."""
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


def chunks(x: np.ndarray) -> Iterator[slice]:
    """Slices of a few images, which stay in the cache."""
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
        >>> from minidl.vision.transforms.batched import RandomHorizontalFlip
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
