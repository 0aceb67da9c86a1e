"""Swin transformer: Liu et al., "Swin Transformer: Hierarchical Vision Transformer using
Shifted Windows", 2021. https://arxiv.org/abs/2103.14030

Attention within windows of 7x7 pixels, so that its cost grows with the image and not with its square. Every other
block moves the windows by half of one, which joins neighbours. Keys of the state dict are torchvision's.

V2: Liu et al., "Swin Transformer V2: Scaling Up Capacity and Resolution", 2021. https://arxiv.org/abs/2111.09883: the
cosine between query and key, biases that a small MLP makes from distances, and norms after the branches.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl import nn
from minidl.func import rearrange
from minidl.nn import functional as F
from minidl.ops.shape import cat, stack
from minidl.ops.shape.movement import roll
from minidl.tensors.creation import arange, full, zeros, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models._utils import start_truncated_normal
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import MLP, Norm, Permute
from minidl.vision.ops.stochastic_depth import StochasticDepth

NORM: Norm = partial(nn.LayerNorm, eps=1e-5)


class PatchMerging(nn.Module):
    """Four neighbours side by side, then a norm and a linear layer: (N, H, W, dim) to (N, H/2, W/2, 2 dim).

    Where H or W is odd, a row or a column of zeros is added.
    """

    def __init__(self, dim: int, norm_layer: Norm = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(4 * dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.reduction(self.norm(_neighbours_together(x)))


class PatchMergingV2(nn.Module):
    """As `PatchMerging`, with the norm last."""

    def __init__(self, dim: int, norm_layer: Norm = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(2 * dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.reduction(_neighbours_together(x)))


def _neighbours_together(x: Tensor) -> Tensor:
    """(N, H, W, C) to (N, H/2, W/2, 4 C), the neighbour below before the one to the right."""
    x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
    return rearrange(x, "n (h i) (w j) c -> n h w (j i c)", i=2, j=2)


def shifted_window_attention(input: Tensor, qkv_weight: Tensor, proj_weight: Tensor, relative_position_bias: Tensor,
                             window_size: Sequence[int], num_heads: int, shift_size: Sequence[int],
                             attention_dropout: float = 0.0, dropout: float = 0.0, qkv_bias: Tensor | None = None,
                             proj_bias: Tensor | None = None, logit_scale: Tensor | None = None,
                             training: bool = True) -> Tensor:
    """`ShiftedWindowAttention` of input (N, H, W, C), with given weights; that of V2 where there is a logit_scale.

    qkv_weight (3 C, C) and proj_weight (C, C) have biases (3 C,) and (C,), of which keys take none in V2;
    relative_position_bias (1, num_heads, pixels, pixels), logit_scale (num_heads, 1, 1).

        >>> import minidl
        >>> from minidl.vision.models.swin_transformer import shifted_window_attention
        >>> x, bias = minidl.randn(2, 7, 6, 8), minidl.zeros(1, 4, 9, 9)
        >>> shifted_window_attention(x, minidl.randn(24, 8), minidl.randn(8, 8), bias, [3, 3], 4, [1, 1]).shape
        (2, 7, 6, 8)
    """
    share = attention_dropout if training else 0.0
    if logit_scale is not None and qkv_bias is not None:
        qkv_bias = _without_key_bias(qkv_bias)
    return _in_windows(
        input, window_size, shift_size, num_heads, relative_position_bias,
        project=lambda x: F.linear(x, qkv_weight, qkv_bias),
        attend=lambda q, k, v, bias: (F.scaled_dot_product_attention(q, k, v, bias, share) if logit_scale is None else
                                      _cosine_attention(q, k, v, bias, logit_scale, share)),
        finish=lambda x: F.dropout(F.linear(x, proj_weight, proj_bias), dropout, training))


def _in_windows(x: Tensor, window_size: Sequence[int], shift_size: Sequence[int], num_heads: int, bias: Tensor,
                project: Callable[[Tensor], Tensor], attend: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
                finish: Callable[[Tensor], Tensor]) -> Tensor:
    """Pad and shift x (N, H, W, C), let the windows attend, and put all back where it was."""
    H, W = x.shape[1:3]
    h, w = window_size
    x = F.pad(x, (0, 0, 0, -W % w, 0, -H % h))
    shift = [s if size < n else 0 for s, size, n in zip(shift_size, window_size, x.shape[1:3])]
    moved = any(shift)
    if moved:
        x = roll(x, (-shift[0], -shift[1]), (1, 2))
        bias = bias + _apart(x, window_size, shift)
    query, key, value = rearrange(project(x), "n (r i) (s j) (t heads c) -> t n (r s) heads (i j) c",
                                  i=h, j=w, t=3, heads=num_heads)       # (N, windows, heads, pixels, c) each
    attended = attend(query, key, value, bias)
    x = finish(rearrange(attended, "n (r s) heads (i j) c -> n (r i) (s j) (heads c)", r=x.shape[1] // h, i=h))
    if moved:
        x = roll(x, (shift[0], shift[1]), (1, 2))
    return x[:, :H, :W]


def _without_key_bias(qkv_bias: Tensor) -> Tensor:
    query, key, value = qkv_bias.chunk(3)
    return cat([query, zeros_like(key), value])


def _cosine_attention(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, logit_scale: Tensor,
                      dropout: float) -> Tensor:
    query = F.normalize(query, dim=-1) * logit_scale.clamp(max=math.log(100.0)).exp()
    return F.scaled_dot_product_attention(query, F.normalize(key, dim=-1), value, bias, dropout, scale=1.0)


class ShiftedWindowAttention(nn.Module):
    """Attention of each pixel to the others of its window: x (N, H, W, dim).

    Images are padded with zeros to whole windows.

    Args:
        window_size, shift_size: height and width. A side that one window covers is not shifted.
        dropout, attention_dropout: the share of numbers, and of attention weights, that is set to 0 in training.

    Errors: ValueError unless window_size and shift_size are pairs.
    """

    def __init__(self, dim: int, window_size: Sequence[int], shift_size: Sequence[int], num_heads: int,
                 qkv_bias: bool = True, proj_bias: bool = True, attention_dropout: float = 0.0,
                 dropout: float = 0.0) -> None:
        super().__init__()
        if len(window_size) != 2 or len(shift_size) != 2:
            raise ValueError(f"window_size and shift_size must be of length 2, but got {window_size} and {shift_size}")
        self.window_size = window_size
        self.shift_size = shift_size
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        self._make_bias()
        self.register_buffer("relative_position_index", _relative_positions(*window_size))

    def _make_bias(self) -> None:
        rows, columns = (2 * size - 1 for size in self.window_size)
        self.relative_position_bias_table = nn.Parameter(zeros(rows * columns, self.num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def get_relative_position_bias(self) -> Tensor:
        """What is added to the scores, by the distance of the two pixels: (1, num_heads, pixels, pixels)."""
        return self._by_pair(self.relative_position_bias_table)

    def _by_pair(self, table: Tensor) -> Tensor:
        pixels = self.window_size[0] * self.window_size[1]
        return table[self.relative_position_index].reshape(1, pixels, pixels, -1).permute(0, 3, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return _in_windows(x, self.window_size, self.shift_size, self.num_heads, self.get_relative_position_bias(),
                           self._project, self._attend, lambda y: F.dropout(self.proj(y), self.dropout, self.training))

    def _project(self, x: Tensor) -> Tensor:
        return self.qkv(x)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, key, value, bias, self.attention_dropout if self.training else 0.0)


def _relative_positions(height: int, width: int) -> Tensor:
    """For each pair of pixels the number of their distance, from 0 for one window up and left: (pixels^2,)."""
    rows, columns = arange(height), arange(width)
    down = (rows[:, None] - rows + height - 1)[:, None, :, None]
    right = (columns[:, None] - columns + width - 1)[None, :, None, :]
    return (down * (2 * width - 1) + right).flatten()


def _apart(x: Tensor, window_size: Sequence[int], shift: Sequence[int]) -> Tensor:
    """-100 for pixels of a window that were no neighbours before the shift: (windows, 1, pixels, pixels)."""
    H, W = x.shape[1:3]
    below = arange(H, device=x.device) >= H - shift[0]      # these came round from the other end
    right = arange(W, device=x.device) >= W - shift[1]
    part = below[:, None] * 2 + right                       # (H, W)
    part = rearrange(part, "(r i) (s j) -> (r s) 1 (i j)", i=window_size[0], j=window_size[1])
    return (part[:, :, None] != part[..., None]).to(x.dtype) * -100.0


class ShiftedWindowAttentionV2(ShiftedWindowAttention):
    """With the cosine between query and key, times a learned number, and biases that an MLP makes from distances."""

    def __init__(self, dim: int, window_size: Sequence[int], shift_size: Sequence[int], num_heads: int,
                 qkv_bias: bool = True, proj_bias: bool = True, attention_dropout: float = 0.0,
                 dropout: float = 0.0) -> None:
        super().__init__(dim, window_size, shift_size, num_heads, qkv_bias, proj_bias, attention_dropout, dropout)
        self.logit_scale = nn.Parameter(full((num_heads, 1, 1), math.log(10)))
        self.cpb_mlp = nn.Sequential(nn.Linear(2, 512), nn.ReLU(), nn.Linear(512, num_heads, bias=False))
        if self.qkv.bias is not None:
            nn.init.zeros_(self.qkv.bias[dim:2 * dim].detach())

    def _make_bias(self) -> None:
        """Distances in units of a window, and their logarithms."""
        distances = [arange(1 - size, size).float() * (8 / (size - 1)) for size in self.window_size]
        logs = [d.sign() * (d.abs() + 1).log2() / 3 for d in distances]
        rows, columns = len(logs[0]), len(logs[1])
        self.register_buffer("relative_coords_table", stack(
            [logs[0][:, None].expand(rows, columns), logs[1].expand(rows, columns)], dim=2)[None])

    def get_relative_position_bias(self) -> Tensor:
        table = self.cpb_mlp(self.relative_coords_table).reshape(-1, self.num_heads)
        return 16 * self._by_pair(table).sigmoid()

    def _project(self, x: Tensor) -> Tensor:
        """Keys have no bias."""
        if self.qkv.bias is None:
            return self.qkv(x)
        return F.linear(x, self.qkv.weight, _without_key_bias(self.qkv.bias))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        return _cosine_attention(query, key, value, bias, self.logit_scale,
                                 self.attention_dropout if self.training else 0.0)


class SwinTransformerBlock(nn.Module):
    """x + attention(norm(x)), and to this x + mlp(norm(x)); x (N, H, W, dim).

    Args:
        mlp_ratio: width of the MLP's hidden layer, in widths of the block.
        stochastic_depth_prob: how often a branch is left out in training.
        norm_layer: makes the norm for a number of channels.
        attn_layer: makes the attention.

    Other arguments are those of ShiftedWindowAttention.
    """

    def __init__(self, dim: int, num_heads: int, window_size: Sequence[int], shift_size: Sequence[int],
                 mlp_ratio: float = 4.0, dropout: float = 0.0, attention_dropout: float = 0.0,
                 stochastic_depth_prob: float = 0.0, norm_layer: Norm = nn.LayerNorm,
                 attn_layer: Callable[..., nn.Module] = ShiftedWindowAttention) -> None:
        super().__init__()
        self.norm1 = norm_layer(dim)
        self.attn = attn_layer(dim, window_size, shift_size, num_heads, attention_dropout=attention_dropout,
                               dropout=dropout)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.norm2 = norm_layer(dim)
        self.mlp = MLP(dim, [int(dim * mlp_ratio), dim], activation_layer=nn.GELU, dropout=dropout)
        for linear in (self.mlp[0], self.mlp[3]):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.normal_(linear.bias, std=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.stochastic_depth(self.attn(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class SwinTransformerBlockV2(SwinTransformerBlock):
    """x + norm(attention(x)), and to this x + norm(mlp(x)): numbers stay small where nets are large."""

    def __init__(self, dim: int, num_heads: int, window_size: Sequence[int], shift_size: Sequence[int],
                 mlp_ratio: float = 4.0, dropout: float = 0.0, attention_dropout: float = 0.0,
                 stochastic_depth_prob: float = 0.0, norm_layer: Norm = nn.LayerNorm,
                 attn_layer: Callable[..., nn.Module] = ShiftedWindowAttentionV2) -> None:
        super().__init__(dim, num_heads, window_size, shift_size, mlp_ratio, dropout, attention_dropout,
                         stochastic_depth_prob, norm_layer, attn_layer)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.stochastic_depth(self.norm1(self.attn(x)))
        return x + self.stochastic_depth(self.norm2(self.mlp(x)))


class SwinTransformer(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W): patches, stages of blocks between mergings, their mean, `head`.

    Args:
        patch_size: height and width of a patch.
        embed_dim: channels of the first stage; each has twice as many as the one before.
        depths, num_heads: blocks and heads of each stage.
        stochastic_depth_prob: how often the last block is left out in training; from 0 for the first it rises to this.
        norm_layer: makes the norm for a number of channels; LayerNorm if not given.
        block: makes a block; SwinTransformerBlock if not given.
        downsample_layer: makes what stands between two stages from its channels and norm_layer.

    Other arguments are those of the blocks. Linear layers start truncated-normal with a deviation of 0.02.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.SwinTransformer([4, 4], 16, depths=[1, 2], num_heads=[2, 4], window_size=[4, 4])
        >>> net(minidl.rand(2, 3, 32, 32)).shape
        (2, 1000)
    """

    def __init__(self, patch_size: Sequence[int], embed_dim: int, depths: Sequence[int], num_heads: Sequence[int],
                 window_size: Sequence[int], mlp_ratio: float = 4.0, dropout: float = 0.0,
                 attention_dropout: float = 0.0, stochastic_depth_prob: float = 0.1, num_classes: int = 1000,
                 norm_layer: Norm | None = None, block: Callable[..., nn.Module] | None = None,
                 downsample_layer: Callable[[int, Norm], nn.Module] = PatchMerging) -> None:
        super().__init__()
        self.num_classes = num_classes
        block, norm_layer = block or SwinTransformerBlock, norm_layer or NORM
        patch = (patch_size[0], patch_size[1])
        layers: list[nn.Module] = [nn.Sequential(nn.Conv2d(3, embed_dim, patch, patch), Permute([0, 2, 3, 1]),
                                                 norm_layer(embed_dim))]        # (N, H/4, W/4, embed_dim)
        built = 0
        for stage, (depth, heads) in enumerate(zip(depths, num_heads)):
            dim = embed_dim * 2 ** stage
            blocks = []
            for i in range(depth):
                blocks.append(block(
                    dim, heads, window_size=window_size, shift_size=[i % 2 * (size // 2) for size in window_size],
                    mlp_ratio=mlp_ratio, dropout=dropout, attention_dropout=attention_dropout,
                    stochastic_depth_prob=stochastic_depth_prob * built / max(sum(depths) - 1, 1),
                    norm_layer=norm_layer))
                built += 1
            layers.append(nn.Sequential(*blocks))
            if stage < len(depths) - 1:
                layers.append(downsample_layer(dim, norm_layer))
        self.features = nn.Sequential(*layers)
        self.norm = norm_layer(dim)
        self.permute = Permute([0, 3, 1, 2])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.head = nn.Linear(dim, num_classes)
        start_truncated_normal(self, nn.Linear)

    def forward(self, x: Tensor) -> Tensor:
        x = self.permute(self.norm(self.features(x)))       # (N, 8 embed_dim, H/32, W/32)
        return self.head(self.flatten(self.avgpool(x)))


# ---------------------------------------------------------------------- the variants

def _swin(kwargs: dict[str, Any], **given: Any) -> SwinTransformer:
    """kwargs, those of the caller, replace the given ones, those of the variant."""
    return SwinTransformer(**{"patch_size": [4, 4], "window_size": [7, 7], **given, **kwargs})


TINY = {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "stochastic_depth_prob": 0.2}
SMALL = {"embed_dim": 96, "depths": [2, 2, 18, 2], "num_heads": [3, 6, 12, 24], "stochastic_depth_prob": 0.3}
BASE = {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32], "stochastic_depth_prob": 0.5}
V2 = {"window_size": [8, 8], "block": SwinTransformerBlockV2, "downsample_layer": PatchMergingV2}


Swin_T_Weights = weights_of("Swin_T_Weights", __name__)
Swin_S_Weights = weights_of("Swin_S_Weights", __name__)
Swin_B_Weights = weights_of("Swin_B_Weights", __name__)
Swin_V2_T_Weights = weights_of("Swin_V2_T_Weights", __name__)
Swin_V2_S_Weights = weights_of("Swin_V2_S_Weights", __name__)
Swin_V2_B_Weights = weights_of("Swin_V2_B_Weights", __name__)


@register_model()
@takes_weights(Swin_T_Weights)
def swin_t(**kwargs: Any) -> SwinTransformer:
    """12 blocks, from 96 channels. kwargs: arguments of `SwinTransformer`, such as num_classes."""
    return _swin(kwargs, **TINY)


@register_model()
@takes_weights(Swin_S_Weights)
def swin_s(**kwargs: Any) -> SwinTransformer:
    """24 blocks, from 96 channels. kwargs: arguments of `SwinTransformer`."""
    return _swin(kwargs, **SMALL)


@register_model()
@takes_weights(Swin_B_Weights)
def swin_b(**kwargs: Any) -> SwinTransformer:
    """24 blocks, from 128 channels. kwargs: arguments of `SwinTransformer`."""
    return _swin(kwargs, **BASE)


@register_model()
@takes_weights(Swin_V2_T_Weights)
def swin_v2_t(**kwargs: Any) -> SwinTransformer:
    """V2 of `swin_t`, with windows of 8. kwargs: arguments of `SwinTransformer`."""
    return _swin(kwargs, **TINY, **V2)


@register_model()
@takes_weights(Swin_V2_S_Weights)
def swin_v2_s(**kwargs: Any) -> SwinTransformer:
    """V2 of `swin_s`, with windows of 8. kwargs: arguments of `SwinTransformer`."""
    return _swin(kwargs, **SMALL, **V2)


@register_model()
@takes_weights(Swin_V2_B_Weights)
def swin_v2_b(**kwargs: Any) -> SwinTransformer:
    """V2 of `swin_b`, with windows of 8. kwargs: arguments of `SwinTransformer`."""
    return _swin(kwargs, **BASE, **V2)
