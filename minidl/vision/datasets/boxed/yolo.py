"""The layout of YOLO: for each image a text with a line `class x y width height` for each box, as shares of its sides.

x and y are those of the middle; classes count from 0, and `data.yaml` has their names. An image without a text has no
objects. There is no word for boxes to ignore: they are left out.
"""
from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from minidl.vision.datasets.base.reading import damaged, parse_lines, read_lines
from minidl.vision.datasets.boxed.annotation import Annotation, Box, checked, images_in, size_of


def read(root: Path, split: str, classes: Sequence[str] | None) -> tuple[list[Annotation], list[str]]:
    """The annotations in `labels/SPLIT` of the images in `images/SPLIT`, and the names in `data.yaml`."""
    names = list(classes or read_names(root / "data.yaml"))
    found = []
    for path in images_in(root / "images" / split):
        width, height = size_of(path)
        file = root / "labels" / split / f"{path.stem}.txt"
        lines = parse_lines(file, _numbers, "`class x y width height`", may_be_empty=True) if file.exists() else []
        boxes = []
        for at, (number, x, y, w, h) in enumerate(lines):
            if number not in range(len(names)):
                raise damaged(file, f"box {at} is of class {number:g}; there are 0 to {len(names) - 1}")
            boxes.append(Box(names[int(number)], (x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width,
                             (y + h / 2) * height))
        found.append(checked(Annotation(path, width, height, boxes), file, names))
    return found, names


def _numbers(line: str) -> list[float]:
    numbers = [float(word) for word in line.split()]
    if len(numbers) != 5:
        raise ValueError
    return numbers


def read_names(file: Path) -> list[str]:
    """The names of classes: `names: [a, b]`, or a line `- a` or `0: a` for each, below `names:`.

    Of YAML only this is understood. Errors: ValueError for anything else.
    """
    lines = iter(read_lines(file))
    for line in lines:
        if line.startswith("names:"):
            listed = re.fullmatch(r"names:\s*\[(.*)\]\s*", line)
            words = listed[1].split(",") if listed else []
            if not listed:
                for below in lines:
                    entry = re.fullmatch(rf"\s*(?:-|{len(words)}\s*:)\s+(.+)", below)
                    if not entry:
                        break
                    words.append(entry[1])
            names = [word.strip().strip("\"'") for word in words]
            if names and all(names):
                return names
    raise damaged(file, "expected `names: [a, b]`, or a line `0: a`, `1: b` for each class below `names:`")


def write(root: Path, split: str, annotations: Sequence[Annotation], names: Sequence[str],
          classes: Sequence[str]) -> None:
    """Write images, a text for each, and `data.yaml`."""
    for folder in ("images", "labels"):
        (root / folder / split).mkdir(parents=True, exist_ok=True)
    for each, name in zip(annotations, names):
        shutil.copyfile(each.path, root / "images" / split / name)
        lines = []
        for box in each.boxes:
            if not box.ignored:
                middle = (box.x1 + box.x2) / 2 / each.width, (box.y1 + box.y2) / 2 / each.height
                sides = (box.x2 - box.x1) / each.width, (box.y2 - box.y1) / each.height
                lines.append(" ".join([str(classes.index(box.name)), *(f"{x:.10g}" for x in (*middle, *sides))]) + "\n")
        (root / "labels" / split / f"{Path(name).stem}.txt").write_text("".join(lines), encoding="utf-8")
    kept = root / "data.yaml"
    splits = sorted({split, *(path.name for path in (root / "images").iterdir())})
    kept.write_text("path: .\n" + "".join(f"{each}: images/{each}\n" for each in splits) + "names:\n"
                    + "".join(f"  {i}: {json.dumps(name, ensure_ascii=False)}\n" for i, name in enumerate(classes)),
                    encoding="utf-8")
