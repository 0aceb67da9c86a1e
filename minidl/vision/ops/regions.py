"""Regions of interest: boxes in images, divided into bins, of which each becomes one number.

All pooling here but that of the maximum is linear, and treats rows and columns one after the other. What a region
becomes is Wy x Wx^T, with two small matrices that hold the weights of rows and of columns in each bin. The ways of
pooling differ in those matrices alone (`roi_align.py`, `roi_pool.py`).
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minidl.autograd import Op
from minidl.autograd.op import Value
from minidl.backend.device import Array, array_module, to_numpy
from minidl.ops.base import check_floating, check_tensors
from minidl.tensors.tensor import Tensor


class Region(NamedTuple):
    """The part of an image that a region needs; weights of rows (bins, h), columns (bins, w)."""

    image: int
    top: int
    left: int
    rows: np.ndarray
    columns: np.ndarray


class Regions:
    """All regions of a batch: where they are, and how they are pooled and put back.

    shape (N, C, H, W) is the batch's, size = (height, width) the number of bins. position_sensitive: every bin has
    channels of its own, so that C of them give C / (height width).
    """

    def __init__(self, images: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: Sequence[int],
                 position_sensitive: bool = False) -> None:
        """images (K,), weights of rows (K, height, H) and of columns (K, width, W)."""
        self.shape, self.size = tuple(shape), (rows.shape[1], columns.shape[1])
        self.position_sensitive = position_sensitive
        self.channels = self.shape[1] // math.prod(self.size) if position_sensitive else self.shape[1]
        tops, bottoms = _ends(rows)
        lefts, rights = _ends(columns)
        self.regions = [
            Region(int(image), int(top), int(left), wy[:, top:bottom], wx[:, left:right])
            for image, top, bottom, left, right, wy, wx in zip(images, tops, bottoms, lefts, rights, rows, columns)
        ]

    def pool(self, x: Array) -> Array:
        """(N, C, H, W) -> (K, channels, height, width)"""
        xp = array_module(x)
        y = xp.empty((len(self.regions), self.channels, *self.size), x.dtype)
        for k, region in enumerate(self.regions):
            wy, wx = xp.asarray(region.rows, x.dtype), xp.asarray(region.columns, x.dtype)
            part = self.part(x, region)
            if self.position_sensitive:     # (channels, i, j, h, w): bin (i, j) weighs with row i of wy and j of wx
                y[k] = (wy[:, None, None] @ part @ wx[:, :, None])[..., 0, 0]
            else:
                y[k] = wy @ part @ wx.T
        return y

    def put_back(self, g: Array) -> Array:
        """(K, channels, height, width) -> (N, C, H, W): the transposed map, which adds up where regions overlap."""
        xp = array_module(g)
        x = xp.zeros(self.shape, g.dtype)
        for k, region in enumerate(self.regions):
            wy, wx = xp.asarray(region.rows, g.dtype), xp.asarray(region.columns, g.dtype)
            part = self.part(x, region)
            if self.position_sensitive:
                part += wy[:, None, :, None] * (g[k][..., None, None] * wx[:, None])
            else:
                part += wy.T @ g[k] @ wx
        return x

    def part(self, x: Array, region: Region) -> Array:
        """A view: (C, h, w), or (channels, height, width, h, w) where bins have channels of their own."""
        image, top, left, rows, columns = region
        part = x[image, :, top:top + rows.shape[1], left:left + columns.shape[1]]
        return part.reshape(self.channels, *self.size, *part.shape[1:]) if self.position_sensitive else part


class PoolRegions(Op):
    """y_k = Wy_k x Wx_k^T"""

    def __init__(self, regions: Regions) -> None:
        self.regions = regions

    def forward(self, x: Array) -> Array:
        return self.regions.pool(x)

    def grad_x(self, g: Value) -> Value:
        return PutBackRegions(self.regions)(g)


class PutBackRegions(Op):
    """x = the sum over k of Wy_k^T y_k Wx_k"""

    def __init__(self, regions: Regions) -> None:
        self.regions = regions

    def forward(self, y: Array) -> Array:
        return self.regions.put_back(y)

    def grad_y(self, g: Value) -> Value:
        return PoolRegions(self.regions)(g)


def _ends(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first pixel that counts in any bin of each region, and the end.

    (K, bins, n) -> (K,), (K,)
    """
    n = weights.shape[2]
    if not n:
        return np.zeros(len(weights), int), np.zeros(len(weights), int)
    counts = (weights != 0).any(axis=1)
    some = counts.any(axis=1)
    return np.where(some, counts.argmax(1), 0), np.where(some, n - counts[:, ::-1].argmax(1), 0)


# ---------------------------------------------------------------------- arguments


def check_regions(who: str, input: Tensor, boxes: Tensor | Sequence[Tensor], output_size: int | Sequence[int],
                  position_sensitive: bool = False) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """The image of each box (K,), the boxes (K, 4), and the numbers of bins.

    Boxes are in the dtype of the computation.
    Errors: as `roi_align` says.
    """
    check_floating(who, input=input)
    if input.ndim != 4:
        raise RuntimeError(f"{who}: expected input (N, C, H, W), but got {tuple(input.shape)}")
    images, corners = _boxes_of_images(who, boxes)
    if len(images) and (images.min() < 0 or images.max() >= len(input)):
        raise RuntimeError(f"{who}: expected boxes of images 0 to {len(input) - 1}, but got one of image "
                           f"{images.max() if images.min() >= 0 else images.min()}")
    height, width = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    if min(height, width) < 1:
        raise RuntimeError(f"{who}: expected an output_size of at least one bin, but got {(height, width)}")
    if min(input.shape[2:]) < 1 and len(images):
        raise RuntimeError(f"{who}: expected input with pixels, but got {tuple(input.shape)}")
    if position_sensitive and input.shape[1] % (height * width):
        raise RuntimeError(f"{who}: input channels must be a multiple of pooling height * pooling width, but got "
                           f"{input.shape[1]} channels for {height} * {width} bins")
    return images, corners.astype(np.float32 if input.dtype.itemsize < 4 else input.dtype), (height, width)


def _boxes_of_images(who: str, boxes: Tensor | Sequence[Tensor]) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(boxes, Tensor):
        if boxes.ndim != 2 or boxes.shape[1] != 5:
            raise AssertionError(f"{who}: The boxes tensor shape is not correct as Tensor[K, 5], with the number of "
                                 f"the image before each box: got {tuple(boxes.shape)}")
        table = to_numpy(boxes.array)
        return table[:, 0].astype(np.int64), table[:, 1:]
    if not isinstance(boxes, (list, tuple)):
        raise AssertionError(f"{who}: boxes is expected to be a Tensor[L, 5] or a List[Tensor[K, 4]], but got "
                             f"{type(boxes).__name__}")
    for i, each in enumerate(boxes):
        check_tensors(who, **{f"boxes[{i}]": each})
        if each.ndim != 2 or each.shape[1] != 4:
            raise AssertionError(f"{who}: The shape of the tensor in the boxes list is not correct as "
                                 f"List[Tensor[L, 4]]: boxes[{i}] is {tuple(each.shape)}")
    images = np.repeat(np.arange(len(boxes)), [len(each) for each in boxes])
    return images, np.concatenate([np.zeros((0, 4), np.float32), *(to_numpy(each.array) for each in boxes)])
