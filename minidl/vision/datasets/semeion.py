"""SEMEION: handwritten digits in black and white."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from minidl.vision.datasets.base.images import LabelledArrays
from minidl.vision.datasets.base.published import not_found
from minidl.vision.datasets.base.reading import read_lines, reading
from minidl.vision.datasets.utils import (
    check_integrity,
    download_url,
)
from minidl.vision.datasets.vision import Transform


class SEMEION(LabelledArrays):
    """Handwritten digits of about 80 persons: 1,593 of 16x16 pixels, black and white.

    root: the folder of `semeion.data`. transform, target_transform: applied to each image and label. download: get the
    file if it is missing or wrong; torchvision's default, True.

    `data` is a uint8 array (N, 16, 16) of 0 and 255, `labels` an array (N,).
    Errors: RuntimeError if the file is missing or is not the one published; ValueError if it is damaged.

    Source: M. Buscema, "MetaNet: the theory of independent judges", 1998; UCI Machine Learning Repository.
    """

    url = "http://archive.ics.uci.edu/ml/machine-learning-databases/semeion/semeion.data"
    filename = "semeion.data"
    md5_checksum = "cb545d371d2ce14ec121470795a77432"

    def __init__(self, root: str | Path, transform: Transform | None = None, target_transform: Transform | None = None,
                 download: bool = True) -> None:
        self.root = Path(root).expanduser()
        if download:
            self.download()
        path = self.root / self.filename
        if not check_integrity(path, self.md5_checksum):
            raise not_found(self, f"{path} is missing, or is not the published file")
        with reading(path, "it is no table of 256 pixels and 10 marks a row"):
            rows = np.array([line.split() for line in read_lines(path)], np.float64).reshape(-1, 266)
            if not (rows[:, 256:] > 0).sum(axis=1).tolist() == [1] * len(rows):
                raise ValueError("not every row marks one digit")
        super().__init__((rows[:, :256] * 255).astype(np.uint8).reshape(-1, 16, 16), rows[:, 256:].argmax(axis=1),
                         transform, target_transform, root)

    def download(self) -> None:
        """Get the file, unless it is there."""
        if not check_integrity(self.root / self.filename, self.md5_checksum):
            download_url(self.url, self.root, self.filename, self.md5_checksum)
