"""MNIST and its relatives: images of 28x28 grey pixels, and films of them."""
from __future__ import annotations

import string
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from minidl.backend.dtype import uint8
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.utils.download import download
from minidl.vision.datasets.base.idx import read_idx
from minidl.vision.datasets.base.images import InMemoryImages
from minidl.vision.datasets.base.published import not_found
from minidl.vision.datasets.base.reading import reading
from minidl.vision.datasets.utils import (
    download_and_extract_archive,
    download_url,
    extract_archive,
    list_files,
    verify_str_arg,
)
from minidl.vision.datasets.vision import Transform, VisionDataset


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

    looks_in_root = True        # for the files of this name, which the relatives of MNIST share

    def __init__(self, root: str | Path, train: bool = True, transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        self.root = Path(root).expanduser()
        self.train = train
        if download:
            self.download()
        images, labels = self._load()
        super().__init__(from_numpy(images), from_numpy(labels), transform, target_transform, root)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"

    # of torchvision 0.2, which old programs use
    train_data = test_data = property(lambda self: self.data)
    train_labels = test_labels = property(lambda self: self.targets)

    @property
    def raw_folder(self) -> Path:
        """`root/MNIST/raw`, with a subclass's name instead of MNIST."""
        return Path(self.root) / type(self).__name__ / "raw"

    def download(self) -> None:
        """Get the missing files, each from the first mirror that delivers it."""
        for name, md5 in self.resources:
            if self._find(name) is None:
                urls = [mirror + name for mirror in self.mirrors]
                download(urls, self.raw_folder / name, md5=md5, sha256=self.sha256.get(md5))

    def _files(self) -> tuple[str, str]:
        """The names of the file of images and that of labels."""
        (images, _), (labels, _) = self.resources[:2] if self.train else self.resources[2:]
        return images, labels

    def _load(self) -> tuple[np.ndarray, np.ndarray]:
        image_path, label_path = map(self._require, self._files())
        images = self._read(image_path, (28, 28))                     # (N, 28, 28)
        labels = self._read_labels(label_path)                        # (N,)
        if len(images) != len(labels):
            raise ValueError(
                f"{type(self).__name__}: {len(images):,} images in {image_path} but "
                f"{len(labels):,} labels in {label_path}; delete both and pass download=True")
        numbers = labels if labels.ndim == 1 else labels[:, 0]
        wrong = np.flatnonzero((numbers < 0) | (numbers >= len(self.classes)))
        if len(wrong):
            raise ValueError(
                f"{type(self).__name__}: expected labels from 0 to {len(self.classes) - 1} in {label_path}, got "
                f"{numbers[wrong[0]]} at index {wrong[0]}; delete it and pass download=True")
        return images, labels.astype(np.int64)

    def _read_labels(self, path: Path) -> np.ndarray:
        return self._read(path, ())

    def _read(self, path: Path, shape: tuple[int, ...], dtype: type[np.generic] = np.uint8) -> np.ndarray:
        array = read_idx(path)
        if array.dtype != dtype or array.ndim != 1 + len(shape) or array.shape[1:] != shape:
            expected = ", ".join(["N", *map(str, shape)])
            raise ValueError(
                f"{type(self).__name__}: expected {np.dtype(dtype)} numbers of shape ({expected}) in {path}, "
                f"got {array.dtype} of shape {array.shape}; delete it and pass download=True")
        return array

    def _require(self, name: str) -> Path:
        path = self._find(name)
        if path is None:
            folders = " or ".join(str(folder) for folder in self._folders())
            raise RuntimeError(f"{type(self).__name__}: Dataset not found. You can use download=True to download it: "
                               f"there is no {name}, compressed or plain, in {folders}")
        return path

    def _find(self, name: str) -> Path | None:
        plain = name.removesuffix(".gz").removesuffix(".xz")
        for folder in self._folders():
            for name in (plain, plain.replace("-idx", ".idx")):         # some unpack them under names with a dot
                for path in (folder / name, folder / f"{name}.gz", folder / f"{name}.xz"):
                    if path.is_file():
                        return path
        return None

    def _folders(self) -> list[Path]:
        return [self.raw_folder, Path(self.root)] if self.looks_in_root else [self.raw_folder]


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
    looks_in_root = False


class KMNIST(MNIST):
    """Japanese cursive characters of ten kinds, in the format of MNIST: 60,000 and 10,000.

    Arguments, attributes and errors are those of `MNIST`; the folder is `root/KMNIST/raw`.

    Source: T. Clanuwat et al., "Deep Learning for Classical Japanese Literature", arXiv:1812.01718, 2018.
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
    looks_in_root = False


_ALIKE = set("cijklmopsuvwxyz")     # letters that look the same in lower case
_SIGNS = sorted(string.digits + string.ascii_letters)
_MERGED = [sign for sign in _SIGNS if sign not in _ALIKE]


class EMNIST(MNIST):
    """Handwritten digits and letters, in the format of MNIST, split in six ways.

    split: 'byclass' (62 classes), 'bymerge' and 'balanced' (47: letters that look alike in both cases are one class),
    'letters' (26, from 1 to 26), 'digits' or 'mnist' (10). Other arguments are those of `MNIST`; the folder is
    `root/EMNIST/raw`. As published, the images lie on their side: rows and columns are swapped.

    Source: G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters",
    arXiv:1702.05373, 2017.
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    classes_split_dict: ClassVar[dict[str, list[str]]] = {
        "byclass": _SIGNS, "bymerge": _MERGED, "balanced": _MERGED, "letters": ["N/A", *string.ascii_lowercase],
        "digits": list(string.digits), "mnist": list(string.digits),
    }
    looks_in_root = False

    def __init__(self, root: str | Path, split: str, **kwargs: Any) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        self.classes = self.classes_split_dict[self.split]
        super().__init__(root, **kwargs)

    def _files(self) -> tuple[str, str]:
        prefix = f"emnist-{self.split}-{'train' if self.train else 'test'}"
        return f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"

    def download(self) -> None:
        """Get the archive of all splits and unpack it, unless the files are there."""
        if any(self._find(name) is None for name in self._files()):
            download_and_extract_archive(self.url, self.raw_folder, md5=self.md5)
            for path in list_files(self.raw_folder / "gzip", ".gz", prefix=True):
                extract_archive(path, self.raw_folder, remove_finished=True)


_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"


class QMNIST(MNIST):
    """MNIST with its lost test digits, and where each digit came from: 60,000 to train on, 60,000 to test with.

    what: 'train', 'test', 'test10k' (those of MNIST), 'test50k' (the others), or 'nist' (all 402,953); None: as `train`
    says. compat: the target is the digit; else an int64 tensor (8,): digit, series, writer, number at the writer, class
    and number at NIST, duplicate, zero. Other arguments are those of `MNIST`; the folder is `root/QMNIST/raw`.

    Source: C. Yadav, L. Bottou, "Cold Case: The Lost MNIST Digits", NeurIPS 2019.
    """

    subsets: ClassVar[dict[str, str]] = {"train": "train", "test": "test", "test10k": "test", "test50k": "test",
                                         "nist": "nist"}
    resources: ClassVar[dict[str, list[tuple[str, str]]]] = {     # type: ignore[assignment, misc]
        "train": [(_QMNIST + "qmnist-train-images-idx3-ubyte.gz", "ed72d4157d28c017586c42bc6afe6370"),
                  (_QMNIST + "qmnist-train-labels-idx2-int.gz", "0058f8dd561b90ffdd0f734c6a30e5e4")],
        "test": [(_QMNIST + "qmnist-test-images-idx3-ubyte.gz", "1394631089c404de565df7b7aeaf9412"),
                 (_QMNIST + "qmnist-test-labels-idx2-int.gz", "5b5b05890a5e13444e108efe57b788aa")],
        "nist": [(_QMNIST + "xnist-images-idx3-ubyte.xz", "7f124b3b8ab81486c9d8c2749c17f834"),
                 (_QMNIST + "xnist-labels-idx2-int.xz", "5ed0e788978e45d4a8bd4b7caec3d79d")],
    }
    looks_in_root = False

    def __init__(self, root: str | Path, what: str | None = None, compat: bool = True, train: bool = True,
                 **kwargs: Any) -> None:
        self.what = verify_str_arg(("train" if train else "test") if what is None else what, "what", self.subsets)
        self.compat = compat
        super().__init__(root, train, **kwargs)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image, target = Image.fromarray(np.asarray(self.data[index])), self.targets[index]
        return self.transformed(image, int(target[0]) if self.compat else target)

    def __getbatch__(self, indices: np.ndarray) -> Any:
        batch = super().__getbatch__(indices)
        return [batch[0], batch[1][:, 0]] if self.compat and batch is not NotImplemented else batch

    def extra_repr(self) -> str:
        return f"Split: {self.what}"

    def download(self) -> None:
        """Get the missing files of this part."""
        for url, md5 in self.resources[self.subsets[self.what]]:
            if self._find(url.rpartition("/")[2]) is None:
                download_and_extract_archive(url, self.raw_folder, md5=md5)

    def _files(self) -> tuple[str, str]:
        images, labels = (url.rpartition("/")[2] for url, _ in self.resources[self.subsets[self.what]])
        return images, labels

    def _load(self) -> tuple[np.ndarray, np.ndarray]:
        images, labels = super()._load()
        part = {"test10k": slice(10_000), "test50k": slice(10_000, None)}.get(self.what, slice(None))
        return images[part], labels[part]

    def _read_labels(self, path: Path) -> np.ndarray:
        return self._read(path, (8,), np.int32)


class MovingMNIST(VisionDataset[Any]):
    """Films of two moving digits: 10,000 of 20 pictures of 64x64 grey pixels.

    root: the folder that holds `MovingMNIST`. split: 'train', the first `split_ratio` pictures of each film; 'test',
    the others; None, all 20. download: get the file if it is missing. transform: applied to each film.

    A sample is a uint8 tensor (T, 1, 64, 64); all are `data`, (N, T, 1, 64, 64).
    Errors: RuntimeError if the file is missing; ValueError if it is damaged, or split_ratio is not from 1 to 19.

    Source: N. Srivastava, E. Mansimov, R. Salakhutdinov, "Unsupervised learning of video representations using LSTMs",
    ICML 2015.
    """

    _URL = "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy"

    def __init__(self, root: str | Path, split: str | None = None, split_ratio: int = 10, download: bool = False,
                 transform: Transform | None = None) -> None:
        super().__init__(root, transform=transform)
        self.split = split if split is None else verify_str_arg(split, "split", ("train", "test"))
        if not isinstance(split_ratio, int):
            raise TypeError(f"`split_ratio` should be an integer, but got {type(split_ratio)}")
        if not 1 <= split_ratio <= 19:
            raise ValueError(f"`split_ratio` should be `1 <= split_ratio <= 19`, but got {split_ratio} instead.")
        self.split_ratio = split_ratio
        if download:
            self.download()
        if not self._path.exists():
            raise not_found(self, f"{self._path} is missing, or is not the published file")
        with reading(self._path, "it is no array of bytes (20, N, H, W)", EOFError, OSError):
            films = np.load(self._path, allow_pickle=False)
            if films.dtype != np.uint8 or films.ndim != 4:
                raise ValueError(f"got {films.dtype} {films.shape}")
        part = {"train": slice(split_ratio), "test": slice(split_ratio, None), None: slice(None)}[self.split]
        self.data = from_numpy(np.ascontiguousarray(films[part].swapaxes(0, 1)[:, :, None]))

    @property
    def _path(self) -> Path:
        return Path(self.root) / type(self).__name__ / self._URL.rpartition("/")[2]

    def __getitem__(self, index: int) -> Any:
        film = self.data[index]
        return film if self.transform is None else self.transform(film)

    def __len__(self) -> int:
        return len(self.data)

    def download(self) -> None:
        """Get the file, unless it is there."""
        if not self._path.exists():
            download_url(self._URL, self._path.parent, self._path.name, md5="be083ec986bfe91a449d63653c411eb2")


# ---------------------------------------------------------------------- files

def get_int(b: bytes) -> int:
    """The number that big-endian bytes are.

        >>> get_int(bytes([1, 2]))
        258
    """
    return int.from_bytes(b, "big")


def read_sn3_pascalvincent_tensor(path: str | Path, strict: bool = True) -> Tensor:
    """Read an idx file as a tensor; see `read_idx`. Every file has to match its header, strict or not."""
    return from_numpy(read_idx(path))


def read_label_file(path: str | Path) -> Tensor:
    """Labels of an idx file, (N,) of int64.

    Errors: as `read_idx`; TypeError unless the numbers are bytes, ValueError for more dimensions.
    """
    return _bytes_of(path, 1).long()


def read_image_file(path: str | Path) -> Tensor:
    """Images of an idx file, (N, height, width) of bytes. Errors: as `read_label_file`."""
    return _bytes_of(path, 3)


def _bytes_of(path: str | Path, ndim: int) -> Tensor:
    x = read_sn3_pascalvincent_tensor(path)
    if x.dtype != uint8:
        raise TypeError(f"x should be of dtype uint8 instead of {x.dtype}")
    if x.ndim != ndim:
        raise ValueError(f"x should have {ndim} dimension{'s' * (ndim > 1)} instead of {x.ndim}")
    return x
