"""Batched transforms against loops over images, and what they draw."""
from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.utils.data import DataLoader, Subset, TensorDataset
from minidl.vision.datasets import Digits
from minidl.vision.transforms import batched as B
from minidl.vision.transforms.batched import base
from minidl.vision.transforms.batched.base import generator
from minidl.vision.transforms.batched.geometry import resampling
from tests import strict_array

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (40, 3, 12, 10), np.uint8)
FLOATS = (BYTES / 255).astype(np.float32)
LABELS = RNG.integers(0, 5, 40)
ALL = [B.RandomCrop(), B.RandomCrop(8, 0), B.RandomCrop((6, 9), 2, "reflect"), B.RandomShift(3, "edge"),
       B.RandomHorizontalFlip(), B.AlternatingFlip(), B.Cutout(4), B.Cutout(3, [1, 0, 1]),
       B.ColorJitter(0.4, 0.4, 0.4), B.Normalize([0.5] * 3, [0.2, 0.3, 0.4]), B.MixUp(0.5, 5), B.CutMix(1.0, 5),
       B.RandomResizedCrop(7), B.RandomResizedCrop((20, 9), (0.3, 0.9), (1, 2)), B.RandomGrayscale(0.5),
       B.Compose([B.RandomCrop(), B.RandomHorizontalFlip(), B.Normalize([0.5], [0.5])])]


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize("images", [BYTES, FLOATS], ids=["uint8", "float32"])
def test_kinds(transform, images):
    """The same for arrays and tensors, for memory of any layout; what came in stays as it was."""
    results = []
    before = images.copy()
    for given in (images, images.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2), minidl.from_numpy(images.copy())):
        minidl.manual_seed(1)
        labels = minidl.from_numpy(LABELS) if isinstance(given, minidl.Tensor) else LABELS
        out, targets = transform(given, labels)
        assert type(out) is type(given) and len(out) == len(targets) == 40 and type(targets) is type(labels)
        results.append(np.asarray(out))
        assert results[-1].dtype == (images.dtype if "Normalize" not in repr(transform) else np.float32)
        np.testing.assert_array_equal(np.asarray(given), before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("transform", [t for t in ALL if "Mix" not in repr(t) and "Cutout(size=3" not in repr(t)
                                       and "0.2, 0.3" not in repr(t)], ids=repr)
def test_grey_images_without_channels(transform):
    minidl.manual_seed(0)
    with_channel = transform(BYTES[:, :1])
    minidl.manual_seed(0)
    np.testing.assert_array_equal(transform(BYTES[:, 0]), with_channel[:, 0])


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "symmetric"])
@pytest.mark.parametrize("n", [0, 1, 4])
def test_pad_against_numpy(mode, n):
    np.testing.assert_array_equal(B.pad(BYTES, n, mode), np.pad(BYTES, ((0, 0), (0, 0), (n, n), (n, n)), mode=mode))


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "symmetric"])
@pytest.mark.parametrize("size, shape", [(None, (12, 10)), (7, (7, 7)), ((5, 9), (5, 9))])
def test_crops_against_a_loop(mode, size, shape):
    padded = np.pad(BYTES, ((0, 0), (0, 0), (3, 3), (3, 3)), mode=mode)
    minidl.manual_seed(0)
    out = B.RandomCrop(size, 3, mode)(BYTES)
    assert out.shape == (40, 3, *shape)
    for image, whole in zip(out, padded):
        h, w = shape
        found = [(i, j) for i in range(19 - h) for j in range(17 - w) if (whole[:, i:i + h, j:j + w] == image).all()]
        assert found


def test_every_offset_is_drawn():
    x = np.arange(1, 10, dtype=np.uint8).reshape(1, 1, 3, 3).repeat(2000, 0)
    minidl.manual_seed(0)
    out = B.RandomShift(1)(x)
    middles, counts = np.unique(out[:, 0, 1, 1], return_counts=True)
    assert middles.tolist() == list(range(1, 10)) and counts.min() > 150          # 222 on average
    corner = out[out[:, 0, 1, 1] == 1][0, 0]
    assert corner.tolist() == [[0, 0, 0], [0, 1, 2], [0, 4, 5]]


def test_chunks_do_not_show(monkeypatch):
    for transform in (B.RandomCrop(padding=2), B.RandomHorizontalFlip(), B.ColorJitter(0.3, 0.3, 0.3), B.MixUp(1.0, 5),
                      B.RandomResizedCrop(6), B.RandomGrayscale(0.5)):
        outs = []
        for size in (1 << 20, 1000, 1):
            monkeypatch.setattr(base, "_CHUNK", size)
            minidl.manual_seed(3)
            outs.append(transform(BYTES, LABELS)[0])
        np.testing.assert_array_equal(outs[0], outs[1])
        np.testing.assert_array_equal(outs[0], outs[2])


def test_flips():
    minidl.manual_seed(0)
    out = B.RandomHorizontalFlip(0.3)(BYTES.repeat(20, 0))
    flipped = [(a == b[..., ::-1]).all() for a, b in zip(out, BYTES.repeat(20, 0))]
    same = [(a == b).all() for a, b in zip(out, BYTES.repeat(20, 0))]
    assert all(a != b for a, b in zip(flipped, same)) and abs(np.mean(flipped) - 0.3) < 0.05
    np.testing.assert_array_equal(B.RandomHorizontalFlip(1.0)(FLOATS), FLOATS[..., ::-1])


def test_alternating_flip():
    flip, x = B.AlternatingFlip(seed=7), RNG.random((1000, 1, 2, 2), np.float32)
    halves = []
    for epoch in range(3):
        flip.epoch = epoch
        halves.append((flip(x) == x[..., ::-1]).all((1, 2, 3)))
    assert abs(halves[0].mean() - 0.5) < 0.06 and (halves[0] == ~halves[1]).all() and (halves[0] == halves[2]).all()
    order = RNG.permutation(1000)[:50]          # the same images in a batch, by their numbers
    flip.epoch = 0
    np.testing.assert_array_equal(flip(x[order], indices=order), flip(x)[order])
    assert (halves[0] != (B.AlternatingFlip(seed=8)(x) == x[..., ::-1]).all((1, 2, 3))).mean() > 0.3
    assert abs(np.corrcoef(halves[0][:-1], halves[0][1:])[0, 1]) < 0.1


def test_resized_crops_are_torchvisions():
    """With antialiasing, smaller and larger, for each image its own rectangle."""
    from minidl.vision.transforms import functional as F
    top, left, heights, widths = np.array([0, 3, 5]), np.array([2, 0, 4]), np.array([12, 7, 2]), np.array([8, 10, 6])
    for size in ((5, 4), (12, 10), (20, 23)):
        rows = resampling(top, heights, 12, size[0])[:, None]
        columns = resampling(left, widths, 10, size[1])[:, None]
        out = rows @ FLOATS[:3] @ columns.swapaxes(2, 3)
        for image, given, *crop in zip(out, FLOATS, top, left, heights, widths):
            wanted = F.resized_crop(minidl.tensor(given), *map(int, crop), size, antialias=True)
            np.testing.assert_allclose(image, wanted.numpy(), atol=1e-5)


def test_resized_crops_take_the_area_and_the_ratio_that_they_shall():
    """The slopes of an image that rises to the right and downwards tell the crop's sides."""
    x = np.stack(np.meshgrid(np.arange(100), np.arange(100))).astype(np.float32)[None].repeat(2000, 0)
    minidl.manual_seed(0)
    out = B.RandomResizedCrop(100, (0.2, 0.6), (0.5, 2.0))(x)
    widths, heights = np.ptp(out[:, 0, 0], axis=1) + 1, np.ptp(out[:, 1, :, 0], axis=1) + 1
    area, ratio = widths * heights / 1e4, widths / heights
    inside = np.maximum(widths, heights) < 99           # others would have been longer than the image
    assert 0.19 < area[inside].min() < 0.22 and 0.58 < area.max() < 0.61 and abs(area.mean() - 0.4) < 0.01
    assert 0.45 < ratio.min() < 0.55 and 1.8 < ratio.max() < 2.2 and abs(np.log(ratio).mean()) < 0.03
    left = out[:, 0].min((1, 2))
    assert left.min() < 1 and (left <= 100 - widths + 1).all() and left[widths < 60].max() > 45


def test_grayscale():
    from minidl.vision.transforms import functional as F
    minidl.manual_seed(0)
    x = BYTES.repeat(10, 0)
    out = B.RandomGrayscale(0.3)(x)
    grey = (out == out[:, :1]).all((1, 2, 3))
    assert abs(grey.mean() - 0.3) < 0.08 and (out[~grey] == x[~grey]).all()
    wanted = F.rgb_to_grayscale(minidl.tensor(x[grey]), 3).numpy()
    assert np.abs(out[grey].astype(int) - wanted).max() <= 1            # torchvision cuts off, here it is rounded
    assert (B.RandomGrayscale(1.0)(BYTES[:, :1]) == BYTES[:, :1]).all()


def test_cutout():
    minidl.manual_seed(0)
    sizes, places = set(), set()
    for image in B.Cutout(4, 7)(np.ones((2000, 2, 12, 10), np.uint8)):
        gone = (image == 7).all(0)
        rows, columns = gone.any(1), gone.any(0)
        assert (gone == np.outer(rows, columns)).all() and ((image == 7).any(0) == gone).all()
        sizes.add((rows.sum(), columns.sum()))
        places.add((int(rows.argmax()), int(columns.argmax())))
    assert max(sizes) == (4, 4) and min(sizes) == (2, 2) and len(places) > 70      # cut off at the edges
    colored = B.Cutout(12, [1, 2, 3])(np.zeros((1, 3, 4, 4), np.float32))
    assert {tuple(pixel) for pixel in colored[0].reshape(3, -1).T} <= {(1, 2, 3), (0, 0, 0)}


def test_jitter_against_one_image_at_a_time():
    from minidl.vision.transforms import functional as F
    for name, i in (("brightness", 0), ("contrast", 1), ("saturation", 2)):
        minidl.manual_seed(4)
        out = B.ColorJitter(**{name: 0.5})(BYTES)
        minidl.manual_seed(4)
        factors = [generator().uniform(0.5 if k == i else 1, 1.5 if k == i else 1, (40, 1, 1, 1))
                   for k in range(3)][i].ravel()
        for image, x, factor in zip(out, BYTES, factors):
            expected = getattr(F, f"adjust_{name}")(minidl.from_numpy(x), float(factor)).numpy()
            assert np.abs(image.astype(int) - expected).max() <= 2      # torchvision cuts off where we round
    assert B.ColorJitter()(FLOATS).tobytes() == FLOATS.tobytes()
    np.testing.assert_array_equal(B.ColorJitter(saturation=0.9)(BYTES[:, :1]), BYTES[:, :1])


def test_normalize():
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.3, 0.4])
    expected = (BYTES / 255 - mean[:, None, None]) / std[:, None, None]
    for x in (BYTES, FLOATS):
        np.testing.assert_allclose(B.Normalize(mean.tolist(), std.tolist())(x), expected, rtol=1e-4, atol=2e-6)


def test_mixup_against_a_loop():
    minidl.manual_seed(0)
    out, labels = B.MixUp(0.7, 5)(FLOATS, LABELS)
    minidl.manual_seed(0)
    other, share = generator().permutation(40), generator().beta(0.7, 0.7, 40)
    assert labels.dtype == np.float32 and len(set(share)) == 40
    for n in range(40):
        np.testing.assert_allclose(out[n], share[n] * FLOATS[n] + (1 - share[n]) * FLOATS[other[n]], rtol=1e-5,
                                   atol=1e-6)
        np.testing.assert_allclose(labels[n],
                                   share[n] * np.eye(5)[LABELS[n]] + (1 - share[n]) * np.eye(5)[LABELS[other[n]]],
                                   atol=1e-6)


def test_cutmix_labels_are_the_shares_of_pixels():
    x = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(12, 2).repeat(10, 3)
    minidl.manual_seed(0)
    out, labels = B.CutMix(1.0, 40)(x, np.arange(40))
    sizes = set()
    for n in range(40):
        values, counts = np.unique(out[n], return_counts=True)
        np.testing.assert_allclose(labels[n][values], counts / 120, atol=1e-6)
        pasted = out[n, 0] != n
        assert len(values) <= 2 and (pasted == np.outer(pasted.any(1), pasted.any(0))).all()
        sizes.add(int(pasted.sum()))
    assert len(sizes) > 10 and labels.sum(1) == pytest.approx(1)


def test_labels_may_be_probabilities():
    shares = RNG.dirichlet([1.0] * 5, 40)
    for transform in (B.MixUp(1.0), B.CutMix(1.0)):
        _, labels = transform(minidl.from_numpy(FLOATS.copy()), minidl.from_numpy(shares))
        assert labels.dtype == minidl.float32 and labels.shape == (40, 5)
        np.testing.assert_allclose(labels.numpy().sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("workers", [0, 2])
def test_augmented(workers):
    digits = Digits()
    data = B.Augmented(Subset(digits, range(100, 200)),
                       B.Compose([B.RandomHorizontalFlip(1.0), B.Normalize([0.5], [0.5])]))
    assert len(data) == 100
    images, labels = next(iter(DataLoader(data, batch_size=8, num_workers=workers)))
    np.testing.assert_allclose(images.numpy(), (digits.data[100:108].numpy()[..., ::-1] / 255 - 0.5) / 0.5,
                               rtol=1e-4, atol=2e-6)
    assert labels.tolist() == digits.targets[100:108].tolist()
    image, label = data[3]
    assert (image == images[3]).all() and label.item() == labels[3].item()
    plain = B.Augmented([(x, int(y)) for x, y in zip(FLOATS, LABELS)], B.MixUp(1.0, 5))      # without a batch at once
    images, labels = next(iter(DataLoader(plain, batch_size=8)))
    assert images.shape == (8, 3, 12, 10) and labels.shape == (8, 5)


def test_augmented_hands_on_the_numbers_of_images():
    x = minidl.from_numpy(RNG.random((60, 1, 2, 2), np.float32))
    flip = B.AlternatingFlip(seed=1)
    data = B.Augmented(TensorDataset(x, minidl.arange(60)), flip)
    whole = flip(x).numpy()
    for images, labels in DataLoader(data, batch_size=7, shuffle=True):
        np.testing.assert_array_equal(images.numpy(), whole[labels.numpy()])


def test_same_seed_same_images():
    augment = B.Compose([B.RandomCrop(), B.RandomHorizontalFlip(), B.ColorJitter(0.2, 0.2, 0.2), B.Cutout(3),
                         B.MixUp(1.0, 5)])
    minidl.manual_seed(9)
    first, _ = augment(BYTES, LABELS)
    again, _ = augment(BYTES, LABELS)
    assert not (first == again).all()
    minidl.manual_seed(9)
    np.testing.assert_array_equal(augment(BYTES, LABELS)[0], first)


def test_no_images_at_all():
    for transform in ALL:
        out, labels = transform(BYTES[:0], LABELS[:0])
        assert len(out) == len(labels) == 0


@pytest.mark.parametrize("call, error, text", [
    (lambda: B.RandomCrop()([1, 2]), TypeError, "a tensor or an array of images, got list"),
    (lambda: B.RandomCrop()(BYTES[0, 0]), ValueError, r"images \(N, C, H, W\).*got \(12, 10\)"),
    (lambda: B.RandomCrop()(BYTES.astype(np.int64)), ValueError, "uint8 or float32, got .* int64"),
    (lambda: B.RandomCrop(20, 1)(BYTES), ValueError, r"no \(20, 20\) in images of \(12, 10\)"),
    (lambda: B.RandomCrop(padding=10, padding_mode="reflect")(BYTES), ValueError,
     "too small for a reflect padding of 10"),
    (lambda: B.RandomCrop(padding_mode="mirror"), ValueError, "padding_mode constant"),
    (lambda: B.RandomCrop(padding=-1), ValueError, "padding of 0 or more"),
    (lambda: B.RandomHorizontalFlip()(BYTES, LABELS[:3]), ValueError, "one label for each of 40 images, got 3"),
    (lambda: B.RandomHorizontalFlip()(strict_array.leaf(minidl.from_numpy(FLOATS.copy()))), TypeError, "on the CPU"),
    (lambda: B.RandomResizedCrop(4, (0, 1)), ValueError, "above 0 to 1"),
    (lambda: B.Cutout(0), ValueError, "size of 1"), (lambda: B.ColorJitter(-1), ValueError, "0 or more"),
    (lambda: B.Normalize([1, 2], [1]), ValueError, "mean and std of each"),
    (lambda: B.Normalize([1], [0]), ValueError, "no std of 0"),
    (lambda: B.Normalize([1, 2], [1, 1])(BYTES), ValueError, "2 means for images of 3 channels"),
    (lambda: B.MixUp(0.0), ValueError, "alpha should be greater than 0"),
    (lambda: B.MixUp(1.0)(BYTES), ValueError, "got images only"),
    (lambda: B.MixUp(1.0)(BYTES, LABELS), ValueError, "num_classes must be given"),
    (lambda: B.CutMix(1.0, 3)(BYTES, LABELS), ValueError, "labels from 0 to 2, got 0 to 4"),
])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
