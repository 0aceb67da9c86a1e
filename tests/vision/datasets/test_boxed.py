"""Boxes in three layouts: read by hand-made files, written and read again, and refused with the file and the box."""
from __future__ import annotations

import json

import pytest
from PIL import Image

import minidl
from minidl.cli import main
from minidl.vision.datasets import BCCD, BoxedImages
from minidl.vision.datasets.boxed.annotation import Box

VOC = """<annotation><filename>a.png</filename><size><width>40</width><height>20</height><depth>3</depth></size>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>3</ymin><xmax>10</xmax><ymax>20</ymax>
</bndbox></object>
<object><name>cat</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>
</annotation>"""
GOOD = (11, 3, 40, 12)
BOXES = [Box("dog", 0, 2, 10, 20, True), Box("cat", 10, 2, 40, 12)]


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20)).save(path)


def voc(root, content=None):
    picture(root / "JPEGImages" / "a.png")
    picture(root / "JPEGImages" / "empty.png")
    text(root / "Annotations" / "a.xml", VOC.format(*GOOD) if content is None else content)
    text(root / "Annotations" / "empty.xml",
         "<annotation><size><width>40</width><height>20</height></size></annotation>")
    text(root / "ImageSets" / "Main" / "train.txt", "a\nempty\n")
    return root


def coco(root, **annotation):
    picture(root / "train" / "a.png")
    text(root / "annotations" / "instances_train.json", json.dumps({
        "images": [{"id": 7, "file_name": "a.png", "width": 40, "height": 20}],
        "categories": [{"id": 9, "name": "dog"}, {"id": 4, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 9, "bbox": [0, 2, 10, 18], "iscrowd": 1},
                        {"id": 2, "image_id": 7, "category_id": 4, "bbox": [10, 2, 30, 10], **annotation}]}))
    return root


def yolo(root, line="1 0.625 0.35 0.75 0.5", names="names:\n  0: dog\n  1: 'cat'\n"):
    picture(root / "images" / "train" / "a.png")
    picture(root / "images" / "train" / "b.png")
    text(root / "labels" / "train" / "a.txt", f"0 0.125 0.55 0.25 0.9\n{line}\n")
    text(root / "data.yaml", names)
    return root


def test_voc(tmp_path):
    data = BoxedImages(voc(tmp_path), "voc")
    assert [each.boxes for each in data.annotations] == [BOXES, []]
    image, target = data[0]
    assert image.size == (40, 20) and data.classes == ["__background__", "cat", "dog"]
    assert target["boxes"].tolist() == [[0, 2, 10, 20], [10, 2, 40, 12]]
    assert target["labels"].tolist() == [2, 1] and target["iscrowd"].tolist() == [1, 0]
    assert data[1][1]["boxes"].shape == (0, 4) and data[1][1]["labels"].dtype == minidl.int64
    assert BoxedImages(tmp_path, "voc", classes=["dog", "cat", "cow"])[0][1]["labels"].tolist() == [1, 2]


def test_coco_and_yolo(tmp_path):
    data = BoxedImages(coco(tmp_path / "coco"), "coco")
    assert data.annotations[0].boxes == BOXES and data.classes[1:] == ["cat", "dog"]      # by their numbers
    data = BoxedImages(yolo(tmp_path / "yolo"), "yolo")
    assert data.classes[1:] == ["dog", "cat"] and data[1][1]["labels"].shape == (0,)      # b has no text
    assert data[0][1]["boxes"].tolist() == [[0, 2, 10, 20], [10, 2, 40, 12]]


@pytest.mark.parametrize("names", ["names: [dog, 'cat']\n", "train: x\nnames:\n- dog\n- cat\nval: y\n"])
def test_names_of_yolo(tmp_path, names):
    assert BoxedImages(yolo(tmp_path, names=names), "yolo").classes[1:] == ["dog", "cat"]


@pytest.mark.parametrize("names", ["nc: 2\n", "names:\n  1: dog\n", "names: []\n", "names: &x\n"])
def test_other_yaml(tmp_path, names):
    with pytest.raises(ValueError, match=r"data.yaml: expected `names: \[a, b\]`"):
        BoxedImages(yolo(tmp_path, names=names), "yolo")


def test_from_each_to_each(tmp_path):
    for source in (voc, coco):
        data = BoxedImages(source(tmp_path / source.__name__), source.__name__)
        for layout in ("voc", "coco", "yolo"):
            there = tmp_path / f"{source.__name__} as {layout}"
            data.write(there, layout, "val")
            again = BoxedImages(there, layout, "val")
            kept = [[box for box in each.boxes if layout != "yolo" or not box.ignored] for each in data.annotations]
            assert [[box.name for box in each.boxes] for each in again.annotations] == \
                [[box.name for box in each] for each in kept]
            for ours, theirs in zip(again.annotations, kept):
                for one, other in zip(ours.boxes, theirs):
                    assert one[1:5] == pytest.approx(other[1:5], abs=1e-6) and one.ignored == other.ignored
            if layout != "voc":
                assert again.classes == data.classes


def test_the_command(tmp_path, capsys):
    voc(tmp_path / "from")
    main(["convert", str(tmp_path / "from"), str(tmp_path / "to"), "--from", "voc", "--to", "yolo"])
    assert "2 images with 2 boxes of 2 classes" in capsys.readouterr().out
    assert (tmp_path / "to" / "labels" / "train" / "a.txt").read_text() == "0 0.625 0.35 0.75 0.5\n"
    assert (tmp_path / "to" / "data.yaml").read_text() == \
        'path: .\ntrain: images/train\nnames:\n  0: "cat"\n  1: "dog"\n'
    with pytest.raises(SystemExit, match="convert: .*nowhere"):
        main(["convert", str(tmp_path / "nowhere"), str(tmp_path / "to"), "--from", "voc", "--to", "coco"])


@pytest.mark.parametrize("corners, said", [
    ((11, 3, 11.0, 2), r"box 1 \(cat\), 10, 2, 11, 2, has no width or no height"),
    ((20, 3, 11, 12), "box 1 .* has no width or no height"),
    ((11, 3, 60, 12), r"box 1 .* leaves the image of 40x20"), ((-5, 3, 11, 12), "box 1 .* leaves the image"),
    (("nan", 3, 11, 12), "box 1 .* is not finite"), (("1e999", 3, 11, 12), "box 1 .* is not finite"),
    (("", 3, 11, 12), "box 1"), (("eleven", 3, 11, 12), "box 1"),
])
def test_boxes_of_voc_that_are_wrong(tmp_path, corners, said):
    with pytest.raises(ValueError, match=r"cannot use .*a\.xml: " + said):
        BoxedImages(voc(tmp_path, VOC.format(*corners)), "voc")


@pytest.mark.parametrize("content, said", [
    ("<annotation><size>", "well-formed"), ("", "well-formed"), ("<annotation></annotation>", "no annotation with"),
    (VOC.format(*GOOD).replace("<width>40", "<width>41"), "image of 41x20, but .*a.png has 40x20"),
    (VOC.format(*GOOD).replace("<name>cat</name>", ""), "box 1 .*has no name"),
    ('<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>', "entity"),
])
def test_files_of_voc_that_are_damaged(tmp_path, content, said):
    with pytest.raises(ValueError, match=r"cannot use .*a\.xml: .*" + said):
        BoxedImages(voc(tmp_path, content), "voc")


@pytest.mark.parametrize("entry, said", [
    ({"bbox": [10, 2, 0, 10]}, r"instances_train.json \(a.png\): box 1 \(cat\), 10, 2, 10, 12, has no width"),
    ({"bbox": [10, 2, 300, 10]}, "box 1 .* leaves"), ({"bbox": [10, 2, float("nan"), 10]}, "box 1 .* is not finite"),
    ({"bbox": [10, 2, 3]}, "annotation 2"), ({"bbox": None}, "annotation 2"), ({"category_id": 5}, "annotation 2"),
    ({"image_id": 8}, "annotation 2 is of image 8, which is not listed"),
])
def test_boxes_of_coco_that_are_wrong(tmp_path, entry, said):
    with pytest.raises(ValueError, match=said):
        BoxedImages(coco(tmp_path, **entry), "coco")


@pytest.mark.parametrize("line, said", [
    ("2 0.5 0.5 0.1 0.1", "box 1 is of class 2; there are 0 to 1"), ("0.5 0.5 0.5 0.1 0.1", "box 1 is of class 0.5"),
    ("nan 0.5 0.5 0.1 0.1", "box 1 is of class nan"), ("-1 0.5 0.5 0.1 0.1", "box 1 is of class -1"),
    ("1 0.5 0.5 0 0.1", r"box 1 \(cat\), .* has no width"), ("1 0.5 0.5 0.1 -0.1", "box 1 .* has no width"),
    ("1 20 10 4 4", "box 1 .* leaves the image"), ("1 0.5 nan 0.1 0.1", "box 1 .* is not finite"),
    ("1 0.5 0.5 0.1", "expected `class x y width height` in line 2"), ("1 a 0.5 0.1 0.1", "expected `class"),
])
def test_lines_of_yolo_that_are_wrong(tmp_path, line, said):
    with pytest.raises(ValueError, match=r"cannot use .*a\.txt: " + said):
        BoxedImages(yolo(tmp_path, line), "yolo")


def test_other_errors(tmp_path):
    with pytest.raises(ValueError, match="layout"):
        BoxedImages(voc(tmp_path), "labelme")
    with pytest.raises(ValueError, match="box 0 is of class 'dog'; there are cat"):
        BoxedImages(tmp_path, "voc", classes=["cat"])
    (tmp_path / "JPEGImages" / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"a\.png: it is no image"):
        BoxedImages(tmp_path, "voc")
    text(tmp_path / "ImageSets" / "Main" / "train.txt", "../a\n")
    with pytest.raises(ValueError, match="train.txt: it names"):
        BoxedImages(tmp_path, "voc")
    with pytest.raises(FileNotFoundError):
        BoxedImages(tmp_path, "yolo", classes=["cat"])


def test_bccd_takes_the_folder_itself(tmp_path):
    """So that a folder of any name in its layout can be looked at."""
    voc(tmp_path, VOC.format(*GOOD).replace("cat", "RBC").replace("dog", "WBC"))
    for path in (tmp_path / "JPEGImages").iterdir():
        path.rename(path.with_suffix(".jpg"))
    assert BCCD(tmp_path)[0][1]["labels"].tolist() == [2, 1]
