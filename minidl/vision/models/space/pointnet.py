"""PointNet: Qi, Su, Mo and Guibas, "PointNet: Deep Learning on Point Sets for 3D Classification and Segmentation",
2017, https://arxiv.org/abs/1612.00593

Points of a set have no order, so every point goes through the same small network alone, and the largest value of each
feature over all points is what the set is known by. The points that gave these values are the critical ones: without
the others, the answer would be the same.
"""
from __future__ import annotations

from collections.abc import Sequence

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.creation import eye
from minidl.tensors.tensor import Tensor


def _shared(widths: Sequence[int]) -> nn.Sequential:
    """Layers that treat every point (N, C, P) alike: linear, norm, ReLU."""
    return nn.Sequential(*(layer for before, after in zip(widths, widths[1:])
                           for layer in (nn.Conv1d(before, after, 1), nn.BatchNorm1d(after), nn.ReLU())))


def _dense(widths: Sequence[int], outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """Linear layers for (N, C); the last has no norm, and dropout before it."""
    layers = [layer for before, after in zip(widths, widths[1:])
              for layer in (nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU())]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []), nn.Linear(widths[-1], outputs))


class TransformNet(nn.Module):
    """T-Net: a matrix (N, channels, channels) for points (N, channels, P), which turns them into a pose of its choice.

    It is a small PointNet, and begins as the identity. widths, hidden: of its layers.

        >>> import minidl
        >>> from minidl.vision.models import space
        >>> space.TransformNet(3, (16, 32), (16,)).eval()(minidl.rand(1, 3, 50))[0].detach()
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.]])
    """

    def __init__(self, channels: int, widths: Sequence[int] = (64, 128, 1024),
                 hidden: Sequence[int] = (512, 256)) -> None:
        super().__init__()
        self.channels = channels
        self.shared = _shared([channels, *widths])
        self.dense = _dense([widths[-1], *hidden], channels ** 2)
        nn.init.zeros_(self.dense[-1].weight)
        nn.init.zeros_(self.dense[-1].bias)

    def forward(self, x: Tensor) -> Tensor:
        away = self.dense(self.shared(x).amax(2)).unflatten(1, (self.channels, self.channels))
        return away + eye(self.channels, device=x.device)


def orthogonality(matrices: Tensor) -> Tensor:
    """The mean over matrices (N, K, K) of || I - A A' ||^2, Frobenius' norm: 0 for rotations.

    A loss for the features' T-Net, whose matrix is hard to learn without; the paper weighs it with 0.001.

        >>> import minidl
        >>> from minidl.vision.models import space
        >>> space.orthogonality(2 * minidl.eye(3)[None])            # three times (1 - 4)^2
        tensor(27.)
    """
    return (eye(matrices.shape[-1], device=matrices.device) - matrices @ matrices.mT).square().sum((1, 2)).mean()


class _Points(nn.Module):
    """What both networks do with each point: (N, in_channels, P) -> local features (N, widths[1], P) -> wide ones."""

    def __init__(self, in_channels: int, widths: Sequence[int], hidden: Sequence[int], transforms: bool) -> None:
        super().__init__()
        self.turn: TransformNet | None = None
        self.turn_features: TransformNet | None = None
        if transforms:
            own = (widths[0], widths[-2], widths[-1])
            self.turn = TransformNet(in_channels, own, hidden)
            self.turn_features = TransformNet(widths[1], own, hidden)
        self.local = _shared([in_channels, *widths[:2]])
        self.wide = _shared(widths[1:])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Local features, wide ones, and the matrix that the local ones were multiplied with."""
        if self.turn is not None:
            x = self.turn(x) @ x
        local = self.local(x)
        matrix = None if self.turn_features is None else self.turn_features(local)
        if matrix is not None:
            local = matrix @ local
        return local, self.wide(local), matrix


class PointNet(nn.Module):
    """Scores (N, num_classes) for sets of points (N, in_channels, P).

    Args:
        in_channels: 3 coordinates, and whatever else is known of each point.
        widths: of the layers that all points share; after the second, features are turned.
        hidden: units of the linear layers before the last, and of those of the T-Nets.
        transforms: whether T-Nets turn the points and their features.

    The order of the points does not matter, and their number may change from call to call.

        >>> import minidl
        >>> from minidl.vision.models import space
        >>> net = space.PointNet(num_classes=40)
        >>> net(minidl.rand(2, 3, 100)).shape
        (2, 40)
        >>> [sum(p.numel() for p in space.PointNet(40, transforms=on).parameters()) for on in (False, True)]
        [819624, 3480049]
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, widths: Sequence[int] = (64, 64, 64, 128, 1024),
                 hidden: Sequence[int] = (512, 256), transforms: bool = True, dropout: float = 0.3) -> None:
        super().__init__()
        self.points = _Points(in_channels, widths, hidden, transforms)
        self.classifier = _dense([widths[-1], *hidden], num_classes, dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores_and_matrix(x)[0]

    def scores_and_matrix(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The scores, and the matrix that turned the features, for `orthogonality`; None without transforms."""
        _, wide, matrix = self.points(x)
        return self.classifier(wide.amax(2)), matrix

    def critical(self, x: Tensor) -> Tensor:
        """For each feature, the number of the point that gave its value: (N, widths[-1])."""
        return self.points(x)[1].argmax(2)


class PointNetSegmentation(nn.Module):
    """Scores (N, num_classes, P) of each point, for sets of points (N, in_channels, P).

    Each point is judged by its own features beside those of the whole set. Arguments are those of `PointNet`; the
    layers that judge have hidden[0], hidden[1] and hidden[1] / 2 units.

        >>> import minidl
        >>> from minidl.vision.models import space
        >>> space.PointNetSegmentation(num_classes=4)(minidl.rand(2, 3, 100)).shape
        (2, 4, 100)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3, widths: Sequence[int] = (64, 64, 64, 128, 1024),
                 hidden: Sequence[int] = (512, 256), transforms: bool = True) -> None:
        super().__init__()
        self.points = _Points(in_channels, widths, hidden, transforms)
        self.judge = _shared([widths[1] + widths[-1], *hidden, hidden[-1] // 2])
        self.classifier = nn.Conv1d(hidden[-1] // 2, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores_and_matrix(x)[0]

    def scores_and_matrix(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The scores, and the matrix that turned the features, for `orthogonality`; None without transforms."""
        local, wide, matrix = self.points(x)
        whole = wide.amax(2, keepdim=True).expand(-1, -1, x.shape[2])
        return self.classifier(self.judge(cat([local, whole], 1))), matrix
