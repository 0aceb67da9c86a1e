"""Base class of in-memory image data sets: one array of images, and labels."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.datasets.vision import Transform, VisionDataset


class InMemoryImages(VisionDataset[tuple[Any, Any]]):
    """Images in `data`, labels in `targets` (N,), names in `classes`.

    `data` is (N, H, W), (N, H, W, C), or (N, C, H, W) where a subclass sets `channels_first`.

    A sample is `(PIL image, int)`, each after its transform. You may replace `data` and `targets`, by a selection for
    instance. Without transforms the `DataLoader` fetches a whole batch at once (see `Dataset`): grey images as
    (B, H, W), coloured ones as a network needs them, (B, C, H, W), and the labels (B,).
    """

    classes: list[str]
    channels_first = False

    def __init__(self, data: Tensor | np.ndarray, targets: Tensor | np.ndarray | Sequence[int],
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 root: str | Path | None = None) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.data: Any = data           # a tensor or an array, as in torchvision's data set of this name
        self.targets: Any = targets     # a tensor or a list

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image = self.pixels(np.asarray(self.data[index]))
        return self.transformed(Image.fromarray(image), int(self.targets[index]))

    def __getbatch__(self, indices: np.ndarray) -> Any:
        if self.has_transforms():
            return NotImplemented
        if isinstance(self.targets, Tensor):
            targets = self.targets[indices]
        else:
            targets = from_numpy(np.array([self.targets[i] for i in indices.tolist()], np.int64))
        if isinstance(self.data, Tensor):
            return [self.data[indices], targets]
        images = np.asarray(self.data[indices])                                     # as `data`, but B of them
        if images.ndim == 4 and not self.channels_first:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))             # -> (B, C, H, W)
        return [from_numpy(images), targets]

    def __len__(self) -> int:
        return len(self.data)

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """One entry of `data` as pixels 0..255 of a PIL image."""
        return np.ascontiguousarray(image.transpose(1, 2, 0)) if self.channels_first else image

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: i for i, name in enumerate(self.classes)}


class LabelledArrays(InMemoryImages):
    """Images in `data`, with numbers in `labels`, which is another name for `targets`."""

    @property
    def labels(self) -> Any:
        """The numbers of the classes, (N,)."""
        return self.targets

    @labels.setter
    def labels(self, labels: Any) -> None:
        self.targets = labels
