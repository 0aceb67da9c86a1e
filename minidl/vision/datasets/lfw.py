"""LFWPeople and LFWPairs: faces from the news, to name, or to compare."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from minidl.vision.datasets.base.published import Loader
from minidl.vision.datasets.base.reading import inside, read_lines, reading
from minidl.vision.datasets.folder import default_loader
from minidl.vision.datasets.utils import check_integrity, verify_str_arg
from minidl.vision.datasets.vision import Transform, VisionDataset


class _LFW(VisionDataset[Any]):
    """Labelled faces in the wild: what both views share."""

    base_folder = "lfw-py"
    file_dict: ClassVar[dict[str, tuple[str, str, str]]] = {        # folder, archive and its MD5
        "original": ("lfw", "lfw.tgz", "a17d05bd522c52d84eca14327a23d494"),
        "funneled": ("lfw_funneled", "lfw-funneled.tgz", "1b42dfed7d15c9b2dd63d5e5840c86ad"),
        "deepfunneled": ("lfw-deepfunneled", "lfw-deepfunneled.tgz", "68331da3eb755a505a502b5aacb3c201"),
    }
    checksums: ClassVar[dict[str, str]] = {
        "pairs.txt": "9f1ba174e4e1c508ff7cdf10ac338a7d",
        "pairsDevTest.txt": "5132f7440eb68cf58910c8a45a2ac10b",
        "pairsDevTrain.txt": "4f27cbf15b2da4a85c1907eb4181ad21",
        "people.txt": "450f0863dd89e85e73936a6d71a3474b",
        "peopleDevTest.txt": "e4bf5be0a43b5dcd9dc5ccfcb8fb19c5",
        "peopleDevTrain.txt": "54eaac34beb6d042ed3a7d883e247a21",
        "lfw-names.txt": "a6d0a479bd074669f656265a6e693f6d",
    }
    annot_file: ClassVar[dict[str, str]] = {"10fold": "", "train": "DevTrain", "test": "DevTest"}
    names = "lfw-names.txt"

    def __init__(self, root: str | Path, split: str, image_set: str, view: str, transform: Transform | None,
                 target_transform: Transform | None, download: bool, loader: Loader) -> None:
        super().__init__(Path(root) / self.base_folder, transform=transform, target_transform=target_transform)
        self.image_set = verify_str_arg(image_set.lower(), "image_set", self.file_dict)
        self.view = view
        self.split = verify_str_arg(split.lower(), "split", self.annot_file)
        folder, self.filename, self.md5 = self.file_dict[self.image_set]
        self.labels_file = f"{view}{self.annot_file[self.split]}.txt"
        self.images_dir = self.root / folder
        self._loader = loader
        if download:
            raise ValueError("LFW dataset is no longer available for automatic download. Please download the dataset "
                             f"manually and place {self.filename}, unpacked, and the lists into {self.root}. A "
                             "commonly used mirror is available at: "
                             "https://www.kaggle.com/datasets/jessicali9530/lfw-dataset")
        for name in (self.labels_file, *([self.names] if view == "people" else [])):
            if not check_integrity(self.root / name, self.checksums[name]):
                raise self._not_found(f"{self.root / name} is missing, or is not the published file")
        if not self.images_dir.is_dir() and not check_integrity(self.root / self.filename, self.md5):
            raise self._not_found(f"{self.images_dir} is missing")
        with reading(self.root / self.labels_file, "it is no list of this part"):
            self._read([line.strip().split("\t") for line in read_lines(self.root / self.labels_file)])

    def _read(self, rows: list[list[str]]) -> None:
        """Fill `data` and `targets` from the rows of the list."""
        raise NotImplementedError

    def _not_found(self, what: str) -> RuntimeError:
        return RuntimeError(f"{type(self).__name__}: Dataset not found or corrupted: {what}")

    def _get_path(self, identity: str, no: int | str) -> str:
        return inside(self.images_dir, f"{identity}/{identity}_{int(no):04d}.jpg", self.root / self.labels_file)

    def __len__(self) -> int:
        return len(self.data)

    data: list[Any]

    def extra_repr(self) -> str:
        return f"Alignment: {self.image_set}\nSplit: {self.split}"


class LFWPeople(_LFW):
    """Faces from the news with their names: 13,233 of 5,749 persons.

    root: the folder that holds `lfw-py` with the images' folder and the lists. split: '10fold', 'train' or 'test'.
    image_set: how they are aligned: 'original', 'funneled' or 'deepfunneled'. transform, target_transform: applied to
    each image and label. download: an error, since the publisher's server is gone. loader: makes an image from a path.

    `data` are the paths, `targets` the numbers of the persons, by `class_to_idx`.
    Errors: RuntimeError if files are missing or are not those published; ValueError for a damaged list.

    Source: G. Huang et al., "Labeled faces in the wild: a database for studying face recognition in unconstrained
    environments", 2007.
    """

    def __init__(self, root: str | Path, split: str = "10fold", image_set: str = "funneled",
                 transform: Transform | None = None, target_transform: Transform | None = None, download: bool = False,
                 loader: Loader = default_loader) -> None:
        super().__init__(root, split, image_set, "people", transform, target_transform, download, loader)

    def _read(self, rows: list[list[str]]) -> None:
        names = self.root / self.names
        with reading(names, "it is no list of names"):
            self.class_to_idx = {line.split()[0]: i for i, line in enumerate(read_lines(names))}
        self.data, self.targets = [], []
        folds, at = (int(rows[0][0]), 1) if self.split == "10fold" else (1, 0)
        for _ in range(folds):
            count = int(rows[at][0])
            if not 0 <= count < len(rows) - at:
                raise ValueError(f"{count} persons announced, {len(rows) - at - 1} lines left")
            for identity, images in rows[at + 1:at + 1 + count]:
                self.data += [self._get_path(identity, number) for number in range(1, int(images) + 1)]
                self.targets += [self.class_to_idx[identity]] * int(images)
            at += count + 1

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(self._loader(self.data[index]), self.targets[index])

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}\nClasses (identities): {len(self.class_to_idx)}"


class LFWPairs(_LFW):
    """Pairs of faces from the news, of one person (1) or of two (0).

    Arguments and errors as for `LFWPeople`. A sample is `(image, image, label)`; `data` are pairs of paths, `targets`
    the labels, `pair_names` pairs of names.
    """

    def __init__(self, root: str | Path, split: str = "10fold", image_set: str = "funneled",
                 transform: Transform | None = None, target_transform: Transform | None = None, download: bool = False,
                 loader: Loader = default_loader) -> None:
        super().__init__(root, split, image_set, "pairs", transform, target_transform, download, loader)

    def _read(self, rows: list[list[str]]) -> None:
        self.pair_names: list[tuple[str, str]] = []
        self.data, self.targets = [], []
        folds, pairs = map(int, rows[0]) if self.split == "10fold" else (1, int(rows[0][0]))
        if len(rows) - 1 != 2 * folds * pairs:
            raise ValueError(f"{folds} times twice {pairs} pairs announced, {len(rows) - 1} lines")
        for at, row in enumerate(rows[1:]):
            same = at % (2 * pairs) < pairs
            first, number, other, of_other = (row[0], row[1], row[0], row[2]) if same else row
            self.pair_names.append((first, other))
            self.data.append((self._get_path(first, number), self._get_path(other, of_other)))
            self.targets.append(int(same))

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        images = [self._loader(path) for path in self.data[index]]
        if self.transform is not None:
            images = [self.transform(image) for image in images]
        target = self.targets[index]
        return images[0], images[1], target if self.target_transform is None else self.target_transform(target)
