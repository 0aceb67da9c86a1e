"""Data sets with a folder for each class: EuroSAT, Country211, Imagenette, RenderedSST2, GTSRB."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from minidl.vision.datasets.base.published import LabelledFiles, Loader, Published, unzip
from minidl.vision.datasets.base.reading import damaged, inside, read_table, reading
from minidl.vision.datasets.folder import ImageFolder, default_loader, find_classes, make_dataset
from minidl.vision.datasets.utils import download_and_extract_archive, verify_str_arg
from minidl.vision.datasets.vision import Transform


class EuroSAT(ImageFolder, Published):
    """Satellite images of ten kinds of land: 27,000 of 64x64 pixels, in `root/eurosat/2750`.

    Arguments as for `LabelledFiles`, attributes as for `ImageFolder`.
    Source: P. Helber, B. Bischke, A. Dengel, D. Borth, "EuroSAT: a novel dataset and deep learning benchmark for land
    use and land cover classification", 2019.
    """

    _ARCHIVES = [("https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/"
                  "EuroSAT.zip", "c8fa014336c82ac7804f0398fcb19387")]

    def __init__(self, root: str | Path, transform: Transform | None = None, target_transform: Transform | None = None,
                 download: bool = False, loader: Loader = default_loader) -> None:
        Published.__init__(self, root)
        expanded = self.root
        self._prepare(download)
        super().__init__(self._needed()[0], transform, target_transform, loader)
        self.root = expanded

    def _needed(self) -> list[Path]:
        return [self._archive_root / "2750"]

    @property
    def _archive_root(self) -> Path:
        return Path(self.root) / "eurosat"


class Country211(ImageFolder, Published):
    """Photographs of 211 countries: 150 of each to train on, 50 to validate, 100 to test with; in `root/country211`.

    split: 'train', 'valid' or 'test'. Other arguments as for `LabelledFiles`, attributes as for `ImageFolder`.
    Source: A. Radford et al., "Learning transferable visual models from natural language supervision", 2021.
    """

    _ARCHIVES = [("https://openaipublic.azureedge.net/clip/data/country211.tgz", "84988d7644798601126c29e9877aab6a")]

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False,
                 loader: Loader = default_loader) -> None:
        self._split = verify_str_arg(split, "split", ("train", "valid", "test"))
        Published.__init__(self, root)
        expanded = self.root
        self._prepare(download)
        super().__init__(self._needed()[0] / self._split, transform, target_transform, loader)
        self.root = expanded

    def _needed(self) -> list[Path]:
        return [Path(self.root) / "country211"]


class Imagenette(LabelledFiles):
    """Ten classes of ImageNet that are easy to tell apart, in `root/imagenette2`, `-320` or `-160`.

    split: 'train' or 'val'. size: 'full', or the shorter side, '320px' or '160px'. Other arguments as for
    `LabelledFiles`. `wnids` are WordNet's numbers of the classes, `classes` tuples of their names, `class_to_idx` the
    number of each name, `wnid_to_idx` that of each of WordNet's.
    Source: J. Howard, https://github.com/fastai/imagenette.
    """

    _ARCHIVE_OF: ClassVar[dict[str, tuple[str, str]]] = {
        "full": ("https://s3.amazonaws.com/fast-ai-imageclas/imagenette2.tgz", "fe2fc210e6bb7c5664d602c3cd71e612"),
        "320px": ("https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz", "3df6f0d01a2c9592104656642f5e78a3"),
        "160px": ("https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz", "e793b78cc4c9e9a4ccc0c1155377a412"),
    }
    _WNID_TO_CLASS: ClassVar[dict[str, tuple[str, ...]]] = {
        "n01440764": ("tench", "Tinca tinca"),
        "n02102040": ("English springer", "English springer spaniel"),
        "n02979186": ("cassette player",),
        "n03000684": ("chain saw", "chainsaw"),
        "n03028079": ("church", "church building"),
        "n03394916": ("French horn", "horn"),
        "n03417042": ("garbage truck", "dustcart"),
        "n03425413": ("gas pump", "gasoline pump", "petrol pump", "island dispenser"),
        "n03445777": ("golf ball",),
        "n03888257": ("parachute", "chute"),
    }

    def __init__(self, root: str | Path, split: str = "train", size: str = "full", download: bool = False,
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 loader: Loader = default_loader) -> None:
        self._split = verify_str_arg(split, "split", ("train", "val"))
        self._size = verify_str_arg(size, "size", self._ARCHIVE_OF)
        self._ARCHIVES = [self._ARCHIVE_OF[self._size]]     # type: ignore[misc]
        super().__init__(root, transform, target_transform, download, loader)

    def _needed(self) -> list[Path]:
        return [Path(self.root) / Path(self._ARCHIVES[0][0]).stem]

    def _list(self) -> tuple[list[Any], list[Any]]:
        folder = self._needed()[0] / self._split
        self.wnids, self.wnid_to_idx = find_classes(folder)
        unknown = [wnid for wnid in self.wnids if wnid not in self._WNID_TO_CLASS]
        if unknown:
            raise damaged(folder, f"the folder {unknown[0]!r} is none of the ten classes")
        self.classes = [self._WNID_TO_CLASS[wnid] for wnid in self.wnids]
        self.class_to_idx = {name: i for i, names in enumerate(self.classes) for name in names}
        return unzip(make_dataset(folder, self.wnid_to_idx, ".jpeg"))


class RenderedSST2(LabelledFiles):
    """Sentences about films as pictures, negative or positive: 6,920 to train on, in `root/rendered-sst2`.

    split: 'train', 'val' (872) or 'test' (1,821). Other arguments as for `LabelledFiles`.
    Source: A. Radford et al., "Learning transferable visual models from natural language supervision", 2021.
    """

    _ARCHIVES = [("https://openaipublic.azureedge.net/clip/data/rendered-sst2.tgz",
                  "2384d08e9dcfa4bd55b324e610496ee5")]
    _SPLITS = ("train", "val", "test")

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False,
                 loader: Loader = default_loader) -> None:
        self._split = verify_str_arg(split, "split", self._SPLITS)
        self.classes = ["negative", "positive"]
        self.class_to_idx = {"negative": 0, "positive": 1}
        super().__init__(root, transform, target_transform, download, loader)

    def _needed(self) -> list[Path]:
        folder = Path(self.root) / "rendered-sst2" / ("valid" if self._split == "val" else self._split)
        return [folder / name for name in self.classes]

    def _list(self) -> tuple[list[Any], list[Any]]:
        return unzip(make_dataset(self._needed()[0].parent, self.class_to_idx, ("png",)))


class GTSRB(LabelledFiles):
    """German traffic signs of 43 kinds: 26,640 to train on and 12,630 to test with, in `root/gtsrb`.

    split: 'train' or 'test'. Other arguments as for `LabelledFiles`; there is no `loader`.
    Source: J. Stallkamp et al., "The German traffic sign recognition benchmark", IJCNN 2011.
    """

    _SPLITS = ("train", "test")
    _URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"
    _ARCHIVE_OF: ClassVar[dict[str, list[tuple[str, str]]]] = {
        "train": [("GTSRB-Training_fixed.zip", "513f3c79a4c5141765e10e952eaa2478")],
        "test": [("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185"),
                 ("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5")],
    }

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        self._split = verify_str_arg(split, "split", self._SPLITS)
        super().__init__(root, transform, target_transform, download)

    @property
    def _archive_root(self) -> Path:
        return Path(self.root) / "gtsrb"

    def _needed(self) -> list[Path]:
        return [self._archive_root / "GTSRB" / ("Training" if self._split == "train" else "Final_Test/Images")]

    def download(self) -> None:
        """Get the archives of this part and unpack them, unless they are there."""
        if not self._check_exists():
            for name, md5 in self._ARCHIVE_OF[self._split]:
                download_and_extract_archive(self._URL + name, self._archive_root, md5=md5)

    def _list(self) -> tuple[list[Any], list[Any]]:
        folder = self._needed()[0]
        if self._split == "train":
            return unzip(make_dataset(folder, extensions=(".ppm",)))
        table = self._archive_root / "GT-final_test.csv"
        with reading(table, "it has no columns Filename and ClassId of numbers"):
            return unzip([(inside(folder, row["Filename"], table), int(row["ClassId"]))
                          for row in read_table(table, ";")])

    def extra_repr(self) -> str:
        return ""
