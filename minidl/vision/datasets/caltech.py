"""Caltech101 and Caltech256: photographs of things."""
from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from minidl.vision.datasets.base.published import Published
from minidl.vision.datasets.base.reading import read_mat
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import (
    download_and_extract_archive,
    extract_archive,
    list_dir,
    list_files,
    verify_str_arg,
)
from minidl.vision.datasets.vision import Transform

_ANNOTATED_AS = {"Faces": "Faces_2", "Faces_easy": "Faces_3", "Motorbikes": "Motorbikes_16",
                 "airplanes": "Airplanes_Side_2"}


class _Caltech(Published):
    """A folder for each category, with numbered images."""

    _FOLDER: str

    def _needed(self) -> list[Path]:
        return [Path(self.root) / self._FOLDER]

    def _list(self) -> None:
        """Fill `categories`, and `index` and `y`: the number of each image in its category, and that of the category.
        """
        folder = self._needed()[0]
        self.categories = [name for name in list_dir(folder) if name != "BACKGROUND_Google"]    # no real category
        self.index: list[int] = []
        self.y: list[int] = []
        for i, name in enumerate(self.categories):
            count = len(list_files(folder / name, ".jpg"))
            self.index += range(1, count + 1)
            self.y += [i] * count

    def __len__(self) -> int:
        return len(self.index)


class Caltech101(_Caltech):
    """Photographs of things of 101 kinds, about 300x200 pixels, with their outlines: 8,677.

    root: the folder that holds `caltech101`. target_type: 'category', the number in `categories`, or 'annotation', an
    array (2, n) of the points of an outline; a list of them for a tuple. transform, target_transform: applied to each
    image and target. download: get the archive, unless the folder is there.
    Errors: RuntimeError if the data set is not there; ValueError for another target_type, and for damaged outlines;
    OSError for images that are missing or damaged.

    Source: L. Fei-Fei, R. Fergus, P. Perona, "Learning generative visual models from few training examples", 2004.
    """

    _FOLDER = "101_ObjectCategories"
    _ARCHIVES = [("https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
                  "3138e1922a9193bfa496528edbbc45d0")]

    def __init__(self, root: str | Path, target_type: list[str] | str = "category", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        super().__init__(os.path.join(root, "caltech101"), transform=transform, target_transform=target_transform)
        self.target_type = [verify_str_arg(kind, "target_type", ("category", "annotation")) for kind in
                            ([target_type] if isinstance(target_type, str) else target_type)]
        self._prepare(download)
        self._list()
        self.annotation_categories = [_ANNOTATED_AS.get(name, name) for name in self.categories]

    def download(self) -> None:
        """Get the archive, unless the folder is there."""
        if not self._check_exists():
            url, md5 = self._ARCHIVES[0]
            download_and_extract_archive(url, self.root, md5=md5)
            folder = os.path.join(self.root, "caltech-101")
            for archive in list_files(folder, (".gz", ".tar"), prefix=True):
                extract_archive(archive, self.root)
            shutil.rmtree(folder)
            os.remove(os.path.join(self.root, "caltech-101.zip"))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        category, number = self.y[index], self.index[index]
        image = open_image(self._needed()[0] / self.categories[category] / f"image_{number:04d}.jpg")
        targets = [category if kind == "category" else
                   read_mat(Path(self.root) / "Annotations" / self.annotation_categories[category]
                            / f"annotation_{number:04d}.mat", "obj_contour") for kind in self.target_type]
        return self.transformed(image, targets[0] if len(targets) == 1 else tuple(targets))

    def extra_repr(self) -> str:
        return f"Target type: {self.target_type}"


class Caltech256(_Caltech):
    """Photographs of things of 256 kinds, and of clutter: 30,607.

    root: the folder that holds `caltech256`. Other arguments and errors as for `Caltech101`; a target is the number in
    `categories`.

    Source: G. Griffin, A. Holub, P. Perona, "Caltech-256 object category dataset", 2007.
    """

    _FOLDER = "256_ObjectCategories"
    _ARCHIVES = [("https://data.caltech.edu/records/nyy15-4j048/files/256_ObjectCategories.tar",
                  "67b4f42ca05d46448c6bb8ecd2220f6d")]

    def __init__(self, root: str | Path, transform: Transform | None = None, target_transform: Transform | None = None,
                 download: bool = False) -> None:
        super().__init__(os.path.join(root, "caltech256"), transform=transform, target_transform=target_transform)
        self._prepare(download)
        self._list()

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        category = self.y[index]
        folder = self._needed()[0] / self.categories[category]
        return self.transformed(open_image(folder / f"{category + 1:03d}_{self.index[index]:04d}.jpg"), category)
