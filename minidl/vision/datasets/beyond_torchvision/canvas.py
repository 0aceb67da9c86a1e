"""DigitCanvas: several digits on one image, for detection and segmentation offline."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from minidl.tensors.creation import from_numpy, tensor
from minidl.utils.data.dataset import Dataset
from minidl.vision.datasets.beyond_torchvision.shapes import tight_box
from minidl.vision.datasets.vision import VisionDataset

_ATTEMPTS = 50          # tries to place one more digit
_INK_THRESHOLD = 64     # pixels of at least this value belong to the digit


class DigitCanvas(VisionDataset[tuple[Any, Any]]):
    """Digits on a black canvas, with tight boxes and masks.

    digits: a data set whose samples are `(PIL image, int)`, such as `Digits` or `MNIST`; or any with `data` of that
    kind. size: how many canvases. canvas: pixels a side. count: a range for the number of digits. scale: a range for
    the factor on their size in the data set. max_overlap: how much of a digit's box another box may cover. seed:
    another seed gives other canvases. transform, target_transform, transforms: applied to image, target, or both.

    Canvas i is always the same, in any order of access. A sample is a PIL image in mode 'L' and a dict: `boxes`
    float32 (n, 4) of x1 y1 x2 y2, tight around the ink, `labels` int64 (n,), the digits' labels plus 1, as
    torchvision's detectors count (0 is the background), `masks` uint8 (n, H, W), 1 on the ink, `area`,
    `iscrowd` and `image_id`. A canvas without room has fewer digits than drawn.
    Errors: IndexError beyond the end; ValueError for arguments out of range, and for a canvas that no digit fits on.

        >>> from minidl.vision.datasets import Digits
        >>> canvas = DigitCanvas(Digits(), size=5, canvas=64, count=(2, 2), scale=(2, 3))
        >>> image, target = canvas[0]
        >>> image.size, tuple(target["boxes"].shape), tuple(target["masks"].shape)
        ((64, 64), (2, 4), (2, 64, 64))
    """

    def __init__(self, digits: Dataset[Any], size: int = 1000, canvas: int = 64, count: tuple[int, int] = (1, 4),
                 scale: tuple[float, float] = (0.6, 1.5), max_overlap: float = 0.1, seed: int = 0,
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None,
                 transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None) -> None:
        super().__init__(None, transforms, transform, target_transform)
        if not 1 <= count[0] <= count[1]:
            raise ValueError(f"DigitCanvas: expected count=(from, to) with 1 <= from <= to, got {count}")
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(f"DigitCanvas: expected scale=(from, to) with 0 < from <= to, got {scale}")
        if not 0 <= max_overlap <= 1:
            raise ValueError(f"DigitCanvas: expected max_overlap from 0 to 1, got {max_overlap}")
        self.digits: Any = digits
        self.size = size
        self.canvas = canvas
        self.count = count
        self.scale = scale
        self.max_overlap = max_overlap
        self.seed = seed
        image = digits[0][0]
        if not isinstance(image, Image.Image):
            raise ValueError(f"DigitCanvas: expected samples (PIL image, int), got {type(image).__name__}; make the "
                             "data set of digits without a transform")
        if max(image.size) * scale[0] > canvas:
            raise ValueError(f"DigitCanvas: digits of {image.size} pixels times {scale[0]} do not fit on {canvas}; try "
                             "a larger canvas or a smaller scale")

    @property
    def classes(self) -> Sequence[str]:
        """The names of the labels. The first is the background."""
        return ["__background__", *self.digits.classes]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < self.size:
            raise IndexError(f"DigitCanvas: index {index} is out of range for {self.size} canvases")
        rng = np.random.default_rng([self.seed, index])
        canvas = np.zeros((self.canvas, self.canvas), np.uint8)
        labels: list[int] = []
        boxes: list[tuple[int, int, int, int]] = []
        masks: list[np.ndarray] = []
        wanted = int(rng.integers(self.count[0], self.count[1] + 1))
        for _ in range(wanted * _ATTEMPTS):
            image, label = self.digits[int(rng.integers(len(self.digits)))]
            largest = min(self.scale[1], self.canvas / max(image.size))
            scale = float(rng.uniform(self.scale[0], largest))
            width, height = (max(1, round(side * scale)) for side in image.size)
            pixels = np.asarray(image.convert("L").resize((width, height), Image.Resampling.BILINEAR))
            left, top = (int(rng.integers(self.canvas - side + 1)) for side in (width, height))
            mask = np.zeros(canvas.shape, bool)
            mask[top:top + height, left:left + width] = pixels >= _INK_THRESHOLD
            if not mask.any():
                continue
            box = tight_box(mask)
            if all(_covered(box, other) <= self.max_overlap for other in boxes):
                part = canvas[top:top + height, left:left + width]
                np.maximum(part, pixels, out=part)
                labels.append(int(label) + 1)
                boxes.append(box)
                masks.append(mask)
            if len(boxes) == wanted:
                break
        return self.transformed(Image.fromarray(canvas), {
            "boxes": from_numpy(np.array(boxes, np.float32)),
            "labels": tensor(labels),
            "masks": from_numpy(np.stack(masks).astype(np.uint8)),
            "area": from_numpy(np.array([mask.sum() for mask in masks], np.float32)),
            "iscrowd": from_numpy(np.zeros(len(masks), np.int64)),
            "image_id": index,
        })


def _covered(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> float:
    """The share of the smaller of two boxes that the other covers."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return max(width, 0) * max(height, 0) / smaller
