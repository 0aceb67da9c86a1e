"""VGG: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014.
https://arxiv.org/abs/1409.1556

Nothing but convolutions 3x3, max-pooling and three linear layers: two small convolutions see as much as one of 5x5,
with fewer parameters and a ReLU more. Keys of the state dict are torchvision's. Those with `_bn` have a batch norm
(Ioffe and Szegedy, 2015, https://arxiv.org/abs/1502.03167) after each convolution.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models.registry import register_model

cfgs: dict[str, list[str | int]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "E": [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M"],
}
"""The columns of the table 1 of the paper: channels of each convolution, and "M" for a maximum of 2x2 pixels."""


class VGG(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W) of at least 32 pixels.

    Args:
        features: the convolutions, which end with 512 channels; `make_layers` makes them.
        init_weights: convolutions start Kaiming-normal by fan-out, linear layers normal with a deviation of 0.01,
            biases at 0; otherwise as PyTorch's layers start.
        dropout: the share of numbers that is set to 0 behind the first and the second linear layer, in training.

        >>> import minidl
        >>> from minidl.vision import models
        >>> features = models.vgg.make_layers([8, "M", 512, "M"])
        >>> models.VGG(features, num_classes=10, init_weights=False)(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True,
                 dropout: float = 0.5) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        for module in self.modules() if init_weights else ():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
            elif isinstance(module, nn.BatchNorm2d) and module.weight is not None:
                nn.init.ones_(module.weight)
            if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)                                # (N, 512, H/32, W/32)
        return self.classifier(self.avgpool(x).flatten(1))


def make_layers(cfg: Sequence[str | int], batch_norm: bool = False) -> nn.Sequential:
    """The convolutions and poolings of a row of `cfgs`, with a ReLU after each convolution."""
    layers: list[nn.Module] = []
    inputs = 3
    for entry in cfg:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(2, stride=2))
        else:
            norm = [nn.BatchNorm2d(entry)] if batch_norm else []
            layers += [nn.Conv2d(inputs, entry, 3, padding=1), *norm, nn.ReLU()]
            inputs = entry
    return nn.Sequential(*layers)


# ---------------------------------------------------------------------- the variants

VGG11_Weights = weights_of("VGG11_Weights", __name__)
VGG11_BN_Weights = weights_of("VGG11_BN_Weights", __name__)
VGG13_Weights = weights_of("VGG13_Weights", __name__)
VGG13_BN_Weights = weights_of("VGG13_BN_Weights", __name__)
VGG16_Weights = weights_of("VGG16_Weights", __name__)
VGG16_BN_Weights = weights_of("VGG16_BN_Weights", __name__)
VGG19_Weights = weights_of("VGG19_Weights", __name__)
VGG19_BN_Weights = weights_of("VGG19_BN_Weights", __name__)


@register_model()
@takes_weights(VGG11_Weights, defaults={"init_weights": False})
def vgg11(**kwargs: Any) -> VGG:
    """11 layers, column A of the paper's table 1. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["A"]), **kwargs)


@register_model()
@takes_weights(VGG11_BN_Weights, defaults={"init_weights": False})
def vgg11_bn(**kwargs: Any) -> VGG:
    """`vgg11` with batch norms. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["A"], batch_norm=True), **kwargs)


@register_model()
@takes_weights(VGG13_Weights, defaults={"init_weights": False})
def vgg13(**kwargs: Any) -> VGG:
    """13 layers, column B of the paper's table 1. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["B"]), **kwargs)


@register_model()
@takes_weights(VGG13_BN_Weights, defaults={"init_weights": False})
def vgg13_bn(**kwargs: Any) -> VGG:
    """`vgg13` with batch norms. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["B"], batch_norm=True), **kwargs)


@register_model()
@takes_weights(VGG16_Weights, defaults={"init_weights": False})
def vgg16(**kwargs: Any) -> VGG:
    """16 layers, column D of the paper's table 1. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["D"]), **kwargs)


@register_model()
@takes_weights(VGG16_BN_Weights, defaults={"init_weights": False})
def vgg16_bn(**kwargs: Any) -> VGG:
    """`vgg16` with batch norms. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["D"], batch_norm=True), **kwargs)


@register_model()
@takes_weights(VGG19_Weights, defaults={"init_weights": False})
def vgg19(**kwargs: Any) -> VGG:
    """19 layers, column E of the paper's table 1. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["E"]), **kwargs)


@register_model()
@takes_weights(VGG19_BN_Weights, defaults={"init_weights": False})
def vgg19_bn(**kwargs: Any) -> VGG:
    """`vgg19` with batch norms. kwargs: arguments of `VGG`."""
    return VGG(make_layers(cfgs["E"], batch_norm=True), **kwargs)
