"""Position-sensitive RoIPool: the mean of pixels in each bin, from channels of its own."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.tensors.tensor import Tensor
from minidl.vision.ops.regions import PoolRegions, Regions, check_regions
from minidl.vision.ops.roi_pool import Edges, RoIPool, edges, rounded


def ps_roi_pool(input: Tensor, boxes: Tensor | Sequence[Tensor], output_size: int | Sequence[int],
                spatial_scale: float = 1.0) -> Tensor:
    """Average pixels in each bin, from channels of its own.

    input (N, C, H, W) -> (K, C / (height * width), height, width) for an output_size of (height, width): bin (i, j) of
    channel c is taken from channel (c * height + i) * width + j. boxes: as for `roi_pool`, but that the pixel at x2, y2
    does not belong to the region, and the last row and column of the image belong to none, as in torchvision.
    Errors: as `roi_align`, and RuntimeError unless C is a multiple of the number of bins.
    Source: Dai et al., "R-FCN", 2016, https://arxiv.org/abs/1605.06409

        >>> import minidl
        >>> from minidl.vision import ops
        >>> constants = minidl.arange(4.).reshape(1, 4, 1, 1).expand(1, 4, 6, 6)
        >>> ops.ps_roi_pool(constants, [minidl.tensor([[1., 1., 5., 5.]])], 2)
        tensor([[[[0., 1.],
                  [2., 3.]]]])
    """
    images, corners, (height, width) = check_regions("ps_roi_pool", input, boxes, output_size, position_sensitive=True)
    corners = rounded(corners * spatial_scale)
    sides = np.maximum(corners[:, 2:] - corners[:, :2], 1)
    rows, columns = [_shares(edges(corners[:, axis], sides[:, axis], bins, n - 1, corners.dtype), n)
                     for axis, bins, n in ((1, height, input.shape[2]), (0, width, input.shape[3]))]
    return PoolRegions(Regions(images, rows, columns, input.shape, position_sensitive=True))(input)


def _shares(edges: Edges, n: int) -> np.ndarray:
    """1 over the number of pixels, for those of n that are in the bin: (K, bins, n)."""
    first, end = edges[0][..., None], edges[1][..., None]
    pixels = np.arange(n)
    return ((pixels >= first) & (pixels < end)) / np.maximum(end - first, 1)


class PSRoIPool(RoIPool):
    """`ps_roi_pool` as a layer.

        >>> from minidl.vision import ops
        >>> ops.PSRoIPool(7, spatial_scale=0.0625)
        PSRoIPool(output_size=7, spatial_scale=0.0625)
    """

    function = staticmethod(ps_roi_pool)
