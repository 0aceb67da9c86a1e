"""MaxViT: Tu et al., "MaxViT: Multi-Axis Vision Transformer", 2022. https://arxiv.org/abs/2204.01697

Each layer is a convolutional block and two attentions: among the pixels of a window, and among pixels of a grid over
the whole image. Both cost as much as there are pixels, and together they join all of them. Keys of the state dict are
torchvision's.
"""
from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from minidl import nn
from minidl.nn import functional as F
from minidl.tensors.creation import zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.registry import register_model
from minidl.vision.models.swin_transformer import _relative_positions
from minidl.vision.ops.misc import Conv2dNormActivation, Norm, SqueezeExcitation
from minidl.vision.ops.stochastic_depth import StochasticDepth

Activation = Callable[..., nn.Module]
Size = tuple[int, int]


def _halved(size: Sequence[int]) -> Size:
    """The size of an image after a convolution 3x3 of stride 2."""
    return (size[0] - 1) // 2 + 1, (size[1] - 1) // 2 + 1


class MBConv(nn.Module):
    """x + layers(x): a norm, 1x1 to more channels, 3x3 on each, squeeze and excitation, 1x1 to fewer.

    Args:
        expansion_ratio, squeeze_ratio: channels inside and behind the squeeze, in out_channels.
        p_stochastic_dropout: how often the layers are left out in training.

    x goes through a mean of 3x3 where stride is 2, and a 1x1 where its shape changes.
    """

    def __init__(self, in_channels: int, out_channels: int, expansion_ratio: float, squeeze_ratio: float, stride: int,
                 activation_layer: Activation, norm_layer: Norm, p_stochastic_dropout: float = 0.0) -> None:
        super().__init__()
        self.proj: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.proj = nn.Sequential(*([nn.AvgPool2d(3, stride, padding=1)] if stride == 2 else []),
                                      nn.Conv2d(in_channels, out_channels, 1))
        inside = int(out_channels * expansion_ratio)
        self.stochastic_depth = StochasticDepth(p_stochastic_dropout, "row") if p_stochastic_dropout else nn.Identity()
        conv = partial(Conv2dNormActivation, activation_layer=activation_layer, norm_layer=norm_layer, inplace=None)
        self.layers = nn.Sequential(OrderedDict[str, nn.Module](
            pre_norm=norm_layer(in_channels),
            conv_a=conv(in_channels, inside, kernel_size=1),
            conv_b=conv(inside, inside, kernel_size=3, stride=stride, groups=inside),
            squeeze_excitation=SqueezeExcitation(inside, int(out_channels * squeeze_ratio), activation=nn.SiLU),
            conv_c=nn.Conv2d(inside, out_channels, 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x) + self.stochastic_depth(self.layers(x))


class RelativePositionalMultiHeadAttention(nn.Module):
    """Attention with a bias for each distance, within groups of pixels: x (N, groups, pixels, feat_dim).

    Scores are divided by the root of feat_dim, as in the authors' code; other attentions take that of a head.
    Errors: ValueError unless feat_dim is a multiple of head_dim.
    """

    def __init__(self, feat_dim: int, head_dim: int, max_seq_len: int) -> None:
        super().__init__()
        if feat_dim % head_dim:
            raise ValueError(f"feat_dim: {feat_dim} must be divisible by head_dim: {head_dim}")
        self.n_heads = feat_dim // head_dim
        self.head_dim = head_dim
        self.size = math.isqrt(max_seq_len)
        self.max_seq_len = max_seq_len
        self.to_qkv = nn.Linear(feat_dim, 3 * feat_dim)
        self.scale_factor = feat_dim ** -0.5
        self.merge = nn.Linear(feat_dim, feat_dim)
        self.relative_position_bias_table = nn.Parameter(zeros((2 * self.size - 1) ** 2, self.n_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("relative_position_index",
                             _relative_positions(self.size, self.size).reshape(max_seq_len, max_seq_len))

    def get_relative_positional_bias(self) -> Tensor:
        """What is added to the scores, by the distance of the two pixels: (1, n_heads, pixels, pixels)."""
        return self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (each.unflatten(-1, (self.n_heads, self.head_dim)).transpose(2, 3)
                             for each in self.to_qkv(x).chunk(3, dim=-1))       # (N, groups, n_heads, pixels, head_dim)
        bias = self.get_relative_positional_bias()
        y = F.scaled_dot_product_attention(query, key, value, bias, scale=self.scale_factor)
        return self.merge(y.transpose(2, 3).flatten(3))


class SwapAxes(nn.Module):
    """The axes a and b exchanged."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.a = a
        self.b = b

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(self.a, self.b)


class WindowPartition(nn.Module):
    """Images (N, C, H, W) as windows of p x p pixels: (N, windows, p^2, C)."""

    def forward(self, x: Tensor, p: int) -> Tensor:
        N, C, H, W = x.shape
        return x.reshape(N, C, H // p, p, W // p, p).permute(0, 2, 4, 3, 5, 1).reshape(N, -1, p * p, C)


class WindowDepartition(nn.Module):
    """Windows as images again: what `WindowPartition` does, backwards."""

    def forward(self, x: Tensor, p: int, h_partitions: int, w_partitions: int) -> Tensor:
        N, _, _, C = x.shape
        x = x.reshape(N, h_partitions, w_partitions, p, p, C).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(N, C, h_partitions * p, w_partitions * p)


class PartitionAttentionLayer(nn.Module):
    """Attention and an MLP, each added to its input, within groups of partition_size^2 pixels: images (N, C, H, W).

    Args:
        partition_type: "window": neighbours are a group; "grid": pixels at equal distances over the whole image.
        grid_size: height and width of the image.
        mlp_ratio: width of the MLP's hidden layer, in in_channels.
        norm_layer: makes the norm before the attention.
        attention_dropout, mlp_dropout: the share of numbers that is set to 0 after each, in training.
        p_stochastic_dropout: how often each is left out in training.

    Errors: ValueError for another partition_type; RuntimeError where the image has no whole number of groups.
    """

    def __init__(self, in_channels: int, head_dim: int, partition_size: int, partition_type: str, grid_size: Size,
                 mlp_ratio: int, activation_layer: Activation, norm_layer: Norm, attention_dropout: float,
                 mlp_dropout: float, p_stochastic_dropout: float) -> None:
        super().__init__()
        if partition_type not in ("grid", "window"):
            raise ValueError(f"partition_type must be either 'grid' or 'window', but got {partition_type!r}")
        self.n_heads = in_channels // head_dim
        self.head_dim = head_dim
        self.n_partitions = grid_size[0] // partition_size
        self.partition_type = partition_type
        self.grid_size = grid_size
        grid = partition_type == "grid"
        self.p, self.g = (self.n_partitions, partition_size) if grid else (partition_size, self.n_partitions)
        self.partition_op = WindowPartition()
        self.departition_op = WindowDepartition()
        # pixels at the same place of all windows are a group of the grid
        self.partition_swap = SwapAxes(-2, -3) if grid else nn.Identity()
        self.departition_swap = SwapAxes(-2, -3) if grid else nn.Identity()
        self.attn_layer = nn.Sequential(
            norm_layer(in_channels), RelativePositionalMultiHeadAttention(in_channels, head_dim, partition_size ** 2),
            nn.Dropout(attention_dropout))
        self.mlp_layer = nn.Sequential(
            nn.LayerNorm(in_channels), nn.Linear(in_channels, in_channels * mlp_ratio), activation_layer(),
            nn.Linear(in_channels * mlp_ratio, in_channels), nn.Dropout(mlp_dropout))
        self.stochastic_dropout = StochasticDepth(p_stochastic_dropout, "row")

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.grid_size
        if height % self.p or width % self.p:
            raise RuntimeError(f"Grid size must be divisible by partition size. Got grid size of {self.grid_size} and "
                               f"partition size of {self.p}")
        x = self.partition_swap(self.partition_op(x, self.p))           # (N, groups, partition_size^2, C)
        x = x + self.stochastic_dropout(self.attn_layer(x))
        x = x + self.stochastic_dropout(self.mlp_layer(x))
        return self.departition_op(self.departition_swap(x), self.p, height // self.p, width // self.p)


class MaxVitLayer(nn.Module):
    """`MBConv`, attention in windows, attention on a grid. Arguments are those of the three."""

    def __init__(self, in_channels: int, out_channels: int, squeeze_ratio: float, expansion_ratio: float, stride: int,
                 norm_layer: Norm, activation_layer: Activation, head_dim: int, mlp_ratio: int, mlp_dropout: float,
                 attention_dropout: float, p_stochastic_dropout: float, partition_size: int, grid_size: Size) -> None:
        super().__init__()
        attention = partial(
            PartitionAttentionLayer, out_channels, head_dim, partition_size, grid_size=grid_size, mlp_ratio=mlp_ratio,
            activation_layer=activation_layer, norm_layer=nn.LayerNorm, attention_dropout=attention_dropout,
            mlp_dropout=mlp_dropout, p_stochastic_dropout=p_stochastic_dropout)
        self.layers = nn.Sequential(OrderedDict[str, nn.Module](
            MBconv=MBConv(in_channels, out_channels, expansion_ratio, squeeze_ratio, stride, activation_layer,
                          norm_layer, p_stochastic_dropout),
            window_attention=attention(partition_type="window"), grid_attention=attention(partition_type="grid")))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class MaxVitBlock(nn.Module):
    """n_layers of `MaxVitLayer`, the first of which halves the image. p_stochastic: a number for each layer.

    Errors: ValueError for another number of numbers.
    """

    def __init__(self, in_channels: int, out_channels: int, squeeze_ratio: float, expansion_ratio: float,
                 norm_layer: Norm, activation_layer: Activation, head_dim: int, mlp_ratio: int, mlp_dropout: float,
                 attention_dropout: float, partition_size: int, input_grid_size: Size, n_layers: int,
                 p_stochastic: Sequence[float]) -> None:
        super().__init__()
        if len(p_stochastic) != n_layers:
            raise ValueError(f"p_stochastic must have length n_layers={n_layers}, got p_stochastic={p_stochastic}.")
        self.grid_size = _halved(input_grid_size)
        self.layers = nn.ModuleList([
            MaxVitLayer(out_channels if i else in_channels, out_channels, squeeze_ratio, expansion_ratio,
                        1 if i else 2, norm_layer, activation_layer, head_dim, mlp_ratio, mlp_dropout,
                        attention_dropout, p, partition_size, self.grid_size)
            for i, p in enumerate(p_stochastic)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class MaxVit(nn.Module):
    """Scores (N, num_classes) for images (N, 3, *input_size): a stem, blocks of stride 2 each, their mean, two layers.

    Args:
        input_size: height and width. After each block they must be multiples of partition_size.
        stem_channels, block_channels: widths. block_layers: how many layers each block has.
        stochastic_depth_prob: how often the last layer is left out in training; from 0 for the first it rises to this.
        norm_layer: makes norms of the convolutions; BatchNorm2d with eps 0.001, momentum 0.01 if not given.

    Other arguments are those of the layers. Convolutions and linear layers start normal with a deviation of 0.02.
    Errors: ValueError where an image has no whole number of groups.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.MaxVit((32, 32), 8, 2, [8, 16], [1, 1], head_dim=4, stochastic_depth_prob=0.1, num_classes=10)
        >>> net(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, input_size: Size, stem_channels: int, partition_size: int, block_channels: Sequence[int],
                 block_layers: Sequence[int], head_dim: int, stochastic_depth_prob: float,
                 norm_layer: Norm | None = None, activation_layer: Activation = nn.GELU, squeeze_ratio: float = 0.25,
                 expansion_ratio: float = 4, mlp_ratio: int = 4, mlp_dropout: float = 0.0,
                 attention_dropout: float = 0.0, num_classes: int = 1000) -> None:
        super().__init__()
        norm_layer = norm_layer or partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        sizes = [_halved(input_size)]
        for _ in block_channels:
            sizes.append(_halved(sizes[-1]))
        for i, size in enumerate(sizes[1:]):
            if size[0] % partition_size or size[1] % partition_size:
                raise ValueError(f"Input size {size} of block {i} is not divisible by partition size {partition_size}. "
                                 f"Consider changing the partition size or the input size.\n"
                                 f"Current configuration yields the following block input sizes: {sizes[1:]}.")
        self.stem = nn.Sequential(
            Conv2dNormActivation(3, stem_channels, 3, 2, norm_layer=norm_layer, activation_layer=activation_layer,
                                 bias=False, inplace=None),
            Conv2dNormActivation(stem_channels, stem_channels, 3, norm_layer=None, activation_layer=None, bias=True))
        self.partition_size = partition_size
        chances = np.linspace(0, stochastic_depth_prob, sum(block_layers)).tolist()
        self.blocks = nn.ModuleList([
            MaxVitBlock(inputs, outputs, squeeze_ratio, expansion_ratio, norm_layer, activation_layer, head_dim,
                        mlp_ratio, mlp_dropout, attention_dropout, partition_size, size, layers,
                        [chances.pop(0) for _ in range(layers)])
            for inputs, outputs, size, layers in zip([stem_channels, *block_channels], block_channels, sizes,
                                                     block_layers)])
        width = block_channels[-1]
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(width),
                                        nn.Linear(width, width), nn.Tanh(), nn.Linear(width, num_classes, bias=False))
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)                        # (N, 64, H/2, W/2)
        for block in self.blocks:
            x = block(x)                        # at last (N, 512, H/32, W/32)
        return self.classifier(x)


# ---------------------------------------------------------------------- the variant

def _size_of(weights: WeightsEnum) -> dict[str, Size]:
    """The images that weights are for."""
    return {"input_size": weights.meta["min_size"]}


MaxVit_T_Weights = weights_of("MaxVit_T_Weights", __name__)


@register_model()
@takes_weights(MaxVit_T_Weights, settings=_size_of)
def maxvit_t(*, input_size: Size = (224, 224), **kwargs: Any) -> MaxVit:
    """The tiny one, of 11 layers. kwargs: arguments of `MaxVit`, such as num_classes."""
    return MaxVit(input_size, 64, 7, [64, 128, 256, 512], [2, 2, 5, 2], 32, 0.2, **kwargs)
