"""CIFAR10 and CIFAR100, from small files of the same layout."""
from __future__ import annotations

import functools
import hashlib
import http.server
import pickle
import tarfile
import threading

import numpy as np
import pytest
from PIL import Image

from minidl.utils.data import DataLoader
from minidl.vision.datasets import CIFAR10, CIFAR100
from tests.vision.reference import torchvision

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def batch(count, seed, classes=10, key=b"labels"):
    rng = np.random.default_rng(seed)
    return {b"batch_label": b"a batch", key: rng.integers(0, classes, count).tolist(),
            b"data": rng.integers(0, 256, (count, 3072), np.uint8), b"filenames": [b"x.png"] * count}


def write(folder, content):
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_bytes(pickle.dumps(content, 2))


@pytest.fixture
def root(tmp_path):
    for i, name in enumerate(BATCHES):
        write(tmp_path / "cifar-10-batches-py" / name, batch(4 + i, i))
    write(tmp_path / "cifar-10-batches-py" / "batches.meta", {b"label_names": [name.encode() for name in NAMES]})
    return tmp_path


def sums(kind, root):
    """A subclass with the MD5 sums of the files in the folder."""
    def md5(name):
        return hashlib.md5((root / kind.base_folder / name).read_bytes()).hexdigest()

    return type("Small", (kind,), {
        "train_list": [[name, md5(name)] for name, _ in kind.train_list],
        "test_list": [[name, md5(name)] for name, _ in kind.test_list],
        "meta": {**kind.meta, "md5": md5(kind.meta["filename"])}})


def test_reads(root):
    train, test = CIFAR10(root, verify=False), CIFAR10(str(root), train=False, verify=False)
    assert len(train) == 4 + 5 + 6 + 7 + 8 and len(test) == 9
    assert train.data.shape == (30, 32, 32, 3) and train.data.dtype == np.uint8 and isinstance(train.targets, list)
    second = batch(5, 1)
    np.testing.assert_array_equal(train.data[4:9], second[b"data"].reshape(5, 3, 32, 32).transpose(0, 2, 3, 1))
    assert train.targets[4:9] == second[b"labels"]
    assert train.classes == NAMES and train.class_to_idx["cat"] == 3 and "points: 30\n" in repr(train)


def test_samples(root):
    data = CIFAR10(root, verify=False)
    image, label = data[7]
    assert isinstance(image, Image.Image) and image.mode == "RGB" and image.size == (32, 32)
    np.testing.assert_array_equal(np.asarray(image), data.data[7])
    assert type(label) is int and label == data.targets[7]
    with pytest.raises(IndexError):
        data[30]
    data = CIFAR10(root, transform=np.asarray, target_transform=str, verify=False)
    images, labels = next(iter(DataLoader(data, batch_size=3)))
    assert images.shape == (3, 32, 32, 3) and list(labels) == [str(label) for label in data.targets[:3]]


def test_whole_batches_come_as_a_network_wants_them(root):
    data = CIFAR10(root, train=False, verify=False)
    images, labels = next(iter(DataLoader(data, batch_size=4)))
    assert images.shape == (4, 3, 32, 32) and images.dtype == np.dtype("uint8") and labels.dtype == np.dtype("int64")
    np.testing.assert_array_equal(images.numpy(), data.data[:4].transpose(0, 3, 1, 2))
    assert images.is_contiguous() and labels.tolist() == data.targets[:4]


def test_against_torchvision(root):
    for path in (root / "cifar-10-batches-py").iterdir():       # the names of Python 2 are text to torchvision
        content = {key.decode(): value for key, value in pickle.loads(path.read_bytes()).items()}
        write(path,
              {key: [name.decode() for name in value] if key == "label_names" else value
               for key, value in content.items()})
    theirs = torchvision("datasets")
    for train in (True, False):
        ours, reference = (sums(kind, root)(root, train=train) for kind in (CIFAR10, theirs.CIFAR10))
        np.testing.assert_array_equal(ours.data, reference.data)
        assert ours.targets == reference.targets and ours.classes == reference.classes
        assert ours.class_to_idx == reference.class_to_idx
    for name in ("base_folder", "url", "filename", "tgz_md5", "train_list", "test_list", "meta"):
        for kind in ("CIFAR10", "CIFAR100"):
            assert getattr(globals()[kind], name) == getattr(getattr(theirs, kind), name)


def test_cifar100(tmp_path):
    names = [f"thing {i}" for i in range(100)]
    for name, count in (("train", 6), ("test", 3)):
        write(tmp_path / "cifar-100-python" / name,
              {**batch(count, count, 100, b"fine_labels"), b"coarse_labels": [0] * count})
    write(tmp_path / "cifar-100-python" / "meta", {b"fine_label_names": names, b"coarse_label_names": ["x"]})
    train = CIFAR100(tmp_path, verify=False)
    assert len(train) == 6 and train.classes == names
    assert train.targets == batch(6, 6, 100, b"fine_labels")[b"fine_labels"]
    assert len(sums(CIFAR100, tmp_path)(tmp_path, train=False)) == 3


def test_checksums(root):
    with pytest.raises(RuntimeError, match="not found or corrupted.*download=True") as caught:
        CIFAR10(root)
    assert "data_batch_3" in str(caught.value) and "md5" in str(caught.value) and "verify=False" in str(caught.value)
    small = sums(CIFAR10, root)
    assert len(small(root)) == 30
    path = root / "cifar-10-batches-py" / "data_batch_2"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1          # one bit of one pixel
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match="data_batch_2: expected md5"):
        small(root)
    assert len(small(root, train=False)) == 9       # the other half is as it was


def test_missing(root):
    with pytest.raises(RuntimeError, match="CIFAR10: Dataset not found"):
        CIFAR10(root / "nowhere")
    (root / "cifar-10-batches-py" / "data_batch_4").unlink()
    with pytest.raises(RuntimeError, match="data_batch_4 is missing"):
        CIFAR10(root, verify=False)


@pytest.mark.parametrize("content, text", [
    ({b"labels": [1]}, r"expected data as uint8 \(N, 3072\), got NoneType"),
    ({**batch(3, 0), b"data": np.zeros((3, 3071), np.uint8)}, r"uint8 \(N, 3072\), got uint8 \(3, 3071\)"),
    ({**batch(3, 0), b"data": np.zeros((3, 3072))}, "got float64"),
    ({**batch(3, 0), b"labels": [1, 2]}, "a list of 3 labels.*got 2"),
    ({**batch(3, 0), b"labels": [1, 2, 10]}, "labels from 0 to 9, got 10 at index 2"),
    ({**batch(3, 0), b"labels": [1, -1, 2]}, "got -1 at index 1"),
    ({**batch(3, 0), b"labels": [1, True, 2]}, "got True at index 1"),
    ([1, 2], "expected data"),
])
def test_mislabelled(root, content, text):
    write(root / "cifar-10-batches-py" / "test_batch", content)
    with pytest.raises(ValueError, match=f"(?s)CIFAR10: cannot use .*test_batch.*{text}.*download=True"):
        CIFAR10(root, train=False, verify=False)


def test_truncated(root):
    path = root / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="test_batch.*cut short"):
        CIFAR10(root, train=False, verify=False)


def test_download(root, tmp_path):
    archive = tmp_path / "mirror" / CIFAR10.filename
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=archive.parent)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        small = sums(CIFAR10, root)
        small.url, small.mirrors = address + "gone", [address + "wrong", address + CIFAR10.filename]
        small.tgz_md5 = hashlib.md5(archive.read_bytes()).hexdigest()
        (archive.parent / "wrong").write_bytes(archive.read_bytes()[::-1])
        data = small(tmp_path / "new", download=True)
        assert len(data) == 30 and data.targets == small(root).targets
        damaged = tmp_path / "new" / small.base_folder / "test_batch"
        damaged.write_bytes(b"damaged")
        assert len(small(tmp_path / "new", train=False, download=True)) == 9     # mended from the archive that is there
        server.shutdown()
    assert len(small(tmp_path / "new", download=True)) == 30     # asks no server
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [small.base_folder, small.filename]
