"""What is said of each proposal: its class and its box, and perhaps its mask and its key points.

Girshick, "Fast R-CNN", 2015. https://arxiv.org/abs/1504.08083
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from minidl import nn
from minidl.backend.dtype import float32, int64
from minidl.nn import functional as F
from minidl.ops.elementwise import where
from minidl.ops.shape import cat
from minidl.tensors.creation import arange, zeros
from minidl.tensors.tensor import Tensor
from minidl.vision.models.detection import _utils as det_utils
from minidl.vision.models.detection.keypoints import (
    heatmaps_to_keypoints,
    keypointrcnn_inference,
    keypointrcnn_loss,
    keypoints_to_heatmap,
)
from minidl.vision.models.detection.masks import (
    expand_boxes,
    expand_masks,
    maskrcnn_inference,
    maskrcnn_loss,
    paste_mask_in_image,
    paste_masks_in_image,
    project_masks_on_boxes,
)
from minidl.vision.models.detection.targets import Target, check_keypoints, check_labels
from minidl.vision.ops import boxes as box_ops

__all__ = ["RoIHeads", "expand_boxes", "expand_masks", "fastrcnn_loss", "heatmaps_to_keypoints",
           "keypointrcnn_inference", "keypointrcnn_loss", "keypoints_to_heatmap", "maskrcnn_inference",
           "maskrcnn_loss", "paste_mask_in_image", "paste_masks_in_image", "project_masks_on_boxes"]


def fastrcnn_loss(class_logits: Tensor, box_regression: Tensor, labels: Sequence[Tensor],
                  regression_targets: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The loss of classes, and that of the boxes of what is no background.

    class_logits (K, C) and box_regression (K, 4 C) for the K boxes of all images; labels (L,) and codes (L, 4) of
    each image. Of the codes, those of the right class count; their loss is divided by K.
    """
    classes = cat(list(labels))
    positive = (classes > 0).nonzero()[:, 0]
    codes = box_regression.reshape(len(class_logits), -1, 4)[positive, classes[positive]]
    box_loss = F.smooth_l1_loss(codes, cat(list(regression_targets))[positive], beta=1 / 9, reduction="sum")
    return F.cross_entropy(class_logits, classes), box_loss / len(classes)


class RoIHeads(nn.Module):
    """Heads that look at the regions of proposals.

    Called with a dict of maps, a list of proposals (L, 4) for each image, the images' sizes and, in training, targets,
    it returns a list of results and a dict of losses; in training the list is empty, and otherwise the dict.

    Args:
        box_roi_pool: makes maps of one size of the regions, as `MultiScaleRoIAlign`.
        box_head: makes a vector of each.
        box_predictor: makes of it scores (K, C) and codes (K, 4 C).
        fg_iou_thresh, bg_iou_thresh: a proposal that overlaps with an object by the first at least is of its class,
            below the second it is background, and ignored between.
        batch_size_per_image, positive_fraction: the random sample of proposals that the losses see.
        bbox_reg_weights: of `BoxCoder`; (10, 10, 5, 5) if not given.
        score_thresh: of results; those below are dropped.
        nms_thresh: the overlap with a better result of the same class that drops one.
        detections_per_img: how many results of an image are kept.
        mask_roi_pool, mask_head, mask_predictor: if given, of masks; the last one makes maps (K, C, M, M).
        keypoint_roi_pool, keypoint_head, keypoint_predictor: if given, of key points; maps (K, P, S, S).
    """

    def __init__(self, box_roi_pool: nn.Module, box_head: nn.Module, box_predictor: nn.Module, fg_iou_thresh: float,
                 bg_iou_thresh: float, batch_size_per_image: int, positive_fraction: float,
                 bbox_reg_weights: tuple[float, float, float, float] | None, score_thresh: float, nms_thresh: float,
                 detections_per_img: int, mask_roi_pool: nn.Module | None = None, mask_head: nn.Module | None = None,
                 mask_predictor: nn.Module | None = None, keypoint_roi_pool: nn.Module | None = None,
                 keypoint_head: nn.Module | None = None, keypoint_predictor: nn.Module | None = None) -> None:
        super().__init__()
        self.box_similarity = box_ops.box_iou
        self.proposal_matcher = det_utils.Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=False)
        self.fg_bg_sampler = det_utils.BalancedPositiveNegativeSampler(batch_size_per_image, positive_fraction)
        self.box_coder = det_utils.BoxCoder(bbox_reg_weights or (10.0, 10.0, 5.0, 5.0))
        self.box_roi_pool = box_roi_pool
        self.box_head = box_head
        self.box_predictor = box_predictor
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.mask_roi_pool = mask_roi_pool
        self.mask_head = mask_head
        self.mask_predictor = mask_predictor
        self.keypoint_roi_pool = keypoint_roi_pool
        self.keypoint_head = keypoint_head
        self.keypoint_predictor = keypoint_predictor

    def has_mask(self) -> bool:
        """Whether it has all three parts for masks."""
        return None not in (self.mask_roi_pool, self.mask_head, self.mask_predictor)

    def has_keypoint(self) -> bool:
        """Whether it has all three parts for key points."""
        return None not in (self.keypoint_roi_pool, self.keypoint_head, self.keypoint_predictor)

    # ------------------------------------------------------------------ in training

    def assign_targets_to_proposals(self, proposals: Sequence[Tensor], gt_boxes: Sequence[Tensor],
                                    gt_labels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Of each image's proposals the number of the best object, and its label; 0 background, -1 ignored."""
        matched_idxs, labels = [], []
        for of_image, boxes, classes in zip(proposals, gt_boxes, gt_labels):
            if len(boxes):
                matched = self.proposal_matcher(self.box_similarity(boxes, of_image))
                best = matched.clamp(min=0)
                ignored = matched == self.proposal_matcher.BETWEEN_THRESHOLDS
                background = matched == self.proposal_matcher.BELOW_LOW_THRESHOLD
                matched_idxs.append(best)
                labels.append(where(ignored, -1, where(background, 0, classes[best].to(int64))))
            else:
                matched_idxs.append(zeros(len(of_image), dtype=int64, device=of_image.device))
                labels.append(zeros(len(of_image), dtype=int64, device=of_image.device))
        return matched_idxs, labels

    def subsample(self, labels: Sequence[Tensor]) -> list[Tensor]:
        """The places of a random sample of each image's proposals."""
        return [(positive | negative).nonzero()[:, 0] for positive, negative in zip(*self.fg_bg_sampler(labels))]

    def add_gt_proposals(self, proposals: Sequence[Tensor], gt_boxes: Sequence[Tensor]) -> list[Tensor]:
        """The objects themselves are proposals, too."""
        return [cat([of_image, boxes]) for of_image, boxes in zip(proposals, gt_boxes)]

    def check_targets(self, targets: Sequence[Target] | None) -> None:
        """Errors: ValueError without targets, or where one misses boxes, labels, masks or key points."""
        if targets is None:
            raise ValueError("targets should not be None")
        wanted = {"boxes": True, "labels": True, "masks": self.has_mask(), "keypoints": self.has_keypoint()}
        for key, needed in wanted.items():
            if needed and not all(key in target for target in targets):
                raise ValueError(f"Every element of targets should have a {key} key")

    def select_training_samples(self, proposals: Sequence[Tensor], targets: Sequence[Target] | None,
                                ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        """A sample of each image's proposals: boxes, the numbers of their objects, labels, codes."""
        self.check_targets(targets)
        assert targets is not None
        gt_boxes = [target["boxes"].to(proposals[0].dtype) for target in targets]
        proposals = self.add_gt_proposals(proposals, gt_boxes)
        matched, labels = self.assign_targets_to_proposals(proposals, gt_boxes, [t["labels"] for t in targets])
        sampled = self.subsample(labels)
        boxes, matched, labels = ([each[some] for each, some in zip(of_images, sampled)]
                                  for of_images in (proposals, matched, labels))
        objects = [of_image[best] if len(of_image) else zeros(len(best), 4, dtype=of_image.dtype, device=best.device)
                   for of_image, best in zip(gt_boxes, matched)]
        return boxes, matched, labels, self.box_coder.encode(objects, boxes)

    # ------------------------------------------------------------------ in evaluation

    def postprocess_detections(self, class_logits: Tensor, box_regression: Tensor, proposals: Sequence[Tensor],
                               image_shapes: Sequence[tuple[int, int]],
                               ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Boxes, scores and labels of each image, best first."""
        lengths, num_classes = [len(each) for each in proposals], class_logits.shape[-1]
        all_boxes = self.box_coder.decode(box_regression, proposals).split(lengths, 0)
        all_scores = F.softmax(class_logits, -1).split(lengths, 0)
        found: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        for of_image, probabilities, size in zip(all_boxes, all_scores, image_shapes):
            boxes = box_ops.clip_boxes_to_image(of_image[:, 1:].reshape(-1, 4), size)       # 0 is the background
            scores = probabilities[:, 1:].flatten()
            labels = arange(1, num_classes, device=scores.device).repeat(len(probabilities))
            large = (boxes[:, 2:] - boxes[:, :2] >= 1e-2).all(1)
            some = (large & (scores > self.score_thresh)).nonzero()[:, 0]
            boxes, scores, labels = boxes[some], scores[some], labels[some]
            keep = box_ops.batched_nms(boxes, scores, labels, self.nms_thresh)[:self.detections_per_img]
            for kept, each in zip(found, (boxes, scores, labels)):
                kept.append(each[keep])
        return found

    # ------------------------------------------------------------------ both

    def forward(self, features: Mapping[str, Tensor], proposals: Sequence[Tensor],
                image_shapes: Sequence[tuple[int, int]], targets: Sequence[Target] | None = None,
                ) -> tuple[list[Target], dict[str, Tensor]]:
        if targets is not None and self.has_keypoint():
            for target in targets:
                if "keypoints" in target and target["keypoints"].dtype != float32:
                    raise TypeError(f"target keypoints must of float type, instead got {target['keypoints'].dtype}")
        if self.training:
            proposals, matched, labels, codes = self.select_training_samples(proposals, targets)
        regions = self.box_roi_pool(features, proposals, image_shapes)
        class_logits, box_regression = self.box_predictor(self.box_head(regions))
        if not self.training:
            return self._results(features, class_logits, box_regression, proposals, image_shapes), {}

        assert targets is not None
        check_labels(targets, 1, class_logits.shape[-1])
        loss_classifier, loss_box_reg = fastrcnn_loss(class_logits, box_regression, labels, codes)
        losses = {"loss_classifier": loss_classifier, "loss_box_reg": loss_box_reg}
        objects = [(each > 0).nonzero()[:, 0] for each in labels]
        boxes, matched = ([each[some] for each, some in zip(of_images, objects)] for of_images in (proposals, matched))
        if self.has_mask():
            losses["loss_mask"] = maskrcnn_loss(self._masks(features, boxes, image_shapes), boxes,
                                                [t["masks"] for t in targets], [t["labels"] for t in targets], matched)
        if self.has_keypoint():
            maps, points = self._keypoints(features, boxes, image_shapes), [t["keypoints"] for t in targets]
            check_keypoints(targets, maps.shape[1])
            losses["loss_keypoint"] = keypointrcnn_loss(maps, boxes, points, matched)
        return [], losses

    def _results(self, features: Mapping[str, Tensor], class_logits: Tensor, box_regression: Tensor,
                 proposals: Sequence[Tensor], image_shapes: Sequence[tuple[int, int]]) -> list[Target]:
        boxes, scores, labels = self.postprocess_detections(class_logits, box_regression, proposals, image_shapes)
        result = [dict(zip(("boxes", "labels", "scores"), each)) for each in zip(boxes, labels, scores)]
        if self.has_mask():
            for found, masks in zip(result, maskrcnn_inference(self._masks(features, boxes, image_shapes), labels)):
                found["masks"] = masks
        if self.has_keypoint():
            of_images = keypointrcnn_inference(self._keypoints(features, boxes, image_shapes), boxes)
            for found, points, of_points in zip(result, *of_images):
                found["keypoints"], found["keypoints_scores"] = points, of_points
        return result

    def _masks(self, features: Mapping[str, Tensor], boxes: Sequence[Tensor],
               image_shapes: Sequence[tuple[int, int]]) -> Tensor:
        """Scores of the pixels of each box, for each class."""
        assert self.mask_roi_pool and self.mask_head and self.mask_predictor
        return self.mask_predictor(self.mask_head(self.mask_roi_pool(features, boxes, image_shapes)))

    def _keypoints(self, features: Mapping[str, Tensor], boxes: Sequence[Tensor],
                   image_shapes: Sequence[tuple[int, int]]) -> Tensor:
        """Scores of the pixels of each box, for each key point."""
        assert self.keypoint_roi_pool and self.keypoint_head and self.keypoint_predictor
        return self.keypoint_predictor(self.keypoint_head(self.keypoint_roi_pool(features, boxes, image_shapes)))
