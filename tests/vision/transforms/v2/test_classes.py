"""The classes of v2: what they draw and apply, on samples of many parts, against torchvision's and by hand."""
from __future__ import annotations

import dataclasses
import inspect
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl import nn
from minidl.vision import transforms as v1
from minidl.vision import tv_tensors
from minidl.vision.transforms import v2
from minidl.vision.transforms.v2 import functional as F
from tests.vision.reference import torchvision
from tests.vision.transforms.v2.inputs import CORNERS, IMAGE, MASK, OURS, POINTS, H, W, compare, theirs

KINDS = {"image": "uint8", "mask": "mask", "boxes": "boxes XYXY", "points": "points"}

CASES = {       # class: arguments, and the parameters that are drawn
    "Resize": [((12,), {}, {}), (([5, 9],), {"interpolation": "nearest"}, {}), ((None,), {"max_size": 11}, {})],
    "ScaleJitter": [(((20, 30),), {}, {"size": (9, 12)})], "RandomShortestSize": [(([5, 9],), {}, {"size": (9, 12)})],
    "RandomResize": [((5, 9), {}, {"size": [7]})],
    "CenterCrop": [((9,), {}, {}), (([40, 10],), {}, {})],
    "Pad": [((3,), {}, {}), (([1, 2, 3, 4],), {"fill": 7}, {}), ((2,), {"fill": {"others": 3}}, {})],
    "RandomZoomOut": [((), {"fill": 5}, {"padding": [1, 2, 3, 4]})],
    "RandomCrop": [((9,), {}, {"needs_crop": True, "top": 2, "left": 3, "height": 9, "width": 9, "needs_pad": False,
                               "padding": [0, 0, 0, 0]}),
                   (((30, 40),), {"fill": 3, "pad_if_needed": True},
                    {"needs_crop": True, "top": 2, "left": 3, "height": 30, "width": 40, "needs_pad": True,
                     "padding": [10, 7, 10, 7]})],
    "RandomResizedCrop": [((8,), {}, {"top": 2, "left": 3, "height": 12, "width": 9})],
    "RandomHorizontalFlip": [((), {"p": 1.0}, {})], "RandomVerticalFlip": [((), {"p": 1.0}, {})],
    "RandomRotation": [((30,), {}, {"angle": 20.0}),
                       ((30,), {"fill": 9, "interpolation": "bilinear"}, {"angle": 20.0})],
    "RandomAffine": [((30,), {"fill": 3}, {"angle": 10.0, "translate": (3, -2), "scale": 1.2, "shear": (5.0, -8.0)})],
    "RandomPerspective": [((), {"fill": 2}, {"coefficients": [1.1, 0.05, -2, 0.02, 0.9, 1.5, 0.001, -0.002]})],
    "ElasticTransform": [((), {}, {"displacement": np.full((1, H, W, 2), 0.04, np.float32)})],
    "RandomIoUCrop": [((), {}, {"top": 2, "left": 3, "height": 12, "width": 9,
                                "is_within_crop_area": np.array([True, False, True, False, True])})],
    "Grayscale": [((3,), {}, {})], "RandomGrayscale": [((), {}, {"num_input_channels": 3})], "RGB": [((), {}, {})],
    "ColorJitter": [((0.4, 0.4, 0.4, 0.2), {}, {"fn_idx": [2, 0, 3, 1], "brightness_factor": 1.2,
                                                "contrast_factor": 0.8, "saturation_factor": 0.7, "hue_factor": 0.1})],
    "RandomChannelPermutation": [((), {}, {"permutation": [2, 0, 1]})],
    "RandomPhotometricDistort": [((), {}, {
        "brightness_factor": 1.1, "contrast_factor": 0.8, "saturation_factor": None, "hue_factor": 0.04,
        "contrast_before": before, "channel_permutation": [1, 0, 2]}) for before in (True, False)],
    "RandomEqualize": [((), {}, {})], "RandomInvert": [((), {}, {})], "RandomPosterize": [((3,), {}, {})],
    "RandomSolarize": [((100,), {}, {})], "RandomAutocontrast": [((), {}, {})],
    "RandomAdjustSharpness": [((1.7,), {}, {})],
    "RandomErasing": [((), {}, {"i": 2, "j": 3, "h": 4, "w": 5, "v": np.full((3, 1, 1), 9, np.float32)}),
                      ((), {}, {"i": 0, "j": 0, "h": H, "w": W, "v": None})],
    "GaussianBlur": [((3,), {}, {"sigma": [0.7, 0.7]})],
    "Identity": [((), {}, {})], "ToImage": [((), {}, {})], "ToPILImage": [((), {}, {})], "ToPureTensor": [((), {}, {})],
    "ConvertBoundingBoxFormat": [(("CXCYWH",), {}, {})], "ClampBoundingBoxes": [((), {}, {}), (("hard",), {}, {})],
    "ClampKeyPoints": [((), {}, {})], "SetClampingMode": [(("hard",), {}, {}), ((None,), {}, {})],
    "ConvertImageDtype": [((), {}, {})],
}
ALL = [(name, *case) for name, cases in CASES.items() for case in cases]
PARTS = [*KINDS.values(), "pil", "video", "plain", "boxes CXCYWHR"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name, args, options, params", ALL, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("part", PARTS)
def test_each_part_as_torchvision(part, name, args, options, params):
    """With given parameters, in place of random ones."""
    other = theirs()
    ours, expected = getattr(v2, name)(*args, **options), getattr(torchvision("transforms.v2"), name)(*args, **options)
    if name == "RandomIoUCrop" and part == "boxes CXCYWHR":
        pytest.skip("torchvision's has no rotated boxes")
    if part == "video" and name in ("Grayscale", "RandomGrayscale", "RGB"):
        pytest.skip("torchvision's leaves videos as they are")
    results = []
    for library, transform in ((OURS, ours), (other, expected)):
        inpt = library.sample(part)
        try:
            if not transform._needs_transform_list([inpt])[0]:
                results.append(inpt)
                continue
            given = {key: library.resolve(value) for key, value in params.items()}
            results.append(transform.transform(inpt, given))
        except Exception as error:
            results.append(error)
    if isinstance(results[1], Exception):
        assert isinstance(results[0], type(results[1])), results
        return
    assert not isinstance(results[0], Exception), results[0]
    sampled = name in ("RandomRotation", "RandomAffine", "RandomPerspective", "ElasticTransform")
    compare(*results, off_by_one=0.003, elsewhere=0.01 if sampled else 0)


@pytest.mark.parametrize("name, args, options", [
    ("Resize", (8,), {}), ("RandomCrop", (9,), {"padding": 2}), ("RandomAffine", (30,), {"translate": (0.1, 0.2)}),
    ("ColorJitter", (0.1,), {}), ("RandomErasing", (), {}), ("GaussianBlur", (3,), {}), ("RandAugment", (), {}),
    ("RandomIoUCrop", (), {}), ("Normalize", ([0.5], [0.5]), {}), ("Pad", (3,), {}), ("ScaleJitter", ((5, 5),), {}),
    ("AutoAugment", (), {}), ("ElasticTransform", (), {}), ("RandomZoomOut", (), {}), ("SanitizeBoundingBoxes", (), {}),
    ("JPEG", (50,), {}), ("RandomRotation", (30,), {})])
def test_how_it_is_printed(name, args, options):
    expected = repr(getattr(torchvision("transforms.v2"), name)(*args, **options))
    assert repr(getattr(v2, name)(*args, **options)) == expected


REFUSED = [
    ("RandomHorizontalFlip", (), {"p": 1.5}), ("Resize", ([1, 2, 3],), {}), ("Resize", (None,), {}),
    ("Pad", ("a",), {}),
    ("Pad", ([1, 2, 3],), {}), ("Pad", (1,), {"padding_mode": "no"}), ("Pad", (1,), {"fill": "no"}),
    ("RandomZoomOut", (), {"side_range": (0.5, 2)}), ("RandomZoomOut", (), {"side_range": 2}),
    ("RandomRotation", (-1,), {}), ("RandomRotation", ([1, 2, 3],), {}), ("RandomRotation", (1,), {"center": 3}),
    ("RandomAffine", (1,), {"translate": (0.1, 2)}), ("RandomAffine", (1,), {"scale": (0, 1)}),
    ("RandomAffine", (1,), {"shear": [1, 2, 3]}), ("RandomPerspective", (2,), {}), ("ElasticTransform", ("a",), {}),
    ("ElasticTransform", ([1, 2, 3],), {}), ("CenterCrop", ([1, 2, 3],), {}), ("RandomResizedCrop", (3,), {"scale": 1}),
    ("RandomErasing", (), {"value": "no"}), ("RandomErasing", (), {"scale": (0.5, 2)}),
    ("RandomErasing", (), {"ratio": 1}), ("RandomErasing", (), {"p": 2}), ("ColorJitter", (-1,), {}),
    ("ColorJitter", ([1, 2, 3],), {}), ("ColorJitter", (), {"hue": 0.7}), ("GaussianBlur", (2,), {}),
    ("GaussianBlur", (3, -1), {}), ("GaussianBlur", ([1, 2, 3],), {}), ("JPEG", (0,), {}), ("JPEG", (True,), {}),
    ("JPEG", ([1, 2, 3],), {}), ("JPEG", (1.5,), {}), ("Compose", ([],), {}), ("Compose", (3,), {}),
    ("RandomApply", ([],), {}), ("RandomApply", ([abs],), {"p": 2}), ("RandomChoice", ([abs],), {"p": [1, 2]}),
    ("RandomOrder", (abs,), {}), ("SanitizeBoundingBoxes", (), {"min_size": 0}),
    ("SanitizeBoundingBoxes", (), {"labels_getter": "no"}), ("SetClampingMode", ("no",), {}), ("ToDtype", ("no",), {}),
    ("AugMix", (), {"severity": 11}), ("RandAugment", (), {"num_ops": -1}), ("AutoAugment", ("no",), {}),
    ("MixUp", (), {"labels_getter": 3})]


@pytest.mark.parametrize("name, args, options", REFUSED, ids=str)
def test_refused_as_by_torchvision(name, args, options):
    with pytest.raises((ValueError, TypeError)) as expected:
        getattr(torchvision("transforms.v2"), name)(*args, **options)
    with pytest.raises(expected.type):
        getattr(v2, name)(*args, **options)


@pytest.mark.parametrize("kind", [v2.MixUp, v2.CutMix])
def test_no_share_is_drawn_from_beta_of_zero(kind):
    """torchvision leaves that to PyTorch's distributions, which check nothing once its compiler was imported."""
    with pytest.raises(ValueError, match="alpha"):
        kind(alpha=0)


def test_names_and_arguments_of_torchvision():
    expected = torchvision("transforms.v2")
    names = [name for name in vars(expected) if name[0] != "_" and callable(getattr(expected, name))]
    assert not [name for name in names if not hasattr(v2, name)]
    for name in names:
        if inspect.isclass(getattr(expected, name)) and name not in ("InterpolationMode", "AutoAugmentPolicy"):
            ours, other = (inspect.signature(getattr(space, name).__init__).parameters for space in (v2, expected))
            assert list(ours) == list(other), name
            same = [(a.default, b.default) for a, b in zip(ours.values(), other.values())]
            assert all(str(a) == str(b) or "float32" in str(a) for a, b in same), (name, same)
            if hasattr(getattr(expected, name), "get_params"):
                assert callable(getattr(v2, name).get_params)


# ---------------------------------------------------------------------- samples

Pair = namedtuple("Pair", "image target")


@dataclasses.dataclass(frozen=True)
class Sample:
    image: object
    boxes: object
    label: int = 3


def parts():
    return {"image": tv_tensors.Image(minidl.from_numpy(IMAGE.copy())), "mask": tv_tensors.Mask(MASK.copy()),
            "boxes": tv_tensors.BoundingBoxes(CORNERS.copy(), format="XYXY", canvas_size=(H, W)),
            "points": tv_tensors.KeyPoints(POINTS.copy(), canvas_size=(H, W)), "name": "cat", "label": 3,
            "area": minidl.ones(5)}


@pytest.mark.parametrize("make", [
    v2.RandomHorizontalFlip, lambda: v2.RandomRotation(30, expand=True), lambda: v2.RandomCrop(9),
    lambda: v2.RandomResizedCrop(8), lambda: v2.RandomAffine(20), lambda: v2.RandomPerspective(p=1.0),
    lambda: v2.ElasticTransform(), lambda: v2.RandomZoomOut(p=1.0), lambda: v2.ScaleJitter((20, 20)), v2.RandomIoUCrop,
    lambda: v2.RandomShortestSize([7, 8], 20), lambda: v2.RandomResize(5, 9), lambda: v2.Resize(7)])
def test_all_parts_keep_together(make):
    minidl.manual_seed(0)
    for _ in range(5):
        given = parts()
        found = make()(given)
        assert v2.query_size(list(found.values())[:4])      # they are of one size
        assert [type(value) for value in found.values()] == [type(value) for value in given.values()]
        assert (found["name"], found["label"]) == ("cat", 3) and found["area"] is given["area"]


def test_structures():
    flip = v2.RandomHorizontalFlip(p=1.0)
    image, boxes = parts()["image"], parts()["boxes"]
    flipped = F.hflip(image).tolist()
    found = flip([image, {"boxes": boxes, "more": (1, "a", None)}])
    assert found[0].tolist() == flipped and found[1]["more"] == (1, "a", None)
    assert found[1]["boxes"].tolist() == F.hflip(boxes).tolist()
    found = flip(Pair(image, [boxes]))
    assert type(found) is Pair and found.image.tolist() == flipped
    found = flip(Sample(image, boxes))
    assert type(found) is Sample and found.image.tolist() == flipped and found.label == 3
    found = flip(image, boxes, 7)
    assert type(found) is tuple and found[2] == 7
    ordered, default = OrderedDict(b=image, a=1), defaultdict(list, image=image)
    assert list(flip(ordered)) == ["b", "a"] and type(flip(ordered)) is OrderedDict
    assert flip(default)["missing"] == [] and ordered["b"] is image


def test_which_plain_tensors_are_images():
    flip, plain = v2.RandomHorizontalFlip(p=1.0), minidl.arange(6).reshape(1, 2, 3)
    first, second = flip((plain, plain.clone()))
    assert first.tolist() == plain.flip(-1).tolist() and second.tolist() == plain.tolist()
    image, other = flip((tv_tensors.Image(plain), plain))
    assert other is plain and image.tolist() == plain.flip(-1).tolist()
    assert flip({"a": Image.new("L", (3, 2)), "b": plain})["b"] is plain


def test_what_is_in_a_sample():
    leaves = list(parts().values())
    assert v2.query_chw(leaves[:1]) == (3, H, W) and v2.query_size(leaves[:4]) == (H, W)
    assert v2.get_bounding_boxes(leaves) is leaves[2] and v2.get_keypoints(leaves) is leaves[3]
    assert v2.has_any(leaves, tv_tensors.Mask, Image.Image) and not v2.has_all(leaves, tv_tensors.Mask, Image.Image)
    assert v2.check_type(3, (str, lambda value: value == 3)) and not v2.has_any([], int)
    with pytest.raises(TypeError, match="No image or video was found"):
        v2.query_chw([leaves[2]])
    with pytest.raises(ValueError, match="Found multiple HxW dimensions"):
        v2.query_size([leaves[0], minidl.ones(1, 2, 2)])
    with pytest.raises(ValueError, match="No bounding boxes"):
        v2.get_bounding_boxes([1])
    with pytest.raises(ValueError, match="No keypoints"):
        v2.get_keypoints([])


# ---------------------------------------------------------------------- random draws

def draws(transform, count=2000, sample=None):
    minidl.manual_seed(0)
    sample = [minidl.zeros(3, 20, 30)] if sample is None else sample
    return [transform.make_params(sample) for _ in range(count)]


def expected_draws(name, args, options, count=2000):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    transform = getattr(torchvision("transforms.v2"), name)(*args, **options)
    return [transform.make_params([torch.zeros(3, 20, 30)]) for _ in range(count)]


DRAWN = [("RandomCrop", (9,), {"padding": 3}), ("RandomResizedCrop", (9,), {}), ("RandomRotation", ([10, 40],), {}),
         ("RandomAffine", (20, (0.1, 0.2), (0.5, 2), 9), {}), ("RandomPerspective", (0.4,), {}),
         ("RandomZoomOut", (), {}), ("ScaleJitter", ((20, 40),), {}), ("RandomShortestSize", ([5, 9, 13], 30), {}),
         ("RandomResize", (5, 9), {}), ("ColorJitter", (0.4, (0.2, 0.7), None, 0.1), {}),
         ("RandomPhotometricDistort", (), {}), ("JPEG", ([3, 9],), {}),
         ("GaussianBlur", (3, (0.2, 0.9)), {}), ("RandomErasing", (), {}), ("CutMix", (), {"num_classes": 3}),
         ("MixUp", (), {"num_classes": 3})]


def numbers_in(value, key=""):
    if value is None and key == "channel_permutation":
        return [-1.0] * 3
    if value is None or isinstance(value, (bool, int, float)):
        return [-1.0 if value is None else float(value)]
    return [float(x) for x in np.asarray(value, dtype=float).reshape(-1)]


@pytest.mark.parametrize("name, args, options", DRAWN, ids=lambda value: str(value)[:30])
def test_parameters_are_distributed_as_torchvisions(name, args, options):
    """Means and deviations of all numbers, within five standard errors."""
    ours, expected = draws(getattr(v2, name)(*args, **options)), expected_draws(name, args, options)
    for key in expected[0]:
        a, b = (np.array([numbers_in(draw[key], key) for draw in drawn]) for drawn in (ours, expected))
        error = np.sqrt((a.var(0) + b.var(0)) / len(a))
        assert (abs(a.mean(0) - b.mean(0)) <= 5 * error + 1e-6).all(), (key, a.mean(0), b.mean(0))
        assert (abs(a.std(0) - b.std(0)) <= 0.12 * b.std(0) + 1e-6).all(), (key, a.std(0), b.std(0))
        if key == "coefficients":
            continue        # they have no bounds
        assert (a.min(0) >= b.min(0) - 0.1 * np.ptp(b, 0) - 1e-6).all() and (
            a.max(0) <= b.max(0) + 0.1 * np.ptp(b, 0) + 1e-6).all(), key


def test_probabilities():
    minidl.manual_seed(0)
    image = tv_tensors.Image(minidl.arange(3).reshape(1, 1, 3))
    flipped = [v2.RandomHorizontalFlip(p=0.3)(image)[0, 0, 0].item() == 2 for _ in range(1000)]
    assert np.mean(flipped) == pytest.approx(0.3, abs=0.05)
    assert v2.RandomVerticalFlip(p=0.0)(image) is image
    choice = v2.RandomChoice([lambda x: 0, lambda x: 1, lambda x: 2], p=[1, 0, 3])
    counts = np.bincount([choice(image) for _ in range(1000)], minlength=3)
    assert counts[1] == 0 and counts[2] == pytest.approx(750, abs=60)
    orders = {v2.RandomOrder([lambda x: [*x, 1], lambda x: [*x, 2]])([]).__repr__() for _ in range(30)}
    assert orders == {"[1, 2]", "[2, 1]"}
    applied = [v2.RandomApply([lambda x: x + 1], p=0.7)(0) for _ in range(1000)]
    assert np.mean(applied) == pytest.approx(0.7, abs=0.06)


def test_the_seed_repeats_a_pipeline():
    pipeline = v2.Compose([v2.RandomResizedCrop(9), v2.ColorJitter(0.3, 0.3, 0.3, 0.1), v2.RandomErasing(p=1.0),
                           v2.RandAugment(), v2.GaussianNoise(sigma=0.1), v2.ToDtype(minidl.float32, scale=True)])
    results = []
    for _ in range(2):
        minidl.manual_seed(3)
        results.append(pipeline(tv_tensors.Image(IMAGE.copy())))
    assert results[0].tolist() == results[1].tolist() and results[0].dtype == minidl.float32


# ---------------------------------------------------------------------- by hand

def test_iou_crop():
    minidl.manual_seed(0)
    seen = set()
    for least in (0.0, 0.3, 0.7):
        crop = v2.RandomIoUCrop(sampler_options=[least])
        for _ in range(20):
            boxes = tv_tensors.BoundingBoxes([[2., 2, 8, 8], [20, 12, 28, 20]], format="XYXY", canvas_size=(H, W))
            image, cut = crop(tv_tensors.Image(IMAGE.copy()), boxes)
            gone = (cut == 0).all(-1)
            assert image.shape[-2:] == cut.canvas_size and not gone.all()
            seen.add(tuple(gone.tolist()))
    assert len(seen) > 1
    whole = v2.RandomIoUCrop(sampler_options=[2.0])(tv_tensors.Image(IMAGE.copy()), boxes)
    assert whole[1] is boxes
    with pytest.raises(TypeError, match="requires input sample to contain tensor or PIL images and bounding boxes"):
        v2.RandomIoUCrop()(minidl.zeros(3, 4, 4))


def test_sanitize_with_labels_and_masks():
    boxes = tv_tensors.BoundingBoxes([[0., 0, 4, 4], [5, 5, 5, 9], [1, 1, 3, 3]], format="XYXY", canvas_size=(10, 10))
    masks = tv_tensors.Mask(minidl.arange(12).reshape(3, 2, 2))
    classes = tv_tensors.Mask(minidl.zeros(7, 7))
    target = {"boxes": boxes, "labels": minidl.tensor([1, 2, 3]), "masks": masks, "classes": classes, "id": 5}
    image, found = v2.SanitizeBoundingBoxes()((tv_tensors.Image(minidl.zeros(3, 10, 10)), target))
    assert found["labels"].tolist() == [1, 3] and found["masks"].tolist() == masks[[0, 2]].tolist()
    assert found["boxes"].tolist() == [[0, 0, 4, 4], [1, 1, 3, 3]] and found["id"] == 5
    assert type(found["masks"]) is tv_tensors.Mask and found["classes"] is classes and image.shape == (3, 10, 10)
    both = v2.SanitizeBoundingBoxes(labels_getter=lambda sample: (sample["labels"], sample["area"]))
    found = both({"boxes": boxes, "labels": minidl.tensor([1, 2, 3]), "area": minidl.tensor([4., 5., 6.])})
    assert found["labels"].tolist() == [1, 3] and found["area"].tolist() == [4, 6]
    assert len(v2.SanitizeBoundingBoxes(labels_getter=None)(boxes)) == 2
    with pytest.raises(ValueError, match="must match the number of labels"):
        v2.SanitizeBoundingBoxes()({"boxes": boxes, "labels": minidl.ones(2)})
    with pytest.raises(ValueError, match="Could not infer where the labels are"):
        v2.SanitizeBoundingBoxes()({"boxes": boxes})
    with pytest.raises(ValueError, match="must be a tensor or None"):
        v2.SanitizeBoundingBoxes()({"boxes": boxes, "labels": [1, 2, 3]})
    points = tv_tensors.KeyPoints([[0, 0], [10, 3]], canvas_size=(10, 10))
    found = v2.SanitizeKeyPoints(labels_getter="default")({"points": points, "Labels": minidl.tensor([1, 2])})
    assert found["points"].tolist() == [[0, 0]] and found["Labels"].tolist() == [1]


def test_mixes():
    minidl.manual_seed(0)
    images, labels = minidl.stack([minidl.zeros(3, 8, 8), minidl.ones(3, 8, 8)]), minidl.tensor([0, 1])
    for mix in (v2.MixUp(num_classes=2), v2.CutMix(num_classes=2)):
        mixed, shares = mix(images, labels)
        np.testing.assert_allclose(mixed.mean((1, 2, 3)).numpy(), shares[:, 1].numpy(), atol=1e-6)
        found = mix({"images": tv_tensors.Image(images), "labels": labels, "names": ["a", "b"]})
        assert type(found["images"]) is tv_tensors.Image and found["labels"].shape == (2, 2)
        assert found["names"] == ["a", "b"]
        video, shares = mix(tv_tensors.Video(minidl.rand(2, 4, 3, 8, 8)), minidl.eye(2))
        assert type(video) is tv_tensors.Video and shares.sum(1).tolist() == [1, 1]
    assert v2.CutMix(num_classes=2)(minidl.zeros(2, 3, 8, 8, dtype=minidl.uint8), labels)[0].dtype == minidl.uint8
    for arguments, message in (
            ((images[0], labels), "Expected a batched input with 4 dims"), ((images[:1], labels), "batch size"),
            ((images, [0, 1]), "input passed to forward|must be a tensor"),
            ((images, labels[None, None]), "labels should be"),
            ((Image.new("L", (4, 4)), labels), "does not support PIL images")):
        with pytest.raises(ValueError, match=message):
            v2.MixUp(num_classes=2)(*arguments)
    with pytest.raises(ValueError, match="num_classes must be passed"):
        v2.MixUp()(images, labels)
    with pytest.raises(ValueError, match="must match num_classes"):
        v2.MixUp(num_classes=3)(images, minidl.eye(2))


@pytest.mark.parametrize("make", [*(lambda policy=policy: v2.AutoAugment(policy) for policy in v2.AutoAugmentPolicy),
                                  v2.RandAugment, v2.TrivialAugmentWide, v2.AugMix,
                                  lambda: v2.AugMix(all_ops=False, chain_depth=2),
                                  lambda: v2.RandAugment(fill=[1, 2, 3])])
def test_policies(make):
    minidl.manual_seed(0)
    policy = make()
    for image in (tv_tensors.Image(IMAGE.copy()), tv_tensors.Image(IMAGE / np.float32(255)), Image.new("RGB", (W, H)),
                  minidl.from_numpy(IMAGE.copy()), tv_tensors.Video(IMAGE[None].repeat(2, 0))):
        changed = False
        for _ in range(12):
            found = policy({"image": image, "label": 3})
            assert type(found["image"]) is type(image) and found["label"] == 3
            assert F.get_dimensions(found["image"]) == F.get_dimensions(image)
            if isinstance(image, minidl.Tensor):
                assert found["image"].dtype == image.dtype
                changed = changed or found["image"].tolist() != image.tolist()
        assert changed or isinstance(image, Image.Image)
    for sample, message in (({"a": 3}, "Found no image"), (parts(), "not supported by"),
                            ([tv_tensors.Image(IMAGE)] * 2, "only properly defined for a single image")):
        with pytest.raises(TypeError, match=message):
            policy(sample)


OPERATIONS = ["ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness",
              "Posterize", "Solarize", "AutoContrast", "Equalize", "Invert", "Identity"]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("sample", ["uint8", "float32", "pil"])
def test_operations_of_policies_as_torchvision(name, sample):
    other = theirs()
    magnitude = {"Posterize": 4, "TranslateX": 5.6, "TranslateY": 5.6, "Rotate": 20.0}.get(name, 0.25)
    transform = torchvision("transforms.v2").RandAugment()
    expected = transform._apply_image_or_video_transform(other.sample(sample), name, magnitude, "nearest",
                                                         {"others": None})
    found = v2.RandAugment()._operate(OURS.sample(sample), name, magnitude)
    compare(found, expected, off_by_one=0.003, elsewhere=0.01 if name in OPERATIONS[:5] else 0)


@pytest.mark.parametrize("name", ["AutoAugment", "RandAugment", "TrivialAugmentWide", "AugMix"])
def test_magnitudes_of_torchvision(name):
    expected = getattr(torchvision("transforms.v2"), name)._AUGMENTATION_SPACE
    bins, sizes = {"AutoAugment": 10, "AugMix": 10}.get(name, 31), (32, 48)
    options = {"TrivialAugmentWide": ((0, 0), 0.99, (32.0, 32.0), 135.0, 0.99, 8, 6),
               "AugMix": (sizes, 0.3, (16.0, 32 / 3.0), 30.0, 0.9, 4)}.get(name, (sizes,))
    found = v2.autoaugment._table(bins, *options)
    for operation, (magnitudes, signed) in expected.items():
        values = magnitudes(bins, *sizes)
        ours = found.get(operation, (None, False))
        assert ours[1] == signed and (ours[0] is None) == (values is None)
        if values is not None:
            np.testing.assert_allclose(ours[0], values.numpy(), rtol=1e-6)


def test_dtypes():
    sample = parts()
    found = v2.ToDtype(minidl.float32, scale=True)(sample)
    assert found["image"].max() <= 1 and found["mask"].dtype == minidl.uint8 and found["area"] is sample["area"]
    by_kind = {tv_tensors.Image: minidl.float64, tv_tensors.Mask: minidl.int64, "others": None}
    found = v2.ToDtype(by_kind)(sample)
    assert (found["image"].dtype, found["mask"].dtype, found["boxes"].dtype) == (
        minidl.float64, minidl.int64, minidl.float32)
    with pytest.raises(ValueError, match="No dtype was specified"):
        v2.ToDtype({tv_tensors.Image: minidl.float32})(sample)
    plain = v2.ToPureTensor()(sample)
    assert {type(plain[name]) for name in ("image", "mask", "boxes", "points")} == {minidl.Tensor}


def test_a_pipeline_of_classification():
    pipeline = v2.Compose([v2.RGB(), v2.Resize(20), v2.CenterCrop(16), v2.ToImage(), v2.ToDtype(minidl.float32, True),
                           v2.Normalize([0.5] * 3, [0.5] * 3), v2.ToPureTensor()])
    image, label = pipeline(Image.fromarray(IMAGE[0]), 7)
    assert type(image) is minidl.Tensor and image.shape == (3, 16, 16) and label == 7 and image.min() < 0
    several = nn.ModuleList([v2.Resize(9), v2.CenterCrop(4)])
    assert v2.RandomApply(several, p=1.0)(Image.new("L", (20, 30))).size == (4, 4)
    with pytest.raises(TypeError, match="does not support PIL images"):
        v2.Normalize([0.5], [0.5])(Image.new("L", (4, 4)))


def test_lambdas_and_linear_maps():
    found = v2.Lambda(lambda x: x + 1, int)([1, "a", 2.0])
    assert found == [2, "a", 2.0] and "types=['int']" in repr(v2.Lambda(lambda x: x, int))
    whiten = v2.LinearTransformation(2 * minidl.eye(12), minidl.ones(12))
    image = tv_tensors.Image(minidl.ones(3, 2, 2))
    assert whiten(image).sum() == 0 and type(whiten(image)) is tv_tensors.Image
    assert v1.LinearTransformation(2 * minidl.eye(12), minidl.zeros(12))(image).sum() == 24
    for matrix, mean, message in ((minidl.ones(2, 3), minidl.ones(2), "should be square"),
                                  (minidl.eye(2), minidl.ones(3), "should have the same length"),
                                  (minidl.eye(2), minidl.ones(2).double(), "the same dtype")):
        with pytest.raises(ValueError, match=message):
            v2.LinearTransformation(matrix, mean)
    with pytest.raises(ValueError, match="incompatible shape"):
        whiten(minidl.ones(3, 3, 3))


def test_frames_and_crops():
    video = tv_tensors.Video(minidl.arange(10).reshape(10, 1, 1, 1))
    assert v2.UniformTemporalSubsample(4)(video).flatten().tolist() == [0, 3, 6, 9]
    crops = v2.FiveCrop(5)({"image": tv_tensors.Image(IMAGE.copy()), "label": 1})["image"]
    assert len(crops) == 5 and all(type(crop) is tv_tensors.Image and crop.shape == (3, 5, 5) for crop in crops)
    assert len(v2.TenCrop(5)(minidl.zeros(3, 9, 9))) == 10
    with pytest.raises(TypeError, match="BoundingBoxes'es and Mask's are not supported by FiveCrop"):
        v2.FiveCrop(5)(parts())


def test_transforms_of_ones_own():
    class Add(v2.Transform):
        _transformed_types = (tv_tensors.Image,)

        def make_params(self, flat_inputs):
            assert len(flat_inputs) == 1
            return {"more": 2}

        def transform(self, inpt, params):
            return tv_tensors.wrap(inpt + params["more"], like=inpt)

    found = Add()(parts())
    assert (found["image"].numpy() == IMAGE + 2).all() and found["boxes"].tolist() == CORNERS.tolist()
    with pytest.raises(NotImplementedError, match="has no transform"):
        v2.Transform()(minidl.ones(1, 2, 2))


@pytest.mark.parametrize("make", [lambda space: space.RandomPerspective(p=1.0),
                                  lambda space: space.ElasticTransform(alpha=90.0)])
def test_deformations_of_v1(make):
    minidl.manual_seed(0)
    for image in (minidl.from_numpy(IMAGE.copy()), Image.fromarray(IMAGE[0])):
        found = make(v1)(image)
        assert v1.functional.get_dimensions(found) == v1.functional.get_dimensions(image)
        assert np.asarray(found).tolist() != np.asarray(image).tolist()
    assert repr(make(v1)) == repr(make(torchvision("transforms"))).replace("InterpolationMode.BILINEAR",
                                                                            str(v1.InterpolationMode.BILINEAR))
