"""LeNet, the first convolutional networks for digits.

LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998.

Convolutions look for the same small patterns everywhere, pooling lets them shift a little, linear layers decide.
"""
from __future__ import annotations

from collections.abc import Callable

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models.registry import register_model


class LeNet(nn.Module):
    """Scores (N, num_classes) for images (N, in_channels, image_size, image_size).

    Two rounds of convolution, activation and pooling; then linear layers with the activation between them.
    Convolutions are 5x5. Images below 16 pixels get 3x3 kernels and a margin of 1 pixel, so that something is left to
    pool.

    Args:
        channels: channels of the two convolutions.
        hidden: units of the linear layers before the last, which is `fc[-1]`.
        padding: the margin of zeros around images of 16 pixels and more, before the first convolution.
        activation, pool: functions that make these layers; `pool` takes the side of its window.

    Errors: ValueError for images below 4 pixels: nothing would be left of them.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision import models
        >>> net = models.LeNet([8, 16], [32], activation=nn.ReLU, pool=nn.MaxPool2d, in_channels=3, image_size=32)
        >>> net(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, channels: tuple[int, int] | list[int], hidden: list[int], activation: Callable[[], nn.Module],
                 pool: Callable[[int], nn.Module], padding: int = 0, num_classes: int = 10, in_channels: int = 1,
                 image_size: int = 28) -> None:
        super().__init__()
        if image_size < 4:
            raise ValueError(f"LeNet: expected images of at least 4 pixels, but got image_size={image_size}")
        kernel, frames = (5, (padding, 0)) if image_size >= 16 else (3, (1, 1))
        side, layers, inputs = image_size, [], in_channels
        for outputs, frame in zip(channels, frames):
            layers += [nn.Conv2d(inputs, outputs, kernel, padding=frame), activation(), pool(2)]
            side, inputs = (side + 2 * frame - kernel + 1) // 2, outputs
        self.features = nn.Sequential(*layers)
        widths = [inputs * side * side, *hidden]
        decisions: list[nn.Module] = []
        for before, after in zip(widths, hidden):
            decisions += [nn.Linear(before, after), activation()]
        self.fc = nn.Sequential(*decisions, nn.Linear(widths[-1], num_classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).flatten(1))


@register_model()
def lenet5(num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> LeNet:
    """The network of 1998: 6 and 16 maps, 120 and 84 units, tanh, average pooling.

    Images of 28 pixels are padded to its 32. As in all modern copies, each map of the second convolution sees all of
    the first, pooling has no parameters, and the last layer is linear.
    """
    return LeNet((6, 16), [120, 84], nn.Tanh, nn.AvgPool2d, 2 if image_size == 28 else 0, num_classes, in_channels,
                 image_size)


@register_model()
def lenet_caffe(num_classes: int = 10, in_channels: int = 1, image_size: int = 28) -> LeNet:
    """Caffe's LeNet: 20 and 50 maps, 500 units, ReLU, max pooling. 99.3 % on MNIST."""
    return LeNet((20, 50), [500], nn.ReLU, nn.MaxPool2d, 0, num_classes, in_channels, image_size)
