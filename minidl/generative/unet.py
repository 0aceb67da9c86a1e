"""The U-Net that takes noise away: down and up again, with a short cut on each level, told of the time.

Source: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", 2020, appendix B; cross-attention as in Rombach
et al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022.
"""
from __future__ import annotations

import math
from collections.abc import Sequence

from minidl.nn import functional as F
from minidl.nn import init
from minidl.nn.activation import SiLU
from minidl.nn.attention import MultiheadAttention
from minidl.nn.conv import Conv2d
from minidl.nn.embedding import Embedding
from minidl.nn.linear import Linear
from minidl.nn.module import Module
from minidl.nn.module.container import ModuleList, Sequential
from minidl.nn.norm import GroupNorm
from minidl.ops.shape import cat
from minidl.tensors.creation import arange
from minidl.tensors.tensor import Tensor


def time_embedding(t: Tensor, dim: int, longest: float = 10000.0) -> Tensor:
    """Sines and cosines of times t (N,) with `dim` / 2 frequencies from 1 down to 1 / longest: (N, dim).

    Source: Vaswani et al., "Attention Is All You Need", 2017, section 3.5.

        >>> import minidl
        >>> from minidl.generative import time_embedding
        >>> time_embedding(minidl.tensor([0, 3]), 4)[0].tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    if dim % 2:
        raise ValueError(f"time_embedding: expected an even dim, a sine and a cosine for each frequency, but got {dim}")
    half = dim // 2
    frequencies = (arange(half, device=t.device) * (-math.log(longest) / half)).exp()
    angles = t.float()[:, None] * frequencies
    return cat([angles.sin(), angles.cos()], 1)


class ResidualBlock(Module):
    """Two convolutions with group norms; between them, a shift for each channel from the embedded time."""

    def __init__(self, inner: int, outer: int, time: int, groups: int) -> None:
        super().__init__()
        self.first = Sequential(GroupNorm(math.gcd(groups, inner), inner), SiLU(), Conv2d(inner, outer, 3, padding=1))
        self.time = Sequential(SiLU(), Linear(time, outer))
        self.second = Sequential(GroupNorm(math.gcd(groups, outer), outer), SiLU(), Conv2d(outer, outer, 3, padding=1))
        self.skip = Conv2d(inner, outer, 1) if inner != outer else None
        init.zeros_(self.second[-1].weight)     # a new block changes nothing

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        h = self.second(self.first(x) + self.time(time)[:, :, None, None])
        return h + (x if self.skip is None else self.skip(x))


class SpatialAttention(Module):
    """Attention between the pixels of an image, or from pixels to the tokens (N, L, D) of a condition."""

    def __init__(self, channels: int, groups: int, heads: int = 1, tokens: int = 0) -> None:
        super().__init__()
        self.reads = bool(tokens)
        self.norm = GroupNorm(math.gcd(groups, channels), channels)
        self.attention = MultiheadAttention(channels, heads, batch_first=True, kdim=tokens or None, vdim=tokens or None)
        init.zeros_(self.attention.out_proj.weight)

    def forward(self, x: Tensor, tokens: Tensor | None = None) -> Tensor:
        pixels = self.norm(x).flatten(2).transpose(1, 2)
        seen = pixels if tokens is None else tokens
        found, _ = self.attention(pixels, seen, seen, need_weights=False)
        return x + found.transpose(1, 2).reshape(x.shape)


class UNet(Module):
    """A denoiser: the noise in images (N, C, H, W) at times (N,), of the same shape.

    width: channels of the first level; widths: its multiples, level by level, each at half the size of the one before.
    blocks: residual blocks a level. attention: the levels (from 0) with attention between pixels. classes: if not 0,
    labels (N,) are a third argument. tokens: if not 0, tokens (N, L, tokens) of a condition are, and attention reads
    them.

    Errors: ValueError if the size cannot be halved so often, or a condition is missing.

        >>> import minidl
        >>> from minidl.generative import UNet
        >>> net = UNet(1, width=8, widths=(1, 2), blocks=1, classes=10)
        >>> net(minidl.zeros(2, 1, 8, 8), minidl.tensor([0, 999]), minidl.tensor([3, 4])).shape
        (2, 1, 8, 8)
    """

    def __init__(self, channels: int = 1, width: int = 32, widths: Sequence[int] = (1, 2, 2), blocks: int = 2,
                 attention: Sequence[int] = (), classes: int = 0, tokens: int = 0, groups: int = 8) -> None:
        super().__init__()
        self.width, self.levels, self.tokens, time = width, len(widths), tokens, 4 * width
        self.time = Sequential(Linear(width, time), SiLU(), Linear(time, time))
        self.labels = Embedding(classes, time) if classes else None
        self.first = Conv2d(channels, width, 3, padding=1)
        sizes = [width * multiple for multiple in widths]

        def attend(level: int, size: int) -> list[Module]:
            if level not in attention:
                return []
            conditioned = [SpatialAttention(size, groups, tokens=tokens)] if tokens else []
            return [SpatialAttention(size, groups), *conditioned]

        self.down, self.up = ModuleList(), ModuleList()
        kept, now = [width], width
        for level, size in enumerate(sizes):
            for _ in range(blocks):
                self.down.append(ModuleList([ResidualBlock(now, size, time, groups), *attend(level, size)]))
                now = size
                kept.append(now)
            if level < self.levels - 1:
                self.down.append(ModuleList([Conv2d(now, now, 3, 2, 1)]))
                kept.append(now)
        self.middle = ModuleList([ResidualBlock(now, now, time, groups), SpatialAttention(now, groups),
                                  *([SpatialAttention(now, groups, tokens=tokens)] if tokens else []),
                                  ResidualBlock(now, now, time, groups)])
        for level, size in reversed(list(enumerate(sizes))):
            for _ in range(blocks + 1):
                self.up.append(ModuleList([ResidualBlock(now + kept.pop(), size, time, groups), *attend(level, size)]))
                now = size
            if level:
                self.up.append(ModuleList([Conv2d(now, now, 3, padding=1)]))
        self.last = Sequential(GroupNorm(math.gcd(groups, now), now), SiLU(), Conv2d(now, channels, 3, padding=1))
        init.zeros_(self.last[-1].weight)       # at first, all noise is said to be zero
        init.zeros_(self.last[-1].bias)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """condition: labels (N,), or tokens (N, L, D)."""
        factor = 2 ** (self.levels - 1)
        if x.shape[2] % factor or x.shape[3] % factor:
            raise ValueError(f"UNet: expected a height and a width that {factor} divides, to be halved on each level, "
                             f"but got {x.shape[2]}x{x.shape[3]}")
        if (self.labels is not None or self.tokens > 0) != (condition is not None):
            raise ValueError("UNet: expected a condition if and only if it was made with classes or tokens")
        time = self.time(time_embedding(t, self.width).to(x.dtype))
        if self.labels is not None:
            time, condition = time + self.labels(condition), None
        x = self.first(x)
        kept = [x]
        for parts in self.down:
            x = _run(parts, x, time, condition)
            kept.append(x)
        x = _run(self.middle, x, time, condition)
        for parts in self.up:
            if isinstance(parts[0], Conv2d):
                x = parts[0](F.interpolate(x, scale_factor=2.0, mode="nearest"))
            else:
                x = _run(parts, cat([x, kept.pop()], 1), time, condition)
        return self.last(x)


def _run(parts: ModuleList, x: Tensor, time: Tensor, condition: Tensor | None) -> Tensor:
    for part in parts:
        if isinstance(part, ResidualBlock):
            x = part(x, time)
        elif isinstance(part, SpatialAttention):
            x = part(x, condition if part.reads else None)
        else:
            x = part(x)
    return x
