"""PCAM: patches of tissue with and without metastases."""
from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from minidl.vision.datasets.base.published import Published
from minidl.vision.datasets.base.reading import reading
from minidl.vision.datasets.utils import _decompress, download_file_from_google_drive, verify_str_arg
from minidl.vision.datasets.vision import Transform


class PCAM(Published):
    """Patches of lymph nodes, 96x96 pixels, with metastases or without: 262,144 to train on.

    root: the folder that holds `pcam`. split: 'train', 'test' or 'val' (32,768 each). transform, target_transform:
    applied to each image and label. download: get the files from Google Drive if they are missing. They are HDF5, which
    takes h5py (`pip install h5py`).
    Errors: RuntimeError if h5py or files are missing; ValueError for files that hold no such images.

    Source: B. Veeling et al., "Rotation equivariant CNNs for digital pathology", 2018.
    """

    _FILES: ClassVar[dict[str, tuple[tuple[str, str, str], tuple[str, str, str]]]] = {     # name, id on the Drive, MD5
        "train": (("camelyonpatch_level_2_split_train_x.h5", "1Ka0XfEMiwgCYPdTI-vv6eUElOBnKFKQ2",
                   "1571f514728f59376b705fc836ff4b63"),
                  ("camelyonpatch_level_2_split_train_y.h5", "1269yhu3pZDP8UYFQs-NYs3FPwuK-nGSG",
                   "35c2d7259d906cfc8143347bb8e05be7")),
        "test": (("camelyonpatch_level_2_split_test_x.h5", "1qV65ZqZvWzuIVthK8eVDhIwrbnsJdbg_",
                  "d8c2d60d490dbd479f8199bdfa0cf6ec"),
                 ("camelyonpatch_level_2_split_test_y.h5", "17BHrSrwWKjYsOgTMmoqrIjDy6Fa2o_gP",
                  "60a7035772fbdb7f34eb86d4420cf66a")),
        "val": (("camelyonpatch_level_2_split_valid_x.h5", "1hgshYGWK8V-eGRy8LToWJJgDU_rXWVJ3",
                 "d5b63470df7cfa627aeec8b9dc0c066e"),
                ("camelyonpatch_level_2_split_valid_y.h5", "1bH8ZRbhSVAhScTS0p9-ZzGnX91cHT3uO",
                 "2b85f58b927af9964a4c15b8f7e8f179")),
    }

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        try:
            importlib.import_module("h5py")
        except ImportError as error:
            raise RuntimeError("h5py is not found. This dataset needs to have h5py installed: please run pip install "
                               "h5py") from error
        self._split = verify_str_arg(split, "split", self._FILES)
        super().__init__(root, transform=transform, target_transform=target_transform)
        self._prepare(download)
        with self._open(0, "x") as images, self._open(1, "y") as labels:
            if images.shape[1:] != (96, 96, 3) or labels.shape != (len(images), 1, 1, 1):
                raise ValueError(f"images {images.shape}, labels {labels.shape}")
            self._length = len(images)

    def _needed(self) -> list[Path]:
        return [Path(self.root) / "pcam" / name for name, _, _ in self._FILES[self._split]]

    def download(self) -> None:
        """Get the files of this part from Google Drive, unless they are there."""
        if not self._check_exists():
            for name, number, md5 in self._FILES[self._split]:
                archive = Path(self.root) / "pcam" / f"{name}.gz"
                download_file_from_google_drive(number, archive.parent, archive.name, md5)
                _decompress(archive)

    @contextmanager
    def _open(self, which: int, name: str) -> Iterator[Any]:
        """The images or the labels. Files are opened for each sample: an open one cannot go to another process."""
        path = self._needed()[which]
        with reading(path, f"it is no HDF5 file with {name!r} for each image", OSError):
            with importlib.import_module("h5py").File(path) as file:
                yield file[name]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"PCAM: index {index} is out of range for {len(self)} images")
        with self._open(0, "x") as images, self._open(1, "y") as labels:
            image, label = Image.fromarray(images[index]).convert("RGB"), int(labels[index, 0, 0, 0])
        return self.transformed(image, label)
