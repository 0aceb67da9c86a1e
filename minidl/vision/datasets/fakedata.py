"""FakeData: images of noise, to test a program without real data."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from minidl.vision.datasets.vision import VisionDataset


class FakeData(VisionDataset[tuple[Any, Any]]):
    """Images of noise with random class numbers, fixed for each index.

    size: how many. image_size: (C, H, W), with 1 or 3 channels. num_classes: labels are 0 to num_classes - 1.
    transform, target_transform: applied to each image and label. random_offset: another offset gives other images.
    Errors: IndexError beyond the end.

        >>> data = FakeData(size=10, image_size=(3, 8, 8))
        >>> len(data), data[3][0].size, data[3][1] == data[3][1]
        (10, (8, 8), True)
    """

    def __init__(self, size: int = 1000, image_size: tuple[int, int, int] = (3, 224, 224), num_classes: int = 10,
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None, random_offset: int = 0) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        if not isinstance(image_size, (tuple, list)) or len(image_size) != 3 or image_size[0] not in (1, 3):
            raise ValueError(f"FakeData: expected image_size (C, H, W) with 1 or 3 channels, got {image_size}")
        if size < 0 or num_classes < 1:
            raise ValueError(f"FakeData: expected a size of 0 or more and num_classes of 1 or more, got {size} and "
                             f"{num_classes}")
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        rng = np.random.default_rng(index + self.random_offset)
        pixels = rng.integers(0, 256, self.image_size, np.uint8).transpose(1, 2, 0)         # -> (H, W, C)
        target = int(rng.integers(self.num_classes))
        return self.transformed(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels), target)

    def __len__(self) -> int:
        return self.size
