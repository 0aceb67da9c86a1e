"""Mask R-CNN: He, Gkioxari, Dollár and Girshick, "Mask R-CNN", 2017. https://arxiv.org/abs/1703.06870

Faster R-CNN with a third head, of convolutions, that says of each pixel of a box whether it is the object. Keys of the
state dict are torchvision's.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minidl import nn
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.detection._utils import check_kind, classes_of, out_channels_of, start_kaiming
from minidl.vision.models.detection.anchor_utils import AnchorGenerator
from minidl.vision.models.detection.backbone_utils import (
    eps_of_first_weights,
    is_trained,
    resnet50_fpn,
    resnet50_fpn_v2,
)
from minidl.vision.models.detection.faster_rcnn import BoxWeights, FasterRCNN, parts_of_v2
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import ResNet50_Weights
from minidl.vision.ops.misc import Conv2dNormActivation
from minidl.vision.ops.poolers import MultiScaleRoIAlign


class MaskRCNN(FasterRCNN):
    """`FasterRCNN` that also gives the mask of each object.

    Targets also have `masks` (N, H, W), uint8 of 0 and 1, and the losses "loss_mask". Results also have `masks`
    (N, 1, H, W), floats from 0 to 1 as large as the image.

    Args:
        mask_roi_pool: pools regions; if not given, of the maps "0" to "3" to 14x14.
        mask_head: `MaskRCNNHeads` of four times 256 channels if not given.
        mask_predictor: `MaskRCNNPredictor` if not given. With it num_classes is None, and box_predictor is given, too.

    Other arguments and errors are those of `FasterRCNN`.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import detection
        >>> from minidl.vision.ops import MultiScaleRoIAlign
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> net = detection.MaskRCNN(
        ...     backbone, num_classes=3, min_size=64, max_size=64,
        ...     rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((8, 16, 32),), ((1.0,),)),
        ...     box_roi_pool=MultiScaleRoIAlign(["0"], 3, 2), mask_roi_pool=MultiScaleRoIAlign(["0"], 4, 2),
        ...     mask_head=detection.mask_rcnn.MaskRCNNHeads(8, [256], 1))
        >>> target = {"boxes": minidl.tensor([[8., 8., 40., 50.]]), "labels": minidl.tensor([2]),
        ...           "masks": minidl.ones(1, 64, 64, dtype=minidl.uint8)}
        >>> "loss_mask" in net([minidl.rand(3, 64, 64)], [target])
        True
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
                 bbox_reg_weights: BoxWeights | None = None, mask_roi_pool: MultiScaleRoIAlign | None = None,
                 mask_head: nn.Module | None = None, mask_predictor: nn.Module | None = None, **kwargs: Any) -> None:
        check_kind("mask_roi_pool", mask_roi_pool, MultiScaleRoIAlign)
        if num_classes is not None and mask_predictor is not None:
            raise ValueError("num_classes should be None when mask_predictor is specified")
        super().__init__(
            backbone, num_classes, min_size, max_size, image_mean, image_std, rpn_anchor_generator, rpn_head,
            rpn_pre_nms_top_n_train, rpn_pre_nms_top_n_test, rpn_post_nms_top_n_train, rpn_post_nms_top_n_test,
            rpn_nms_thresh, rpn_fg_iou_thresh, rpn_bg_iou_thresh, rpn_batch_size_per_image, rpn_positive_fraction,
            rpn_score_thresh, box_roi_pool, box_head, box_predictor, box_score_thresh, box_nms_thresh,
            box_detections_per_img, box_fg_iou_thresh, box_bg_iou_thresh, box_batch_size_per_image,
            box_positive_fraction, bbox_reg_weights, **kwargs)
        if mask_predictor is None:
            if num_classes is None:
                raise ValueError("num_classes should not be None when mask_predictor is not specified")
            mask_predictor = MaskRCNNPredictor(256, 256, num_classes)
        heads: Any = self.roi_heads
        heads.mask_roi_pool = mask_roi_pool or MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2)
        heads.mask_head = mask_head or MaskRCNNHeads(out_channels_of(backbone), [256] * 4, 1)
        heads.mask_predictor = mask_predictor


class MaskRCNNHeads(nn.Sequential):
    """Convolutions 3x3 on regions, each with ReLU.

    Args:
        layers: their widths.
        dilation: of all of them.
        norm_layer: makes the norms; None leaves them out.
    """

    _version = 2

    def __init__(self, in_channels: int, layers: Sequence[int], dilation: int,
                 norm_layer: Callable[..., nn.Module] | None = None) -> None:
        super().__init__(*[Conv2dNormActivation(inputs, outputs, 3, padding=dilation, dilation=dilation,
                                                norm_layer=norm_layer)
                           for inputs, outputs in zip([in_channels, *layers], layers)])
        start_kaiming(self)

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        """Before version 2 the convolutions were called mask_fcn1 and on."""
        if metadata.get("version", 1) < 2:
            for i in range(len(self)):
                for name in ("weight", "bias"):
                    if f"{prefix}mask_fcn{i + 1}.{name}" in state:
                        state[f"{prefix}{i}.0.{name}"] = state.pop(f"{prefix}mask_fcn{i + 1}.{name}")


class MaskRCNNPredictor(nn.Sequential):
    """Scores of each pixel for each class, on maps of twice the size: a transposed convolution, ReLU, 1x1."""

    def __init__(self, in_channels: int, dim_reduced: int, num_classes: int) -> None:
        super().__init__(OrderedDict([
            ("conv5_mask", nn.ConvTranspose2d(in_channels, dim_reduced, 2, 2)),
            ("relu", nn.ReLU()),
            ("mask_fcn_logits", nn.Conv2d(dim_reduced, num_classes, 1))]))
        for name, p in self.named_parameters():
            if "weight" in name:
                nn.init.kaiming_normal_(p, mode="fan_out", nonlinearity="relu")


MaskRCNN_ResNet50_FPN_Weights = weights_of("MaskRCNN_ResNet50_FPN_Weights", __name__)
MaskRCNN_ResNet50_FPN_V2_Weights = weights_of("MaskRCNN_ResNet50_FPN_V2_Weights", __name__)


@register_model()
@takes_weights(MaskRCNN_ResNet50_FPN_Weights, backbone=ResNet50_Weights, settings=is_trained,
               finish=eps_of_first_weights)
def maskrcnn_resnet50_fpn(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                          trainable_backbone_layers: int | None = None, _trained: bool = False,
                          **kwargs: Any) -> MaskRCNN:
    """Mask R-CNN on ResNet-50. kwargs: arguments of `MaskRCNN`; others as for `fasterrcnn_resnet50_fpn`."""
    backbone = resnet50_fpn(weights_backbone, trainable_backbone_layers, _trained)
    return MaskRCNN(backbone, classes_of(num_classes), **kwargs)


@register_model()
@takes_weights(MaskRCNN_ResNet50_FPN_V2_Weights, backbone=ResNet50_Weights, settings=is_trained)
def maskrcnn_resnet50_fpn_v2(*, num_classes: int | None = None, weights_backbone: WeightsEnum | str | None = None,
                             trainable_backbone_layers: int | None = None, _trained: bool = False,
                             **kwargs: Any) -> MaskRCNN:
    """The second version, with norms in all heads. Arguments are those of `maskrcnn_resnet50_fpn`."""
    backbone = resnet50_fpn_v2(weights_backbone, trainable_backbone_layers, _trained, norm_layer=nn.BatchNorm2d)
    mask_head = MaskRCNNHeads(backbone.out_channels, [256] * 4, 1, norm_layer=nn.BatchNorm2d)
    return MaskRCNN(backbone, classes_of(num_classes),
                    **{**parts_of_v2(backbone), "mask_head": mask_head, **kwargs})
