"""AlexNet: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
https://arxiv.org/abs/1404.5997

Five convolutions with ReLUs and three linear layers with dropout. It is the net that won ImageNet in 2012 (Krizhevsky,
Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks"), made for one device: without
groups and without local response norms. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models.registry import register_model


class AlexNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W) of at least 63 pixels.

    Args:
        dropout: the share of numbers that is set to 0 before the first and the second linear layer, in training.

        >>> import minidl
        >>> from minidl.vision import models
        >>> models.AlexNet(num_classes=10)(minidl.rand(2, 3, 64, 64)).shape
        (2, 10)
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)                                # (N, 256, 6, 6) of images of 224 pixels
        return self.classifier(self.avgpool(x).flatten(1))


AlexNet_Weights = weights_of("AlexNet_Weights", __name__)


@register_model()
@takes_weights(AlexNet_Weights)
def alexnet(**kwargs: Any) -> AlexNet:
    """The net of the paper. kwargs: arguments of `AlexNet`."""
    return AlexNet(**kwargs)
