"""COCO's evaluation of detections: match them with targets, count, draw precision over recall.

The steps and their order of operations are those of pycocotools, so the values are equal to the last bit. There, loops
go over images, classes, areas, thresholds and detections; here, arrays hold all of them:

    1. Detections and targets of one class in one image are a group. All pairs within groups get an overlap.
    2. In each group the detections choose in turn, the highest score first. All groups choose at the same time,
       for all areas and thresholds.
    3. For each class, detections of all images are sorted by score; counts give precision over recall.

Source: Lin et al., "Microsoft COCO", 2014, https://arxiv.org/abs/1405.0312; https://cocodataset.org/#detection-eval
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

Regions: TypeAlias = "np.ndarray | list[np.ndarray]"

AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0 ** 2), "medium": (32.0 ** 2, 96.0 ** 2), "large": (96.0 ** 2, 1e10)}
KEYPOINT_SIGMAS = (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087,
                   0.087, 0.089, 0.089)
"""Of COCO's 17 keypoints, from the nose to the ankles: how far annotators are apart, as a share of the scale."""


class Detections(NamedTuple):
    """What a model found in all images: one row each."""

    image: np.ndarray       # (D,) integers
    label: np.ndarray       # (D,) integers
    score: np.ndarray       # (D,)
    area: np.ndarray        # (D,)
    region: Regions         # D boxes (x, y, width, height), packed masks, or keypoints (K, 2)


class Targets(NamedTuple):
    """What is in all images: one row each."""

    image: np.ndarray       # (G,) integers
    label: np.ndarray       # (G,) integers
    crowd: np.ndarray       # (G,) booleans: many objects at once, which any number of detections may match
    ignored: np.ndarray     # (G,) booleans: neither found nor missed; crowds, and persons without a visible keypoint
    area: np.ndarray        # (G,)
    region: Regions         # G boxes, packed masks, or keypoints (K, 3) with a box behind: (K * 3 + 4,)


class Settings(NamedTuple):
    """At what to evaluate."""

    iou_thresholds: np.ndarray              # T, in float64
    recall_thresholds: np.ndarray           # R
    areas: Sequence[tuple[float, float]]    # A ranges, both ends included
    max_detections: Sequence[int]           # M, ascending: of one class in one image


class Evaluation(NamedTuple):
    """pycocotools' three arrays. -1 where a class has no target in a range of areas, so there is no value."""

    precision: np.ndarray       # (T, R, K, A, M)
    recall: np.ndarray          # (T, K, A, M)
    scores: np.ndarray          # (T, R, K, A, M): the score at which this recall is reached
    classes: np.ndarray         # (K,)
    ious: dict[tuple[int, int], np.ndarray]     # of each image and class: (detections, targets); if asked for


class Pairs(NamedTuple):
    """Detections and targets of one class in one image, sorted by the detection."""

    detection: np.ndarray       # (P,) indices
    target: np.ndarray          # (P,) indices


Rows = TypeVar("Rows", Detections, Targets)
Overlap: TypeAlias = Callable[[Detections, Targets, Pairs], np.ndarray]


# ---------------------------------------------------------------------- overlaps

def overlap_boxes(detections: Detections, targets: Targets, pairs: Pairs) -> np.ndarray:
    """Intersection over union; over the detection alone where the target is a crowd."""
    d, g = np.asarray(detections.region)[pairs.detection].T, np.asarray(targets.region)[pairs.target].T
    width = np.minimum(d[2] + d[0], g[2] + g[0]) - np.maximum(d[0], g[0])
    height = np.minimum(d[3] + d[1], g[3] + g[1]) - np.maximum(d[1], g[1])
    inside = (width > 0) & (height > 0)
    both = np.where(inside, width * height, 0.0)
    union = np.where(targets.crowd[pairs.target], d[2] * d[3], d[2] * d[3] + g[2] * g[3] - both)
    return both / np.where(inside, union, 1.0)


def overlap_masks(detections: Detections, targets: Targets, pairs: Pairs) -> np.ndarray:
    """The same for masks. They are packed, 64 pixels a word."""
    def count(g: int, others: list[np.ndarray]) -> np.ndarray:
        mask = targets.region[g]
        words = np.flatnonzero(mask)
        if not words.size:
            return np.zeros(len(others))
        part = slice(words[0], words[-1] + 1)
        return np.bitwise_count(np.stack([x[part] for x in others]) & mask[part]).sum(1, dtype=np.float64)

    both = _for_each_target(detections, pairs, count)
    area = np.array([np.bitwise_count(x).sum() for x in detections.region], np.float64)[pairs.detection]
    other = np.array([np.bitwise_count(x).sum() for x in targets.region], np.float64)[pairs.target]
    union = np.where(targets.crowd[pairs.target], area, area + other - both)
    return both / np.where(both > 0, union, 1.0)


def overlap_keypoints(sigmas: np.ndarray) -> Overlap:
    """Object keypoint similarity: the mean over visible keypoints of exp(-distance^2 / (8 area sigma^2)).

    Without a visible keypoint, the distance is that to the target's box, made three times as large.
    """
    variances = (sigmas * 2) ** 2

    def overlap(detections: Detections, targets: Targets, pairs: Pairs) -> np.ndarray:
        def similarity(g: int, others: list[np.ndarray]) -> np.ndarray:
            points, (x, y, width, height) = targets.region[g][:-4].reshape(-1, 3), targets.region[g][-4:]
            there, visible = np.stack(others).reshape(len(others), -1, 3), points[:, 2] > 0
            if visible.any():
                dx, dy = there[..., 0] - points[:, 0], there[..., 1] - points[:, 1]
            else:
                visible = ~visible
                dx, dy = (np.maximum(0, low - at) + np.maximum(0, at - high) for at, low, high in (
                    (there[..., 0], x - width, x + width * 2), (there[..., 1], y - height, y + height * 2)))
            error = (dx ** 2 + dy ** 2) / variances / (targets.area[g] + np.spacing(1)) / 2
            return np.exp(-error[:, visible]).sum(1) / visible.sum()

        return _for_each_target(detections, pairs, similarity)

    return overlap


def _for_each_target(detections: Detections, pairs: Pairs,
                     overlap: Callable[[int, list[np.ndarray]], np.ndarray]) -> np.ndarray:
    """`overlap` of each target, by its index, with the detections that it is paired with."""
    order = np.argsort(pairs.target, kind="stable")
    found = np.zeros(len(order))
    starts = np.flatnonzero(np.diff(pairs.target[order], prepend=-1))
    for places in np.split(order, starts[1:]) if len(order) else []:
        found[places] = overlap(int(pairs.target[places[0]]), [detections.region[i] for i in pairs.detection[places]])
    return found


# ---------------------------------------------------------------------- matching

def pair_within_groups(detection_group: np.ndarray, target_group: np.ndarray) -> Pairs:
    """All pairs of a detection and a target of the same group. The targets come sorted by group."""
    first = np.searchsorted(target_group, detection_group, "left")
    counts = np.searchsorted(target_group, detection_group, "right") - first
    detection = np.repeat(np.arange(len(detection_group)), counts)
    return Pairs(detection, np.repeat(first, counts) + place_in_group(detection))


def place_in_group(group: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... within each group of a sorted array."""
    return np.arange(len(group)) - np.searchsorted(group, group)


def match(pairs: Pairs, iou: np.ndarray, group: np.ndarray, ignored: np.ndarray, crowd: np.ndarray,
          thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Let the detections choose targets, one after the other in each group.

    A detection takes the free target with the highest overlap, at least the threshold. Targets that count come before
    ignored ones; of equal overlaps the last is taken; a crowd stays free.

    group (D,), sorted, and by falling scores within; ignored (G, A); crowd (G,); thresholds (T,). Returns which
    detections have a target, and which of them an ignored one: (D, A, T) each.
    """
    thresholds = np.minimum(thresholds, 1 - 1e-10)
    shape = (ignored.shape[1], len(thresholds))
    matched, with_ignored = (np.zeros((len(group), *shape), bool) for _ in range(2))
    taken = np.zeros((len(ignored), *shape), bool)

    near = np.flatnonzero(iou >= thresholds.min(initial=np.inf))
    detection, target, iou = pairs.detection[near], pairs.target[near], iou[near]
    choosers = np.unique(detection)
    turn = place_in_group(group[choosers])[np.searchsorted(choosers, detection)]
    order = np.lexsort((target, iou, detection, turn))
    detection, target, iou, turn = detection[order], target[order], iou[order], turn[order]

    for places in np.split(np.arange(len(turn)), np.flatnonzero(np.diff(turn)) + 1) if len(turn) else []:
        d, g, number = detection[places], target[places], len(places)
        free = (iou[places, None, None] >= thresholds) & (~taken[g] | crowd[g, None, None])
        preference = np.arange(number)[:, None] + number * ~ignored[g]              # pairs are sorted by overlap
        first_of_detection = np.flatnonzero(np.diff(d, prepend=-1))
        best = np.maximum.reduceat(np.where(free, preference[:, :, None], -1), first_of_detection)
        chooser, area, threshold = np.nonzero(best >= 0)
        chosen = g[best[chooser, area, threshold] % number]
        chooser = d[first_of_detection[chooser]]
        taken[chosen, area, threshold] = True
        matched[chooser, area, threshold] = True
        with_ignored[chooser, area, threshold] = ignored[chosen, area]
    return matched, with_ignored


# ---------------------------------------------------------------------- precision and recall

def evaluate(detections: Detections, targets: Targets, overlap: Overlap, settings: Settings, images: int,
             with_ious: bool = False) -> Evaluation:
    """Match, count and interpolate."""
    classes = np.unique(np.concatenate([detections.label, targets.label]))

    def group_of(rows: Detections | Targets) -> np.ndarray:
        return np.searchsorted(classes, rows.label) * images + rows.image

    group = group_of(detections)
    order = np.lexsort((-detections.score, group))
    order = order[place_in_group(group[order]) < settings.max_detections[-1]]
    detections, group = _take(detections, order), group[order]
    target_group = group_of(targets)
    order = np.argsort(target_group, kind="stable")
    targets, target_group = _take(targets, order), target_group[order]

    pairs = pair_within_groups(group, target_group)
    iou = overlap(detections, targets, pairs)
    ignored = targets.ignored[:, None] | _outside(targets.area, settings.areas)
    matched, uncounted = match(pairs, iou, group, ignored, targets.crowd, settings.iou_thresholds)
    uncounted |= ~matched & _outside(detections.area, settings.areas)[:, :, None]
    right, wrong = matched & ~uncounted, ~matched & ~uncounted

    shape = (len(settings.iou_thresholds), len(settings.recall_thresholds), len(classes), len(settings.areas),
             len(settings.max_detections))
    precision, scores, recall = -np.ones(shape), -np.ones(shape), -np.ones((shape[0], *shape[2:]))
    place = place_in_group(group)
    for k in range(len(classes)):
        here = slice(*np.searchsorted(group, [k * images, (k + 1) * images]))
        there = slice(*np.searchsorted(target_group, [k * images, (k + 1) * images]))
        wanted = (~ignored[there]).sum(0)
        order = np.argsort(-detections.score[here], kind="stable")
        for m, most in enumerate(settings.max_detections):
            kept = here.start + order[place[here][order] < most]
            for a in np.flatnonzero(wanted):
                recall[:, k, a, m], precision[:, :, k, a, m], scores[:, :, k, a, m] = _interpolate(
                    right[kept, a].T, wrong[kept, a].T, wanted[a], detections.score[kept], settings.recall_thresholds)
    ious = _as_matrices(pairs, iou, group, target_group, classes, images) if with_ious else {}
    return Evaluation(precision, recall, scores, classes, ious)


def _take(rows: Rows, order: np.ndarray) -> Rows:
    columns: Any = ([x[i] for i in order] if isinstance(x, list) else x[order] for x in rows)
    return type(rows)(*columns)


def _outside(area: np.ndarray, ranges: Sequence[tuple[float, float]]) -> np.ndarray:
    """Which areas (N,) are outside of which ranges: (N, A)."""
    low, high = np.array(ranges).T
    return (area[:, None] < low) | (area[:, None] > high)


def _interpolate(right: np.ndarray, wrong: np.ndarray, wanted: int, score: np.ndarray,
                 recall_thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The final recall (T,), and at each recall threshold the best precision from there on and the score (T, R).

    right, wrong (T, n): booleans, in the order of falling scores. Recalls that are never reached have precision 0.
    """
    found = np.cumsum(right, 1, dtype=np.float64)
    recall = found / wanted
    precision = found / (np.cumsum(wrong, 1) + found + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    # behind the last detection there is nothing: precision 0, score 0
    envelope, score = np.pad(envelope, ((0, 0), (0, 1))), np.append(score, 0.0)
    at = np.stack([np.searchsorted(row, recall_thresholds) for row in recall])
    final = recall[:, -1] if recall.shape[1] else np.zeros(len(recall))
    return final, np.take_along_axis(envelope, at, 1), score[at]


def _as_matrices(pairs: Pairs, iou: np.ndarray, group: np.ndarray, target_group: np.ndarray, classes: np.ndarray,
                 images: int) -> dict[tuple[int, int], np.ndarray]:
    """Overlaps (detections, targets) of each image and class."""
    bounds = np.arange(len(classes) * images + 1)
    sizes = np.diff(np.searchsorted(group, bounds)), np.diff(np.searchsorted(target_group, bounds))
    starts = np.searchsorted(group[pairs.detection], bounds)
    return {(i, int(label)): iou[starts[g]:starts[g + 1]].reshape(sizes[0][g], sizes[1][g])
            for k, label in enumerate(classes) for i in range(images) for g in [k * images + i]}


def mean_where_known(values: np.ndarray) -> float:
    """The mean of the values that are not -1; -1 if there are none."""
    known = values[values > -1]
    return float(known.mean()) if known.size else -1.0
