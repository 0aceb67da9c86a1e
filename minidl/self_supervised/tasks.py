"""Tasks whose labels an image brings along: which way is up, how do its tiles go together."""
from __future__ import annotations

import itertools

import numpy as np

from minidl.ops.shape import cat
from minidl.tensors.creation import arange, from_numpy
from minidl.tensors.tensor import Tensor


def rotated(images: Tensor) -> tuple[Tensor, Tensor]:
    """Square images (N, C, S, S) in all four directions, and how often each was turned by 90 degrees: (4N, ...), (4N,).

    Who tells the turns apart must know what stands in the image, and which way it stands.

    Errors: ValueError for images that are not square.
    Source: Gidaris, Singh and Komodakis, "Unsupervised Representation Learning by Predicting Image Rotations", 2018,
    https://arxiv.org/abs/1803.07728

        >>> import minidl
        >>> from minidl.self_supervised import rotated
        >>> rotated(minidl.tensor([[[[1, 2], [3, 4]]]]))[0].flatten(1)
        tensor([[1, 2, 3, 4],
                [2, 4, 1, 3],
                [4, 3, 2, 1],
                [3, 1, 4, 2]])
    """
    if images.ndim != 4 or images.shape[2] != images.shape[3]:
        raise ValueError(f"rotated: expected square images (N, C, S, S), but got {tuple(images.shape)}")
    turned = cat([images.rot90(turns, (2, 3)) for turns in range(4)])
    return turned, arange(4).repeat_interleave(len(images)).to(images.device)


def tile_orders(tiles: int, count: int) -> Tensor:
    """`count` orders of so many tiles, (count, tiles), each as far from those before it as can be: a jigsaw's labels.

    The next order is the first, in lexicographic order, with the largest smallest number of places where it differs.

    Errors: ValueError for more orders than there are, and for more than 9 tiles, whose orders are too many to list.
    Source: Noroozi and Favaro, "Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles", 2016,
    https://arxiv.org/abs/1603.09246, which draws the first at random.

        >>> from minidl.self_supervised import tile_orders
        >>> tile_orders(4, 3)
        tensor([[0, 1, 2, 3],
                [1, 0, 3, 2],
                [2, 3, 0, 1]])
    """
    if not 2 <= tiles <= 9:
        raise ValueError(f"tile_orders: expected 2 to 9 tiles, but got {tiles}")
    orders = np.array(list(itertools.permutations(range(tiles))), np.int64)
    if not 1 <= count <= len(orders):
        raise ValueError(f"tile_orders: expected from 1 to {len(orders)} orders of {tiles} tiles, but got {count}")
    chosen, distance = [0], (orders != orders[0]).sum(1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, (orders != orders[chosen[-1]]).sum(1))
    return from_numpy(orders[chosen])


def shuffled(images: Tensor, orders: Tensor, side: int) -> Tensor:
    """Images (N, C, H, W) cut into side * side tiles, which are put together in other orders.

    orders: (N, side * side); number k of a row is the tile that comes to place k, both counted row by row.
    Errors: ValueError where the image cannot be cut so, and unless there is an order for each.

        >>> import minidl
        >>> from minidl.self_supervised import shuffled
        >>> shuffled(minidl.tensor([[[[1, 2], [3, 4]]]]), minidl.tensor([[3, 2, 0, 1]]), 2)
        tensor([[[[4, 3],
                  [1, 2]]]])
    """
    if images.ndim != 4 or images.shape[2] % side or images.shape[3] % side or \
            tuple(orders.shape) != (len(images), side * side):
        raise ValueError(f"shuffled: expected images (N, C, H, W) whose sides are multiples of {side}, and orders "
                         f"(N, {side * side}), but got {tuple(images.shape)} and {tuple(orders.shape)}")
    n, c, h, w = images.shape
    tiles = images.reshape(n, c, side, h // side, side, w // side).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    tiles = tiles[arange(n).to(images.device)[:, None], orders]                      # (N, tiles, C, h, w)
    return tiles.unflatten(1, (side, side)).permute(0, 3, 1, 4, 2, 5).reshape(n, c, h, w)
