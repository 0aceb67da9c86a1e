"""GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", 2014. https://arxiv.org/abs/1409.4842

Each block looks at its input through windows of several sizes side by side, behind convolutions 1x1 that make few
channels of many. Two more heads on inner layers give them gradients in training. As in torchvision, the convolutions
have batch norms, and those that the paper has 5x5 are 3x3. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from minidl import nn
from minidl.backend.warn import warn
from minidl.nn import functional as F
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import takes_weights, weights_of
from minidl.vision.models.registry import register_model

Block = Callable[..., nn.Module]


class GoogLeNetOutputs(NamedTuple):
    """Scores of the head and, if the net has them, of the auxiliary heads behind 4d and 4a."""

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


_GoogLeNetOutputs = GoogLeNetOutputs       # torchvision's older name


class BasicConv2d(nn.Module):
    """relu(bn(conv(x))). kwargs: arguments of `Conv2d`."""

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def rescaled(x: Tensor) -> Tensor:
    """Images normalised with ImageNet's mean and deviation of each colour, as if with 0.5 and 0.5."""
    channels = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
    return cat([x[:, i:i + 1] * (std / 0.5) + (mean - 0.5) / 0.5 for i, (mean, std) in enumerate(channels)], 1)


class Inception(nn.Module):
    """Four branches side by side: 1x1; 1x1 and 3x3; 1x1 and 3x3; maximum and 1x1.

    Args:
        ch1x1, ch3x3, ch5x5, pool_proj: channels that the branches give.
        ch3x3red, ch5x5red: channels of the convolutions 1x1 before the larger ones.
        conv_block: makes a convolution; BasicConv2d if not given.
    """

    def __init__(self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int,
                 pool_proj: int, conv_block: Block | None = None) -> None:
        super().__init__()
        conv = conv_block or BasicConv2d
        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = nn.Sequential(conv(in_channels, ch3x3red, kernel_size=1),
                                     conv(ch3x3red, ch3x3, kernel_size=3, padding=1))
        self.branch3 = nn.Sequential(conv(in_channels, ch5x5red, kernel_size=1),
                                     conv(ch5x5red, ch5x5, kernel_size=3, padding=1))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
                                     conv(in_channels, pool_proj, kernel_size=1))

    def forward(self, x: Tensor) -> Tensor:
        return cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(nn.Module):
    """Scores read off an inner layer: 4x4 means, a convolution 1x1, two linear layers."""

    def __init__(self, in_channels: int, num_classes: int, conv_block: Block | None = None,
                 dropout: float = 0.7) -> None:
        super().__init__()
        self.conv = (conv_block or BasicConv2d)(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, 4)).flatten(1)           # (N, 2048)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """Scores (N, num_classes) for images (N, 3, H, W) of at least 15 pixels; in training `GoogLeNetOutputs`.

    Args:
        aux_logits: have two auxiliary heads. In training their scores come beside those of the head; the paper adds
            their losses with a weight of 0.3. Without them training gives the scores alone, too.
        transform_input: images are normalised as torchvision's presets do, and the weights of torchvision's file
            expect (x - 0.5) / 0.5.
        init_weights: weights start from a normal distribution with a deviation of 0.01, cut at -2 and 2; True if not
            given. Otherwise they start as PyTorch's layers do, which takes less time.
        blocks: what makes the convolutions, the blocks and the auxiliary heads; [BasicConv2d, Inception,
            InceptionAux] if not given.
        dropout, dropout_aux: the share of numbers that is set to 0 before the last linear layer, in training.

    Errors: ValueError unless there are three blocks.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision import models
        >>> net = models.GoogLeNet(num_classes=10, init_weights=False)
        >>> scores, aux2, aux1 = net(minidl.rand(2, 3, 32, 32))
        >>> loss = nn.functional.cross_entropy
        >>> y = minidl.tensor([3, 7])
        >>> (loss(scores, y) + 0.3 * (loss(aux1, y) + loss(aux2, y))).backward()
        >>> net.eval()(minidl.rand(2, 3, 32, 32)).shape
        (2, 10)
    """

    def __init__(self, num_classes: int = 1000, aux_logits: bool = True, transform_input: bool = False,
                 init_weights: bool | None = None, blocks: Sequence[Block] | None = None, dropout: float = 0.2,
                 dropout_aux: float = 0.7) -> None:
        super().__init__()
        blocks = blocks or [BasicConv2d, Inception, InceptionAux]
        if len(blocks) != 3:
            raise ValueError(f"blocks length should be 3 instead of {len(blocks)}")
        conv, inception, aux = blocks
        self.aux_logits = aux_logits
        self.transform_input = transform_input

        self.conv1 = conv(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv(64, 64, kernel_size=1)
        self.conv3 = conv(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = aux(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = aux(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)

        for module in self.modules() if init_weights is not False else ():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.01)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        x = rescaled(x) if self.transform_input else x
        x = self.maxpool1(self.conv1(x))                                # (N, 64, H/4, W/4)
        x = self.maxpool2(self.conv3(self.conv2(x)))                    # (N, 192, H/8, W/8)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))        # (N, 480, H/16, W/16)
        x = self.inception4a(x)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.maxpool4(self.inception4e(x))                          # (N, 832, H/32, W/32)
        x = self.inception5b(self.inception5a(x))
        x = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(x, aux2, aux1) if self.training and self.aux_logits else x


GoogLeNet_Weights = weights_of("GoogLeNet_Weights", __name__)


def without_heads(net: GoogLeNet, given: Mapping[str, Any]) -> None:
    """Take away the auxiliary heads of a trained net, of which the file has no useful weights, unless asked for."""
    if given.get("aux_logits"):
        warn("auxiliary heads in the pretrained googlenet model are NOT pretrained, so make sure to train them")
    else:
        net.aux_logits, net.aux1, net.aux2 = False, None, None


@register_model()
@takes_weights(GoogLeNet_Weights, settings=lambda weights: {"aux_logits": True, "init_weights": False},
               defaults={"transform_input": True}, finish=without_heads)
def googlenet(**kwargs: Any) -> GoogLeNet:
    """The net of the paper, with batch norms. kwargs: arguments of `GoogLeNet`."""
    return GoogLeNet(**kwargs)
