"""DropBlock: dropout of whole squares, since neighbours would replace a dropped pixel."""
from __future__ import annotations

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
    check_floating("drop_block2d", input=input)
    if not 0 <= p <= 1:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if input.ndim != 4:
        raise ValueError(f"input should be 4 dimensional. Got {input.ndim} dimensions.")
    if natural("drop_block2d", "block_size", block_size) == 0:
        raise RuntimeError("drop_block2d: block_size must be at least 1, but got 0")
    if not training or p == 0 or not input.numel():
        return input
    N, C, H, W = input.shape
    size = min(block_size, H, W)
    rows, columns = H - size + 1, W - size + 1      # possible corners of a square
    gamma = p * H * W / (size ** 2 * rows * columns)
    corners = (rand(N, C, rows, columns, device=input.device) < gamma).to(input.dtype)
    # a pixel is dropped if any of the size^2 places up and left of it is a corner
    mask = 1 - F.max_pool2d(F.pad(corners, (size - 1,) * 4), size, stride=1)
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
