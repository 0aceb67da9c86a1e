"""Data sets for the transforms of v2: their targets become masks, boxes and labels."""
from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from minidl.backend.dtype import int64
from minidl.tensors.creation import from_numpy, tensor, zeros
from minidl.vision.datasets.base.rle import mask_of
from minidl.vision.datasets.caltech import Caltech101, Caltech256
from minidl.vision.datasets.celeba import CelebA
from minidl.vision.datasets.cifar import CIFAR10, CIFAR100
from minidl.vision.datasets.cityscapes import Cityscapes
from minidl.vision.datasets.coco import CocoCaptions, CocoDetection
from minidl.vision.datasets.folder import DatasetFolder, ImageFolder
from minidl.vision.datasets.imagenet import ImageNet
from minidl.vision.datasets.labelled.classfolders import GTSRB, Imagenette
from minidl.vision.datasets.labelled.kitti import Kitti
from minidl.vision.datasets.labelled.oxford_iiit_pet import OxfordIIITPet
from minidl.vision.datasets.labelled.widerface import WIDERFace
from minidl.vision.datasets.mnist import MNIST, FashionMNIST
from minidl.vision.datasets.sbd import SBDataset
from minidl.vision.datasets.vision import VisionDataset
from minidl.vision.datasets.voc import VOCDetection, VOCSegmentation
from minidl.vision.transforms.v2 import functional as F
from minidl.vision.tv_tensors import BoundingBoxes, Mask

Keys = str | Collection[str] | None
Wrapper = Callable[[int, tuple[Any, Any]], tuple[Any, Any]]


def wrap_dataset_for_transforms_v2(dataset: Any, target_keys: Keys = None) -> Any:
    """The data set, with its masks and boxes as `tv_tensors`, so that transforms of v2 know them.

    It stays an instance of its class, and its transforms, which may be v2's, get the wrapped samples. Data sets of
    classes are as they were. The targets of others:

        CocoDetection   a dict of lists in place of a list of dicts; with "boxes" (XYXY), "masks" and "labels"
        VOCDetection    with "boxes" and "labels"; the annotation only if target_keys has it
        Kitti           a dict of lists; with "boxes" and "labels"
        WIDERFace       "bbox" as boxes (XYXY)
        CelebA          its "bbox" as boxes (XYXY)
        Cityscapes      "semantic" as a mask, "instance" as a dict of "masks" and "labels"
        OxfordIIITPet   "segmentation" as a mask
        VOCSegmentation, SBDataset   a mask

    target_keys: which entries the dicts of the first four have; "all" of them; by default boxes and labels (and
    "image_id" of COCO), of WIDERFace all.
    Errors: TypeError for other data sets, ValueError for keys that there are not, RuntimeError for targets that
    transforms of v2 do not know, such as attributes.
    """
    if not (target_keys is None or target_keys == "all" or isinstance(target_keys, Collection)
            and not isinstance(target_keys, str) and all(isinstance(key, str) for key in target_keys)):
        raise ValueError("`target_keys` can be None, 'all', or a collection of strings denoting the keys to be "
                         f"returned, but got {target_keys}")
    kind = type(dataset)
    return type(f"Wrapped{kind.__name__}", (_Wrapped, kind), {})(dataset, target_keys)


class _Wrapped:
    """Base class beside that of the data set, whose `__init__` is not called again."""

    def __init__(self, dataset: Any, target_keys: Keys) -> None:
        if not isinstance(dataset, VisionDataset):
            raise TypeError("This wrapper is meant for subclasses of `vision.datasets.VisionDataset`, but got a "
                            f"'{type(dataset).__name__}' instead.")
        cls = next((cls for cls in type(dataset).__mro__ if cls in _FACTORIES), None)
        if cls is None:
            raise TypeError(f"No wrapper exists for dataset class {type(dataset).__name__}. Please wrap the output "
                            "yourself.")
        if target_keys is not None and cls not in (CocoDetection, VOCDetection, Kitti, WIDERFace):
            raise ValueError("`target_keys` is currently only supported for `CocoDetection`, `VOCDetection`, `Kitti`, "
                             f"and `WIDERFace`, but got {cls.__name__}.")
        self._wrapper = _FACTORIES[cls](dataset, target_keys)
        self.__dict__["_dataset"] = inner = copy.copy(dataset)
        self._target_keys = target_keys
        self.transform, self.target_transform = dataset.transform, dataset.target_transform
        self.transforms = dataset.transforms
        inner.transform = inner.target_transform = inner.transforms = None      # they follow after the wrapping

    def __getattr__(self, name: str) -> Any:
        if name == "_dataset":
            raise AttributeError(name)
        return getattr(self._dataset, name)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        sample, target = self._wrapper(index, self._dataset[index])
        return (sample, target) if self.transforms is None else self.transforms(sample, target)

    def __len__(self) -> int:
        return len(self._dataset)

    def __reduce__(self) -> Any:
        dataset = copy.copy(self._dataset)
        dataset.transform, dataset.target_transform = self.transform, self.target_transform
        dataset.transforms = self.transforms
        return wrap_dataset_for_transforms_v2, (dataset, self._target_keys)


def _chosen(keys: Keys, available: str, default: str) -> set[str]:
    names, chosen = set(available.split()), default.split() if keys is None else keys
    chosen = names if chosen in ("all", ["all"]) else set(chosen)
    if chosen - names:
        raise ValueError(f"Target keys {sorted(chosen - names)} are not available")
    return chosen


def _lists(dicts: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """A dict of lists from a list of dicts."""
    result = defaultdict(list)
    for entries in dicts:
        for key, value in entries.items():
            result[key].append(value)
    return dict(result)


def _boxes(numbers: Any, format: str, image: Any) -> Any:
    """Boxes (XYXY) of an image."""
    height, width = F.get_size(image)
    boxes = BoundingBoxes(numbers if len(numbers) else zeros(0, 4), format=format, canvas_size=(height, width))
    return F.convert_bounding_box_format(boxes, new_format="XYXY")


def _by_type(target: Any, types: list[str], wrappers: dict[str, Callable[[Any], Any]]) -> Any:
    """Each part of a target, wrapped as its type is."""
    parts = target if isinstance(target, (tuple, list)) else [target]
    wrapped = tuple([wrappers.get(kind, lambda part: part)(part) for kind, part in zip(types, parts)])
    return wrapped[0] if len(wrapped) == 1 else wrapped


def _refuse(what: str) -> None:
    raise RuntimeError(f"{what} is currently not supported by this wrapper: transforms of v2 do not know it")


# ---------------------------------------------------------------------- for each data set

def _as_it_is(dataset: Any, keys: Keys) -> Wrapper:
    return lambda index, sample: sample


def _segmentation(dataset: Any, keys: Keys) -> Wrapper:
    return lambda index, sample: (sample[0], Mask(sample[1]))


def _caltech101(dataset: Any, keys: Keys) -> Wrapper:
    if "annotation" in dataset.target_type:
        _refuse("Caltech101 dataset with `target_type=['annotation', ...]`")
    return _as_it_is(dataset, keys)


def _sbd(dataset: Any, keys: Keys) -> Wrapper:
    if dataset.mode == "boundaries":
        _refuse("SBDataset with mode='boundaries'")
    return _segmentation(dataset, keys)


def _coco(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _chosen(keys, "segmentation area iscrowd image_id bbox category_id boxes masks labels",
                     "image_id boxes labels")

    def wrapper(index: int, sample: tuple[Any, Any]) -> tuple[Any, Any]:
        (image, annotations), image_id = sample, dataset.ids[index]
        if not annotations:
            return image, {"image_id": image_id}
        lists, made = _lists(annotations), {"image_id": lambda: image_id}
        made["boxes"] = lambda: _boxes(lists["bbox"], "XYWH", image)
        made["masks"] = lambda: Mask(from_numpy(np.stack([mask_of(each, *F.get_size(image))
                                                          for each in lists["segmentation"]])))
        made["labels"] = lambda: tensor(lists["category_id"])
        return image, {key: made[key]() if key in made else lists[key] for key in sorted(chosen)}
    return wrapper


def _voc_detection(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _chosen(keys, "annotation boxes labels", "boxes labels")

    def wrapper(index: int, sample: tuple[Any, Any]) -> tuple[Any, Any]:
        image, target = sample
        things = _lists(target["annotation"]["object"])
        target = target if "annotation" in chosen else {}
        if "boxes" in chosen:
            target["boxes"] = _boxes([[int(box[side]) for side in ("xmin", "ymin", "xmax", "ymax")]
                                      for box in things.get("bndbox", [])], "XYXY", image)
        if "labels" in chosen:
            target["labels"] = tensor([_VOC.index(name) for name in things.get("name", [])], dtype=int64)
        return image, target
    return wrapper


def _celeba(dataset: Any, keys: Keys) -> Wrapper:
    if "attr" in dataset.target_type or "landmarks" in dataset.target_type:
        _refuse("`CelebA` dataset with `target_type=['attr', 'landmarks', ...]`")
    return lambda index, sample: (sample[0], _by_type(
        sample[1], dataset.target_type, {"bbox": lambda box: _boxes(box, "XYWH", sample[0])}))


def _kitti(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _chosen(keys, "type truncated occluded alpha bbox dimensions location rotation_y boxes labels",
                     "boxes labels")

    def wrapper(index: int, sample: tuple[Any, Any]) -> tuple[Any, Any]:
        image, target = sample
        if target is None:
            return sample
        lists = _lists(target)
        made = {"boxes": lambda: _boxes(lists.get("bbox", []), "XYXY", image),
                "labels": lambda: tensor([_KITTI.index(kind) for kind in lists.get("type", [])], dtype=int64)}
        return image, {key: made[key]() if key in made else lists.get(key, []) for key in sorted(chosen)}
    return wrapper


def _pet(dataset: Any, keys: Keys) -> Wrapper:
    return lambda index, sample: (sample[0], None if sample[1] is None else _by_type(
        sample[1], dataset._target_types, {"segmentation": Mask}))


def _cityscapes(dataset: Any, keys: Keys) -> Wrapper:
    if "polygon" in dataset.target_type or "color" in dataset.target_type:
        _refuse("`Cityscapes` dataset with `target_type=['polygon', 'color', ...]`")
    return lambda index, sample: (sample[0], _by_type(
        sample[1], dataset.target_type, {"instance": _instances, "semantic": Mask}))


def _instances(picture: Any) -> dict[str, Any]:
    """A mask for each number in a picture. From 1000 on, the class is in the thousands."""
    numbers = F.pil_to_tensor(picture).numpy()          # (1, H, W)
    found = np.unique(numbers)
    classes = [number // 1000 if number >= 1000 else number for number in found.tolist()]
    return {"masks": Mask(from_numpy(np.stack([numbers == number for number in found]))),
            "labels": tensor(classes, dtype=numbers.dtype)}


def _widerface(dataset: Any, keys: Keys) -> Wrapper:
    chosen = _chosen(keys, "bbox blur expression illumination occlusion pose invalid", "all")

    def wrapper(index: int, sample: tuple[Any, Any]) -> tuple[Any, Any]:
        image, target = sample
        if target is None:
            return sample
        target = {key: target[key] for key in sorted(chosen)}
        if "bbox" in chosen:
            target["bbox"] = _boxes(target["bbox"], "XYWH", image)
        return image, target
    return wrapper


_VOC = ["__background__", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
        "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"]
_KITTI = ["Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc", "DontCare"]

_FACTORIES: dict[type, Callable[[Any, Keys], Wrapper]] = {
    **dict.fromkeys([Caltech256, CIFAR10, CIFAR100, CocoCaptions, DatasetFolder, FashionMNIST, GTSRB, ImageFolder,
                     ImageNet, Imagenette, MNIST], _as_it_is),
    VOCSegmentation: _segmentation, SBDataset: _sbd, Caltech101: _caltech101, CocoDetection: _coco,
    VOCDetection: _voc_detection, CelebA: _celeba, Kitti: _kitti, OxfordIIITPet: _pet, Cityscapes: _cityscapes,
    WIDERFace: _widerface,
}
