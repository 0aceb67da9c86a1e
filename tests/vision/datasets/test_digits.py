"""The shipped digits."""
from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minidl.utils.data import DataLoader
from minidl.vision.datasets import Digits
from minidl.vision.datasets.beyond_torchvision import digits

FILE = Path(digits.__file__).with_name("digits.csv.gz")


@pytest.fixture(scope="module")
def train():
    return Digits()


@pytest.fixture(scope="module")
def test():
    return Digits(train=False)


def test_shapes_and_types(train, test):
    for part, size in ((train, 1438), (test, 359)):
        assert len(part) == size
        assert part.data.shape == (size, 8, 8) and part.data.dtype == np.dtype("uint8")
        assert part.targets.shape == (size,) and part.targets.dtype == np.dtype("int64")
        assert part.data.numpy().min() == 0 and part.data.numpy().max() == 16


def test_every_fifth_of_every_digit_is_for_testing(train, test):
    assert np.bincount(test.targets.numpy()).tolist() == [35, 37, 35, 37, 36, 36, 36, 36, 35, 36]
    published = np.loadtxt(gzip.open(FILE, "rt"), dtype=np.uint8, delimiter=",")
    sevens = published[published[:, 64] == 7][:, :64].reshape(-1, 8, 8)
    before = np.sum(published[:, 64] < 7)
    chosen = [i for i in range(len(sevens)) if (before + i) % 5 == 4]
    np.testing.assert_array_equal(test.data[test.targets == 7].numpy(), sevens[chosen])
    assert train.classes == list("0123456789") and train.class_to_idx["7"] == 7


def test_the_first_digit(train):
    # a zero, 8x8 pixels of 0..16
    assert train.data[0].tolist()[:3] == [[0, 0, 5, 13, 9, 1, 0, 0],
                                          [0, 0, 13, 15, 10, 15, 5, 0],
                                          [0, 3, 15, 2, 0, 11, 8, 0]]
    assert train.targets[0].item() == 0


def test_the_numbers_are_those_published(train, test):
    text = gzip.open(FILE).read()
    # of the table as UCI publishes it, optdigits.tes
    assert hashlib.sha256(text).hexdigest() == "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
    rows = [np.column_stack([part.data.numpy().reshape(-1, 64), part.targets.numpy()]) for part in (train, test)]
    published = np.loadtxt(gzip.open(FILE, "rt"), dtype=np.int64, delimiter=",")
    assert sorted(map(tuple, np.concatenate(rows).tolist())) == sorted(map(tuple, published.tolist()))
    sklearn = pytest.importorskip("sklearn.datasets")
    pixels, labels = sklearn.load_digits(return_X_y=True)
    np.testing.assert_array_equal(published, np.column_stack([pixels, labels]))


def test_samples_are_images(train):
    image, label = train[0]
    assert isinstance(image, Image.Image) and image.mode == "L" and image.size == (8, 8)
    assert type(label) is int and label == 0
    pixels = np.asarray(image)
    # 5 -> 79.7, 13 -> 207.2, 9 -> 143.4, 1 -> 15.9
    assert pixels[0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0] and pixels.max() <= 255
    assert np.abs(pixels / 255 - train.data[0].numpy() / 16).max() < 0.002
    with pytest.raises(IndexError):
        train[1438]


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
    assert labels.tolist() == train.targets[:5].tolist()


def test_data_may_be_replaced():
    digits = Digits(train=False)
    digits.data, digits.targets = digits.data[10:13], digits.targets[10:13]
    assert len(digits) == 3 and digits[2][1] == digits.targets[2].item()
