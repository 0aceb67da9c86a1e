"""ResNets for small images: section 4.2 of the ResNet paper.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015, https://arxiv.org/abs/1512.03385. A stem
that keeps all pixels, three stages of 16, 32 and 64 channels, and a mean: a net of a quarter of a million parameters
that reaches 91 % on CIFAR-10.
"""
from __future__ import annotations

from minidl import nn
from minidl.nn import functional as F
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import BasicBlock, conv1x1, conv3x3


class PaddedShortcut(nn.Module):
    """A shortcut without parameters (option A): every other pixel, and added channels of zeros."""

    def __init__(self, new_channels: int) -> None:
        super().__init__()
        self.new_channels = new_channels

    def forward(self, x: Tensor) -> Tensor:
        before = self.new_channels // 2
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, before, self.new_channels - before))


class CifarResNet(nn.Module):
    """Scores (N, num_classes) for images (N, in_channels, H, W).

    Args:
        depth: 6n + 2 layers, for n blocks in each stage; the paper has 20, 32, 44, 56 and 110.
        shortcut: where a stage halves the image and doubles the channels, the input is subsampled and padded with
            zeros ("A", the paper's choice), or passes through a 1x1 convolution and a norm ("B").

    Convolutions start Kaiming-normal by fan-out. The last layer is `fc`.
    Errors: ValueError for another depth or shortcut.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.resnet20(num_classes=20)
        >>> net(minidl.rand(2, 3, 32, 32)).shape
        (2, 20)
    """

    def __init__(self, depth: int, num_classes: int = 10, in_channels: int = 3, shortcut: str = "A") -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"CifarResNet: expected a depth of 6n + 2 (8, 14, 20, 26, ...), but got {depth}")
        if shortcut not in ("A", "B"):
            raise ValueError(f"CifarResNet: expected shortcut 'A' (zeros) or 'B' (1x1 convolutions), but got "
                             f"{shortcut!r}")
        self.conv1, self.bn1 = conv3x3(in_channels, 16), nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16, blocks, shortcut)
        self.layer2 = _stage(16, 32, blocks, shortcut)
        self.layer3 = _stage(32, 64, blocks, shortcut)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))              # (N, 16, H, W)
        x = self.layer3(self.layer2(self.layer1(x)))        # (N, 64, H/4, W/4)
        return self.fc(self.avgpool(x).flatten(1))


def _stage(inputs: int, outputs: int, blocks: int, shortcut: str) -> nn.Sequential:
    """`blocks` blocks. If the number of channels grows, the first one halves the image."""
    stride, change = 1, None
    if inputs != outputs:
        stride = 2
        change = (PaddedShortcut(outputs - inputs) if shortcut == "A" else
                  nn.Sequential(conv1x1(inputs, outputs, 2), nn.BatchNorm2d(outputs)))
    first = BasicBlock(inputs, outputs, stride, change)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs) for _ in range(blocks - 1)))


# ---------------------------------------------------------------------- the variants

@register_model()
def resnet20(num_classes: int = 10, in_channels: int = 3, shortcut: str = "A") -> CifarResNet:
    """20 layers, for images of about 32 pixels."""
    return CifarResNet(20, num_classes, in_channels, shortcut)


@register_model()
def resnet32(num_classes: int = 10, in_channels: int = 3, shortcut: str = "A") -> CifarResNet:
    """32 layers, for images of about 32 pixels."""
    return CifarResNet(32, num_classes, in_channels, shortcut)


@register_model()
def resnet44(num_classes: int = 10, in_channels: int = 3, shortcut: str = "A") -> CifarResNet:
    """44 layers, for images of about 32 pixels."""
    return CifarResNet(44, num_classes, in_channels, shortcut)


@register_model()
def resnet56(num_classes: int = 10, in_channels: int = 3, shortcut: str = "A") -> CifarResNet:
    """56 layers, for images of about 32 pixels."""
    return CifarResNet(56, num_classes, in_channels, shortcut)


@register_model()
def resnet110(num_classes: int = 10, in_channels: int = 3, shortcut: str = "A") -> CifarResNet:
    """110 layers, for images of about 32 pixels."""
    return CifarResNet(110, num_classes, in_channels, shortcut)
