"""Remove boxes and key points that nothing can be learned from, with their labels."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.tensors.tensor import Tensor
from minidl.vision import tv_tensors
from minidl.vision.transforms.v2.functional.boxes import valid_boxes, valid_points
from minidl.vision.transforms.v2.samples import (
    LabelsGetter,
    get_bounding_boxes,
    get_keypoints,
    label_tensors,
    labels_getter_of,
)
from minidl.vision.transforms.v2.structure import flatten
from minidl.vision.transforms.v2.transform import Transform


class _Sanitize(Transform):
    """Base class: find what is valid, and index all that belongs together with it."""

    _what = ""
    _kinds: tuple[type, ...] = ()

    labels_getter: LabelsGetter
    _labels_getter: Callable[[Any], Any]

    def _subject(self, flat_inputs: list[Any]) -> Any:
        """The boxes or points."""
        raise NotImplementedError

    def _valid(self, subject: Any) -> Tensor:
        """Which of them are valid, (N,)."""
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        labels = label_tensors(self._labels_getter(sample))
        leaves, rebuild = flatten(sample)
        subject = self._subject(leaves)
        for label in labels or ():
            if subject.shape[0] != label.shape[0]:
                raise ValueError(f"Number of {self._what} (shape={subject.shape}) must match the number of labels. "
                                 f"Found labels with shape={label.shape}.")
        params = {"valid": self._valid(subject), "labels": labels}
        return rebuild([self.transform(leaf, params) for leaf in leaves])

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        label = any(inpt is label for label in params["labels"] or ())
        if not label and not isinstance(inpt, self._kinds):
            return inpt
        try:
            kept = inpt[params["valid"]]
        except IndexError:          # a mask of another number of objects, or of classes
            return inpt
        return kept if label else tv_tensors.wrap(kept, like=inpt)


class SanitizeBoundingBoxes(_Sanitize):
    """Remove boxes that are too small, or partly outside the image, with their labels and masks.

    min_size, min_area: of what stays, in pixels. labels_getter: a function of the sample that returns the labels, one
    tensor or several; "default" finds what a dict has under "labels"; None for no labels. Masks (N, H, W), one for each
    box, are treated as labels. It belongs at the end of a pipeline, and after every `RandomIoUCrop`.
    Errors: ValueError for limits below 1, a sample without boxes, and labels of another number.
    """

    _what = "boxes"
    _kinds = (tv_tensors.BoundingBoxes, tv_tensors.Mask)

    def __init__(self, min_size: float = 1.0, min_area: float = 1.0, labels_getter: LabelsGetter = "default") -> None:
        super().__init__()
        for name, limit in (("min_size", min_size), ("min_area", min_area)):
            if limit < 1:
                raise ValueError(f"{name} must be >= 1, got {limit}.")
        self.min_size = min_size
        self.min_area = min_area
        self.labels_getter = labels_getter
        self._labels_getter = labels_getter_of(labels_getter)

    def _subject(self, flat_inputs: list[Any]) -> Any:
        return get_bounding_boxes(flat_inputs)

    def _valid(self, subject: Any) -> Tensor:
        return valid_boxes(subject.as_subclass(Tensor), subject.format, subject.canvas_size, self.min_size,
                           self.min_area)


class SanitizeKeyPoints(_Sanitize):
    """Remove key points outside the image, with their labels; of groups (N, ..., 2), each that has one outside.

    labels_getter: as in `SanitizeBoundingBoxes`, but by default None.
    """

    _what = "keypoints"
    _kinds = (tv_tensors.KeyPoints,)

    def __init__(self, labels_getter: LabelsGetter = None) -> None:
        super().__init__()
        self.labels_getter = labels_getter
        self._labels_getter = labels_getter_of(labels_getter)

    def _subject(self, flat_inputs: list[Any]) -> Any:
        return get_keypoints(flat_inputs)

    def _valid(self, subject: Any) -> Tensor:
        return valid_points(subject.as_subclass(Tensor), subject.canvas_size)
