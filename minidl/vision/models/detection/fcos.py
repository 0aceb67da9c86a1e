"""FCOS: Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", 2019. https://arxiv.org/abs/1904.01355

No anchors: each pixel near the middle of an object says how far the object's four sides are. A third output says how
near the middle it is, so that boxes seen from the rim count less. Keys of the state dict are torchvision's.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from minidl import nn
from minidl.nn import functional as F
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import full, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.detection import _utils as det_utils
from minidl.vision.models.detection._utils import by_anchor, check_kind, classes_of, out_channels_of, start_normal
from minidl.vision.models.detection.anchor_utils import AnchorGenerator
from minidl.vision.models.detection.backbone_utils import is_trained, resnet50_fpn
from minidl.vision.models.detection.one_stage import DetectorOfLevels, best_of_levels, lengths_of
from minidl.vision.models.detection.targets import Target
from minidl.vision.models.detection.transform import IMAGENET_MEAN, IMAGENET_STD, GeneralizedRCNNTransform
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import ResNet50_Weights
from minidl.vision.ops.feature_pyramid_network import LastLevelP6P7
from minidl.vision.ops.focal_loss import sigmoid_focal_loss
from minidl.vision.ops.giou_loss import generalized_box_iou_loss

Norm = Callable[..., nn.Module]


class FCOSHead(nn.Module):
    """What is said of each pixel: "cls_logits" (N, A, num_classes), "bbox_regression" (N, A, 4), "bbox_ctrness".

    Args:
        in_channels: of each map.
        num_anchors: of each pixel, 1.
        num_convs: convolutions before the last one.
    """

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, num_convs: int = 4) -> None:
        super().__init__()
        self.box_coder = det_utils.BoxLinearCoder(normalize_by_size=True)
        self.classification_head = FCOSClassificationHead(in_channels, num_anchors, num_classes, num_convs)
        self.regression_head = FCOSRegressionHead(in_channels, num_anchors, num_convs)

    def compute_loss(self, targets: Sequence[Target], head_outputs: Mapping[str, Tensor], anchors: Sequence[Tensor],
                     matched_idxs: Sequence[Tensor]) -> dict[str, Tensor]:
        """The three losses by name, divided by the number of pixels that have an object.

        matched_idxs: of each image's pixels the object, or -1.
        """
        scores, codes, middle = (head_outputs[name] for name in ("cls_logits", "bbox_regression", "bbox_ctrness"))
        image, place = stack(list(matched_idxs)).ge(0).nonzero().unbind(1)
        objects = [matched[matched >= 0] for matched in matched_idxs]
        labels, boxes = (cat([target[key][some] for target, some in zip(targets, objects)])
                         for key in ("labels", "boxes"))
        wanted = zeros_like(scores)
        wanted[image, place, labels] = 1.0
        here = stack(list(anchors))[image, place]
        sides = self.box_coder.encode(here, boxes)
        near, far = sides[:, :2].minimum(sides[:, 2:]), sides[:, :2].maximum(sides[:, 2:])      # of x, and of y
        found = self.box_coder.decode(codes[image, place], here)
        many = max(1, len(place))
        return {
            "classification": sigmoid_focal_loss(scores, wanted, reduction="sum") / many,
            "bbox_regression": generalized_box_iou_loss(found, boxes, reduction="sum") / many,
            "bbox_ctrness": F.binary_cross_entropy_with_logits(middle[image, place, 0], (near / far).prod(1).sqrt(),
                                                               reduction="sum") / many}

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        bbox_regression, bbox_ctrness = self.regression_head(x)
        return {"cls_logits": self.classification_head(x), "bbox_regression": bbox_regression,
                "bbox_ctrness": bbox_ctrness}


def _tower(in_channels: int, num_convs: int, norm_layer: Norm | None) -> nn.Sequential:
    """Convolutions 3x3, each with norm and ReLU; of 32 groups if no norm is given."""
    norm, layers = norm_layer or partial(nn.GroupNorm, 32), []
    for _ in range(num_convs):
        layers += [nn.Conv2d(in_channels, in_channels, 3, padding=1), norm(in_channels), nn.ReLU()]
    return nn.Sequential(*layers)


class FCOSClassificationHead(nn.Module):
    """The scores of each pixel: maps (N, in_channels, H_i, W_i) -> (N, A, num_classes).

    Args:
        prior_probability: what the sigmoid of each score is at the start.
        norm_layer: makes the norms; `GroupNorm` of 32 groups if not given.
    """

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, num_convs: int = 4,
                 prior_probability: float = 0.01, norm_layer: Norm | None = None) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_anchors = num_anchors
        self.conv = _tower(in_channels, num_convs, norm_layer)
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, 3, padding=1)
        start_normal(self)
        assert self.cls_logits.bias is not None
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        return by_anchor([self.cls_logits(self.conv(features)) for features in x], self.num_classes)


class FCOSRegressionHead(nn.Module):
    """The distances to four sides, and how near the middle each pixel is: (N, A, 4), (N, A, 1).

    norm_layer: makes the norms; `GroupNorm` of 32 groups if not given.
    """

    def __init__(self, in_channels: int, num_anchors: int, num_convs: int = 4,
                 norm_layer: Norm | None = None) -> None:
        super().__init__()
        self.conv = _tower(in_channels, num_convs, norm_layer)
        self.bbox_reg = nn.Conv2d(in_channels, num_anchors * 4, 3, padding=1)
        self.bbox_ctrness = nn.Conv2d(in_channels, num_anchors, 3, padding=1)
        start_normal(self)

    def forward(self, x: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        hidden = [self.conv(features) for features in x]
        return by_anchor([F.relu(self.bbox_reg(h)) for h in hidden], 4), \
            by_anchor([self.bbox_ctrness(h) for h in hidden], 1)


class FCOS(DetectorOfLevels):
    """A detector of one stage without anchors.

    It is called as `FasterRCNN`; its losses are "classification", "bbox_regression" and "bbox_ctrness". A class has a
    score of its own, and the background has none; labels are from 0 to num_classes - 1.

    Args:
        backbone: makes maps, one or a dict, of `backbone.out_channels` channels each.
        min_size, max_size, image_mean, image_std: of `GeneralizedRCNNTransform`; ImageNet's colours if not given.
        anchor_generator: a square around each pixel, as large as its stride; if not given, from 8 to 128 for five maps.
        head: `FCOSHead` if not given.
        center_sampling_radius: a pixel may have an object whose middle is at most so many strides away.
        score_thresh, nms_thresh, detections_per_img, topk_candidates: as for `RetinaNet`.
        kwargs: other arguments of `GeneralizedRCNNTransform`.

    An object belongs to the maps on which its farthest side is 4 to 8 strides away, and a pixel in several objects to
    the smallest one.
    Errors: ValueError for a backbone without out_channels, and for more than one square; TypeError for an
    anchor_generator of another type; when called, as `FasterRCNN`.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import detection
        >>> backbone = nn.Sequential(nn.Conv2d(3, 32, 3, 4, 1), nn.ReLU())
        >>> backbone.out_channels = 32
        >>> squares = detection.anchor_utils.AnchorGenerator(((4,),), ((1.0,),))
        >>> net = detection.FCOS(backbone, num_classes=3, min_size=64, max_size=64, anchor_generator=squares)
        >>> target = {"boxes": minidl.tensor([[8., 8., 40., 50.]]), "labels": minidl.tensor([2])}
        >>> sorted(net([minidl.rand(3, 64, 64)], [target]))
        ['bbox_ctrness', 'bbox_regression', 'classification']
    """

    def __init__(self, backbone: nn.Module, num_classes: int, min_size: int | Sequence[int] = 800,
                 max_size: int = 1333, image_mean: Sequence[float] | None = None,
                 image_std: Sequence[float] | None = None, anchor_generator: AnchorGenerator | None = None,
                 head: nn.Module | None = None, center_sampling_radius: float = 1.5, score_thresh: float = 0.2,
                 nms_thresh: float = 0.6, detections_per_img: int = 100, topk_candidates: int = 1000,
                 **kwargs: Any) -> None:
        super().__init__()
        channels = out_channels_of(backbone)
        check_kind("anchor_generator", anchor_generator, AnchorGenerator)
        squares = anchor_generator or AnchorGenerator(((8,), (16,), (32,), (64,), (128,)), ((1.0,),) * 5)
        of_pixel = squares.num_anchors_per_location()[0]
        if of_pixel != 1:
            raise ValueError(f"anchor_generator.num_anchors_per_location()[0] should be 1 instead of {of_pixel}")
        self.backbone = backbone
        self.anchor_generator = squares
        self.head = head or FCOSHead(channels, of_pixel, num_classes)
        self.box_coder = det_utils.BoxLinearCoder(normalize_by_size=True)
        self.transform = GeneralizedRCNNTransform(
            min_size, max_size, IMAGENET_MEAN if image_mean is None else image_mean,
            IMAGENET_STD if image_std is None else image_std, **kwargs)
        self.center_sampling_radius = center_sampling_radius
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def _match(self, anchors: Tensor, boxes: Tensor, num_anchors_per_level: Sequence[int]) -> Tensor:
        """The object of each pixel, or -1: anchors (A, 4), boxes (M, 4) -> (A,)."""
        if not len(boxes):
            return full((len(anchors),), -1, device=anchors.device)
        stride = anchors[:, 2] - anchors[:, 0]
        pixel, center = (anchors[:, :2] + anchors[:, 2:]) / 2, (boxes[:, :2] + boxes[:, 2:]) / 2
        away = (pixel[:, None] - center).abs().amax(2)
        sides = cat([pixel[:, None] - boxes[:, :2], boxes[:, 2:] - pixel[:, None]], 2)      # (A, M, 4)
        nearest, farthest = sides.amin(2), sides.amax(2)
        least, most = stride * 4, stride * 8
        least[:num_anchors_per_level[0]] = 0
        most[len(most) - num_anchors_per_level[-1]:] = math.inf
        fits = (away < self.center_sampling_radius * stride[:, None]) & (nearest > 0) & \
            (farthest > least[:, None]) & (farthest < most[:, None])
        area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        best = (fits.to(area.dtype) * (1e8 - area)).max(1)
        return best.indices.masked_fill(best.values < 1e-5, -1)

    def compute_loss(self, targets: Sequence[Target], head_outputs: dict[str, Tensor], anchors: Sequence[Tensor],
                     num_anchors_per_level: Sequence[int]) -> dict[str, Tensor]:
        """The three losses by name."""
        matched = [self._match(of_image, target["boxes"], num_anchors_per_level)
                   for of_image, target in zip(anchors, targets)]
        return self.head.compute_loss(targets, head_outputs, anchors, matched)

    def losses(self, targets: Sequence[Target], head_outputs: dict[str, Tensor], anchors: Sequence[Tensor],
               maps: Sequence[Tensor]) -> dict[str, Tensor]:
        return self.compute_loss(targets, head_outputs, anchors, lengths_of(maps, len(anchors[0])))

    def postprocess_detections(self, head_outputs: Mapping[str, Sequence[Tensor]], anchors: Sequence[Sequence[Tensor]],
                               image_shapes: Sequence[tuple[int, int]]) -> list[Target]:
        """Results of each image, of what the head says of each map."""
        found = []
        for i, size in enumerate(image_shapes):
            scores, codes, middle = ([each[i] for each in head_outputs[name]]
                                     for name in ("cls_logits", "bbox_regression", "bbox_ctrness"))
            probabilities = [(a.sigmoid() * b.sigmoid()).sqrt() for a, b in zip(scores, middle)]
            found.append(self.best(*best_of_levels(probabilities, codes, anchors[i], self.box_coder.decode,
                                                   self.score_thresh, self.topk_candidates, size)))
        return found


FCOS_ResNet50_FPN_Weights = weights_of("FCOS_ResNet50_FPN_Weights", __name__)


@register_model()
@takes_weights(FCOS_ResNet50_FPN_Weights, backbone=ResNet50_Weights, settings=is_trained)
def fcos_resnet50_fpn(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                      trainable_backbone_layers: int | None = None, _trained: bool = False, **kwargs: Any) -> FCOS:
    """FCOS on ResNet-50. kwargs: arguments of `FCOS`; others as for `fasterrcnn_resnet50_fpn`."""
    backbone = resnet50_fpn(weights_backbone, trainable_backbone_layers, _trained, returned_layers=[2, 3, 4],
                            extra_blocks=LastLevelP6P7(256, 256))
    return FCOS(backbone, classes_of(num_classes), **kwargs)
