"""Fully convolutional network: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation",
2014. https://arxiv.org/abs/1411.4038

A classifier without its last mean scores each pixel of its last map, and the scores are enlarged to the image. As in
torchvision, ResNets with dilated stages take the place of VGG, so that the map is an eighth of the image.
"""
from __future__ import annotations

from minidl import nn
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import ResNet, ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from minidl.vision.models.segmentation._utils import (
    DILATED,
    _SimpleSegmentationModel,
    classes_of,
    resnet_maps,
    with_aux,
)


class FCN(_SimpleSegmentationModel):
    """Scores of each pixel: {"out": (N, num_classes, H, W)} for images (N, 3, H, W).

    Args:
        backbone: returns a dict of maps, "out" the last one, and "aux" an earlier one.
        classifier: makes scores of the map "out"; they are enlarged to the size of the image.
        aux_classifier: makes "aux" of the map "aux", alike, for a second loss in training; None leaves it out.
    """


class FCNHead(nn.Sequential):
    """Scores of each pixel of a map: 3x3 to a quarter of the channels, norm, relu, dropout, 1x1 to `channels`."""

    def __init__(self, in_channels: int, channels: int) -> None:
        inner = in_channels // 4
        super().__init__(nn.Conv2d(in_channels, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(),
                         nn.Dropout(0.1), nn.Conv2d(inner, channels, 1))


def _fcn_resnet(backbone: ResNet, num_classes: int, aux: bool | None) -> FCN:
    return FCN(resnet_maps(backbone, aux), FCNHead(2048, num_classes), FCNHead(1024, num_classes) if aux else None)


FCN_ResNet50_Weights = weights_of("FCN_ResNet50_Weights", __name__)
FCN_ResNet101_Weights = weights_of("FCN_ResNet101_Weights", __name__)


@register_model()
@takes_weights(FCN_ResNet50_Weights, backbone=ResNet50_Weights, settings=with_aux)
def fcn_resnet50(*, num_classes: int | None = None, aux_loss: bool | None = None,
                 weights_backbone: WeightsEnum | str | None = None) -> FCN:
    """An FCN on ResNet-50.

    Args:
        num_classes: with that of the background; 21, VOC's, if not given.
        aux_loss: have a second head on the last stage but one, for a second loss in training.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.segmentation.fcn_resnet50(num_classes=5, aux_loss=True)
        >>> {name: tuple(scores.shape) for name, scores in net(minidl.rand(2, 3, 40, 33)).items()}
        {'out': (2, 5, 40, 33), 'aux': (2, 5, 40, 33)}
    """
    backbone = resnet50(weights=weights_backbone, replace_stride_with_dilation=DILATED)
    return _fcn_resnet(backbone, classes_of(num_classes), aux_loss)


@register_model()
@takes_weights(FCN_ResNet101_Weights, backbone=ResNet101_Weights, settings=with_aux)
def fcn_resnet101(*, num_classes: int | None = None, aux_loss: bool | None = None,
                  weights_backbone: WeightsEnum | str | None = None) -> FCN:
    """An FCN on ResNet-101. Arguments are those of `fcn_resnet50`."""
    backbone = resnet101(weights=weights_backbone, replace_stride_with_dilation=DILATED)
    return _fcn_resnet(backbone, classes_of(num_classes), aux_loss)
