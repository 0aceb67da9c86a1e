"""VoxNet: Maturana and Scherer, "VoxNet: A 3D Convolutional Neural Network for Real-Time Object Recognition", 2015.

A volume is an image with one more axis, and a convolution slides along it as well. Two layers and a pooling say what is
where, two linear layers decide.
"""
from __future__ import annotations

from minidl import nn
from minidl.tensors.tensor import Tensor


class VoxNet(nn.Module):
    """Scores (N, num_classes) for volumes (N, in_channels, side, side, side).

    Args:
        width: channels of both convolutions.
        hidden: units of the linear layer before the last.

    `features` gives the maps before the linear layers, (N, width, 6, 6, 6) of 32 voxels a side.
    Errors: ValueError for a side below 12, of which pooling would leave nothing.

        >>> import minidl
        >>> from minidl.vision.models import space
        >>> net = space.VoxNet(num_classes=40)                      # the paper's for ModelNet40
        >>> net(minidl.zeros(2, 1, 32, 32, 32)).shape, sum(p.numel() for p in net.parameters())
        ((2, 40), 921736)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, side: int = 32, width: int = 32,
                 hidden: int = 128) -> None:
        super().__init__()
        if side < 12:
            raise ValueError(f"VoxNet: expected volumes of at least 12 voxels a side, but got side={side}")
        self.features = nn.Sequential(
            nn.Conv3d(in_channels, width, 5, stride=2), nn.LeakyReLU(0.1), nn.Dropout(0.2),
            nn.Conv3d(width, width, 3), nn.LeakyReLU(0.1), nn.MaxPool3d(2), nn.Dropout(0.3))
        left = ((side - 5) // 2 + 1 - 2) // 2
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(width * left ** 3, hidden), nn.LeakyReLU(0.1),
                                        nn.Dropout(0.4), nn.Linear(hidden, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x))
