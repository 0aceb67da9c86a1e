"""Region proposal network: Ren et al., "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal
Networks", 2015. https://arxiv.org/abs/1506.01497

A small network looks at each pixel of a map, and says of each anchor around it whether it holds an object, and how far
off it is. The best boxes, without those that others cover, are proposals.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl import nn
from minidl.backend.dtype import float32
from minidl.nn import functional as F
from minidl.ops.elementwise import where
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, zeros, zeros_like
from minidl.tensors.tensor import Tensor
from minidl.vision.models.detection import _utils as det_utils
from minidl.vision.models.detection._utils import by_anchor, permute_and_flatten, start_normal
from minidl.vision.models.detection.anchor_utils import AnchorGenerator
from minidl.vision.models.detection.image_list import ImageList
from minidl.vision.models.detection.targets import Target
from minidl.vision.ops import boxes as box_ops
from minidl.vision.ops.misc import Conv2dNormActivation

__all__ = ["AnchorGenerator", "RPNHead", "RegionProposalNetwork", "concat_box_prediction_layers",
           "permute_and_flatten"]


class RPNHead(nn.Module):
    """Of each anchor at each pixel a score and four numbers: convolutions 3x3 with ReLU, then two of 1x1.

    Called with maps (N, in_channels, H_i, W_i), it returns two lists, (N, num_anchors, H_i, W_i) and
    (N, 4 num_anchors, H_i, W_i).

        >>> import minidl
        >>> from minidl.vision.models.detection.rpn import RPNHead
        >>> scores, codes = RPNHead(8, 3)([minidl.rand(2, 8, 5, 6)])
        >>> scores[0].shape, codes[0].shape
        ((2, 3, 5, 6), (2, 12, 5, 6))
    """

    _version = 2

    def __init__(self, in_channels: int, num_anchors: int, conv_depth: int = 1) -> None:
        super().__init__()
        self.conv = nn.Sequential(*[Conv2dNormActivation(in_channels, in_channels, kernel_size=3, norm_layer=None)
                                    for _ in range(conv_depth)])
        self.cls_logits = nn.Conv2d(in_channels, num_anchors, 1)
        self.bbox_pred = nn.Conv2d(in_channels, num_anchors * 4, 1)
        start_normal(self)

    def _adapt_state(self, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]) -> None:
        """Before version 2 `conv` was the convolution itself."""
        if metadata.get("version", 1) < 2:
            for name in ("weight", "bias"):
                if f"{prefix}conv.{name}" in state:
                    state[f"{prefix}conv.0.0.{name}"] = state.pop(f"{prefix}conv.{name}")

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        hidden = [self.conv(features) for features in x]
        return [self.cls_logits(h) for h in hidden], [self.bbox_pred(h) for h in hidden]


def concat_box_prediction_layers(box_cls: Sequence[Tensor], box_regression: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Scores (N, A C, H_i, W_i) and codes (N, 4 A, H_i, W_i) of all maps, anchor by anchor: (N L, C), (N L, 4)."""
    columns = box_cls[0].shape[1] // (box_regression[0].shape[1] // 4)
    return by_anchor(box_cls, columns).flatten(0, -2), by_anchor(box_regression, 4).reshape(-1, 4)


class RegionProposalNetwork(nn.Module):
    """Boxes that may hold an object, whatever it is.

    Called with an `ImageList`, a dict of maps and, in training, targets, it returns a list of boxes (L, 4) for each
    image, best first, and in training the losses "loss_objectness" and "loss_rpn_box_reg".

    Args:
        anchor_generator: makes the anchors.
        head: says of each anchor its score and its four numbers, as `RPNHead`.
        fg_iou_thresh, bg_iou_thresh: an anchor that overlaps with an object by the first at least is positive, below
            the second negative, and ignored between. The best anchor of each object is positive always.
        batch_size_per_image, positive_fraction: the random sample of anchors that the losses see.
        pre_nms_top_n, post_nms_top_n: how many boxes of a map are taken, and how many of an image are left behind
            non-maximum suppression; each for "training" and "testing".
        nms_thresh: the overlap with a better box that drops a box of the same map.
        score_thresh: boxes below are dropped.
    """

    def __init__(self, anchor_generator: AnchorGenerator, head: nn.Module, fg_iou_thresh: float, bg_iou_thresh: float,
                 batch_size_per_image: int, positive_fraction: float, pre_nms_top_n: Mapping[str, int],
                 post_nms_top_n: Mapping[str, int], nms_thresh: float, score_thresh: float = 0.0) -> None:
        super().__init__()
        self.anchor_generator = anchor_generator
        self.head = head
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.box_similarity = box_ops.box_iou
        self.proposal_matcher = det_utils.Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=True)
        self.fg_bg_sampler = det_utils.BalancedPositiveNegativeSampler(batch_size_per_image, positive_fraction)
        self._pre_nms_top_n = pre_nms_top_n
        self._post_nms_top_n = post_nms_top_n
        self.nms_thresh = nms_thresh
        self.score_thresh = score_thresh
        self.min_size = 1e-3

    def pre_nms_top_n(self) -> int:
        """How many boxes of a map are looked at."""
        return self._pre_nms_top_n["training" if self.training else "testing"]

    def post_nms_top_n(self) -> int:
        """How many boxes of an image are proposals."""
        return self._post_nms_top_n["training" if self.training else "testing"]

    def assign_targets_to_anchors(self, anchors: Sequence[Tensor],
                                  targets: Sequence[Target]) -> tuple[list[Tensor], list[Tensor]]:
        """Of each image's anchors a label, 1, 0 or -1 to ignore it, and the box of the best object."""
        labels, matched_gt_boxes = [], []
        for of_image, target in zip(anchors, targets):
            boxes = target["boxes"]
            if len(boxes):
                matched = self.proposal_matcher(self.box_similarity(boxes, of_image))
                ignored = matched == self.proposal_matcher.BETWEEN_THRESHOLDS
                labels.append(where(ignored, -1.0, (matched >= 0).to(float32)))
                matched_gt_boxes.append(boxes[matched.clamp(min=0)])
            else:
                labels.append(zeros(len(of_image), device=of_image.device))
                matched_gt_boxes.append(zeros_like(of_image, dtype=float32))
        return labels, matched_gt_boxes

    def _get_top_n_idx(self, objectness: Tensor, num_anchors_per_level: Sequence[int]) -> Tensor:
        """The best anchors of each map: (N, A) -> (N, at most maps * pre_nms_top_n)."""
        found, offset = [], 0
        for scores in objectness.split(list(num_anchors_per_level), 1):
            found.append(scores.topk(det_utils._topk_min(scores, self.pre_nms_top_n(), 1), dim=1).indices + offset)
            offset += scores.shape[1]
        return cat(found, 1)

    def filter_proposals(self, proposals: Tensor, objectness: Tensor, image_shapes: Sequence[tuple[int, int]],
                         num_anchors_per_level: Sequence[int]) -> tuple[list[Tensor], list[Tensor]]:
        """The best boxes of each image and their scores: proposals (N, A, 4), objectness (N A, 1) or (N, A)."""
        objectness = objectness.detach().reshape(len(proposals), -1)
        levels = cat([arange(level, level + 1).expand(n) for level, n in enumerate(num_anchors_per_level)])
        best = self._get_top_n_idx(objectness, num_anchors_per_level)
        found: tuple[list[Tensor], list[Tensor]] = ([], [])
        for i, (top, size) in enumerate(zip(best, image_shapes)):
            boxes = box_ops.clip_boxes_to_image(proposals[i][top], size)
            scores, level = objectness[i][top].sigmoid(), levels.to(top.device)[top]
            large = (boxes[:, 2:] - boxes[:, :2] >= self.min_size).all(1)
            some = (large & (scores >= self.score_thresh)).nonzero()[:, 0]
            boxes, scores, level = boxes[some], scores[some], level[some]
            keep = box_ops.batched_nms(boxes, scores, level, self.nms_thresh)[:self.post_nms_top_n()]
            found[0].append(boxes[keep])
            found[1].append(scores[keep])
        return found

    def compute_loss(self, objectness: Tensor, pred_bbox_deltas: Tensor, labels: Sequence[Tensor],
                     regression_targets: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The loss of scores (N A, 1), and that of codes (N A, 4), over a sample."""
        positive, negative = (cat(masks).nonzero()[:, 0] for masks in self.fg_bg_sampler(labels))
        sampled = cat([positive, negative])
        box_loss = F.smooth_l1_loss(pred_bbox_deltas[positive], cat(list(regression_targets))[positive], beta=1 / 9,
                                    reduction="sum") / len(sampled)
        scores = objectness.flatten()[sampled]
        return F.binary_cross_entropy_with_logits(scores, cat(list(labels))[sampled].to(scores.dtype)), box_loss

    def forward(self, images: ImageList, features: Mapping[str, Tensor],
                targets: Sequence[Target] | None = None) -> tuple[list[Tensor], dict[str, Tensor]]:
        maps = list(features.values())
        scores, codes = self.head(maps)
        anchors = self.anchor_generator(images, maps)
        num_anchors_per_level = [each[0].numel() for each in scores]
        objectness, pred_bbox_deltas = concat_box_prediction_layers(scores, codes)
        proposals = self.box_coder.decode(pred_bbox_deltas.detach(), anchors)       # they are given, not learned
        boxes, _ = self.filter_proposals(proposals.reshape(len(anchors), -1, 4), objectness, images.image_sizes,
                                         num_anchors_per_level)
        if not self.training:
            return boxes, {}
        if targets is None:
            raise ValueError("targets should not be None")
        labels, matched = self.assign_targets_to_anchors(anchors, targets)
        loss_objectness, loss_rpn_box_reg = self.compute_loss(objectness, pred_bbox_deltas, labels,
                                                              self.box_coder.encode(matched, anchors))
        return boxes, {"loss_objectness": loss_objectness, "loss_rpn_box_reg": loss_rpn_box_reg}
