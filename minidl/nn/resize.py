"""Resize signals, images and volumes."""
from __future__ import annotations

from typing import Any

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class Upsample(Module):
    """Resize the last one, two or three axes.

    input (N, C, L), (N, C, H, W) or (N, C, D, H, W). Give the new `size`, an int or a tuple, or the `scale_factor`, a
    number or a tuple. mode: 'nearest', 'linear' (signals), 'bilinear' or 'bicubic' (images), 'trilinear' (volumes).
    Modes and other arguments are those of `functional.interpolate`.
    Errors: in the call, ValueError and NotImplementedError for arguments that do not fit the input.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Upsample(scale_factor=2)(minidl.tensor([[[1., 2., 3.]]]))
        tensor([[[1., 1., 2., 2., 3., 3.]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: bool | None = None, recompute_scale_factor: bool | None = None) -> None:
        super().__init__()
        self.size = size
        self.scale_factor = tuple(map(float, scale_factor)) if isinstance(scale_factor, tuple) else \
            float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                             self.recompute_scale_factor)

    def extra_repr(self) -> str:
        return (f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}") + \
            f", mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of images by repeating pixels. An older name.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.UpsamplingNearest2d(scale_factor=2)(minidl.tensor([[[[1., 2.]]]]))
        tensor([[[[1., 1., 2., 2.],
                  [1., 1., 2., 2.]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of images by bilinear interpolation with aligned corners. An older name.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.UpsamplingBilinear2d(size=(1, 5))(minidl.tensor([[[[1., 2., 3.]]]]))
        tensor([[[[1.0000, 1.5000, 2.0000, 2.5000, 3.0000]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
