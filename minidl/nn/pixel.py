"""Move channels into pixels and back, and shuffle channels."""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class PixelShuffle(Module):
    """Make an image larger from its channels: (*, C*r*r, H, W) -> (*, C, H*r, W*r).

    r is upscale_factor. Errors: RuntimeError where r*r does not divide the channels.
    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016, https://arxiv.org/abs/1609.05158

        >>> import minidl
        >>> from minidl import nn
        >>> nn.PixelShuffle(2)(minidl.tensor([[[1.]], [[2.]], [[3.]], [[4.]]]))
        tensor([[[1., 2.],
                 [3., 4.]]])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of `PixelShuffle`: (*, C, H*r, W*r) -> (*, C*r*r, H, W).

    r is downscale_factor. Errors: RuntimeError where r does not divide height and width.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.PixelUnshuffle(2)(minidl.tensor([[[1., 2.], [3., 4.]]])).flatten()
        tensor([1., 2., 3., 4.])
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Interleave the groups of the channels of (N, C, *).

    First come the first channels of all groups, then the second ones, and so on.

    Errors: RuntimeError where groups does not divide C.
    Source: Zhang et al., "ShuffleNet", 2017, https://arxiv.org/abs/1707.01083

        >>> import minidl
        >>> from minidl import nn
        >>> nn.ChannelShuffle(2)(minidl.tensor([[[1.], [2.], [3.], [4.]]])).flatten()
        tensor([1., 3., 2., 4.])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
