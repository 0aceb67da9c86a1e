"""RegNet: Radosavovic et al., "Designing Network Design Spaces", 2020. https://arxiv.org/abs/2003.13678

Four numbers make a network: the widths of its blocks lie on a straight line, w_0 + w_a i, rounded to w_0 times powers
of w_m. Each block adds a 1x1, a 3x3 in groups, and a 1x1 to its input; those of RegNetY have squeeze and excitation,
too. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models._utils import _make_divisible
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import Conv2dNormActivation, Norm, SqueezeExcitation

Activation = Callable[..., nn.Module]


class SimpleStemIN(Conv2dNormActivation):
    """3x3 of stride 2, norm, activation."""

    def __init__(self, width_in: int, width_out: int, norm_layer: Norm, activation_layer: Activation) -> None:
        super().__init__(width_in, width_out, 3, 2, norm_layer=norm_layer, activation_layer=activation_layer,
                         inplace=False)


class BottleneckTransform(nn.Sequential):
    """1x1, 3x3 in groups of group_width channels, squeeze and excitation, 1x1.

    Inside are bottleneck_multiplier times width_out channels, and se_ratio times width_in behind the squeeze; without
    se_ratio there is none.
    """

    def __init__(self, width_in: int, width_out: int, stride: int, norm_layer: Norm, activation_layer: Activation,
                 group_width: int, bottleneck_multiplier: float, se_ratio: float | None) -> None:
        width = round(width_out * bottleneck_multiplier)
        layers = OrderedDict[str, nn.Module](
            a=Conv2dNormActivation(width_in, width, 1, norm_layer=norm_layer, activation_layer=activation_layer,
                                   inplace=False),
            b=Conv2dNormActivation(width, width, 3, stride, groups=width // group_width, norm_layer=norm_layer,
                                   activation_layer=activation_layer, inplace=False))
        if se_ratio:
            layers["se"] = SqueezeExcitation(width, round(se_ratio * width_in), activation=activation_layer)
        layers["c"] = Conv2dNormActivation(width, width_out, 1, norm_layer=norm_layer, activation_layer=None)
        super().__init__(layers)


class ResBottleneckBlock(nn.Module):
    """activation(x + f(x)), f a `BottleneckTransform`; x through a 1x1 where its shape changes."""

    def __init__(self, width_in: int, width_out: int, stride: int, norm_layer: Norm, activation_layer: Activation,
                 group_width: int = 1, bottleneck_multiplier: float = 1.0, se_ratio: float | None = None) -> None:
        super().__init__()
        self.proj = None
        if width_in != width_out or stride != 1:
            self.proj = Conv2dNormActivation(width_in, width_out, 1, stride, norm_layer=norm_layer,
                                             activation_layer=None)
        self.f = BottleneckTransform(width_in, width_out, stride, norm_layer, activation_layer, group_width,
                                     bottleneck_multiplier, se_ratio)
        self.activation = activation_layer(inplace=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation((x if self.proj is None else self.proj(x)) + self.f(x))


class AnyStage(nn.Sequential):
    """`depth` blocks of one width, the first with the stride."""

    def __init__(self, width_in: int, width_out: int, stride: int, depth: int,
                 block_constructor: Callable[..., nn.Module], norm_layer: Norm, activation_layer: Activation,
                 group_width: int, bottleneck_multiplier: float, se_ratio: float | None = None,
                 stage_index: int = 0) -> None:
        super().__init__(OrderedDict(
            (f"block{stage_index}-{i}", block_constructor(
                width_out if i else width_in, width_out, 1 if i else stride, norm_layer, activation_layer,
                group_width, bottleneck_multiplier, se_ratio))
            for i in range(depth)))


class BlockParams:
    """What a RegNet is made of: for each stage its depth, width, groups' width, bottleneck and stride; and se_ratio."""

    def __init__(self, depths: Sequence[int], widths: Sequence[int], group_widths: Sequence[int],
                 bottleneck_multipliers: Sequence[float], strides: Sequence[int],
                 se_ratio: float | None = None) -> None:
        self.depths = depths
        self.widths = widths
        self.group_widths = group_widths
        self.bottleneck_multipliers = bottleneck_multipliers
        self.strides = strides
        self.se_ratio = se_ratio

    @classmethod
    def from_init_params(cls, depth: int, w_0: int, w_a: float, w_m: float, group_width: int,
                         bottleneck_multiplier: float = 1.0, se_ratio: float | None = None,
                         **kwargs: Any) -> BlockParams:
        """The stages of `depth` blocks: block i has the width w_0 + w_a i, rounded to w_0 w_m^k, and that to eights.

        Blocks of one width are a stage. Widths become multiples of their groups'. kwargs: not looked at.
        Errors: ValueError unless w_a >= 0, w_0 is a positive multiple of 8, and w_m > 1.

            >>> from minidl.vision.models.regnet import BlockParams
            >>> params = BlockParams.from_init_params(depth=16, w_0=48, w_a=27.89, w_m=2.09, group_width=8)
            >>> params.depths, params.widths            # RegNetY-400MF
            ([1, 3, 6, 6], [48, 104, 208, 440])
        """
        if w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % 8 != 0:
            raise ValueError(f"Invalid RegNet settings: expected w_a >= 0, w_0 a positive multiple of 8 and w_m > 1, "
                             f"but got w_a={w_a}, w_0={w_0}, w_m={w_m}")
        line = np.arange(depth, dtype=np.float32) * np.float32(w_a) + w_0
        power = np.round(np.log(line / w_0) / np.float32(math.log(w_m)))
        blocks = (np.round(w_0 * np.float32(w_m) ** power / 8) * 8).astype(int).tolist()
        stages = [(width, len([*same])) for width, same in itertools.groupby(blocks)]
        widths, group_widths = [], []
        for width, _ in stages:
            inside = int(width * bottleneck_multiplier)
            group_widths.append(min(group_width, inside))
            widths.append(int(_make_divisible(inside, group_widths[-1]) / bottleneck_multiplier))
        return cls([n for _, n in stages], widths, group_widths, [bottleneck_multiplier] * len(stages),
                   [2] * len(stages), se_ratio)

    def _get_expanded_params(self) -> Iterator[tuple[int, int, int, int, float]]:
        return zip(self.widths, self.strides, self.depths, self.group_widths, self.bottleneck_multipliers)


class RegNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W): a stem and stages of stride 2 each, their mean, `fc`.

    Args:
        stem_width: channels of the stem.
        stem_type, block_type: make the stem and a block; SimpleStemIN and ResBottleneckBlock if not given.
        norm_layer: makes the norm for a number of channels; BatchNorm2d if not given.
        activation: makes an activation; ReLU if not given.

    Convolutions start normal with a deviation of sqrt(2 / (pixels of the window * channels that they make)), groups
    not regarded; `fc` with 0.01.

        >>> import minidl
        >>> from minidl.vision import models
        >>> params = models.regnet.BlockParams([1, 2], [16, 32], [8, 8], [1.0, 1.0], [2, 2], se_ratio=0.25)
        >>> models.RegNet(params, num_classes=10)(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, block_params: BlockParams, num_classes: int = 1000, stem_width: int = 32,
                 stem_type: Callable[..., nn.Module] | None = None,
                 block_type: Callable[..., nn.Module] | None = None, norm_layer: Norm | None = None,
                 activation: Activation | None = None) -> None:
        super().__init__()
        norm_layer, activation = norm_layer or nn.BatchNorm2d, activation or nn.ReLU
        self.stem = (stem_type or SimpleStemIN)(3, stem_width, norm_layer, activation)
        block_type, stages, width = block_type or ResBottleneckBlock, OrderedDict[str, nn.Module](), stem_width
        for i, (width_out, stride, depth, group_width, multiplier) in enumerate(
                block_params._get_expanded_params(), start=1):
            stages[f"block{i}"] = AnyStage(width, width_out, stride, depth, block_type, norm_layer, activation,
                                           group_width, multiplier, block_params.se_ratio, stage_index=i)
            width = width_out
        self.trunk_output = nn.Sequential(stages)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=math.sqrt(2 / (math.prod(module.kernel_size) * module.out_channels)))
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.trunk_output(self.stem(x))                         # (N, 368 to 7392, H/32, W/32)
        return self.fc(self.avgpool(x).flatten(1))


# ---------------------------------------------------------------------- the variants, by billions of multiply-adds

def _regnet(depth: int, w_0: int, w_a: float, w_m: float, group_width: int, se_ratio: float | None = None,
            **kwargs: Any) -> RegNet:
    return RegNet(BlockParams.from_init_params(depth, w_0, w_a, w_m, group_width, se_ratio=se_ratio), **kwargs)


RegNet_Y_400MF_Weights = weights_of("RegNet_Y_400MF_Weights", __name__)
RegNet_Y_800MF_Weights = weights_of("RegNet_Y_800MF_Weights", __name__)
RegNet_Y_1_6GF_Weights = weights_of("RegNet_Y_1_6GF_Weights", __name__)
RegNet_Y_3_2GF_Weights = weights_of("RegNet_Y_3_2GF_Weights", __name__)
RegNet_Y_8GF_Weights = weights_of("RegNet_Y_8GF_Weights", __name__)
RegNet_Y_16GF_Weights = weights_of("RegNet_Y_16GF_Weights", __name__)
RegNet_Y_32GF_Weights = weights_of("RegNet_Y_32GF_Weights", __name__)
RegNet_Y_128GF_Weights = weights_of("RegNet_Y_128GF_Weights", __name__)
RegNet_X_400MF_Weights = weights_of("RegNet_X_400MF_Weights", __name__)
RegNet_X_800MF_Weights = weights_of("RegNet_X_800MF_Weights", __name__)
RegNet_X_1_6GF_Weights = weights_of("RegNet_X_1_6GF_Weights", __name__)
RegNet_X_3_2GF_Weights = weights_of("RegNet_X_3_2GF_Weights", __name__)
RegNet_X_8GF_Weights = weights_of("RegNet_X_8GF_Weights", __name__)
RegNet_X_16GF_Weights = weights_of("RegNet_X_16GF_Weights", __name__)
RegNet_X_32GF_Weights = weights_of("RegNet_X_32GF_Weights", __name__)


@register_model()
@takes_weights(RegNet_Y_400MF_Weights)
def regnet_y_400mf(**kwargs: Any) -> RegNet:
    """RegNetY of 0.4 billion multiply-adds. kwargs: arguments of `RegNet`, such as num_classes."""
    return _regnet(16, 48, 27.89, 2.09, 8, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_Y_800MF_Weights)
def regnet_y_800mf(**kwargs: Any) -> RegNet:
    """RegNetY of 0.8 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(14, 56, 38.84, 2.4, 16, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_Y_1_6GF_Weights)
def regnet_y_1_6gf(**kwargs: Any) -> RegNet:
    """RegNetY of 1.6 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(27, 48, 20.71, 2.65, 24, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_Y_3_2GF_Weights)
def regnet_y_3_2gf(**kwargs: Any) -> RegNet:
    """RegNetY of 3.2 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(21, 80, 42.63, 2.66, 24, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_Y_8GF_Weights)
def regnet_y_8gf(**kwargs: Any) -> RegNet:
    """RegNetY of 8 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(17, 192, 76.82, 2.19, 56, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_Y_16GF_Weights)
def regnet_y_16gf(**kwargs: Any) -> RegNet:
    """RegNetY of 16 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(18, 200, 106.23, 2.48, 112, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_Y_32GF_Weights)
def regnet_y_32gf(**kwargs: Any) -> RegNet:
    """RegNetY of 32 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(20, 232, 115.89, 2.53, 232, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_Y_128GF_Weights)
def regnet_y_128gf(**kwargs: Any) -> RegNet:
    """RegNetY of 128 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(27, 456, 160.83, 2.52, 264, 0.25, **kwargs)


@register_model()
@takes_weights(RegNet_X_400MF_Weights)
def regnet_x_400mf(**kwargs: Any) -> RegNet:
    """RegNetX of 0.4 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(22, 24, 24.48, 2.54, 16, **kwargs)


@register_model()
@takes_weights(RegNet_X_800MF_Weights)
def regnet_x_800mf(**kwargs: Any) -> RegNet:
    """RegNetX of 0.8 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(16, 56, 35.73, 2.28, 16, **kwargs)


@register_model()
@takes_weights(RegNet_X_1_6GF_Weights)
def regnet_x_1_6gf(**kwargs: Any) -> RegNet:
    """RegNetX of 1.6 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(18, 80, 34.01, 2.25, 24, **kwargs)


@register_model()
@takes_weights(RegNet_X_3_2GF_Weights)
def regnet_x_3_2gf(**kwargs: Any) -> RegNet:
    """RegNetX of 3.2 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(25, 88, 26.31, 2.25, 48, **kwargs)


@register_model()
@takes_weights(RegNet_X_8GF_Weights)
def regnet_x_8gf(**kwargs: Any) -> RegNet:
    """RegNetX of 8 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(23, 80, 49.56, 2.88, 120, **kwargs)


@register_model()
@takes_weights(RegNet_X_16GF_Weights)
def regnet_x_16gf(**kwargs: Any) -> RegNet:
    """RegNetX of 16 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(22, 216, 55.59, 2.1, 128, **kwargs)


@register_model()
@takes_weights(RegNet_X_32GF_Weights)
def regnet_x_32gf(**kwargs: Any) -> RegNet:
    """RegNetX of 32 billion multiply-adds. kwargs: as for `regnet_y_400mf`."""
    return _regnet(23, 320, 69.86, 2.0, 168, **kwargs)
