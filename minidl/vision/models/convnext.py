"""ConvNeXt: Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s", 2022.
https://arxiv.org/abs/2201.03545

A residual network that takes from the transformer all but attention: patches, layer norms, wide MLPs and GELU, and in
attention's place a 7x7 convolution on each channel. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl import nn
from minidl.tensors.creation import full
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models._utils import check_rows, start_truncated_normal
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import Conv2dNormActivation, Norm, Permute
from minidl.vision.ops.stochastic_depth import StochasticDepth


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each pixel: x (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    """x + layer_scale * mlp(norm(conv7x7(x))), where the convolution sees one channel and the MLP one pixel.

    Args:
        dim: channels.
        layer_scale: what each channel of the branch is multiplied by at the start.
        stochastic_depth_prob: how often the branch is left out in training.
        norm_layer: makes the norm for a number of channels, which come last; LayerNorm with eps=1e-6 if not given.
    """

    def __init__(self, dim: int, layer_scale: float, stochastic_depth_prob: float,
                 norm_layer: Norm | None = None) -> None:
        super().__init__()
        norm_layer = norm_layer or partial(nn.LayerNorm, eps=1e-6)
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim),
            Permute([0, 2, 3, 1]),                      # (N, H, W, dim)
            norm_layer(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim),
            Permute([0, 3, 1, 2]))
        self.layer_scale = nn.Parameter(full((dim, 1, 1), float(layer_scale)))
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: Tensor) -> Tensor:
        return input + self.stochastic_depth(self.layer_scale * self.block(input))


class CNBlockConfig:
    """A stage: num_layers blocks of input_channels; unless out_channels is None, half as large an image follows."""

    def __init__(self, input_channels: int, out_channels: int | None, num_layers: int) -> None:
        self.input_channels = input_channels
        self.out_channels = out_channels
        self.num_layers = num_layers

    def __repr__(self) -> str:
        return (f"CNBlockConfig(input_channels={self.input_channels}, out_channels={self.out_channels}, "
                f"num_layers={self.num_layers})")


class ConvNeXt(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W): patches of 4 pixels, stages to stride 32, their mean.

    Args:
        block_setting: the stages.
        stochastic_depth_prob: how often the last block is left out in training; from 0 for the first it rises to this.
        layer_scale: what blocks are multiplied by at the start.
        block: makes a block from channels, layer_scale and its stochastic depth; CNBlock if not given.
        norm_layer: makes the norm for a number of channels; LayerNorm2d with eps=1e-6 if not given.

    Weights start truncated-normal with a deviation of 0.02, biases at 0.
    Errors: ValueError where block_setting is empty, TypeError unless it lists CNBlockConfig.

        >>> import minidl
        >>> from minidl.vision.models.convnext import CNBlockConfig, ConvNeXt
        >>> net = ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 2)], num_classes=10)
        >>> net(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, block_setting: Sequence[CNBlockConfig], stochastic_depth_prob: float = 0.0,
                 layer_scale: float = 1e-6, num_classes: int = 1000, block: Callable[..., nn.Module] | None = None,
                 norm_layer: Norm | None = None) -> None:
        super().__init__()
        check_rows("block_setting", block_setting, CNBlockConfig)
        block, norm_layer = block or CNBlock, norm_layer or partial(LayerNorm2d, eps=1e-6)
        layers: list[nn.Module] = [Conv2dNormActivation(
            3, block_setting[0].input_channels, kernel_size=4, stride=4, padding=0, norm_layer=norm_layer,
            activation_layer=None, bias=True)]
        total, built = sum(cnf.num_layers for cnf in block_setting), 0
        for cnf in block_setting:
            stage = []
            for _ in range(cnf.num_layers):
                stage.append(block(cnf.input_channels, layer_scale, stochastic_depth_prob * built / max(total - 1, 1)))
                built += 1
            layers.append(nn.Sequential(*stage))
            channels = cnf.input_channels
            if cnf.out_channels is not None:
                layers.append(nn.Sequential(norm_layer(channels),
                                            nn.Conv2d(channels, cnf.out_channels, kernel_size=2, stride=2)))
                channels = cnf.out_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(norm_layer(channels), nn.Flatten(1), nn.Linear(channels, num_classes))
        start_truncated_normal(self, nn.Conv2d, nn.Linear)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)                            # (N, channels, H/32, W/32)
        return self.classifier(self.avgpool(x))


# ---------------------------------------------------------------------- the variants

def _convnext(width: int, depths: Sequence[int], stochastic_depth_prob: float, kwargs: dict[str, Any]) -> ConvNeXt:
    """Each stage is twice as wide as the one before. kwargs are those of the caller."""
    last = len(depths) - 1
    stages = [CNBlockConfig(width * 2 ** i, width * 2 ** (i + 1) if i < last else None, depth)
              for i, depth in enumerate(depths)]
    return ConvNeXt(stages, **{"stochastic_depth_prob": stochastic_depth_prob, **kwargs})


ConvNeXt_Tiny_Weights = weights_of("ConvNeXt_Tiny_Weights", __name__)
ConvNeXt_Small_Weights = weights_of("ConvNeXt_Small_Weights", __name__)
ConvNeXt_Base_Weights = weights_of("ConvNeXt_Base_Weights", __name__)
ConvNeXt_Large_Weights = weights_of("ConvNeXt_Large_Weights", __name__)


@register_model()
@takes_weights(ConvNeXt_Tiny_Weights)
def convnext_tiny(**kwargs: Any) -> ConvNeXt:
    """18 blocks, from 96 channels. kwargs: arguments of `ConvNeXt`, such as num_classes."""
    return _convnext(96, [3, 3, 9, 3], 0.1, kwargs)


@register_model()
@takes_weights(ConvNeXt_Small_Weights)
def convnext_small(**kwargs: Any) -> ConvNeXt:
    """36 blocks, from 96 channels. kwargs: arguments of `ConvNeXt`."""
    return _convnext(96, [3, 3, 27, 3], 0.4, kwargs)


@register_model()
@takes_weights(ConvNeXt_Base_Weights)
def convnext_base(**kwargs: Any) -> ConvNeXt:
    """36 blocks, from 128 channels. kwargs: arguments of `ConvNeXt`."""
    return _convnext(128, [3, 3, 27, 3], 0.5, kwargs)


@register_model()
@takes_weights(ConvNeXt_Large_Weights)
def convnext_large(**kwargs: Any) -> ConvNeXt:
    """36 blocks, from 192 channels. kwargs: arguments of `ConvNeXt`."""
    return _convnext(192, [3, 3, 27, 3], 0.5, kwargs)
