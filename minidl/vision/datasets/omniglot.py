"""Omniglot: handwritten characters of fifty alphabets."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from minidl.vision.datasets.base.published import Loader
from minidl.vision.datasets.folder import open_image
from minidl.vision.datasets.utils import check_integrity, download_url, extract_archive, list_dir, list_files
from minidl.vision.datasets.vision import Transform, VisionDataset


class Omniglot(VisionDataset[tuple[Any, Any]]):
    """Characters of fifty alphabets, 105x105 pixels, each drawn by twenty persons: 1,623 kinds.

    root: the folder that holds `omniglot-py` with `images_background.zip` or `images_evaluation.zip`, unpacked or not.
    background: True, 30 alphabets; False, the 20 others; 'small1' or 'small2', five alphabets of the 30. transform,
    target_transform: applied to each image and label. download: get the archive if it is missing. loader: makes an
    image from a path, by default a PIL image in mode 'L'.

    A label is the number of the character, in the order of alphabets and characters.
    Errors: RuntimeError if there is neither the folder nor the archive, or the archive is not the published one.

    Source: B. Lake, R. Salakhutdinov, J. Tenenbaum, "Human-level concept learning through probabilistic program
    induction", Science 2015.
    """

    folder = "omniglot-py"
    download_url_prefix = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
    zips_md5: ClassVar[dict[str, str]] = {
        "images_background": "68d2efa1b9178cc56df9314c21c6e718",
        "images_evaluation": "6b91aef0f799c5bb55b94e3f2daec811",
        "images_background_small1": "e704a628b5459e08445c13499850abc4",
        "images_background_small2": "b75a71a51d3b13f821f212756fe481fd",
    }

    def __init__(self, root: str | Path, background: bool | str = True, transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False,
                 loader: Loader | None = None) -> None:
        super().__init__(str(Path(root) / self.folder), transform=transform, target_transform=target_transform)
        self.background = background
        name = self._get_target_folder()
        if name not in self.zips_md5:
            raise ValueError(f"Omniglot: expected background True, False, 'small1' or 'small2', got {background!r}")
        self.target_folder = str(Path(self.root) / name)
        if download:
            self.download()
        self._unpack()
        self._characters = [f"{alphabet}/{character}" for alphabet in list_dir(self.target_folder)
                            for character in list_dir(Path(self.target_folder) / alphabet)]
        self._flat_character_images = [(image, i) for i, character in enumerate(self._characters)
                                       for image in list_files(Path(self.target_folder) / character, ".png")]
        self.loader = loader

    def _get_target_folder(self) -> str:
        if isinstance(self.background, str):
            return f"images_background_{self.background}"
        return "images_background" if self.background else "images_evaluation"

    def _check_integrity(self) -> bool:
        return check_integrity(f"{self.target_folder}.zip", self.zips_md5[self._get_target_folder()])

    def download(self) -> None:
        """Get the archive, unless it or its folder is there."""
        name = f"{self._get_target_folder()}.zip"
        if not self._check_integrity() and not Path(self.target_folder).is_dir():
            download_url(f"{self.download_url_prefix}/{name}", self.root, name, self.zips_md5[Path(name).stem])

    def _unpack(self) -> None:
        if not Path(self.target_folder).is_dir():
            if not self._check_integrity():
                raise RuntimeError("Omniglot: Dataset not found or corrupted. You can use download=True to download it:"
                                   f" there is no folder {self.target_folder}, and no such .zip as published")
            extract_archive(f"{self.target_folder}.zip", self.root)

    def __len__(self) -> int:
        return len(self._flat_character_images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name, character = self._flat_character_images[index]
        path = str(Path(self.target_folder) / self._characters[character] / name)
        return self.transformed(open_image(path, "L") if self.loader is None else self.loader(path), character)
