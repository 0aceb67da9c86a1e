"""TinyPlaces: small photographs of twenty kinds of places.

They come from MiniPlaces or Places365, and are resized once.
"""
from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from minidl.vision.datasets.base.images import InMemoryImages
from minidl.vision.datasets.folder import is_image_file

_SHOWN = 5      # unreadable files that an error names


class Photograph(NamedTuple):
    """A file in the tree, and the number of its category."""

    path: Path
    label: int


class TinyPlaces(InMemoryImages):
    """Small photographs of twenty kinds of places, ten outdoors and ten indoors.

    root: the folder with a tree of photographs in one of the layouts below, or the folder above it. train: the
    photographs to train on, or those to validate with. size: pixels a side, 32, 64 or 128. transform, target_transform:
    applied to each image and label. cache: the folder for the small images, default `root`.

    - MiniPlaces: `images/train/<letter>/<category>/*.jpg`, listed in `train.txt`; `images/val/*.jpg`, listed in
      `val.txt`
    - Places365: `data_256_standard/<letter>/<category>/*.jpg`; `val_256/*.jpg`, listed in `places365_val.txt`; or
      `large` in place of `256`
    - folders: `train/<category>/*.jpg`; `val/<category>/*.jpg`

    Photographs of other categories are ignored. The first use resizes the middle square of each to `size` (bilinear,
    with antialiasing) and writes all into one file; later runs map this file into memory. It is written as a whole or
    not at all, and again when the tree has other photographs. Without the tree, the file is enough.

    `data` is a uint8 array (N, size, size, 3), `targets` a list. A sample is `(PIL image in mode 'RGB', int)`. Without
    transforms a `DataLoader` fetches whole batches, as uint8 (B, 3, size, size) and int64 (B,).
    Errors: RuntimeError if there is neither a tree nor a file; ValueError for another size, and for photographs that
    cannot be read, are listed but missing, or listed under another category than their folder's; the error names them.

    Source: B. Zhou et al., "Places: A 10 million Image Database for Scene Recognition", TPAMI 2017; the categories are
    those of a course at UCLA.

        >>> train = TinyPlaces("data", size=64)                     # doctest: +SKIP
        >>> len(train), train.classes[train.targets[0]]             # doctest: +SKIP
        (8000, 'baseball_field')
    """

    classes = ["baseball_field", "bridge", "campsite", "canyon", "coast", "fountain", "highway", "mountain",
               "playground", "rainforest", "bathroom", "bedroom", "bookstore", "classroom", "dining_room", "food_court",
               "kitchen", "living_room", "lobby", "office"]

    def __init__(self, root: str | Path, train: bool = True, size: int = 32,
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None, *, cache: str | Path | None = None) -> None:
        if size not in (32, 64, 128):
            raise ValueError(f"TinyPlaces: expected size 32, 64 or 128, got {size!r}")
        self.root = Path(root).expanduser()
        self.train = train
        self.size = size
        folder = self.root if cache is None else Path(cache).expanduser()
        photographs = find_photographs(self.root, train, self.classes)
        file = self._cached_file(folder, photographs) if photographs else self._existing_file(folder)
        # one memory map for images and labels: (N,) pairs of image (size, size, 3) and label
        self.file = file
        pairs = _map_file(file, size, len(self.classes))
        if pairs is None:
            raise RuntimeError(f"TinyPlaces: {file} is damaged or cut short, and {self.root} has no photographs to "
                               "make it anew from")
        super().__init__(pairs["image"], pairs["label"].tolist(), transform, target_transform, self.root)

    def __repr__(self) -> str:
        return f"TinyPlaces({len(self)} samples, root={str(self.root)!r}, train={self.train}, size={self.size})"

    def _file_prefix(self) -> str:
        return f"tinyplaces-{self.size}-{'train' if self.train else 'val'}"

    def _existing_file(self, folder: Path) -> Path:
        """The file of an earlier run, if there is no tree."""
        files = sorted(folder.glob(f"{self._file_prefix()}-*.npy"))
        if len(files) == 1:
            return files[0]
        raise RuntimeError(
            f"TinyPlaces: dataset not found: {self.root} holds no photographs in the layout of MiniPlaces "
            f"(images/train, train.txt), of Places365 (data_256_standard, places365_val.txt) or of folders "
            f"(train/<category>), and {folder} holds {len(files) or 'no'} {self._file_prefix()}-*.npy made from them "
            "earlier")

    def _cached_file(self, folder: Path, photographs: list[Photograph]) -> Path:
        """The file with the small images of these photographs. It is made if missing or damaged."""
        digest = hashlib.sha256()
        for path, label in photographs:
            digest.update(f"{path.relative_to(self.root).as_posix()} {label} {path.stat().st_size}\n".encode())
        file = folder / f"{self._file_prefix()}-{digest.hexdigest()[:12]}.npy"
        if file.is_file() and _map_file(file, self.size, len(self.classes)) is not None:
            return file
        folder.mkdir(parents=True, exist_ok=True)
        _write(file, photographs, self.size)
        for old in folder.glob(f"{self._file_prefix()}-*.npy"):
            if old != file:
                with contextlib.suppress(OSError):      # Windows cannot delete a file that another program has mapped
                    old.unlink()
        return file


# ---------------------------------------------------------------------- the tree

def find_photographs(root: Path, train: bool, categories: list[str]) -> list[Photograph]:
    """Find all photographs of these categories, in any layout; none without a tree.

    Errors: ValueError for lists that do not match the folders, or name missing files.
    """
    for folder in (root, root / "miniplaces", root / "places365", root / "places365_standard"):
        if (folder / "images" / "train").is_dir() or (folder / "images" / "val").is_dir():
            if train:
                return _read_list(folder / "train.txt", folder / "images", categories)
            return _read_list(folder / "val.txt", folder / "images", categories, _numbers_of_miniplaces(folder))
        for pixels in ("256", "large"):
            standard = folder / f"data_{pixels}_standard"
            if train and standard.is_dir():
                return _in_folders([(standard / name[0] / name, i) for i, name in enumerate(categories)])
            if not train and (folder / f"val_{pixels}").is_dir():
                numbers = _categories(folder / "categories_places365.txt")
                return _read_list(folder / "places365_val.txt", folder / f"val_{pixels}", categories, numbers)
        split = folder / ("train" if train else "val")
        if any((split / name).is_dir() for name in categories):
            return _in_folders([(split / name, i) for i, name in enumerate(categories)])
    return []


def _in_folders(folders: list[tuple[Path, int]]) -> list[Photograph]:
    missing = [str(folder) for folder, _ in folders if not folder.is_dir()]
    if missing:
        raise ValueError(f"TinyPlaces: categories without a folder: {', '.join(missing)}")
    return [Photograph(path, label) for folder, label in folders
            for path in sorted(folder.iterdir()) if is_image_file(path.name)]


def _read_list(file: Path, images: Path, categories: list[str],
               numbers: dict[int, str] | None = None) -> list[Photograph]:
    """Read a list of photographs with lines `path number`.

    numbers: the category of each number. If None, the folder of a photograph gives its category, and each number must
    always mean the same one.
    """
    photographs, missing = [], []
    name_of: dict[int, str] = {}
    number_of: dict[str, int] = {}
    for at, path, number in _lines(file):
        if numbers is None:
            name = Path(path).parent.name
            if name_of.setdefault(number, name) != name or number_of.setdefault(name, number) != number:
                raise ValueError(f"TinyPlaces: {file}, line {at}: {path} is labelled {number}, but further up {number} "
                                 f"is {name_of[number]!r} and {name!r} is {number_of.get(name, 'not there')}; the list "
                                 "is mislabelled")
        elif number in numbers:
            name = numbers[number]
        else:
            raise ValueError(f"TinyPlaces: {file}, line {at}: {number} is the number of no category")
        if name in categories:
            photograph = Photograph(images / path, categories.index(name))
            photographs.append(photograph)
            if not photograph.path.is_file():
                missing.append(path)
    if missing:
        raise ValueError(f"TinyPlaces: {file} lists {len(missing):,} files that are not in {images}: "
                         f"{', '.join(missing[:_SHOWN])}{', ...' if missing[_SHOWN:] else ''}")
    absent = [name for i, name in enumerate(categories) if not any(photo.label == i for photo in photographs)]
    if absent:
        raise ValueError(f"TinyPlaces: {file} lists no photograph of {', '.join(absent)}")
    return photographs


def _lines(file: Path) -> list[tuple[int, str, int]]:
    """Line number, path and label of each line of a list. Errors: ValueError, also for paths outside the folder."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"TinyPlaces: the list {file} is missing") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"TinyPlaces: the list {file} is no text: {error}") from None
    lines = []
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        path, _, number = line.strip().rpartition(" ")
        if not path or not number.isdecimal() or ".." in Path(path.lstrip("/")).parts or Path(path).drive:
            raise ValueError(f"TinyPlaces: {file}, line {at}: expected a path in the folder and a number, got {line!r}")
        lines.append((at, path.lstrip("/"), int(number)))
    return lines


def _categories(file: Path) -> dict[int, str]:
    """The category of each number, from lines like `/b/bridge 24`."""
    return {number: Path(path).name for _, path, number in _lines(file)}


def _numbers_of_miniplaces(folder: Path) -> dict[int, str]:
    """The category of each number, from any file that has them."""
    for name in ("categories.txt", "categories_tinyplaces.txt"):
        if (folder / name).is_file():
            return _categories(folder / name) | _unlisted_numbers(folder, _categories(folder / name))
    return {number: Path(path).parent.name for _, path, number in _lines(folder / "train.txt")}


def _unlisted_numbers(folder: Path, known: dict[int, str]) -> dict[int, str]:
    """Numbers in the list without a known category: none of ours."""
    return {number: "" for _, _, number in _lines(folder / "val.txt") if number not in known}


# ---------------------------------------------------------------------- the file

def _layout(size: int) -> np.dtype:
    return np.dtype([("image", np.uint8, (size, size, 3)), ("label", "<i4")])


def _map_file(file: Path, size: int, categories: int) -> np.ndarray | None:
    """Map the file into memory; None if it is no such file, or damaged."""
    try:
        pairs = np.load(file, mmap_mode="r", allow_pickle=False)
        labels = pairs["label"]
    except (OSError, ValueError, EOFError, IndexError):
        return None
    if pairs.dtype != _layout(size) or pairs.ndim != 1 or not len(pairs):
        return None
    return pairs if labels.min() >= 0 and labels.max() < categories else None


def _write(file: Path, photographs: list[Photograph], size: int) -> None:
    """Make the file, under another name first. An interruption leaves nothing behind."""
    for leftover in file.parent.glob(f"{file.name}.*.part"):    # left by a killed run
        leftover.unlink(missing_ok=True)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    bad: list[str] = []
    try:
        pairs = np.lib.format.open_memmap(part, mode="w+", dtype=_layout(size), shape=(len(photographs),))
        with ThreadPoolExecutor() as threads:       # Pillow releases the GIL while it decodes
            small = threads.map(lambda photo: _shrink(photo.path, size), photographs)
            try:
                bar = tqdm(small, f"resizing to {size} pixels", len(photographs), disable=None)   # on a terminal
                for i, image in enumerate(bar):
                    if isinstance(image, str):
                        bad.append(image)
                    else:
                        pairs[i] = image, photographs[i].label
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        if bad:
            raise ValueError(f"TinyPlaces: {len(bad):,} photographs cannot be read:\n  " + "\n  ".join(bad[:_SHOWN])
                             + ("\n  ..." if bad[_SHOWN:] else "") + "\nGet them again, or delete them and their lines "
                             "in the lists")
        pairs.flush()
        del pairs
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def _shrink(path: Path, size: int) -> np.ndarray | str:
    """The middle square of a photograph, resized; or why it cannot be read."""
    try:
        with Image.open(path) as image:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.convert("RGB").crop((left, top, left + side, top + side))
        return np.asarray(square.resize((size, size), Image.Resampling.BILINEAR))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:      # Pillow raises all of them
        return f"{path}: {error}"
