"""Move channels into pixels and back, and reorder channels: elements are only rearranged."""
from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from minidl.ops.base.declaration import public
from minidl.ops.shape.views import copy_if_view, permute, reshape

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Enlarge an image r times with its channels: (*, C*r*r, H, W) -> (*, C, H*r, W*r), r = upscale_factor.

    The r*r channels of a pixel become its r x r square. Networks that enlarge images compute at the small size, and
    do this at the end.
    Errors: RuntimeError where r*r does not divide the channels, TypeError unless r is an int.

    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016, https://arxiv.org/abs/1609.05158

        >>> import minidl
        >>> x = minidl.tensor([[[1.]], [[2.]], [[3.]], [[4.]]])
        >>> minidl.nn.functional.pixel_shuffle(x, 2)
        tensor([[[1., 2.],
                 [3., 4.]]])
    """
    r = _factor("pixel_shuffle", input, upscale_factor, "upscale_factor")
    *batch, channels, H, W = input.shape
    if channels % (r * r):
        raise RuntimeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}")
    C, n = channels // (r * r), len(batch)
    squares = reshape(input, (*batch, C, r, r, H, W))
    rows = permute(squares, (*range(n + 1), n + 3, n + 1, n + 4, n + 2))      # (*, C, H, r, W, r)
    return copy_if_view(input, reshape(rows, (*batch, C, H * r, W * r)))


@public
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`: (*, C, H*r, W*r) -> (*, C*r*r, H, W), r = downscale_factor.

    Errors: RuntimeError where r does not divide height and width, TypeError unless r is an int.

        >>> import minidl
        >>> x = minidl.tensor([[[1., 2.], [3., 4.]]])
        >>> minidl.nn.functional.pixel_unshuffle(x, 2).flatten()
        tensor([1., 2., 3., 4.])
    """
    r = _factor("pixel_unshuffle", input, downscale_factor, "downscale_factor")
    *batch, C, height, width = input.shape
    for name, length, dim in (("height", height, -2), ("width", width, -1)):
        if length % r:
            raise RuntimeError(f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                               f"input.size({dim})={length} is not divisible by {r}")
    H, W, n = height // r, width // r, len(batch)
    rows = reshape(input, (*batch, C, H, r, W, r))
    squares = permute(rows, (*range(n + 1), n + 2, n + 4, n + 1, n + 3))      # (*, C, r, r, H, W)
    return copy_if_view(input, reshape(squares, (*batch, C * r * r, H, W)))


@public
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Deal the channels of (N, C, *) out: the first of each group, then the second of each, ...

    A grouped convolution that follows then sees channels of all groups.
    Errors: RuntimeError where groups does not divide C, or is not positive.

    Source: Zhang et al., "ShuffleNet", 2017, https://arxiv.org/abs/1707.01083

        >>> import minidl
        >>> x = minidl.tensor([[[1.], [2.], [3.], [4.]]])
        >>> minidl.nn.functional.channel_shuffle(x, 2).flatten()
        tensor([1., 3., 2., 4.])
    """
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, (N, C, ...), but got input with sizes "
                           f"{tuple(input.shape)}")
    groups = _int("channel_shuffle", groups, "groups")
    if groups < 1:
        raise RuntimeError(f"channel_shuffle: Number of groups to divide channels in must be positive. Value of "
                           f"groups: {groups}")
    N, C, *size = input.shape
    if C % groups:
        raise RuntimeError(f"channel_shuffle: Number of channels must be divisible by groups. Got {C} channels and "
                           f"{groups} groups.")
    dealt = permute(reshape(input, (N, groups, C // groups, *size)), (0, 2, 1, *range(3, input.ndim + 1)))
    return copy_if_view(input, reshape(dealt, input.shape))


def _factor(who: str, input: Any, factor: Any, name: str) -> int:
    if input.ndim < 3:
        raise RuntimeError(f"{who} expects input to have at least 3 dimensions, but got input with {input.ndim} "
                           f"dimension(s)")
    factor = _int(who, factor, name)
    if factor < 1:
        raise RuntimeError(f"{who} expects a positive {name}, but got {factor}")
    return factor


def _int(who: str, value: Any, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{who}(): argument '{name}' must be int, not {type(value).__name__}") from None
