"""WIDERFace: faces in crowds, with boxes."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.datasets.base.published import Published
from minidl.vision.datasets.base.reading import inside, read_lines, reading
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import (
    download_and_extract_archive,
    download_file_from_google_drive,
    extract_archive,
    verify_str_arg,
)
from minidl.vision.datasets.vision import Transform

_COLUMNS = ("blur", "expression", "illumination", "occlusion", "pose", "invalid")      # behind the box


class WIDERFace(Published):
    """Faces in crowds with boxes: 12,880 photographs to train on, 3,226 to validate, 16,097 to test.

    root: the folder that holds `widerface`. split: 'train', 'val' or 'test', whose targets are None. transform,
    target_transform: applied to each image and target. download: get the archives from Google Drive.

    A target is a dict of int64 tensors: `bbox` (n, 4) of x, y, width, height; `blur`, `expression`, `illumination`,
    `occlusion`, `pose` and `invalid` (n,).
    Errors: RuntimeError if the data set is not there; ValueError for damaged lists; OSError for images that are missing
    or damaged.

    Source: S. Yang, P. Luo, C. Loy, X. Tang, "WIDER FACE: a face detection benchmark", CVPR 2016.
    """

    BASE_FOLDER = "widerface"
    FILE_LIST: ClassVar[list[tuple[str, str, str]]] = [       # id on Google Drive, MD5, name
        ("15hGDLhsx8bLgLcIRD5DhYt5iBxnjNF1M", "3fedf70df600953d25982bcd13d91ba2", "WIDER_train.zip"),
        ("1GUCogbp16PMGa39thoMMeWxp7Rp5oM8Q", "dfa7d7e790efa35df3788964cf0bbaea", "WIDER_val.zip"),
        ("1HIfDbVEWKmsYKJZm4lchTBDLW5N7dY5T", "e5d8f4248ed24c334bbd12f49c29dd40", "WIDER_test.zip"),
    ]
    ANNOTATIONS_FILE = ("http://shuoyang1213.me/WIDERFACE/support/bbx_annotation/wider_face_split.zip",
                        "0e3767bcf0e326556d407bf5bff5d27c", "wider_face_split.zip")

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        super().__init__(os.path.join(root, self.BASE_FOLDER), transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", ("train", "val", "test"))
        self._prepare(download)
        name = "wider_face_test_filelist.txt" if split == "test" else f"wider_face_{split}_bbx_gt.txt"
        self._file = Path(self.root) / "wider_face_split" / name
        lines = [line.strip() for line in read_lines(self._file)]
        with reading(self._file, "it is no list of a photograph, the number of its faces, and ten numbers for each"):
            self.img_info: list[dict[str, Any]] = (
                [{"img_path": self._path(line)} for line in lines] if split == "test" else list(self._faces(lines)))

    def _path(self, name: str) -> str:
        images = os.path.abspath(Path(self.root) / f"WIDER_{self.split}" / "images")
        return inside(images, name, self._file)

    def _faces(self, lines: list[str]) -> Iterator[dict[str, Any]]:
        at = 0
        while at < len(lines):
            count = max(int(lines[at + 1]), 1)      # where there are no faces, there is one line of zeros
            rows = lines[at + 2:at + 2 + count]
            numbers = np.array([line.split() for line in rows], np.int64).reshape(count, 10)
            columns: dict[str, Tensor] = {"bbox": from_numpy(numbers[:, :4].copy())}
            columns |= {name: from_numpy(numbers[:, 4 + i].copy()) for i, name in enumerate(_COLUMNS)}
            yield {"img_path": self._path(lines[at]), "annotations": columns}
            at += 2 + count

    def _needed(self) -> list[Path]:
        return [Path(self.root) / name.removesuffix(".zip") for _, _, name in (*self.FILE_LIST, self.ANNOTATIONS_FILE)]

    def download(self) -> None:
        """Get the archives and unpack them, unless the folders are there."""
        if not self._check_exists():
            for number, md5, name in self.FILE_LIST:
                download_file_from_google_drive(number, self.root, name, md5)
                extract_archive(os.path.join(self.root, name))
            url, md5, _ = self.ANNOTATIONS_FILE
            download_and_extract_archive(url, self.root, md5=md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        entry = self.img_info[index]
        return self.transformed(open_image(entry["img_path"]), entry.get("annotations"))

    def __len__(self) -> int:
        return len(self.img_info)

    def extra_repr(self) -> str:
        return f"Split: {self.split}"
