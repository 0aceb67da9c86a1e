"""MeanAveragePrecision: COCO's twelve values for boxes and masks, and ten for keypoints."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from minidl.backend.warn import warn
from minidl.metrics.functional import coco
from minidl.metrics.functional.detections import (
    KEYS,
    Image,
    as_array,
    check_images,
    read_boxes,
    read_keypoints,
    read_masks,
)
from minidl.metrics.functional.inputs import check_choice
from minidl.metrics.metric import Metric
from minidl.tensors.creation import tensor
from minidl.tensors.tensor import Tensor

Result: TypeAlias = "dict[str, Tensor | dict[tuple[int, int], Tensor]]"

AREAS = {"bbox": ["all", "small", "medium", "large"], "segm": ["all", "small", "medium", "large"],
         "keypoints": ["all", "medium", "large"]}


class MeanAveragePrecision(Metric):
    """COCO's mean average precision and recall of detected boxes, masks or keypoints.

    Args:
        box_format: "xyxy" for two corners, "xywh" for a corner and the sides, "cxcywh" for the centre and the sides.
        iou_type: "bbox", "segm" or "keypoints", or several of them in a tuple.
        iou_thresholds: the overlaps from which a detection is right; 0.5, 0.55, ..., 0.95 by default, in float64.
        rec_thresholds: the recalls at which precision is read; 0, 0.01, ..., 1 by default.
        max_detection_thresholds: three numbers of detections of a class in an image; [1, 10, 100] by default, and 20
            for keypoints, which use the last alone.
        class_metrics: whether to give `map_per_class` and `mar_100_per_class` too.
        extended_summary: whether to give `precision` (T, R, K, A, M), `recall` (T, K, A, M), `scores` (T, R, K, A, M)
            and `ious`, a dict by image and class, too: T overlaps, R recalls, K classes, A areas, M numbers.
        average: "macro" is the mean over classes; "micro" takes all for one class.
        kpt_oks_sigmas: for keypoints, how far apart annotators are; those of COCO's 17 by default.

    `update` takes lists of dicts, one an image. preds: `boxes` (N, 4), `scores` (N,), `labels` (N,); for "segm" `masks`
    (N, H, W), for "keypoints" `keypoints` (N, K, 2 or 3) in place of the boxes. target: the same without scores, with
    visibility as third number of keypoints, and `boxes` beside them; `iscrowd` (N,) and `area` (N,) if known. An
    `area` of 0 is computed, from the masks if there are any, else from the boxes.

    `compute` gives tensors: `map`, `map_50`, `map_75`, `map_small`, `map_medium`, `map_large`, `mar_1`, `mar_10`,
    `mar_100`, `mar_small`, `mar_medium`, `mar_large`, `map_per_class`, `mar_100_per_class`, `classes`; for keypoints
    `map`, `map_50`, `map_75`, `map_medium`, `map_large`, and `mar` likewise. With several types, names begin with the
    type: `bbox_map`. **-1 means that there is no value**: no target of that area or class, a threshold that is not
    among `iou_thresholds`, or no class metrics asked for.

    Errors: ValueError for arguments, keys and shapes that do not fit, and for scores and boxes that are not finite.
    Source: Lin et al., "Microsoft COCO", 2014, https://arxiv.org/abs/1405.0312; pycocotools.

        >>> from minidl import tensor
        >>> from minidl.metrics import MeanAveragePrecision
        >>> preds = [{"boxes": tensor([[258.0, 41.0, 606.0, 285.0]]), "scores": tensor([0.536]), "labels": tensor([0])}]
        >>> target = [{"boxes": tensor([[214.0, 41.0, 562.0, 285.0]]), "labels": tensor([0])}]
        >>> metric = MeanAveragePrecision()
        >>> metric.update(preds, target)
        >>> result = metric.compute()                   # the overlap is 0.78: right up to the threshold 0.75
        >>> result["map"], result["map_75"], result["map_small"]
        (tensor(0.6000), tensor(1.), tensor(-1.))
    """

    higher_is_better = True
    warn_on_many_detections = True

    def __init__(self, box_format: str = "xyxy", iou_type: str | tuple[str, ...] = "bbox",
                 iou_thresholds: list[float] | None = None, rec_thresholds: list[float] | None = None,
                 max_detection_thresholds: list[int] | None = None, class_metrics: bool = False,
                 extended_summary: bool = False, average: str = "macro",
                 kpt_oks_sigmas: Sequence[float] | None = None) -> None:
        super().__init__()
        who = "MeanAveragePrecision"
        check_choice(who, "box_format", box_format, ("xyxy", "xywh", "cxcywh"))
        check_choice(who, "average", average, ("macro", "micro"))
        self.box_format, self.average = box_format, average
        self.iou_type = (iou_type,) if isinstance(iou_type, str) else tuple(iou_type)
        for kind in self.iou_type or ((),):
            check_choice(who, "iou_type", kind, tuple(KEYS))
        for name, numbers in (("iou_thresholds", iou_thresholds), ("rec_thresholds", rec_thresholds),
                              ("max_detection_thresholds", max_detection_thresholds)):
            if numbers is not None and not isinstance(numbers, list):
                raise ValueError(f"{who}: expected {name} to be None or a list of numbers, but got {numbers!r}")
        if max_detection_thresholds is not None and len(max_detection_thresholds) != 3:
            raise ValueError(f"{who}: expected three max_detection_thresholds, but got {max_detection_thresholds}")
        for name, flag in (("class_metrics", class_metrics), ("extended_summary", extended_summary)):
            if not isinstance(flag, bool):
                raise ValueError(f"{who}: expected {name} to be a bool, but got {flag!r}")
        self.iou_thresholds = iou_thresholds or np.linspace(0.5, 0.95, 10).tolist()
        self.rec_thresholds = rec_thresholds or np.linspace(0.0, 1.0, 101).tolist()
        self.max_detection_thresholds = sorted(max_detection_thresholds or [1, 10, 100])
        self.max_keypoint_detections = 20 if max_detection_thresholds is None else self.max_detection_thresholds[-1]
        self.class_metrics, self.extended_summary = class_metrics, extended_summary
        self.kpt_oks_sigmas = tuple(kpt_oks_sigmas or coco.KEYPOINT_SIGMAS)
        for side, names in (("detection", ("labels", "scores")), ("groundtruth", ("labels", "crowds", "area"))):
            for name in (*self.iou_type, *names):
                self.add_state(f"{side}_{name}", [], "cat")

    # ------------------------------------------------------------------ taking in

    def update(self, preds: Sequence[Image], target: Sequence[Image]) -> None:
        check_images("MeanAveragePrecision", preds, target, self.iou_type)
        for found, there in zip(preds, target):
            self._warn_of_many(len(found["labels"]))
            crowd = as_array(there["iscrowd"]) > 0 if "iscrowd" in there else np.zeros(len(there["labels"]), bool)
            self._append("detection", labels=as_array(found["labels"], np.int64), scores=as_array(found["scores"]),
                         **{kind: self._read(kind, found) for kind in self.iou_type})
            self._append("groundtruth", labels=as_array(there["labels"], np.int64), crowds=crowd,
                         area=self._area_of_targets(there), **{kind: self._read(kind, there, with_box=True)
                                                               for kind in self.iou_type})

    def _append(self, side: str, **arrays: np.ndarray) -> None:
        for name, array in arrays.items():
            getattr(self, f"{side}_{name}").append(tensor(array))

    def _warn_of_many(self, number: int) -> None:
        most = self.max_detection_thresholds[-1]
        if self.warn_on_many_detections and number > most:
            warn(f"MeanAveragePrecision: {number} detections in one image; of each class only the {most} with the "
                 f"highest scores count. Raise max_detection_thresholds, or set warn_on_many_detections = False")

    def _read(self, kind: str, image: Image, with_box: bool = False) -> np.ndarray:
        """Boxes (N, 4), masks as bytes (N, B), or keypoints (N, K * 3), with their boxes behind (N, K * 3 + 4)."""
        if kind == "bbox":
            return read_boxes(image["boxes"], self.box_format)
        if kind == "segm":
            return read_masks(image["masks"]).view(np.uint8)
        points, number = read_keypoints(image["keypoints"]), len(self.kpt_oks_sigmas)
        if len(points) and points.shape[1] != number:
            raise ValueError(f"MeanAveragePrecision: expected {number} keypoints, as many as kpt_oks_sigmas, but got "
                             f"{points.shape[1]}; give kpt_oks_sigmas for other objects than COCO's persons")
        points = points.reshape(len(points), -1) if len(points) else np.zeros((0, 3 * number))
        return np.concatenate([points, self._read("bbox", image)], 1) if with_box else points

    def _area_of_targets(self, image: Image) -> np.ndarray:
        """The given areas; where they are 0 those of the masks, or of the boxes."""
        measured = _areas("segm" if "segm" in self.iou_type else "bbox",
                          self._read("segm" if "segm" in self.iou_type else "bbox", image))
        given = as_array(image["area"]) if "area" in image else np.zeros(len(measured))
        return np.where(given > 0, given, measured)

    # ------------------------------------------------------------------ evaluating

    def compute(self) -> Result:
        result: Result = {}
        for kind in self.iou_type:
            prefix = f"{kind}_" if len(self.iou_type) > 1 else ""
            found = self._evaluate(kind, one_class=self.average == "micro")
            by_class = self._evaluate(kind, one_class=False) if self.average == "micro" else found
            values: dict[str, float | list[float]] = dict(self._summarize(kind, found))
            for name, array in (("map", by_class.precision), (f"mar_{self._limits(kind)[-1]}", by_class.recall)):
                values[f"{name}_per_class"] = [coco.mean_where_known(array[..., k, 0, -1]) for k in range(
                    len(by_class.classes))] if self.class_metrics else [-1.0]
            result.update((prefix + name, _as_tensor(value).float()) for name, value in values.items())
            if self.extended_summary:
                result.update((prefix + name, tensor(getattr(found, name)))
                              for name in ("precision", "recall", "scores"))
                result[f"{prefix}ious"] = {place: tensor(iou).float() for place, iou in found.ious.items()}
            result["classes"] = _as_tensor(by_class.classes.tolist()).int()
        return result

    def _summarize(self, kind: str, found: coco.Evaluation) -> dict[str, float]:
        """COCO's twelve values for boxes and masks, and ten for keypoints."""
        def mean(values: np.ndarray, area: str = "all", threshold: float | None = None, limit: int = -1) -> float:
            chosen = values if threshold is None else values[np.array(self.iou_thresholds) == threshold]
            return coco.mean_where_known(chosen[..., AREAS[kind].index(area), limit])

        values = {"map": mean(found.precision), "map_50": mean(found.precision, threshold=0.5),
                  "map_75": mean(found.precision, threshold=0.75),
                  **{f"map_{area}": mean(found.precision, area) for area in AREAS[kind][1:]}}
        if kind == "keypoints":
            values.update(mar=mean(found.recall), mar_50=mean(found.recall, threshold=0.5),
                          mar_75=mean(found.recall, threshold=0.75))
        else:
            values.update((f"mar_{most}", mean(found.recall, limit=m)) for m, most in enumerate(self._limits(kind)))
        return {**values, **{f"mar_{area}": mean(found.recall, area) for area in AREAS[kind][1:]}}

    def _limits(self, kind: str) -> list[int]:
        return [self.max_keypoint_detections] if kind == "keypoints" else self.max_detection_thresholds

    def _evaluate(self, kind: str, one_class: bool) -> coco.Evaluation:
        found, there = self._joined("detection", kind), self._joined("groundtruth", kind)
        crowd = self._joined("groundtruth", "crowds") > 0
        unseen = ~(there[:, 2:-4:3] > 0).any(1) if kind == "keypoints" else False
        image, label = self._images_and_labels("detection", one_class)
        detections = coco.Detections(image, label, self._joined("detection", "scores"), _areas(kind, found), found)
        image, label = self._images_and_labels("groundtruth", one_class)
        targets = coco.Targets(image, label, crowd, crowd | unseen, self._joined("groundtruth", "area"), there)
        settings = coco.Settings(np.array(self.iou_thresholds), np.array(self.rec_thresholds),
                                 [coco.AREAS[name] for name in AREAS[kind]], self._limits(kind))
        overlap = {"bbox": coco.overlap_boxes, "segm": coco.overlap_masks,
                   "keypoints": coco.overlap_keypoints(np.array(self.kpt_oks_sigmas))}[kind]
        images = len(self._state("detection", "labels"))
        return coco.evaluate(detections, targets, overlap, settings, images, self.extended_summary)

    def _images_and_labels(self, side: str, one_class: bool) -> tuple[np.ndarray, np.ndarray]:
        sizes = [len(labels) for labels in self._state(side, "labels")]
        labels = self._joined(side, "labels").astype(np.int64)
        return np.repeat(np.arange(len(sizes)), sizes), labels * 0 if one_class else labels

    def _joined(self, side: str, name: str) -> Any:
        """A state of all images: an array, or a list of masks, whose sizes differ."""
        parts = self._state(side, name)
        if name == "segm":
            return [mask for masks in parts for mask in masks.view(np.uint64)]
        return np.concatenate(parts or [np.zeros((0, 4) if name in KEYS else 0)])

    def _state(self, side: str, name: str) -> list[np.ndarray]:
        return [x.cpu().numpy() for x in getattr(self, f"{side}_{name}")]


def _areas(kind: str, regions: Any) -> np.ndarray:
    """Of boxes, of masks, and of the boxes around all keypoints."""
    if kind == "segm":
        return np.array([np.bitwise_count(mask).sum() for mask in regions], np.float64)
    if kind == "bbox":
        return regions[:, 2] * regions[:, 3]
    points = regions.reshape(len(regions), regions.shape[1] // 3, 3)[..., :2]
    return (points.max(1) - points.min(1)).prod(1)


def _as_tensor(values: float | list[float]) -> Tensor:
    """As torchmetrics, one value alone is a scalar."""
    found = tensor(values)
    return found.reshape(()) if found.numel() == 1 else found
