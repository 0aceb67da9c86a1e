"""RetinaNet: Lin et al., "Focal Loss for Dense Object Detection", 2017. https://arxiv.org/abs/1708.02002

A small network looks at each pixel of each map of a pyramid and says of nine anchors their classes and boxes. Nearly
all are background, and easy: the focal loss makes them count little. Keys of the state dict are torchvision's.

The second version has group norms in its head and the loss of Zhang et al., "Bridging the Gap Between Anchor-based and
Anchor-free Detection", 2019. https://arxiv.org/abs/1912.02424
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from minidl import nn
from minidl.ops.shape import stack
from minidl.tensors.creation import full, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.detection import _utils as det_utils
from minidl.vision.models.detection._utils import (
    _box_loss,
    by_anchor,
    check_kind,
    classes_of,
    out_channels_of,
    start_normal,
)
from minidl.vision.models.detection.anchor_utils import AnchorGenerator
from minidl.vision.models.detection.backbone_utils import (
    eps_of_first_weights,
    is_trained,
    resnet50_fpn,
    resnet50_fpn_v2,
)
from minidl.vision.models.detection.one_stage import DetectorOfLevels, best_of_levels
from minidl.vision.models.detection.targets import Target
from minidl.vision.models.detection.transform import IMAGENET_MEAN, IMAGENET_STD, GeneralizedRCNNTransform
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import ResNet50_Weights
from minidl.vision.ops import boxes as box_ops
from minidl.vision.ops.feature_pyramid_network import LastLevelP6P7
from minidl.vision.ops.focal_loss import sigmoid_focal_loss
from minidl.vision.ops.misc import Conv2dNormActivation

Norm = Callable[..., nn.Module]


def _default_anchorgen() -> AnchorGenerator:
    sizes = tuple((x, int(x * 2 ** (1 / 3)), int(x * 2 ** (2 / 3))) for x in (32, 64, 128, 256, 512))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))


def _v1_to_v2_weights(state: dict[str, Any], prefix: str) -> None:
    """Before version 2 a convolution and its ReLU were two layers."""
    for i in range(4):
        for name in ("weight", "bias"):
            if f"{prefix}conv.{2 * i}.{name}" in state:
                state[f"{prefix}conv.{i}.0.{name}"] = state.pop(f"{prefix}conv.{2 * i}.{name}")


class RetinaNetHead(nn.Module):
    """What is said of each anchor: "cls_logits" (N, A, num_classes) and "bbox_regression" (N, A, 4), of maps.

    Args:
        in_channels: of each map.
        num_anchors: of each pixel.
        norm_layer: makes the norms; None leaves them out.
    """

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, norm_layer: Norm | None = None) -> None:
        super().__init__()
        self.classification_head = RetinaNetClassificationHead(in_channels, num_anchors, num_classes,
                                                               norm_layer=norm_layer)
        self.regression_head = RetinaNetRegressionHead(in_channels, num_anchors, norm_layer=norm_layer)

    def compute_loss(self, targets: Sequence[Target], head_outputs: Mapping[str, Tensor], anchors: Sequence[Tensor],
                     matched_idxs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Both losses by name. matched_idxs: of each image's anchors the object, -1 background, -2 ignored."""
        return {"classification": self.classification_head.compute_loss(targets, head_outputs, matched_idxs),
                "bbox_regression": self.regression_head.compute_loss(targets, head_outputs, anchors, matched_idxs)}

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        return {"cls_logits": self.classification_head(x), "bbox_regression": self.regression_head(x)}


class _Tower(nn.Module):
    """Four convolutions 3x3, the same for all maps."""

    _version = 2

    def __init__(self, in_channels: int, norm_layer: Norm | None) -> None:
        super().__init__()
        self.conv = nn.Sequential(*[Conv2dNormActivation(in_channels, in_channels, norm_layer=norm_layer)
                                    for _ in range(4)])

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        if metadata.get("version", 1) < 2:
            _v1_to_v2_weights(state, prefix)


class RetinaNetClassificationHead(_Tower):
    """The scores of each anchor: maps (N, in_channels, H_i, W_i) -> (N, A, num_classes).

    prior_probability: what the sigmoid of each score is at the start. Other arguments: as `RetinaNetHead`.
    """

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, prior_probability: float = 0.01,
                 norm_layer: Norm | None = None) -> None:
        super().__init__(in_channels, norm_layer)
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, 3, padding=1)
        start_normal(self)
        assert self.cls_logits.bias is not None
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))
        self.num_classes = num_classes
        self.num_anchors = num_anchors

    def compute_loss(self, targets: Sequence[Target], head_outputs: Mapping[str, Tensor],
                     matched_idxs: Sequence[Tensor]) -> Tensor:
        """The focal loss of an image, divided by the number of anchors that have an object; the mean over images."""
        losses = []
        for target, scores, matched in zip(targets, head_outputs["cls_logits"], matched_idxs):
            positive = (matched >= 0).nonzero()[:, 0]
            wanted = zeros_like(scores)
            wanted[positive, target["labels"][matched[positive]]] = 1.0
            valid = (matched != det_utils.Matcher.BETWEEN_THRESHOLDS).nonzero()[:, 0]
            loss = sigmoid_focal_loss(scores[valid], wanted[valid], reduction="sum")
            losses.append(loss / max(1, len(positive)))
        return stack(losses).sum() / len(targets)

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        return by_anchor([self.cls_logits(self.conv(features)) for features in x], self.num_classes)


class RetinaNetRegressionHead(_Tower):
    """The four numbers of each anchor's box: maps (N, in_channels, H_i, W_i) -> (N, A, 4).

    Arguments: as `RetinaNetHead`. Its `_loss_type` is one of `_box_loss`'s.
    """

    def __init__(self, in_channels: int, num_anchors: int, norm_layer: Norm | None = None) -> None:
        super().__init__(in_channels, norm_layer)
        self.bbox_reg = nn.Conv2d(in_channels, num_anchors * 4, 3, padding=1)
        start_normal(self)
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self._loss_type = "l1"

    def compute_loss(self, targets: Sequence[Target], head_outputs: Mapping[str, Tensor], anchors: Sequence[Tensor],
                     matched_idxs: Sequence[Tensor]) -> Tensor:
        """The loss of an image's boxes, divided by the number of anchors that have an object; the mean over images."""
        losses = []
        for target, codes, of_image, matched in zip(targets, head_outputs["bbox_regression"], anchors, matched_idxs):
            positive = (matched >= 0).nonzero()[:, 0]
            loss = _box_loss(self._loss_type, self.box_coder, of_image[positive], target["boxes"][matched[positive]],
                             codes[positive])
            losses.append(loss / max(1, len(positive)))
        return stack(losses).sum() / max(1, len(targets))

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        return by_anchor([self.bbox_reg(self.conv(features)) for features in x], 4)


class RetinaNet(DetectorOfLevels):
    """A detector of one stage, that learns with the focal loss.

    It is called as `FasterRCNN`; its losses are "classification" and "bbox_regression". A class has a score of its
    own, and the background has none; labels are from 0 to num_classes - 1.

    Args:
        backbone: makes maps, one or a dict, of `backbone.out_channels` channels each.
        min_size, max_size, image_mean, image_std: of `GeneralizedRCNNTransform`; ImageNet's colours if not given.
        anchor_generator: if not given, for five maps three sizes in three shapes, from 32 to 812.
        head: `RetinaNetHead` if not given.
        proposal_matcher: a `Matcher`; if not given, of fg_iou_thresh and bg_iou_thresh.
        score_thresh, topk_candidates: of each map at most so many results above the threshold are looked at.
        nms_thresh: the overlap with a better result of the same class that drops one.
        detections_per_img: how many results of an image are kept.
        fg_iou_thresh, bg_iou_thresh: the overlap from which on an anchor has an object, and below which it has none.
        kwargs: other arguments of `GeneralizedRCNNTransform`.

    Errors: ValueError for a backbone without out_channels, TypeError for an anchor_generator of another type; when
    called, as `FasterRCNN`.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import detection
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> anchors = detection.anchor_utils.AnchorGenerator(((8, 16, 32),), ((1.0,),))
        >>> net = detection.RetinaNet(backbone, num_classes=3, min_size=64, max_size=64, anchor_generator=anchors)
        >>> target = {"boxes": minidl.tensor([[8., 8., 40., 50.]]), "labels": minidl.tensor([2])}
        >>> sorted(net([minidl.rand(3, 64, 64)], [target]))
        ['bbox_regression', 'classification']
    """

    def __init__(self, backbone: nn.Module, num_classes: int, min_size: int | Sequence[int] = 800,
                 max_size: int = 1333, image_mean: Sequence[float] | None = None,
                 image_std: Sequence[float] | None = None, anchor_generator: AnchorGenerator | None = None,
                 head: nn.Module | None = None, proposal_matcher: det_utils.Matcher | None = None,
                 score_thresh: float = 0.05, nms_thresh: float = 0.5, detections_per_img: int = 300,
                 fg_iou_thresh: float = 0.5, bg_iou_thresh: float = 0.4, topk_candidates: int = 1000,
                 **kwargs: Any) -> None:
        super().__init__()
        channels = out_channels_of(backbone)
        check_kind("anchor_generator", anchor_generator, AnchorGenerator)
        anchors = anchor_generator or _default_anchorgen()
        self.backbone = backbone
        self.anchor_generator = anchors
        self.head = head or RetinaNetHead(channels, anchors.num_anchors_per_location()[0], num_classes)
        self.proposal_matcher = proposal_matcher or det_utils.Matcher(fg_iou_thresh, bg_iou_thresh,
                                                                      allow_low_quality_matches=True)
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.transform = GeneralizedRCNNTransform(
            min_size, max_size, IMAGENET_MEAN if image_mean is None else image_mean,
            IMAGENET_STD if image_std is None else image_std, **kwargs)
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def compute_loss(self, targets: Sequence[Target], head_outputs: dict[str, Tensor],
                     anchors: Sequence[Tensor]) -> dict[str, Tensor]:
        """Both losses by name."""
        matched = [self.proposal_matcher(box_ops.box_iou(target["boxes"], of_image)) if len(target["boxes"]) else
                   full((len(of_image),), -1, device=of_image.device) for of_image, target in zip(anchors, targets)]
        return self.head.compute_loss(targets, head_outputs, anchors, matched)

    def losses(self, targets: Sequence[Target], head_outputs: dict[str, Tensor], anchors: Sequence[Tensor],
               maps: Sequence[Tensor]) -> dict[str, Tensor]:
        return self.compute_loss(targets, head_outputs, anchors)

    def postprocess_detections(self, head_outputs: Mapping[str, Sequence[Tensor]], anchors: Sequence[Sequence[Tensor]],
                               image_shapes: Sequence[tuple[int, int]]) -> list[Target]:
        """Results of each image, of what the head says of each map."""
        found = []
        for i, size in enumerate(image_shapes):
            scores, codes = ([each[i] for each in head_outputs[name]] for name in ("cls_logits", "bbox_regression"))
            found.append(self.best(*best_of_levels([each.sigmoid() for each in scores], codes, anchors[i],
                                                   self.box_coder.decode_single, self.score_thresh,
                                                   self.topk_candidates, size)))
        return found


# ---------------------------------------------------------------------- the variants

RetinaNet_ResNet50_FPN_Weights = weights_of("RetinaNet_ResNet50_FPN_Weights", __name__)
RetinaNet_ResNet50_FPN_V2_Weights = weights_of("RetinaNet_ResNet50_FPN_V2_Weights", __name__)
STAGES = [2, 3, 4]
"""The first one's map would have too many anchors."""


@register_model()
@takes_weights(RetinaNet_ResNet50_FPN_Weights, backbone=ResNet50_Weights, settings=is_trained,
               finish=eps_of_first_weights)
def retinanet_resnet50_fpn(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                           trainable_backbone_layers: int | None = None, _trained: bool = False,
                           **kwargs: Any) -> RetinaNet:
    """RetinaNet on ResNet-50. kwargs: arguments of `RetinaNet`; others as for `fasterrcnn_resnet50_fpn`."""
    backbone = resnet50_fpn(weights_backbone, trainable_backbone_layers, _trained, returned_layers=STAGES,
                            extra_blocks=LastLevelP6P7(256, 256))
    return RetinaNet(backbone, classes_of(num_classes), **kwargs)


@register_model()
@takes_weights(RetinaNet_ResNet50_FPN_V2_Weights, backbone=ResNet50_Weights, settings=is_trained)
def retinanet_resnet50_fpn_v2(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                              trainable_backbone_layers: int | None = None, _trained: bool = False,
                              **kwargs: Any) -> RetinaNet:
    """The second version. Arguments are those of `retinanet_resnet50_fpn`."""
    backbone = resnet50_fpn_v2(weights_backbone, trainable_backbone_layers, _trained, returned_layers=STAGES,
                               extra_blocks=LastLevelP6P7(2048, 256))
    classes, anchors = classes_of(num_classes), _default_anchorgen()
    head = RetinaNetHead(backbone.out_channels, anchors.num_anchors_per_location()[0], classes,
                         norm_layer=partial(nn.GroupNorm, 32))
    head.regression_head._loss_type = "giou"
    return RetinaNet(backbone, classes, **{"anchor_generator": anchors, "head": head, **kwargs})
