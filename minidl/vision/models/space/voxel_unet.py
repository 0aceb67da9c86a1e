"""U-Net for volumes: Cicek et al., "3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation", 2016.

Maps are halved until a voxel knows of the whole volume, then doubled again, beside the maps of the way down. With one
class it completes shapes, as the encoder-decoder of Dai, Qi and Niessner, "Shape Completion using 3D-Encoder-Predictor
CNNs and Shape Synthesis", 2017.
"""
from __future__ import annotations

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor


class VoxelUNet(nn.Module):
    """Scores (N, num_classes, D, H, W) of each voxel, for volumes (N, in_channels, D, H, W).

    Args:
        width: channels of the first section; each section below has twice as many.
        depth: how often the maps are halved.

    Errors: ValueError for volumes whose sides 2^depth does not divide.

        >>> import minidl
        >>> from minidl.vision.models import space
        >>> space.VoxelUNet(num_classes=5, width=4)(minidl.rand(2, 1, 8, 8, 12)).shape
        (2, 5, 8, 8, 12)
    """

    def __init__(self, num_classes: int = 1, in_channels: int = 1, width: int = 8, depth: int = 2) -> None:
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.down = nn.ModuleList([_section(inner, outer) for inner, outer in zip([in_channels, *widths], widths)])
        self.pool = nn.MaxPool3d(2)
        self.grow = nn.ModuleList([nn.ConvTranspose3d(2 * outer, outer, 2, stride=2)
                                   for outer in reversed(widths[:-1])])
        self.up = nn.ModuleList([_section(2 * outer, outer) for outer in reversed(widths[:-1])])
        self.head = nn.Conv3d(width, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        if any(side % 2 ** len(self.up) for side in x.shape[2:]):
            raise ValueError(f"VoxelUNet: expected sides that {2 ** len(self.up)} divides, but got "
                             f"{tuple(x.shape[2:])}; pad the volumes, or build the model with less depth")
        skips: list[Tensor] = []
        for section in self.down:
            x = section(self.pool(x) if skips else x)           # (N, width << level, D >> level, ...)
            skips.append(x)
        for grow, section, skip in zip(self.grow, self.up, reversed(skips[:-1])):
            x = section(cat([skip, grow(x)], 1))
        return self.head(x)


def _section(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice a convolution 3x3x3, a norm, a relu."""
    return nn.Sequential(*(layer for inner in (in_channels, out_channels) for layer in (
        nn.Conv3d(inner, out_channels, 3, padding=1, bias=False), nn.BatchNorm3d(out_channels), nn.ReLU())))
