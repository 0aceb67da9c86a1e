"""Channels into pixels and back, and channels in another order."""
from __future__ import annotations

from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor


class PixelShuffle(Module):
    """An image r times larger out of its channels, r = upscale_factor: (*, C*r*r, H, W) -> (*, C, H*r, W*r).

    Errors: RuntimeError where r*r does not divide the channels.
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
    """`PixelShuffle` undone, r = downscale_factor: (*, C, H*r, W*r) -> (*, C*r*r, H, W).

    Errors: RuntimeError where r does not divide height and width.

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
    """The channels of (N, C, *) dealt out like cards: the first of each group, then the second of each, and so on.

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
