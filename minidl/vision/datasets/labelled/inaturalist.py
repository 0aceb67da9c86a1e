"""INaturalist: photographs of plants and animals, by their place in the tree of life."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from minidl.vision.datasets.base.published import Loader, Published
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import download_and_extract_archive, list_dir, list_files, verify_str_arg
from minidl.vision.datasets.vision import Transform

CATEGORIES_2021 = ["kingdom", "phylum", "class", "order", "family", "genus"]
_HOST = "https://ml-inat-competition-datasets.s3.amazonaws.com/"
DATASET_URLS = {
    "2017": _HOST + "2017/train_val_images.tar.gz",
    "2018": _HOST + "2018/train_val2018.tar.gz",
    "2019": _HOST + "2019/train_val2019.tar.gz",
    "2021_train": _HOST + "2021/train.tar.gz",
    "2021_train_mini": _HOST + "2021/train_mini.tar.gz",
    "2021_valid": _HOST + "2021/val.tar.gz",
}
DATASET_MD5 = {
    "2017": "7c784ea5e424efaec655bd392f87301f",
    "2018": "b1c6952ce38f31868cc50ea72d066cc3",
    "2019": "c60a6e2962c9b8ccbd458d12c8582644",
    "2021_train": "e0526d53c7f7b2e3167b2b43bb2690ed",
    "2021_train_mini": "db6ed8330e634445efc8fec83ae81442",
    "2021_valid": "f6f6e0e242e3d4c9569ba56400938afc",
}


class INaturalist(Published):
    """Photographs of plants and animals of up to 10,000 species.

    root: the folder that holds a folder named after the version. version: '2017', '2018', '2019', '2021_train',
    '2021_train_mini' or '2021_valid'. target_type: 'full', the species; in 2021 also 'kingdom', 'phylum', 'class',
    'order', 'family' and 'genus', before only 'super'; a list of them for a tuple. transform, target_transform: applied
    to each image and target. download: get the archive, unless the folder is there. loader: makes an image from a path.

    `index` has `(species, name of the file)` for each image, `all_categories` the folder of each species,
    `categories_index` the number of each name, and `categories_map` the numbers that belong to each species.
    Errors: RuntimeError if the data set is not there, or a folder is named otherwise than published; ValueError for
    arguments of no such part; OSError for damaged images.

    Source: G. Van Horn et al., "The iNaturalist species classification and detection dataset", CVPR 2018.
    """

    def __init__(self, root: str | Path, version: str = "2021_train", target_type: list[str] | str = "full",
                 transform: Transform | None = None, target_transform: Transform | None = None, download: bool = False,
                 loader: Loader | None = None) -> None:
        self.version = verify_str_arg(version, "version", DATASET_URLS)
        super().__init__(os.path.join(root, version), transform=transform, target_transform=target_transform)
        newer = version.startswith("2021")
        kinds = ["full", *(CATEGORIES_2021 if newer else ["super"])]
        self.target_type = [verify_str_arg(kind, "target_type", kinds) for kind in
                            (target_type if isinstance(target_type, list) else [target_type])]
        self._prepare(download)
        if not list_dir(self.root):
            raise self._not_found(f"{self.root} is empty")
        self.all_categories: list[str] = []
        self.categories_index: dict[str, dict[str, int]] = {kind: {} for kind in kinds[1:]}
        self.categories_map: list[dict[str, int]] = []
        (self._init_2021 if newer else self._init_pre2021)()
        self.index = [(i, file) for i, name in enumerate(self.all_categories)
                      for file in list_files(os.path.join(self.root, name), "")]
        self.loader = loader

    def _needed(self) -> list[Path]:
        return [Path(self.root)]

    def _init_2021(self) -> None:
        """Folders like `00000_Animalia_Annelida_..._terrestris`: number, six ranks, and the species."""
        self.all_categories = list_dir(self.root)
        for i, name in enumerate(self.all_categories):
            number, *ranks = name.split("_")
            if len(ranks) != 7:
                raise RuntimeError(f"Unexpected category name {name}, wrong number of pieces")
            if number != f"{i:05d}":
                raise RuntimeError(f"Unexpected category id {number}, expecting {i:05d}")
            self.categories_map.append({kind: self.categories_index[kind].setdefault(rank, len(
                self.categories_index[kind])) for kind, rank in zip(CATEGORIES_2021, ranks)})

    def _init_pre2021(self) -> None:
        """Folders like `Amphibia/123`: a group, and the number of the species, in 2017 its name."""
        found: dict[int, tuple[int, str]] = {}
        for i, group in enumerate(list_dir(self.root)):
            self.categories_index["super"][group] = i
            for name in list_dir(os.path.join(self.root, group)):
                if self.version != "2017" and not name.isdecimal():
                    raise RuntimeError(f"Unexpected non-numeric dir name: {name}")
                number = len(found) if self.version == "2017" else int(name)
                if number in found:
                    raise RuntimeError(f"Duplicate category {name}")
                found[number] = i, os.path.join(group, name)
        for number in range(len(found)):
            if number not in found:
                raise RuntimeError(f"Missing category {number}")
            group_number, folder = found[number]
            self.categories_map.append({"super": group_number})
            self.all_categories.append(folder)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        species, name = self.index[index]
        path = os.path.join(self.root, self.all_categories[species], name)
        image = open_image(path) if self.loader is None else self.loader(path)
        targets = [species if kind == "full" else self.categories_map[species][kind] for kind in self.target_type]
        return self.transformed(image, targets[0] if len(targets) == 1 else tuple(targets))

    def __len__(self) -> int:
        return len(self.index)

    def category_name(self, category_type: str, category_id: int) -> str:
        """The name of a number in a target. Errors: ValueError if there is no such kind or number."""
        if category_type == "full":
            return self.all_categories[category_id]
        if category_type not in self.categories_index:
            raise ValueError(f"Invalid category type '{category_type}'")
        for name, number in self.categories_index[category_type].items():
            if number == category_id:
                return name
        raise ValueError(f"Invalid category id {category_id} for {category_type}")

    def download(self) -> None:
        """Get the archive, unless the folder is there."""
        if not self._check_exists():
            url, root = DATASET_URLS[self.version], os.path.dirname(self.root)
            download_and_extract_archive(url, root, filename=f"{self.version}.tgz", md5=DATASET_MD5[self.version])
            folder = os.path.join(root, os.path.basename(url).removesuffix(".tar.gz"))
            if not os.path.exists(folder):
                raise RuntimeError(f"Unable to find downloaded files at {folder}")
            os.rename(folder, self.root)
