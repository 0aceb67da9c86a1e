"""FER2013: faces of seven expressions."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from minidl.tensors.creation import from_numpy
from minidl.vision.datasets.base.reading import read_table, reading
from minidl.vision.datasets.utils import (
    check_integrity,
    verify_str_arg,
)
from minidl.vision.datasets.vision import Transform, VisionDataset


class FER2013(VisionDataset[tuple[Any, Any]]):
    """Faces of seven expressions, 48x48 grey pixels: 28,709 to train on and 7,178 to test with.

    root: the folder that holds `fer2013` with `fer2013.csv`, `icml_face_data.csv`, or `train.csv` and `test.csv`; the
    first found is read, and `test.csv` has no labels (None). They come from Kaggle, after a login. split: 'train' or
    'test'. transform, target_transform: applied to each image and label.
    Errors: RuntimeError if the file is missing or is not the one published; ValueError if it is damaged.

    Source: I. Goodfellow et al., "Challenges in representation learning: a report on three machine learning contests",
    2013.
    """

    _RESOURCES: ClassVar[dict[str, tuple[str, str]]] = {
        "train": ("train.csv", "3f0dfb3d3fd99c811a1299cb947e3131"),
        "test": ("test.csv", "b02c2298636a634e8c2faabbf3ea9a23"),
        "fer": ("fer2013.csv", "f8428a1edbd21e88f42c73edd2a14f95"),
        "icml": ("icml_face_data.csv", "b114b9e04e6949e5fe8b6a98b3892b1d"),
    }

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None) -> None:
        self._split = verify_str_arg(split, "split", ("train", "test"))
        super().__init__(root, transform=transform, target_transform=target_transform)
        folder = Path(self.root) / "fer2013"
        whole = [kind for kind in ("fer", "icml") if (folder / self._RESOURCES[kind][0]).exists()]
        name, md5 = self._RESOURCES[whole[0] if whole else self._split]
        path = folder / name
        if not check_integrity(path, md5):
            raise RuntimeError(f"FER2013: {name} not found in {folder} or corrupted. You can download it from https://"
                               "www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-"
                               "challenge")
        usages = ("Training",) if self._split == "train" else ("PublicTest", "PrivateTest")
        with reading(path, "it has no columns of emotions from 0 to 6 and of 48x48 pixels from 0 to 255"):
            rows = [{column.strip(): cell for column, cell in row.items()} for row in read_table(path)]
            self._samples = [self._sample(row) for row in rows if not whole or row["Usage"] in usages]

    @staticmethod
    def _sample(row: dict[str, str]) -> tuple[Any, int | None]:
        pixels = np.array(row["pixels"].split(), np.int64).reshape(48, 48)
        label = int(row["emotion"]) if "emotion" in row else None
        if not 0 <= pixels.min() <= pixels.max() <= 255 or (label is not None and not 0 <= label < 7):
            raise ValueError(f"label {label}, pixels from {pixels.min()} to {pixels.max()}")
        return from_numpy(pixels.astype(np.uint8)), label

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels, label = self._samples[index]
        return self.transformed(Image.fromarray(np.asarray(pixels)), label)

    def extra_repr(self) -> str:
        return f"split={self._split}"
