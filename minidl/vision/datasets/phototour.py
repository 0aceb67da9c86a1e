"""PhotoTour: patches of photographs of three places, to compare."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minidl.serialization import LoadError, load, save
from minidl.tensors.creation import from_numpy
from minidl.tensors.tensor import Tensor
from minidl.vision.datasets.base.reading import damaged, parse_lines, reading
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import download_url, extract_archive, list_files, verify_str_arg
from minidl.vision.datasets.vision import Transform, VisionDataset

_SIZE = 64      # pixels a side of a patch


class PhotoTour(VisionDataset[Any]):
    """Patches of 64x64 grey pixels round points in photographs of three places; do two show the same point?

    root: the folder of the place's folder. name: 'notredame', 'yosemite', 'liberty', or one of them with '_harris'.
    train: samples are patches, uint8 tensors (64, 64); else `(patch, patch, 1 or 0)`. transform: applied to each patch.
    download: get the archive. The first use writes `root/<name>.pt`, which later ones read.

    `data` are all patches (N, 64, 64), `labels` the point of each, `matches` (M, 3) two patches and whether they match;
    `mean` and `std` are those of the patches, from 0 to 1.
    Errors: FileNotFoundError if the folder is missing; ValueError for damaged files; OSError for damaged images.

    Source: M. Brown, G. Hua, S. Winder, "Discriminative learning of local image descriptors", TPAMI 2011.
    """

    urls: ClassVar[dict[str, list[str]]] = {
        "notredame_harris": ["http://matthewalunbrown.com/patchdata/notredame_harris.zip", "notredame_harris.zip",
                             "69f8c90f78e171349abdf0307afefe4d"],
        "yosemite_harris": ["http://matthewalunbrown.com/patchdata/yosemite_harris.zip", "yosemite_harris.zip",
                            "a73253d1c6fbd3ba2613c45065c00d46"],
        "liberty_harris": ["http://matthewalunbrown.com/patchdata/liberty_harris.zip", "liberty_harris.zip",
                           "c731fcfb3abb4091110d0ae8c7ba182c"],
        "notredame": ["http://icvl.ee.ic.ac.uk/vbalnt/notredame.zip", "notredame.zip",
                      "509eda8535847b8c0a90bbb210c83484"],
        "yosemite": ["http://icvl.ee.ic.ac.uk/vbalnt/yosemite.zip", "yosemite.zip", "533b2e8eb7ede31be40abc317b2fd4f0"],
        "liberty": ["http://icvl.ee.ic.ac.uk/vbalnt/liberty.zip", "liberty.zip", "fdd9152f138ea5ef2091746689176414"],
    }
    means: ClassVar[dict[str, float]] = {
        "notredame": 0.4854, "yosemite": 0.4844, "liberty": 0.4437,
        "notredame_harris": 0.4854, "yosemite_harris": 0.4844, "liberty_harris": 0.4437,
    }
    stds: ClassVar[dict[str, float]] = {
        "notredame": 0.1864, "yosemite": 0.1818, "liberty": 0.2019,
        "notredame_harris": 0.1864, "yosemite_harris": 0.1818, "liberty_harris": 0.2019,
    }
    lens: ClassVar[dict[str, int]] = {      # how many patches are no padding
        "notredame": 468159, "yosemite": 633587, "liberty": 450092,
        "notredame_harris": 325295, "yosemite_harris": 450912, "liberty_harris": 379587,
    }
    image_ext = "bmp"
    info_file = "info.txt"
    matches_files = "m50_100000_100000_0.txt"

    def __init__(self, root: str | Path, name: str, train: bool = True, transform: Transform | None = None,
                 download: bool = False) -> None:
        super().__init__(root, transform=transform)
        self.name = verify_str_arg(name, "name", self.urls)
        self.train = train
        self.mean, self.std = self.means[name], self.stds[name]
        self.data_dir = os.path.join(self.root, name)
        self.data_down = os.path.join(self.root, f"{name}.zip")
        self.data_file = os.path.join(self.root, f"{name}.pt")
        if download:
            self.download()
        if not os.path.exists(self.data_file):
            self.cache()
        with reading(self.data_file, "it is not what an earlier run wrote; delete it", LoadError):
            self.data, self.labels, self.matches = load(self.data_file)

    def download(self) -> None:
        """Get the archive and unpack it, unless the folder is there."""
        if not os.path.exists(self.data_file) and not os.path.exists(self.data_dir):
            url, name, md5 = self.urls[self.name]
            download_url(url, self.root, name, md5)
            extract_archive(os.path.join(self.root, name), self.data_dir, remove_finished=True)

    def cache(self) -> None:
        """Write all patches, labels and pairs into `root/<name>.pt`."""
        labels = self._numbers(self.info_file, lambda row: int(row[0]))
        matches = self._numbers(self.matches_files, lambda row: (int(row[0]), int(row[3]), int(row[1] == row[4])))
        patches = self._patches()
        pairs = np.array(matches, np.int64).reshape(-1, 3)
        if len(pairs) and not 0 <= pairs[:, :2].min() <= pairs[:, :2].max() < len(patches):
            raise damaged(os.path.join(self.data_dir, self.matches_files), f"there are {len(patches):,} patches, it "
                          f"names patch {pairs[:, :2].max():,}")
        save((patches, from_numpy(np.array(labels, np.int64)), from_numpy(pairs)), self.data_file)

    def _numbers(self, name: str, parse: Any) -> list[Any]:
        return parse_lines(os.path.join(self.data_dir, name), lambda line: parse(line.split()), "numbers")

    def _patches(self) -> Tensor:
        """All patches, from images of 16 by 16 of them, row by row."""
        if not os.path.isdir(self.data_dir):
            raise FileNotFoundError(f"PhotoTour: Dataset not found. You can use download=True to download it: "
                                    f"{self.data_dir} is missing")
        patches = []
        for path in list_files(self.data_dir, self.image_ext, prefix=True):
            pixels = np.asarray(open_image(path, "L"))
            if pixels.shape[0] % _SIZE or pixels.shape[1] % _SIZE:
                raise damaged(path, f"{pixels.shape[1]}x{pixels.shape[0]} pixels are no patches of {_SIZE}x{_SIZE}")
            rows, columns = pixels.shape[0] // _SIZE, pixels.shape[1] // _SIZE
            patches.append(pixels.reshape(rows, _SIZE, columns, _SIZE).swapaxes(1, 2).reshape(-1, _SIZE, _SIZE))
        whole = np.concatenate(patches) if patches else np.zeros((0, _SIZE, _SIZE), np.uint8)
        return from_numpy(whole[:self.lens[self.name]].copy())

    def __getitem__(self, index: int) -> Any:
        if self.train:
            return self._changed(self.data[index])
        first, second, same = self.matches[index]
        return self._changed(self.data[first]), self._changed(self.data[second]), same

    def _changed(self, patch: Any) -> Any:
        return patch if self.transform is None else self.transform(patch)

    def __len__(self) -> int:
        return len(self.data if self.train else self.matches)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"
