"""Data sets by the names of the command line, and batches of them."""
from __future__ import annotations

import argparse
import pickle

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.cli import arguments, images
from minidl.vision.transforms import batched


def options(*words):
    return arguments.parse("a test", dict.fromkeys(arguments.DATASETS, {}), words)


@pytest.fixture
def digits():
    return images.load(options())


@pytest.fixture
def cifar(tmp_path):
    """A folder of other pictures in the layout of CIFAR-10."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        content = {b"data": rng.integers(0, 256, (4, 3072), np.uint8), b"labels": [1, 2, 3, 4]}
        (folder / name).write_bytes(pickle.dumps(content, 2))
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"class %d" % i for i in range(10)]}, 2))
    return tmp_path


def test_normalised_images_have_mean_0_and_deviation_1(digits):
    x = digits.normalise(digits.train.x)
    assert x.dtype == minidl.float32 and abs(x.mean().item()) < 1e-5 and abs(x.std().item() - 1) < 1e-5


def test_other_files_of_cifar10_are_used_and_said_to_be_others(cifar, capsys):
    data = images.load(options("--dataset", "cifar10", "--data", str(cifar)))
    assert capsys.readouterr().out.count("not those that were published") == 1
    assert data.train.x.shape == (20, 3, 32, 32) and data.test.y.tolist() == [1, 2, 3, 4] and data.mirrored


def test_files_of_cifar10_that_cannot_be_read_are_refused(cifar):
    (cifar / "cifar-10-batches-py" / "data_batch_3").write_bytes(b"no pickle")
    with pytest.raises(SystemExit) as stopped:
        images.load(options("--dataset", "cifar10", "--data", str(cifar)))
    assert "data_batch_3" in str(stopped.value) and "--data DIR names another folder" in str(stopped.value)


def test_the_folder_of_the_batches_itself_will_do(cifar, capsys):
    inside = cifar / "cifar-10-batches-py"
    assert len(images.load(options("--dataset", "cifar10", "--data", str(inside))).train.x) == 20


def test_a_data_set_without_images_is_refused(cifar):
    empty = pickle.dumps({b"data": np.empty((0, 3072), np.uint8), b"labels": []}, 2)
    (cifar / "cifar-10-batches-py" / "test_batch").write_bytes(empty)
    with pytest.raises(SystemExit, match="20 to train on and 0 to test with"):
        images.load(options("--dataset", "cifar10", "--data", str(cifar)))


@pytest.mark.parametrize("name", ["mnist", "fashion", "cifar10", "tinyplaces"])
def test_what_is_missing_is_named(name, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        images.load(options("--dataset", name, "--data", str(tmp_path)))
    assert str(tmp_path) in str(stopped.value) and "\n" not in str(stopped.value)


def test_enlarged_and_coloured(digits):
    large = digits.enlarged(20)
    assert large.train.x.shape == (1438, 1, 24, 24) and large.train.x.dtype == minidl.uint8
    means = [x.float().mean((1, 2, 3)) for x in (digits.train.x, large.train.x)]
    assert (means[0] - means[1]).abs().max() < 12
    assert digits.enlarged(8) is digits
    coloured = digits.coloured()
    assert coloured.channels == 3 and bool((coloured.train.x[:, 1] == digits.train.x[:, 0]).all())


def test_framed(digits):
    framed = digits.framed(11)
    assert framed.train.x.shape == (*digits.train.x.shape[:2], 11, 11) and framed.test.x.dtype == digits.test.x.dtype
    assert (framed.train.x[..., 1:9, 1:9] == digits.train.x).all()
    assert framed.train.x.long().sum() == digits.train.x.long().sum()          # the rest is black
    assert (digits.framed(4).train.x == digits.train.x).all()


def test_batches_are_each_image_once(digits):
    batches = images.Batches(digits, 100, prepare=lambda x: x)
    assert len(batches) == 14
    seen = np.concatenate([x.numpy().reshape(len(x), -1) for x, _ in batches])
    assert len(seen) == 1400
    rows = {row.tobytes() for row in digits.train.x.numpy().reshape(1438, -1)}
    assert {row.tobytes() for row in seen} <= rows
    some = images.Batches(digits, 100, numbers=minidl.arange(7))
    assert len(some) == 1 and sorted(next(iter(some))[1].tolist()) == sorted(digits.train.y[:7].tolist())


def test_an_augmentation_is_given_the_numbers_of_the_images(digits):
    flip = batched.AlternatingFlip()
    first = {}
    for _ in range(2):
        for x, _ in images.Batches(digits, 1438, augment=flip, prepare=lambda x: x):
            for image in x.numpy():
                key = min(image.tobytes(), image[..., ::-1].tobytes())
                first.setdefault(key, set()).add(image.tobytes())
        flip.epoch += 1
    assert max(map(len, first.values())) == 2


def test_a_folder_becomes_images_of_the_same_kind(digits, tmp_path):
    for name in ("0", "7"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (30, 20), (200, 200, 200)).save(tmp_path / name / "grey.png")
    found = images.folder_of(tmp_path, digits)
    assert found.x.shape == (2, 1, 8, 8) and found.y.tolist() == [0, 7] and int(found.x.min()) == 200


def test_a_folder_with_a_damaged_image_is_refused(digits, tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "torn.png").write_bytes(b"no image")
    with pytest.raises(SystemExit, match="--evaluate .*torn.png"):
        images.folder_of(tmp_path, digits)


def test_hidden_folders_and_other_files_are_no_classes(digits, tmp_path):
    for name in ("3", ".ipynb_checkpoints"):
        (tmp_path / name).mkdir()
    Image.new("L", (8, 8), 9).save(tmp_path / "3" / "1.png")
    for stray in (tmp_path / ".DS_Store", tmp_path / "notes.txt", tmp_path / "3" / ".DS_Store"):
        stray.write_bytes(b"no image")
    assert images.folder_of(tmp_path, digits).y.tolist() == [3]


def test_a_photograph_is_turned_as_the_camera_was_held(tmp_path):
    lying = Image.new("RGB", (16, 16))
    lying.paste((255, 255, 255), (0, 0, 8, 16))                 # bright on the left
    exif = Image.Exif()
    exif[274] = 6                                               # its left side belongs on top
    lying.save(tmp_path / "turned.png", exif=exif)
    seen = images.photograph(tmp_path / "turned.png", 16, "L")
    assert (seen[:8] == 255).all() and (seen[8:] == 0).all()


@pytest.mark.parametrize(("dtype", "half"), [(np.uint16, 32896), (np.int32, 32896), (np.float32, 0.502)])
def test_a_photograph_of_more_bits_keeps_its_brightness(dtype, half, tmp_path):
    Image.fromarray(np.full((4, 6), half, dtype)).save(tmp_path / "deep.tif")
    assert (images.photograph(tmp_path / "deep.tif", 4) == 128).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_what_is_transparent_lies_on_white(mode, tmp_path):
    clear = Image.new(mode, (4, 4))
    clear.save(tmp_path / "clear.png", **({"transparency": bytes(1)} if mode == "P" else {}))
    assert (images.photograph(tmp_path / "clear.png", 4, "L") == 255).all()


def test_a_photograph_is_cut_and_not_stretched(tmp_path):
    wide = Image.new("L", (12, 4))
    wide.paste(255, (4, 0, 8, 4))                               # bright in the middle
    wide.save(tmp_path / "wide.png")
    assert (images.photograph(tmp_path / "wide.png", 4, "L") == 255).all()


def test_an_empty_folder_is_refused(digits, tmp_path):
    with pytest.raises(SystemExit, match="--evaluate"):
        images.folder_of(tmp_path, digits)


def test_defaults_are_those_of_the_data_set():
    defaults = {name: {"epochs": number} for number, name in enumerate(arguments.DATASETS, 1)}
    args = arguments.parse("a test", defaults, ["--compiled"] if minidl.backends.numba.is_available() else [])
    minidl.backends.numba.enabled = False
    assert isinstance(args, argparse.Namespace) and args.epochs == 1
