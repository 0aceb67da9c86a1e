"""MobileNetV3: Howard et al., "Searching for MobileNetV3", 2019. https://arxiv.org/abs/1905.02244

The blocks of MobileNetV2, with squeeze and excitation in some, and hardswish where images are small. A search found
how wide each is and how large its kernel. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models._utils import _make_divisible, check_rows, start_convolutions
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import Conv2dNormActivation, Norm, SqueezeExcitation

NORM: Norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
SE_LAYER: Callable[[int, int], nn.Module] = partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)


class InvertedResidualConfig:
    """A row of the paper's tables 1 and 2: a block's channels, times width_mult, and what is in it.

    Args:
        kernel, stride, dilation: of the convolution on each channel.
        use_se: whether squeeze and excitation follows it.
        activation: "HS" for hardswish, "RE" for relu.
    """

    def __init__(self, input_channels: int, kernel: int, expanded_channels: int, out_channels: int, use_se: bool,
                 activation: str, stride: int, dilation: int, width_mult: float) -> None:
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.kernel = kernel
        self.expanded_channels = self.adjust_channels(expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation

    @staticmethod
    def adjust_channels(channels: int, width_mult: float) -> int:
        return _make_divisible(channels * width_mult, 8)


class InvertedResidual(nn.Module):
    """1x1 to more channels, a convolution on each, squeeze and excitation, 1x1 to fewer; added where shapes allow it.

    A block that dilates keeps the size of the image, whatever its stride.
    Errors: ValueError for a stride other than 1 and 2.
    """

    def __init__(self, cnf: InvertedResidualConfig, norm_layer: Norm,
                 se_layer: Callable[[int, int], nn.Module] = SE_LAYER) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError(f"illegal stride value: InvertedResidual expects 1 or 2, but got {cnf.stride}")
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer,
                       activation_layer=nn.Hardswish if cnf.use_hs else nn.ReLU, inplace=False)
        expanded = cnf.expanded_channels
        layers: list[nn.Module] = []
        if expanded != cnf.input_channels:
            layers.append(conv(cnf.input_channels, expanded, kernel_size=1))
        layers.append(conv(expanded, expanded, kernel_size=cnf.kernel, stride=1 if cnf.dilation > 1 else cnf.stride,
                           dilation=cnf.dilation, groups=expanded))
        if cnf.use_se:
            layers.append(se_layer(expanded, _make_divisible(expanded // 4, 8)))
        layers.append(conv(expanded, cnf.out_channels, kernel_size=1, activation_layer=None))
        self.block = nn.Sequential(*layers)
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1        # segmentation and detection take features before these

    def forward(self, input: Tensor) -> Tensor:
        return input + self.block(input) if self.use_res_connect else self.block(input)


class MobileNetV3(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W): a stem of stride 2, blocks to stride 32, their mean, two layers.

    Args:
        inverted_residual_setting: the blocks.
        last_channel: width of the hidden layer after the mean.
        block: makes a block from its row and norm_layer; InvertedResidual if not given.
        norm_layer: makes the norm for a number of channels; BatchNorm2d with eps 0.001, momentum 0.01 if not given.
        dropout: before the last layer, `classifier[3]`.

    Convolutions start Kaiming-normal by fan-out, linear layers normal with a deviation of 0.01.
    Errors: ValueError where inverted_residual_setting is empty, TypeError unless it lists InvertedResidualConfig.

        >>> import minidl
        >>> from minidl.vision import models
        >>> models.mobilenet_v3_small(num_classes=10, width_mult=0.25)(minidl.rand(2, 3, 64, 64)).shape
        (2, 10)
    """

    def __init__(self, inverted_residual_setting: Sequence[InvertedResidualConfig], last_channel: int,
                 num_classes: int = 1000, block: Callable[..., nn.Module] | None = None,
                 norm_layer: Norm | None = None, dropout: float = 0.2) -> None:
        super().__init__()
        check_rows("inverted_residual_setting", inverted_residual_setting, InvertedResidualConfig)
        block, norm_layer = block or InvertedResidual, norm_layer or NORM
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.Hardswish, inplace=False)
        inputs, outputs = inverted_residual_setting[0].input_channels, inverted_residual_setting[-1].out_channels
        self.features = nn.Sequential(
            conv(3, inputs, kernel_size=3, stride=2),
            *[block(row, norm_layer) for row in inverted_residual_setting],
            conv(outputs, 6 * outputs, kernel_size=1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * outputs, last_channel), nn.Hardswish(), nn.Dropout(dropout),
            nn.Linear(last_channel, num_classes))
        start_convolutions(self)
        for linear in (self.classifier[0], self.classifier[3]):
            nn.init.normal_(linear.weight, 0, 0.01)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)                            # (N, 960 or 576, H/32, W/32)
        return self.classifier(self.avgpool(x).flatten(1))


# ---------------------------------------------------------------------- the variants

LARGE = (       # input_channels, kernel, expanded_channels, out_channels, use_se, activation, stride
    (16, 3, 16, 16, False, "RE", 1),
    (16, 3, 64, 24, False, "RE", 2),
    (24, 3, 72, 24, False, "RE", 1),
    (24, 5, 72, 40, True, "RE", 2),
    (40, 5, 120, 40, True, "RE", 1),
    (40, 5, 120, 40, True, "RE", 1),
    (40, 3, 240, 80, False, "HS", 2),
    (80, 3, 200, 80, False, "HS", 1),
    (80, 3, 184, 80, False, "HS", 1),
    (80, 3, 184, 80, False, "HS", 1),
    (80, 3, 480, 112, True, "HS", 1),
    (112, 3, 672, 112, True, "HS", 1),
    (112, 5, 672, 160, True, "HS", 2),
    (160, 5, 960, 160, True, "HS", 1),
    (160, 5, 960, 160, True, "HS", 1),
)
SMALL = (
    (16, 3, 16, 16, True, "RE", 2),
    (16, 3, 72, 24, False, "RE", 2),
    (24, 3, 88, 24, False, "RE", 1),
    (24, 5, 96, 40, True, "HS", 2),
    (40, 5, 240, 40, True, "HS", 1),
    (40, 5, 240, 40, True, "HS", 1),
    (40, 5, 120, 48, True, "HS", 1),
    (48, 5, 144, 48, True, "HS", 1),
    (48, 5, 288, 96, True, "HS", 2),
    (96, 5, 576, 96, True, "HS", 1),
    (96, 5, 576, 96, True, "HS", 1),
)


def _mobilenet_v3(rows: Sequence[tuple[int, int, int, int, bool, str, int]],
                  last_channel: int, width_mult: float = 1.0, reduced_tail: bool = False, dilated: bool = False,
                  **kwargs: Any) -> MobileNetV3:
    """The last three rows are the tail: reduced_tail halves their channels, dilated keeps the image at stride 16."""
    less, dilation = 2 if reduced_tail else 1, 2 if dilated else 1
    setting = []
    for i, (inputs, kernel, expanded, outputs, use_se, activation, stride) in enumerate(rows, 3 - len(rows)):
        divisor = less if i > 0 else 1      # the first of the tail, 0, takes what the others leave
        setting.append(InvertedResidualConfig(
            inputs // divisor, kernel, expanded // divisor, outputs // less if i >= 0 else outputs, use_se,
            activation, stride, dilation if i >= 0 else 1, width_mult))
    return MobileNetV3(setting, InvertedResidualConfig.adjust_channels(last_channel // less, width_mult), **kwargs)


MobileNet_V3_Large_Weights = weights_of("MobileNet_V3_Large_Weights", __name__)
MobileNet_V3_Small_Weights = weights_of("MobileNet_V3_Small_Weights", __name__)


@register_model()
@takes_weights(MobileNet_V3_Large_Weights)
def mobilenet_v3_large(**kwargs: Any) -> MobileNetV3:
    """The paper's table 1. kwargs: width_mult, reduced_tail, dilated, and arguments of `MobileNetV3`."""
    return _mobilenet_v3(LARGE, 1280, **kwargs)


@register_model()
@takes_weights(MobileNet_V3_Small_Weights)
def mobilenet_v3_small(**kwargs: Any) -> MobileNetV3:
    """The paper's table 2. kwargs: as for `mobilenet_v3_large`."""
    return _mobilenet_v3(SMALL, 1024, **kwargs)
