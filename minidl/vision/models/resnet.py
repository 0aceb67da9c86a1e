"""ResNet, with ResNeXt and Wide ResNet.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015. https://arxiv.org/abs/1512.03385

Each block adds the output of two or three convolutions to its input. So an untrained block passes its input on, and
gradients reach the first layer through a hundred others. Keys of the state dict are torchvision's.

ResNeXt: Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", 2016.
https://arxiv.org/abs/1611.05431
Wide ResNet: Zagoruyko and Komodakis, "Wide Residual Networks", 2016. https://arxiv.org/abs/1605.07146
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models.registry import register_model

Norm = Callable[[int], nn.Module]


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_planes, out_planes, 3, stride, padding=dilation, dilation=dilation, groups=groups, bias=False)


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_planes, out_planes, 1, stride, bias=False)


class BasicBlock(nn.Module):
    """relu(x + bn(conv3x3(relu(bn(conv3x3(x)))))).

    Args:
        inplanes, planes: input and output channels.
        stride: the stride of the first convolution.
        downsample: layers on x before the sum, where its shape has to change.
        groups, base_width, dilation: 1, 64 and 1; only a Bottleneck allows others.
        norm_layer: makes the norm for a number of channels; BatchNorm2d if not given.

    Errors: ValueError and NotImplementedError for other groups, base_width and dilation.
    """

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None,
                 groups: int = 1, base_width: int = 64, dilation: int = 1, norm_layer: Norm | None = None) -> None:
        super().__init__()
        if groups != 1 or base_width != 64:
            raise ValueError(f"BasicBlock only supports groups=1 and base_width=64, but got {groups} and {base_width}")
        if dilation > 1:
            raise NotImplementedError(f"Dilation > 1 not supported in BasicBlock, but got {dilation}; try Bottleneck")
        norm_layer = norm_layer or nn.BatchNorm2d
        self.conv1, self.bn1 = conv3x3(inplanes, planes, stride), norm_layer(planes)
        self.relu = nn.ReLU()
        self.conv2, self.bn2 = conv3x3(planes, planes), norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """A block of three convolutions: 1x1, 3x3, 1x1.

    The first two have fewer channels; the last has four times `planes`. The 3x3 convolution has the stride, as in
    torchvision; the paper has it in the first 1x1. groups and base_width give the 3x3 convolution more channels, for
    ResNeXt and Wide ResNet. Other arguments are those of BasicBlock.
    """

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None,
                 groups: int = 1, base_width: int = 64, dilation: int = 1, norm_layer: Norm | None = None) -> None:
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        width, outputs = planes * base_width // 64 * groups, planes * self.expansion
        self.conv1, self.bn1 = conv1x1(inplanes, width), norm_layer(width)
        self.conv2, self.bn2 = conv3x3(width, width, stride, groups, dilation), norm_layer(width)
        self.conv3, self.bn3 = conv1x1(width, outputs), norm_layer(outputs)
        self.relu = nn.ReLU()
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W).

    A stem of stride 4, four stages of blocks, the mean over pixels, and the last layer, `fc`.

    Args:
        block: BasicBlock or Bottleneck.
        layers: how many blocks each of the four stages has.
        zero_init_residual: the last norm of each block starts at 0, so that each block starts as the identity
            (Goyal et al., 2017, https://arxiv.org/abs/1706.02677).
        groups, width_per_group: arguments of Bottleneck.
        replace_stride_with_dilation: for each of the last three stages, whether it dilates its convolutions and
            keeps the size of the image (for segmentation).
        norm_layer: makes the norm for a number of channels; BatchNorm2d if not given.

    Convolutions start Kaiming-normal by fan-out. Images of 32 pixels are 1 x 1 at the last stage: see `resnet20`.
    Errors: ValueError unless replace_stride_with_dilation has three entries.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=10)
        >>> net(minidl.rand(2, 3, 64, 64)).shape
        (2, 10)
    """

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], layers: Sequence[int], num_classes: int = 1000,
                 zero_init_residual: bool = False, groups: int = 1, width_per_group: int = 64,
                 replace_stride_with_dilation: Sequence[bool] | None = None, norm_layer: Norm | None = None) -> None:
        super().__init__()
        dilate = replace_stride_with_dilation or (False, False, False)
        if len(dilate) != 3:
            raise ValueError(f"replace_stride_with_dilation should be None or a 3-element tuple, got {dilate}")
        self._norm_layer = norm_layer or nn.BatchNorm2d
        self.inplanes, self.dilation = 64, 1        # input of the next block
        self.groups, self.base_width = groups, width_per_group
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
                nn.init.zeros_(last.weight)

    def _make_layer(self, block: type[BasicBlock] | type[Bottleneck], planes: int, blocks: int, stride: int = 1,
                    dilate: bool = False) -> nn.Sequential:
        """A stage. Its first block changes the image size and the number of channels, the others keep both."""
        first_dilation = self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        outputs = planes * block.expansion
        downsample = None
        if stride != 1 or self.inplanes != outputs:
            downsample = nn.Sequential(conv1x1(self.inplanes, outputs, stride), self._norm_layer(outputs))
        made = [block(self.inplanes, planes, stride, downsample, self.groups, self.base_width, first_dilation,
                      self._norm_layer)]
        self.inplanes = outputs
        made += [block(outputs, planes, groups=self.groups, base_width=self.base_width, dilation=self.dilation,
                       norm_layer=self._norm_layer) for _ in range(blocks - 1)]
        return nn.Sequential(*made)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))            # (N, 64, H/4, W/4)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))       # (N, 512 or 2048, H/32, W/32)
        return self.fc(self.avgpool(x).flatten(1))


# ---------------------------------------------------------------------- the variants

ResNet18_Weights = weights_of("ResNet18_Weights", __name__)
ResNet34_Weights = weights_of("ResNet34_Weights", __name__)
ResNet50_Weights = weights_of("ResNet50_Weights", __name__)
ResNet101_Weights = weights_of("ResNet101_Weights", __name__)
ResNet152_Weights = weights_of("ResNet152_Weights", __name__)
ResNeXt50_32X4D_Weights = weights_of("ResNeXt50_32X4D_Weights", __name__)
ResNeXt101_32X8D_Weights = weights_of("ResNeXt101_32X8D_Weights", __name__)
ResNeXt101_64X4D_Weights = weights_of("ResNeXt101_64X4D_Weights", __name__)
Wide_ResNet50_2_Weights = weights_of("Wide_ResNet50_2_Weights", __name__)
Wide_ResNet101_2_Weights = weights_of("Wide_ResNet101_2_Weights", __name__)


@register_model()
@takes_weights(ResNet18_Weights)
def resnet18(**kwargs: Any) -> ResNet:
    """18 layers in basic blocks. kwargs: arguments of `ResNet`, such as num_classes."""
    return ResNet(BasicBlock, [2, 2, 2, 2], **kwargs)


@register_model()
@takes_weights(ResNet34_Weights)
def resnet34(**kwargs: Any) -> ResNet:
    """34 layers in basic blocks. kwargs: arguments of `ResNet`."""
    return ResNet(BasicBlock, [3, 4, 6, 3], **kwargs)


@register_model()
@takes_weights(ResNet50_Weights)
def resnet50(**kwargs: Any) -> ResNet:
    """50 layers in bottlenecks. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 4, 6, 3], **kwargs)


@register_model()
@takes_weights(ResNet101_Weights)
def resnet101(**kwargs: Any) -> ResNet:
    """101 layers in bottlenecks. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 4, 23, 3], **kwargs)


@register_model()
@takes_weights(ResNet152_Weights)
def resnet152(**kwargs: Any) -> ResNet:
    """152 layers in bottlenecks. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 8, 36, 3], **kwargs)


@register_model()
@takes_weights(ResNeXt50_32X4D_Weights)
def resnext50_32x4d(**kwargs: Any) -> ResNet:
    """ResNet-50 with 3x3 convolutions in 32 groups. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 4, 6, 3], **{"groups": 32, "width_per_group": 4, **kwargs})


@register_model()
@takes_weights(ResNeXt101_32X8D_Weights)
def resnext101_32x8d(**kwargs: Any) -> ResNet:
    """ResNet-101 with 3x3 convolutions in 32 wider groups. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 4, 23, 3], **{"groups": 32, "width_per_group": 8, **kwargs})


@register_model()
@takes_weights(ResNeXt101_64X4D_Weights)
def resnext101_64x4d(**kwargs: Any) -> ResNet:
    """ResNet-101 with 3x3 convolutions in 64 groups. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 4, 23, 3], **{"groups": 64, "width_per_group": 4, **kwargs})


@register_model()
@takes_weights(Wide_ResNet50_2_Weights)
def wide_resnet50_2(**kwargs: Any) -> ResNet:
    """ResNet-50 with twice the channels in its 3x3 convolutions. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 4, 6, 3], **{"width_per_group": 128, **kwargs})


@register_model()
@takes_weights(Wide_ResNet101_2_Weights)
def wide_resnet101_2(**kwargs: Any) -> ResNet:
    """ResNet-101 with twice the channels in its 3x3 convolutions. kwargs: arguments of `ResNet`."""
    return ResNet(Bottleneck, [3, 4, 23, 3], **{"width_per_group": 128, **kwargs})
