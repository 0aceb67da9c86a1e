"""Detections and targets, a dict for each image: how metrics check and read them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from minidl.tensors.tensor import Tensor

Image: TypeAlias = Mapping[str, Tensor]

KEYS = {"bbox": "boxes", "segm": "masks", "keypoints": "keypoints"}
SHAPES = {"boxes": "(N, 4)", "masks": "(N, H, W)", "keypoints": "(N, K, 2 or 3)", "labels": "(N,)", "scores": "(N,)",
          "iscrowd": "(N,)", "area": "(N,)", "difficult": "(N,)"}


def check_images(who: str, preds: Sequence[Image], target: Sequence[Image], iou_types: Sequence[str]) -> None:
    """Errors: ValueError unless both are lists of as many dicts, whose tensors have rows for the same objects."""
    for name, images in (("preds", preds), ("target", target)):
        if not isinstance(images, Sequence) or not all(isinstance(image, Mapping) for image in images):
            raise ValueError(f"{who}: expected {name} to be a list of dicts, one for each image, but got "
                             f"{type(images).__name__}")
    if len(preds) != len(target):
        raise ValueError(f"{who}: expected preds and target of as many images, but got {len(preds)} and {len(target)}")
    regions = [KEYS[kind] for kind in iou_types]
    with_boxes = [*regions, "boxes"] if "keypoints" in regions and "boxes" not in regions else regions
    for name, images, keys, others in (("preds", preds, [*regions, "labels", "scores"], []),
                                       ("target", target, [*with_boxes, "labels"], ["iscrowd", "area", "difficult"])):
        for i, image in enumerate(images):
            for key in keys:
                if key not in image:
                    raise ValueError(f"{who}: expected all dicts in {name} to contain the key {key!r}, but image {i} "
                                     f"has {', '.join(image) or 'none'}")
            for key in [*keys, *(key for key in others if key in image)]:
                _check(f"{who}: expected {key!r} of image {i} in {name}", key, image[key], len(image["labels"]))
    if "segm" in iou_types:
        for i, (found, there) in enumerate(zip(preds, target)):
            sizes = [tuple(x["masks"].shape[1:]) for x in (found, there) if len(x["labels"])]
            if len(set(sizes)) > 1:
                raise ValueError(f"{who}: expected masks of one size in preds and target, but image {i} has {sizes[0]} "
                                 f"and {sizes[1]}")


def _check(expected: str, key: str, x: Tensor, rows: int) -> None:
    if not isinstance(x, Tensor):
        raise ValueError(f"{expected} to be a tensor, but got {type(x).__name__}")
    dims = SHAPES[key].count(",") + (SHAPES[key] != "(N,)")
    if not x.numel() and not rows:
        return              # zeros(0) says "no boxes", too
    fits = x.ndim == dims and len(x) == rows
    if not fits or (key == "boxes" and x.shape[1] != 4) or (key == "keypoints" and x.shape[2] not in (2, 3)):
        raise ValueError(f"{expected} to be {SHAPES[key]} for {rows} labels, but got {tuple(x.shape)}")
    if key == "labels" and x.dtype.kind not in "iub":
        raise ValueError(f"{expected} to be integers, but got {x.dtype}")
    if key == "scores" and x.dtype.kind != "f":
        raise ValueError(f"{expected} to be floating point numbers, but got {x.dtype}")
    if key in ("boxes", "scores", "keypoints", "area") and not np.isfinite(as_array(x)).all():
        raise ValueError(f"{expected} to be finite, but it contains NaN or infinity")


def as_array(x: Tensor, dtype: type = np.float64) -> np.ndarray:
    return x.detach().cpu().numpy().astype(dtype)


def read_boxes(boxes: Tensor, box_format: str) -> np.ndarray:
    """Boxes (N, 4) as x, y, width and height, in float64. They are converted in their own precision."""
    array = boxes.detach().cpu().numpy().reshape(-1, 4)
    first, second = array[:, :2], array[:, 2:]
    if box_format == "cxcywh":
        half = second / array.dtype.type(2) if array.dtype.kind == "f" else second / 2
        first, second = first - half, first + half
    return np.concatenate([first, second if box_format == "xywh" else second - first], 1).astype(np.float64)


def read_masks(masks: Tensor) -> np.ndarray:
    """Masks (N, H, W) packed, 64 pixels a word: (N, words)."""
    rows = as_array(masks, np.bool_).reshape(len(masks), -1) if masks.numel() else np.zeros((len(masks), 0), bool)
    return np.packbits(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 64))), axis=1).view(np.uint64)


def read_keypoints(keypoints: Tensor) -> np.ndarray:
    """Keypoints (N, K, 2 or 3) in float64, with x, y and visibility: (N, K, 3)."""
    points = as_array(keypoints).reshape(len(keypoints), *(keypoints.shape[1:] if keypoints.ndim == 3 else (0, 3)))
    return points if points.shape[2] == 3 else np.pad(points, ((0, 0), (0, 0), (0, 1)))
