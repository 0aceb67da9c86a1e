"""Kitti: what a driving car sees, with boxes round cars, persons and bicycles."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from minidl.vision.datasets.base.published import Published
from minidl.vision.datasets.base.reading import parse_lines
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import download_and_extract_archive, list_files
from minidl.vision.datasets.vision import Transform, Transforms


class Kitti(Published):
    """Streets of Karlsruhe with boxes in two and three dimensions: 7,481 to train on and 7,518 to test with.

    root: the folder that holds `Kitti/raw/training` and `Kitti/raw/testing`. train: which of them; to test with there
    are no targets (None). transform, target_transform: applied to each image and target; transforms: instead, applied
    to both. download: get the archives, unless the folders are there.

    `images` and `targets` are the paths, sorted. A target is a list of dicts with `type`, `truncated`, `occluded`,
    `alpha`, `bbox` (x1, y1, x2, y2), `dimensions` (height, width, length), `location` and `rotation_y`.
    Errors: RuntimeError if the data set is not there; ValueError for damaged annotations, FileNotFoundError for missing
    ones; OSError for damaged images.

    Source: A. Geiger, P. Lenz, R. Urtasun, "Are we ready for autonomous driving?", CVPR 2012.
    """

    data_url = "https://s3.eu-central-1.amazonaws.com/avg-kitti/"
    resources = ["data_object_image_2.zip", "data_object_label_2.zip"]
    image_dir_name = "image_2"
    labels_dir_name = "label_2"

    def __init__(self, root: str | Path, train: bool = True, transform: Transform | None = None,
                 target_transform: Transform | None = None, transforms: Transforms | None = None,
                 download: bool = False) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.train = train
        self._location = "training" if train else "testing"
        self._prepare(download)
        images, *labels = self._needed()
        self.images = list_files(images, "", prefix=True)
        self.targets = [str(labels[0] / f"{Path(path).name.split('.')[0]}.txt") for path in self.images if labels]

    @property
    def _raw_folder(self) -> Path:
        return Path(self.root) / type(self).__name__ / "raw"

    def _needed(self) -> list[Path]:
        names = [self.image_dir_name, *([self.labels_dir_name] if self.train else [])]
        return [self._raw_folder / self._location / name for name in names]

    def download(self) -> None:
        """Get the archives, unless the folders are there."""
        if not self._check_exists():
            for name in self.resources:
                download_and_extract_archive(self.data_url + name, self._raw_folder, filename=name)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        target = parse_lines(self.targets[index], _parse, "a type and 14 numbers", True) if self.train else None
        return self.transformed(open_image(self.images[index]), target)

    def __len__(self) -> int:
        return len(self.images)


def _parse(line: str) -> dict[str, Any]:
    kind, *cells = line.split()
    numbers = [float(cell) for cell in cells]
    return {"type": kind, "truncated": numbers[0], "occluded": int(cells[1]), "alpha": numbers[2],
            "bbox": numbers[3:7], "dimensions": numbers[7:10], "location": numbers[10:13], "rotation_y": numbers[13]}
