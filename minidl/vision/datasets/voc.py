"""PASCAL VOC, and BCCD in its layout."""
from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar
from xml.etree.ElementTree import Element

import numpy as np

from minidl.tensors.creation import from_numpy
from minidl.vision.datasets.base.reading import damaged, inside, read_lines, read_xml, reading
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import download_and_extract_archive, verify_str_arg
from minidl.vision.datasets.vision import Transform, Transforms, VisionDataset

_HOST = "https://thor.robots.ox.ac.uk/pascal/VOC/"
DATASET_YEAR_DICT = {
    year: {"url": _HOST + path, "filename": path.rpartition("/")[2], "md5": md5, "base_dir": base}
    for year, path, md5, base in [
        ("2012", "voc2012/VOCtrainval_11-May-2012.tar", "6cd6e144f989b92b3379bac3b3de84fd", "VOCdevkit/VOC2012"),
        ("2011", "voc2011/VOCtrainval_25-May-2011.tar", "6c3384ef61512963050cb5d687e5bf1e",
         "TrainVal/VOCdevkit/VOC2011"),
        ("2010", "voc2010/VOCtrainval_03-May-2010.tar", "da459979d0c395079b5c75ee67908abb", "VOCdevkit/VOC2010"),
        ("2009", "voc2009/VOCtrainval_11-May-2009.tar", "a3e00b113cfcfebf17e343f59da3caa1", "VOCdevkit/VOC2009"),
        ("2008", "voc2008/VOCtrainval_14-Jul-2008.tar", "2629fa636546599198acfcfbfcf1904a", "VOCdevkit/VOC2008"),
        ("2007", "voc2007/VOCtrainval_06-Nov-2007.tar", "c52e279531787c972589f7e41ab4ae64", "VOCdevkit/VOC2007"),
        ("2007-test", "voc2007/VOCtest_06-Nov-2007.tar", "b6e924de25625d8de591ea690078ad9f", "VOCdevkit/VOC2007"),
    ]
}


_SIDES = ("xmin", "ymin", "xmax", "ymax")


def _annotation(path: str) -> Element:
    root = read_xml(path)
    if root.tag != "annotation":
        raise damaged(path, f"expected an <annotation>, got a <{root.tag}>")
    return root


class _VOC(VisionDataset[tuple[Any, Any]]):
    """Images and targets of the same names, listed in `ImageSets`."""

    _SPLITS_DIR: ClassVar[str]
    _TARGET_DIR: ClassVar[str]
    _TARGET_FILE_EXT: ClassVar[str]

    def __init__(self, root: str | Path, year: str = "2012", image_set: str = "train", download: bool = False,
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.year = verify_str_arg(year, "year", [str(known) for known in range(2007, 2013)])
        sets = ["train", "trainval", "val", *(["test"] if year == "2007" else [])]
        self.image_set = verify_str_arg(image_set, "image_set", sets)
        facts = DATASET_YEAR_DICT["2007-test" if (year, image_set) == ("2007", "test") else year]
        self.url, self.filename, self.md5 = facts["url"], facts["filename"], facts["md5"]
        if download:
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.md5)
        self._find(Path(self.root) / facts["base_dir"])

    def _find(self, folder: Path) -> None:
        if not folder.is_dir():
            raise RuntimeError(f"{type(self).__name__}: Dataset not found or corrupted. You can use download=True to "
                               f"download it: {folder} is missing")
        file = folder / "ImageSets" / self._SPLITS_DIR / f"{self.image_set}.txt"
        names = [line.strip() for line in read_lines(file)]
        self.images = [inside(folder / "JPEGImages", f"{name}.jpg", file) for name in names]
        self.targets = [inside(folder / self._TARGET_DIR, name + self._TARGET_FILE_EXT, file) for name in names]

    def __len__(self) -> int:
        return len(self.images)


class VOCSegmentation(_VOC):
    """PASCAL VOC with the class of each pixel: 1,464 photographs to train on in 2012.

    A sample is `(PIL image in mode 'RGB', PIL image in mode 'P')`. In the second, 0 is background, 1 to 20 are classes,
    255 is neither.

    root: the folder that holds `VOCdevkit`. year: '2007' to '2012'. image_set: 'train', 'trainval' or 'val', for 2007
    'test' too. download: get the archive and unpack it. transform, target_transform: applied to each image and target;
    transforms: instead, applied to both.

    `images` and `targets` are the paths.
    Errors: RuntimeError if the data set is not there; ValueError for arguments of no such part, and for damaged lists
    and annotations, FileNotFoundError for missing ones, OSError for damaged images: the error names the file.

    Source: M. Everingham et al., "The PASCAL visual object classes (VOC) challenge", IJCV 2010.
    """

    _SPLITS_DIR, _TARGET_DIR, _TARGET_FILE_EXT = "Segmentation", "SegmentationClass", ".png"

    @property
    def masks(self) -> list[str]:
        """The paths of the targets."""
        return self.targets

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(open_image(self.images[index], "RGB"), open_image(self.masks[index]))


class VOCDetection(_VOC):
    """PASCAL VOC with boxes round things of 20 classes: 5,717 photographs to train on in 2012.

    A sample is `(PIL image in mode 'RGB', dict)`, the dict being the tree of the XML: texts in
    `target["annotation"]["object"][0]["bndbox"]["xmin"]`. Pixels count from 1, and the last one belongs to the box.

    Arguments, attributes, errors and source are those of `VOCSegmentation`.
    """

    _SPLITS_DIR, _TARGET_DIR, _TARGET_FILE_EXT = "Main", "Annotations", ".xml"

    @property
    def annotations(self) -> list[str]:
        """The paths of the targets."""
        return self.targets

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, path = open_image(self.images[index], "RGB"), self.annotations[index]
        with reading(path):
            target = self.parse_voc_xml(_annotation(path))
        return self.transformed(image, target)

    @staticmethod
    def parse_voc_xml(node: Element) -> dict[str, Any]:
        """A dict from an element: texts by tag, lists where a tag comes more than once, and for objects always.

            >>> from xml.etree.ElementTree import fromstring
            >>> VOCDetection.parse_voc_xml(fromstring("<annotation><object><name>cat</name></object></annotation>"))
            {'annotation': {'object': [{'name': 'cat'}]}}
        """
        children = list(node)
        if not children:
            return {node.tag: node.text.strip()} if node.text else {}
        found: dict[str, list[Any]] = defaultdict(list)
        for child in children:
            for tag, value in VOCDetection.parse_voc_xml(child).items():
                found[tag].append(value)
        if node.tag == "annotation":
            found["object"] = [found["object"]]
        return {node.tag: {tag: values[0] if len(values) == 1 else values for tag, values in found.items()}}


class BCCD(_VOC):
    """Blood cells under the microscope, 640x480 pixels, with boxes: 205 images to train on, 87 to validate.

    root: a folder in the layout of PASCAL VOC, or one that holds it as `BCCD`. image_set: 'train' or 'val', or another
    list in `ImageSets/Main`. transform, target_transform: applied to each image and target; transforms: instead,
    applied to both.

    A sample is `(PIL image in mode 'RGB', dict)`; the dict has `boxes`, float32 (n, 4) of x1, y1, x2, y2 in pixels from
    0, and `labels`, int64 (n,), 1 to 3, since 0 is the background for detectors: `classes[label]` is its name.
    Errors: as for `VOCDetection`; also ValueError for a box outside of the image.

    Source: https://github.com/Shenggan/BCCD_Dataset, MIT licence.
    """

    classes = ["__background__", "RBC", "WBC", "Platelets"]
    _SPLITS_DIR, _TARGET_DIR, _TARGET_FILE_EXT = "Main", "Annotations", ".xml"

    def __init__(self, root: str | Path, image_set: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, transforms: Transforms | None = None) -> None:
        VisionDataset.__init__(self, root, transforms, transform, target_transform)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self.image_set = image_set
        folder = Path(self.root) / "BCCD"
        folder = folder if folder.is_dir() else Path(self.root)
        sets = sorted(path.stem for path in (folder / "ImageSets" / "Main").glob("*.txt"))
        if not sets:
            raise RuntimeError(f"BCCD: Dataset not found: {folder}/ImageSets/Main holds no lists of images; get "
                               "https://github.com/Shenggan/BCCD_Dataset")
        verify_str_arg(image_set, "image_set", sets, f"BCCD: Unknown value {image_set!r} for argument image_set. "
                       f"{folder}/ImageSets/Main has lists for {', '.join(sets)}")
        self._find(folder)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, path = open_image(self.images[index], "RGB"), self.targets[index]
        boxes, labels = [], []
        with reading(path, "it is no annotation of objects with `name` and `bndbox`"):
            for thing in _annotation(path).iter("object"):
                x1, y1, x2, y2 = (float(thing.findtext(f"bndbox/{side}", "")) for side in _SIDES)
                if not (0 <= x1 <= x2 <= image.width and 0 <= y1 <= y2 <= image.height):
                    raise ValueError(f"box {x1:g}, {y1:g}, {x2:g}, {y2:g} in an image of {image.width}x{image.height}")
                boxes.append([max(x1 - 1, 0), max(y1 - 1, 0), x2, y2])      # the file counts from 1
                labels.append(self.class_to_idx[thing.findtext("name", "")])
        target = {"boxes": from_numpy(np.array(boxes, np.float32).reshape(-1, 4)),
                  "labels": from_numpy(np.array(labels, np.int64))}
        return self.transformed(image, target)

    def extra_repr(self) -> str:
        return f"Image set: {self.image_set}"
