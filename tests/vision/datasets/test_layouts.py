"""All data sets of files, on small ones in the published layouts: against torchvision, damaged, missing, hostile."""
from __future__ import annotations

import importlib
import inspect
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.vision import datasets
from tests.vision.datasets.layouts import LAYOUTS, OURS_ONLY, Layout
from tests.vision.reference import torchvision

CASES = [pytest.param(layout, way, id=f"{layout.name}-{'-'.join(f'{k}={v}' for k, v in way.items())}-{i}")
         for i, layout in enumerate(LAYOUTS) for way in layout.ways]
EVERY = [pytest.param(layout, id=f"{layout.name}-{i}") for i, layout in enumerate([*LAYOUTS, *OURS_ONLY])]
PICTURES = {".jpg", ".png", ".bmp", ".ppm", ".JPEG"}

# folders and pictures say all there is to say, or a file without things is right
MAY_BE_EMPTY = {"EuroSAT", "Country211", "Imagenette", "RenderedSST2", "Omniglot", "Caltech256", "INaturalist",
                "CamVid", "Kitti"}
# what the others have of an implementation, or say about a download
APART = {"training_file", "test_file", "data_file", "mirrors", "resources", "filename", "class_to_idx", "functions",
         "transforms", "url", "zips_md5", "voc_train_url", "looks_in_root", "sha256", "processed_folder",
         "raw_folder", "images_file", "labels_file", "train_data", "test_data",
         "train_labels", "test_labels"}


@pytest.fixture(autouse=True)
def any_checksum(request, monkeypatch):
    """The small files are not those published, so they only have to be there. Folders are listed in one order."""
    if "against_torchvision" in request.node.name:
        torchvision("datasets")
    modules = {type_of(layout).__module__ for layout in [*LAYOUTS, *OURS_ONLY]}
    modules |= {f"torchvision.datasets.{name}" for name in WITH_CHECKSUMS}
    for name in modules:
        if name in sys.modules and hasattr(sys.modules[name], "check_integrity"):
            monkeypatch.setattr(sys.modules[name], "check_integrity", lambda path, md5=None: os.path.isfile(path))
    plain = os.listdir
    monkeypatch.setattr(os, "listdir", lambda *args: sorted(plain(*args)))


WITH_CHECKSUMS = """celeba fer2013 flowers102 lfw mnist omniglot places365 sbu semeion stl10 svhn""".split()


def type_of(layout: Layout) -> type:
    return getattr(datasets, layout.name)


def plain(value: Any) -> Any:
    """The same value of Python's for what is the same in both libraries."""
    if isinstance(value, Image.Image):
        return value.mode, value.size, value.tobytes()
    if isinstance(value, np.ndarray) or hasattr(value, "numpy"):
        array = np.asarray(value)
        return array.dtype.name, array.shape, array.tobytes() if array.dtype != object else array.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def public(dataset: Any) -> dict[str, Any]:
    names = {*vars(dataset), *vars(type(dataset))}
    values = {name: getattr(dataset, name) for name in sorted(names) if not name.startswith("_") and name not in APART}
    return {name: plain(value) for name, value in values.items()
            if not callable(value) and type(value).__name__ not in ("COCO", "module")}


@pytest.mark.parametrize("layout, way", CASES)
def test_against_torchvision(tmp_path, layout, way):
    theirs = getattr(torchvision("datasets"), layout.name)
    if layout.name.startswith("Coco"):
        pytest.importorskip("pycocotools")
    layout.write(tmp_path)
    arguments = layout.arguments(tmp_path, way)
    reference, ours = theirs(**arguments), type_of(layout)(**arguments)
    assert len(ours) == len(reference) > 0 or layout.name == "QMNIST"
    assert repr(ours) == repr(reference)
    samples, expected = ([plain(data[i]) for i in range(len(data))][:50] for data in (ours, reference))
    if layout.name == "SUN397":        # in the order of the disk there
        samples, expected = sorted(samples, key=str), sorted(expected, key=str)
    assert samples == expected
    mine = public(ours)
    for name, value in public(reference).items():
        assert name in mine or hasattr(ours, name), name
        assert plain(getattr(ours, name)) == value, name


@pytest.mark.parametrize("name", sorted({layout.name for layout in LAYOUTS} | {"PCAM", "ImageNet", "INaturalist"}))
def test_signatures(name):
    theirs = inspect.signature(getattr(torchvision("datasets"), name)).parameters
    ours = inspect.signature(getattr(datasets, name)).parameters
    assert list(ours) == list(theirs)
    for key, parameter in theirs.items():
        assert ours[key].kind == parameter.kind
        if not callable(parameter.default):
            assert ours[key].default == parameter.default, key


def outcome(layout: Layout, root: Path) -> Exception | None:
    """The error of reading a data set in all ways, of a kind that is allowed."""
    for way in layout.ways:
        try:
            data = type_of(layout)(**layout.arguments(root, way))
            for i in range(len(data))[:20]:
                data[i]
        except (RuntimeError, ValueError, OSError) as error:
            return error
    return None


@pytest.mark.parametrize("layout", EVERY)
def test_it_reads_without_torchvision(tmp_path, layout):
    layout.write(tmp_path)
    assert outcome(layout, tmp_path) is None
    for way in layout.ways:
        data = type_of(layout)(**layout.arguments(tmp_path, way))
        assert len(data) or layout.name == "QMNIST"
        lines = (f"Dataset {layout.name}", f"Number of datapoints: {len(data)}", f"Root location: {data.root}")
        assert repr(data).startswith("\n    ".join(lines))
        with pytest.raises(IndexError):
            data[len(data)]


@pytest.mark.parametrize("layout", EVERY)
def test_nothing_there(tmp_path, layout):
    """An empty folder, and none: an error that says what to do, and nothing is written."""
    for root in (tmp_path, tmp_path / "none"):
        before = sorted(tmp_path.rglob("*"))
        error = outcome(layout, root)
        assert isinstance(error, RuntimeError | FileNotFoundError)
        assert "not found" in str(error) or "missing" in str(error) or "does not exist" in str(error)
        assert sorted(tmp_path.rglob("*")) == before


DAMAGES = {
    "missing": None,
    "empty": lambda content: b"",
    "cut short": lambda content: content[:len(content) // 2],
    "one byte short": lambda content: content[:-1] if content[-1:] != b"\n" else content[:-3],
    "noise": lambda content: bytes(np.random.default_rng(0).integers(0, 256, len(content) or 9, np.uint8)),
    "another text": lambda content: b"<!DOCTYPE html><html>Quota exceeded</html>\n",
    "a list": lambda content: b'["a", {"b": [1, null]}]\n',
    "outside": lambda content: content.replace(b"000", b"../../000").replace(b"Ann_Lee", b"../Ann"),
}


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("layout", EVERY)
def test_damaged_annotations(tmp_path, layout, kind):
    """It is read all the same, or the error is of an allowed kind and names the file or what is in it."""
    layout.write(tmp_path)
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file() and path.suffix not in PICTURES]
    for path in files[:14]:
        content = path.read_bytes()
        if DAMAGES[kind] is None:
            path.unlink()
        else:
            path.write_bytes(DAMAGES[kind](content))
        error = outcome(layout, tmp_path)
        path.write_bytes(content)
        for cache in tmp_path.glob("*.pt"):
            cache.unlink()
        if error is not None:
            assert str(tmp_path) in str(error), error
    assert outcome(layout, tmp_path) is None


@pytest.mark.parametrize("layout", [pytest.param(layout, id=f"{layout.name}-{i}")
                                    for i, layout in enumerate([*LAYOUTS, *OURS_ONLY])
                                    if layout.name not in MAY_BE_EMPTY])
def test_all_annotations_emptied(tmp_path, layout):
    layout.write(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in PICTURES]
    for path in files:
        path.write_bytes(b"")
    error = outcome(layout, tmp_path)
    assert str(error).startswith(("cannot use", "read_idx: cannot read")), error


@pytest.mark.parametrize("kind", ["missing", "empty", "cut short", "noise"])
@pytest.mark.parametrize("layout", EVERY)
def test_damaged_pictures(tmp_path, layout, kind):
    layout.write(tmp_path)
    pictures = [path for path in tmp_path.rglob("*") if path.suffix in PICTURES]
    if not pictures:
        return
    for path in pictures:
        if kind == "missing":
            path.unlink()
        else:
            path.write_bytes(DAMAGES[kind](path.read_bytes()))
    error = outcome(layout, tmp_path)
    if error is None:       # where the folder is the list, there is nothing left
        assert kind == "missing"
    else:
        assert isinstance(error, OSError) or (kind == "missing" and isinstance(error, RuntimeError | ValueError))
        assert str(tmp_path) in str(error) or str(error).startswith("Found no valid file for the classes")


def test_transforms_are_applied(tmp_path):
    for layout in (*LAYOUTS, *OURS_ONLY):
        root = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        root.mkdir()
        layout.write(root)
        kind, arguments = type_of(layout), layout.arguments(root, layout.ways[0])
        takes = inspect.signature(kind).parameters
        if "transform" in takes or "kwargs" in takes:
            assert kind(**arguments, transform=lambda image: "changed")[0][0] in ("changed", "c"), layout.name
        if "target_transform" in takes:
            assert kind(**arguments, target_transform=lambda target: "target")[0][-1] == "target", layout.name
        if "transforms" in takes:
            assert kind(**arguments, transforms=lambda image, target: (target, 3))[0][1] == 3, layout.name
        if {"transform", "transforms"} <= set(takes):
            with pytest.raises(ValueError, match="Only transforms or"):
                kind(**arguments, transforms=lambda image, target: (image, target), transform=str)
        if "loader" in takes:
            assert kind(**arguments, loader=lambda path: f"loaded {Path(path).suffix}")[0][0].startswith("loaded")


@pytest.mark.parametrize("name, arguments", [
    ("EMNIST", {"split": "upper"}), ("QMNIST", {"what": "all"}), ("SVHN", {"split": "val"}),
    ("STL10", {"split": "val"}),
    ("STL10", {"folds": 10}), ("STL10", {"folds": "1"}), ("Country211", {"split": "val"}), ("DTD", {"partition": 11}),
    ("DTD", {"split": "all"}), ("Food101", {"split": "val"}), ("FGVCAircraft", {"annotation_level": "wing"}),
    ("Imagenette", {"size": "80px"}), ("GTSRB", {"split": 3}), ("Places365", {"split": "train"}),
    ("VOCDetection", {"year": "2006"}), ("VOCDetection", {"image_set": "test"}), ("SBDataset", {"mode": "edges"}),
    ("Cityscapes", {"split": "train_extra"}), ("Cityscapes", {"mode": "rough"}), ("Cityscapes", {"target_type": "box"}),
    ("CelebA", {"target_type": "age"}), ("OxfordIIITPet", {"target_types": ["breed"]}), ("LFWPeople", {"split": "all"}),
    ("LFWPairs", {"download": True}), ("StanfordCars", {"download": True}), ("INaturalist", {"version": "2020"}),
    ("INaturalist", {"version": "2017", "target_type": "genus"}), ("MovingMNIST", {"split_ratio": 20}),
    ("PhotoTour", {"name": "paris"}), ("WIDERFace", {"split": "all"}), ("BCCD", {"image_set": "all"}),
    ("CamVid", {"image_set": "all"}), ("Omniglot", {"background": "small3"}), ("Kitti", {"transforms": abs,
                                                                                         "transform": abs}),
])
def test_refused_arguments(tmp_path, name, arguments):
    layouts = [layout for layout in [*LAYOUTS, *OURS_ONLY] if layout.name == name]
    layouts[0].write(tmp_path)
    with pytest.raises(ValueError):
        getattr(datasets, name)(tmp_path, **arguments)


def test_arguments_of_another_type(tmp_path):
    with pytest.raises(TypeError, match="split_ratio"):
        datasets.MovingMNIST(tmp_path, split_ratio=2.5)
    with pytest.raises(RuntimeError, match="target_type is empty"):
        datasets.CelebA(tmp_path, target_type=[], target_transform=abs)


def test_batches_without_transforms(tmp_path):
    """In-memory sets fetch a batch in one call."""
    for name, shape in (("SVHN", (3, 3, 32, 32)), ("STL10", (3, 3, 96, 96)), ("USPS", (3, 16, 16)),
                        ("QMNIST", (3, 28, 28))):
        root = tmp_path / name
        root.mkdir()
        next(layout for layout in LAYOUTS if layout.name == name).write(root)
        data = getattr(datasets, name)(root)
        images, labels = next(iter(minidl.utils.data.DataLoader(data, batch_size=3)))
        assert images.shape == shape and labels.tolist() == [data[i][1] for i in range(3)]
        pixels = np.asarray(data[1][0])
        np.testing.assert_array_equal(images[1].numpy(), pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels)


def test_published_facts_are_torchvisions():
    """URLs and sums, where both have them under one name."""
    theirs = torchvision("datasets")
    names = ["file_dict", "checksums", "split_list", "train_list", "test_list", "tgz_md5", "md5_checksum", "classes",
             "FILE_LIST", "ANNOTATIONS_FILE", "_RESOURCES", "_file_dict", "_IMAGES_META", "_FILE_LIST_META", "md5",
             "_DEVKIT_META", "_CATEGORIES_META", "file_list", "urls", "means", "stds", "lens", "url", "voc_split_md5",
             "classes_split_dict", "_WNID_TO_CLASS"]
    compared = 0
    for layout in LAYOUTS:
        ours, reference = type_of(layout), getattr(theirs, layout.name)
        for name in names:
            if hasattr(reference, name) and not isinstance(getattr(reference, name), property):
                assert plain(getattr(ours, name)) == plain(getattr(reference, name)), (layout.name, name)
                compared += 1
    assert compared > 40
    source = "".join(inspect.getsource(importlib.import_module(f"torchvision.datasets.{name}")) for name in (
        "clevr country211 dtd eurosat fgvc_aircraft food101 gtsrb imagenette rendered_sst2 sun397 caltech "
        "oxford_iiit_pet mnist inaturalist pcam moving_mnist voc imagenet kitti").split())
    for kind in {type_of(layout) for layout in LAYOUTS}:
        for url, md5 in getattr(kind, "_ARCHIVES", ()):
            assert url.rpartition("/")[2] in source and (md5 is None or md5 in source), url
