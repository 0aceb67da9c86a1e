"""Base class of in-memory image data sets: one array of images, and labels."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.utils.data.dataset import Dataset


class InMemoryImages(Dataset[tuple[Any, Any]]):
    """Images in `data` (N, H, W) or (N, H, W, C), labels in `targets` (N,), names in `classes`.

    A sample is `(PIL image, int)`, each after its transform. You may replace `data` and `targets`, by a selection for
    instance. Without transforms the `DataLoader` fetches a whole batch at once (see `Dataset`): grey images as
    (B, H, W), coloured ones as a network needs them, (B, C, H, W), and the labels (B,).
    """

    classes: list[str]

    def __init__(self, data: Tensor | np.ndarray, targets: Tensor | Sequence[int],
                 transform: Callable[[Any], Any] | None, target_transform: Callable[[Any], Any] | None) -> None:
        self.data: Any = data           # a tensor or an array, as in torchvision's data set of this name
        self.targets: Any = targets     # a tensor or a list
        self.transform = transform
        self.target_transform = target_transform

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image: Any = Image.fromarray(self.pixels(np.asarray(self.data[index])))
        target: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __getbatch__(self, indices: np.ndarray) -> Any:
        if self.transform is not None or self.target_transform is not None:
            return NotImplemented
        if isinstance(self.targets, Tensor):
            targets = self.targets[indices]
        else:
            targets = from_numpy(np.array([self.targets[i] for i in indices.tolist()], np.int64))
        if isinstance(self.data, Tensor):
            return [self.data[indices], targets]
        images = np.asarray(self.data[indices])                                     # (B, H, W) or (B, H, W, C)
        if images.ndim == 4:
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))             # -> (B, C, H, W)
        return [from_numpy(images), targets]

    def __len__(self) -> int:
        return len(self.data)

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """One entry of `data` as pixels 0..255 of a PIL image."""
        return image

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: i for i, name in enumerate(self.classes)}
