"""DenseNet: Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks", 2016.
https://arxiv.org/abs/1608.06993

Each layer sees the outputs of all layers before it in its block, and adds a few channels to them. So features are used
again in place of being computed again. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from minidl import nn
from minidl.nn import functional as F
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.utils.checkpoint import checkpoint
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models.registry import register_model

OLD_KEY = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")
"""Files that torchvision offers have `norm.1` where the modules are called `norm1`."""


class _DenseLayer(nn.Module):
    """From all features before it, growth_rate new ones: norm, ReLU, conv 1x1, norm, ReLU, conv 3x3.

    Args:
        num_input_features: channels of all features before it together.
        growth_rate: channels that it adds.
        bn_size: the convolution 1x1 makes bn_size * growth_rate channels.
        drop_rate: the share of numbers that is set to 0 in what it adds, in training.
        memory_efficient: compute what lies before the convolution 3x3 again in backward, in place of keeping it.
    """

    def __init__(self, num_input_features: int, growth_rate: int, bn_size: int, drop_rate: float,
                 memory_efficient: bool = False) -> None:
        super().__init__()
        width = bn_size * growth_rate
        self.norm1, self.relu1 = nn.BatchNorm2d(num_input_features), nn.ReLU()
        self.conv1 = nn.Conv2d(num_input_features, width, 1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(width), nn.ReLU()
        self.conv2 = nn.Conv2d(width, growth_rate, 3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def bn_function(self, *inputs: Tensor) -> Tensor:
        return self.conv1(self.relu1(self.norm1(cat(inputs, 1))))

    def forward(self, input: Tensor | Sequence[Tensor]) -> Tensor:
        inputs = [input] if isinstance(input, Tensor) else input
        if self.memory_efficient and any(x.requires_grad for x in inputs):
            y = checkpoint(self.bn_function, *inputs)
        else:
            y = self.bn_function(*inputs)
        y = self.conv2(self.relu2(self.norm2(y)))
        return F.dropout(y, self.drop_rate, self.training) if self.drop_rate > 0 else y


class _DenseBlock(nn.ModuleDict):
    """Layers that each see the block's input and the outputs of the layers before; returns all of these together."""

    def __init__(self, num_layers: int, num_input_features: int, bn_size: int, growth_rate: int, drop_rate: float,
                 memory_efficient: bool = False) -> None:
        super().__init__({
            f"denselayer{i + 1}": _DenseLayer(num_input_features + i * growth_rate, growth_rate, bn_size, drop_rate,
                                              memory_efficient)
            for i in range(num_layers)})

    def forward(self, init_features: Tensor) -> Tensor:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return cat(features, 1)


class _Transition(nn.Sequential):
    """Between two blocks: fewer channels, and half as many pixels along each side."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__(OrderedDict(
            norm=nn.BatchNorm2d(num_input_features), relu=nn.ReLU(),
            conv=nn.Conv2d(num_input_features, num_output_features, 1, bias=False), pool=nn.AvgPool2d(2, stride=2)))


class DenseNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W) of at least 29 pixels: DenseNet-BC of the paper.

    Args:
        growth_rate: channels that each layer adds, k in the paper.
        block_config: layers of each block.
        num_init_features: channels of the first convolution.
        bn_size, drop_rate, memory_efficient: of the layers. The last saves memory and costs time in training (Pleiss
            et al., 2017, https://arxiv.org/abs/1707.06990); norms inside then see each batch twice.

    Convolutions start Kaiming-normal by fan-in, the bias of `classifier` at 0.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.DenseNet(8, [2, 3], 16, num_classes=10)
        >>> net(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
        >>> net.classifier.in_features          # (16 + 2 * 8) / 2 + 3 * 8
        40
    """

    def __init__(self, growth_rate: int = 32, block_config: Sequence[int] = (6, 12, 24, 16),
                 num_init_features: int = 64, bn_size: int = 4, drop_rate: float = 0, num_classes: int = 1000,
                 memory_efficient: bool = False) -> None:
        super().__init__()
        self.features = nn.Sequential(OrderedDict[str, nn.Module](
            conv0=nn.Conv2d(3, num_init_features, 7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(num_init_features), relu0=nn.ReLU(), pool0=nn.MaxPool2d(3, stride=2, padding=1)))
        width = num_init_features
        for i, num_layers in enumerate(block_config, start=1):
            self.features.add_module(f"denseblock{i}", _DenseBlock(num_layers, width, bn_size, growth_rate, drop_rate,
                                                                   memory_efficient))
            width += num_layers * growth_rate
            if i < len(block_config):
                self.features.add_module(f"transition{i}", _Transition(width, width // 2))
                width //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.features(x))                        # (N, 1024 to 2208, H/32, W/32)
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        """Give the keys of torchvision's files the names of the modules."""
        for key in [key for key in state if key.startswith(prefix)]:
            if match := OLD_KEY.fullmatch(key):
                state[match[1] + match[2]] = state.pop(key)


# ---------------------------------------------------------------------- the variants

DenseNet121_Weights = weights_of("DenseNet121_Weights", __name__)
DenseNet161_Weights = weights_of("DenseNet161_Weights", __name__)
DenseNet169_Weights = weights_of("DenseNet169_Weights", __name__)
DenseNet201_Weights = weights_of("DenseNet201_Weights", __name__)


@register_model()
@takes_weights(DenseNet121_Weights)
def densenet121(**kwargs: Any) -> DenseNet:
    """121 layers, of which each adds 32 channels. kwargs: arguments of `DenseNet`."""
    return DenseNet(32, (6, 12, 24, 16), 64, **kwargs)


@register_model()
@takes_weights(DenseNet161_Weights)
def densenet161(**kwargs: Any) -> DenseNet:
    """161 layers, of which each adds 48 channels. kwargs: arguments of `DenseNet`."""
    return DenseNet(48, (6, 12, 36, 24), 96, **kwargs)


@register_model()
@takes_weights(DenseNet169_Weights)
def densenet169(**kwargs: Any) -> DenseNet:
    """169 layers, of which each adds 32 channels. kwargs: arguments of `DenseNet`."""
    return DenseNet(32, (6, 12, 32, 32), 64, **kwargs)


@register_model()
@takes_weights(DenseNet201_Weights)
def densenet201(**kwargs: Any) -> DenseNet:
    """201 layers, of which each adds 32 channels. kwargs: arguments of `DenseNet`."""
    return DenseNet(32, (6, 12, 48, 32), 64, **kwargs)
