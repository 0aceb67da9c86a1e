"""Flickr8k and Flickr30k: photographs with five captions each."""
from __future__ import annotations

import glob
import os
import re
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from minidl.vision.datasets.base.published import Loader
from minidl.vision.datasets.base.reading import damaged, inside, parse_lines, read_lines
from minidl.vision.datasets.folder import default_loader
from minidl.vision.datasets.vision import Transform, VisionDataset


class Flickr8kParser(HTMLParser):
    """Read the captions from the page of Flickr8k into `annotations`, by the path of the image.

    root: the folder of the images. The page is a table: a link to each photograph, then a list of its captions.
    """

    def __init__(self, root: str | Path) -> None:
        super().__init__()
        self.root = root
        self.annotations: dict[str, list[str]] = {}
        self.in_table = False
        self.current_tag: str | None = None
        self.current_img: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where we are."""
        self.current_tag = tag
        self.in_table = self.in_table or tag == "table"

    def handle_endtag(self, tag: str) -> None:
        """Note where we are."""
        self.current_tag = None
        self.in_table = self.in_table and tag != "table"

    def handle_data(self, data: str) -> None:
        """Take a link to a photograph, or a caption of the last one. Errors: ValueError if its file is missing."""
        if not self.in_table:
            return
        if data == "Image Not Found":
            self.current_img = None
        elif self.current_tag == "a":
            number = data.split("/")[-2] if data.count("/") else ""
            found = sorted(glob.glob(f"{number}_*.jpg", root_dir=self.root)) if re.fullmatch(r"[\w-]+", number) else []
            if not found:
                raise ValueError(f"there is no image {number}_*.jpg in {self.root}, for the link {data!r}")
            self.current_img = os.path.join(self.root, found[0])
            self.annotations[self.current_img] = []
        elif self.current_tag == "li" and self.current_img:
            self.annotations[self.current_img].append(data.strip())


class _Captions(VisionDataset[tuple[Any, Any]]):
    """Images with captions in one file.

    root: the folder of the images. ann_file: the file of the captions. transform, target_transform: applied to each
    image and list of captions. loader: makes an image from a path.
    """

    annotations: dict[str, list[str]]

    def __init__(self, root: str | Path, ann_file: str | Path, transform: Transform | None = None,
                 target_transform: Transform | None = None, loader: Loader = default_loader) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.ann_file = os.path.expanduser(ann_file)
        self.loader = loader
        self._read()
        self.ids = sorted(self.annotations)

    def _read(self) -> None:
        raise NotImplementedError

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        name = self.ids[index]
        return self.transformed(self.loader(self._path(name)), self.annotations[name])

    def _path(self, name: str) -> str:
        return inside(self.root, name, self.ann_file)

    def __len__(self) -> int:
        return len(self.ids)


class Flickr8k(_Captions):
    """8,000 photographs with five captions each.

    root: the folder of the images. ann_file: the page (HTML) with the captions. transform, target_transform: applied to
    each image and list of captions. loader: makes an image from a path.

    `annotations` has the captions by the path of the image, `ids` the paths, sorted.
    Errors: FileNotFoundError, and ValueError if the page names images that are missing.

    Source: M. Hodosh, P. Young, J. Hockenmaier, "Framing image description as a ranking task", JAIR 2013.
    """

    def _read(self) -> None:
        parser = Flickr8kParser(self.root)
        text = "\n".join(read_lines(self.ann_file))
        try:
            parser.feed(text)
            if parser.in_table or not parser.annotations:
                raise ValueError("it ends within the table" if parser.in_table else "it has no table of captions")
        except ValueError as error:
            raise damaged(self.ann_file, str(error)) from error
        self.annotations = parser.annotations

    def _path(self, name: str) -> str:
        return name


class Flickr30k(_Captions):
    """31,783 photographs with five captions each.

    root: the folder of the images. ann_file: lines of the image's name with `#0` to `#4`, a tab and a caption.
    transform, target_transform: applied to each image and list of captions. loader: makes an image from a path.

    `annotations` has the captions by the name of the image, `ids` the names, sorted.
    Errors: FileNotFoundError, and ValueError for other lines.

    Source: P. Young, A. Lai, M. Hodosh, J. Hockenmaier, "From image descriptions to visual denotations", TACL 2014.
    """

    def _read(self) -> None:
        self.annotations = defaultdict(list)
        for name, caption in parse_lines(self.ann_file, _parse_caption, "<image>#<number>, a tab and a caption"):
            self.annotations[name].append(caption)


def _parse_caption(line: str) -> tuple[str, str]:
    name, caption = line.split("\t")
    return name[:name.rindex("#")], caption
