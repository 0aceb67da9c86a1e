"""MNIST and FashionMNIST: 70,000 images of 28x28 grey pixels in ten classes."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minidl.tensors.creation import from_numpy
from minidl.utils.download import download
from minidl.vision.datasets.idx import read_idx
from minidl.vision.datasets.images import InMemoryImages


class MNIST(InMemoryImages):
    """Handwritten digits: 60,000 images to train on and 10,000 to test with.

    root: the folder of data sets. The files are looked for in `root/MNIST/raw` (where torchvision
    has them and where downloads go), then in `root` itself, plain or gzipped.
    train: the 60,000 or the 10,000. transform, target_transform: applied to each image and label.
    download: get missing files.

    `data` is a uint8 tensor (N, 28, 28), `targets` an int64 tensor (N,). A sample is
    `(PIL image in mode 'L', int)`. Without transforms a `DataLoader` fetches whole batches, as
    uint8 (B, 28, 28) and int64 (B,).
    Errors: RuntimeError when files are missing or the mirrors fail, ValueError for damaged files.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86(11), 1998.

        >>> train = MNIST("data", download=True)                    # doctest: +SKIP
        >>> train.data.shape, train.targets[:4].tolist()            # doctest: +SKIP
        ((60000, 28, 28), [5, 0, 4, 1])
    """

    mirrors = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ]
    resources = [  # name and MD5: training images and labels, test images and labels
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    sha256: ClassVar[dict[str, str]] = {    # SHA-256 of the same files, by their MD5
        "f68b3c2dcbeaaa9fbdd348bbdeb94873": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "d53e105ee54ea40749a09fcbcd1e9432": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "9fb629c4189551a2d022fa330f9573f3": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "ec29112dd5afa0611ce80d1b7f02629c": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }
    classes = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four",
               "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine"]

    def __init__(self, root: str | Path, train: bool = True,
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None,
                 download: bool = False) -> None:
        self.root = Path(root).expanduser()
        self.train = train
        if download:
            self.download()
        images, labels = self._load()
        super().__init__(from_numpy(images), from_numpy(labels), transform, target_transform)

    def __repr__(self) -> str:
        return (f"{type(self).__name__}({len(self)} samples, root={str(self.root)!r}, "
                f"train={self.train})")

    @property
    def raw_folder(self) -> Path:
        """`root/MNIST/raw`, with a subclass's name instead of MNIST."""
        return self.root / type(self).__name__ / "raw"

    def download(self) -> None:
        """Get the missing files, each from the first mirror that delivers it."""
        for name, md5 in self.resources:
            if self._find(name) is None:
                urls = [mirror + name for mirror in self.mirrors]
                download(urls, self.raw_folder / name, md5=md5, sha256=self.sha256.get(md5))

    def _load(self) -> tuple[np.ndarray, np.ndarray]:
        (image_name, _), (label_name, _) = self.resources[:2] if self.train else self.resources[2:]
        image_path, label_path = self._require(image_name), self._require(label_name)
        images = self._read(image_path, (28, 28))                     # (N, 28, 28)
        labels = self._read(label_path, ())                           # (N,)
        if len(images) != len(labels):
            raise ValueError(
                f"{type(self).__name__}: {len(images):,} images in {image_path} but "
                f"{len(labels):,} labels in {label_path}; delete both and pass download=True")
        if len(labels) and labels.max() >= len(self.classes):
            place = int(labels.argmax())
            raise ValueError(
                f"{type(self).__name__}: expected labels from 0 to {len(self.classes) - 1} in {label_path}, got "
                f"{labels[place]} at index {place}; delete it and pass download=True")
        return images, labels.astype(np.int64)

    def _read(self, path: Path, shape: tuple[int, ...]) -> np.ndarray:
        array = read_idx(path)
        if array.dtype != np.uint8 or array.ndim != 1 + len(shape) or array.shape[1:] != shape:
            expected = ", ".join(["N", *map(str, shape)])
            raise ValueError(
                f"{type(self).__name__}: expected uint8 numbers of shape ({expected}) in {path}, "
                f"got {array.dtype} of shape {array.shape}; delete it and pass download=True")
        return array

    def _require(self, name: str) -> Path:
        path = self._find(name)
        if path is None:
            folders = " or ".join(str(folder) for folder in self._folders())
            raise RuntimeError(
                f"{type(self).__name__}: dataset not found: there is no {name}, gzipped or plain, "
                f"in {folders}; pass download=True to get it")
        return path

    def _find(self, name: str) -> Path | None:
        for folder in self._folders():
            for path in (folder / name.removesuffix(".gz"), folder / name):
                if path.is_file():
                    return path
        return None

    def _folders(self) -> list[Path]:
        return [self.raw_folder, self.root]


class FashionMNIST(MNIST):
    """Pictures of clothes, in the format of MNIST: 60,000 to train on, 10,000 to test with.

    Arguments, attributes and errors are those of `MNIST`; the folder is `root/FashionMNIST/raw`.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms", arXiv:1708.07747, 2017. MIT licence.
    """

    mirrors = [
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    sha256: ClassVar[dict[str, str]] = {
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "25c81989df183df01b3e8a0aad5dffbe": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bef4ecab320f06d8554ea6380940ec79": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "bb300cfdad3c16e7a12a480ee83cd310": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
               "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]

    def _folders(self) -> list[Path]:
        return [self.raw_folder]  # in root itself, files of these names are more likely MNIST's
