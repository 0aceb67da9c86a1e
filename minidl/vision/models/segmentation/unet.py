"""U-Net: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015.
https://arxiv.org/abs/1505.04597

On the left the maps are halved four times and say ever better what is there; on the right they are doubled again. Each
section on the right also sees the map of its size from the left, which knows where it is. Few images are enough.
"""
from __future__ import annotations

from collections import OrderedDict

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model


class UNet(nn.Module):
    """Scores of each pixel: {"out": (N, num_classes, H, W)} for images (N, in_channels, H, W).

    Args:
        num_classes: with that of the background.
        in_channels: of the images.
        width: channels of the first section; each section below has twice as many.
        depth: how often the maps are halved.
        padding: False for the convolutions of the paper, that see no pixel outside the image: each takes a pixel from
            every side of the map, and 572x572 pixels give scores for the inner 388x388.
        batch_norm: whether a batch norm follows each convolution but the last; it came up in the same year.

    Errors: ValueError for images that are too small.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.segmentation.UNet(5, in_channels=3, width=4, depth=2)
        >>> net(minidl.rand(2, 3, 40, 33))["out"].shape
        (2, 5, 40, 33)
    """

    def __init__(self, num_classes: int = 2, in_channels: int = 1, width: int = 64, depth: int = 4,
                 padding: bool = True, batch_norm: bool = True) -> None:
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        settings = {"padding": padding, "batch_norm": batch_norm}
        self.down = nn.ModuleList([DoubleConv(inner, outer, **settings)
                                   for inner, outer in zip([in_channels, *widths], widths)])
        self.pool = nn.MaxPool2d(2)
        self.up = nn.ModuleList([UpConv(2 * outer, outer, **settings) for outer in reversed(widths[:-1])])
        self.head = nn.Conv2d(width, num_classes, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        skips: list[Tensor] = []
        for section in self.down:
            x = section(self.pool(x) if skips else x)       # (N, width << level, H >> level, W >> level)
            skips.append(x)
        for section, skip in zip(self.up, reversed(skips[:-1])):
            x = section(x, skip)
        return OrderedDict(out=self.head(x))


class DoubleConv(nn.Sequential):
    """A section: twice a convolution 3x3, a norm, a relu."""

    def __init__(self, in_channels: int, out_channels: int, padding: bool, batch_norm: bool) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers += [nn.Conv2d(channels, out_channels, 3, padding=int(padding), bias=not batch_norm),
                       *([nn.BatchNorm2d(out_channels)] if batch_norm else []), nn.ReLU()]
        super().__init__(*layers)


class UpConv(nn.Module):
    """A section on the right: the map from below, doubled, beside the one from the left."""

    def __init__(self, in_channels: int, out_channels: int, padding: bool, batch_norm: bool) -> None:
        super().__init__()
        self.padding = padding
        self.transposed = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.conv = DoubleConv(2 * out_channels, out_channels, padding, batch_norm)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        if self.padding:            # the map on the left may have an odd number of rows, of which pooling lost one
            x = self.transposed(x, output_size=skip.shape[-2:])
        else:
            x = self.transposed(x)
            skip = center(skip, x.shape[-2:])
        return self.conv(cat([skip, x], 1))


def center(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """The inner rows and columns of a map."""
    top, left = ((whole - part) // 2 for whole, part in zip(x.shape[-2:], size))
    return x[..., top:top + size[0], left:left + size[1]]


@register_model()
def unet(*, num_classes: int = 2, in_channels: int = 1, width: int = 64, depth: int = 4, padding: bool = True,
         batch_norm: bool = True) -> UNet:
    """A U-Net, with channels, depth and classes of the paper. Arguments are those of `UNet`.

        >>> from minidl.vision import models
        >>> net = models.segmentation.unet(padding=False, batch_norm=False)      # that of the paper
        >>> sum(p.numel() for p in net.parameters())
        31030658
    """
    return UNet(num_classes, in_channels, width, depth, padding, batch_norm)
