"""What detectors of one stage share: a head says of each anchor what it is, with no proposals before."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from minidl import nn
from minidl.ops.shape import cat
from minidl.tensors.tensor import Tensor
from minidl.vision.models.detection._utils import as_maps
from minidl.vision.models.detection.image_list import ImageList
from minidl.vision.models.detection.targets import Target, check_labels, check_targets, sizes_of
from minidl.vision.ops import boxes as box_ops


class OneStageDetector(nn.Module):
    """Base class: images to maps, maps to what the head says, and that to losses or results.

    A subclass sets transform, backbone, anchor_generator and head, score_thresh, nms_thresh and detections_per_img, and
    defines `losses` and `detections`. The head returns a dict, with the scores "cls_logits" (N, A, C) for A anchors.
    """

    transform: nn.Module
    backbone: nn.Module
    anchor_generator: nn.Module
    head: nn.Module
    score_thresh: float
    nms_thresh: float
    detections_per_img: int
    first_label = 0

    def losses(self, targets: Sequence[Target], head_outputs: dict[str, Tensor], anchors: Sequence[Tensor],
               maps: Sequence[Tensor]) -> dict[str, Tensor]:
        raise NotImplementedError(f"{type(self).__name__} has no losses(self, targets, head_outputs, anchors, maps)")

    def detections(self, head_outputs: dict[str, Tensor], anchors: Sequence[Tensor], maps: Sequence[Tensor],
                   image_sizes: Sequence[tuple[int, int]]) -> list[Target]:
        raise NotImplementedError(f"{type(self).__name__} has no detections(self, head_outputs, anchors, maps, sizes)")

    def forward(self, images: Sequence[Tensor],
                targets: Sequence[Target] | None = None) -> dict[str, Tensor] | list[Target]:
        sizes = sizes_of(images)
        check_targets(targets, sizes, self.training)
        batch: ImageList
        batch, targets = self.transform(images, targets)
        maps = list(as_maps(self.backbone(batch.tensors)).values())
        head_outputs = self.head(maps)
        anchors = self.anchor_generator(batch, maps)
        if self.training:
            assert targets is not None
            check_labels(targets, self.first_label, head_outputs["cls_logits"].shape[-1])
            return self.losses(targets, head_outputs, anchors, maps)
        found = self.detections(head_outputs, anchors, maps, batch.image_sizes)
        return self.transform.postprocess(found, batch.image_sizes, sizes)

    def best(self, boxes: Tensor, scores: Tensor, labels: Tensor) -> Target:
        """The best results of an image, of which none covers another one of its class."""
        keep = box_ops.batched_nms(boxes, scores, labels, self.nms_thresh)[:self.detections_per_img]
        return {"boxes": boxes[keep], "scores": scores[keep], "labels": labels[keep]}


class DetectorOfLevels(OneStageDetector):
    """Base class: the best results of each map are taken, and then the best of all."""

    def postprocess_detections(self, head_outputs: Mapping[str, Sequence[Tensor]], anchors: Sequence[Sequence[Tensor]],
                               image_shapes: Sequence[tuple[int, int]]) -> list[Target]:
        raise NotImplementedError(f"{type(self).__name__} has no postprocess_detections(self, head_outputs, anchors, "
                                  "image_shapes)")

    def detections(self, head_outputs: dict[str, Tensor], anchors: Sequence[Tensor], maps: Sequence[Tensor],
                   image_sizes: Sequence[tuple[int, int]]) -> list[Target]:
        lengths = lengths_of(maps, len(anchors[0]))
        return self.postprocess_detections({name: each.split(lengths, 1) for name, each in head_outputs.items()},
                                           [of_image.split(lengths) for of_image in anchors], image_sizes)


def lengths_of(maps: Sequence[Tensor], anchors: int) -> list[int]:
    """How many of all anchors each map has."""
    pixels = [each.shape[-2] * each.shape[-1] for each in maps]
    return [of_map * anchors // sum(pixels) for of_map in pixels]


def best_of_levels(scores: Sequence[Tensor], codes: Sequence[Tensor], anchors: Sequence[Tensor],
                   decode: Callable[[Tensor, Tensor], Tensor], threshold: float, most: int,
                   size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, scores and labels of an image: of each map the best ones, at most so many, above the threshold.

    Of each map scores (A, C), codes (A, 4) and anchors (A, 4).
    """
    found: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for of_map, code, anchor in zip(scores, codes, anchors):
        flat = of_map.flatten()
        some = (flat > threshold).nonzero()[:, 0]
        top = flat[some].topk(min(most, len(some)))
        places = some[top.indices]
        rows = places // of_map.shape[-1]
        boxes = box_ops.clip_boxes_to_image(decode(code[rows], anchor[rows]), size)
        for kept, each in zip(found, (boxes, top.values, places % of_map.shape[-1])):
            kept.append(each)
    boxes, best, labels = map(cat, found)
    return boxes, best, labels
