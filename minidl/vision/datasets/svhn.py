"""SVHN: house numbers in photographs."""
from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from minidl.vision.datasets.base.images import LabelledArrays
from minidl.vision.datasets.base.published import not_found
from minidl.vision.datasets.base.reading import damaged, read_mat
from minidl.vision.datasets.utils import (
    check_integrity,
    download_url,
    verify_str_arg,
)
from minidl.vision.datasets.vision import Transform


class SVHN(LabelledArrays):
    """House numbers in photographs: digits of 32x32 pixels, 73,257 to train on and 26,032 to test with.

    root: the folder of `train_32x32.mat` and so on. split: 'train', 'test' or 'extra' (531,131 easier ones). transform,
    target_transform: applied to each image and label. download: get the file if it is missing or wrong.

    `data` is a uint8 array (N, 3, 32, 32), `labels` an int64 array (N,).
    Errors: RuntimeError if the file is missing or is not the one published; ValueError if it holds no such images.

    Source: Y. Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011.
    """

    split_list: ClassVar[dict[str, list[str]]] = {      # URL, name and MD5
        "train": ["http://ufldl.stanford.edu/housenumbers/train_32x32.mat", "train_32x32.mat",
                  "e26dedcc434d2e4c54c9b2d4a06d8373"],
        "test": ["http://ufldl.stanford.edu/housenumbers/test_32x32.mat", "test_32x32.mat",
                 "eb5a983be6a315427106f1b164d9cef3"],
        "extra": ["http://ufldl.stanford.edu/housenumbers/extra_32x32.mat", "extra_32x32.mat",
                  "a93ce644f1a588dc4d68dda5feec44a7"],
    }
    channels_first = True

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        self.split = verify_str_arg(split, "split", self.split_list)
        self.url, self.filename, self.file_md5 = self.split_list[split]
        self.root = Path(root).expanduser()
        if download:
            self.download()
        path = self.root / self.filename
        if not check_integrity(path, self.file_md5):
            raise not_found(self, f"{path} is missing, or is not the published file")
        data, labels = read_mat(path, "X", "y")
        if data.ndim != 4 or data.dtype != np.uint8 or data.shape[2] != 3 or labels.size != data.shape[3]:
            raise damaged(path, f"expected uint8 X (32, 32, 3, N) and N labels y, got {data.dtype} X {data.shape} and "
                                f"y {labels.shape}")
        labels = labels.astype(np.int64).reshape(-1)
        if len(labels) and not (labels.min() >= 0 and labels.max() <= 10):
            raise damaged(path, f"expected labels from 1 to 10, got {labels.min()} to {labels.max()}")
        labels[labels == 10] = 0
        super().__init__(data.transpose(3, 2, 0, 1), labels, transform, target_transform, root)

    def download(self) -> None:
        """Get the file of this part, unless it is there."""
        download_url(self.url, self.root, self.filename, self.file_md5)

    def extra_repr(self) -> str:
        return f"Split: {self.split}"
