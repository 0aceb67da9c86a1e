"""FCN-32s, -16s and -8s: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2014.
https://arxiv.org/abs/1411.4038

VGG-16's linear layers become convolutions, so that each pixel of the last map is scored, a 32nd of the image. Scores of
earlier, larger maps are added on the way back: what is there comes from the last map, where it is from them.
Convolutions keep the size of their map; the authors' pad the image by 100 pixels and cut the scores instead.
"""
from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from minidl import nn
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model
from minidl.vision.models.vgg import cfgs, make_layers


class SkipFCN(nn.Module):
    """Scores of each pixel, of several maps of a classifier: {"out": (N, num_classes, H, W)} for images (N, C, H, W).

    Args:
        stages: modules that are called one after another. The first one's map is `stride` times smaller than the image,
            each other one's half as large as the map before.
        channels: of the map of each stage.
        num_classes, stride: see `SkipHead`.

    Errors: ValueError for other numbers of stages than of channels, and for an odd stride.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision import models
        >>> stages = [nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)]
        >>> net = models.segmentation.SkipFCN(stages, [8, 16], num_classes=5, stride=2)
        >>> net(minidl.rand(1, 3, 12, 16))["out"].shape
        (1, 5, 12, 16)
    """

    def __init__(self, stages: Sequence[nn.Module], channels: Sequence[int], num_classes: int, stride: int) -> None:
        super().__init__()
        if len(stages) != len(channels):
            raise ValueError(f"SkipFCN: expected a number of channels for each stage, but got {len(channels)} for "
                             f"{len(stages)} stages")
        self.stages = nn.ModuleList(stages)
        self.head = SkipHead(channels, num_classes, stride)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        maps, size = [], x.shape[-2:]
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return OrderedDict(out=self.head(maps, size))


class SkipHead(nn.Module):
    """Scores (N, num_classes, *size) of maps, each half as large as the one before.

    Args:
        channels: of each map.
        num_classes: with that of the background.
        stride: how much smaller the first map is than the image; an even number.

    Each map is scored by a convolution 1x1, which starts at 0. The scores of the last map are doubled by a transposed
    convolution, which starts as bilinear interpolation, and added to those of the map before, and so on.
    """

    def __init__(self, channels: Sequence[int], num_classes: int, stride: int) -> None:
        super().__init__()
        if not channels or stride < 2 or stride % 2:
            raise ValueError(f"SkipHead: expected maps, and an even stride, but got {len(channels)} maps and a "
                             f"stride of {stride}")
        self.scores = nn.ModuleList([nn.Conv2d(width, num_classes, 1) for width in channels])
        self.doubled = nn.ModuleList([bilinear(num_classes, 2) for _ in channels[1:]])
        self.enlarged = bilinear(num_classes, stride)
        for layer in self.scores:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        scores = [score(x) for score, x in zip(self.scores, maps)]          # (N, num_classes, h, w)
        last = scores.pop()
        for doubled, finer in zip(self.doubled, reversed(scores)):
            last = finer + fitted(doubled, last, finer.shape[-2:])
        return fitted(self.enlarged, last, size)


def fitted(layer: nn.ConvTranspose2d, x: Tensor, size: Sequence[int]) -> Tensor:
    """A map that is enlarged to a size, of which pooling has left out the last pixels, or a stride has filled them."""
    exact = [length * stride for length, stride in zip(x.shape[-2:], layer.stride)]
    return layer(x, output_size=[max(pair) for pair in zip(exact, size)])[..., :size[0], :size[1]]


def bilinear(channels: int, scale: int) -> nn.ConvTranspose2d:
    """A transposed convolution that starts as bilinear interpolation of each channel.

    Weights of a row fall from its middle to its ends like a tent.

        >>> import minidl
        >>> bilinear(1, 2)(minidl.tensor([[[[0.0, 4.0, 8.0]]]])).detach()[0, 0, 0]
        tensor([0.0000, 0.7500, 2.2500, 3.7500, 5.2500, 4.5000])
    """
    layer = nn.ConvTranspose2d(channels, channels, 2 * scale, scale, padding=scale // 2, bias=False)
    tent = 1 - np.abs(np.arange(2 * scale) + 0.5 - scale) / scale
    weight = np.eye(channels)[:, :, None, None] * np.outer(tent, tent)
    layer.weight.data.copy_(from_numpy(weight.astype(np.float32)))
    return layer


def _vgg_fcn(maps: int, num_classes: int) -> SkipFCN:
    """VGG-16 in as many parts, the last with what were its linear layers."""
    layers = list(make_layers(cfgs["D"]))
    pools = [number for number, layer in enumerate(layers, 1) if isinstance(layer, nn.MaxPool2d)][-maps:]
    parts = [layers[start:end] for start, end in itertools.pairwise([0, *pools])]
    parts[-1] += [nn.Conv2d(512, 4096, 7, padding=3), nn.ReLU(), nn.Dropout(0.5),
                  nn.Conv2d(4096, 4096, 1), nn.ReLU(), nn.Dropout(0.5)]
    return SkipFCN([nn.Sequential(*part) for part in parts], [256, 512, 4096][-maps:], num_classes, 64 >> maps)


@register_model()
def fcn32s(*, num_classes: int = 21) -> SkipFCN:
    """Scores of VGG-16's last map alone, enlarged 32 times."""
    return _vgg_fcn(1, num_classes)


@register_model()
def fcn16s(*, num_classes: int = 21) -> SkipFCN:
    """Those of the last map, doubled, and of the fourth pooling, enlarged 16 times."""
    return _vgg_fcn(2, num_classes)


@register_model()
def fcn8s(*, num_classes: int = 21) -> SkipFCN:
    """Those of the last map and of the fourth pooling, doubled, and of the third pooling, enlarged eight times."""
    return _vgg_fcn(3, num_classes)
