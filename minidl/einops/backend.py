"""What einops asks of a library of tensors. It finds this class among those derived from its own."""
from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from einops._backends import AbstractBackend

from minidl import ops
from minidl.autograd.tensorbase import TensorBase
from minidl.backend.device import to_numpy
from minidl.tensors import creation

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class Backend(AbstractBackend):  # type: ignore[misc]
    """einops' operations on Tensors."""

    framework_name = "minidl"       # einops looks for a module of this name

    def is_appropriate_type(self, tensor: Any) -> bool:
        """Whether it is a Tensor."""
        return isinstance(tensor, TensorBase)

    def from_numpy(self, x: np.ndarray) -> Tensor:
        """A Tensor of the array, which requires grad where it can."""
        return creation.tensor(x, requires_grad=x.dtype.kind in "fc")

    def to_numpy(self, x: Tensor) -> np.ndarray:
        """The numbers on the CPU, without history."""
        return to_numpy(x.detach().array)

    def arange(self, start: int, stop: int) -> Tensor:
        """The whole numbers from `start` up to `stop`."""
        return creation.arange(start, stop)

    def reduce(self, x: Tensor, operation: str, axes: Sequence[int]) -> Tensor:
        """The sum, mean, product, largest or smallest over axes, or whether any or all are true."""
        if operation in ("prod", "any", "all"):     # these take one axis
            return functools.reduce(lambda y, axis: getattr(y, operation)(axis), sorted(axes, reverse=True), x)
        return getattr(x, {"min": "amin", "max": "amax"}.get(operation, operation))(tuple(axes))

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        """The axes in another order."""
        return x.permute(axes)

    def stack_on_zeroth_dimension(self, tensors: list[Tensor]) -> Tensor:
        """The Tensors along a new first axis."""
        return ops.shape.stack(tensors)

    def add_axis(self, x: Tensor, new_position: int) -> Tensor:
        """A new axis of length 1."""
        return x.unsqueeze(new_position)

    def add_axes(self, x: Tensor, n_axes: int, pos2len: dict[int, int]) -> Tensor:
        """New axes along which x is repeated, without a copy; there are `n_axes` in all."""
        for position in pos2len:
            x = x.unsqueeze(position)
        return x.expand([pos2len.get(axis, -1) for axis in range(n_axes)])

    def tile(self, x: Tensor, repeats: Sequence[int]) -> Tensor:
        """Copies of x along each axis."""
        return x.repeat(repeats)

    def concat(self, tensors: Sequence[Tensor], axis: int) -> Tensor:
        """The Tensors one after another."""
        return ops.shape.cat(tensors, axis)

    def is_float_type(self, x: Tensor) -> bool:
        """Whether a mean can be taken."""
        return x.dtype.is_floating_point

    def einsum(self, pattern: str, *x: Tensor) -> Tensor:
        """The sum of products that the pattern names."""
        return ops.linalg.einsum(pattern, *x)
