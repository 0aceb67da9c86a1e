"""MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018.
https://arxiv.org/abs/1801.04381

A block widens few channels, lets a convolution look at each of them by itself, which costs little, and narrows them
again, without an activation, which would lose what few channels hold. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models._utils import _make_divisible, start_convolutions
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import Conv2dNormActivation, Norm

conv_norm_relu6 = partial(Conv2dNormActivation, activation_layer=nn.ReLU6, inplace=False)


class InvertedResidual(nn.Module):
    """1x1 to expand_ratio times as many channels, 3x3 on each, 1x1 to `oup`; added to the input where shapes allow it.

    Args:
        inp, oup: channels that come in, and go out.
        stride: 1 or 2, of the 3x3 convolution.
        expand_ratio: with 1 there is no first convolution.
        norm_layer: makes the norm for a number of channels; BatchNorm2d if not given.

    Errors: ValueError for another stride.
    """

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: float, norm_layer: Norm | None = None) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm_layer = norm_layer or nn.BatchNorm2d
        hidden = round(inp * expand_ratio)
        widen = [conv_norm_relu6(inp, hidden, kernel_size=1, norm_layer=norm_layer)] if expand_ratio != 1 else []
        self.conv = nn.Sequential(
            *widen,
            conv_norm_relu6(hidden, hidden, stride=stride, groups=hidden, norm_layer=norm_layer),
            nn.Conv2d(hidden, oup, 1, bias=False), norm_layer(oup))
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        self.out_channels = oup
        self._is_cn = stride > 1        # segmentation and detection take features before these

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Table 2 of the paper: expand_ratio, channels, blocks, stride of the first."""


class MobileNetV2(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W): a stem of stride 2, 17 blocks to stride 32, their mean.

    Args:
        width_mult: times the channels of each layer.
        inverted_residual_setting: rows of expand_ratio, channels, blocks and stride; `STAGES` if not given.
        round_nearest: channels are multiples of it.
        block: makes a block; InvertedResidual if not given.
        norm_layer: makes the norm for a number of channels; BatchNorm2d if not given.
        dropout: before the last layer, `classifier[1]`.

    Convolutions start Kaiming-normal by fan-out, the last layer normal with a deviation of 0.01.
    Errors: ValueError where inverted_residual_setting is empty, or its first row has not 4 entries.

        >>> import minidl
        >>> from minidl.vision import models
        >>> models.MobileNetV2(num_classes=10, width_mult=0.25)(minidl.rand(2, 3, 64, 64)).shape
        (2, 10)
    """

    def __init__(self, num_classes: int = 1000, width_mult: float = 1.0,
                 inverted_residual_setting: Sequence[Sequence[int]] | None = None, round_nearest: int = 8,
                 block: Callable[..., nn.Module] | None = None, norm_layer: Norm | None = None,
                 dropout: float = 0.2) -> None:
        super().__init__()
        block, norm_layer = block or InvertedResidual, norm_layer or nn.BatchNorm2d
        stages = STAGES if inverted_residual_setting is None else inverted_residual_setting
        if not stages or len(stages[0]) != 4:
            raise ValueError(f"inverted_residual_setting should be non-empty or a 4-element list, got {stages}")
        channels = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        layers: list[nn.Module] = [conv_norm_relu6(3, channels, stride=2, norm_layer=norm_layer)]
        for expand_ratio, width, blocks, stride in stages:
            outputs = _make_divisible(width * width_mult, round_nearest)
            for i in range(blocks):
                layers.append(block(channels, outputs, stride if i == 0 else 1, expand_ratio=expand_ratio,
                                    norm_layer=norm_layer))
                channels = outputs
        layers.append(conv_norm_relu6(channels, self.last_channel, kernel_size=1, norm_layer=norm_layer))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.last_channel, num_classes))
        start_convolutions(self)
        nn.init.normal_(self.classifier[1].weight, 0, 0.01)
        nn.init.zeros_(self.classifier[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)                            # (N, last_channel, H/32, W/32)
        return self.classifier(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


MobileNet_V2_Weights = weights_of("MobileNet_V2_Weights", __name__)


@register_model()
@takes_weights(MobileNet_V2_Weights)
def mobilenet_v2(**kwargs: Any) -> MobileNetV2:
    """kwargs: arguments of `MobileNetV2`, such as num_classes."""
    return MobileNetV2(**kwargs)
