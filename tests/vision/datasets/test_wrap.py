"""Data sets for transforms v2: against torchvision on small files in the published layouts, and by hand."""
from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.utils.data import DataLoader, Subset
from minidl.vision import datasets, tv_tensors
from minidl.vision.datasets import wrap_dataset_for_transforms_v2
from minidl.vision.datasets.base.rle import mask_of
from minidl.vision.transforms import v2
from tests.vision.datasets import layouts
from tests.vision.datasets.layouts import LAYOUTS
from tests.vision.datasets.test_layouts import any_checksum, plain  # noqa: F401
from tests.vision.reference import torchvision

WAYS = [("VOCDetection", {"year": "2007", "image_set": "val"}, None), ("VOCDetection", {"year": "2007"}, "all"),
        ("VOCSegmentation", {"year": "2007"}, None), ("SBDataset", {"mode": "segmentation"}, None),
        ("SBDataset", {}, None), ("CelebA", {"target_type": "bbox"}, None), ("CelebA", {"target_type": "attr"}, None),
        ("CelebA", {"target_type": ["bbox", "identity"]}, None),
        ("OxfordIIITPet", {"target_types": "segmentation"}, None),
        ("OxfordIIITPet", {"target_types": ["category", "segmentation"]}, None), ("OxfordIIITPet", {}, None),
        ("Cityscapes", {}, None), ("Cityscapes", {"target_type": ["semantic", "instance"]}, None),
        ("Cityscapes", {"target_type": "color"}, None), ("Kitti", {}, None), ("Kitti", {"train": False}, None),
        ("Kitti", {}, ["boxes", "type"]), ("Kitti", {}, "all"), ("Kitti", {}, ["no"]), ("WIDERFace", {}, None),
        ("WIDERFace", {"split": "test"}, None), ("WIDERFace", {}, ["bbox", "blur"]), ("MNIST", {}, None),
        ("MNIST", {}, ["labels"]), ("KMNIST", {}, None), ("Caltech101", {}, None),
        ("Caltech101", {"target_type": "annotation"}, None), ("SVHN", {}, None), ("GTSRB", {}, None)]


def kinds(value):
    """The classes in a target, with what they bring."""
    if isinstance(value, dict):
        return {key: kinds(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [kinds(item) for item in value]
    about = [getattr(value, name, None) for name in ("canvas_size", "clamping_mode")]
    return type(value).__name__, about, getattr(getattr(value, "format", None), "value", None)


@pytest.mark.parametrize("name, way, keys", WAYS, ids=str)
def test_wrapped_against_torchvision(tmp_path, name, way, keys):
    wrap = torchvision("tv_tensors._dataset_wrapper").wrap_dataset_for_transforms_v2
    layout = next(layout for layout in LAYOUTS if layout.name == name)
    (layouts.voc("2007") if name.startswith("VOC") else layout.write)(tmp_path)
    for path in tmp_path.rglob("*_instanceIds.png"):        # torchvision takes no numbers from 232 on
        Image.fromarray(layouts.noise(7, 9, limit=200)).save(path)
    arguments = layout.arguments(tmp_path, way)
    try:
        expected = wrap(getattr(torchvision("datasets"), name)(**arguments), keys)
        first = int(name in ("VOCDetection", "Kitti") and way.get("train", True))     # there is nothing in the first
        samples = [expected[i] for i in range(first, len(expected))]
    except Exception as error:
        with pytest.raises(type(error)):
            wrap_dataset_for_transforms_v2(getattr(datasets, name)(**arguments), keys)
        return
    ours = wrap_dataset_for_transforms_v2(getattr(datasets, name)(**arguments), keys)
    assert isinstance(ours, getattr(datasets, name)) and type(ours).__name__ == type(expected).__name__
    found = [ours[i] for i in range(first, len(ours))]
    assert len(found) == len(samples) > 0
    for (image, target), (their_image, their_target) in zip(found, samples):
        assert plain(image) == plain(their_image)
        assert plain(target) == plain(their_target)
        assert str(kinds(target)).replace("Image", "") == str(kinds(their_target)).replace("Image", "")


def test_images_without_objects(tmp_path):
    """torchvision's fail with a KeyError."""
    layouts.voc("2007")(tmp_path)
    layouts.kitti(tmp_path)
    for data in (datasets.VOCDetection(tmp_path, "2007"), datasets.Kitti(tmp_path)):
        _, target = wrap_dataset_for_transforms_v2(data)[0]
        assert target["boxes"].shape == (0, 4) and target["labels"].tolist() == []
        assert type(target["boxes"]) is tv_tensors.BoundingBoxes and target["boxes"].canvas_size == (7, 9)


def test_instances_of_16_bits(tmp_path):
    """From 1000 on they have a class in the thousands. torchvision has no >= for numbers of 16 bits."""
    layouts.cityscapes(tmp_path)
    picture = np.full((7, 9), 7, np.uint16)
    picture[2:4], picture[5] = 26001, 26002
    for path in tmp_path.rglob("*_instanceIds.png"):
        Image.fromarray(picture).save(path)
    _, target = wrap_dataset_for_transforms_v2(datasets.Cityscapes(tmp_path))[0]
    assert target["labels"].tolist() == [7, 26, 26] and target["masks"].sum((1, 2, 3)).tolist() == [36, 18, 9]


def coco(root, **options):
    layouts.coco(root)
    return datasets.CocoDetection(root / "images", root / "annotations.json", **options)


def test_coco(tmp_path):
    data = wrap_dataset_for_transforms_v2(coco(tmp_path), ["boxes", "labels", "masks", "image_id", "area"])
    image, target = data[1]
    assert isinstance(image, Image.Image) and target["image_id"] == 139 and target["labels"].tolist() == [18, 90, 18]
    assert target["boxes"].tolist() == [[0, 1, 3, 3.5], [2, 1, 5, 3.5], [3, 1, 6, 3.5]]
    assert type(target["boxes"]) is tv_tensors.BoundingBoxes and target["boxes"].canvas_size == (7, 9)
    assert type(target["masks"]) is tv_tensors.Mask and target["masks"].shape == (3, 7, 9)
    assert target["area"] == [0.0, 15.0, 22.5]
    assert set(wrap_dataset_for_transforms_v2(coco(tmp_path))[1][1]) == {"boxes", "labels", "image_id"}
    assert data[0][1] == {"image_id": 4}                # without annotations
    with pytest.raises(ValueError, match="are not available"):
        wrap_dataset_for_transforms_v2(coco(tmp_path), ["no"])
    with pytest.raises(ValueError, match="`target_keys` can be"):
        wrap_dataset_for_transforms_v2(coco(tmp_path), "boxes")


def test_a_detector_is_fed(tmp_path):
    """Transforms come after the wrapping, and the data set stays as it was."""
    transforms = v2.Compose([v2.ToImage(), v2.RandomHorizontalFlip(p=1.0), v2.Resize((14, 18)),
                             v2.SanitizeBoundingBoxes(), v2.ToDtype(minidl.float32, scale=True)])
    plain_set = coco(tmp_path, transforms=transforms)
    data = wrap_dataset_for_transforms_v2(plain_set)
    assert plain_set.transforms is transforms and data.transforms is transforms and data.ids == plain_set.ids
    image, target = data[1]
    assert type(image) is tv_tensors.Image and image.shape == (3, 14, 18) and image.max() <= 1
    assert target["boxes"].tolist()[0] == [12, 2, 18, 7] and len(target["labels"]) == 3
    loader = DataLoader(Subset(data, [1, 2]), batch_size=2, collate_fn=lambda samples: tuple(zip(*samples)),
                        num_workers=1)
    (images, targets), = loader
    assert len(images) == 2 and [len(target["labels"]) for target in targets] == [3, 1]
    again = pickle.loads(pickle.dumps(wrap_dataset_for_transforms_v2(coco(tmp_path), ["boxes"])))
    assert list(again[1][1]) == ["boxes"]


def test_other_data_sets_are_refused():
    with pytest.raises(TypeError, match="meant for subclasses of"):
        wrap_dataset_for_transforms_v2([1, 2])
    with pytest.raises(TypeError, match="No wrapper exists for dataset class FakeData"):
        wrap_dataset_for_transforms_v2(datasets.FakeData(2))


# ---------------------------------------------------------------------- masks of COCO

def test_polygons():
    """A pixel belongs to a polygon where its middle does."""
    square = mask_of([[10, 10, 20, 10, 20, 20, 10, 20]], 30, 40)
    assert square.sum() == 100 and square[10:20, 10:20].all()
    both = mask_of([[0, 0, 2, 0, 2, 2, 0, 2], [1, 1, 3, 1, 3, 3, 1, 3]], 4, 4)
    assert both.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert mask_of([[-5, -5, 50, -5, 50, 50, -5, 50]], 4, 6).all()
    for reverse in (False, True):
        triangle = np.array([[2.3, 1.7], [33.1, 9.4], [12.8, 27.2]])[::-1 if reverse else 1]
        drawn = mask_of([triangle.reshape(-1).tolist()], 30, 40)
        y, x = np.mgrid[:30, :40] + 0.5
        inside = np.ones((30, 40), bool)
        for (x1, y1), (x2, y2) in zip(triangle, np.roll(triangle, -1, 0)):
            inside &= ((x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0) != reverse
        assert (inside != drawn).sum() <= 6 and drawn.sum() > 250      # the border is drawn on a grid of fifths


def test_run_lengths():
    expected = [[0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0]]
    for counts in ([3, 3, 6], "336", b"336"):
        assert mask_of({"size": [3, 4], "counts": counts}, 3, 4).tolist() == expected
    found = mask_of({"size": [1, 17], "counts": "3522"}, 1, 17)         # the fourth is 2 more than the second
    assert found.tolist() == [[0] * 3 + [1] * 5 + [0] * 2 + [1] * 7]
    # five bits a character, and 32 where more follow: 40 = 8 + 1 * 32 is "X1"; 30 = 40 - 10, and -10 ends as 22, "F"
    found = mask_of({"size": [1, 112], "counts": "2X1X1F"}, 1, 112)
    assert found.tolist() == [[0] * 2 + [1] * 40 + [0] * 40 + [1] * 30]
    with pytest.raises(ValueError, match="add up to 3 x 4 pixels, got 11"):
        mask_of({"size": [3, 4], "counts": [3, 3, 5]}, 3, 4)
    with pytest.raises(ValueError, match="expected to be a dict or a list"):
        mask_of("3", 3, 4)
