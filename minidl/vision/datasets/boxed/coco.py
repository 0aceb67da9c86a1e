"""The layout of COCO: one JSON for all images of a split; boxes are x, y, width, height in pixels from 0."""
from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from minidl.vision.datasets.base.reading import damaged, inside, reading
from minidl.vision.datasets.boxed.annotation import Annotation, Box, agrees, checked
from minidl.vision.datasets.coco import COCO


def read(root: Path, split: str, classes: Sequence[str] | None) -> tuple[list[Annotation], list[str]]:
    """The annotations of `annotations/instances_SPLIT.json`, and the classes, in the order of their numbers."""
    file = root / "annotations" / f"instances_{split}.json"
    coco = COCO(file)
    found: dict[object, Annotation] = {}
    with reading(file, "its images need `file_name`, `width` and `height`, and its categories a `name`"):
        names = {number: str(coco.cats[number]["name"]) for number in sorted(coco.cats)}
        for number, image in coco.imgs.items():
            path = Path(inside(root / split, image["file_name"], file))
            agrees(path, (image["width"], image["height"]), file)
            found[number] = Annotation(path, image["width"], image["height"])
    for entry in coco.dataset.get("annotations", []):
        with reading(file, f"annotation {entry['id']}"):
            if entry["image_id"] not in found:
                raise damaged(file, f"annotation {entry['id']} is of image {entry['image_id']}, which is not listed")
            x, y, width, height = map(float, entry["bbox"])
            found[entry["image_id"]].boxes.append(
                Box(names[entry["category_id"]], x, y, x + width, y + height, bool(entry.get("iscrowd", 0))))
    known = list(classes or names.values())
    return [checked(each, f"{file} ({each.path.name})", known) for each in found.values()], known


def write(root: Path, split: str, annotations: Sequence[Annotation], names: Sequence[str],
          classes: Sequence[str]) -> None:
    """Write the JSON, and the images. Numbers begin at 1."""
    for folder in ("annotations", split):
        (root / folder).mkdir(parents=True, exist_ok=True)
    content: dict[str, list[dict[str, object]]] = {
        "images": [], "annotations": [], "categories": [{"id": i, "name": name} for i, name in enumerate(classes, 1)]}
    for number, (each, name) in enumerate(zip(annotations, names), 1):
        shutil.copyfile(each.path, root / split / name)
        content["images"].append({"id": number, "file_name": name, "width": each.width, "height": each.height})
        for box in each.boxes:
            sides = [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1]
            content["annotations"].append({
                "id": len(content["annotations"]) + 1, "image_id": number, "category_id": classes.index(box.name) + 1,
                "bbox": sides, "area": sides[2] * sides[3], "iscrowd": int(box.ignored)})
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content), encoding="utf-8")
