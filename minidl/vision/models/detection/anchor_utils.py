"""Boxes to start from: at every pixel of every map some of several sizes and shapes."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minidl.backend.dtype import float32
from minidl.nn.module import Module
from minidl.ops.shape import cat, meshgrid, stack
from minidl.tensors.creation import arange, as_tensor
from minidl.tensors.tensor import Tensor
from minidl.vision.models.detection.image_list import ImageList

Shapes = Sequence[Sequence[float]]


class AnchorGenerator(Module):
    """Anchors of several sizes and shapes around each pixel of each map.

    Called with an `ImageList` and the maps (N, C, H_i, W_i), it returns a tensor (A, 4) for each image: map by map, row
    by row, pixel by pixel, shape by shape, and sizes last.

    Args:
        sizes: for each map the sides of squares with the anchors' areas, in pixels of the image. A flat list has one
            for each map.
        aspect_ratios: for each map height / width of anchors. A flat list holds for all maps.

    Errors: AssertionError unless there are as many maps as sizes and aspect_ratios.

        >>> import minidl
        >>> from minidl.vision.models.detection.anchor_utils import AnchorGenerator
        >>> from minidl.vision.models.detection.image_list import ImageList
        >>> anchors = AnchorGenerator(sizes=((8, 16),), aspect_ratios=((1.0,),))
        >>> anchors.num_anchors_per_location()
        [2]
        >>> anchors(ImageList(minidl.zeros(1, 3, 32, 32), [(32, 32)]), [minidl.zeros(1, 4, 4, 4)])[0][2:4]
        tensor([[ 4., -4., 12.,  4.],
                [ 0., -8., 16.,  8.]])
    """

    def __init__(self, sizes: Shapes | Sequence[float] = ((128, 256, 512),),
                 aspect_ratios: Shapes | Sequence[float] = ((0.5, 1.0, 2.0),)) -> None:
        super().__init__()
        of_maps: Any = sizes if isinstance(sizes[0], (list, tuple)) else tuple((size,) for size in sizes)
        ratios: Any = aspect_ratios if isinstance(aspect_ratios[0], (list, tuple)) else (aspect_ratios,) * len(of_maps)
        self.sizes: Shapes = of_maps
        self.aspect_ratios: Shapes = ratios
        self.cell_anchors = [self.generate_anchors(*shapes) for shapes in zip(self.sizes, self.aspect_ratios)]

    def generate_anchors(self, scales: Sequence[float], aspect_ratios: Sequence[float], dtype: Any = float32,
                         device: Any = "cpu") -> Tensor:
        """The anchors around (0, 0) of one map, in whole pixels: (len(aspect_ratios) * len(scales), 4)."""
        sides = as_tensor(scales, dtype=dtype, device=device)
        ratios = as_tensor(aspect_ratios, dtype=dtype, device=device).sqrt()
        widths, heights = ((ratio[:, None] * sides).flatten() for ratio in (1 / ratios, ratios))
        return (stack([-widths, -heights, widths, heights], 1) / 2).round()

    def set_cell_anchors(self, dtype: Any, device: Any) -> None:
        """Cast the anchors around (0, 0)."""
        self.cell_anchors = [anchors.to(dtype=dtype, device=device) for anchors in self.cell_anchors]

    def num_anchors_per_location(self) -> list[int]:
        """How many anchors a pixel of each map has."""
        return [len(sizes) * len(ratios) for sizes, ratios in zip(self.sizes, self.aspect_ratios)]

    def grid_anchors(self, grid_sizes: Sequence[Sequence[int]],
                     strides: Sequence[Sequence[int | Tensor]]) -> list[Tensor]:
        """The anchors of each map of this (height, width), whose pixels are (height, width) apart in the image."""
        if not len(grid_sizes) == len(strides) == len(self.cell_anchors):
            raise AssertionError(
                f"Anchors should be Tuple[Tuple[int]] because each feature map could potentially have different sizes "
                f"and aspect ratios. There needs to be a match between the number of feature maps passed "
                f"({len(grid_sizes)}) and the number of sizes / aspect ratios specified ({len(self.cell_anchors)}).")
        found = []
        for (height, width), (down, right), cell in zip(grid_sizes, strides, self.cell_anchors):
            y, x = meshgrid(arange(height, device=cell.device) * down, arange(width, device=cell.device) * right,
                            indexing="ij")
            shifts = stack([x.flatten(), y.flatten()] * 2, 1)
            found.append((shifts[:, None] + cell).reshape(-1, 4))
        return found

    def forward(self, image_list: ImageList, feature_maps: Sequence[Tensor]) -> list[Tensor]:
        grids = [each.shape[-2:] for each in feature_maps]
        height, width = image_list.tensors.shape[-2:]
        self.set_cell_anchors(feature_maps[0].dtype, feature_maps[0].device)
        anchors = cat(self.grid_anchors(grids, [(height // rows, width // columns) for rows, columns in grids]))
        return [anchors] * len(image_list.image_sizes)


class DefaultBoxGenerator(Module):
    """The default boxes of SSD: around each pixel of each map two squares, and a wide and a tall box for each ratio.

    Called as an `AnchorGenerator`.

    Args:
        aspect_ratios: for each map the ratios of sides beside 1.
        min_ratio, max_ratio: sides of the squares of the first and the last map, as shares of the image; used unless
            scales are given.
        scales: the side of a square for each map, as a share of the image, and one more.
        steps: for each map how many pixels of the image are one of its own; if not given, seen from its size.
        clip: no width or height above that of the image.

    Errors: ValueError unless there are as many steps as maps.

        >>> from minidl.vision.models.detection.anchor_utils import DefaultBoxGenerator
        >>> DefaultBoxGenerator([[2], [2, 3]]).num_anchors_per_location()
        [4, 6]
    """

    def __init__(self, aspect_ratios: Shapes, min_ratio: float = 0.15, max_ratio: float = 0.9,
                 scales: Sequence[float] | None = None, steps: Sequence[int] | None = None,
                 clip: bool = True) -> None:
        super().__init__()
        if steps is not None and len(aspect_ratios) != len(steps):
            raise ValueError(f"aspect_ratios and steps should have the same length, but got {len(aspect_ratios)} and "
                             f"{len(steps)}")
        self.aspect_ratios = aspect_ratios
        self.steps = steps
        self.clip = clip
        maps = len(aspect_ratios)
        if scales is not None:
            self.scales = scales
        elif maps > 1:
            self.scales = [*(min_ratio + (max_ratio - min_ratio) * k / (maps - 1) for k in range(maps)), 1.0]
        else:
            self.scales = [min_ratio, max_ratio]
        self._wh_pairs = self._generate_wh_pairs(maps)

    def _generate_wh_pairs(self, num_outputs: int, dtype: Any = float32, device: Any = "cpu") -> list[Tensor]:
        """Widths and heights of each map's boxes, as shares of the image."""
        pairs = []
        for k in range(num_outputs):
            side, between = self.scales[k], math.sqrt(self.scales[k] * self.scales[k + 1])
            of_map = [[side, side], [between, between]]
            for root in map(math.sqrt, self.aspect_ratios[k]):
                of_map += [[side * root, side / root], [side / root, side * root]]
            pairs.append(as_tensor(of_map, dtype=dtype, device=device))
        return pairs

    def num_anchors_per_location(self) -> list[int]:
        """How many boxes a pixel of each map has."""
        return [2 + 2 * len(ratios) for ratios in self.aspect_ratios]

    def _grid_default_boxes(self, grid_sizes: Sequence[Sequence[int]], image_size: Sequence[int],
                            dtype: Any = float32) -> Tensor:
        """All boxes as centre, width and height, from 0 to 1: (A, 4)."""
        found = []
        for k, ((height, width), pairs) in enumerate(zip(grid_sizes, self._wh_pairs)):
            rows, columns = (height, width) if self.steps is None else (size / self.steps[k] for size in image_size)
            across, down = (arange(0, width) + 0.5) / columns, (arange(0, height) + 0.5) / rows
            y, x = meshgrid(down.to(dtype), across.to(dtype), indexing="ij")
            centers = stack([x.flatten(), y.flatten()], 1)[:, None].expand(-1, len(pairs), -1)
            sizes = (pairs.clamp(0, 1) if self.clip else pairs).to(dtype).expand(height * width, -1, -1)
            found.append(cat([centers, sizes], -1).reshape(-1, 4))
        return cat(found)

    def forward(self, image_list: ImageList, feature_maps: Sequence[Tensor]) -> list[Tensor]:
        size = image_list.tensors.shape[-2:]
        boxes = self._grid_default_boxes([each.shape[-2:] for each in feature_maps], size, feature_maps[0].dtype)
        boxes = boxes.to(feature_maps[0].device)
        center, half = boxes[:, :2], 0.5 * boxes[:, 2:]
        sides = as_tensor([size[1], size[0]], device=boxes.device)
        return [cat([(center - half) * sides, (center + half) * sides], -1)] * len(image_list.image_sizes)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}(aspect_ratios={self.aspect_ratios}, clip={self.clip}, scales={self.scales}, "
                f"steps={self.steps})")
