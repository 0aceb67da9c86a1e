"""What images and their objects must be, so that nothing trains on boxes that mean something else."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from minidl.backend.device import to_numpy
from minidl.backend.dtype import float16, float32, float64, int64
from minidl.tensors.tensor import Tensor

Target = dict[str, Tensor]
"""The objects of an image: `boxes` (N, 4), `labels` (N,), perhaps `masks` (N, H, W) or `keypoints` (N, K, 3)."""


def sizes_of(images: Sequence[Tensor]) -> list[tuple[int, int]]:
    """The (height, width) of each image.

    Errors: TypeError unless all are tensors, ValueError unless they are (C, H, W), and without any.
    """
    if not len(images):
        raise ValueError("expected a list of images, but got none")
    for i, image in enumerate(images):
        if not isinstance(image, Tensor):
            raise TypeError(f"expected a list of images, tensors (C, H, W) from 0 to 1, but image {i} is a "
                            f"{type(image).__name__}; transforms.ToTensor makes one of an image of Pillow")
        if image.ndim != 3:
            raise ValueError(f"images is expected to be a list of 3d tensors of shape [C, H, W], got "
                             f"{tuple(image.shape)} for image {i}")
    return [(image.shape[-2], image.shape[-1]) for image in images]


def check_targets(targets: Sequence[Target] | None, sizes: Sequence[tuple[int, int]], training: bool) -> None:
    """Refuse objects that cannot be learned, with the number of the image and of the box.

    Errors: AssertionError without targets in training, for boxes that are no tensor (N, 4), and for a box without
    width or height; KeyError without boxes or labels; TypeError for another dtype; ValueError for a box that is not
    finite or outside of its image, and for another number of targets, labels, masks or key points.
    """
    if targets is None:
        if training:
            raise AssertionError("targets should not be none when in training mode")
        return
    if len(targets) != len(sizes):
        raise ValueError(f"expected a target for each of {len(sizes)} images, but got {len(targets)}")
    for i, (target, size) in enumerate(zip(targets, sizes)):
        _check(name_of(target, i), i, target, size)


def name_of(target: Mapping[str, Tensor], i: int) -> str:
    """What errors call the image: its number in the batch, and its `image_id` if it has one."""
    known = target.get("image_id")
    if known is None:
        return f"image {i}"
    return f"image {i} (image_id {known.tolist() if isinstance(known, Tensor) else known})"


def _check(image: str, i: int, target: Target, size: tuple[int, int]) -> None:
    for key in ("boxes", "labels"):
        if key not in target:
            raise KeyError(f"Every element of targets should have a {key} key, but that of {image} has "
                           f"{', '.join(map(repr, target)) or 'none'}")
    boxes, labels = target["boxes"], target["labels"]
    if not isinstance(boxes, Tensor):
        raise AssertionError(f"Expected target boxes to be of type Tensor, got {type(boxes)} for {image}.")
    if boxes.ndim != 2 or boxes.shape[-1] != 4:
        empty = "; try boxes.reshape(-1, 4) for an image without objects" if not boxes.numel() else ""
        raise AssertionError(f"Expected target boxes to be a tensor of shape [N, 4], got {tuple(boxes.shape)} for "
                             f"{image}{empty}.")
    if boxes.dtype not in (float16, float32, float64):
        raise TypeError(f"target boxes must of float type, instead got {boxes.dtype} for {image}")
    if not isinstance(labels, Tensor) or labels.dtype != int64:
        raise TypeError(f"target labels must of int64 type, instead got {getattr(labels, 'dtype', type(labels))} for "
                        f"{image}")
    check_boxes(image, i, to_numpy(boxes.array), size)
    for key in ("labels", "masks", "keypoints"):
        each = target.get(key)
        if len(boxes) and isinstance(each, Tensor) and (not each.ndim or len(each) != len(boxes)):
            raise ValueError(f"expected as many {key} as boxes, {len(boxes)} for {image}, but got {tuple(each.shape)}")
    masks = target.get("masks")
    if isinstance(masks, Tensor) and len(boxes) and tuple(masks.shape[1:]) != size:
        raise ValueError(f"expected masks (N, {size[0]}, {size[1]}) as large as {image}, but got {tuple(masks.shape)}")


def check_boxes(image: str, i: int, boxes: np.ndarray, size: tuple[int, int]) -> None:
    """Each box is finite, has a width and a height, and meets its image."""
    wrong = ~np.isfinite(boxes).all(1)
    if wrong.any():
        raise ValueError(f"expected boxes of finite numbers, but box {wrong.argmax()} of {image} is "
                         f"{boxes[wrong.argmax()].tolist()}")
    wrong = (boxes[:, 2:] <= boxes[:, :2]).any(1)
    if wrong.any():
        raise AssertionError(f"All bounding boxes should have positive height and width. Found invalid box "
                             f"{boxes[wrong.argmax()].tolist()} for target at index {i}: box {wrong.argmax()} of "
                             f"{image}. Boxes are x1, y1, x2, y2; ops.box_convert(boxes, 'xywh', 'xyxy') makes them "
                             f"of x, y, width, height.")
    wrong = (boxes[:, 2:] <= 0).any(1) | (boxes[:, :2] >= size[::-1]).any(1)
    if wrong.any():
        raise ValueError(f"expected boxes in pixels of an image {size[0]} high and {size[1]} wide, but box "
                         f"{wrong.argmax()} of {image}, {boxes[wrong.argmax()].tolist()}, is outside of it")


def check_labels(targets: Sequence[Target], first: int, num_classes: int) -> None:
    """Labels are from `first` to num_classes - 1.

    Errors: ValueError, with the number of the image and of the box.
    """
    for i, target in enumerate(targets):
        labels = to_numpy(target["labels"].array)[:len(target["boxes"])]
        wrong = (labels < first) | (labels >= num_classes)
        if wrong.any():
            label = labels[wrong.argmax()]
            about = "; 0 is the background, so that classes start at 1" if first and label == 0 else \
                "; num_classes counts the background, too" if label == num_classes else ""
            raise ValueError(f"expected labels from {first} to {num_classes - 1}, but box {wrong.argmax()} of "
                             f"{name_of(target, i)} has label {label}{about}")


def check_keypoints(targets: Sequence[Target], points: int) -> None:
    """Key points are (N, points, 3).

    Errors: ValueError, with the number of the image.
    """
    for i, target in enumerate(targets):
        if len(target["boxes"]) and tuple(target["keypoints"].shape[1:]) != (points, 3):
            raise ValueError(f"expected keypoints (N, {points}, 3), x, y and visibility, but {name_of(target, i)} has "
                             f"{tuple(target['keypoints'].shape)}")
