"""PASCAL VOC's mean average precision."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.metrics.functional.coco import (
    Detections,
    Targets,
    mean_where_known,
    overlap_boxes,
    pair_within_groups,
)
from minidl.metrics.functional.detections import Image, as_array, check_images, read_boxes
from minidl.metrics.functional.inputs import check_choice
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor


def voc_mean_average_precision(preds: Sequence[Image], target: Sequence[Image], iou_threshold: float = 0.5,
                               use_07_metric: bool = False, average: str | None = "macro") -> Tensor:
    """The mean over classes of the area below precision and recall, as in PASCAL VOC.

    Detections of a class come in the order of falling scores, over all images. Each takes the target with which it
    overlaps most. It is right if the overlap is at least `iou_threshold` and the target has not been taken before; a
    second detection of one object is wrong. Targets marked `difficult`, and detections of them, do not count.

    Precision at a recall is the highest from there on. Its area is exact, or with `use_07_metric`, for the years until
    2009, the mean at the eleven recalls 0, 0.1, ..., 1.

    Args:
        preds: a list of dicts, one an image, with `boxes` (N, 4) as (x1, y1, x2, y2), `scores` (N,), `labels` (N,).
        target: the same without scores, with `difficult` (N,) if known.
        average: "macro", or "none" for a value of each class in preds and target, in the order of their labels.

    Returns a scalar, or (classes,). -1 says that a class has no target that counts, so its recall has no meaning; the
    mean leaves it out, and is -1 if no class is left.

    Sides are x2 - x1, as everywhere in minidl. VOC's own program counts pixels, x2 - x1 + 1: add 1 to x2 and y2 of both
    for its values.

    Errors: ValueError for keys and shapes that do not fit, and for thresholds outside (0, 1].
    Source: Everingham et al., "The PASCAL Visual Object Classes Challenge", 2010, and its development kit.

        >>> from minidl import tensor
        >>> from minidl.metrics.functional import voc_mean_average_precision
        >>> box = [0.0, 0.0, 10.0, 10.0]
        >>> target = [{"boxes": tensor([box, [20.0, 0.0, 30.0, 10.0]]), "labels": tensor([1, 1])}]
        >>> preds = [{"boxes": tensor([box, [50.0, 0.0, 60.0, 10.0], [20.0, 0.0, 30.0, 9.0]]),
        ...           "scores": tensor([0.9, 0.8, 0.7]), "labels": tensor([1, 1, 1])}]
        >>> voc_mean_average_precision(preds, target)           # right, wrong, right: 1/2 * 1 + 1/2 * 2/3
        tensor(0.8333)
        >>> voc_mean_average_precision(preds, target, use_07_metric=True)       # (6 * 1 + 5 * 2/3) / 11
        tensor(0.8485)
    """
    who = "voc_mean_average_precision"
    check_choice(who, "average", average, ("macro", "none", None))
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"{who}: expected an iou_threshold above 0, and 1 at most, but got {iou_threshold}")
    check_images(who, preds, target, ("bbox",))

    detections, targets, right, wrong = _judged(preds, target, iou_threshold)
    values = []
    for one in np.unique(np.concatenate([detections.label, targets.label])):
        here, wanted = detections.label == one, (~targets.ignored & (targets.label == one)).sum()
        values.append(_average_precision(right[here], wrong[here], wanted, use_07_metric) if wanted else -1.0)
    return tensor(mean_where_known(np.array(values)) if average == "macro" else values).float()


def voc_precision_recall_curve(preds: Sequence[Image], target: Sequence[Image], iou_threshold: float = 0.5,
                               ) -> dict[int, tuple[Tensor, Tensor, Tensor]]:
    """The points of precision and recall of each class, one for each detection, as PASCAL VOC judges them.

    After the k best detections of a class, of which r are right and w wrong, precision is r / (r + w), and recall r / n
    for n targets of the class. Arguments, rules and errors are those of `voc_mean_average_precision`, whose value is
    the area below these points once each precision is the highest from there on.

    Returns a dict from labels to precision, recall and score (D,), best detection first. Without a target, recall is
    nan; before the first detection that counts, precision is 0.

        >>> from minidl import tensor
        >>> from minidl.metrics.functional import voc_precision_recall_curve
        >>> box = [0.0, 0.0, 10.0, 10.0]
        >>> target = [{"boxes": tensor([box, [20.0, 0.0, 30.0, 10.0]]), "labels": tensor([1, 1])}]
        >>> preds = [{"boxes": tensor([box, [50.0, 0.0, 60.0, 10.0], [20.0, 0.0, 30.0, 9.0]]),
        ...           "scores": tensor([0.9, 0.8, 0.7]), "labels": tensor([1, 1, 1])}]
        >>> precision, recall, score = voc_precision_recall_curve(preds, target)[1]
        >>> precision, recall                                   # right, wrong, right
        (tensor([1.0000, 0.5000, 0.6667]), tensor([0.5000, 0.5000, 1.0000]))
    """
    who = "voc_precision_recall_curve"
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"{who}: expected an iou_threshold above 0, and 1 at most, but got {iou_threshold}")
    check_images(who, preds, target, ("bbox",))
    detections, targets, right, wrong = _judged(preds, target, iou_threshold)
    curves = {}
    for one in np.unique(np.concatenate([detections.label, targets.label])):
        here, wanted = detections.label == one, (~targets.ignored & (targets.label == one)).sum()
        recall, precision = _points(right[here], wrong[here], wanted)
        score = detections.score[here]
        curves[int(one)] = tensor(precision).float(), tensor(recall).float(), tensor(score).float()
    return curves


def _judged(preds: Sequence[Image], target: Sequence[Image],
            iou_threshold: float) -> tuple[Detections, Targets, np.ndarray, np.ndarray]:
    """Detections, by class and then by falling scores, and targets; which detections are right, and which wrong."""
    image, label, boxes = _join(preds)
    score = np.concatenate([np.zeros(0), *(as_array(x["scores"]) for x in preds)])
    order = np.lexsort((-score, label))         # by class, then by score; in the order given where scores are equal
    detections = Detections(image[order], label[order], score[order], boxes[order, 2:].prod(1), boxes[order])
    image, label, boxes = _join(target)
    difficult = np.concatenate([np.zeros(0, bool), *(
        as_array(x["difficult"]) > 0 if "difficult" in x else np.zeros(len(x["labels"]), bool) for x in target)])
    targets = Targets(image, label, np.zeros_like(difficult), difficult, boxes[:, 2:].prod(1), boxes)

    return detections, targets, *_judge(detections, targets, iou_threshold)


def _join(images: Sequence[Image]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image numbers, labels and boxes (x, y, width, height) of all images."""
    labels = [np.zeros(0, np.int64), *(as_array(image["labels"], np.int64) for image in images)]
    boxes = [np.zeros((0, 4)), *(read_boxes(image["boxes"], "xyxy") for image in images)]
    rows = np.repeat(np.arange(len(images)), [len(x) for x in labels[1:]])
    return rows, np.concatenate(labels), np.concatenate(boxes)


def _judge(detections: Detections, targets: Targets, iou_threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Which detections are right and which wrong: (D,) each. Detections come by falling scores within a class."""
    images = int(max(detections.image.max(initial=0), targets.image.max(initial=0))) + 1
    group, target_group = detections.label * images + detections.image, targets.label * images + targets.image
    by_group = np.argsort(target_group, kind="stable")
    targets = Targets(*(np.asarray(x)[by_group] for x in targets))
    pairs = pair_within_groups(group, target_group[by_group])
    iou = overlap_boxes(detections, targets, pairs)
    order = np.lexsort((pairs.target, -iou, pairs.detection))           # each detection's best target first
    best = order[np.flatnonzero(np.diff(pairs.detection[order], prepend=-1))]
    best = best[iou[best] >= iou_threshold]
    detection, chosen = pairs.detection[best], pairs.target[best]

    right, wrong = np.zeros(len(group), bool), np.ones(len(group), bool)
    wrong[detection[targets.ignored[chosen]]] = False
    counts = ~targets.ignored[chosen]
    first_of_target = np.unique(chosen[counts], return_index=True)[1]
    right[detection[counts][first_of_target]] = True
    return right, wrong & ~right


def _average_precision(right: np.ndarray, wrong: np.ndarray, wanted: int, use_07_metric: bool) -> float:
    recall, precision = _points(right, wrong, wanted)
    best_from_here = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    if use_07_metric:
        return float(best_from_here[np.searchsorted(recall, np.arange(11) / 10)].mean())
    return float((np.diff(recall, prepend=0.0) * best_from_here[:-1]).sum())


def _points(right: np.ndarray, wrong: np.ndarray, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision after each detection."""
    found = np.cumsum(right)
    return found / (wanted or np.nan), found / np.maximum(found + np.cumsum(wrong), 1)
