"""DropBlock: dropout of whole squares, since neighbours would replace a dropped pixel."""
from __future__ import annotations

import math

from minidl.backend.dtype import float64
from minidl.nn import functional as F
from minidl.nn.module import Module
from minidl.ops.base import check_floating, natural
from minidl.tensors.creation import rand
from minidl.tensors.tensor import Tensor


def drop_block2d(input: Tensor, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6,
                 training: bool = True) -> Tensor:
    """Set random squares in each channel to 0.

    They cover about a share p of all pixels. The rest is scaled up, so that the sum stays the same on average. When not
    training: `input` itself.

    input (N, C, H, W). A square of side block_size starts at each place where it fits with probability

        gamma = p H W / (block_size^2 (H - block_size + 1) (W - block_size + 1))

    inplace: write into the memory of `input`. eps: against division by 0 where all is dropped. A block larger than
    the image is cut to its size.
    Errors: ValueError where p is not between 0 and 1, or input does not have 4 dimensions; TypeError or RuntimeError
    unless block_size is an int of at least 1.
    Source: Ghiasi, Lin and Le, "DropBlock", 2018, https://arxiv.org/abs/1810.12890

        >>> import minidl
        >>> from minidl.vision import ops
        >>> y = ops.drop_block2d(minidl.ones(1, 1, 4, 4), p=0.5, block_size=4)
        >>> len(set(y.flatten().tolist()))       # all or nothing
        1
    """
    return _drop_block("drop_block2d", input, 2, p, block_size, inplace, eps, training)


def drop_block3d(input: Tensor, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6,
                 training: bool = True) -> Tensor:
    """`drop_block2d` of videos (N, C, D, H, W): set random cubes in each channel to 0.

    Errors: ValueError where p is not between 0 and 1, input does not have 5 dimensions, or block_size, cut to that of
    the video, is even; otherwise those of `drop_block2d`.

        >>> import minidl
        >>> from minidl.vision import ops
        >>> y = ops.drop_block3d(minidl.ones(1, 1, 3, 3, 3), p=0.5, block_size=3)
        >>> len(set(y.flatten().tolist()))       # all or nothing
        1
    """
    return _drop_block("drop_block3d", input, 3, p, block_size, inplace, eps, training)


def _drop_block(who: str, input: Tensor, dims: int, p: float, block_size: int, inplace: bool, eps: float,
                training: bool) -> Tensor:
    """Of the last `dims` dimensions, 2 or 3."""
    check_floating(who, input=input)
    if not 0 <= p <= 1:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if input.ndim != dims + 2:
        raise ValueError(f"input should be {dims + 2} dimensional. Got {input.ndim} dimensions.")
    if natural(who, "block_size", block_size) == 0:
        raise RuntimeError(f"{who}: block_size must be at least 1, but got 0")
    if not training or p == 0 or not input.numel():
        return input
    sides = input.shape[2:]
    size = min(block_size, *sides)
    if dims == 3 and size % 2 == 0:
        raise ValueError(f"block size should be odd. Got {size} which is even.")
    places = [side - size + 1 for side in sides]            # possible corners of a block
    gamma = p * math.prod(sides) / (size ** dims * math.prod(places))
    corners = (rand(*input.shape[:2], *places, device=input.device) < gamma).to(input.dtype)
    # a pixel is dropped if any of the size^dims places up and left of it is a corner
    max_pool = F.max_pool2d if dims == 2 else F.max_pool3d
    mask = 1 - max_pool(F.pad(corners, (size - 1,) * (2 * dims)), size, stride=1)
    scale = mask.numel() / (mask.sum(dtype=float64) + eps)      # the largest float16 is 65504
    mask = mask * scale.to(mask.dtype)
    return input.mul_(mask) if inplace else input * mask


class DropBlock2d(Module):
    """`drop_block2d` as a layer.

        >>> from minidl.vision import ops
        >>> ops.DropBlock2d(0.1, block_size=7)
        DropBlock2d(p=0.1, block_size=7, inplace=False)
    """

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size
        self.inplace = inplace
        self.eps = eps

    def forward(self, input: Tensor) -> Tensor:
        return drop_block2d(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}"


class DropBlock3d(DropBlock2d):
    """`drop_block3d` as a layer.

        >>> from minidl.vision import ops
        >>> ops.DropBlock3d(0.1, block_size=7)
        DropBlock3d(p=0.1, block_size=7, inplace=False)
    """

    def forward(self, input: Tensor) -> Tensor:
        return drop_block3d(input, self.p, self.block_size, self.inplace, self.eps, self.training)
