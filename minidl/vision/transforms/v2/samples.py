"""What is in a sample: kinds, sizes, boxes, labels."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from PIL import Image as pillow

from minidl.tensors.tensor import Tensor
from minidl.vision.transforms.v2.functional import get_dimensions, get_size
from minidl.vision.transforms.v2.functional.dispatch import is_pure_tensor
from minidl.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video

Check = type | Callable[[Any], bool]
IMAGES: tuple[Check, ...] = (is_pure_tensor, Image, pillow.Image, Video)


def check_type(obj: Any, types_or_checks: Iterable[Check]) -> bool:
    """Whether the object is of one of the types, or passes one of the checks."""
    for check in types_or_checks:       # asked of every sample: a generator would take twice as long
        if isinstance(obj, check) if isinstance(check, type) else check(obj):
            return True
    return False


def has_any(flat_inputs: list[Any], *types_or_checks: Check) -> bool:
    """Whether one of the inputs is of one of the types, or passes one of the checks."""
    return any(check_type(inpt, types_or_checks) for inpt in flat_inputs)


def has_all(flat_inputs: list[Any], *types_or_checks: Check) -> bool:
    """Whether there is an input of each of the types, or that passes each of the checks."""
    return all(has_any(flat_inputs, check) for check in types_or_checks)


def get_bounding_boxes(flat_inputs: list[Any]) -> BoundingBoxes:
    """The boxes among the inputs. Errors: ValueError if there are none."""
    return _first(flat_inputs, BoundingBoxes, "bounding boxes")


def get_keypoints(flat_inputs: list[Any]) -> KeyPoints:
    """The key points among the inputs. Errors: ValueError if there are none."""
    return _first(flat_inputs, KeyPoints, "keypoints")


def _first(flat_inputs: list[Any], kind: type, name: str) -> Any:
    for inpt in flat_inputs:
        if isinstance(inpt, kind):
            return inpt
    raise ValueError(f"No {name} were found in the sample")


def query_chw(flat_inputs: list[Any]) -> tuple[int, int, int]:
    """Channels, height and width of the images or videos.

    Errors: TypeError if there are none, ValueError if they differ.
    """
    found = {tuple(get_dimensions(inpt)) for inpt in flat_inputs if check_type(inpt, IMAGES)}
    channels, height, width = _only(found, "image or video", "CxHxW")
    return channels, height, width


def query_size(flat_inputs: list[Any]) -> tuple[int, int]:
    """Height and width of all that has a size.

    Errors: TypeError if there is nothing, ValueError if they differ.
    """
    found = {tuple(get_size(inpt)) for inpt in flat_inputs
             if check_type(inpt, (*IMAGES, Mask, BoundingBoxes, KeyPoints))}
    height, width = _only(found, "image, video, mask, bounding box of keypoint", "HxW")
    return height, width


def _only(found: set[tuple[int, ...]], what: str, dimensions: str) -> tuple[int, ...]:
    if not found:
        raise TypeError(f"No {what} was found in the sample")
    if len(found) > 1:
        raise ValueError(f"Found multiple {dimensions} dimensions in the sample: "
                         f"{', '.join(map(str, sorted(found)))}")
    return found.pop()


# ---------------------------------------------------------------------- labels

LabelsGetter = Callable[[Any], Any] | str | None


def labels_getter_of(labels_getter: LabelsGetter) -> Callable[[Any], Any]:
    """The function that finds the labels in a sample. Errors: ValueError unless "default", a function, or None."""
    if labels_getter == "default":
        return _find_labels
    if callable(labels_getter):
        return labels_getter
    if labels_getter is None:
        return lambda sample: None
    raise ValueError(f"labels_getter should either be 'default', a callable, or None, but got {labels_getter}.")


def _find_labels(sample: Any) -> Any:
    """The labels: the second of two, or what a dict, alone or as the second, has under "labels", or "...label..."."""
    if isinstance(sample, (tuple, list)):
        sample = sample[1]
    if is_pure_tensor(sample):
        return sample
    if not isinstance(sample, Mapping):
        raise ValueError("When using the default labels_getter, the input passed to forward must be a dictionary or a "
                         f"two-tuple whose second item is a dictionary or a tensor, but got {sample} instead.")
    keys = [key for key in sample if key.lower() == "labels"] or [key for key in sample if "label" in key.lower()]
    if not keys:
        raise ValueError("Could not infer where the labels are in the sample. Try passing a callable as the "
                         "labels_getter parameter? If there are no labels in the sample by design, pass "
                         "labels_getter=None.")
    return sample[keys[0]]


def label_tensors(labels: Any) -> tuple[Tensor, ...] | None:
    """The labels as a tuple of tensors. Errors: ValueError unless they are tensors, or None."""
    if labels is None:
        return None
    found = (labels,) if isinstance(labels, Tensor) else labels
    for entry in found if isinstance(found, (tuple, list)) else (found,):
        if not isinstance(entry, Tensor):
            raise ValueError("The labels in the input to forward() must be a tensor or None, got "
                             f"{type(entry)} instead.")
    return tuple(found)
