"""Faster R-CNN: Ren et al., "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks", 2015.
https://arxiv.org/abs/1506.01497

A region proposal network finds boxes that may hold an object; of each, a region of the same maps is pooled, and two
layers say its class and its box. Keys of the state dict are torchvision's, and so are dicts, losses and results.

The second version is that of Li et al., "Benchmarking Detection Transfer Learning with Vision Transformers", 2021.
https://arxiv.org/abs/2111.11429
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl import nn
from minidl.nn import functional as F
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.detection._utils import check_kind, classes_of, out_channels_of, start_kaiming
from minidl.vision.models.detection.anchor_utils import AnchorGenerator
from minidl.vision.models.detection.backbone_utils import (
    BackboneWithFPN,
    _mobilenet_extractor,
    _validate_trainable_layers,
    eps_of_first_weights,
    is_trained,
    resnet50_fpn,
    resnet50_fpn_v2,
)
from minidl.vision.models.detection.generalized_rcnn import GeneralizedRCNN
from minidl.vision.models.detection.roi_heads import RoIHeads
from minidl.vision.models.detection.rpn import RegionProposalNetwork, RPNHead
from minidl.vision.models.detection.transform import IMAGENET_MEAN, IMAGENET_STD, GeneralizedRCNNTransform
from minidl.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import ResNet50_Weights
from minidl.vision.ops.misc import Conv2dNormActivation, FrozenBatchNorm2d
from minidl.vision.ops.poolers import MultiScaleRoIAlign

BoxWeights = tuple[float, float, float, float]


def _default_anchorgen() -> AnchorGenerator:
    return AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)


class FasterRCNN(GeneralizedRCNN):
    """A detector of two stages: proposals, and what each of them is.

    Called with a list of images (C, H, W) from 0 to 1, of any sizes, and in training with a list of as many dicts:
    `boxes` (N, 4), floats x1, y1, x2, y2 in pixels, and `labels` (N,), int64 from 1 on; N may be 0. In training it
    returns a dict of losses to add up: "loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg". In
    evaluation it returns for each image a dict of `boxes`, `labels` and `scores`, best first.

    Args:
        backbone: makes maps, one or a dict, of `backbone.out_channels` channels each.
        num_classes: with the background, 0; None if box_predictor is given.
        min_size, max_size, image_mean, image_std: of `GeneralizedRCNNTransform`; ImageNet's colours if not given.
        rpn_anchor_generator: anchors; if not given, for five maps one size each, from 32 to 512, in three shapes.
        rpn_head: `RPNHead` if not given.
        rpn_pre_nms_top_n_train, rpn_pre_nms_top_n_test: how many boxes of each map are looked at.
        rpn_post_nms_top_n_train, rpn_post_nms_top_n_test: how many proposals an image has.
        rpn_nms_thresh, rpn_fg_iou_thresh, rpn_bg_iou_thresh, rpn_batch_size_per_image, rpn_positive_fraction,
            rpn_score_thresh: of `RegionProposalNetwork`.
        box_roi_pool: pools regions; if not given, of the maps "0" to "3" to 7x7.
        box_head: `TwoMLPHead` of 1024 if not given.
        box_predictor: `FastRCNNPredictor` if not given.
        box_score_thresh, box_nms_thresh, box_detections_per_img, box_fg_iou_thresh, box_bg_iou_thresh,
            box_batch_size_per_image, box_positive_fraction, bbox_reg_weights: of `RoIHeads`.
        kwargs: other arguments of `GeneralizedRCNNTransform`.

    Errors: ValueError for a backbone without out_channels, and unless one of num_classes and box_predictor is given;
    TypeError for an rpn_anchor_generator or box_roi_pool of another type; when called, those of
    `minidl.vision.models.detection.targets`, which name the image and the box.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import detection
        >>> from minidl.vision.ops import MultiScaleRoIAlign
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> net = detection.FasterRCNN(
        ...     backbone, num_classes=3, min_size=64, max_size=64,
        ...     rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((8, 16, 32),), ((1.0,),)),
        ...     box_roi_pool=MultiScaleRoIAlign(["0"], 3, 2))
        >>> target = {"boxes": minidl.tensor([[8., 8., 40., 50.]]), "labels": minidl.tensor([2])}
        >>> sorted(net([minidl.rand(3, 64, 64)], [target]))
        ['loss_box_reg', 'loss_classifier', 'loss_objectness', 'loss_rpn_box_reg']
        >>> sorted(net.eval()([minidl.rand(3, 64, 64)])[0])
        ['boxes', 'labels', 'scores']
    """

    def __init__(self, backbone: nn.Module, num_classes: int | None = None, min_size: int | Sequence[int] = 800,
                 max_size: int = 1333, image_mean: Sequence[float] | None = None,
                 image_std: Sequence[float] | None = None, rpn_anchor_generator: AnchorGenerator | None = None,
                 rpn_head: nn.Module | None = None, rpn_pre_nms_top_n_train: int = 2000,
                 rpn_pre_nms_top_n_test: int = 1000, rpn_post_nms_top_n_train: int = 2000,
                 rpn_post_nms_top_n_test: int = 1000, rpn_nms_thresh: float = 0.7, rpn_fg_iou_thresh: float = 0.7,
                 rpn_bg_iou_thresh: float = 0.3, rpn_batch_size_per_image: int = 256,
                 rpn_positive_fraction: float = 0.5, rpn_score_thresh: float = 0.0,
                 box_roi_pool: MultiScaleRoIAlign | None = None, box_head: nn.Module | None = None,
                 box_predictor: nn.Module | None = None, box_score_thresh: float = 0.05, box_nms_thresh: float = 0.5,
                 box_detections_per_img: int = 100, box_fg_iou_thresh: float = 0.5, box_bg_iou_thresh: float = 0.5,
                 box_batch_size_per_image: int = 512, box_positive_fraction: float = 0.25,
                 bbox_reg_weights: BoxWeights | None = None, **kwargs: Any) -> None:
        out_channels = out_channels_of(backbone)
        check_kind("rpn_anchor_generator", rpn_anchor_generator, AnchorGenerator)
        check_kind("box_roi_pool", box_roi_pool, MultiScaleRoIAlign)
        if num_classes is not None and box_predictor is not None:
            raise ValueError("num_classes should be None when box_predictor is specified")
        anchors = rpn_anchor_generator or _default_anchorgen()
        rpn = RegionProposalNetwork(
            anchors, rpn_head or RPNHead(out_channels, anchors.num_anchors_per_location()[0]), rpn_fg_iou_thresh,
            rpn_bg_iou_thresh, rpn_batch_size_per_image, rpn_positive_fraction,
            {"training": rpn_pre_nms_top_n_train, "testing": rpn_pre_nms_top_n_test},
            {"training": rpn_post_nms_top_n_train, "testing": rpn_post_nms_top_n_test}, rpn_nms_thresh,
            score_thresh=rpn_score_thresh)
        pool = box_roi_pool or MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=7, sampling_ratio=2)
        if box_predictor is None:
            if num_classes is None:
                raise ValueError("num_classes should not be None when box_predictor is not specified")
            box_predictor = FastRCNNPredictor(1024, num_classes)
        roi_heads = RoIHeads(
            pool, box_head or TwoMLPHead(out_channels * pool.output_size[0] ** 2, 1024), box_predictor,
            box_fg_iou_thresh, box_bg_iou_thresh, box_batch_size_per_image, box_positive_fraction, bbox_reg_weights,
            box_score_thresh, box_nms_thresh, box_detections_per_img)
        transform = GeneralizedRCNNTransform(
            min_size, max_size, IMAGENET_MEAN if image_mean is None else image_mean,
            IMAGENET_STD if image_std is None else image_std, **kwargs)
        super().__init__(backbone, rpn, roi_heads, transform)


class TwoMLPHead(nn.Module):
    """A vector of each region: two linear layers, each with ReLU."""

    def __init__(self, in_channels: int, representation_size: int) -> None:
        super().__init__()
        self.fc6 = nn.Linear(in_channels, representation_size)
        self.fc7 = nn.Linear(representation_size, representation_size)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.fc7(F.relu(self.fc6(x.flatten(1)))))


class FastRCNNConvFCHead(nn.Sequential):
    """A vector of each region: convolutions 3x3 and linear layers, each with ReLU.

    Args:
        input_size: (channels, height, width) of a region.
        conv_layers, fc_layers: their widths.
        norm_layer: makes the norms of the convolutions; None leaves them out.
    """

    def __init__(self, input_size: tuple[int, int, int], conv_layers: Sequence[int], fc_layers: Sequence[int],
                 norm_layer: Callable[..., nn.Module] | None = None) -> None:
        channels, height, width = input_size
        blocks: list[nn.Module] = []
        for outputs in conv_layers:
            blocks.append(Conv2dNormActivation(channels, outputs, norm_layer=norm_layer))
            channels = outputs
        blocks.append(nn.Flatten())
        channels *= height * width
        for outputs in fc_layers:
            blocks += [nn.Linear(channels, outputs), nn.ReLU()]
            channels = outputs
        super().__init__(*blocks)
        start_kaiming(self)


class FastRCNNPredictor(nn.Module):
    """Scores (K, num_classes) and codes (K, 4 num_classes) of vectors (K, in_channels) or (K, in_channels, 1, 1)."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, num_classes * 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if x.ndim == 4 and x.shape[2:] != (1, 1):
            raise AssertionError(f"x has the wrong shape, expecting the last two dimensions to be [1,1] instead of "
                                 f"{list(x.shape[2:])}")
        x = x.flatten(1)
        return self.cls_score(x), self.bbox_pred(x)


# ---------------------------------------------------------------------- the variants

FasterRCNN_ResNet50_FPN_Weights = weights_of("FasterRCNN_ResNet50_FPN_Weights", __name__)
FasterRCNN_ResNet50_FPN_V2_Weights = weights_of("FasterRCNN_ResNet50_FPN_V2_Weights", __name__)
FasterRCNN_MobileNet_V3_Large_FPN_Weights = weights_of("FasterRCNN_MobileNet_V3_Large_FPN_Weights", __name__)
FasterRCNN_MobileNet_V3_Large_320_FPN_Weights = weights_of("FasterRCNN_MobileNet_V3_Large_320_FPN_Weights", __name__)


def parts_of_v2(backbone: BackboneWithFPN) -> dict[str, nn.Module]:
    """The parts in which the second version differs."""
    anchors, channels = _default_anchorgen(), backbone.out_channels
    return {"rpn_anchor_generator": anchors,
            "rpn_head": RPNHead(channels, anchors.num_anchors_per_location()[0], conv_depth=2),
            "box_head": FastRCNNConvFCHead((channels, 7, 7), [256] * 4, [1024], norm_layer=nn.BatchNorm2d)}


@register_model()
@takes_weights(FasterRCNN_ResNet50_FPN_Weights, backbone=ResNet50_Weights, settings=is_trained,
               finish=eps_of_first_weights)
def fasterrcnn_resnet50_fpn(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                            trainable_backbone_layers: int | None = None, _trained: bool = False,
                            **kwargs: Any) -> FasterRCNN:
    """Faster R-CNN on ResNet-50 with a feature pyramid.

    Args:
        num_classes: with the background; 91, COCO's, if not given.
        weights_backbone: trained weights of the backbone alone.
        trainable_backbone_layers: how many stages of the backbone are trained, from the last, 0 to 5; 3 if not given.
            Without trained weights all are.
        kwargs: arguments of `FasterRCNN`.
    """
    backbone = resnet50_fpn(weights_backbone, trainable_backbone_layers, _trained)
    return FasterRCNN(backbone, classes_of(num_classes), **kwargs)


@register_model()
@takes_weights(FasterRCNN_ResNet50_FPN_V2_Weights, backbone=ResNet50_Weights, settings=is_trained)
def fasterrcnn_resnet50_fpn_v2(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                               trainable_backbone_layers: int | None = None, _trained: bool = False,
                               **kwargs: Any) -> FasterRCNN:
    """The second version, with norms in pyramid and box head. Arguments are those of `fasterrcnn_resnet50_fpn`."""
    backbone = resnet50_fpn_v2(weights_backbone, trainable_backbone_layers, _trained, norm_layer=nn.BatchNorm2d)
    return FasterRCNN(backbone, classes_of(num_classes), **{**parts_of_v2(backbone), **kwargs})


def _fasterrcnn_mobilenet_v3_large_fpn(num_classes: int | None, weights_backbone: WeightsEnum | str | None,
                                       trainable_backbone_layers: int | None, trained: bool,
                                       **kwargs: Any) -> FasterRCNN:
    known = MobileNet_V3_Large_Weights.verify(weights_backbone)
    trained = trained or known is not None
    layers = _validate_trainable_layers(trained, trainable_backbone_layers, 6, 3)
    net = mobilenet_v3_large(weights=known, norm_layer=FrozenBatchNorm2d if trained else nn.BatchNorm2d)
    anchors = AnchorGenerator(((32, 64, 128, 256, 512),) * 3, ((0.5, 1.0, 2.0),) * 3)
    return FasterRCNN(_mobilenet_extractor(net, True, layers), classes_of(num_classes),
                      **{"rpn_anchor_generator": anchors, "rpn_score_thresh": 0.05, **kwargs})


@register_model()
@takes_weights(FasterRCNN_MobileNet_V3_Large_FPN_Weights, backbone=MobileNet_V3_Large_Weights, settings=is_trained)
def fasterrcnn_mobilenet_v3_large_fpn(*, num_classes: int | None = None,
                                      weights_backbone: WeightsEnum | str | None = None,
                                      trainable_backbone_layers: int | None = None, _trained: bool = False,
                                      **kwargs: Any) -> FasterRCNN:
    """Faster R-CNN on MobileNetV3 with a feature pyramid of its last two stages.

    Arguments are those of `fasterrcnn_resnet50_fpn`; the backbone has 6 stages.
    """
    return _fasterrcnn_mobilenet_v3_large_fpn(num_classes, weights_backbone, trainable_backbone_layers, _trained,
                                              **kwargs)


@register_model()
@takes_weights(FasterRCNN_MobileNet_V3_Large_320_FPN_Weights, backbone=MobileNet_V3_Large_Weights,
               settings=is_trained)
def fasterrcnn_mobilenet_v3_large_320_fpn(*, num_classes: int | None = None,
                                          weights_backbone: WeightsEnum | str | None = None,
                                          trainable_backbone_layers: int | None = None, _trained: bool = False,
                                          **kwargs: Any) -> FasterRCNN:
    """The same for images whose shorter side is 320. Arguments are those of `fasterrcnn_mobilenet_v3_large_fpn`."""
    less = {"min_size": 320, "max_size": 640, "rpn_pre_nms_top_n_test": 150, "rpn_post_nms_top_n_test": 150}
    return _fasterrcnn_mobilenet_v3_large_fpn(num_classes, weights_backbone, trainable_backbone_layers, _trained,
                                              **{**less, **kwargs})
