"""The shipped digits."""
from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from minidl.utils.data import DataLoader
from minidl.vision.datasets import Digits


@pytest.fixture(scope="module")
def train():
    return Digits()


@pytest.fixture(scope="module")
def test():
    return Digits(train=False)


def test_shapes_and_types(train, test):
    for part, size in ((train, 1437), (test, 360)):
        assert len(part) == size
        assert part.data.shape == (size, 8, 8) and part.data.dtype == np.dtype("uint8")
        assert part.targets.shape == (size,) and part.targets.dtype == np.dtype("int64")
        assert part.data.numpy().min() == 0 and part.data.numpy().max() == 16


def test_every_class_is_in_both_parts(train, test):
    assert np.bincount(train.targets.numpy()).min() >= 141
    assert np.bincount(test.targets.numpy()).tolist() == [35, 36, 35, 37, 37, 37, 37, 36, 33, 37]
    assert train.classes == list("0123456789") and train.class_to_idx["7"] == 7


def test_the_first_digit(train):
    # a zero, 8x8 pixels of 0..16
    assert train.data[0].tolist()[:3] == [[0, 0, 5, 13, 9, 1, 0, 0],
                                          [0, 0, 13, 15, 10, 15, 5, 0],
                                          [0, 3, 15, 2, 0, 11, 8, 0]]
    assert train.targets[:10].tolist() == list(range(10))


def test_the_numbers_are_those_published(train, test):
    images = np.concatenate([part.data.numpy() for part in (train, test)])
    labels = np.concatenate([part.targets.numpy() for part in (train, test)])
    rows = np.column_stack([images.reshape(-1, 64), labels])
    text = "".join(",".join(map(str, row)) + "\n" for row in rows.tolist())
    # of the table as UCI publishes it, optdigits.tes
    assert hashlib.sha256(text.encode()).hexdigest() == \
        "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
    sklearn = pytest.importorskip("sklearn.datasets")
    pixels, labels = sklearn.load_digits(return_X_y=True)
    np.testing.assert_array_equal(rows, np.column_stack([pixels, labels]))


def test_samples_are_images(train):
    image, label = train[0]
    assert isinstance(image, Image.Image) and image.mode == "L" and image.size == (8, 8)
    assert type(label) is int and label == 0
    pixels = np.asarray(image)
    # 5 -> 79.7, 13 -> 207.2, 9 -> 143.4, 1 -> 15.9
    assert pixels[0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0] and pixels.max() <= 255
    assert np.abs(pixels / 255 - train.data[0].numpy() / 16).max() < 0.002
    with pytest.raises(IndexError):
        train[1437]


def test_transforms():
    digits = Digits(transform=np.asarray, target_transform=lambda label: -label)
    image, label = digits[3]
    assert image.shape == (8, 8) and label == -3
    images, labels = next(iter(DataLoader(digits, batch_size=4)))
    assert images.shape == (4, 8, 8) and labels.tolist() == [0, -1, -2, -3]
    assert images.numpy().max() == 255


def test_whole_batches_without_transforms(train):
    images, labels = next(iter(DataLoader(train, batch_size=5)))
    assert images.dtype == np.dtype("uint8") and images.tolist() == train.data[:5].tolist()
    assert labels.tolist() == [0, 1, 2, 3, 4]


def test_data_may_be_replaced():
    digits = Digits(train=False)
    digits.data, digits.targets = digits.data[10:13], digits.targets[10:13]
    assert len(digits) == 3 and digits[2][1] == digits.targets[2].item()
