"""STL10: photographs of ten kinds of things, most without labels."""
from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from minidl.vision.datasets.base.images import LabelledArrays
from minidl.vision.datasets.base.published import not_found
from minidl.vision.datasets.base.reading import damaged, read_lines, reading
from minidl.vision.datasets.utils import (
    check_integrity,
    download_and_extract_archive,
    verify_str_arg,
)
from minidl.vision.datasets.vision import Transform


class STL10(LabelledArrays):
    """Photographs of ten kinds of things, 96x96 pixels: 5,000 to train on, 8,000 to test with, 100,000 without labels.

    root: the folder that holds `stl10_binary`. split: 'train', 'test', 'unlabeled' or 'train+unlabeled'. folds: 0 to 9,
    one of ten choices of 1,000 training images; None: all. transform, target_transform: applied to each image and
    label. download: get the archive if files are missing or wrong.

    `data` is a uint8 array (N, 3, 96, 96), `labels` an array (N,), -1 where there is no label.
    Errors: RuntimeError if files are missing or are not those published; ValueError for files that do not fit.

    Source: A. Coates, H. Lee, A. Ng, "An analysis of single-layer networks in unsupervised feature learning", 2011.
    """

    base_folder = "stl10_binary"
    url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    filename = "stl10_binary.tar.gz"
    tgz_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    class_names_file = "class_names.txt"
    folds_list_file = "fold_indices.txt"
    train_list: ClassVar[list[list[str]]] = [
        ["train_X.bin", "918c2871b30a85fa023e0c44e0bee87f"],
        ["train_y.bin", "5a34089d4802c674881badbb80307741"],
        ["unlabeled_X.bin", "5242ba1fed5e4be9e1e742405eb56ca4"],
    ]
    test_list: ClassVar[list[list[str]]] = [
        ["test_X.bin", "7f263ba9f9e0b06b93213547f721ac82"],
        ["test_y.bin", "36f9794fa4beb8a2c72628de14fa638e"],
    ]
    splits = ("train", "train+unlabeled", "unlabeled", "test")
    channels_first = True

    def __init__(self, root: str | Path, split: str = "train", folds: int | None = None,
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 download: bool = False) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        if folds is not None and not isinstance(folds, int):
            raise ValueError(f"Expected type None or int for argument folds, but got type {type(folds)}.")
        if folds is not None and folds not in range(10):
            raise ValueError(f"Value for argument folds should be in the range [0, 10), but got {folds}.")
        self.folds = folds
        self.root = Path(root).expanduser()
        self._folder = self.root / self.base_folder
        if download:
            self.download()
        for wrong in self._wrong():
            raise not_found(self, f"{wrong} is missing, or is not the published file")
        parts = [self._read_part(part) for part in self.split.split("+")]
        if (self._folder / self.class_names_file).is_file():
            self.classes = read_lines(self._folder / self.class_names_file)
        super().__init__(np.concatenate([images for images, _ in parts]),
                         np.concatenate([labels for _, labels in parts]), transform, target_transform, root)

    def download(self) -> None:
        """Get the archive and unpack it, unless all files are right."""
        if self._wrong():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def _wrong(self) -> list[Path]:
        return [self._folder / name for name, md5 in self.train_list + self.test_list
                if not check_integrity(self._folder / name, md5)]

    def _read_part(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        path = self._folder / f"{part}_X.bin"
        numbers = np.fromfile(path, np.uint8)
        if len(numbers) % (3 * 96 * 96):
            raise damaged(path, f"{len(numbers):,} bytes are no whole number of images of 3x96x96")
        images = numbers.reshape(-1, 3, 96, 96).transpose(0, 1, 3, 2)       # published column by column
        if part == "unlabeled":
            return images, np.full(len(images), -1)
        path = self._folder / f"{part}_y.bin"
        published = np.fromfile(path, np.uint8)
        if len(published) != len(images) or (len(published) and not 1 <= published.min() <= published.max() <= 10):
            raise damaged(path, f"expected {len(images):,} labels from 1 to 10, got {len(published):,}")
        labels = published - 1
        if part == "train" and self.folds is not None:
            path = self._folder / self.folds_list_file
            with reading(path, f"it has no line {self.folds + 1} of numbers of images"):
                chosen = np.array(read_lines(path)[self.folds].split(), np.int64)
                images, labels = images[chosen], labels[chosen]
        return images, labels

    def extra_repr(self) -> str:
        return f"Split: {self.split}"
