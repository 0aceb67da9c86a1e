"""The layout of PASCAL VOC: an XML for each image, pixels counted from 1, and the last one belongs to the box."""
from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from minidl.vision.datasets.base.reading import damaged, inside, read_lines, read_xml, reading
from minidl.vision.datasets.boxed.annotation import Annotation, Box, agrees, checked, images_in, names_of


def read(root: Path, split: str, classes: Sequence[str] | None) -> tuple[list[Annotation], list[str]]:
    """The annotations of a list in `ImageSets/Main`, and the classes: those given, or all that occur."""
    listed = root / "ImageSets" / "Main" / f"{split}.txt"
    images = {path.stem: path for path in images_in(root / "JPEGImages")}
    found = []
    for name in (line.strip() for line in read_lines(listed)):
        file = inside(root / "Annotations", f"{name}.xml", listed)
        if name not in images:
            raise damaged(listed, f"it names {name!r}, and there is no such image in {root / 'JPEGImages'}")
        found.append(checked(annotation(Path(file), images[name]), file, classes))
    return found, list(classes or names_of(found))


def annotation(file: Path, image: Path) -> Annotation:
    """What an XML says."""
    with reading(file, "it is no annotation with `size` and objects with `name` and `bndbox`"):
        root = read_xml(file)
        size = int(root.findtext("size/width", "")), int(root.findtext("size/height", ""))
        agrees(image, size, file)
        boxes = []
        for at, thing in enumerate(root.iter("object")):
            with reading(file, f"box {at}"):
                x1, y1, x2, y2 = (float(thing.findtext(f"bndbox/{side}", "")) for side in ("xmin", "ymin", "xmax",
                                                                                           "ymax"))
                name = thing.findtext("name", "").strip()
                if not name:
                    raise ValueError("has no name")
                boxes.append(Box(name, x1 - 1, y1 - 1, x2, y2, thing.findtext("difficult", "0").strip() == "1"))
    return Annotation(image, *size, boxes)


def write(root: Path, split: str, annotations: Sequence[Annotation], names: Sequence[str],
          classes: Sequence[str]) -> None:
    """Write XML, images, and the list of them."""
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for each, name in zip(annotations, names):
        shutil.copyfile(each.path, root / "JPEGImages" / name)
        tree = Element("annotation")
        SubElement(tree, "filename").text = name
        _texts(SubElement(tree, "size"), width=each.width, height=each.height)
        for box in each.boxes:
            thing = SubElement(tree, "object")
            _texts(thing, name=box.name, difficult=int(box.ignored))
            _texts(SubElement(thing, "bndbox"), xmin=box.x1 + 1, ymin=box.y1 + 1, xmax=box.x2, ymax=box.y2)
        ElementTree.indent(tree)
        ElementTree.ElementTree(tree).write(root / "Annotations" / f"{Path(name).stem}.xml", "utf-8")
    lines = "".join(f"{Path(name).stem}\n" for name in names)
    (root / "ImageSets" / "Main" / f"{split}.txt").write_text(lines, encoding="utf-8")


def _texts(parent: Element, **values: object) -> None:
    for tag, value in values.items():
        SubElement(parent, tag).text = f"{value:.10g}" if isinstance(value, float) else str(value)
