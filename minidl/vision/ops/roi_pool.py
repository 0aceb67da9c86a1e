"""RoIPool: the largest pixel in each bin of a region."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.nn.module import Module
from minidl.ops.elementwise import where
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.regions import check_regions


def roi_pool(input: Tensor, boxes: Tensor | Sequence[Tensor], output_size: int | Sequence[int],
             spatial_scale: float = 1.0) -> Tensor:
    """Take the largest pixel in each bin of each region.

    input (N, C, H, W); boxes (K, 5), each with the number of its image first, or a list of N tensors (L, 4), as x1, y1,
    x2, y2. Returns (K, C, *output_size). Gradients pass to the largest pixels, the first among equals.

    Corners times spatial_scale are rounded, and the pixel at x2, y2 belongs to the region. Bins are widened to whole
    pixels, so that neighbours may share some, and cut off at the edges of the image. An empty bin gives 0.
    Errors: as `roi_align`.
    Source: Girshick, "Fast R-CNN", 2015, https://arxiv.org/abs/1504.08083

        >>> import minidl
        >>> from minidl.vision import ops
        >>> image = minidl.arange(16.).reshape(1, 1, 4, 4)
        >>> ops.roi_pool(image, [minidl.tensor([[0., 0., 2., 2.]])], 2)     # 3 pixels wide: both bins have the middle
        tensor([[[[ 5.,  6.],
                  [ 9., 10.]]]])
    """
    images, corners, (height, width) = check_regions("roi_pool", input, boxes, output_size)
    corners = rounded(corners * spatial_scale)
    sides = np.maximum(corners[:, 2:] - corners[:, :2] + 1, 1)
    rows = edges(corners[:, 1], sides[:, 1], height, input.shape[2], corners.dtype)
    columns = edges(corners[:, 0], sides[:, 0], width, input.shape[3], corners.dtype)
    position = _positions_of_largest(input.array, images, rows, columns)
    empty = (rows[0] == rows[1])[:, None, :, None] | (columns[0] == columns[1])[:, None, None, :]
    largest = input.reshape(-1)[wrap(position)]
    return where(from_numpy(empty).to(input.device), 0.0, largest) if empty.any() else largest


Edges = tuple[np.ndarray, np.ndarray]
"""The first pixel of each bin, and the one after the last: both (K, bins)."""


def rounded(x: np.ndarray) -> np.ndarray:
    """To whole numbers, halves away from 0, as C does it."""
    return np.copysign(np.floor(abs(x) + 0.5), x)


def edges(start: np.ndarray, side: np.ndarray, bins: int, n: int, dtype: np.dtype) -> Edges:
    """The bins of regions along one axis, from 0 to n: starts (K,), sides (K,)."""
    width, start, bin = (side / bins).astype(dtype)[:, None], start[:, None], np.arange(bins, dtype=dtype)
    return (np.clip(np.floor(bin * width) + start, 0, n).astype(np.int64),
            np.clip(np.ceil((bin + 1) * width) + start, 0, n).astype(np.int64))


def _positions_of_largest(x: Array, images: np.ndarray, rows: Edges, columns: Edges) -> Array:
    """Where in the whole batch the largest pixel of each bin is: (K, C, height, width).

    For an empty bin that is any pixel. The largest of each row within a bin's columns is found first, then the
    largest of those: the first among equals is then the first row by row.
    """
    xp, (_, C, H, W) = array_module(x), x.shape
    position = xp.zeros((len(images), C, rows[0].shape[1], columns[0].shape[1]), np.int64)
    for k, image in enumerate(images.tolist()):
        channel = (image * C + xp.arange(C))[:, None]                                   # (C, 1)
        part = x[image, :, rows[0][k, 0]:rows[1][k, -1]]                                # (C, h, W)
        nothing = xp.zeros(part.shape[:2], np.int64)
        at = xp.stack([left + part[..., left:right].argmax(-1) if left < right else nothing
                       for left, right in zip(columns[0][k].tolist(), columns[1][k].tolist())], -1)
        largest = xp.take_along_axis(part, at, -1)                                      # (C, h, width)
        for i, (top, bottom) in enumerate(zip(rows[0][k].tolist(), rows[1][k].tolist())):
            if top < bottom:
                inside = slice(top - int(rows[0][k, 0]), bottom - int(rows[0][k, 0]))
                row = largest[:, inside].argmax(1)                                      # (C, width)
                column = xp.take_along_axis(at[:, inside], row[:, None], 1)[:, 0]
                position[k, :, i] = (channel * H + top + row) * W + column
    return position


class RoIPool(Module):
    """`roi_pool` as a layer.

        >>> from minidl.vision import ops
        >>> ops.RoIPool(7, spatial_scale=0.0625)
        RoIPool(output_size=7, spatial_scale=0.0625)
    """

    function = staticmethod(roi_pool)

    def __init__(self, output_size: int | Sequence[int], spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        return self.function(input, rois, self.output_size, self.spatial_scale)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, spatial_scale={self.spatial_scale}"
