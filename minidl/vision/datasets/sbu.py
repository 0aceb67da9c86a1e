"""SBU: photographs of Flickr with a caption each."""
from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from minidl.vision.datasets.base.published import Loader
from minidl.vision.datasets.base.reading import damaged, inside, read_lines
from minidl.vision.datasets.folder import default_loader
from minidl.vision.datasets.utils import check_integrity, download_and_extract_archive, download_url
from minidl.vision.datasets.vision import Transform, VisionDataset


class SBU(VisionDataset[tuple[Any, Any]]):
    """A million photographs of Flickr with a caption each, as far as they are still there.

    root: the folder of `SBUCaptionedPhotoDataset.tar.gz` and of `dataset`. transform, target_transform: applied to each
    image and caption. download: get the archive, then photograph by photograph; torchvision's default, True. loader:
    makes an image from a path.

    `photos` are the names of the images that are there, `captions` their captions.
    Errors: RuntimeError if the archive is missing or is not the one published; ValueError if the lists do not match.

    Source: V. Ordonez, G. Kulkarni, T. Berg, "Im2Text: describing images using 1 million captioned photographs", 2011.
    """

    url = "https://www.cs.rice.edu/~vo9/sbucaptions/SBUCaptionedPhotoDataset.tar.gz"
    filename = "SBUCaptionedPhotoDataset.tar.gz"
    md5_checksum = "9aec147b3488753cf758b4d493422285"

    def __init__(self, root: str | Path, transform: Transform | None = None, target_transform: Transform | None = None,
                 download: bool = True, loader: Loader = default_loader) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.loader = loader
        self._folder = os.path.join(self.root, "dataset")
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError("SBU: Dataset not found or corrupted. You can use download=True to download it: "
                               f"{self.filename} is missing in {self.root}, or is not the published file")
        urls, captions = (read_lines(self._list(kind)) for kind in ("urls", "captions"))
        if len(urls) != len(captions):
            raise damaged(self._list("captions"), f"it has {len(captions):,} lines, the list of URLs {len(urls):,}")
        names = [os.path.basename(url.rstrip()) for url in urls]
        paths = [inside(self._folder, name, self._list("urls")) for name in names]
        there = [i for i, path in enumerate(paths) if os.path.exists(path)]
        self.photos = [names[i] for i in there]
        self.captions = [captions[i].rstrip() for i in there]

    def _list(self, kind: str) -> str:
        return os.path.join(self._folder, f"SBU_captioned_photo_dataset_{kind}.txt")

    def _check_integrity(self) -> bool:
        return check_integrity(os.path.join(self.root, self.filename), self.md5_checksum)

    def download(self) -> None:
        """Get the archive and all photographs that are still there, unless the archive is here."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, self.root, self.filename, self.md5_checksum)
            for url in read_lines(self._list("urls")):
                with contextlib.suppress(RuntimeError, ValueError):     # its owner may have taken it away
                    download_url(url.rstrip(), self._folder)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(self.loader(os.path.join(self._folder, self.photos[index])), self.captions[index])

    def __len__(self) -> int:
        return len(self.photos)
