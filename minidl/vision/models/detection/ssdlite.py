"""SSDlite: section 6.2 of Sandler et al., "MobileNetV2", 2018. https://arxiv.org/abs/1801.04381

SSD with each convolution 3x3 divided into one on each channel, and 1x1 to mix them; here on MobileNetV3 (Howard et al.,
"Searching for MobileNetV3", 2019, https://arxiv.org/abs/1905.02244). Keys of the state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from minidl import nn
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models._utils import mobilenet_stages
from minidl.vision.models.detection._utils import classes_of, retrieve_out_channels, start_normal
from minidl.vision.models.detection.anchor_utils import DefaultBoxGenerator
from minidl.vision.models.detection.backbone_utils import _validate_trainable_layers, freeze_stages, is_trained
from minidl.vision.models.detection.ssd import SSD, SSDScoringHead, check_maps, without_size
from minidl.vision.models.mobilenetv2 import MobileNetV2
from minidl.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, MobileNetV3, mobilenet_v3_large
from minidl.vision.models.registry import register_model
from minidl.vision.ops.misc import Conv2dNormActivation

Norm = Callable[..., nn.Module]


def _prediction_block(in_channels: int, out_channels: int, kernel_size: int, norm_layer: Norm) -> nn.Sequential:
    """A convolution on each channel with norm and ReLU6, then 1x1."""
    return nn.Sequential(
        Conv2dNormActivation(in_channels, in_channels, kernel_size=kernel_size, groups=in_channels,
                             norm_layer=norm_layer, activation_layer=nn.ReLU6),
        nn.Conv2d(in_channels, out_channels, 1))


def _extra_block(in_channels: int, out_channels: int, norm_layer: Norm) -> nn.Sequential:
    """A map of half the size: 1x1 to half the channels, a convolution of stride 2 on each of them, 1x1."""
    layer, half = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.ReLU6), out_channels // 2
    return nn.Sequential(layer(in_channels, half, kernel_size=1), layer(half, half, 3, 2, groups=half),
                         layer(half, out_channels, kernel_size=1))


def _normal_init(conv: nn.Module) -> None:
    """Each convolution normal with a deviation of 0.03, and biases of 0."""
    start_normal(conv, 0.03)


class SSDLiteHead(nn.Module):
    """`SSDHead` with divided convolutions; norm_layer makes their norms."""

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int,
                 norm_layer: Norm) -> None:
        super().__init__()
        self.classification_head = SSDLiteClassificationHead(in_channels, num_anchors, num_classes, norm_layer)
        self.regression_head = SSDLiteRegressionHead(in_channels, num_anchors, norm_layer)

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


def _blocks(in_channels: Sequence[int], num_anchors: Sequence[int], columns: int, norm_layer: Norm) -> nn.ModuleList:
    layers = nn.ModuleList([_prediction_block(channels, columns * anchors, 3, norm_layer)
                            for channels, anchors in zip(in_channels, num_anchors)])
    _normal_init(layers)
    return layers


class SSDLiteClassificationHead(SSDScoringHead):
    """The scores of each default box."""

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int,
                 norm_layer: Norm) -> None:
        super().__init__(_blocks(in_channels, num_anchors, num_classes, norm_layer), num_classes)


class SSDLiteRegressionHead(SSDScoringHead):
    """The four numbers of each default box."""

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], norm_layer: Norm) -> None:
        super().__init__(_blocks(in_channels, num_anchors, 4, norm_layer), 4)


class SSDLiteFeatureExtractorMobileNet(nn.Module):
    """Six maps of a MobileNet's features and of blocks behind them, a dict of "0" to "5".

    Args:
        backbone: `features` of a MobileNet.
        c4_pos: the block of which the first map is the inside: its channels are the most at that size.
        norm_layer: makes the norms of the blocks behind.
        width_mult, min_depth: the channels of these blocks are multiplied, and never below min_depth.

    Errors: ValueError where the block c4_pos adds its input.
    """

    def __init__(self, backbone: nn.Sequential, c4_pos: int, norm_layer: Norm, width_mult: float = 1.0,
                 min_depth: int = 16) -> None:
        super().__init__()
        layers = list(backbone)
        if layers[c4_pos].use_res_connect:
            raise ValueError("backbone[c4_pos].use_res_connect should be False")
        inside = layers[c4_pos].block
        self.features = nn.Sequential(nn.Sequential(*layers[:c4_pos], inside[0]),
                                      nn.Sequential(inside[1:], *layers[c4_pos + 1:]))
        widths = [layers[-1].out_channels, *(max(min_depth, int(width * width_mult)) for width in (512, 256, 256, 128))]
        self.extra = nn.ModuleList([_extra_block(*pair, norm_layer) for pair in zip(widths, widths[1:])])
        _normal_init(self.extra)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps: dict[str, Tensor] = {}
        for block in (*self.features, *self.extra):
            x = block(x)
            maps[str(len(maps))] = x
        return maps


def _mobilenet_extractor(backbone: MobileNetV2 | MobileNetV3, trainable_layers: int,
                         norm_layer: Norm) -> SSDLiteFeatureExtractorMobileNet:
    layers = backbone.features
    stages = mobilenet_stages(layers)
    if not 0 <= trainable_layers <= len(stages):
        raise ValueError(f"trainable_layers should be in the range [0, {len(stages)}], instead got {trainable_layers}")
    freeze_stages(layers, stages, trainable_layers)
    return SSDLiteFeatureExtractorMobileNet(layers, stages[-2], norm_layer)


SSDLite320_MobileNet_V3_Large_Weights = weights_of("SSDLite320_MobileNet_V3_Large_Weights", __name__)

OF_BACKBONE = ("width_mult", "dilated", "dropout", "block")
"""Arguments of the builder that are of `mobilenet_v3_large`."""


@register_model()
@takes_weights(SSDLite320_MobileNet_V3_Large_Weights, backbone=MobileNet_V3_Large_Weights, settings=is_trained)
def ssdlite320_mobilenet_v3_large(*, num_classes: int | None = None,
                                  weights_backbone: WeightsEnum | str | None = None,
                                  trainable_backbone_layers: int | None = None, norm_layer: Norm | None = None,
                                  _trained: bool = False, **kwargs: Any) -> SSD:
    """SSDlite on MobileNetV3, for images of 320 pixels.

    Args:
        num_classes: with the background; 91, COCO's, if not given.
        weights_backbone: trained weights of the backbone alone. Without them its last blocks have half the channels.
        trainable_backbone_layers: how many stages of the backbone are trained, from the last, 0 to 6, which are all.
        norm_layer: makes all norms; BatchNorm2d with eps 0.001, momentum 0.03 if not given.
        kwargs: arguments of `SSD`, and width_mult, dilated, dropout and block of `mobilenet_v3_large`.
    """
    kwargs, known = without_size(kwargs), MobileNet_V3_Large_Weights.verify(weights_backbone)
    layers = _validate_trainable_layers(_trained or known is not None, trainable_backbone_layers, 6, 6)
    norm = norm_layer or partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    net = mobilenet_v3_large(weights=known, norm_layer=norm, reduced_tail=known is None,
                             **{name: kwargs.pop(name) for name in OF_BACKBONE if name in kwargs})
    if known is None:
        _normal_init(net)
    backbone, size, classes = _mobilenet_extractor(net, layers, norm), (320, 320), classes_of(num_classes)
    boxes = DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95)
    out_channels = retrieve_out_channels(backbone, size)
    check_maps(out_channels, boxes)
    defaults = {"score_thresh": 0.001, "nms_thresh": 0.55, "detections_per_img": 300, "topk_candidates": 300,
                "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
    head = SSDLiteHead(out_channels, boxes.num_anchors_per_location(), classes, norm)
    return SSD(backbone, boxes, size, classes, head=head, **{**defaults, **kwargs})
