"""Regions from the maps of a pyramid: each from the map that fits its size."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from minidl.nn.module import Module
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.ops._utils import convert_boxes_to_roi_format
from minidl.vision.ops.boxes import box_area
from minidl.vision.ops.roi_align import roi_align


class LevelMapper:
    """Called with boxes, a list of (L, 4), it gives the place among the maps from level k_min to k_max of each: (K,).

    Other arguments and the formula are those of `MultiScaleRoIAlign`; eps is added to the level.

        >>> import minidl
        >>> from minidl.vision.ops.poolers import LevelMapper
        >>> LevelMapper(2, 5)([minidl.tensor([[0., 0., 30., 30.], [0., 0., 224., 224.]])])
        tensor([0, 2])
    """

    def __init__(self, k_min: int, k_max: int, canonical_scale: int = 224, canonical_level: int = 4,
                 eps: float = 1e-6) -> None:
        self.k_min, self.k_max, self.s0, self.lvl0, self.eps = k_min, k_max, canonical_scale, canonical_level, eps

    def __call__(self, boxlists: Sequence[Tensor]) -> Tensor:
        size = cat([box_area(boxes) for boxes in boxlists]).sqrt()
        level = (self.lvl0 + (size / self.s0).log2() + self.eps).floor()
        return level.clamp(self.k_min, self.k_max).long() - self.k_min


def initLevelMapper(k_min: int, k_max: int, canonical_scale: int = 224, canonical_level: int = 4,
                    eps: float = 1e-6) -> LevelMapper:
    """A LevelMapper of these arguments."""
    return LevelMapper(k_min, k_max, canonical_scale, canonical_level, eps)


class MultiScaleRoIAlign(Module):
    """`roi_align` on the maps of a pyramid: large boxes are taken from small maps.

    Called with a dict of maps (N, C, H_i, W_i), from the largest to the smallest, a list of N boxes (L, 4) in pixels of
    the images, and the N sizes of those, (height, width); returns (K, C, *output_size) in the order of the boxes. Of
    the maps only those in featmap_names count. How much smaller than the images they are, a power of 2 each, is seen
    at the first call. A box of area A is taken from level

        k = floor(canonical_level + log2(sqrt(A) / canonical_scale))

    or the nearest that there is. Level k is 2^k times smaller than the images.
    Errors: ValueError without images, or without any of the maps.
    Source: Lin et al., "Feature Pyramid Networks for Object Detection", 2016, https://arxiv.org/abs/1612.03144

        >>> import minidl
        >>> from minidl.vision import ops
        >>> pool = ops.MultiScaleRoIAlign(["p2", "p3"], output_size=7, sampling_ratio=2)
        >>> maps = {"p2": minidl.randn(1, 4, 16, 16), "p3": minidl.randn(1, 4, 8, 8)}
        >>> pool(maps, [minidl.tensor([[0., 0., 20., 20.]])], [(64, 64)]).shape
        (1, 4, 7, 7)
    """

    def __init__(self, featmap_names: list[str], output_size: int | Sequence[int], sampling_ratio: int, *,
                 canonical_scale: int = 224, canonical_level: int = 4) -> None:
        super().__init__()
        self.featmap_names = featmap_names
        self.sampling_ratio = sampling_ratio
        self.output_size = (output_size,) * 2 if isinstance(output_size, int) else tuple(output_size)
        self.scales: list[float] | None = None
        self.canonical_scale = canonical_scale
        self.canonical_level = canonical_level

    def forward(self, x: Mapping[str, Tensor], boxes: Sequence[Tensor],
                image_shapes: Sequence[tuple[int, int]]) -> Tensor:
        maps = [each for name, each in x.items() if name in self.featmap_names]
        if not maps:
            raise ValueError(f"MultiScaleRoIAlign: expected maps named {self.featmap_names}, but got {list(x)}")
        if self.scales is None:
            if not image_shapes:
                raise ValueError("MultiScaleRoIAlign: images list should not be empty")
            height = max(shape[0] for shape in image_shapes)
            self.scales = [2.0 ** round(math.log2(each.shape[-2] / height)) for each in maps]
        rois = convert_boxes_to_roi_format(boxes)
        if len(maps) == 1:
            return roi_align(maps[0], rois, self.output_size, self.scales[0], self.sampling_ratio)
        levels = self.levels(rois[:, 1:])
        results, places = [], []
        for level, (features, scale) in enumerate(zip(maps, self.scales)):
            here = (levels == level).nonzero()[:, 0]
            results.append(roi_align(features, rois[here], self.output_size, scale, self.sampling_ratio))
            places.append(here)
        return cat(results)[cat(places).argsort()]      # back in the order of the boxes

    def levels(self, boxes: Tensor) -> Tensor:
        """The place among the maps for each box: (K, 4) -> (K,)."""
        assert self.scales is not None
        first, last = (int(-math.log2(scale)) for scale in (self.scales[0], self.scales[-1]))
        return LevelMapper(first, last, self.canonical_scale, self.canonical_level)([boxes.detach()])

    def extra_repr(self) -> str:
        return (f"featmap_names={self.featmap_names}, output_size={self.output_size}, "
                f"sampling_ratio={self.sampling_ratio}")
