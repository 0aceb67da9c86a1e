"""Flatten and Unflatten: from images to vectors and back."""
from __future__ import annotations

from typing import Any

from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class Flatten(Module):
    """Dimensions `start_dim` to `end_dim` as one; by default all but the batch.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Flatten()(minidl.ones(8, 3, 4, 5)).shape
        (8, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Dimension `dim` split into several of the given sizes.

    One size may be -1.
    Errors: TypeError unless `dim` is an int and the sizes are a tuple of ints.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Unflatten(1, (3, 4, 5))(minidl.ones(8, 60)).shape
        (8, 3, 4, 5)
    """

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(f"Unflatten: expected dim to be an int, but got {type(dim).__name__}")
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(f"unflattened_size must be a tuple of ints, but found type "
                            f"{type(unflattened_size).__name__}")
        for i, n in enumerate(unflattened_size):
            if not isinstance(n, int):
                raise TypeError(f"unflattened_size must be tuple of ints, but found element of type "
                                f"{type(n).__name__} at pos {i}")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
