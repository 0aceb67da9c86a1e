"""OxfordIIITPet: cats and dogs of 37 breeds, with their outlines."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidl.vision.datasets.base.published import Published
from minidl.vision.datasets.base.reading import damaged, inside, parse_lines
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import verify_str_arg
from minidl.vision.datasets.vision import Transform, Transforms


class OxfordIIITPet(Published):
    """Cats and dogs of 37 breeds, with their outlines: 3,680 to train on and 3,669 to test with.

    root: the folder that holds `oxford-iiit-pet`. split: 'trainval' or 'test'. target_types: one of these, or a
    sequence of them for a tuple; an empty one: the target is None. transforms: applied to image and target; transform,
    target_transform: instead, one for each. download: get the archives, unless the folders are there.

    - 'category': the number of the breed, in `classes`
    - 'binary-category': 0 for a cat, 1 for a dog, in `bin_classes`
    - 'segmentation': PIL image of 1 (animal), 2 (background) and 3 (neither)

    Errors: RuntimeError if the data set is not there; ValueError for arguments of no such part, and for damaged lists;
    OSError for images that are missing or damaged.

    Source: O. Parkhi, A. Vedaldi, A. Zisserman, C. Jawahar, "Cats and dogs", CVPR 2012.
    """

    _RESOURCES = (
        ("https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c"),
        ("https://www.robots.ox.ac.uk/~vgg/data/pets/data/annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f"),
    )
    _ARCHIVES = _RESOURCES
    _VALID_TARGET_TYPES = ("category", "binary-category", "segmentation")

    def __init__(self, root: str | Path, split: str = "trainval", target_types: Sequence[str] | str = "category",
                 transforms: Transforms | None = None, transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False) -> None:
        self._split = verify_str_arg(split, "split", ("trainval", "test"))
        self._target_types = [verify_str_arg(kind, "target_types", self._VALID_TARGET_TYPES) for kind in
                              ([target_types] if isinstance(target_types, str) else target_types)]
        super().__init__(root, transforms, transform, target_transform)
        self._prepare(download)
        images, annotations = self._needed()
        file = annotations / f"{self._split}.txt"
        rows = parse_lines(file, _parse, "<image> <breed> <1 or 2> <number>")
        self._labels = [label for _, label, _ in rows]
        self._bin_labels = [label for _, _, label in rows]
        breeds: dict[int, str] = {}
        for name, label, _ in rows:
            breed = name.rsplit("_", 1)[0]
            if breeds.setdefault(label, breed) != breed:
                raise damaged(file, f"{name} has the number {label + 1}, which is that of {breeds[label]}")
        if sorted(breeds) != list(range(len(breeds))):
            raise damaged(file, f"its breeds have the numbers {sorted(label + 1 for label in breeds)}")
        self.classes = [" ".join(part.title() for part in breeds[label].split("_")) for label in sorted(breeds)]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self.bin_classes = ["Cat", "Dog"]
        self.bin_class_to_idx = {"Cat": 0, "Dog": 1}
        self._images = [Path(inside(images, f"{name}.jpg", file)) for name, _, _ in rows]
        self._segs = [Path(inside(annotations / "trimaps", f"{name}.png", file)) for name, _, _ in rows]

    @property
    def _archive_root(self) -> Path:
        return Path(self.root) / "oxford-iiit-pet"

    def _needed(self) -> list[Path]:
        return [self._archive_root / "images", self._archive_root / "annotations"]

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = open_image(self._images[index], "RGB")
        targets = [open_image(self._segs[index]) if kind == "segmentation" else
                   (self._labels if kind == "category" else self._bin_labels)[index] for kind in self._target_types]
        target = None if not targets else targets[0] if len(targets) == 1 else tuple(targets)
        return self.transformed(image, target)


def _parse(line: str) -> tuple[str, int, int]:
    name, breed, kind, _ = line.split()
    if kind not in ("1", "2"):
        raise ValueError(kind)
    return name, int(breed) - 1, int(kind) - 1
