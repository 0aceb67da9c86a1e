"""ShuffleNet v2: Ma, Zhang, Zheng and Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design",
2018, https://arxiv.org/abs/1807.11164

Half of the channels pass each block untouched. Then the halves are shuffled, so that the next block works on some of
both. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl import nn
from minidl.nn.functional import channel_shuffle
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models.registry import register_model


def pointwise(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


def depthwise(channels: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels)]


class InvertedResidual(nn.Module):
    """Two branches side by side, and their channels in turn; x (N, inp, H, W) to (N, oup, H/stride, W/stride).

    With stride 1 each branch takes half of the channels, and the first returns them as they are.
    Errors: ValueError for a stride that is not 1, 2 or 3, and with stride 1 for another number of channels than comes.
    """

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if not 1 <= stride <= 3:
            raise ValueError(f"illegal stride value: expected 1, 2 or 3, but got {stride}")
        half = oup // 2
        if stride == 1 and inp != 2 * half:
            raise ValueError(f"Invalid combination of stride {stride}, inp {inp} and oup {oup} values. If stride == 1 "
                             f"then inp should be equal to oup // 2 << 1.")
        self.stride = stride
        self.branch1 = nn.Sequential(*([*depthwise(inp, stride), *pointwise(inp, half)] if stride > 1 else []))
        self.branch2 = nn.Sequential(*pointwise(inp if stride > 1 else half, half), *depthwise(half, stride),
                                     *pointwise(half, half))

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, dim=1) if self.stride == 1 else (x, x)
        return channel_shuffle(cat([self.branch1(left), self.branch2(right)], 1), 2)


class ShuffleNetV2(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W) of any size.

    Args:
        stages_repeats: blocks of each of the three stages.
        stages_out_channels: channels after the first convolution, the three stages, and the last convolution.
        inverted_residual: makes a block.

    Errors: ValueError for another number of stages.

        >>> import minidl
        >>> from minidl.vision import models
        >>> models.ShuffleNetV2([1, 2, 1], [8, 16, 32, 64, 128], num_classes=10)(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, stages_repeats: Sequence[int], stages_out_channels: Sequence[int], num_classes: int = 1000,
                 inverted_residual: Callable[..., nn.Module] = InvertedResidual) -> None:
        super().__init__()
        if len(stages_repeats) != 3:
            raise ValueError(f"expected stages_repeats as list of 3 positive ints, but got {stages_repeats}")
        if len(stages_out_channels) != 5:
            raise ValueError(f"expected stages_out_channels as list of 5 positive ints, but got {stages_out_channels}")
        first, *widths, last = stages_out_channels

        def stage(i: int) -> nn.Sequential:
            inputs, outputs = (first, *widths)[i:i + 2]
            return nn.Sequential(inverted_residual(inputs, outputs, 2),
                                 *(inverted_residual(outputs, outputs, 1) for _ in range(stages_repeats[i] - 1)))

        self.conv1 = nn.Sequential(nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first),
                                   nn.ReLU())
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stage2, self.stage3, self.stage4 = stage(0), stage(1), stage(2)
        self.conv5 = nn.Sequential(*pointwise(widths[-1], last))
        self.fc = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))                             # (N, 24, H/4, W/4)
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))    # (N, 1024 or 2048, H/32, W/32)
        return self.fc(x.mean([2, 3]))


# ---------------------------------------------------------------------- the variants

ShuffleNet_V2_X0_5_Weights = weights_of("ShuffleNet_V2_X0_5_Weights", __name__)
ShuffleNet_V2_X1_0_Weights = weights_of("ShuffleNet_V2_X1_0_Weights", __name__)
ShuffleNet_V2_X1_5_Weights = weights_of("ShuffleNet_V2_X1_5_Weights", __name__)
ShuffleNet_V2_X2_0_Weights = weights_of("ShuffleNet_V2_X2_0_Weights", __name__)


@register_model()
@takes_weights(ShuffleNet_V2_X0_5_Weights)
def shufflenet_v2_x0_5(**kwargs: Any) -> ShuffleNetV2:
    """The smallest. kwargs: arguments of `ShuffleNetV2`."""
    return ShuffleNetV2([4, 8, 4], [24, 48, 96, 192, 1024], **kwargs)


@register_model()
@takes_weights(ShuffleNet_V2_X1_0_Weights)
def shufflenet_v2_x1_0(**kwargs: Any) -> ShuffleNetV2:
    """The net of the paper. kwargs: arguments of `ShuffleNetV2`."""
    return ShuffleNetV2([4, 8, 4], [24, 116, 232, 464, 1024], **kwargs)


@register_model()
@takes_weights(ShuffleNet_V2_X1_5_Weights)
def shufflenet_v2_x1_5(**kwargs: Any) -> ShuffleNetV2:
    """With one and a half times the channels. kwargs: arguments of `ShuffleNetV2`."""
    return ShuffleNetV2([4, 8, 4], [24, 176, 352, 704, 1024], **kwargs)


@register_model()
@takes_weights(ShuffleNet_V2_X2_0_Weights)
def shufflenet_v2_x2_0(**kwargs: Any) -> ShuffleNetV2:
    """With twice the channels. kwargs: arguments of `ShuffleNetV2`."""
    return ShuffleNetV2([4, 8, 4], [24, 244, 488, 976, 2048], **kwargs)
