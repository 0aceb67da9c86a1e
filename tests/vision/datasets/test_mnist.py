"""MNIST and FashionMNIST, from small files of the same format."""
from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import struct
import threading

import numpy as np
import pytest
from PIL import Image

from minidl.utils.data import DataLoader, random_split
from minidl.vision.datasets import MNIST, FashionMNIST

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def idx(array):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def contents(train=6, test=3):
    rng = np.random.default_rng(0)
    return {name: idx(rng.integers(0, 256, (size, 28, 28)) if "images" in name
                      else np.arange(size) % 10)
            for name, size in zip(NAMES, (train, train, test, test))}


def write(folder, files, zipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / (name + ".gz" * zipped)
        path.write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("folder", ["MNIST/raw", "."])
def test_reads(tmp_path, folder, zipped):
    write(tmp_path / folder, contents(), zipped)
    train, test = MNIST(tmp_path), MNIST(str(tmp_path), train=False)
    assert len(train) == 6 and len(test) == 3
    assert train.data.shape == (6, 28, 28) and train.data.dtype == np.dtype("uint8")
    assert train.targets.dtype == np.dtype("int64") and train.targets.tolist() == [0, 1, 2, 3, 4, 5]
    assert train.data.numpy().tobytes() == contents()[NAMES[0]][16:]
    assert test.data.numpy().tobytes() == contents()[NAMES[2]][16:]


def test_reads_names_with_a_dot(tmp_path):
    write(tmp_path, {name.replace("-idx", ".idx"): content for name, content in contents().items()})
    assert len(MNIST(tmp_path)) == 6 and len(MNIST(tmp_path, train=False)) == 3


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "MNIST" / "raw", contents())
    return tmp_path


def test_samples(root):
    data = MNIST(root)
    image, label = data[4]
    assert isinstance(image, Image.Image) and image.mode == "L" and image.size == (28, 28)
    np.testing.assert_array_equal(np.asarray(image), data.data[4].numpy())
    assert type(label) is int and label == 4
    with pytest.raises(IndexError):
        data[6]
    assert data.classes[4] == "4 - four" and data.class_to_idx["9 - nine"] == 9
    assert "points: 6\n" in repr(data)


def test_transforms(root):
    data = MNIST(root, transform=lambda image: np.asarray(image, dtype=np.float32) / 255,
                 target_transform=lambda label: label + 100)
    images, labels = next(iter(DataLoader(data, batch_size=3)))
    assert images.dtype == np.dtype("float32") and images.shape == (3, 28, 28)
    np.testing.assert_array_equal(images.numpy(), data.data[:3].numpy().astype(np.float32) / 255)
    assert labels.tolist() == [100, 101, 102]


def test_whole_batches(root):
    part, _ = random_split(MNIST(root), [4, 2])
    for data in (MNIST(root), part):
        for images, labels in DataLoader(data, batch_size=4):
            assert images.shape[1:] == (28, 28) and images.dtype == np.dtype("uint8")
            np.testing.assert_array_equal(images.numpy(), MNIST(root).data.numpy()[labels.numpy()])


def test_a_subclass_that_overrides_samples_is_respected(root):
    class Labels(MNIST):
        def __getitem__(self, index):
            return super().__getitem__(index)[1] * 10

        @property
        def raw_folder(self):
            return self.root / "MNIST" / "raw"

    assert next(iter(DataLoader(Labels(root), batch_size=3))).tolist() == [0, 10, 20]


def test_missing(tmp_path):
    with pytest.raises(RuntimeError, match="MNIST: Dataset not found.*download=True.*train-images"):
        MNIST(tmp_path)
    files = contents()
    del files[NAMES[1]]
    write(tmp_path, files)
    with pytest.raises(RuntimeError, match="train-labels"):
        MNIST(tmp_path)
    assert len(MNIST(tmp_path, train=False)) == 3


@pytest.mark.parametrize("name, content, text", [
    (NAMES[1], idx(np.arange(5)), "6 images in .*train-images.* but 5 labels in .*train-labels"),
    (NAMES[0], idx(np.zeros((6, 28, 27))), r"\(N, 28, 28\) in .*train-images.*\(6, 28, 27\)"),
    (NAMES[0], idx(np.zeros(6)), r"expected .*\(N, 28, 28\).*\(6,\)"),
    (NAMES[1], idx(np.zeros((6, 1))), r"expected .*\(N\).*\(6, 1\)"),
    (NAMES[1], idx(np.array([0, 1, 2, 3, 10, 12])), "labels from 0 to 9 in .*train-labels.*got 10 at index 4"),
    (NAMES[1], contents()[NAMES[0]], r"expected .*\(N\) in .*train-labels.*\(6, 28, 28\)"),
    (NAMES[1], b"\0\0\7" + contents()[NAMES[1]][3:], "train-labels.*it is no idx file.*0x000007"),
    (NAMES[0], contents()[NAMES[0]][:-1], "cut short: expected 4,720 bytes .*got 4,719"),
])
def test_damaged(root, name, content, text):
    (root / "MNIST" / "raw" / name).write_bytes(content)
    with pytest.raises(ValueError, match=text) as caught:
        MNIST(root)
    assert "download=True" in str(caught.value)


def test_fashion_does_not_take_mnist_for_its_own(tmp_path):
    write(tmp_path, contents())
    with pytest.raises(RuntimeError, match="FashionMNIST: Dataset not found"):
        FashionMNIST(tmp_path)
    write(tmp_path / "FashionMNIST" / "raw", contents(train=2))
    data = FashionMNIST(tmp_path)
    assert len(data) == 2 and data.classes[data[1][1]] == "Trouser"


def test_download(tmp_path):
    write(tmp_path / "mirror", contents(), zipped=True)
    hashes = {path.name: hashlib.md5(path.read_bytes()).hexdigest()
              for path in (tmp_path / "mirror").iterdir()}
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "mirror")
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"

        class Local(MNIST):
            mirrors = [f"{address}/absent/", f"{address}/"]
            resources = [(name + ".gz", hashes[name + ".gz"]) for name in NAMES]

        data = Local(tmp_path / "data", download=True)
        server.shutdown()
    assert len(data) == 6 and data.data.numpy().tobytes() == contents()[NAMES[0]][16:]
    folder = tmp_path / "data" / "Local" / "raw"
    assert sorted(path.name for path in folder.iterdir()) == sorted(hashes)
    assert len(Local(tmp_path / "data", train=False, download=True)) == 3  # asks no server
