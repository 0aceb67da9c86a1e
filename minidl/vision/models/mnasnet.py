"""MNASNet: Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile", 2018.
https://arxiv.org/abs/1807.11626

A search chose the window and the width of each stage, with the time on a telephone as a cost. Blocks make many channels
of few, let each see its own window, and return to few. It is the paper's B1, without squeeze and excitation. Keys of
the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import nn
from minidl.backend.warn import warn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models._utils import _make_divisible
from minidl.vision.models.registry import register_model

MOMENTUM = 1 - 0.9997
"""Of the batch norms: TensorFlow's 0.9997 keeps what PyTorch's 0.0003 replaces."""


class _InvertedResidual(nn.Module):
    """1x1 to expansion_factor times the channels, each through its own window, 1x1 back; plus x if the shape allows.

    Errors: ValueError unless stride is 1 or 2, and kernel_size 3 or 5.
    """

    def __init__(self, in_ch: int, out_ch: int, kernel_size: int, stride: int, expansion_factor: int,
                 bn_momentum: float = 0.1) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        if kernel_size not in (3, 5):
            raise ValueError(f"kernel_size should be 3 or 5 instead of {kernel_size}")
        mid_ch = in_ch * expansion_factor
        self.apply_residual = in_ch == out_ch and stride == 1
        self.layers = nn.Sequential(
            nn.Conv2d(in_ch, mid_ch, 1, bias=False), nn.BatchNorm2d(mid_ch, momentum=bn_momentum), nn.ReLU(),
            nn.Conv2d(mid_ch, mid_ch, kernel_size, stride, padding=kernel_size // 2, groups=mid_ch, bias=False),
            nn.BatchNorm2d(mid_ch, momentum=bn_momentum), nn.ReLU(),
            nn.Conv2d(mid_ch, out_ch, 1, bias=False), nn.BatchNorm2d(out_ch, momentum=bn_momentum))

    def forward(self, input: Tensor) -> Tensor:
        return self.layers(input) + input if self.apply_residual else self.layers(input)


def _stack(in_ch: int, out_ch: int, kernel_size: int, stride: int, exp_factor: int, repeats: int,
           bn_momentum: float) -> nn.Sequential:
    """A stage: the first block changes the size of the image and the number of channels, the others keep both.

    Errors: ValueError unless repeats is at least 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats should be >= 1, instead got {repeats}")
    return nn.Sequential(
        _InvertedResidual(in_ch, out_ch, kernel_size, stride, exp_factor, bn_momentum),
        *(_InvertedResidual(out_ch, out_ch, kernel_size, 1, exp_factor, bn_momentum) for _ in range(repeats - 1)))


def _stem(first: int, second: int, third: int) -> list[nn.Module]:
    """A convolution 3x3, a separable one and the first stage; channels of each."""
    return [
        nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first, momentum=MOMENTUM), nn.ReLU(),
        nn.Conv2d(first, first, 3, padding=1, groups=first, bias=False), nn.BatchNorm2d(first, momentum=MOMENTUM),
        nn.ReLU(),
        nn.Conv2d(first, second, 1, bias=False), nn.BatchNorm2d(second, momentum=MOMENTUM),
        _stack(second, third, 3, 2, 3, 3, MOMENTUM)]


def _get_depths(alpha: float) -> list[int]:
    """Channels of the stages, in multiples of 8."""
    return [_make_divisible(depth * alpha, 8) for depth in (32, 16, 24, 40, 80, 96, 192, 320)]


class MNASNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W) of any size.

    Args:
        alpha: all stages have so many times the channels.
        dropout: the share of numbers that is set to 0 before the last layer, in training.

    Convolutions start Kaiming-normal by fan-out, the last layer Kaiming-uniform by fan-out, its bias at 0. A state dict
    of torchvision's first version, where the stem did not follow alpha, gives the net that version's stem, with a
    warning.
    Errors: ValueError unless alpha is positive; where a state dict is of another version.

        >>> import minidl
        >>> from minidl.vision import models
        >>> models.MNASNet(0.5, num_classes=10)(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    _version = 2    # as torchvision's, where all stages follow alpha

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        if alpha <= 0:
            raise ValueError(f"alpha should be greater than 0.0 instead of {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes
        d = _get_depths(alpha)
        self.layers = nn.Sequential(
            *_stem(*d[:3]),
            _stack(d[2], d[3], 5, 2, 3, 3, MOMENTUM),
            _stack(d[3], d[4], 5, 2, 6, 3, MOMENTUM),
            _stack(d[4], d[5], 3, 1, 6, 2, MOMENTUM),
            _stack(d[5], d[6], 5, 2, 6, 4, MOMENTUM),
            _stack(d[6], d[7], 3, 1, 6, 1, MOMENTUM),
            nn.Conv2d(d[7], 1280, 1, bias=False), nn.BatchNorm2d(1280, momentum=MOMENTUM), nn.ReLU(),
        )
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, num_classes))

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.kaiming_uniform_(module.weight, mode="fan_out", nonlinearity="sigmoid")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(x)                                          # (N, 1280, H/32, W/32)
        return self.classifier(x.mean([2, 3]))

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        """Become what the state is of. One that has lost its version is of the present one, or does not fit."""
        version = metadata.get("version", 2)
        if version not in (1, 2):
            raise ValueError(f"version should be set to 1 or 2 instead of {version}")
        if version == 1 and self.alpha != 1.0:
            like = self.classifier[1].weight
            for i, layer in enumerate(_stem(32, 16, _get_depths(self.alpha)[2])):
                self.layers[i] = layer.to(like.device, like.dtype).train(self.layers[i].training)
            self.__dict__["_version"] = 1       # this net's, not the class's: it is saved as such
            warn("A new version of MNASNet model has been implemented. Your checkpoint was saved using the previous "
                 "version. This checkpoint will load and work as before, but you may want to upgrade by training a "
                 "newer model or transfer learning from an updated ImageNet checkpoint.")


# ---------------------------------------------------------------------- the variants

MNASNet0_5_Weights = weights_of("MNASNet0_5_Weights", __name__)
MNASNet0_75_Weights = weights_of("MNASNet0_75_Weights", __name__)
MNASNet1_0_Weights = weights_of("MNASNet1_0_Weights", __name__)
MNASNet1_3_Weights = weights_of("MNASNet1_3_Weights", __name__)


@register_model()
@takes_weights(MNASNet0_5_Weights)
def mnasnet0_5(**kwargs: Any) -> MNASNet:
    """With half the channels. kwargs: arguments of `MNASNet`."""
    return MNASNet(0.5, **kwargs)


@register_model()
@takes_weights(MNASNet0_75_Weights)
def mnasnet0_75(**kwargs: Any) -> MNASNet:
    """With three quarters of the channels. kwargs: arguments of `MNASNet`."""
    return MNASNet(0.75, **kwargs)


@register_model()
@takes_weights(MNASNet1_0_Weights)
def mnasnet1_0(**kwargs: Any) -> MNASNet:
    """The net of the paper. kwargs: arguments of `MNASNet`."""
    return MNASNet(1.0, **kwargs)


@register_model()
@takes_weights(MNASNet1_3_Weights)
def mnasnet1_3(**kwargs: Any) -> MNASNet:
    """With 1.3 times the channels. kwargs: arguments of `MNASNet`."""
    return MNASNet(1.3, **kwargs)
