"""Images into columns of patches, and patches summed into images."""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.base.checks import Pair
from minidl.tensors.tensor import Tensor


class Unfold(Module):
    """Every patch of a sliding window as a column; see `functional.unfold`.

    input (N, C, H, W) or (C, H, W) -> (N, C*kh*kw, L) or (C*kh*kw, L), with L positions of the window, row by row.
    Arguments: as `Conv2d`.
    Errors: RuntimeError where the window does not fit the image.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Unfold(2)(minidl.tensor([[[1., 2., 3.], [4., 5., 6.]]]))
        tensor([[1., 2.],
                [2., 3.],
                [4., 5.],
                [5., 6.]])
    """

    def __init__(self, kernel_size: int | Pair, dilation: int | Pair = 1, padding: int | Pair = 0,
                 stride: int | Pair = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")


class Fold(Unfold):
    """Put columns of patches back into an image; overlaps add up.

    It is the counterpart of `Unfold`. input (N, C*kh*kw, L) or (C*kh*kw, L) -> (N, C, *output_size) or (C,
    *output_size); see `functional.fold`.
    Errors: RuntimeError unless `Unfold` makes columns of this shape from an image of that size.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Fold((2, 3), 2)(nn.Unfold(2)(minidl.ones(1, 2, 3)))
        tensor([[[1., 2., 1.],
                 [1., 2., 1.]]])
    """

    def __init__(self, output_size: int | Pair, kernel_size: int | Pair, dilation: int | Pair = 1,
                 padding: int | Pair = 0, stride: int | Pair = 1) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, " + super().extra_repr()
