"""What every layout says of an image: its file, its size, and its boxes."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from minidl.vision.datasets.base.reading import damaged, reading
from minidl.vision.datasets.folder import is_image_file


class Box(NamedTuple):
    """A box in pixels from 0, its class, and whether an evaluation ignores it: VOC's `difficult`, COCO's `iscrowd`."""

    name: str
    x1: float
    y1: float
    x2: float
    y2: float
    ignored: bool = False


@dataclass
class Annotation:
    """An image and its boxes."""

    path: Path
    width: int
    height: int
    boxes: list[Box] = field(default_factory=list)


def checked(annotation: Annotation, file: str | Path, classes: Sequence[str] | None) -> Annotation:
    """The annotation, its boxes cut where they leave the image by a pixel or less, as rounding makes them.

    file: that says so. classes: names that there are, if known.
    Errors: ValueError for any other box that is outside, or without width or height, not finite, of no class.
    """
    size = np.array([annotation.width, annotation.height] * 2, float)
    boxes = []
    for at, box in enumerate(annotation.boxes):
        sides = np.array(box[1:5], float)
        said = f"box {at} ({box.name}), {', '.join(f'{side:g}' for side in sides)}, "
        if classes is not None and box.name not in classes:
            raise damaged(file, f"box {at} is of class {box.name!r}; there are {', '.join(classes)}")
        if not np.isfinite(sides).all():
            raise damaged(file, said + "is not finite")
        if (sides < -1).any() or (sides > size + 1).any():
            raise damaged(file, said + f"leaves the image of {annotation.width}x{annotation.height}")
        sides = sides.clip(0, size)
        if (sides[2:] <= sides[:2]).any():
            raise damaged(file, said + "has no width or no height")
        x1, y1, x2, y2 = sides.tolist()
        boxes.append(Box(box.name, x1, y1, x2, y2, box.ignored))
    return Annotation(annotation.path, annotation.width, annotation.height, boxes)


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) of an image, from the head of its file."""
    with reading(path, "it is no image, or is damaged", OSError), Image.open(path) as image:
        return image.size


def agrees(path: Path, said: tuple[int, int], file: str | Path) -> None:
    """Errors: ValueError if the image has another (width, height) than the file says."""
    found = size_of(path)
    if said != found:
        raise damaged(file, f"it is about an image of {said[0]}x{said[1]}, but {path} has {found[0]}x{found[1]}")


def images_in(folder: Path) -> list[Path]:
    """All images of a folder, by name. Errors: FileNotFoundError without the folder."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    return sorted(path for path in folder.iterdir() if is_image_file(path.name))


def names_of(annotations: Iterable[Annotation]) -> list[str]:
    """The classes that occur, sorted."""
    return sorted({box.name for each in annotations for box in each.boxes})
