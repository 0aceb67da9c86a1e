"""What in-memory image data sets have in common: images and labels in two tensors."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from minidl.tensors.tensor import Tensor
from minidl.utils.data.dataset import Dataset


class InMemoryImages(Dataset[tuple[Any, Any]]):
    """Images in `data` (N, H, W) or (N, H, W, C), labels in `targets` (N,), names in `classes`.

    A sample is `(PIL image, int)`, each after its transform. Both tensors may be replaced by
    others, say by a selection. Without transforms the `DataLoader` fetches `data` and `targets` of
    a whole batch at once (see `Dataset`).
    """

    classes: list[str]

    def __init__(self, data: Tensor, targets: Tensor, transform: Callable[[Any], Any] | None,
                 target_transform: Callable[[Any], Any] | None) -> None:
        self.data = data
        self.targets = targets
        self.transform = transform
        self.target_transform = target_transform

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image: Any = Image.fromarray(self.pixels(self.data[index].numpy()))
        target: Any = int(self.targets[index].item())
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __getbatch__(self, indices: np.ndarray) -> Any:
        if self.transform is not None or self.target_transform is not None:
            return NotImplemented
        return [self.data[indices], self.targets[indices]]

    def __len__(self) -> int:
        return len(self.data)

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """One entry of `data` as the 0..255 of a PIL image."""
        return image

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: i for i, name in enumerate(self.classes)}
