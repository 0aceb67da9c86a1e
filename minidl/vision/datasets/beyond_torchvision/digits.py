"""Digits: 1,797 handwritten digits of 8x8 pixels, shipped with minidl for offline examples."""
from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minidl.tensors.creation import from_numpy
from minidl.vision.datasets.base.images import InMemoryImages

_FILE = Path(__file__).with_name("digits.csv.gz")  # a row: 64 pixels, then the label, as at UCI
_TEST_STRIDE = 5    # every fifth image is for testing


class Digits(InMemoryImages):
    """Small handwritten digits: 1,438 images to train on and 359 to test with.

    root: ignored; nothing is downloaded. train: the 1,438 or the 359. transform, target_transform:
    applied to each image and label.

    `data` is a uint8 tensor (N, 8, 8) of the original values 0..16, `targets` an int64 tensor (N,).
    A sample is `(PIL image in mode 'L', int)`, as with `MNIST`; in the image the pixels are scaled
    to 0..255 (so `ToTensor` gives `data / 16`, up to rounding). Without transforms a `DataLoader`
    fetches whole batches, as uint8 (B, 8, 8) of 0..16 and int64 (B,).

    The split is fixed: the rows of the published file are sorted by digit (a stable sort), and every fifth is for
    testing. Thirteen people wrote the digits, one after the other in the file, so every writer is in both parts. Digits
    by unseen writers are harder to read: trained on the first 1,437 rows and tested on the last 360, a small
    convolutional network gets 94 % instead of 99 %.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998, doi:10.24432/C50P49, its test part; CC BY 4.0. See digits.txt beside
    this file.

        >>> digits = Digits()
        >>> len(digits), len(Digits(train=False)), digits[0][0].size, digits[0][1]
        (1438, 359, (8, 8), 0)
    """

    classes = [str(digit) for digit in range(10)]

    def __init__(self, root: str | Path | None = None, train: bool = True,
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None) -> None:
        self.train = train
        with gzip.open(_FILE, "rt") as file:
            rows = np.loadtxt(file, dtype=np.uint8, delimiter=",")              # (1797, 65)
        by_digit = np.argsort(rows[:, 64], kind="stable")
        for_testing = np.zeros(len(rows), bool)
        for_testing[by_digit[_TEST_STRIDE - 1::_TEST_STRIDE]] = True
        rows = rows[~for_testing] if train else rows[for_testing]
        images = np.ascontiguousarray(rows[:, :64]).reshape(-1, 8, 8)           # -> (N, 8, 8)
        labels = rows[:, 64].astype(np.int64)                                   # -> (N,)
        super().__init__(from_numpy(images), from_numpy(labels), transform, target_transform)

    def pixels(self, image: np.ndarray) -> np.ndarray:
        return np.rint(image * (255 / 16)).astype(np.uint8)

    def __repr__(self) -> str:
        return f"Digits({len(self)} samples, train={self.train})"
