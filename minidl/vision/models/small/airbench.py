"""The networks of a speed run on CIFAR-10.

Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, https://arxiv.org/abs/2404.00498

Of all published recipes for 93 and 94 % on CIFAR-10, these need the least arithmetic. They learn in ten epochs for
three reasons: the first layer is not learned but computed from the data (`whiten_`), convolutions start as the
identity, and pooling comes as early as possible.
"""
from __future__ import annotations

from minidl import linalg, nn
from minidl.autograd.grad_mode import no_grad
from minidl.ops.shape import cat
from minidl.tensors.creation import zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model


class ConvGroup(nn.Module):
    """Convolution, pooling, norm, GELU, convolution, norm, GELU; halves the image.

    The first output channels of a convolution start as the identity of its inputs, the others as in PyTorch. Norms
    learn no scale, and their running statistics adapt fast.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = _conv(inputs, outputs), _norm(outputs)
        self.pool = nn.MaxPool2d(2)
        self.conv2, self.norm2 = _conv(outputs, outputs), _norm(outputs)
        self.activ = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.activ(self.norm1(self.pool(self.conv1(x))))
        return self.activ(self.norm2(self.conv2(x)))


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 3, padding="same", bias=False)
    with no_grad():
        nn.init.dirac_(conv.weight[:inputs])
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    norm.get_parameter("weight").requires_grad = False
    return norm


class SpeedNet(nn.Module):
    """Scores (N, num_classes) for images (N, in_channels, H, W) of about 32 pixels.

    Args:
        widths: channels of the three groups.

    The weight of the first convolution, `whiten`, is not trained: call `whiten_` before training. Its bias is
    trained; the recipe freezes it after 3 epochs. The last layer is `head`; scores are its outputs divided by 9.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.airbench93()
        >>> images = minidl.randn(64, 3, 32, 32)
        >>> net.whiten_(images)
        >>> net(images).shape
        (64, 10)
    """

    def __init__(self, widths: tuple[int, int, int], num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        patterns = 2 * in_channels * 2 * 2      # all directions of a 2 x 2 patch, with both signs
        self.whiten = nn.Conv2d(in_channels, patterns, 2)
        self.whiten.weight.requires_grad = False
        nn.init.zeros_(self.whiten.get_parameter("bias"))
        self.activ = nn.GELU()
        self.group1 = ConvGroup(patterns, widths[0])
        self.group2 = ConvGroup(widths[0], widths[1])
        self.group3 = ConvGroup(widths[1], widths[2])
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.head = nn.Linear(widths[2], num_classes, bias=False)

    @no_grad()
    def whiten_(self, images: Tensor, eps: float = 5e-4) -> None:
        """Make the first layer whiten patches of 2 x 2.

        Its kernels become the scaled principal directions of the patches.
        images (N, C, H, W): some thousand training images, normalised as in training. Kernel i is the eigenvector i of
        the patches' covariance, divided by sqrt(eigenvalue + eps), largest first; then follow their negatives.
        Errors: ValueError for images of another shape.
        """
        if images.ndim != 4 or images.shape[1] != self.whiten.in_channels:
            raise ValueError(f"SpeedNet.whiten_: expected images (N, {self.whiten.in_channels}, H, W), but got "
                             f"{tuple(images.shape)}")
        size = 4 * self.whiten.in_channels
        number, total, squares = 0, zeros(size).to(images).double(), zeros(size, size).to(images).double()
        for part in images.detach().split(500):     # all patches would be twelve times as large as the images
            patches = nn.functional.unfold(part.double(), 2).transpose(1, 2).flatten(0, 1)      # (M, C*2*2)
            number += len(patches)
            total, squares = total + patches.sum(0), squares + patches.T @ patches
        mean = total / number
        covariance = (squares - number * mean[:, None] * mean) / (number - 1)
        values, vectors = linalg.eigh(covariance)
        directions = (vectors / (values + eps).sqrt()).T.flip(0)        # one direction a row
        kernels = cat([directions, -directions]).reshape(*self.whiten.weight.shape)
        self.whiten.weight.copy_(kernels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.activ(self.whiten(x))                          # (N, 24, 31, 31) of 32 pixels
        x = self.group3(self.group2(self.group1(x)))            # (N, widths[2], 3, 3)
        return self.head(self.pool(x).flatten(1)) / 9


@register_model()
def airbench93(num_classes: int = 10, in_channels: int = 3) -> SpeedNet:
    """Groups of 64, 128 and 128 channels: 93 % on CIFAR-10 in 11 epochs."""
    return SpeedNet((64, 128, 128), num_classes, in_channels)


@register_model()
def airbench94(num_classes: int = 10, in_channels: int = 3) -> SpeedNet:
    """Groups of 64, 256 and 256 channels: 94 % on CIFAR-10 in 8 to 10 epochs."""
    return SpeedNet((64, 256, 256), num_classes, in_channels)
