"""Base classes of data sets that are published as archives, and of labelled image files."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from minidl.autograd.errors import annotate
from minidl.vision.datasets.folder import default_loader
from minidl.vision.datasets.utils import download_and_extract_archive
from minidl.vision.datasets.vision import Transform, VisionDataset

Loader = Callable[[Any], Any]       # from a path to an image


class Published(VisionDataset[tuple[Any, Any]]):
    """Base of data sets in folders that archives are unpacked into.

    A subclass says what it needs (`_needed`) and where it comes from: `_ARCHIVES` are URLs with MD5 sums, unpacked into
    `_archive_root`; or it overrides `download`.
    """

    _ARCHIVES: ClassVar[Sequence[tuple[str, str | None]]] = ()

    def _needed(self) -> list[Path]:
        """Files and folders without which there is no data set."""
        raise NotImplementedError

    @property
    def _archive_root(self) -> Path:
        return Path(self.root)

    def _check_exists(self) -> bool:
        return all(path.exists() for path in self._needed())

    def download(self) -> None:
        """Get the archives and unpack them, unless the data set is there."""
        if not self._check_exists():
            for url, md5 in self._ARCHIVES:
                download_and_extract_archive(url, self._archive_root, md5=md5)

    def _prepare(self, download: bool) -> None:
        """Get the data set if asked for. Errors: RuntimeError if it is not there."""
        if download:
            self.download()
        missing = [path for path in self._needed() if not path.exists()]
        if missing:
            raise self._not_found(f"{missing[0]} is missing")

    def _not_found(self, what: str) -> RuntimeError:
        return not_found(self, what)


class LabelledFiles(Published):
    """Base of data sets of images in files, with a label each.

    root: the folder that holds the data set's own folder. split: the part of it. transform, target_transform: applied
    to each image and label. download: get the archives, unless the folder is there. loader: makes an image from a path,
    by default a PIL image in mode 'RGB'.

    Errors: RuntimeError if the data set is not there, or no mirror delivers; ValueError for another split, and for
    lists that are damaged, which the error names; OSError for an image that is missing or damaged, when it is read.
    """

    _SPLITS: ClassVar[tuple[str, ...]] = ()
    _split: str

    def __init__(self, root: str | Path, transform: Transform | None = None, target_transform: Transform | None = None,
                 download: bool = False, loader: Loader = default_loader) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader
        self._prepare(download)
        self._image_files, self._labels = self._list()

    def _list(self) -> tuple[list[Any], list[Any]]:
        """The paths of all images, and their labels."""
        raise NotImplementedError

    @property
    def _samples(self) -> list[tuple[Any, Any]]:
        return list(zip(self._image_files, self._labels))

    def __len__(self) -> int:
        return len(self._image_files)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path = self._image_files[index]
        image = self.loader(path)
        try:
            return self.transformed(image, self._labels[index])
        except Exception as error:
            annotate(error, f"in the transforms, of {path}")
            raise

    def extra_repr(self) -> str:
        return f"split={self._split}" if self._SPLITS else ""


def unzip(samples: Sequence[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    """Two lists from a list of pairs."""
    return [path for path, _ in samples], [label for _, label in samples]


def not_found(dataset: object, what: str) -> RuntimeError:
    """The error of a data set that is not there."""
    return RuntimeError(f"{type(dataset).__name__}: Dataset not found or corrupted. You can use download=True to "
                        f"download it: {what}")
