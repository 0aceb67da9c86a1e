"""ImageNet: the photographs of the challenge of 2012, and how its archives are unpacked."""
from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from minidl.serialization import LoadError, load, save
from minidl.vision.datasets.base.reading import damaged, parse_lines, read_mat, reading
from minidl.vision.datasets.folder import ImageFolder
from minidl.vision.datasets.utils import check_integrity, extract_archive, list_files, verify_str_arg

ARCHIVE_META = {
    "train": ("ILSVRC2012_img_train.tar", "1d675b47d978889d74fa0da5fadfb00e"),
    "val": ("ILSVRC2012_img_val.tar", "29b22e2961454d5413ddabcf34fc5622"),
    "devkit": ("ILSVRC2012_devkit_t12.tar.gz", "fa75699e90414af021442c21a62c3abf"),
}
META_FILE = "meta.bin"


class ImageNet(ImageFolder):
    """1.28 million photographs of 1,000 kinds of things, and 50,000 to validate with.

    root: the folder with the published archives, which the first use unpacks: `ILSVRC2012_devkit_t12.tar.gz` and
    `ILSVRC2012_img_train.tar` or `ILSVRC2012_img_val.tar`. ImageNet gives them to those who register. split: 'train' or
    'val'. Other arguments are those of `ImageFolder`.

    `wnids` are WordNet's numbers of the classes, `classes` tuples of their names, `class_to_idx` the number of each
    name, `wnid_to_idx` that of each of WordNet's; `samples` and `targets` as for `ImageFolder`.
    Errors: RuntimeError if an archive is missing or is not the one published; ValueError for classes that the devkit
    does not know.

    Source: O. Russakovsky et al., "ImageNet large scale visual recognition challenge", IJCV 2015.
    """

    def __init__(self, root: str | Path, split: str = "train", **kwargs: Any) -> None:
        self.root = root = type(root)(os.path.expanduser(root))
        self.split = verify_str_arg(split, "split", ("train", "val"))
        self.parse_archives()
        names_of = load_meta_file(root)[0]
        super().__init__(self.split_folder, **kwargs)
        self.root = root
        self.wnids, self.wnid_to_idx = self.classes, self.class_to_idx
        unknown = [wnid for wnid in self.wnids if wnid not in names_of]
        if unknown:
            raise damaged(Path(self.split_folder) / unknown[0], f"{META_FILE} knows no class of this name")
        self.classes = [names_of[wnid] for wnid in self.wnids]     # type: ignore[misc]
        self.class_to_idx = {name: i for i, names in enumerate(self.classes) for name in names}

    def parse_archives(self) -> None:
        """Unpack the archives, unless they were."""
        if not check_integrity(os.path.join(self.root, META_FILE)):
            parse_devkit_archive(self.root)
        if not os.path.isdir(self.split_folder):
            (parse_train_archive if self.split == "train" else parse_val_archive)(self.root)

    @property
    def split_folder(self) -> str:
        """The folder of this part, `root/train` or `root/val`."""
        return os.path.join(self.root, self.split)

    def extra_repr(self) -> str:
        return f"Split: {self.split}"


def load_meta_file(root: str | Path, file: str | None = None) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """The names of each class by WordNet's number, and the class of each image to validate with.

    Errors: RuntimeError if `root/meta.bin` is missing; ValueError if it is damaged.
    """
    path = os.path.join(root, file or META_FILE)
    if not check_integrity(path):
        raise RuntimeError(f"The meta file {file or META_FILE} is not present in the root directory {root} or is "
                           "corrupted. This file is automatically created by the ImageNet dataset.")
    with reading(path, "it is not what parse_devkit_archive writes", LoadError):
        names_of, wnids = load(path)
        return dict(names_of), wnids


def _verify_archive(root: str | Path, file: str, md5: str) -> str:
    path = os.path.join(root, file)
    if not check_integrity(path, md5):
        raise RuntimeError(f"The archive {file} is not present in the root directory or is corrupted. You need to "
                           f"download it externally and place it in {root}.")
    return path


def parse_devkit_archive(root: str | Path, file: str | None = None) -> None:
    """Write `root/meta.bin` from the devkit, `ILSVRC2012_devkit_t12.tar.gz` by default.

    Errors: RuntimeError if the archive is missing or is not the one published; ValueError for contents of another kind.
    """
    archive = _verify_archive(root, file or ARCHIVE_META["devkit"][0], ARCHIVE_META["devkit"][1])
    with tempfile.TemporaryDirectory() as folder:
        extract_archive(archive, folder)
        data = Path(folder) / "ILSVRC2012_devkit_t12" / "data"
        synsets = np.atleast_1d(read_mat(data / "meta.mat", "synsets", squeeze_me=True))
        with reading(data / "meta.mat", "its synsets are no (number, WordNet's, names, gloss, children, ...)"):
            leaves = [row for row in synsets.tolist() if row[4] == 0]       # the others contain them
            names_of = {str(row[1]): tuple(str(row[2]).split(", ")) for row in leaves}
            wnid_of = {int(row[0]): str(row[1]) for row in leaves}
        truth = data / "ILSVRC2012_validation_ground_truth.txt"
        wnids = parse_lines(truth, lambda line: wnid_of[int(line)], "the number of a class")
        save((names_of, wnids), os.path.join(root, META_FILE), format="pt")      # as torchvision's


def parse_train_archive(root: str | Path, file: str | None = None, folder: str = "train") -> None:
    """Unpack the images to train on, an archive of an archive for each class, into `root/train`.

    file: the archive, `ILSVRC2012_img_train.tar` by default. The folder takes its name when all is unpacked.
    Errors: RuntimeError if the archive is missing or is not the one published; ValueError if it is damaged.
    """
    archive = _verify_archive(root, file or ARCHIVE_META["train"][0], ARCHIVE_META["train"][1])
    part = Path(root) / f"{folder}.part"
    extract_archive(archive, part)
    for inner in list_files(part, ".tar", prefix=True):
        extract_archive(inner, os.path.splitext(inner)[0], remove_finished=True)
    os.replace(part, Path(root) / folder)


def parse_val_archive(root: str | Path, file: str | None = None, wnids: list[str] | None = None,
                      folder: str = "val") -> None:
    """Unpack the images to validate with into `root/val`, a folder for each class.

    file: the archive, `ILSVRC2012_img_val.tar` by default. wnids: WordNet's number of each image, by default those of
    `root/meta.bin`. The folder takes its name when all is unpacked.
    Errors: RuntimeError if a file is missing or is not the one published; ValueError if it is damaged, or has another
    number of images.
    """
    if wnids is None:
        wnids = load_meta_file(root)[1]
    archive = _verify_archive(root, file or ARCHIVE_META["val"][0], ARCHIVE_META["val"][1])
    part = Path(root) / f"{folder}.part"
    extract_archive(archive, part)
    images = list_files(part, "", prefix=True)
    if len(images) != len(wnids):
        raise damaged(archive, f"it holds {len(images):,} images, but there are classes for {len(wnids):,}")
    for wnid, image in zip(wnids, images):
        (part / wnid).mkdir(exist_ok=True)
        shutil.move(image, part / wnid)
    os.replace(part, Path(root) / folder)
