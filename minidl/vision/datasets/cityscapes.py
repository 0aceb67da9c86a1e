"""Cityscapes: streets of fifty cities, with the class and the instance of each pixel."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from minidl.vision.datasets.base.reading import read_json
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import extract_archive, iterable_to_str, list_dir, list_files, verify_str_arg
from minidl.vision.datasets.vision import Transform, Transforms, VisionDataset


class _Class(NamedTuple):
    """What a number in the masks means."""

    name: str
    id: int
    train_id: int           # 255: not to be learned
    category: str
    category_id: int
    has_instances: bool
    ignore_in_eval: bool
    color: tuple[int, int, int]


_ENDINGS = {"instance": "instanceIds.png", "semantic": "labelIds.png", "color": "color.png", "polygon": "polygons.json"}


class Cityscapes(VisionDataset[tuple[Any, Any]]):
    """Streets of fifty cities, 2048x1024 pixels: 2,975 finely annotated to train on, 500 to validate.

    root: the folder of `leftImg8bit` and `gtFine` or `gtCoarse`, or of the published archives, which the first use
    unpacks. Cityscapes gives them to those who register. split: 'train', 'val' or 'test' if mode is 'fine'; 'train',
    'train_extra' or 'val' if it is 'coarse'. target_type: 'instance', 'semantic' and 'color' are images, 'polygon' the
    dict of the JSON; a list of them for a tuple. transform, target_transform: applied to each image and target;
    transforms: instead, applied to both.

    `images` and `targets` are the paths, sorted; `classes` says what the numbers mean.
    Errors: RuntimeError if folders and archives are missing; ValueError for arguments of no such part and for damaged
    JSON; FileNotFoundError for a missing annotation; OSError for damaged images.

    Source: M. Cordts et al., "The Cityscapes dataset for semantic urban scene understanding", CVPR 2016.
    """

    CityscapesClass = _Class
    classes: ClassVar[list[_Class]] = [
        _Class("unlabeled", 0, 255, "void", 0, False, True, (0, 0, 0)),
        _Class("ego vehicle", 1, 255, "void", 0, False, True, (0, 0, 0)),
        _Class("rectification border", 2, 255, "void", 0, False, True, (0, 0, 0)),
        _Class("out of roi", 3, 255, "void", 0, False, True, (0, 0, 0)),
        _Class("static", 4, 255, "void", 0, False, True, (0, 0, 0)),
        _Class("dynamic", 5, 255, "void", 0, False, True, (111, 74, 0)),
        _Class("ground", 6, 255, "void", 0, False, True, (81, 0, 81)),
        _Class("road", 7, 0, "flat", 1, False, False, (128, 64, 128)),
        _Class("sidewalk", 8, 1, "flat", 1, False, False, (244, 35, 232)),
        _Class("parking", 9, 255, "flat", 1, False, True, (250, 170, 160)),
        _Class("rail track", 10, 255, "flat", 1, False, True, (230, 150, 140)),
        _Class("building", 11, 2, "construction", 2, False, False, (70, 70, 70)),
        _Class("wall", 12, 3, "construction", 2, False, False, (102, 102, 156)),
        _Class("fence", 13, 4, "construction", 2, False, False, (190, 153, 153)),
        _Class("guard rail", 14, 255, "construction", 2, False, True, (180, 165, 180)),
        _Class("bridge", 15, 255, "construction", 2, False, True, (150, 100, 100)),
        _Class("tunnel", 16, 255, "construction", 2, False, True, (150, 120, 90)),
        _Class("pole", 17, 5, "object", 3, False, False, (153, 153, 153)),
        _Class("polegroup", 18, 255, "object", 3, False, True, (153, 153, 153)),
        _Class("traffic light", 19, 6, "object", 3, False, False, (250, 170, 30)),
        _Class("traffic sign", 20, 7, "object", 3, False, False, (220, 220, 0)),
        _Class("vegetation", 21, 8, "nature", 4, False, False, (107, 142, 35)),
        _Class("terrain", 22, 9, "nature", 4, False, False, (152, 251, 152)),
        _Class("sky", 23, 10, "sky", 5, False, False, (70, 130, 180)),
        _Class("person", 24, 11, "human", 6, True, False, (220, 20, 60)),
        _Class("rider", 25, 12, "human", 6, True, False, (255, 0, 0)),
        _Class("car", 26, 13, "vehicle", 7, True, False, (0, 0, 142)),
        _Class("truck", 27, 14, "vehicle", 7, True, False, (0, 0, 70)),
        _Class("bus", 28, 15, "vehicle", 7, True, False, (0, 60, 100)),
        _Class("caravan", 29, 255, "vehicle", 7, True, True, (0, 0, 90)),
        _Class("trailer", 30, 255, "vehicle", 7, True, True, (0, 0, 110)),
        _Class("train", 31, 16, "vehicle", 7, True, False, (0, 80, 100)),
        _Class("motorcycle", 32, 17, "vehicle", 7, True, False, (0, 0, 230)),
        _Class("bicycle", 33, 18, "vehicle", 7, True, False, (119, 11, 32)),
        _Class("license plate", -1, -1, "vehicle", 7, False, True, (0, 0, 142)),
    ]

    def __init__(self, root: str | Path, split: str = "train", mode: str = "fine",
                 target_type: list[str] | str = "instance", transform: Transform | None = None,
                 target_transform: Transform | None = None, transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms, transform, target_transform)
        verify_str_arg(mode, "mode", ("fine", "coarse"))
        splits = ("train", "test", "val") if mode == "fine" else ("train", "train_extra", "val")
        self.split = verify_str_arg(split, "split", splits, f"Unknown value '{split}' for argument split if mode is "
                                    f"'{mode}'. Valid values are {{{iterable_to_str(splits)}}}.")
        self.mode = "gtFine" if mode == "fine" else "gtCoarse"
        self.target_type = target_type if isinstance(target_type, list) else [target_type]
        for kind in self.target_type:
            verify_str_arg(kind, "target_type", _ENDINGS)
        self.images_dir = str(Path(self.root) / "leftImg8bit" / split)
        self.targets_dir = str(Path(self.root) / self.mode / split)
        self._unpack()
        self.images: list[str] = []
        self.targets: list[list[str]] = []
        for city in list_dir(self.images_dir):
            for path in list_files(Path(self.images_dir) / city, "", prefix=True):
                name = f"{Path(path).name.split('_leftImg8bit')[0]}_{self.mode}_"
                self.images.append(path)
                self.targets.append([str(Path(self.targets_dir) / city / (name + _ENDINGS[kind]))
                                     for kind in self.target_type])

    def _unpack(self) -> None:
        """Unpack the archives, if the folders are missing."""
        if Path(self.images_dir).is_dir() and Path(self.targets_dir).is_dir():
            return
        names = (f"leftImg8bit_{'trainextra' if self.split == 'train_extra' else 'trainvaltest'}.zip",
                 "gtFine_trainvaltest.zip" if self.mode == "gtFine" else "gtCoarse.zip")
        archives = [Path(self.root) / name for name in names]
        if not all(archive.is_file() for archive in archives):
            raise RuntimeError("Cityscapes: Dataset not found or incomplete. Please make sure all required folders for "
                               f'the specified "split" and "mode" are inside the "root" directory: {self.images_dir} '
                               f"and {self.targets_dir}, or the archives {names[0]} and {names[1]}")
        for archive in archives:
            extract_archive(archive, self.root)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = open_image(self.images[index], "RGB")
        targets = [read_json(path) if kind == "polygon" else open_image(path)
                   for kind, path in zip(self.target_type, self.targets[index])]
        return self.transformed(image, targets[0] if len(targets) == 1 else tuple(targets))

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        return f"Split: {self.split}\nMode: {self.mode}\nType: {self.target_type}"
