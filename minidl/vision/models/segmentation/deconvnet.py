"""The deconvolution network: Noh, Hong and Han, "Learning Deconvolution Network for Semantic Segmentation", 2015.
https://arxiv.org/abs/1505.04366

VGG-16, and VGG-16 in a mirror. Pooling remembers where each maximum was, and the mirror's unpooling puts values back
there; transposed convolutions fill the gaps. So outlines are not lost, and no scores are interpolated.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of each section."""


class DeconvNet(nn.Module):
    """Scores of each pixel: {"out": (N, num_classes, H, W)} for images (N, in_channels, H, W).

    Args:
        num_classes: with that of the background.
        in_channels: of the images.
        sections: channels of the convolutions 3x3 before each pooling; the mirror has them in reverse.
        code: channels of the two convolutions in the middle, VGG's linear layers.
        kernel: pixels a side of the map that the first of them sees; 7 with images of 224.

    Errors: ValueError for images whose map in the middle is smaller than kernel.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.segmentation.DeconvNet(5, sections=[(4, 4), (8, 8)], code=16, kernel=3)
        >>> net(minidl.rand(2, 3, 20, 17))["out"].shape
        (2, 5, 20, 17)
    """

    def __init__(self, num_classes: int = 21, in_channels: int = 3, sections: Sequence[Sequence[int]] = VGG16,
                 code: int = 4096, kernel: int = 7) -> None:
        super().__init__()
        self.least = kernel * 2 ** len(sections)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        channels = in_channels
        for widths in sections:
            self.down.append(convs(nn.Conv2d, [channels, *widths]))
            channels = widths[-1]
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        self.code = nn.Sequential(*convs(nn.Conv2d, [channels, code], kernel, 0), *convs(nn.Conv2d, [code, code], 1, 0),
                                  *convs(nn.ConvTranspose2d, [code, channels], kernel, 0))
        ends = [sections[0][0], *(widths[-1] for widths in sections[:-1])]
        for widths, end in zip(reversed(sections), reversed(ends)):
            self.up.append(convs(nn.ConvTranspose2d, [*reversed(widths), end]))
        self.head = nn.Conv2d(sections[0][0], num_classes, 1)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        if min(x.shape[-2:]) < self.least:
            raise ValueError(f"DeconvNet: expected images of {self.least} pixels or more a side, so that something is "
                             f"left in the middle, but got {tuple(x.shape)}; try a smaller kernel or fewer sections")
        places = []
        for section in self.down:
            x = section(x)
            size = x.shape[-2:]
            x, where = self.pool(x)                         # both (N, C, H // 2, W // 2)
            places.append((where, size))
        x = self.code(x)
        for section, (where, size) in zip(self.up, reversed(places)):
            x = section(self.unpool(x, where, output_size=size))
        return OrderedDict(out=self.head(x))


def convs(kind: type[nn.Conv2d] | type[nn.ConvTranspose2d], widths: Sequence[int], kernel: int = 3,
          padding: int = 1) -> nn.Sequential:
    """Convolutions from each width to the next, each with a norm and a relu."""
    layers: list[nn.Module] = []
    for inner, outer in zip(widths, widths[1:]):
        layers += [kind(inner, outer, kernel, padding=padding), nn.BatchNorm2d(outer), nn.ReLU()]
    return nn.Sequential(*layers)


@register_model()
def deconvnet(*, num_classes: int = 21, in_channels: int = 3) -> DeconvNet:
    """The deconvolution network on VGG-16, for images of 224 pixels or more a side."""
    return DeconvNet(num_classes, in_channels)
