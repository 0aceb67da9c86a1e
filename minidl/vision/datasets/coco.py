"""COCO: photographs with boxes, masks, keypoints and captions, in JSON."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.vision.datasets.base.reading import damaged, inside, read_json
from minidl.vision.datasets.base.rle import mask_of
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.vision import Transform, Transforms, VisionDataset

Ids = int | str | Sequence[Any]
_KEYS = {"images": ("id", "file_name"), "annotations": ("id", "image_id"), "categories": ("id",)}


class COCO:
    """The annotations in a file of COCO, by number, with pycocotools' names.

    annotation_file: JSON with lists `images`, `annotations` and `categories`; None: nothing is read.

    `dataset` is the content of the file; `imgs`, `anns` and `cats` are dicts of its entries by number, `imgToAnns` the
    annotations of each image, `catToImgs` the images of each category.
    Errors: FileNotFoundError; ValueError for a file that is no such JSON, with what is missing.
    """

    def __init__(self, annotation_file: str | Path | None = None) -> None:
        self.dataset: dict[str, Any] = {}
        self.anns: dict[int, dict[str, Any]] = {}
        self.cats: dict[int, dict[str, Any]] = {}
        self.imgs: dict[int, dict[str, Any]] = {}
        self.imgToAnns: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self.catToImgs: dict[int, list[int]] = defaultdict(list)
        if annotation_file is not None:
            self.dataset = read_json(annotation_file)
            self._check(annotation_file)
            self.createIndex()

    def _check(self, file: str | Path) -> None:
        for part, keys in _KEYS.items():
            entries = self.dataset.get(part, None if part == "images" else [])
            if not isinstance(entries, list):
                raise damaged(file, f"expected a list under {part!r}, got {type(entries).__name__}")
            for at, entry in enumerate(entries):
                for key in keys:
                    if not isinstance(entry, dict) or not isinstance(entry.get(key), int | str):
                        raise damaged(file, f"{part}[{at}] has no {key!r}")

    def createIndex(self) -> None:
        """Fill the dicts anew from `dataset`."""
        self.imgs = {image["id"]: image for image in self.dataset.get("images", [])}
        self.cats = {category["id"]: category for category in self.dataset.get("categories", [])}
        annotations = self.dataset.get("annotations", [])
        self.anns = {annotation["id"]: annotation for annotation in annotations}
        self.imgToAnns, self.catToImgs = defaultdict(list), defaultdict(list)
        for annotation in annotations:
            self.imgToAnns[annotation["image_id"]].append(annotation)
            if "category_id" in annotation:
                self.catToImgs[annotation["category_id"]].append(annotation["image_id"])

    def getAnnIds(self, imgIds: Ids = (), catIds: Ids = (), areaRng: Sequence[float] = (),
                  iscrowd: bool | None = None) -> list[int]:
        """The numbers of annotations of these images, categories, areas between two, and crowds or not; all by default.
        """
        images, categories = _listed(imgIds), set(_listed(catIds))
        if images:
            annotations: Iterable[dict[str, Any]] = (each for image in images for each in self.imgToAnns.get(image, []))
        else:
            annotations = self.dataset.get("annotations", [])
        return [each["id"] for each in annotations
                if (not categories or each.get("category_id") in categories)
                and (not len(areaRng) or areaRng[0] < each["area"] < areaRng[1])
                and (iscrowd is None or each["iscrowd"] == iscrowd)]

    def getCatIds(self, catNms: Ids = (), supNms: Ids = (), catIds: Ids = ()) -> list[int]:
        """The numbers of categories of these names, groups and numbers; all by default."""
        wanted = {"name": _listed(catNms), "supercategory": _listed(supNms), "id": _listed(catIds)}
        return [category["id"] for category in self.dataset.get("categories", [])
                if all(not values or category.get(key) in values for key, values in wanted.items())]

    def getImgIds(self, imgIds: Ids = (), catIds: Ids = ()) -> list[int]:
        """The numbers of images that are among these, and have all of these categories; all by default."""
        found = set(_listed(imgIds)) or set(self.imgs)
        for category in _listed(catIds):
            found &= set(self.catToImgs.get(category, []))
        return list(found)

    def loadAnns(self, ids: Ids = ()) -> list[dict[str, Any]]:
        """The annotations of these numbers."""
        return [self.anns[number] for number in _listed(ids)]

    def loadCats(self, ids: Ids = ()) -> list[dict[str, Any]]:
        """The categories of these numbers."""
        return [self.cats[number] for number in _listed(ids)]

    def loadImgs(self, ids: Ids = ()) -> list[dict[str, Any]]:
        """The images of these numbers."""
        return [self.imgs[number] for number in _listed(ids)]

    def annToMask(self, ann: dict[str, Any]) -> np.ndarray:
        """The mask (height, width) of uint8 of an annotation, from its polygons or run lengths.

        Errors: ValueError if it, or the size of its image, is missing or damaged.
        """
        try:
            image = self.imgs[ann["image_id"]]
            return mask_of(ann["segmentation"], image["height"], image["width"])
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"COCO.annToMask: cannot draw annotation {ann.get('id')}: {type(error).__name__}: {error}"
                             ) from error


def _listed(values: Ids) -> list[Any]:
    return [values] if isinstance(values, int | str) else list(values)


class CocoDetection(VisionDataset[tuple[Any, Any]]):
    """Photographs with the annotations of COCO: boxes, polygons, keypoints.

    root: the folder of the images. annFile: the JSON of their annotations. transform, target_transform: applied to each
    image and target; transforms: instead, applied to both.

    A sample is `(PIL image in mode 'RGB', list of dicts)`, the dicts as in the file: `bbox` is x, y, width, height.
    `ids` are the numbers of the images, sorted; `coco` answers questions about them (see `COCO`). pycocotools is not
    needed.
    Errors: FileNotFoundError, and ValueError for JSON in which something is missing, with its place; OSError for
    damaged images; ValueError for an index that is no integer.

    Source: T.-Y. Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.

        >>> import json, tempfile
        >>> from PIL import Image
        >>> root = Path(tempfile.mkdtemp())
        >>> Image.new("RGB", (8, 6)).save(root / "7.png")
        >>> _ = (root / "a.json").write_text(json.dumps({
        ...     "images": [{"id": 7, "file_name": "7.png"}],
        ...     "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4]}]}))
        >>> data = CocoDetection(root, root / "a.json")
        >>> len(data), data[0][0].size, data[0][1][0]["bbox"]
        (1, (8, 6), [1, 2, 3, 4])
    """

    def __init__(self, root: str | Path, annFile: str | Path, transform: Transform | None = None,
                 target_transform: Transform | None = None, transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.coco = COCO(annFile)
        self._file = annFile
        self.ids = sorted(self.coco.imgs)

    def _load_image(self, id: int) -> Any:
        return open_image(inside(self.root, self.coco.imgs[id]["file_name"], self._file), "RGB")

    def _load_target(self, id: int) -> list[Any]:
        return self.coco.loadAnns(self.coco.getAnnIds(id))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not isinstance(index, int):
            raise ValueError(f"Index must be of type integer, got {type(index)} instead.")
        id = self.ids[index]
        return self.transformed(self._load_image(id), self._load_target(id))

    def __len__(self) -> int:
        return len(self.ids)


class CocoCaptions(CocoDetection):
    """Photographs with the captions of COCO, about five each.

    Arguments, attributes and errors as for `CocoDetection`; a target is the list of captions.
    """

    def _load_target(self, id: int) -> list[Any]:
        annotations = super()._load_target(id)
        wrong = [annotation["id"] for annotation in annotations if not isinstance(annotation.get("caption"), str)]
        if wrong:
            raise damaged(self._file, f"the annotation of number {wrong[0]} has no caption")
        return [annotation["caption"] for annotation in annotations]
