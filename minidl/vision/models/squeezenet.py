"""SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
2016, https://arxiv.org/abs/1602.07360

Each block squeezes its input to a few channels before a convolution 3x3 sees them, and no layer is linear: the scores
are the means of a last convolution. Version 1.1 is that of https://github.com/forresti/SqueezeNet, with the same
accuracy at less than half the arithmetic. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from typing import Any

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models.registry import register_model


class Fire(nn.Module):
    """`squeeze` makes few channels of many, `expand1x1` and `expand3x3` many of few, side by side."""

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, 1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, 1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, 3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1)


def halve() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


class SqueezeNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W) of at least 21 pixels, of 17 in version "1_1".

    Args:
        version: "1_0" of the paper, or "1_1".
        dropout: the share of numbers that is set to 0 before the last convolution, in training.

    Convolutions start Kaiming-uniform, the last one normal with a deviation of 0.01, biases at 0.
    Errors: ValueError for another version.

        >>> import minidl
        >>> from minidl.vision import models
        >>> models.SqueezeNet("1_1", num_classes=10)(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes = num_classes
        if version == "1_0":
            self.features = nn.Sequential(
                nn.Conv2d(3, 96, 7, stride=2), nn.ReLU(), halve(),
                Fire(96, 16, 64, 64), Fire(128, 16, 64, 64), Fire(128, 32, 128, 128), halve(),
                Fire(256, 32, 128, 128), Fire(256, 48, 192, 192), Fire(384, 48, 192, 192), Fire(384, 64, 256, 256),
                halve(), Fire(512, 64, 256, 256),
            )
        elif version == "1_1":
            self.features = nn.Sequential(
                nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), halve(),
                Fire(64, 16, 64, 64), Fire(128, 16, 64, 64), halve(),
                Fire(128, 32, 128, 128), Fire(256, 32, 128, 128), halve(),
                Fire(256, 48, 192, 192), Fire(384, 48, 192, 192), Fire(384, 64, 256, 256), Fire(512, 64, 256, 256),
            )
        else:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        last = nn.Conv2d(512, num_classes, 1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), last, nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is last:
                    nn.init.normal_(module.weight, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)                                # (N, 512, 13, 13) of images of 224 pixels
        return self.classifier(x).flatten(1)


# ---------------------------------------------------------------------- the variants

SqueezeNet1_0_Weights = weights_of("SqueezeNet1_0_Weights", __name__)
SqueezeNet1_1_Weights = weights_of("SqueezeNet1_1_Weights", __name__)


@register_model()
@takes_weights(SqueezeNet1_0_Weights)
def squeezenet1_0(**kwargs: Any) -> SqueezeNet:
    """The net of the paper. kwargs: arguments of `SqueezeNet`."""
    return SqueezeNet("1_0", **kwargs)


@register_model()
@takes_weights(SqueezeNet1_1_Weights)
def squeezenet1_1(**kwargs: Any) -> SqueezeNet:
    """Version 1.1, smaller and faster. kwargs: arguments of `SqueezeNet`."""
    return SqueezeNet("1_1", **kwargs)
