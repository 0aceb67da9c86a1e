"""BoxedImages: images with boxes from a folder in one of three layouts, and written in any of them."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.tensors.creation import from_numpy
from minidl.vision.datasets.boxed import coco, voc, yolo
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import verify_str_arg
from minidl.vision.datasets.vision import Transform, Transforms, VisionDataset

LAYOUTS = {"voc": voc, "coco": coco, "yolo": yolo}


class BoxedImages(VisionDataset[tuple[Any, Any]]):
    """Images with boxes, for detectors, from a folder in the layout of PASCAL VOC, COCO or YOLO.

    root: the folder. layout: which files it holds,
        "voc":  `ImageSets/Main/SPLIT.txt`, `JPEGImages/`, `Annotations/NAME.xml`;
        "coco": `annotations/instances_SPLIT.json`, `SPLIT/`;
        "yolo": `data.yaml` with the names of classes, `images/SPLIT/`, `labels/SPLIT/NAME.txt`.
    split: the name of the part, such as "train" or "val". classes: their names in the wanted order; if not given, all
    that occur, sorted, for VOC, and those of the file for the others. transform, target_transform: applied to each
    image and target; transforms: instead, applied to both.

    A sample is `(PIL image in mode 'RGB', dict)`; the dict has `boxes`, float32 (n, 4) of x1, y1, x2, y2 in pixels from
    0, `labels`, int64 (n,) from 1, since 0 is the background: `classes[label]` is the name; and `iscrowd`, int64 (n,),
    1 for boxes that an evaluation ignores (`difficult` of VOC). `annotations` are what was read.

    All annotations are read and checked at once. Errors: ValueError for a box that is not finite, leaves the image by
    more than a pixel, has no width or height, or is of no class, for an image of another size than is said, and for
    damaged files; the error names the file and the box. FileNotFoundError for missing files.

        >>> import tempfile
        >>> from PIL import Image
        >>> root = Path(tempfile.mkdtemp())
        >>> for folder in ("images/train", "labels/train"):
        ...     (root / folder).mkdir(parents=True)
        >>> Image.new("RGB", (40, 20)).save(root / "images/train/a.png")
        >>> _ = (root / "labels/train/a.txt").write_text("1 0.5 0.5 0.2 0.4")
        >>> _ = (root / "data.yaml").write_text("names: [cat, dog]")
        >>> data = BoxedImages(root, "yolo")
        >>> data[0][1]["boxes"], data.classes[2]
        (tensor([[16.,  6., 24., 14.]]), 'dog')
        >>> data.write(root / "as_coco", "coco")
        >>> BoxedImages(root / "as_coco", "coco").annotations[0].boxes
        [Box(name='dog', x1=16.0, y1=6.0, x2=24.0, y2=14.0, ignored=False)]
    """

    def __init__(self, root: str | Path, layout: str, split: str = "train", classes: Sequence[str] | None = None,
                 transform: Transform | None = None, target_transform: Transform | None = None,
                 transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms, transform, target_transform)
        self.layout = verify_str_arg(layout, "layout", LAYOUTS)
        self.split = split
        self.annotations, names = LAYOUTS[layout].read(Path(self.root), split, classes)
        self.classes = ["__background__", *names]

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        annotation = self.annotations[index]
        boxes = annotation.boxes
        return self.transformed(open_image(str(annotation.path), "RGB"), {
            "boxes": from_numpy(np.array([box[1:5] for box in boxes], np.float32).reshape(-1, 4)),
            "labels": from_numpy(np.array([self.classes.index(box.name, 1) for box in boxes], np.int64)),
            "iscrowd": from_numpy(np.array([box.ignored for box in boxes], np.int64))})

    def write(self, root: str | Path, layout: str, split: str | None = None) -> None:
        """Copy the images, and write their boxes in another layout, or in the same.

        Corners of VOC, from 1 to the last pixel, become distances from the image's left and upper rim, and back. YOLO
        has no boxes to ignore: they are left out.
        Errors: ValueError for another layout, and for two images of one name without its ending.
        """
        verify_str_arg(layout, "layout", LAYOUTS)
        names = [annotation.path.name for annotation in self.annotations]
        stems: set[str] = set()
        for name in names:
            if Path(name).stem in stems:
                raise ValueError(f"BoxedImages.write: two images are called {Path(name).stem!r}; rename one of them")
            stems.add(Path(name).stem)
        LAYOUTS[layout].write(Path(root), split or self.split, self.annotations, names, self.classes[1:])

    def extra_repr(self) -> str:
        return f"Layout: {self.layout}\nSplit: {self.split}"
