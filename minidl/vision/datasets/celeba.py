"""CelebA: faces of celebrities with 40 attributes, persons, boxes and landmarks."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.datasets.base.reading import damaged, inside, read_lines, reading
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import (
    check_integrity,
    download_file_from_google_drive,
    extract_archive,
    verify_str_arg,
)
from minidl.vision.datasets.vision import Transform, VisionDataset


class _Table(NamedTuple):
    header: list[str]
    images: list[str]       # their names
    data: np.ndarray        # (N, columns), int64


class CelebA(VisionDataset[tuple[Any, Any]]):
    """Faces of 10,177 celebrities: 162,770 to train on, 19,867 to validate, 19,962 to test with.

    root: the folder that holds `celeba`. split: 'train', 'valid', 'test' or 'all'. target_type: one of those below, or
    a list of them, for a tuple; an empty list: the target is None. transform, target_transform: applied to each image
    and target. download: get the files from Google Drive.

    - 'attr': int64 tensor (40,) of 0 and 1, in the order of `attr_names`
    - 'identity': the number of the person, an int64 tensor ()
    - 'bbox': int64 tensor (4,) of x, y, width, height, in the photograph before it was cropped
    - 'landmarks': int64 tensor (10,): x, y of left eye, right eye, nose, left and right corner of the mouth

    `filename`, `attr`, `identity`, `bbox` and `landmarks_align` have those of all images.
    Errors: RuntimeError if files are missing or are not those published; ValueError for another split or target_type,
    and for tables that are damaged; OSError for damaged images.

    Source: Z. Liu, P. Luo, X. Wang, X. Tang, "Deep learning face attributes in the wild", ICCV 2015.
    """

    base_folder = "celeba"
    file_list: ClassVar[list[tuple[str, str, str]]] = [       # id on Google Drive, MD5, name
        ("0B7EVK8r0v71pZjFTYXZWM3FlRnM", "00d2c5bc6d35e252742224ab0c1e8fcb", "img_align_celeba.zip"),
        ("0B7EVK8r0v71pblRyaVFSWGxPY0U", "75e246fa4810816ffd6ee81facbd244c", "list_attr_celeba.txt"),
        ("1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS", "32bd1bd63d3c78cd57e08160ec5ed1e2", "identity_CelebA.txt"),
        ("0B7EVK8r0v71pbThiMVRxWXZ4dU0", "00566efa6fedff7a56946cd1c10f1c16", "list_bbox_celeba.txt"),
        ("0B7EVK8r0v71pd0FJY3Blby1HUTQ", "cc24ecafdb5b50baae59b03474781f8c", "list_landmarks_align_celeba.txt"),
        ("0B7EVK8r0v71pY0NSMzRuSXJEVkk", "d32c9cbf5e040fd4025c592c306e6668", "list_eval_partition.txt"),
    ]

    def __init__(self, root: str | Path, split: str = "train", target_type: list[str] | str = "attr",
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 download: bool = False) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = split
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        if not self.target_type and target_transform is not None:
            raise RuntimeError("target_transform is specified but target_type is empty")
        kinds = {"attr": "attr", "identity": "identity", "bbox": "bbox", "landmarks": "landmarks_align"}
        for kind in self.target_type:
            if kind not in kinds:
                raise ValueError(f'Target type "{kind}" is not recognized.')
        split = verify_str_arg(split.lower() if isinstance(split, str) else split, "split",
                               ("train", "valid", "test", "all"))
        self._attributes = [kinds[kind] for kind in self.target_type]
        self._folder = Path(self.root) / self.base_folder
        if download:
            self.download()
        for wrong in self._wrong():
            raise RuntimeError("CelebA: Dataset not found or corrupted. You can use download=True to download it: "
                               f"{wrong} is missing, or is not the published file")
        parts = self._table("list_eval_partition.txt", 1)
        chosen = np.arange(len(parts.images))
        if split != "all":
            chosen = np.flatnonzero(parts.data[:, 0] == ("train", "valid", "test").index(split))
        self.filename = [parts.images[i] for i in chosen]
        attributes = self._table("list_attr_celeba.txt", None, 2)
        self.attr_names = attributes.header
        whether = (attributes.data + 1) // 2        # -1 -> 0
        self.attr = self._rows(whether, chosen, len(parts.images), "list_attr_celeba.txt")
        self.identity, self.bbox, self.landmarks_align = (
            self._rows(self._table(name, columns, header).data, chosen, len(parts.images), name)
            for name, columns, header in (("identity_CelebA.txt", 1, 0), ("list_bbox_celeba.txt", 4, 2),
                                          ("list_landmarks_align_celeba.txt", 10, 2)))

    def _table(self, name: str, columns: int | None, header: int = 0) -> _Table:
        """A file with lines `image number ...`, after `header` lines: how many follow, and the names of the columns.

        columns: how many numbers; None: as many as there are names.
        """
        path = self._folder / name
        lines = read_lines(path)
        with reading(path, f"expected lines with the name of an image and {columns or 'as many'} numbers"):
            names = lines[1].split() if header else []
            rows = [line.split() for line in lines[header:]]
            data = np.array([row[1:] for row in rows], np.int64).reshape(len(rows), columns or len(names))
            return _Table(names, [row[0] for row in rows], data)

    def _rows(self, data: np.ndarray, chosen: np.ndarray, expected: int, name: str) -> Tensor:
        if len(data) != expected:
            raise damaged(self._folder / name, f"expected a line for each of {expected:,} images, got {len(data):,}")
        return from_numpy(data[chosen])

    def _wrong(self) -> list[Path]:
        wrong = [self._folder / name for _, md5, name in self.file_list
                 if not name.endswith(".zip") and not check_integrity(self._folder / name, md5)]
        images = self._folder / "img_align_celeba"
        return wrong + ([] if images.is_dir() else [images])

    def download(self) -> None:
        """Get all files from Google Drive and unpack the images, unless they are there and right."""
        if self._wrong():
            for number, md5, name in self.file_list:
                download_file_from_google_drive(number, self._folder, name, md5)
            extract_archive(self._folder / "img_align_celeba.zip")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path = inside(self._folder / "img_align_celeba", self.filename[index], self._folder / "list_eval_partition.txt")
        image = open_image(path)
        targets = [getattr(self, name)[index] for name in self._attributes]
        targets = [target[0] if name == "identity" else target for name, target in zip(self._attributes, targets)]
        if not targets:
            return image if self.transform is None else self.transform(image), None
        return self.transformed(image, targets[0] if len(targets) == 1 else tuple(targets))

    def __len__(self) -> int:
        return len(self.filename)

    def extra_repr(self) -> str:
        return f"Target type: {self.target_type}\nSplit: {self.split}"
