"""Places365: photographs of 365 kinds of places."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from minidl.vision.datasets.base.published import Loader
from minidl.vision.datasets.base.reading import damaged, inside, parse_lines
from minidl.vision.datasets.folder import default_loader
from minidl.vision.datasets.utils import check_integrity, download_and_extract_archive, verify_str_arg
from minidl.vision.datasets.vision import Transform, VisionDataset


class Places365(VisionDataset[tuple[Any, Any]]):
    """Photographs of 365 kinds of places: 1.8 million to train on, 36,500 to validate, 328,500 to test with.

    root: the folder of the lists and of the images' folders. split: 'train-standard', 'train-challenge', 'val', or
    'test', whose labels are None. small: images of 256x256 pixels. download: get lists and images. transform,
    target_transform: applied to each image and label. loader: makes an image from a path.

    `classes` are the names, sorted, `class_to_idx` their numbers, `imgs` all `(path, number)`, `targets` the numbers.
    Errors: RuntimeError if a list is missing or is not the one published; ValueError if it is damaged; OSError for
    images that are missing or damaged.

    Source: B. Zhou et al., "Places: a 10 million image database for scene recognition", TPAMI 2017.
    """

    _SPLITS = ("train-standard", "train-challenge", "val", "test")
    _BASE_URL = "http://data.csail.mit.edu/places/places365/"
    _DEVKIT_META: ClassVar[dict[str, tuple[str, str]]] = {
        "standard": ("filelist_places365-standard.tar", "35a0585fee1fa656440f3ab298f8479c"),
        "challenge": ("filelist_places365-challenge.tar", "70a8307e459c3de41690a7c76c931734"),
    }
    _CATEGORIES_META = ("categories_places365.txt", "06c963b85866bd0649f97cb43dd16673")
    _FILE_LIST_META: ClassVar[dict[str, tuple[str, str]]] = {
        "train-standard": ("places365_train_standard.txt", "30f37515461640559006b8329efbed1a"),
        "train-challenge": ("places365_train_challenge.txt", "b2931dc997b8c33c27e7329c073a6b57"),
        "val": ("places365_val.txt", "e9f2fd57bfd9d07630173f4e8708e4b1"),
        "test": ("places365_test.txt", "2fce8233fe493576d724142e45d93653"),
    }
    _IMAGES_META: ClassVar[dict[tuple[str, bool], tuple[str, str]]] = {        # by split and small
        ("train-standard", False): ("train_large_places365standard.tar", "67e186b496a84c929568076ed01a8aa1"),
        ("train-challenge", False): ("train_large_places365challenge.tar", "605f18e68e510c82b958664ea134545f"),
        ("val", False): ("val_large.tar", "9b71c4993ad89d2d8bcbdc4aef38042f"),
        ("test", False): ("test_large.tar", "41a4b6b724b1d2cd862fb3871ed59913"),
        ("train-standard", True): ("train_256_places365standard.tar", "53ca1c756c3d1e7809517cc47c5561c5"),
        ("train-challenge", True): ("train_256_places365challenge.tar", "741915038a5e3471ec7332404dfb64ef"),
        ("val", True): ("val_256.tar", "e27b17d8d44f4af9a78502beb927f808"),
        ("test", True): ("test_256.tar", "f532f6ad7b582262a2ec8009075e186b"),
    }

    def __init__(self, root: str | Path, split: str = "train-standard", small: bool = False, download: bool = False,
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 loader: Loader = default_loader) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = verify_str_arg(split, "split", self._SPLITS)
        self.small = small
        self.loader = loader
        self.classes, self.class_to_idx = self.load_categories(download)
        self.imgs, self.targets = self.load_file_list(download)
        if download:
            self.download_images()

    @property
    def variant(self) -> str:
        """Which lists it belongs to: 'standard' or 'challenge'."""
        return "challenge" if "challenge" in self.split else "standard"

    @property
    def images_dir(self) -> str:
        """The folder of the images."""
        size = "256" if self.small else "large"
        return os.path.join(self.root, f"data_{size}_{self.variant}" if self.split.startswith("train") else
                            f"{self.split}_{size}")

    def load_categories(self, download: bool = True) -> tuple[list[str], dict[str, int]]:
        """The names of the classes, and the number of each."""
        file = self._list(*self._CATEGORIES_META, download)
        listed = parse_lines(file, _name_and_number, "a name and a number")
        numbers = {name: int(number or 0) for name, number in listed}
        return sorted(numbers), numbers

    def load_file_list(self, download: bool = True) -> tuple[list[tuple[str, int | None]], list[int | None]]:
        """The path and the number of each image, and the numbers."""
        file = self._list(*self._FILE_LIST_META[self.split], download)
        parse, expected = (_only_name, "a path") if self.split == "test" else (_name_and_number, "a path and a number")
        listed = parse_lines(file, parse, expected)
        known = {None, *self.class_to_idx.values()}
        strange = [name for name, number in listed if number not in known]
        if strange:
            raise damaged(file, f"the number of {strange[0]} is that of no class")
        images = [(inside(self.images_dir, name.lstrip("/"), file), number) for name, number in listed]
        return images, [number for _, number in images]

    def _list(self, name: str, md5: str, download: bool) -> str:
        file = os.path.join(self.root, name)
        if not check_integrity(file, md5):
            if not download:
                raise RuntimeError(f"The file {file} does not exist or is corrupted. You can set download=True to "
                                   "download it.")
            self.download_devkit()
        return file

    def download_devkit(self) -> None:
        """Get the lists."""
        name, md5 = self._DEVKIT_META[self.variant]
        download_and_extract_archive(self._BASE_URL + name, self.root, md5=md5)

    def download_images(self) -> None:
        """Get the images of this part and unpack them, unless their folder is there."""
        if not os.path.exists(self.images_dir):
            name, md5 = self._IMAGES_META[self.split, self.small]
            download_and_extract_archive(self._BASE_URL + name, self.root, md5=md5)
            if self.split.startswith("train"):      # the archive knows one variant
                os.rename(self.images_dir.rsplit("_", 1)[0], self.images_dir)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.imgs[index]
        return self.transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.imgs)

    def extra_repr(self) -> str:
        return f"Split: {self.split}\nSmall: {self.small}"


def _name_and_number(line: str) -> tuple[str, int | None]:
    name, number = line.split()
    return name, int(number)


def _only_name(line: str) -> tuple[str, int | None]:
    return line.split()[0], None
