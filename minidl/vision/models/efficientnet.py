"""EfficientNet: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019.
https://arxiv.org/abs/1905.11946

MobileNetV2's blocks with squeeze and excitation. From b0 to b7 depth, width and image grow together, each by a power
of a fixed number. Keys of the state dict are torchvision's.

EfficientNetV2: Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", 2021.
https://arxiv.org/abs/2104.00298: the first stages have one full convolution in place of two.
"""
from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models._utils import _make_divisible, check_rows, start_convolutions
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import Conv2dNormActivation, Norm, SqueezeExcitation
from minidl.vision.ops.stochastic_depth import StochasticDepth


@dataclass
class _MBConvConfig:
    """A stage: num_layers blocks, of which the first has the stride and changes the number of channels."""

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int
    block: Callable[..., nn.Module]

    @staticmethod
    def adjust_channels(channels: int, width_mult: float, min_value: int | None = None) -> int:
        return _make_divisible(channels * width_mult, 8, min_value)


class MBConvConfig(_MBConvConfig):
    """A row of EfficientNet's table 1: channels are multiplied by width_mult, layers by depth_mult.

    block: makes a block; MBConv if not given.
    """

    def __init__(self, expand_ratio: float, kernel: int, stride: int, input_channels: int, out_channels: int,
                 num_layers: int, width_mult: float = 1.0, depth_mult: float = 1.0,
                 block: Callable[..., nn.Module] | None = None) -> None:
        super().__init__(expand_ratio, kernel, stride, self.adjust_channels(input_channels, width_mult),
                         self.adjust_channels(out_channels, width_mult), self.adjust_depth(num_layers, depth_mult),
                         block or MBConv)

    @staticmethod
    def adjust_depth(num_layers: int, depth_mult: float) -> int:
        return math.ceil(num_layers * depth_mult)


class FusedMBConvConfig(_MBConvConfig):
    """A row of EfficientNetV2's table 4. block: makes a block; FusedMBConv if not given."""

    def __init__(self, expand_ratio: float, kernel: int, stride: int, input_channels: int, out_channels: int,
                 num_layers: int, block: Callable[..., nn.Module] | None = None) -> None:
        super().__init__(expand_ratio, kernel, stride, input_channels, out_channels, num_layers, block or FusedMBConv)


class _Block(nn.Module):
    """Base class: the layers of a block, added to the input where shapes allow it, or left out by stochastic depth."""

    def __init__(self, cnf: _MBConvConfig, stochastic_depth_prob: float, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError(f"illegal stride value: {self._get_name()} expects 1 or 2, but got {cnf.stride}")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input: Tensor) -> Tensor:
        return input + self.stochastic_depth(self.block(input)) if self.use_res_connect else self.block(input)


class MBConv(_Block):
    """1x1 to expand_ratio times as many channels, a convolution on each, squeeze and excitation, 1x1 to fewer.

    Errors: ValueError for a stride other than 1 and 2.
    """

    def __init__(self, cnf: MBConvConfig, stochastic_depth_prob: float, norm_layer: Norm,
                 se_layer: Callable[..., nn.Module] = SqueezeExcitation) -> None:
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU, inplace=False)
        expanded = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        widen = [conv(cnf.input_channels, expanded, kernel_size=1)] if expanded != cnf.input_channels else []
        super().__init__(cnf, stochastic_depth_prob, [
            *widen,
            conv(expanded, expanded, kernel_size=cnf.kernel, stride=cnf.stride, groups=expanded),
            se_layer(expanded, max(1, cnf.input_channels // 4), activation=nn.SiLU),
            conv(expanded, cnf.out_channels, kernel_size=1, activation_layer=None)])


class FusedMBConv(_Block):
    """A convolution to expand_ratio times as many channels, 1x1 to fewer; one convolution where expand_ratio is 1.

    Errors: ValueError for a stride other than 1 and 2.
    """

    def __init__(self, cnf: FusedMBConvConfig, stochastic_depth_prob: float, norm_layer: Norm) -> None:
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU, inplace=False)
        expanded = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        if expanded != cnf.input_channels:
            layers = [conv(cnf.input_channels, expanded, kernel_size=cnf.kernel, stride=cnf.stride),
                      conv(expanded, cnf.out_channels, kernel_size=1, activation_layer=None)]
        else:
            layers = [conv(cnf.input_channels, cnf.out_channels, kernel_size=cnf.kernel, stride=cnf.stride)]
        super().__init__(cnf, stochastic_depth_prob, layers)


class EfficientNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W): a stem of stride 2, stages to stride 32, their mean.

    Args:
        inverted_residual_setting: the stages.
        dropout: before the last layer, `classifier[1]`.
        stochastic_depth_prob: how often a block is left out in training: 0 for the first, and rising to this.
        norm_layer: makes the norm for a number of channels; BatchNorm2d if not given.
        last_channel: channels before the mean; four times those of the last stage if not given.

    Convolutions start Kaiming-normal by fan-out, the last layer uniform within 1 / sqrt(num_classes).
    Errors: ValueError where inverted_residual_setting is empty, TypeError unless it lists configs.

        >>> import minidl
        >>> from minidl.vision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig
        >>> net = EfficientNet([FusedMBConvConfig(1, 3, 2, 8, 8, 1), MBConvConfig(4, 3, 2, 8, 16, 2)], dropout=0.2)
        >>> net(minidl.rand(2, 3, 32, 32)).shape
        (2, 1000)
    """

    def __init__(self, inverted_residual_setting: Sequence[MBConvConfig | FusedMBConvConfig], dropout: float,
                 stochastic_depth_prob: float = 0.2, num_classes: int = 1000, norm_layer: Norm | None = None,
                 last_channel: int | None = None) -> None:
        super().__init__()
        check_rows("inverted_residual_setting", inverted_residual_setting, _MBConvConfig)
        norm_layer = norm_layer or nn.BatchNorm2d
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU, inplace=False)
        layers: list[nn.Module] = [conv(3, inverted_residual_setting[0].input_channels, kernel_size=3, stride=2)]
        total, built = sum(cnf.num_layers for cnf in inverted_residual_setting), 0
        for cnf in inverted_residual_setting:
            cnf, stage = copy.copy(cnf), []
            for _ in range(cnf.num_layers):
                stage.append(cnf.block(cnf, stochastic_depth_prob * built / total, norm_layer))
                cnf.input_channels, cnf.stride = cnf.out_channels, 1        # of the blocks after the first
                built += 1
            layers.append(nn.Sequential(*stage))
        channels = inverted_residual_setting[-1].out_channels
        last_channel = 4 * channels if last_channel is None else last_channel
        self.features = nn.Sequential(*layers, conv(channels, last_channel, kernel_size=1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last_channel, num_classes))
        start_convolutions(self)
        bound = 1 / math.sqrt(num_classes)
        nn.init.uniform_(self.classifier[1].weight, -bound, bound)
        nn.init.zeros_(self.classifier[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)                            # (N, last_channel, H/32, W/32)
        return self.classifier(self.avgpool(x).flatten(1))


# ---------------------------------------------------------------------- the variants

def _scaled(width_mult: float, depth_mult: float) -> list[MBConvConfig | FusedMBConvConfig]:
    return [MBConvConfig(*row, width_mult, depth_mult) for row in (
        # expand_ratio, kernel, stride, input_channels, out_channels, num_layers
        (1, 3, 1, 32, 16, 1),
        (6, 3, 2, 16, 24, 2),
        (6, 5, 2, 24, 40, 2),
        (6, 3, 2, 40, 80, 3),
        (6, 5, 1, 80, 112, 3),
        (6, 5, 2, 112, 192, 4),
        (6, 3, 1, 192, 320, 1),
    )]


def _efficientnet(stages: list[MBConvConfig | FusedMBConvConfig], kwargs: dict[str, Any], **given: Any) -> EfficientNet:
    """kwargs, those of the caller, replace the given ones, those of the variant."""
    return EfficientNet(stages, **{**given, **kwargs})


SLOW_NORM: Norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
V2_NORM: Norm = partial(nn.BatchNorm2d, eps=0.001)


EfficientNet_B0_Weights = weights_of("EfficientNet_B0_Weights", __name__)
EfficientNet_B1_Weights = weights_of("EfficientNet_B1_Weights", __name__)
EfficientNet_B2_Weights = weights_of("EfficientNet_B2_Weights", __name__)
EfficientNet_B3_Weights = weights_of("EfficientNet_B3_Weights", __name__)
EfficientNet_B4_Weights = weights_of("EfficientNet_B4_Weights", __name__)
EfficientNet_B5_Weights = weights_of("EfficientNet_B5_Weights", __name__)
EfficientNet_B6_Weights = weights_of("EfficientNet_B6_Weights", __name__)
EfficientNet_B7_Weights = weights_of("EfficientNet_B7_Weights", __name__)
EfficientNet_V2_S_Weights = weights_of("EfficientNet_V2_S_Weights", __name__)
EfficientNet_V2_M_Weights = weights_of("EfficientNet_V2_M_Weights", __name__)
EfficientNet_V2_L_Weights = weights_of("EfficientNet_V2_L_Weights", __name__)


@register_model()
@takes_weights(EfficientNet_B0_Weights)
def efficientnet_b0(**kwargs: Any) -> EfficientNet:
    """The paper's baseline. kwargs: arguments of `EfficientNet`, such as num_classes."""
    return _efficientnet(_scaled(1.0, 1.0), kwargs, dropout=0.2)


@register_model()
@takes_weights(EfficientNet_B1_Weights)
def efficientnet_b1(**kwargs: Any) -> EfficientNet:
    """1.0 times as wide, 1.1 times as deep as b0. kwargs: arguments of `EfficientNet`."""
    return _efficientnet(_scaled(1.0, 1.1), kwargs, dropout=0.2)


@register_model()
@takes_weights(EfficientNet_B2_Weights)
def efficientnet_b2(**kwargs: Any) -> EfficientNet:
    """1.1 times as wide, 1.2 times as deep as b0. kwargs: arguments of `EfficientNet`."""
    return _efficientnet(_scaled(1.1, 1.2), kwargs, dropout=0.3)


@register_model()
@takes_weights(EfficientNet_B3_Weights)
def efficientnet_b3(**kwargs: Any) -> EfficientNet:
    """1.2 times as wide, 1.4 times as deep as b0. kwargs: arguments of `EfficientNet`."""
    return _efficientnet(_scaled(1.2, 1.4), kwargs, dropout=0.3)


@register_model()
@takes_weights(EfficientNet_B4_Weights)
def efficientnet_b4(**kwargs: Any) -> EfficientNet:
    """1.4 times as wide, 1.8 times as deep as b0. kwargs: arguments of `EfficientNet`."""
    return _efficientnet(_scaled(1.4, 1.8), kwargs, dropout=0.4)


@register_model()
@takes_weights(EfficientNet_B5_Weights)
def efficientnet_b5(**kwargs: Any) -> EfficientNet:
    """1.6 times as wide, 2.2 times as deep as b0. kwargs: arguments of `EfficientNet`."""
    return _efficientnet(_scaled(1.6, 2.2), kwargs, dropout=0.4, norm_layer=SLOW_NORM)


@register_model()
@takes_weights(EfficientNet_B6_Weights)
def efficientnet_b6(**kwargs: Any) -> EfficientNet:
    """1.8 times as wide, 2.6 times as deep as b0. kwargs: arguments of `EfficientNet`."""
    return _efficientnet(_scaled(1.8, 2.6), kwargs, dropout=0.5, norm_layer=SLOW_NORM)


@register_model()
@takes_weights(EfficientNet_B7_Weights)
def efficientnet_b7(**kwargs: Any) -> EfficientNet:
    """2.0 times as wide, 3.1 times as deep as b0. kwargs: arguments of `EfficientNet`."""
    return _efficientnet(_scaled(2.0, 3.1), kwargs, dropout=0.5, norm_layer=SLOW_NORM)


@register_model()
@takes_weights(EfficientNet_V2_S_Weights)
def efficientnet_v2_s(**kwargs: Any) -> EfficientNet:
    """EfficientNetV2, small. kwargs: arguments of `EfficientNet`."""
    return _efficientnet([
        FusedMBConvConfig(1, 3, 1, 24, 24, 2),
        FusedMBConvConfig(4, 3, 2, 24, 48, 4),
        FusedMBConvConfig(4, 3, 2, 48, 64, 4),
        MBConvConfig(4, 3, 2, 64, 128, 6),
        MBConvConfig(6, 3, 1, 128, 160, 9),
        MBConvConfig(6, 3, 2, 160, 256, 15),
    ], kwargs, dropout=0.2, norm_layer=V2_NORM, last_channel=1280)


@register_model()
@takes_weights(EfficientNet_V2_M_Weights)
def efficientnet_v2_m(**kwargs: Any) -> EfficientNet:
    """EfficientNetV2, medium. kwargs: arguments of `EfficientNet`."""
    return _efficientnet([
        FusedMBConvConfig(1, 3, 1, 24, 24, 3),
        FusedMBConvConfig(4, 3, 2, 24, 48, 5),
        FusedMBConvConfig(4, 3, 2, 48, 80, 5),
        MBConvConfig(4, 3, 2, 80, 160, 7),
        MBConvConfig(6, 3, 1, 160, 176, 14),
        MBConvConfig(6, 3, 2, 176, 304, 18),
        MBConvConfig(6, 3, 1, 304, 512, 5),
    ], kwargs, dropout=0.3, norm_layer=V2_NORM, last_channel=1280)


@register_model()
@takes_weights(EfficientNet_V2_L_Weights)
def efficientnet_v2_l(**kwargs: Any) -> EfficientNet:
    """EfficientNetV2, large. kwargs: arguments of `EfficientNet`."""
    return _efficientnet([
        FusedMBConvConfig(1, 3, 1, 32, 32, 4),
        FusedMBConvConfig(4, 3, 2, 32, 64, 7),
        FusedMBConvConfig(4, 3, 2, 64, 96, 7),
        MBConvConfig(4, 3, 2, 96, 192, 10),
        MBConvConfig(6, 3, 1, 192, 224, 19),
        MBConvConfig(6, 3, 2, 224, 384, 25),
        MBConvConfig(6, 3, 1, 384, 640, 7),
    ], kwargs, dropout=0.4, norm_layer=V2_NORM, last_channel=1280)
