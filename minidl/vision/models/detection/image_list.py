"""Images of several sizes in one tensor."""
from __future__ import annotations

from typing import Any

from minidl.tensors.tensor import Tensor


class ImageList:
    """Images of several sizes in one tensor, with zeros to the right and below.

    Args:
        tensors: (N, C, H, W), as large as the largest image.
        image_sizes: the (height, width) of each.
    """

    def __init__(self, tensors: Tensor, image_sizes: list[tuple[int, int]]) -> None:
        self.tensors = tensors
        self.image_sizes = image_sizes

    def to(self, device: Any) -> ImageList:
        """The same images on another device, or in another dtype."""
        return ImageList(self.tensors.to(device), self.image_sizes)
