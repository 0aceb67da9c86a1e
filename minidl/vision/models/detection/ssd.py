"""SSD: Liu et al., "SSD: Single Shot MultiBox Detector", 2015. https://arxiv.org/abs/1512.02325

Maps from fine to coarse, each with a convolution that says of default boxes their classes and where the object is. Of
the many boxes that are background, only the three hardest for each object are learned. Keys of the state dict are
torchvision's.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl import nn
from minidl.backend.warn import warn
from minidl.nn import functional as F
from minidl.ops.elementwise import where
from minidl.ops.shape import cat, stack
from minidl.tensors.creation import arange, full, ones, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.detection import _utils as det_utils
from minidl.vision.models.detection._utils import classes_of, permute_and_flatten
from minidl.vision.models.detection.anchor_utils import DefaultBoxGenerator
from minidl.vision.models.detection.backbone_utils import _validate_trainable_layers, freeze_stages, is_trained
from minidl.vision.models.detection.one_stage import OneStageDetector
from minidl.vision.models.detection.targets import Target
from minidl.vision.models.detection.transform import IMAGENET_MEAN, IMAGENET_STD, GeneralizedRCNNTransform
from minidl.vision.models.registry import register_model
from minidl.vision.models.vgg import VGG, VGG16_Weights, vgg16
from minidl.vision.ops import boxes as box_ops


def _xavier_init(conv: nn.Module) -> None:
    """Each convolution Xavier-uniform, and biases of 0."""
    for layer in conv.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class SSDHead(nn.Module):
    """What is said of each default box: "bbox_regression" (N, A, 4) and "cls_logits" (N, A, num_classes).

    Args:
        in_channels: of each map.
        num_anchors: of each pixel of each map.
    """

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int) -> None:
        super().__init__()
        self.classification_head = SSDClassificationHead(in_channels, num_anchors, num_classes)
        self.regression_head = SSDRegressionHead(in_channels, num_anchors)

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


class SSDScoringHead(nn.Module):
    """A layer for each map, that says num_columns numbers of each box: (N, A, num_columns)."""

    def __init__(self, module_list: nn.ModuleList, num_columns: int) -> None:
        super().__init__()
        self.module_list = module_list
        self.num_columns = num_columns

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        said = [layer(features) for layer, features in zip(self.module_list, x)]
        return cat([permute_and_flatten(y, len(y), y.shape[1] // self.num_columns, self.num_columns, *y.shape[2:])
                    for y in said], 1)


def _convolutions(in_channels: Sequence[int], num_anchors: Sequence[int], columns: int) -> nn.ModuleList:
    layers = nn.ModuleList([nn.Conv2d(channels, columns * anchors, 3, padding=1)
                            for channels, anchors in zip(in_channels, num_anchors)])
    _xavier_init(layers)
    return layers


class SSDClassificationHead(SSDScoringHead):
    """The scores of each default box."""

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int], num_classes: int) -> None:
        super().__init__(_convolutions(in_channels, num_anchors, num_classes), num_classes)


class SSDRegressionHead(SSDScoringHead):
    """The four numbers of each default box."""

    def __init__(self, in_channels: Sequence[int], num_anchors: Sequence[int]) -> None:
        super().__init__(_convolutions(in_channels, num_anchors, 4), 4)


class SSD(OneStageDetector):
    """A detector of one stage with default boxes, for images of one size.

    It is called as `FasterRCNN`; its losses are "bbox_regression" and "classification". 0 is the background; labels
    are from 1 to num_classes - 1.

    Args:
        backbone: makes a dict of maps; the list `backbone.out_channels` has the channels of each. If it has none, they
            are seen by running it.
        anchor_generator: makes the default boxes.
        size: (width, height) that all images are resized to.
        num_classes: with the background.
        image_mean, image_std: of `GeneralizedRCNNTransform`; ImageNet's colours if not given.
        head: `SSDHead` if not given.
        score_thresh, topk_candidates: of each class at most so many results above the threshold are looked at.
        nms_thresh: the overlap with a better result of the same class that drops one.
        detections_per_img: how many results of an image are kept.
        iou_thresh: the overlap from which on a default box has an object.
        positive_fraction: the share of boxes with an object among those that the loss of classes sees.
        kwargs: other arguments of `GeneralizedRCNNTransform`.

    Errors: ValueError unless there are as many maps as aspect ratios; when called, as `FasterRCNN`.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import detection
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 8, 1), nn.ReLU())
        >>> boxes = detection.anchor_utils.DefaultBoxGenerator([[2]], scales=[0.3, 0.6])
        >>> net = detection.ssd.SSD(backbone, boxes, (64, 64), num_classes=3)
        >>> target = {"boxes": minidl.tensor([[8., 8., 40., 50.]]), "labels": minidl.tensor([2])}
        >>> sorted(net([minidl.rand(3, 80, 90)], [target]))
        ['bbox_regression', 'classification']
    """

    first_label = 1

    def __init__(self, backbone: nn.Module, anchor_generator: DefaultBoxGenerator, size: tuple[int, int],
                 num_classes: int, image_mean: Sequence[float] | None = None,
                 image_std: Sequence[float] | None = None, head: nn.Module | None = None, score_thresh: float = 0.01,
                 nms_thresh: float = 0.45, detections_per_img: int = 200, iou_thresh: float = 0.5,
                 topk_candidates: int = 400, positive_fraction: float = 0.25, **kwargs: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.anchor_generator = anchor_generator
        self.box_coder = det_utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
        if head is None:
            out_channels = backbone.out_channels if hasattr(backbone, "out_channels") else \
                det_utils.retrieve_out_channels(backbone, size)
            check_maps(out_channels, anchor_generator)
            head = SSDHead(out_channels, anchor_generator.num_anchors_per_location(), num_classes)
        self.head = head
        self.proposal_matcher = det_utils.SSDMatcher(iou_thresh)
        self.transform = GeneralizedRCNNTransform(
            min(size), max(size), IMAGENET_MEAN if image_mean is None else image_mean,
            IMAGENET_STD if image_std is None else image_std, size_divisible=1, fixed_size=size, **kwargs)
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates
        self.neg_to_pos_ratio = (1.0 - positive_fraction) / positive_fraction

    def compute_loss(self, targets: Sequence[Target], head_outputs: dict[str, Tensor], anchors: Sequence[Tensor],
                     matched_idxs: Sequence[Tensor]) -> dict[str, Tensor]:
        """Both losses by name, divided by the number of default boxes that have an object.

        matched_idxs: of each image's default boxes the object, or -1.
        """
        codes, scores = head_outputs["bbox_regression"], head_outputs["cls_logits"]
        many, box_losses, classes = 0, [], []
        for i, (target, of_image, matched) in enumerate(zip(targets, anchors, matched_idxs)):
            positive = (matched >= 0).nonzero()[:, 0]
            best = matched[positive]
            many += len(positive)
            wanted = self.box_coder.encode_single(target["boxes"][best], of_image[positive])
            box_losses.append(F.smooth_l1_loss(codes[i][positive], wanted, reduction="sum"))
            label = zeros_like(matched)
            label[positive] = target["labels"][best]
            classes.append(label)
        labels = stack(classes)
        losses = F.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none").reshape(labels.shape)
        objects = labels > 0
        # of the background, the boxes with the largest losses
        hardness = where(objects, -float("inf"), losses.detach())
        rank = hardness.argsort(1, descending=True).argsort(1)
        hardest = rank < self.neg_to_pos_ratio * objects.sum(1, keepdim=True)
        return {"bbox_regression": stack(box_losses).sum() / max(1, many),
                "classification": (losses[objects].sum() + losses[hardest].sum()) / max(1, many)}

    def losses(self, targets: Sequence[Target], head_outputs: dict[str, Tensor], anchors: Sequence[Tensor],
               maps: Sequence[Tensor]) -> dict[str, Tensor]:
        matched = [self.proposal_matcher(box_ops.box_iou(target["boxes"], of_image)) if len(target["boxes"]) else
                   full((len(of_image),), -1, device=of_image.device) for of_image, target in zip(anchors, targets)]
        return self.compute_loss(targets, head_outputs, anchors, matched)

    def postprocess_detections(self, head_outputs: Mapping[str, Tensor], image_anchors: Sequence[Tensor],
                               image_shapes: Sequence[tuple[int, int]]) -> list[Target]:
        """Results of each image."""
        found = []
        for codes, scores, anchors, size in zip(head_outputs["bbox_regression"],
                                                F.softmax(head_outputs["cls_logits"], -1), image_anchors,
                                                image_shapes):
            boxes = box_ops.clip_boxes_to_image(self.box_coder.decode_single(codes, anchors), size)
            of_classes = scores[:, 1:].T                                    # 0 is the background
            top = of_classes.topk(min(self.topk_candidates, len(boxes)), dim=1)
            labels = arange(1, len(of_classes) + 1, device=boxes.device)[:, None].expand(*top.values.shape)
            some = top.values > self.score_thresh
            found.append(self.best(boxes[top.indices[some]], top.values[some], labels[some]))
        return found

    def detections(self, head_outputs: dict[str, Tensor], anchors: Sequence[Tensor], maps: Sequence[Tensor],
                   image_sizes: Sequence[tuple[int, int]]) -> list[Target]:
        return self.postprocess_detections(head_outputs, anchors, image_sizes)


def check_maps(out_channels: Sequence[int], boxes: DefaultBoxGenerator) -> None:
    """Errors: ValueError unless there are as many maps as aspect ratios."""
    if len(out_channels) != len(boxes.aspect_ratios):
        raise ValueError(f"The length of the output channels from the backbone ({len(out_channels)}) do not match the "
                         f"length of the anchor generator aspect ratios ({len(boxes.aspect_ratios)})")


# ---------------------------------------------------------------------- on VGG

class SSDFeatureExtractorVGG(nn.Module):
    """Six maps of a VGG's features and of layers behind them, a dict of "0" to "5"; seven with highres.

    The numbers of each pixel of the first map are divided by their length, and each channel is scaled.

    Args:
        backbone: `features` of a VGG without norms; they are changed.
        highres: whether there is a seventh map, for images of 512 pixels.
    """

    def __init__(self, backbone: nn.Sequential, highres: bool) -> None:
        super().__init__()
        layers = list(backbone)
        third, fourth = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)][2:4]
        layers[third].ceil_mode = True          # so that maps are as large as the paper's
        self.scale_weight = nn.Parameter(ones(512) * 20)
        self.features = nn.Sequential(*layers[:fourth])
        sizes = [(1024, 256, 512, 3, 2, 1), (512, 128, 256, 3, 2, 1), *[(256, 128, 256, 3, 1, 0)] * 2]
        extra = [nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.ReLU(),
                               nn.Conv2d(hidden, outputs, kernel, stride, padding), nn.ReLU())
                 for inputs, hidden, outputs, kernel, stride, padding in
                 [*sizes, *[(256, 128, 256, 4, 1, 0)] * highres]]
        fc = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU(),
                           nn.Conv2d(1024, 1024, 1), nn.ReLU())
        for block in (*extra, fc):
            _xavier_init(block)
        self.extra = nn.ModuleList([nn.Sequential(*layers[fourth:-1], fc), *extra])

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.features(x)
        maps = [self.scale_weight.reshape(1, -1, 1, 1) * F.normalize(x)]
        for block in self.extra:
            x = block(x)
            maps.append(x)
        return {str(i): each for i, each in enumerate(maps)}


def _vgg_extractor(backbone: VGG, highres: bool, trainable_layers: int) -> SSDFeatureExtractorVGG:
    layers = backbone.features
    assert isinstance(layers, nn.Sequential)
    stages = [0, *[i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)][:-1]]
    if not 0 <= trainable_layers <= len(stages):
        raise AssertionError(f"trainable_layers should be in the range [0, {len(stages)}]. Instead got "
                             f"{trainable_layers}")
    freeze_stages(layers, stages, trainable_layers)
    return SSDFeatureExtractorVGG(layers, highres)


def without_size(arguments: dict[str, Any]) -> dict[str, Any]:
    """The same arguments but `size`, which is fixed."""
    if "size" in arguments:
        warn("The size of the model is already fixed; ignoring the parameter.")
    return {name: value for name, value in arguments.items() if name != "size"}


SSD300_VGG16_Weights = weights_of("SSD300_VGG16_Weights", __name__)


@register_model()
@takes_weights(SSD300_VGG16_Weights, backbone=VGG16_Weights, settings=is_trained)
def ssd300_vgg16(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                 trainable_backbone_layers: int | None = None, _trained: bool = False, **kwargs: Any) -> SSD:
    """SSD on VGG-16, for images of 300 pixels.

    Args:
        num_classes: with the background; 91, COCO's, if not given.
        weights_backbone: trained weights of the backbone alone.
        trainable_backbone_layers: how many stages of the backbone are trained, from the last, 0 to 5; 4 if not given.
            Without trained weights all are.
        kwargs: arguments of `SSD`.
    """
    kwargs, known = without_size(kwargs), VGG16_Weights.verify(weights_backbone)
    layers = _validate_trainable_layers(_trained or known is not None, trainable_backbone_layers, 5, 4)
    backbone = _vgg_extractor(vgg16(weights=known), False, layers)
    boxes = DefaultBoxGenerator([[2], [2, 3], [2, 3], [2, 3], [2], [2]], steps=[8, 16, 32, 64, 100, 300],
                                scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05])
    colours = {"image_mean": [0.48235, 0.45882, 0.40784], "image_std": [1 / 255] * 3}       # bytes, without their mean
    return SSD(backbone, boxes, (300, 300), classes_of(num_classes), **{**colours, **kwargs})
