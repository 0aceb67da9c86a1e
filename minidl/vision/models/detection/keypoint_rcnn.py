"""Keypoint R-CNN: section 5 of He, Gkioxari, Dollár and Girshick, "Mask R-CNN", 2017. https://arxiv.org/abs/1703.06870

Faster R-CNN with a third head, of convolutions, that says for each key point which pixel of the box it is. Keys of the
state dict are torchvision's.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import nn
from minidl.nn import functional as F
from minidl.tensors.tensor import Tensor
from minidl.vision.models._api import WeightsEnum, takes_weights, weights_of
from minidl.vision.models.detection._utils import check_kind, out_channels_of, overwrite_eps, start_kaiming
from minidl.vision.models.detection.anchor_utils import AnchorGenerator
from minidl.vision.models.detection.backbone_utils import resnet50_fpn
from minidl.vision.models.detection.faster_rcnn import BoxWeights, FasterRCNN
from minidl.vision.models.registry import register_model
from minidl.vision.models.resnet import ResNet50_Weights
from minidl.vision.ops.poolers import MultiScaleRoIAlign


class KeypointRCNN(FasterRCNN):
    """`FasterRCNN` that also gives the key points of each object.

    Targets also have `keypoints` (N, K, 3), float32 of x, y and visibility, 0 where a point is not to be learned; and
    the losses "loss_keypoint". Results also have `keypoints` (N, K, 3), whose visibility is 1, and `keypoints_scores`
    (N, K).

    Args:
        min_size: one of 640 to 800 is drawn if not given.
        keypoint_roi_pool: pools regions; if not given, of the maps "0" to "3" to 14x14.
        keypoint_head: `KeypointRCNNHeads` of eight times 512 channels if not given.
        keypoint_predictor: `KeypointRCNNPredictor` if not given.
        num_keypoints: K; 17, those of persons, if not given. None if keypoint_predictor is given.

    Other arguments and errors are those of `FasterRCNN`.

        >>> import minidl
        >>> from minidl import nn
        >>> from minidl.vision.models import detection
        >>> from minidl.vision.ops import MultiScaleRoIAlign
        >>> backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU())
        >>> backbone.out_channels = 8
        >>> net = detection.KeypointRCNN(
        ...     backbone, num_classes=2, min_size=64, max_size=64, num_keypoints=5,
        ...     rpn_anchor_generator=detection.anchor_utils.AnchorGenerator(((8, 16, 32),), ((1.0,),)),
        ...     box_roi_pool=MultiScaleRoIAlign(["0"], 3, 2), keypoint_roi_pool=MultiScaleRoIAlign(["0"], 4, 2),
        ...     keypoint_head=detection.keypoint_rcnn.KeypointRCNNHeads(8, [512]))
        >>> target = {"boxes": minidl.tensor([[8., 8., 40., 50.]]), "labels": minidl.tensor([1]),
        ...           "keypoints": minidl.tensor([[[20., 30., 1.]] * 5])}
        >>> "loss_keypoint" in net([minidl.rand(3, 64, 64)], [target])
        True
    """

    def __init__(self, backbone: nn.Module, num_classes: int | None = None,
                 min_size: int | Sequence[int] | None = None, max_size: int = 1333,
                 image_mean: Sequence[float] | None = None, image_std: Sequence[float] | None = None,
                 rpn_anchor_generator: AnchorGenerator | None = None, rpn_head: nn.Module | None = None,
                 rpn_pre_nms_top_n_train: int = 2000, rpn_pre_nms_top_n_test: int = 1000,
                 rpn_post_nms_top_n_train: int = 2000, rpn_post_nms_top_n_test: int = 1000,
                 rpn_nms_thresh: float = 0.7, rpn_fg_iou_thresh: float = 0.7, rpn_bg_iou_thresh: float = 0.3,
                 rpn_batch_size_per_image: int = 256, rpn_positive_fraction: float = 0.5,
                 rpn_score_thresh: float = 0.0, box_roi_pool: MultiScaleRoIAlign | None = None,
                 box_head: nn.Module | None = None, box_predictor: nn.Module | None = None,
                 box_score_thresh: float = 0.05, box_nms_thresh: float = 0.5, box_detections_per_img: int = 100,
                 box_fg_iou_thresh: float = 0.5, box_bg_iou_thresh: float = 0.5,
                 box_batch_size_per_image: int = 512, box_positive_fraction: float = 0.25,
                 bbox_reg_weights: BoxWeights | None = None, keypoint_roi_pool: MultiScaleRoIAlign | None = None,
                 keypoint_head: nn.Module | None = None, keypoint_predictor: nn.Module | None = None,
                 num_keypoints: int | None = None, **kwargs: Any) -> None:
        check_kind("keypoint_roi_pool", keypoint_roi_pool, MultiScaleRoIAlign)
        if num_keypoints is not None and keypoint_predictor is not None:
            raise ValueError("num_keypoints should be None when keypoint_predictor is specified")
        super().__init__(
            backbone, num_classes, (640, 672, 704, 736, 768, 800) if min_size is None else min_size, max_size,
            image_mean, image_std, rpn_anchor_generator, rpn_head, rpn_pre_nms_top_n_train, rpn_pre_nms_top_n_test,
            rpn_post_nms_top_n_train, rpn_post_nms_top_n_test, rpn_nms_thresh, rpn_fg_iou_thresh, rpn_bg_iou_thresh,
            rpn_batch_size_per_image, rpn_positive_fraction, rpn_score_thresh, box_roi_pool, box_head, box_predictor,
            box_score_thresh, box_nms_thresh, box_detections_per_img, box_fg_iou_thresh, box_bg_iou_thresh,
            box_batch_size_per_image, box_positive_fraction, bbox_reg_weights, **kwargs)
        heads: Any = self.roi_heads
        heads.keypoint_roi_pool = keypoint_roi_pool or MultiScaleRoIAlign(["0", "1", "2", "3"], 14, 2)
        heads.keypoint_head = keypoint_head or KeypointRCNNHeads(out_channels_of(backbone), [512] * 8)
        heads.keypoint_predictor = keypoint_predictor or KeypointRCNNPredictor(512, points_of(num_keypoints))


def points_of(num_keypoints: int | None) -> int:
    """COCO's of a person, if not given."""
    return 17 if num_keypoints is None else num_keypoints


class KeypointRCNNHeads(nn.Sequential):
    """Convolutions 3x3 of these widths on regions, each with ReLU."""

    def __init__(self, in_channels: int, layers: Sequence[int]) -> None:
        blocks: list[nn.Module] = []
        for inputs, outputs in zip([in_channels, *layers], layers):
            blocks += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        super().__init__(*blocks)
        start_kaiming(self)


class KeypointRCNNPredictor(nn.Module):
    """A map of scores for each key point, of four times the size: a transposed convolution, then enlarged."""

    def __init__(self, in_channels: int, num_keypoints: int) -> None:
        super().__init__()
        self.kps_score_lowres = nn.ConvTranspose2d(in_channels, num_keypoints, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(self.kps_score_lowres.weight, mode="fan_out", nonlinearity="relu")
        assert self.kps_score_lowres.bias is not None
        nn.init.zeros_(self.kps_score_lowres.bias)
        self.up_scale = 2
        self.out_channels = num_keypoints

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.kps_score_lowres(x), scale_factor=float(self.up_scale), mode="bilinear",
                             align_corners=False, recompute_scale_factor=False)


KeypointRCNN_ResNet50_FPN_Weights = weights_of("KeypointRCNN_ResNet50_FPN_Weights", __name__)


def _demanded(weights: WeightsEnum) -> dict[str, Any]:
    """Trained weights have so many key points; the norms of the better ones were made with an eps of 0."""
    return {"_trained": weights.name, "num_keypoints": len(weights.meta["keypoint_names"])}


@register_model()
@takes_weights(KeypointRCNN_ResNet50_FPN_Weights, backbone=ResNet50_Weights, settings=_demanded)
def keypointrcnn_resnet50_fpn(*, num_classes: int | None = None, num_keypoints: int | None = None,
                              weights_backbone: WeightsEnum | str | None = None,
                              trainable_backbone_layers: int | None = None, _trained: str | bool = False,
                              **kwargs: Any) -> KeypointRCNN:
    """Keypoint R-CNN on ResNet-50.

    Args:
        num_classes: with the background; 2, which leaves persons, if not given.
        num_keypoints: 17, COCO's of a person, if not given.
        kwargs: arguments of `KeypointRCNN`.

    Other arguments are those of `fasterrcnn_resnet50_fpn`.
    """
    backbone = resnet50_fpn(weights_backbone, trainable_backbone_layers, bool(_trained))
    model = KeypointRCNN(backbone, 2 if num_classes is None else num_classes, num_keypoints=points_of(num_keypoints),
                         **kwargs)
    if _trained == KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.name:
        overwrite_eps(model, 0.0)
    return model
