"""USPS: handwritten digits of envelopes."""
from __future__ import annotations

import bz2
from pathlib import Path
from typing import ClassVar

import numpy as np

from minidl.vision.datasets.base.images import InMemoryImages
from minidl.vision.datasets.base.published import not_found
from minidl.vision.datasets.base.reading import reading
from minidl.vision.datasets.utils import (
    download_url,
)
from minidl.vision.datasets.vision import Transform


class USPS(InMemoryImages):
    """Handwritten digits of envelopes, 16x16 pixels: 7,291 to train on and 2,007 to test with.

    root: the folder of `usps.bz2` and `usps.t.bz2`. train: which of them. transform, target_transform: applied to each
    image and label. download: get the file if it is missing.

    `data` is a uint8 array (N, 16, 16), `targets` a list.
    Errors: RuntimeError if the file is missing; ValueError if it is damaged.

    Source: J. Hull, "A database for handwritten text recognition research", TPAMI 1994.
    """

    split_list: ClassVar[dict[str, list[str]]] = {
        "train": ["https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.bz2", "usps.bz2",
                  "ec16c51db3855ca6c91edd34d0e9b197"],
        "test": ["https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.t.bz2", "usps.t.bz2",
                 "8ea070ee2aca1ac39742fdd1ef5ed118"],
    }

    def __init__(self, root: str | Path, train: bool = True, transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        url, name, md5 = self.split_list["train" if train else "test"]
        path = Path(root).expanduser() / name
        if download and not path.exists():
            download_url(url, path.parent, name, md5=md5)
        if not path.exists():
            raise not_found(self, f"{path} is missing, or is not the published file")
        with reading(path, "it is no bz2 file of lines `label index:value ...`", EOFError, OSError):
            with bz2.open(path) as file:
                rows = [line.decode("ascii").split() for line in file]
            values = np.array([[cell.split(":")[-1] for cell in row[1:]] for row in rows], np.float32)
            images = ((values.reshape(-1, 16, 16) + 1) / 2 * 255).astype(np.uint8)      # from -1..1
            targets = [int(row[0]) - 1 for row in rows]
            if not all(0 <= target < 10 for target in targets):
                raise ValueError("labels are not from 1 to 10")
        super().__init__(images, targets, transform, target_transform, root)
