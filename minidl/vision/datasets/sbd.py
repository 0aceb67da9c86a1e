"""SBDataset: the boundaries of things in photographs of PASCAL VOC."""
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from minidl.vision.datasets.base.reading import inside, read_lines, read_mat, reading
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import download_and_extract_archive, download_url, verify_str_arg
from minidl.vision.datasets.vision import Transforms, VisionDataset


class SBDataset(VisionDataset[tuple[Any, Any]]):
    """Photographs of PASCAL VOC 2011 with the class of each pixel, or the boundaries of each class: 11,355.

    root: the folder that holds `img`, `cls` and the lists. image_set: 'train', 'val', or 'train_noval', without those
    that VOC 2012 validates with. mode: the target: 'boundaries', an array (20, H, W), or 'segmentation', a PIL image.
    download: get the archive and unpack it. transforms: applied to image and target.
    Errors: RuntimeError if the folder is missing; ValueError for damaged lists and targets, FileNotFoundError for
    missing ones, OSError for damaged images: the error names the file.

    Source: B. Hariharan et al., "Semantic contours from inverse detectors", ICCV 2011.
    """

    url = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz"
    md5 = "82b4d87ceb2ed10f6038a1cba92111cb"
    filename = "benchmark.tgz"
    voc_train_url = "https://www.cs.cornell.edu/~bharathh/train_noval.txt"
    voc_split_filename = "train_noval.txt"
    voc_split_md5 = "79bff800c5f0b1ec6b21080a3c066722"

    def __init__(self, root: str | Path, image_set: str = "train", mode: str = "boundaries", download: bool = False,
                 transforms: Transforms | None = None) -> None:
        super().__init__(root, transforms)
        self.image_set = verify_str_arg(image_set, "image_set", ("train", "val", "train_noval"))
        self.mode = verify_str_arg(mode, "mode", ("segmentation", "boundaries"))
        self.num_classes = 20
        folder = Path(self.root)
        if download:
            self._download(folder)
        if not folder.is_dir():
            raise RuntimeError("SBDataset: Dataset not found or corrupted. You can use download=True to download it: "
                               f"{folder} is missing")
        file = folder / f"{self.image_set}.txt"
        names = [line.strip() for line in read_lines(file)]
        self.images = [inside(folder / "img", f"{name}.jpg", file) for name in names]
        self.masks = [inside(folder / "cls", f"{name}.mat", file) for name in names]

    def _download(self, folder: Path) -> None:
        if not (folder / "cls").is_dir():
            download_and_extract_archive(self.url, folder, filename=self.filename, md5=self.md5)
            for name in ("img", "inst", "train.txt", "val.txt", "cls"):         # what is looked for comes last
                shutil.move(folder / "benchmark_RELEASE" / "dataset" / name, folder / name)
        if self.image_set == "train_noval":
            download_url(self.voc_train_url, folder, self.voc_split_filename, self.voc_split_md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, path = open_image(self.images[index], "RGB"), self.masks[index]
        content = read_mat(path, "GTcls")
        with reading(path, f"it has no {self.mode}"):
            if self.mode == "segmentation":
                target: Any = Image.fromarray(content[0]["Segmentation"][0])
            else:
                edges = content[0]["Boundaries"][0]         # (20, 1) sparse matrices
                target = np.stack([edges[i][0].toarray() for i in range(self.num_classes)])
        return self.transformed(image, target)

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        return f"Image set: {self.image_set}\nMode: {self.mode}"
