"""RoIAlign: the mean of points in each bin of a region, between pixels."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.regions import PoolRegions, Regions, check_regions


def roi_align(input: Tensor, boxes: Tensor | Sequence[Tensor], output_size: int | Sequence[int],
              spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False) -> Tensor:
    """Average points between pixels in each bin of each region.

    input (N, C, H, W); boxes (K, 5), each with the number of its image first, or a list of N tensors (L, 4), as x1, y1,
    x2, y2. Returns (K, C, *output_size). Gradients pass to `input`, not to boxes.

    spatial_scale: pixels of `input` for each unit of the boxes, 1/16 for a map of that stride. sampling_ratio: bins
    have that many points along each side; from 0 down, one for each pixel begun. aligned: shift by half a pixel, so
    that pixel (0, 0) reaches from 0 to 1; else regions are also at least 1 wide and high, as they were first published.
    Between pixels the four neighbours are mixed. A point more than 1 outside of the image counts as 0. A region
    without points gives zeros.
    Errors: RuntimeError unless `input` is a batch of floating images and boxes name images in it; AssertionError for
    boxes of other shapes.
    Source: He et al., "Mask R-CNN", 2017, https://arxiv.org/abs/1703.06870

        >>> import minidl
        >>> from minidl.vision import ops
        >>> image = minidl.arange(16.).reshape(1, 1, 4, 4)
        >>> ops.roi_align(image, [minidl.tensor([[0., 0., 4., 4.]])], 2, sampling_ratio=1, aligned=True)
        tensor([[[[ 2.5000,  4.5000],
                  [10.5000, 12.5000]]]])
    """
    images, corners, size = check_regions("roi_align", input, boxes, output_size)
    return mean_of_points(input, images, corners, size, spatial_scale, sampling_ratio, aligned)


def mean_of_points(input: Tensor, images: np.ndarray, corners: np.ndarray, size: tuple[int, int],
                    spatial_scale: float, sampling_ratio: int, aligned: bool,
                    position_sensitive: bool = False) -> Tensor:
    corners = corners * spatial_scale - (0.5 if aligned else 0.0)
    starts, sides = corners[:, :2], corners[:, 2:] - corners[:, :2]
    if not aligned:
        sides = np.maximum(sides, 1)
    rows, columns = [_weights(starts[:, axis], sides[:, axis], bins, n, sampling_ratio)
                     for axis, bins, n in ((1, size[0], input.shape[2]), (0, size[1], input.shape[3]))]
    return PoolRegions(Regions(images, rows, columns, input.shape, position_sensitive))(input)


def _weights(start: np.ndarray, side: np.ndarray, bins: int, n: int, sampling_ratio: int) -> np.ndarray:
    """How much each of n pixels along one axis counts in each bin.

    start (K,), side (K,) -> (K, bins, n). A point at x, moved into the image, takes max(0, 1 - |x - i|) of pixel i.
    """
    width = side / bins
    points = np.full(len(side), sampling_ratio) if sampling_ratio > 0 else np.ceil(width).astype(np.int64)
    corner = np.arange(bins, dtype=side.dtype) * width[:, None] + start[:, None]            # (K, bins)
    pixels = np.arange(n, dtype=side.dtype)
    weights = np.zeros((len(side), bins, n), side.dtype)
    for point in range(int(points.max(initial=0))):
        some = points > point
        between = width[some] / points[some].astype(side.dtype)
        x = corner[some] + (point + 0.5) * between[:, None]
        inside = (x >= -1) & (x <= n)
        x = np.clip(x, 0, n - 1)[..., None]
        weights[some] += np.maximum(1 - abs(x - pixels), 0) * inside[..., None]
    return weights / np.maximum(points, 1).astype(side.dtype)[:, None, None]


class RoIAlign(Module):
    """`roi_align` as a layer.

        >>> from minidl.vision import ops
        >>> ops.RoIAlign(7, spatial_scale=0.25, sampling_ratio=2)
        RoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2, aligned=False)
    """

    def __init__(self, output_size: int | Sequence[int], spatial_scale: float, sampling_ratio: int,
                 aligned: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def extra_repr(self) -> str:
        return (f"output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
                f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned}")
