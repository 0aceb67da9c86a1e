"""DeepLabV3: Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017.
https://arxiv.org/abs/1706.05587

Convolutions with holes of several sizes look at the last map side by side, and with them the mean of the image. So a
pixel knows its near and its far surroundings. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Sequence

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models._utils import IntermediateLayerGetter, mobilenet_stages
from minidl.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, MobileNetV3, mobilenet_v3_large
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import ResNet, ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from minidl.vision.models.segmentation._utils import (
    DILATED,
    _SimpleSegmentationModel,
    classes_of,
    enlarged,
    resnet_maps,
    with_aux,
)
from minidl.vision.models.segmentation.fcn import FCNHead


class DeepLabV3(_SimpleSegmentationModel):
    """Scores of each pixel, as `FCN` gives them; its arguments are those of `FCN`."""


class ASPPConv(nn.Sequential):
    """A convolution 3x3 with holes, norm, relu."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False),
                         nn.BatchNorm2d(out_channels), nn.ReLU())


class ASPPPooling(nn.Sequential):
    """The mean over the map, 1x1, norm, relu; the same at each pixel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Conv2d(in_channels, out_channels, 1, bias=False),
                         nn.BatchNorm2d(out_channels), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return enlarged(super().forward(x), x)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: 1x1, a convolution for each rate, and the mean, side by side; 1x1 joins them."""

    def __init__(self, in_channels: int, atrous_rates: Sequence[int], out_channels: int = 256) -> None:
        super().__init__()
        self.convs = nn.ModuleList([
            nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()),
            *[ASPPConv(in_channels, out_channels, rate) for rate in atrous_rates],
            ASPPPooling(in_channels, out_channels)])
        self.project = nn.Sequential(nn.Conv2d(len(self.convs) * out_channels, out_channels, 1, bias=False),
                                     nn.BatchNorm2d(out_channels), nn.ReLU(), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.project(cat([conv(x) for conv in self.convs], dim=1))


class DeepLabHead(nn.Sequential):
    """Scores of each pixel of a map: `ASPP`, 3x3, norm, relu, 1x1 to num_classes."""

    def __init__(self, in_channels: int, num_classes: int, atrous_rates: Sequence[int] = (12, 24, 36)) -> None:
        super().__init__(ASPP(in_channels, atrous_rates), nn.Conv2d(256, 256, 3, padding=1, bias=False),
                         nn.BatchNorm2d(256), nn.ReLU(), nn.Conv2d(256, num_classes, 1))


def _deeplabv3_resnet(backbone: ResNet, num_classes: int, aux: bool | None) -> DeepLabV3:
    return DeepLabV3(resnet_maps(backbone, aux), DeepLabHead(2048, num_classes),
                     FCNHead(1024, num_classes) if aux else None)


def _deeplabv3_mobilenetv3(backbone: MobileNetV3, num_classes: int, aux: bool | None) -> DeepLabV3:
    layers = backbone.features
    early, last = (mobilenet_stages(layers)[i] for i in (-4, -1))       # an eighth and a sixteenth of the image
    maps = IntermediateLayerGetter(layers, {str(last): "out", **({str(early): "aux"} if aux else {})})
    return DeepLabV3(maps, DeepLabHead(layers[last].out_channels, num_classes),
                     FCNHead(layers[early].out_channels, num_classes) if aux else None)


DeepLabV3_ResNet50_Weights = weights_of("DeepLabV3_ResNet50_Weights", __name__)
DeepLabV3_ResNet101_Weights = weights_of("DeepLabV3_ResNet101_Weights", __name__)
DeepLabV3_MobileNet_V3_Large_Weights = weights_of("DeepLabV3_MobileNet_V3_Large_Weights", __name__)


@register_model()
@takes_weights(DeepLabV3_ResNet50_Weights, backbone=ResNet50_Weights, settings=with_aux)
def deeplabv3_resnet50(*, num_classes: int | None = None, aux_loss: bool | None = None,
                       weights_backbone: WeightsEnum | str | None = None) -> DeepLabV3:
    """DeepLabV3 on ResNet-50.

    Args:
        num_classes: with that of the background; 21, VOC's, if not given.
        aux_loss: have a second head, `FCNHead`, on the last stage but one, for a second loss in training.

    In training it takes two images or more: the norm behind the mean would see one number a channel.
    """
    backbone = resnet50(weights=weights_backbone, replace_stride_with_dilation=DILATED)
    return _deeplabv3_resnet(backbone, classes_of(num_classes), aux_loss)


@register_model()
@takes_weights(DeepLabV3_ResNet101_Weights, backbone=ResNet101_Weights, settings=with_aux)
def deeplabv3_resnet101(*, num_classes: int | None = None, aux_loss: bool | None = None,
                        weights_backbone: WeightsEnum | str | None = None) -> DeepLabV3:
    """DeepLabV3 on ResNet-101. Arguments are those of `deeplabv3_resnet50`."""
    backbone = resnet101(weights=weights_backbone, replace_stride_with_dilation=DILATED)
    return _deeplabv3_resnet(backbone, classes_of(num_classes), aux_loss)


@register_model()
@takes_weights(DeepLabV3_MobileNet_V3_Large_Weights, backbone=MobileNet_V3_Large_Weights, settings=with_aux)
def deeplabv3_mobilenet_v3_large(*, num_classes: int | None = None, aux_loss: bool | None = None,
                                 weights_backbone: WeightsEnum | str | None = None) -> DeepLabV3:
    """DeepLabV3 on MobileNetV3, whose last map is a sixteenth of the image.

    Arguments are those of `deeplabv3_resnet50`.
    """
    backbone = mobilenet_v3_large(weights=weights_backbone, dilated=True)
    return _deeplabv3_mobilenetv3(backbone, classes_of(num_classes), aux_loss)
