"""Padding layers for signals, images and volumes.

The margin is a constant, the mirrored input, its repeated edge, or its opposite side.
"""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.shape.views import sizes_of
from minidl.tensors.tensor import Tensor


class _Pad(Module):
    """Base class: the padding widths, and the mode for `functional.pad`."""

    dims: int               # number of padded axes
    mode = "constant"
    value: float = 0.0

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self.dims) if isinstance(padding, int) else sizes_of(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"{self.padding}"


# ---------------------------------------------------------------------- a constant

class _ConstantPad(_Pad):
    """Base class: the value of the margin."""

    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A margin of `value` around signals (N, C, L) or (C, L). padding: an int, or (left, right).

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ConstantPad1d((1, 2), 9.)(minidl.tensor([[1., 2., 3.]]))
        tensor([[9., 1., 2., 3., 9., 9.]])
    """

    dims = 1


class ConstantPad2d(_ConstantPad):
    """A margin of `value` around images (N, C, H, W) or (C, H, W).

    padding: an int for all sides, or (left, right, top, bottom); negative widths crop.
    Errors: RuntimeError where the crop is larger than the image.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ConstantPad2d((1, 0, 0, 1), 9.)(minidl.tensor([[[1., 2.]]]))
        tensor([[[9., 1., 2.],
                 [9., 9., 9.]]])
    """

    dims = 2


class ConstantPad3d(_ConstantPad):
    """A margin of `value` around volumes (N, C, D, H, W) or (C, D, H, W).

    padding: an int for all sides, or (left, right, top, bottom, front, back); negative widths crop.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ConstantPad3d(1, 9.)(minidl.ones(1, 4, 3, 2)).shape
        (1, 6, 5, 4)
    """

    dims = 3


class ZeroPad1d(_Pad):
    """A margin of zeros around signals. Shapes and padding as `ConstantPad1d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ZeroPad1d(1)(minidl.tensor([[1., 2.]]))
        tensor([[0., 1., 2., 0.]])
    """

    dims = 1


class ZeroPad2d(_Pad):
    """A margin of zeros around images. Shapes and padding as `ConstantPad2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ZeroPad2d((1, 0, 0, 1))(minidl.tensor([[[1., 2.]]]))
        tensor([[[0., 1., 2.],
                 [0., 0., 0.]]])
    """

    dims = 2


class ZeroPad3d(_Pad):
    """A margin of zeros around volumes. Shapes and padding as `ConstantPad3d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ZeroPad3d(1)(minidl.ones(1, 4, 3, 2)).shape
        (1, 6, 5, 4)
    """

    dims = 3


# ---------------------------------------------------------------------- of the input itself

class ReflectionPad1d(_Pad):
    """A margin that mirrors signals without repeating the edge. Shapes and padding as `ConstantPad1d`.

    Errors: RuntimeError unless the margin is narrower than the signal.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReflectionPad1d(2)(minidl.tensor([[1., 2., 3.]]))
        tensor([[3., 2., 1., 2., 3., 2., 1.]])
    """

    dims = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """A margin that mirrors images without repeating the edge. Shapes and padding as `ConstantPad2d`.

    Errors: RuntimeError unless the margin is narrower than the image.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReflectionPad2d((1, 0, 1, 0))(minidl.tensor([[[1., 2.], [3., 4.]]]))
        tensor([[[4., 3., 4.],
                 [2., 1., 2.],
                 [4., 3., 4.]]])
    """

    dims = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """A margin that mirrors volumes without repeating the edge. Shapes and padding as `ConstantPad3d`.

    Errors: RuntimeError unless the margin is narrower than the volume.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReflectionPad3d(1)(minidl.ones(1, 4, 3, 2)).shape
        (1, 6, 5, 4)
    """

    dims = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """A margin that repeats the edge of signals. Shapes and padding as `ConstantPad1d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReplicationPad1d(2)(minidl.tensor([[1., 2., 3.]]))
        tensor([[1., 1., 1., 2., 3., 3., 3.]])
    """

    dims = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """A margin that repeats the edge of images. Shapes and padding as `ConstantPad2d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReplicationPad2d((1, 0, 1, 0))(minidl.tensor([[[1., 2.], [3., 4.]]]))
        tensor([[[1., 1., 2.],
                 [1., 1., 2.],
                 [3., 3., 4.]]])
    """

    dims = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """A margin that repeats the edge of volumes. Shapes and padding as `ConstantPad3d`.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ReplicationPad3d(1)(minidl.ones(1, 4, 3, 2)).shape
        (1, 6, 5, 4)
    """

    dims = 3
    mode = "replicate"


class _CircularPad(_Pad):
    """Base class: the input repeats itself in the margin."""

    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.dims + 1, self.dims + 2):
            raise ValueError(f"expected {self.dims + 1}D or {self.dims + 2}D input (got {input.ndim}D input): "
                             f"{self._get_name()} was given shape {tuple(input.shape)}")
        return super().forward(input)


class CircularPad1d(_CircularPad):
    """A margin as if signals were repeated all around. Shapes and padding as `ConstantPad1d`.

    Errors: ValueError for other numbers of dimensions, RuntimeError where the margin is wider than the signal.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CircularPad1d(1)(minidl.tensor([[1., 2., 3.]]))
        tensor([[3., 1., 2., 3., 1.]])
    """

    dims = 1


class CircularPad2d(_CircularPad):
    """A margin as if images were repeated all around. Shapes and padding as `ConstantPad2d`.

    Errors: ValueError for other numbers of dimensions, RuntimeError where the margin is wider than the image.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CircularPad2d((1, 0, 1, 0))(minidl.tensor([[[1., 2.], [3., 4.]]]))
        tensor([[[4., 3., 4.],
                 [2., 1., 2.],
                 [4., 3., 4.]]])
    """

    dims = 2


class CircularPad3d(_CircularPad):
    """A margin as if volumes were repeated all around. Shapes and padding as `ConstantPad3d`.

    Errors: ValueError for other numbers of dimensions, RuntimeError where the margin is wider than the volume.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.CircularPad3d(1)(minidl.ones(1, 4, 3, 2)).shape
        (1, 6, 5, 4)
    """

    dims = 3
