"""Vision transformer (ViT).

Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020,
https://arxiv.org/abs/2010.11929

An image is cut into patches, each patch becomes a vector, and a transformer reads them like the words of a sentence.
Keys of the state dict are torchvision's. The small ones are the ViT-Lites of "Escaping the Big Data Paradigm with
Compact Transformers", 2021, https://arxiv.org/abs/2104.05704, in torchvision's layout.
"""
from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from minidl import nn
from minidl.nn import functional as F
from minidl.ops.shape import cat
from minidl.tensors.creation import empty, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import MLP

Norm = Callable[[int], nn.Module]
NORM: Norm = partial(nn.LayerNorm, eps=1e-6)


class MLPBlock(MLP):
    """Linear, GELU, dropout, Linear, dropout, separately at each position."""

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, dropout=dropout)
        for linear in (self[0], self[3]):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.normal_(linear.bias, std=1e-6)


class EncoderBlock(nn.Module):
    """y = x + attention(norm(x)), then y + mlp(norm(y)); x (N, S, hidden_dim)."""

    def __init__(self, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float, attention_dropout: float,
                 norm_layer: Norm = NORM) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(hidden_dim, num_heads, attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Tensor) -> Tensor:
        y = self.ln_1(input)
        attended, _ = self.self_attention(y, y, y, need_weights=False)
        x = input + self.dropout(attended)
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Add learned positions, run the blocks, normalise; x (N, seq_length, hidden_dim)."""

    def __init__(self, seq_length: int, num_layers: int, num_heads: int, hidden_dim: int, mlp_dim: int,
                 dropout: float, attention_dropout: float, norm_layer: Norm = NORM) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(nn.init.normal_(empty(1, seq_length, hidden_dim), std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(OrderedDict(
            (f"encoder_layer_{i}",
             EncoderBlock(num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer))
            for i in range(num_layers)))
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class ConvStemConfig(NamedTuple):
    """One convolution of a stem that replaces the patches."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d
    activation_layer: Callable[[], nn.Module] = nn.ReLU


class VisionTransformer(nn.Module):
    """Scores (N, num_classes) for images (N, in_channels, image_size, image_size).

    The sequence of patches begins with a learned class token; the scores are computed from its final vector.

    Args:
        patch_size: side of a patch; image_size must be a multiple of it.
        num_layers, num_heads, hidden_dim, mlp_dim: sizes of the encoder.
        dropout, attention_dropout: the share of numbers, and of attention weights, that is set to 0 in training.
        representation_size: size of a hidden layer with tanh before the scores; none if not given.
        norm_layer: makes the norm for a number of channels; LayerNorm with eps=1e-6 if not given.
        conv_stem_configs: convolutions instead of patches (Xiao et al., 2021,
            https://arxiv.org/abs/2106.14881); their strides must multiply to patch_size.

    The last layer, `heads.head`, starts at 0; the patch layer starts from a truncated normal distribution.
    Errors: ValueError where image_size is no multiple of patch_size, and for images of another size.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.VisionTransformer(image_size=16, patch_size=4, num_layers=2, num_heads=2, hidden_dim=32,
        ...                                mlp_dim=64, num_classes=10)
        >>> net(minidl.rand(5, 3, 16, 16)).shape
        (5, 10)
    """

    def __init__(self, image_size: int, patch_size: int, num_layers: int, num_heads: int, hidden_dim: int,
                 mlp_dim: int, dropout: float = 0.0, attention_dropout: float = 0.0, num_classes: int = 1000,
                 representation_size: int | None = None, norm_layer: Norm = NORM,
                 conv_stem_configs: Sequence[ConvStemConfig] | None = None, *, in_channels: int = 3) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"VisionTransformer: expected image_size to be a multiple of patch_size, but got "
                             f"{image_size} and {patch_size}")
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.num_classes = num_classes
        self.representation_size = representation_size
        self.norm_layer = norm_layer
        self.conv_proj: nn.Module = (
            nn.Conv2d(in_channels, hidden_dim, patch_size, patch_size) if conv_stem_configs is None else
            _conv_stem(in_channels, hidden_dim, conv_stem_configs))
        if conv_stem_configs is None:
            _init_normal(self.conv_proj, math.sqrt(1 / (in_channels * patch_size ** 2)), truncated=True)
        self.class_token = nn.Parameter(zeros(1, 1, hidden_dim))
        self.seq_length = (image_size // patch_size) ** 2 + 1
        self.encoder = Encoder(self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout,
                               attention_dropout, norm_layer)
        self.heads = nn.Sequential()
        if representation_size is not None:
            self.heads.add_module("pre_logits", nn.Linear(hidden_dim, representation_size))
            self.heads.add_module("act", nn.Tanh())
            _init_normal(self.heads[0], math.sqrt(1 / hidden_dim), truncated=True)
        head = nn.Linear(representation_size or hidden_dim, num_classes)
        for p in head.parameters():
            nn.init.zeros_(p)
        self.heads.add_module("head", head)

    def tokens(self, x: Tensor) -> Tensor:
        """The encoder's output (N, 1 + patches, hidden_dim): the class token, then the patches row by row."""
        if x.ndim != 4 or tuple(x.shape[2:]) != (self.image_size, self.image_size):
            raise ValueError(f"VisionTransformer: expected images (N, C, {self.image_size}, {self.image_size}), but "
                             f"got {tuple(x.shape)}; resize them, or build the model with their image_size")
        patches = self.conv_proj(x).flatten(2).transpose(1, 2)
        return self.encoder(cat([self.class_token.expand(len(x), -1, -1), patches], dim=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.heads(self.tokens(x)[:, 0])


StateDict = MutableMapping[str, Tensor]


def interpolate_embeddings(image_size: int, patch_size: int, model_state: StateDict,
                           interpolation_mode: str = "bicubic", reset_heads: bool = False) -> StateDict:
    """Make a state dict fit a transformer of another image_size: resize the grid of its positions.

    Args:
        image_size, patch_size: of the new model.
        model_state: the state dict, whose entry is replaced. It is returned, or a copy without its heads.
        interpolation_mode: of `F.interpolate`, with its corners aligned.
        reset_heads: leave out the heads, if the number of patches has changed.

    Errors: ValueError for positions that are not (1, n, dim), and where those of the patches are no square.

        >>> from minidl.vision import models
        >>> from minidl.vision.models.vision_transformer import interpolate_embeddings
        >>> net, larger = models.vit_mnist(), models.vit_mnist(image_size=56)
        >>> larger.load_state_dict(interpolate_embeddings(56, 4, net.state_dict()))
        <All keys matched successfully>
    """
    positions = model_state["encoder.pos_embedding"]
    n, length, dim = positions.shape
    if n != 1:
        raise ValueError(f"Unexpected position embedding shape: {tuple(positions.shape)}")
    new_side = image_size // patch_size
    if new_side ** 2 + 1 == length:
        return model_state
    side = math.isqrt(length - 1)
    if side * side != length - 1:
        raise ValueError(f"interpolate_embeddings: expected the positions of a square of patches behind that of the "
                         f"class token, but seq_length is not a perfect square! It is {length - 1}")
    grid = positions[:, 1:].permute(0, 2, 1).reshape(1, dim, side, side)
    grid = F.interpolate(grid, size=new_side, mode=interpolation_mode, align_corners=True)
    model_state["encoder.pos_embedding"] = cat([positions[:, :1], grid.flatten(2).permute(0, 2, 1)], 1)
    if reset_heads:
        return OrderedDict((key, value) for key, value in model_state.items() if not key.startswith("heads"))
    return model_state


def _init_normal(layer: nn.Module, std: float, truncated: bool) -> None:
    (nn.init.trunc_normal_ if truncated else nn.init.normal_)(layer.weight, std=std)
    nn.init.zeros_(layer.bias)


def _conv_stem(in_channels: int, hidden_dim: int, configs: Sequence[ConvStemConfig]) -> nn.Sequential:
    """Convolution, norm and activation of each config, and a 1x1 convolution to hidden_dim."""
    stem = nn.Sequential()
    for i, config in enumerate(configs):
        conv = nn.Conv2d(in_channels, config.out_channels, config.kernel_size, config.stride,
                         (config.kernel_size - 1) // 2, bias=False)
        stem.add_module(f"conv_bn_relu_{i}", nn.Sequential(
            conv, config.norm_layer(config.out_channels), config.activation_layer()))
        in_channels = config.out_channels
    last = nn.Conv2d(in_channels, hidden_dim, 1)
    _init_normal(last, math.sqrt(2 / hidden_dim), truncated=False)
    stem.add_module("conv_last", last)
    return stem


# ---------------------------------------------------------------------- the paper's variants

def _vit(patch_size: int, num_layers: int, num_heads: int, hidden_dim: int, mlp_dim: int, image_size: int = 224,
         **kwargs: Any) -> VisionTransformer:
    return VisionTransformer(image_size, patch_size, num_layers, num_heads, hidden_dim, mlp_dim, **kwargs)


def _size_of(weights: WeightsEnum) -> dict[str, int]:
    """The images that weights are for: they have an embedding of each position."""
    return {"image_size": weights.meta["min_size"][0]}


ViT_B_16_Weights = weights_of("ViT_B_16_Weights", __name__)
ViT_B_32_Weights = weights_of("ViT_B_32_Weights", __name__)
ViT_L_16_Weights = weights_of("ViT_L_16_Weights", __name__)
ViT_L_32_Weights = weights_of("ViT_L_32_Weights", __name__)
ViT_H_14_Weights = weights_of("ViT_H_14_Weights", __name__)


@register_model()
@takes_weights(ViT_B_16_Weights, settings=_size_of)
def vit_b_16(**kwargs: Any) -> VisionTransformer:
    """ViT-Base with patches of 16 pixels. kwargs: arguments of `VisionTransformer`; the default image_size is 224."""
    return _vit(16, 12, 12, 768, 3072, **kwargs)


@register_model()
@takes_weights(ViT_B_32_Weights, settings=_size_of)
def vit_b_32(**kwargs: Any) -> VisionTransformer:
    """ViT-Base with patches of 32 pixels. kwargs: as for `vit_b_16`."""
    return _vit(32, 12, 12, 768, 3072, **kwargs)


@register_model()
@takes_weights(ViT_L_16_Weights, settings=_size_of)
def vit_l_16(**kwargs: Any) -> VisionTransformer:
    """ViT-Large with patches of 16 pixels: twice as deep, wider. kwargs: as for `vit_b_16`."""
    return _vit(16, 24, 16, 1024, 4096, **kwargs)


@register_model()
@takes_weights(ViT_L_32_Weights, settings=_size_of)
def vit_l_32(**kwargs: Any) -> VisionTransformer:
    """ViT-Large with patches of 32 pixels. kwargs: as for `vit_b_16`."""
    return _vit(32, 24, 16, 1024, 4096, **kwargs)


@register_model()
@takes_weights(ViT_H_14_Weights, settings=_size_of)
def vit_h_14(**kwargs: Any) -> VisionTransformer:
    """ViT-Huge with patches of 14 pixels: 2.4 GB of parameters. kwargs: as for `vit_b_16`."""
    return _vit(14, 32, 16, 1280, 5120, **kwargs)


# ---------------------------------------------------------------------- small variants

def _small_vit(num_layers: int, num_heads: int, hidden_dim: int, mlp_dim: int, num_classes: int, in_channels: int,
           image_size: int) -> VisionTransformer:
    return VisionTransformer(image_size, 4, num_layers, num_heads, hidden_dim, mlp_dim, num_classes=num_classes,
                             in_channels=in_channels)


@register_model()
def vit_mnist(num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> VisionTransformer:
    """4 layers of width 64 on patches of 4 pixels, for digits."""
    return _small_vit(4, 4, 64, 128, num_classes, in_channels, image_size)


@register_model()
def vit_lite_2_4(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> VisionTransformer:
    """2 layers of width 128 on patches of 4 pixels: the plain ViT beside `cct_2_3x2`."""
    return _small_vit(2, 2, 128, 128, num_classes, in_channels, image_size)


@register_model()
def vit_lite_4_4(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> VisionTransformer:
    """4 layers of width 128 on patches of 4 pixels."""
    return _small_vit(4, 2, 128, 128, num_classes, in_channels, image_size)


@register_model()
def vit_lite_6_4(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> VisionTransformer:
    """6 layers of width 256 on patches of 4 pixels."""
    return _small_vit(6, 4, 256, 512, num_classes, in_channels, image_size)


@register_model()
def vit_lite_7_4(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> VisionTransformer:
    """7 layers of width 256 on patches of 4 pixels."""
    return _small_vit(7, 4, 256, 512, num_classes, in_channels, image_size)
