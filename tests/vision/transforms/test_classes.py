"""The transforms as classes: what they draw, what they do with it (by torchvision's functions), what they refuse."""
from __future__ import annotations

import pickle
import warnings
from collections import Counter

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl import nn
from minidl.vision import transforms as T
from minidl.vision.transforms import autoaugment, color, geometry
from minidl.vision.transforms import functional as F
from tests.vision.reference import torchvision

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (24, 32, 3), np.uint8)
IMAGE = Image.fromarray(PIXELS)
TENSOR = minidl.from_numpy(PIXELS.transpose(2, 0, 1).copy())

MADE = {    # name: how both are made, with the enumerations of the module
    "Compose": lambda m: m.Compose([m.Resize(8), m.ToTensor(), m.Normalize([0.5], [0.5])]),
    "ToTensor": lambda m: m.ToTensor(), "PILToTensor": lambda m: m.PILToTensor(),
    "ToPILImage": lambda m: m.ToPILImage(), "ToPILImage of a mode": lambda m: m.ToPILImage("HSV"),
    "Normalize": lambda m: m.Normalize((0.5,), (0.25,)),
    "Resize": lambda m: m.Resize((8, 9), m.InterpolationMode.BICUBIC), "Resize by a number": lambda m: m.Resize(8, 3),
    "CenterCrop": lambda m: m.CenterCrop(8), "Pad": lambda m: m.Pad((1, 2), 3), "Lambda": lambda m: m.Lambda(abs),
    "RandomCrop": lambda m: m.RandomCrop(8, padding=2), "RandomResizedCrop": lambda m: m.RandomResizedCrop([8, 9]),
    "RandomHorizontalFlip": lambda m: m.RandomHorizontalFlip(0.3),
    "RandomVerticalFlip": lambda m: m.RandomVerticalFlip(),
    "FiveCrop": lambda m: m.FiveCrop(4),
    "TenCrop": lambda m: m.TenCrop(4, True),
    "ColorJitter": lambda m: m.ColorJitter(0.5, 2, (1, 2), 0.1),
    "RandomRotation": lambda m: m.RandomRotation((-10, 20), m.InterpolationMode.BILINEAR, center=(3, 4)),
    "RandomAffine": lambda m: m.RandomAffine(10, (0.1, 0.2), (0.5, 2), 3, fill=9),
    "Grayscale": lambda m: m.Grayscale(3), "RandomGrayscale": lambda m: m.RandomGrayscale(),
    "GaussianBlur": lambda m: m.GaussianBlur((3, 5)), "RandomApply": lambda m: m.RandomApply([m.RandomInvert()], 0.1),
    "RandomOrder": lambda m: m.RandomOrder([m.CenterCrop(3)]),
    "RandomChoice": lambda m: m.RandomChoice([m.CenterCrop(3)], [1.0]),
    "RandomInvert": lambda m: m.RandomInvert(), "RandomPosterize": lambda m: m.RandomPosterize(3),
    "RandomSolarize": lambda m: m.RandomSolarize(100, 0.2),
    "RandomAdjustSharpness": lambda m: m.RandomAdjustSharpness(2),
    "RandomAutocontrast": lambda m: m.RandomAutocontrast(), "RandomEqualize": lambda m: m.RandomEqualize(),
    "RandomErasing": lambda m: m.RandomErasing(),
}


@pytest.mark.parametrize("name", MADE)
def test_they_show_themselves_as_torchvisions(name):
    ours, theirs = MADE[name](T), MADE[name](torchvision("transforms"))
    assert repr(ours).replace("(8, 8)", "8").replace("(4, 4)", "4") \
        == repr(theirs).replace("(8, 8)", "8").replace("(4, 4)", "4").replace("[8, 9]", "(8, 9)")


@pytest.mark.parametrize("name",
                         sorted(set(MADE) - {
                                    "Lambda",
                                    "RandomErasing",
                                    "Normalize",
                                    "ToPILImage",
                                    "ToPILImage of a mode",
                                    "Compose",
                                    "ToTensor",
                                    "PILToTensor",
                                }))
def test_images_and_tensors_agree_on_what_is_done(name):
    """The same draws, on a PIL image and on the tensor of it."""
    transform = pickle.loads(pickle.dumps(MADE[name](T)))           # as a worker gets it
    for seed in range(8):
        minidl.manual_seed(seed)
        from_image = transform(IMAGE)
        minidl.manual_seed(seed)
        from_tensor = transform(TENSOR)
        several = isinstance(from_image, tuple)
        for a, b in zip(from_image if several else [from_image], from_tensor if several else [from_tensor]):
            a, b = np.asarray(a), b.numpy().transpose(1, 2, 0)
            assert a.reshape(b.shape).shape == b.shape
            gap = np.abs(a.reshape(b.shape).astype(int) - b)
            limit = {
                "ColorJitter": 12,
                "RandomAffine": 255,
                "RandomRotation": 255,
                "RandomAdjustSharpness": 3,
            }.get(name, 3)
            assert np.quantile(gap, 0.85) <= limit and (gap.mean() < 25), name


# ---------------------------------------------------------------------- what is drawn

def test_crops_reach_every_place():
    minidl.manual_seed(0)
    drawn = Counter(T.RandomCrop.get_params(IMAGE, (22, 30)) for _ in range(900))
    assert {place[:2] for place in drawn} == {(i, j) for i in range(3) for j in range(3)} and min(drawn.values()) > 60
    assert T.RandomCrop.get_params(IMAGE, (24, 32)) == (0, 0, 24, 32)
    with pytest.raises(ValueError, match=r"Required crop size \(25, 5\) is larger than input image size \(24, 32\)"):
        T.RandomCrop((25, 5))(IMAGE)
    assert T.RandomCrop(40, pad_if_needed=True)(IMAGE).size == (40, 40)
    reflected = T.RandomCrop((28, 36), padding=2, padding_mode="reflect")(TENSOR)
    np.testing.assert_array_equal(reflected.numpy()[:, 0], reflected.numpy()[:, 4])


def test_resized_crops_have_the_area_and_shape_asked_for():
    minidl.manual_seed(0)
    areas, ratios = [], []
    for _ in range(500):
        i, j, h, w = T.RandomResizedCrop.get_params(minidl.zeros(1, 300, 300), (0.1, 0.4), (0.5, 2.0))
        assert 0 <= i <= 300 - h and 0 <= j <= 300 - w
        areas.append(h * w / 90_000)
        ratios.append(np.log(w / h))
    assert 0.099 < min(areas) < 0.12 and 0.38 < max(areas) < 0.401 and abs(np.mean(areas) - 0.25) < 0.02
    assert abs(np.mean(ratios)) < 0.1 and max(np.abs(ratios)) < np.log(2.1)
    # none fits
    assert T.RandomResizedCrop.get_params(minidl.zeros(1, 10, 100), (1.0, 1.0), (0.5, 2.0)) == (0, 40, 10, 20)
    assert T.RandomResizedCrop.get_params(minidl.zeros(1, 100, 10), (1.0, 1.0), (0.5, 2.0)) == (40, 0, 20, 10)
    assert T.RandomResizedCrop.get_params(minidl.zeros(1, 10, 12), (3.0, 3.0), (0.5, 2.0)) == (0, 0, 10, 12)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        T.RandomResizedCrop(8, scale=(1.0, 0.5))
    assert "(min, max)" in str(caught[0].message)


@pytest.mark.parametrize("kind, changed", [(T.RandomHorizontalFlip, F.hflip), (T.RandomVerticalFlip, F.vflip),
                                           (T.RandomInvert, F.invert), (T.RandomAutocontrast, F.autocontrast),
                                           (T.RandomEqualize, F.equalize)])
def test_probabilities(kind, changed):
    minidl.manual_seed(0)
    assert kind(0.0)(IMAGE) is IMAGE and kind(1.0)(IMAGE).tobytes() == changed(IMAGE).tobytes()
    share = np.mean([kind(0.3)(IMAGE) is not IMAGE for _ in range(500)])
    assert abs(share - 0.3) < 0.07


def test_some_at_random():
    minidl.manual_seed(0)
    add, double = (lambda x: x + 1), (lambda x: 2 * x)
    assert Counter(T.RandomOrder([add, double])(5) for _ in range(400)).keys() == {11, 12}
    drawn = Counter(T.RandomChoice([add, double, str], p=[3, 1, 0])(10) for _ in range(800))
    assert drawn.keys() == {11, 20} and abs(drawn[11] - 600) < 60
    assert Counter(T.RandomChoice([add, double])(10) for _ in range(400)).keys() == {11, 20}
    assert Counter(T.RandomApply([add, double], p=0.25)(5) for _ in range(400))[12] < 140
    assert T.RandomApply(nn.ModuleList([T.CenterCrop(3)]), p=1.0)(IMAGE).size == (3, 3)
    for make in (lambda: T.RandomOrder(3), lambda: T.RandomChoice([add], p=0.5), lambda: T.Lambda(3)):
        with pytest.raises(TypeError):
            make()
    with pytest.raises(ValueError, match="expected 1 weights"):
        T.RandomChoice([add], p=[1, 2])


def test_jitter_draws_in_any_order():
    minidl.manual_seed(0)
    jitter = T.ColorJitter(brightness=0.4, contrast=(0.5, 0.6), hue=0.1)
    drawn = [jitter.get_params(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue) for _ in range(400)]
    assert len({tuple(order) for order, *_ in drawn}) == 24
    _, b, c, s, h = zip(*drawn)
    assert 0.6 <= min(b) < 0.65 and 1.35 < max(b) <= 1.4 and 0.5 <= min(c) <= max(c) <= 0.6 and set(s) == {None}
    assert -0.1 <= min(h) < -0.08 and 0.08 < max(h) <= 0.1
    assert T.ColorJitter(3).brightness == (0.0, 4.0) and T.ColorJitter().brightness is None


def test_affine_draws():
    minidl.manual_seed(0)
    drawn = [T.RandomAffine.get_params([-10, 20], (0.1, 0.5), (0.5, 2.0), [-1, 1, 3, 4], [100, 40]) for _ in range(400)]
    angles, shifts, scales, shears = zip(*drawn)
    assert -10 <= min(angles) < -9 and 19 < max(angles) <= 20 and 0.5 <= min(scales) and max(scales) <= 2
    assert {abs(x) <= 10 and abs(y) <= 20 for x, y in shifts} == {True} and max(y for _, y in shifts) >= 18
    assert all(-1 <= x <= 1 and 3 <= y <= 4 for x, y in shears)
    assert T.RandomAffine.get_params([0, 0], None, None, None, [9, 9]) == (0.0, (0, 0), 1.0, (0.0, 0.0))


def test_same_seed_same_image():
    transform = T.Compose([T.RandomResizedCrop(16), T.RandomHorizontalFlip(), T.ColorJitter(0.4, 0.4, 0.4, 0.1),
                           T.RandAugment(), T.ToTensor(), T.RandomErasing(p=1.0)])
    minidl.manual_seed(5)
    first, other = transform(IMAGE), transform(IMAGE)
    minidl.manual_seed(5)
    assert (transform(IMAGE) == first).all() and not (other == first).all()


# ---------------------------------------------------------------------- with torchvision's functions and our draws

@pytest.mark.parametrize("name",
                         ["RandomCrop", "RandomResizedCrop", "RandomRotation", "RandomAffine", "ColorJitter",
                          "GaussianBlur"])
def test_draws_are_used_as_torchvision_uses_them(name, monkeypatch):
    """torchvision's class, with `get_params` replaced by ours, makes the same image bit by bit."""
    theirs = torchvision("transforms")
    ours, reference = MADE[name](T), MADE[name](theirs)
    kind = getattr(T, name)

    def get_params(*args):
        result = kind.get_params(*args)
        return (minidl_to_torch(result[0]), *result[1:]) if name == "ColorJitter" else result

    def minidl_to_torch(order):
        import torch
        return torch.tensor(order)

    monkeypatch.setattr(getattr(theirs, name), "get_params", staticmethod(get_params))
    for seed in range(10):
        minidl.manual_seed(seed)
        found = ours(IMAGE)
        minidl.manual_seed(seed)
        expected = reference(IMAGE)
        if name == "GaussianBlur":      # a convolution of float32, in whose sums the order counts
            gap = np.abs(np.asarray(found).astype(int) - np.asarray(expected))
            assert gap.max() <= 1 and (gap > 0).mean() < 0.002
        else:
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("policy", ["IMAGENET", "CIFAR10", "SVHN"])
def test_policies(policy, monkeypatch):
    theirs = torchvision("transforms")
    ours = T.AutoAugment(T.AutoAugmentPolicy[policy])
    reference = theirs.AutoAugment(theirs.AutoAugmentPolicy[policy])
    assert ours.policies == reference.policies
    for which in range(25):
        for signs in ([0, 1], [1, 0]):
            for kind in (T.AutoAugment, theirs.AutoAugment):
                monkeypatch.setattr(kind, "get_params",
                                    staticmethod(lambda _, which=which, signs=signs: (which, [0.0, 0.0], signs)))
            assert ours(IMAGE).tobytes() == reference(IMAGE).tobytes(), ours.policies[which]


def reference_tables():
    theirs = torchvision("transforms")
    ours = autoaugment.magnitude_table
    return [
        (ours(10, (24, 32)) | {"Invert": (None, False)}, theirs.AutoAugment()._augmentation_space(10, (24, 32))),
        (ours(31, (24, 32)) | {"Identity": (None, False)}, theirs.RandAugment()._augmentation_space(31, (24, 32))),
        (ours(31, (0, 0), 0.99, (32.0, 32.0), 135.0, 0.99, fewer_bits=6) | {"Identity": (None, False)},
         theirs.TrivialAugmentWide()._augmentation_space(31)),
        (ours(10, (24, 32), shifts=(32 / 3, 8.0), bits=4), theirs.AugMix()._augmentation_space(10, (24, 32))),
    ]


def test_tables_of_magnitudes():
    for ours, theirs in reference_tables():
        assert ours.keys() == theirs.keys()
        for name, (magnitudes, signed) in theirs.items():
            assert ours[name][1] == signed
            assert (ours[name][0] is None) == (magnitudes.ndim == 0)
            if magnitudes.ndim:
                np.testing.assert_allclose(ours[name][0], magnitudes.numpy(), rtol=1e-6)


@pytest.mark.parametrize("size", range(4))
def test_operations_bit_by_bit(size):
    theirs = torchvision("transforms.autoaugment")
    table, _ = reference_tables()[size]
    for name, (magnitudes, signed) in table.items():
        for magnitude in ([0.0] if magnitudes is None else magnitudes[::3]):
            if name == "Posterize" and magnitude < 1:       # Pillow keeps one bit at least
                continue
            for sign in (1, -1) if signed else (1,):
                for mode in ("NEAREST", "BILINEAR"):
                    found = autoaugment.apply_operation(IMAGE, name, sign * magnitude, T.InterpolationMode[mode], None)
                    expected = theirs._apply_op(IMAGE, name, sign * magnitude, theirs.InterpolationMode[mode], None)
                    assert found.tobytes() == expected.tobytes(), (name, magnitude, sign, mode)
    with pytest.raises(ValueError, match="not recognized"):
        autoaugment.apply_operation(IMAGE, "Swirl", 1.0, T.InterpolationMode.NEAREST, None)


@pytest.mark.parametrize("transform",
                         [T.AutoAugment(fill=3), T.AutoAugment(T.AutoAugmentPolicy.CIFAR10), T.RandAugment(3, 20),
                          T.TrivialAugmentWide(fill=[1, 2, 3]), T.AugMix(), T.AugMix(all_ops=False, chain_depth=2)],
                         ids=repr)
def test_augmentations_run_on_both_and_differ(transform):
    minidl.manual_seed(0)
    seen = set()
    for _ in range(40):
        image = transform(IMAGE)
        assert image.mode == "RGB" and image.size == (32, 24)
        seen.add(image.tobytes())
        tensor = transform(TENSOR)
        assert tensor.dtype == minidl.uint8 and tensor.shape == TENSOR.shape
    assert len(seen) > 15


def test_augmix_of_one_colour_is_that_colour():
    grey = Image.new("RGB", (8, 8), (100, 100, 100))
    minidl.manual_seed(0)
    # the weakest magnitudes change nothing, but for Posterize and Equalize
    quiet = T.AugMix(severity=1, all_ops=False)
    assert all(np.abs(np.asarray(quiet(grey)).astype(int) - 100).max() <= 13 for _ in range(20))


def test_a_policy_has_its_frequencies():
    minidl.manual_seed(0)
    which, chances, signs = zip(*(T.AutoAugment.get_params(25) for _ in range(1000)))
    assert set(which) == set(range(25)) and abs(np.mean(chances) - 0.5) < 0.05 and abs(np.mean(signs) - 0.5) < 0.05


# ---------------------------------------------------------------------- what is refused

WRONG = [
    lambda m: m.Resize(8.5), lambda m: m.Resize([1, 2, 3]), lambda m: m.CenterCrop([1, 2, 3]), lambda m: m.Pad("2"),
    lambda m: m.Pad(1, "black"),
    lambda m: m.Pad(1, 0, "mirror"),
    lambda m: m.Pad([1, 2, 3]),
    lambda m: m.RandomCrop([1, 2, 3]),
    lambda m: m.RandomResizedCrop(8, scale=0.5), lambda m: m.RandomResizedCrop(8, ratio=1), lambda m: m.ColorJitter(-1),
    lambda m: m.ColorJitter(hue=0.6),
    lambda m: m.ColorJitter((1, 2, 3)),
    lambda m: m.ColorJitter((2, 1)),
    lambda m: m.ColorJitter("1"),
    lambda m: m.RandomRotation(-1), lambda m: m.RandomRotation([1]), lambda m: m.RandomRotation(1, center=3),
    lambda m: m.RandomRotation(1, fill=m),
    lambda m: m.RandomAffine(1, translate=(2, 0)),
    lambda m: m.RandomAffine(1, translate=3),
    lambda m: m.RandomAffine(1, scale=(0, 1)),
    lambda m: m.RandomAffine(1, shear=[1, 2, 3]),
    lambda m: m.RandomAffine(1, center=[1]),
    lambda m: m.GaussianBlur(2),
    lambda m: m.GaussianBlur([3, 3, 3]),
    lambda m: m.GaussianBlur(3, -1),
    lambda m: m.GaussianBlur(3, (2, 1)),
    lambda m: m.GaussianBlur(3, "1"),
    lambda m: m.AugMix(severity=11),
    lambda m: m.AutoAugment("svhn"),
    lambda m: m.Lambda(None),
]


@pytest.mark.parametrize("make", WRONG)
def test_errors_as_torchvision(make):
    errors = []
    for module in (torchvision("transforms"), T):
        with pytest.raises(Exception) as caught:
            make(module)
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1])


def test_all_of_torchvision_is_here():
    theirs = torchvision("transforms")
    from torchvision.transforms import autoaugment as auto
    from torchvision.transforms import transforms as classes

    names = {*classes.__all__, *auto.__all__}
    assert hasattr(theirs, "Compose")
    assert not {name for name in names if not hasattr(T, name)}


def test_helpers():
    assert geometry.pair_of([3], "x") == (3, 3)
    assert geometry.fill_for(TENSOR, 2) == [2.0] * 3 and geometry.fill_for(IMAGE, 2) == 2
    assert color._range((0.5, 2), "x") == (0.5, 2.0)
