"""MViT: Fan et al., "Multiscale Vision Transformers", 2021. https://arxiv.org/abs/2104.11227

Queries, keys and values are pooled before they meet: from stage to stage there are fewer tokens, of more channels, and
attention costs little where tokens are many. Keys of the state dict are torchvision's.

V2: Li et al., "MViTv2: Improved Multiscale Vision Transformers for Classification and Detection", 2021.
https://arxiv.org/abs/2112.01526: scores know how far apart two tokens are, the sum of a number for each axis in place
of one for each pair; and the pooled query is added to what its attention finds (residual pooling).
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from minidl import nn
from minidl.nn import functional as F
from minidl.ops.linalg.contraction import einsum
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.models._utils import start_truncated_normal
from minidl.vision.ops.misc import MLP, Norm
from minidl.vision.ops.stochastic_depth import StochasticDepth

Size = tuple[int, ...]
"""How many tokens there are in time, height and width."""


@dataclass
class MSBlockConfig:
    """One block: heads, channels before and after, kernels and strides of the poolings; [] where there is none."""

    num_heads: int
    input_channels: int
    output_channels: int
    kernel_q: list[int]
    kernel_kv: list[int]
    stride_q: list[int]
    stride_kv: list[int]


class Pool(nn.Module):
    """Pool tokens (..., 1 + t h w, C) over time and places, all but the first; norm and activation follow.

    norm_before_pool: norm and activate before, and leave the first token out of it.
    """

    def __init__(self, pool: nn.Module, norm: nn.Module | None, activation: nn.Module | None = None,
                 norm_before_pool: bool = False) -> None:
        super().__init__()
        self.pool = pool
        layers = [layer for layer in (norm, activation) if layer is not None]
        self.norm_act = nn.Sequential(*layers) if layers else None
        self.norm_before_pool = norm_before_pool

    def forward(self, x: Tensor, thw: Size) -> tuple[Tensor, Size]:
        """The pooled tokens, and how many there are along each axis."""
        norm_act = self.norm_act or nn.Identity()
        grid = x[..., 1:, :].reshape(-1, *thw, x.shape[-1]).movedim(-1, 1)
        grid = self.pool(norm_act(grid) if self.norm_before_pool else grid)         # (B, C, t', h', w')
        tokens = grid.flatten(2).transpose(1, 2).reshape(*x.shape[:-2], -1, x.shape[-1])
        x = cat([x[..., :1, :], tokens], -2)
        return x if self.norm_before_pool else norm_act(x), tuple(grid.shape[2:])


def _pooling(channels: int, kernel: list[int], stride: list[int], norm_layer: Norm) -> Pool | None:
    """A convolution of each channel by itself; None where it would change nothing."""
    if math.prod(kernel) == math.prod(stride) == 1:
        return None
    padding = tuple(size // 2 for size in kernel)
    conv = nn.Conv3d(channels, channels, tuple(kernel), tuple(stride), padding, groups=channels, bias=False)
    return Pool(conv, norm_layer(channels))


def _apart(table: Tensor, queries: int, keys: int) -> Tensor:
    """The rows of table that belong to the distance of each query and key on an axis: (queries, keys, C)."""
    distances = 2 * max(queries, keys) - 1
    if len(table) != distances:             # made for tokens of another number
        table = F.interpolate(table.t()[None], size=distances, mode="linear")[0].t()
    query = arange(queries, device=table.device)[:, None] * max(keys / queries, 1.0)
    key = (arange(keys, device=table.device) - (keys - 1.0)) * max(queries / keys, 1.0)
    return table[(query - key).long()]


class MultiscaleAttention(nn.Module):
    """Attention of pooled queries to pooled keys: tokens (N, 1 + t h w, embed_dim) to (N, 1 + t' h' w', output_dim).

    Args:
        input_size: t, h and w.
        residual_pool: add the pooled query to what it finds; with residual_with_cls_embed that of the class, too.
        rel_pos_embed: add to the score of query q the sum over the axes of q . r, where r belongs to the distance.

    Other arguments are those of MSBlockConfig and MViT.
    """

    def __init__(self, input_size: Sequence[int], embed_dim: int, output_dim: int, num_heads: int, kernel_q: list[int],
                 kernel_kv: list[int], stride_q: list[int], stride_kv: list[int], residual_pool: bool,
                 residual_with_cls_embed: bool, rel_pos_embed: bool, dropout: float = 0.0,
                 norm_layer: Norm = nn.LayerNorm) -> None:
        super().__init__()
        self.output_dim = output_dim
        self.num_heads = num_heads
        self.head_dim = output_dim // num_heads
        self.residual_pool = residual_pool
        self.residual_with_cls_embed = residual_with_cls_embed
        self.qkv = nn.Linear(embed_dim, 3 * output_dim)
        self.project = nn.Sequential(nn.Linear(output_dim, output_dim), *([nn.Dropout(dropout)] if dropout else []))
        self.pool_q = _pooling(self.head_dim, kernel_q, stride_q, norm_layer)
        self.pool_k = _pooling(self.head_dim, kernel_kv, stride_kv, norm_layer)
        self.pool_v = _pooling(self.head_dim, kernel_kv, stride_kv, norm_layer)
        self.rel_pos_h = self.rel_pos_w = self.rel_pos_t = None
        if rel_pos_embed:
            side = max(input_size[1:])
            side = max(side // stride[1] if stride else side for stride in (stride_q, stride_kv))
            self.rel_pos_h, self.rel_pos_w, self.rel_pos_t = (
                nn.init.trunc_normal_(nn.Parameter(zeros(2 * size - 1, self.head_dim)), std=0.02)
                for size in (side, side, input_size[0]))

    def forward(self, x: Tensor, thw: Size) -> tuple[Tensor, Size]:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, self.head_dim)).permute(2, 0, 3, 1, 4)
        k, k_thw = self.pool_k(k, thw) if self.pool_k is not None else (k, thw)
        v = self.pool_v(v, thw)[0] if self.pool_v is not None else v
        q, thw = self.pool_q(q, thw) if self.pool_q is not None else (q, thw)
        y = F.scaled_dot_product_attention(q, k, v, self._by_distance(q, thw, k_thw))
        if self.residual_pool:
            y = y + (q if self.residual_with_cls_embed else F.pad(q[:, :, 1:], (0, 0, 1, 0)))
        return self.project(y.transpose(1, 2).flatten(2)), thw      # (N, 1 + t' h' w', output_dim)

    def _by_distance(self, q: Tensor, thw: Size, k_thw: Size) -> Tensor | None:
        """What is added to the scores: (N, heads, 1 + t' h' w', 1 + keys), and 0 for the class."""
        if self.rel_pos_h is None or self.rel_pos_w is None or self.rel_pos_t is None:
            return None
        q = q[:, :, 1:].unflatten(2, thw)                           # (N, heads, t', h', w', head_dim)
        t, h, w = (_apart(*axis) for axis in zip((self.rel_pos_t, self.rel_pos_h, self.rel_pos_w), thw, k_thw))
        scores = (einsum("nathwc,tkc->nathwk", q, t)[..., :, None, None]
                  + einsum("nathwc,hkc->nathwk", q, h)[..., None, :, None]
                  + einsum("nathwc,wkc->nathwk", q, w)[..., None, None, :])
        return F.pad(scores.flatten(5).flatten(2, 4), (1, 0, 1, 0))


class MultiscaleBlock(nn.Module):
    """x + attention(norm(x)), and to this x + mlp(norm(x)), x pooled and widened as these are.

    Args:
        input_size: tokens in time, height and width.
        cnf: of the block.
        proj_after_attn: attention makes the new channels, and not the MLP.

    Other arguments are those of MViT.
    """

    def __init__(self, input_size: Sequence[int], cnf: MSBlockConfig, residual_pool: bool,
                 residual_with_cls_embed: bool, rel_pos_embed: bool, proj_after_attn: bool, dropout: float = 0.0,
                 stochastic_depth_prob: float = 0.0, norm_layer: Norm = nn.LayerNorm) -> None:
        super().__init__()
        self.proj_after_attn = proj_after_attn
        self.pool_skip = None
        if math.prod(cnf.stride_q) > 1:
            kernel = tuple(step + 1 if step > 1 else step for step in cnf.stride_q)
            padding = tuple(size // 2 for size in kernel)
            self.pool_skip = Pool(nn.MaxPool3d(kernel, tuple(cnf.stride_q), padding), None)
        attn_dim = cnf.output_channels if proj_after_attn else cnf.input_channels
        self.norm1 = norm_layer(cnf.input_channels)
        self.norm2 = norm_layer(attn_dim)
        self.attn = MultiscaleAttention(
            input_size, cnf.input_channels, attn_dim, cnf.num_heads, cnf.kernel_q, cnf.kernel_kv, cnf.stride_q,
            cnf.stride_kv, residual_pool, residual_with_cls_embed, rel_pos_embed, dropout, norm_layer)
        self.mlp = MLP(attn_dim, [4 * attn_dim, cnf.output_channels], activation_layer=nn.GELU, dropout=dropout)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.project = None
        if cnf.input_channels != cnf.output_channels:
            self.project = nn.Linear(cnf.input_channels, cnf.output_channels)

    def forward(self, x: Tensor, thw: Size) -> tuple[Tensor, Size]:
        normed = self.norm1(x)
        attended, pooled = self.attn(normed, thw)
        if self.project is not None and self.proj_after_attn:
            x = self.project(normed)
        if self.pool_skip is not None:
            x = self.pool_skip(x, thw)[0]
        x = x + self.stochastic_depth(attended)
        normed = self.norm2(x)
        if self.project is not None and not self.proj_after_attn:
            x = self.project(normed)
        return x + self.stochastic_depth(self.mlp(normed)), pooled


class PositionalEncoding(nn.Module):
    """Put a token for the class first, and add to each token what its time and its place are, unless rel_pos_embed."""

    def __init__(self, embed_size: int, spatial_size: tuple[int, int], temporal_size: int, rel_pos_embed: bool) -> None:
        super().__init__()
        self.spatial_size = spatial_size
        self.temporal_size = temporal_size
        self.class_token = nn.Parameter(zeros(embed_size))
        self.spatial_pos = self.temporal_pos = self.class_pos = None
        if not rel_pos_embed:
            self.spatial_pos = nn.Parameter(zeros(math.prod(spatial_size), embed_size))
            self.temporal_pos = nn.Parameter(zeros(temporal_size, embed_size))
            self.class_pos = nn.Parameter(zeros(embed_size))

    def forward(self, x: Tensor) -> Tensor:
        x = cat([self.class_token.expand(len(x), 1, -1), x], 1)
        if self.spatial_pos is None or self.temporal_pos is None or self.class_pos is None:
            return x
        places = (self.temporal_pos[:, None] + self.spatial_pos).flatten(0, 1)
        return x + cat([self.class_pos[None], places])


class MViT(nn.Module):
    """Scores (N, num_classes) for videos (N, 3, T, H, W), or images (N, 3, H, W): patches, blocks, the class's token.

    Args:
        spatial_size, temporal_size: (H, W), and T.
        block_setting: the blocks.
        residual_pool, residual_with_cls_embed, rel_pos_embed, proj_after_attn: see MultiscaleAttention and
            MultiscaleBlock; all are False in V1.
        dropout: before the head. attention_dropout: behind attention and in the MLPs.
        stochastic_depth_prob: how often the last block is left out in training; from 0 for the first it rises to this.
        block, norm_layer: make a block, and a norm for a number of channels; MultiscaleBlock and LayerNorm with eps
            1e-6 if not given.
        patch_embed_kernel, patch_embed_stride, patch_embed_padding: of the convolution that makes tokens of pixels.

    Errors: ValueError without blocks.

        >>> import minidl
        >>> from minidl.vision import models
        >>> from minidl.vision.models.video.mvit import MSBlockConfig
        >>> blocks = [MSBlockConfig(1, 8, 16, [], [3, 3, 3], [], [1, 2, 2]),
        ...           MSBlockConfig(2, 16, 16, [3, 3, 3], [3, 3, 3], [1, 2, 2], [1, 1, 1])]
        >>> net = models.video.MViT((32, 32), 4, blocks, True, False, True, True, num_classes=10)
        >>> net(minidl.rand(2, 3, 4, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, spatial_size: tuple[int, int], temporal_size: int, block_setting: Sequence[MSBlockConfig],
                 residual_pool: bool, residual_with_cls_embed: bool, rel_pos_embed: bool, proj_after_attn: bool,
                 dropout: float = 0.5, attention_dropout: float = 0.0, stochastic_depth_prob: float = 0.0,
                 num_classes: int = 400, block: Callable[..., nn.Module] | None = None, norm_layer: Norm | None = None,
                 patch_embed_kernel: tuple[int, int, int] = (3, 7, 7),
                 patch_embed_stride: tuple[int, int, int] = (2, 4, 4),
                 patch_embed_padding: tuple[int, int, int] = (1, 3, 3)) -> None:
        super().__init__()
        if not block_setting:
            raise ValueError("MViT: the configuration parameter can't be empty; block_setting needs a block at least")
        block, norm_layer = block or MultiscaleBlock, norm_layer or partial(nn.LayerNorm, eps=1e-6)
        width = block_setting[0].input_channels
        self.conv_proj = nn.Conv3d(3, width, patch_embed_kernel, patch_embed_stride, patch_embed_padding)
        size = [pixels // step for pixels, step in zip((temporal_size, *spatial_size), patch_embed_stride)]
        self.pos_encoding = PositionalEncoding(width, (size[1], size[2]), size[0], rel_pos_embed)
        self.blocks = nn.ModuleList()
        for i, cnf in enumerate(block_setting):
            self.blocks.append(block(
                input_size=size, cnf=cnf, residual_pool=residual_pool, residual_with_cls_embed=residual_with_cls_embed,
                rel_pos_embed=rel_pos_embed, proj_after_attn=proj_after_attn, dropout=attention_dropout,
                stochastic_depth_prob=stochastic_depth_prob * i / max(len(block_setting) - 1, 1),
                norm_layer=norm_layer))
            size = [tokens // step for tokens, step in zip(size, cnf.stride_q or (1, 1, 1))]
        self.norm = norm_layer(block_setting[-1].output_channels)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(block_setting[-1].output_channels, num_classes))
        start_truncated_normal(self, nn.Linear)
        for p in self.pos_encoding.parameters():
            nn.init.trunc_normal_(p, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, None] if x.ndim == 4 else x                             # an image is a video of one frame
        tokens = self.pos_encoding(self.conv_proj(x).flatten(2).transpose(1, 2))
        thw: Size = (self.pos_encoding.temporal_size, *self.pos_encoding.spatial_size)
        for block in self.blocks:
            tokens, thw = block(tokens, thw)
        return self.head(self.norm(tokens)[:, 0])


# ---------------------------------------------------------------------- the variants

def _mvit(kwargs: dict[str, Any], inputs: list[int], pools_all: bool, **given: Any) -> MViT:
    """16 blocks in four stages, which begin at the blocks 0, 1, 3 and 14. pools_all: queries of other blocks, too."""
    heads = [1, 2, 2, *[4] * 11, 8, 8]
    keys = [8, 4, 4, *[2] * 11, 1, 1]
    blocks = []
    for i, channels in enumerate(zip(inputs, [*inputs[1:], 768])):
        first = i in (1, 3, 14)
        kernel, stride = ([3] * 3, [1, 1 + first, 1 + first]) if first or pools_all else ([], [])
        blocks.append(MSBlockConfig(heads[i], *channels, kernel, [3] * 3, stride, [1, keys[i], keys[i]]))
    return MViT(**{"spatial_size": (224, 224), "temporal_size": 16, "block_setting": blocks, "residual_pool": False,
                   "residual_with_cls_embed": False, "rel_pos_embed": False, "proj_after_attn": False,
                   "stochastic_depth_prob": 0.2, **given, **kwargs})


def mvit_v1_b(**kwargs: Any) -> MViT:
    """V1 for 16 frames of 224 pixels: 36,610,672 parameters. kwargs: arguments of `MViT`, such as num_classes."""
    return _mvit(kwargs, [96, 192, 192, *[384] * 11, 768, 768], pools_all=False)


def mvit_v2_s(**kwargs: Any) -> MViT:
    """V2, small, for 16 frames of 224 pixels: 34,537,744 parameters. kwargs: arguments of `MViT`."""
    return _mvit(kwargs, [96, 96, 192, 192, *[384] * 11, 768], pools_all=True, residual_pool=True, rel_pos_embed=True,
                 proj_after_attn=True)
