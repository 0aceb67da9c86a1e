"""Position-sensitive RoIAlign: every bin looks at channels of its own."""
from __future__ import annotations

from collections.abc import Sequence

from minidl.nn.module import Module
from minidl.tensors.tensor import Tensor
from minidl.vision.ops.regions import check_regions
from minidl.vision.ops.roi_align import mean_of_points


def ps_roi_align(input: Tensor, boxes: Tensor | Sequence[Tensor], output_size: int | Sequence[int],
                 spatial_scale: float = 1.0, sampling_ratio: int = -1) -> Tensor:
    """`roi_align`, aligned, where every bin looks at channels of its own.

    input (N, C, H, W) -> (K, C / (height * width), height, width) for an output_size of (height, width): bin (i, j) of
    channel c is taken from channel (c * height + i) * width + j. The rest is as for `roi_align`.
    Errors: also RuntimeError unless C is a multiple of the number of bins.
    Source: Li et al., "Light-Head R-CNN", 2017, https://arxiv.org/abs/1711.07264

        >>> import minidl
        >>> from minidl.vision import ops
        >>> constants = minidl.arange(4.).reshape(1, 4, 1, 1).expand(1, 4, 6, 6)
        >>> ops.ps_roi_align(constants, [minidl.tensor([[1., 1., 5., 5.]])], 2)
        tensor([[[[0., 1.],
                  [2., 3.]]]])
    """
    images, corners, size = check_regions("ps_roi_align", input, boxes, output_size, position_sensitive=True)
    return mean_of_points(input, images, corners, size, spatial_scale, sampling_ratio, True, position_sensitive=True)


class PSRoIAlign(Module):
    """`ps_roi_align` as a layer.

        >>> from minidl.vision import ops
        >>> ops.PSRoIAlign(7, spatial_scale=0.25, sampling_ratio=2)
        PSRoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2)
    """

    def __init__(self, output_size: int | Sequence[int], spatial_scale: float, sampling_ratio: int) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio

    def forward(self, input: Tensor, rois: Tensor | Sequence[Tensor]) -> Tensor:
        return ps_roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio)

    def extra_repr(self) -> str:
        return (f"output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
                f"sampling_ratio={self.sampling_ratio}")
