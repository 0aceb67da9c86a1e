"""Lite R-ASPP: section 6.4 of Howard et al., "Searching for MobileNetV3", 2019. https://arxiv.org/abs/1905.02244

The last map of MobileNetV3, weighed by its mean as in squeeze and excitation, and an earlier, larger one. Keys of the
state dict are torchvision's.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models._utils import IntermediateLayerGetter, mobilenet_stages
from minidl.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, MobileNetV3, mobilenet_v3_large
from minidl.vision.models.registry import register_model
from minidl.vision.models.segmentation._utils import classes_of, enlarged


class LRASPP(nn.Module):
    """Scores of each pixel: {"out": (N, num_classes, H, W)} for images (N, 3, H, W).

    Args:
        backbone: returns a dict of two maps, "low" the earlier and "high" the last one.
        low_channels, high_channels: their channels.
        inter_channels: channels of the last map's branch.
    """

    def __init__(self, backbone: nn.Module, low_channels: int, high_channels: int, num_classes: int,
                 inter_channels: int = 128) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = LRASPPHead(low_channels, high_channels, num_classes, inter_channels)

    def forward(self, input: Tensor) -> OrderedDict[str, Tensor]:
        return OrderedDict(out=enlarged(self.classifier(self.backbone(input)), input))


class LRASPPHead(nn.Module):
    """Scores at each pixel of "low": a 1x1 of it, and one of "high", weighed by its mean and enlarged."""

    def __init__(self, low_channels: int, high_channels: int, num_classes: int, inter_channels: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(nn.Conv2d(high_channels, inter_channels, 1, bias=False),
                                 nn.BatchNorm2d(inter_channels), nn.ReLU())
        self.scale = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(high_channels, inter_channels, 1, bias=False),
                                   nn.Sigmoid())
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1)

    def forward(self, input: Mapping[str, Tensor]) -> Tensor:
        low, high = input["low"], input["high"]
        weighed = self.cbr(high) * self.scale(high)
        return self.low_classifier(low) + self.high_classifier(enlarged(weighed, low))


def _lraspp_mobilenetv3(backbone: MobileNetV3, num_classes: int) -> LRASPP:
    layers = backbone.features
    low, high = (mobilenet_stages(layers)[i] for i in (-4, -1))         # an eighth and a sixteenth of the image
    return LRASPP(IntermediateLayerGetter(layers, {str(low): "low", str(high): "high"}), layers[low].out_channels,
                  layers[high].out_channels, num_classes)


LRASPP_MobileNet_V3_Large_Weights = weights_of("LRASPP_MobileNet_V3_Large_Weights", __name__)


@register_model()
@takes_weights(LRASPP_MobileNet_V3_Large_Weights, backbone=MobileNet_V3_Large_Weights)
def lraspp_mobilenet_v3_large(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                              aux_loss: bool | None = None) -> LRASPP:
    """Lite R-ASPP on MobileNetV3.

    num_classes: with that of the background; 21, VOC's, if not given.
    Errors: NotImplementedError for an aux_loss, which this network does not have.

        >>> import minidl
        >>> from minidl.vision import models
        >>> net = models.segmentation.lraspp_mobilenet_v3_large(num_classes=5)
        >>> net(minidl.rand(2, 3, 40, 33))["out"].shape
        (2, 5, 40, 33)
    """
    if aux_loss:
        raise NotImplementedError("lraspp_mobilenet_v3_large: this model does not use auxiliary loss; leave out "
                                  "aux_loss, or try deeplabv3_mobilenet_v3_large")
    return _lraspp_mobilenetv3(mobilenet_v3_large(weights=weights_backbone, dilated=True), classes_of(num_classes))
