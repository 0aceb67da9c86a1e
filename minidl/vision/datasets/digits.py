"""Digits: 1,797 handwritten digits of 8x8 pixels, shipped with minidl: examples run offline."""
from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minidl.creation import from_numpy
from minidl.vision.datasets.images import InMemoryImages

_FILE = Path(__file__).with_name("digits.csv.gz")  # a row: 64 pixels, then the label; as UCI has it
_TRAIN = 1437


class Digits(InMemoryImages):
    """Small handwritten digits: 1,437 images to train on and 360 to test with.

    root: ignored; nothing is downloaded. train: the 1,437 or the 360. transform, target_transform:
    applied to each image and label.

    `data` is a uint8 tensor (N, 8, 8) of the original values 0..16, `targets` an int64 tensor (N,).
    A sample is `(PIL image in mode 'L', int)`, as with `MNIST`; in the image the pixels are scaled
    to 0..255 (so `ToTensor` gives `data / 16`, up to rounding). Without transforms a `DataLoader`
    fetches whole batches, as uint8 (B, 8, 8) of 0..16 and int64 (B,).

    The split is by position in the published file: the first 1,437 rows, then the last 360.
    Thirteen people wrote the digits; the file does not name them, but it seems to go from one to
    the next. So most test digits are by people the training set has not seen: an honest test, and
    harder than a random split (a support vector machine gets 94 % here and 99 % there). Every class
    has 141 to 146 training and 33 to 37 test images.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998, doi:10.24432/C50P49, its test part; CC BY 4.0. See digits.txt beside
    this file.

        >>> digits = Digits()
        >>> len(digits), len(Digits(train=False)), digits[0][0].size, digits[0][1]
        (1437, 360, (8, 8), 0)
    """

    classes = [str(digit) for digit in range(10)]

    def __init__(self, root: str | Path | None = None, train: bool = True,
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None) -> None:
        self.train = train
        with gzip.open(_FILE, "rt") as file:
            rows = np.loadtxt(file, dtype=np.uint8, delimiter=",")              # (1797, 65)
        rows = rows[:_TRAIN] if train else rows[_TRAIN:]
        images = np.ascontiguousarray(rows[:, :64]).reshape(-1, 8, 8)           # -> (N, 8, 8)
        labels = rows[:, 64].astype(np.int64)                                   # -> (N,)
        super().__init__(from_numpy(images), from_numpy(labels), transform, target_transform)

    def pixels(self, image: np.ndarray) -> np.ndarray:
        return np.rint(image * (255 / 16)).astype(np.uint8)

    def __repr__(self) -> str:
        return f"Digits({len(self)} samples, train={self.train})"
