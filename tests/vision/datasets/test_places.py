"""TinyPlaces, from small trees in each layout."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl.utils.data import DataLoader
from minidl.vision.datasets import TinyPlaces
from minidl.vision.datasets.beyond_torchvision import places

CATEGORIES = TinyPlaces.classes
NUMBERS = {name: 3 * i + 7 for i, name in enumerate(sorted([*CATEGORIES, "abbey"]))}


def photograph(path, label, width=150, height=130):
    """The middle square of one colour, that of its label; stripes at both sides that must be cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((height, width, 3), 10 * label, np.uint8)
    pixels[:, :(width - height) // 2] = pixels[:, -(width - height) // 2:] = 255
    Image.fromarray(pixels).save(path, quality=95)


def miniplaces(root, others=True, lists="categories.txt"):
    rows = {"train.txt": [], "val.txt": []}
    for at, name in enumerate([*CATEGORIES, "abbey"][:21 if others else 20]):
        for i in range(2):
            path = f"train/{name[0]}/{name}/{i + 1:08d}.jpg"
            photograph(root / "images" / path, at)
            rows["train.txt"].append(f"{path} {NUMBERS[name]}")
        path = f"val/{at + 1:08d}.jpg"
        photograph(root / "images" / path, at)
        rows["val.txt"].append(f"{path} {NUMBERS[name]}")
    for name, lines in rows.items():
        (root / name).write_text("\n".join(lines) + "\n")
    if lists:
        (root / lists).write_text("".join(f"/{name[0]}/{name} {number}\n" for name, number in NUMBERS.items()))
    return root


def places365(root, pixels="256"):
    lines = []
    for at, name in enumerate([*CATEGORIES, "abbey"]):
        for i in range(2):
            photograph(root / f"data_{pixels}_standard" / name[0] / name / f"{i + 1:08d}.jpg", at)
        photograph(root / f"val_{pixels}" / f"Places365_val_{at:08d}.jpg", at)
        lines.append(f"Places365_val_{at:08d}.jpg {NUMBERS[name]}")
    (root / "places365_val.txt").write_text("\n".join(lines))
    (root / "categories_places365.txt").write_text(
        "".join(f"/{name[0]}/{name} {number}\n" for name, number in NUMBERS.items()))
    return root


def folders(root):
    for at, name in enumerate([*CATEGORIES, "abbey"]):
        for i in range(2):
            photograph(root / "train" / name / f"Places365_{i}.jpg", at)
        photograph(root / "val" / name / "Places365_2.jpg", at)
    return root


TREES = {
    "miniplaces": miniplaces,
    "as the course has it": lambda root: miniplaces(root, others=False, lists="categories_tinyplaces.txt"),
    "without a list of categories": lambda root: miniplaces(root, lists=None),
    "one folder up": lambda root: miniplaces(root / "miniplaces").parent,
    "places365": places365,
    "places365 large": lambda root: places365(root, "large"),
    "folders": folders,
}


@pytest.mark.parametrize("make", TREES.values(), ids=TREES)
def test_layouts(tmp_path, make):
    root = make(tmp_path / "data")
    train, val = TinyPlaces(root), TinyPlaces(str(root), train=False)
    assert len(train) == 40 and len(val) == 20 and len(train.classes) == 20
    for data in (train, val):
        assert data.data.shape[1:] == (32, 32, 3) and data.data.dtype == np.uint8
        middle = np.asarray(data.data[:, 8:24, 8:24], np.int64)
        for pixels, label in zip(middle, data.targets):
            assert np.abs(pixels - 10 * label).max() <= 3       # what lies at the sides has been cut off
        np.testing.assert_array_equal(np.bincount(data.targets), [len(data) // 20] * 20)


@pytest.fixture
def root(tmp_path):
    return miniplaces(tmp_path / "data")


def cached(root):
    return sorted(path.name for path in root.iterdir() if path.name.startswith("tinyplaces"))


def test_samples(root):
    data = TinyPlaces(root, size=64)
    image, label = data[5]
    assert image.mode == "RGB" and image.size == (64, 64) and label == 2 and data.classes[2] == "campsite"
    images, labels = next(iter(DataLoader(data, batch_size=4)))
    assert images.shape == (4, 3, 64, 64) and labels.tolist() == [0, 0, 1, 1] and type(images.numpy()) is np.ndarray
    images += 1         # of our own memory, not of the file's
    assert "40 samples" in repr(data)
    with pytest.raises(ValueError, match="size 32, 64 or 128, got 48"):
        TinyPlaces(root, size=48)
    np.testing.assert_array_equal(
        TinyPlaces(root, size=128).data[0],
        np.asarray(Image.open(root / "images/train/b/baseball_field/00000001.jpg").crop((10, 0, 140, 130))
                   .resize((128, 128), Image.Resampling.BILINEAR)))


def test_photographs_are_resized_once(root, monkeypatch):
    first = TinyPlaces(root)
    assert isinstance(first.data.base, np.memmap) or isinstance(first.data, np.memmap)
    assert len(cached(root)) == 1

    def again(*_):
        raise AssertionError("resized again")

    monkeypatch.setattr(places, "_shrink", again)
    np.testing.assert_array_equal(TinyPlaces(root).data, first.data)


def test_another_tree_makes_another_file(root):
    TinyPlaces(root)
    photograph(root / "images/train/b/bridge/00000001.jpg", 1, width=400, height=300)
    assert len(TinyPlaces(root)) == 40
    lines = (root / "train.txt").read_text().splitlines()
    (root / "train.txt").write_text("\n".join(lines[1:]))
    assert len(TinyPlaces(root)) == 39
    assert len(cached(root)) == 1           # those of the earlier trees are gone


def test_the_file_is_enough(root, tmp_path):
    expected = TinyPlaces(root, cache=tmp_path / "cache")
    assert cached(root) == []
    alone = TinyPlaces(tmp_path / "nowhere", cache=tmp_path / "cache")
    np.testing.assert_array_equal(alone.data, expected.data)
    with pytest.raises(RuntimeError, match=r"dataset not found.*nowhere holds no photographs.*no tinyplaces-32-val-\*"):
        TinyPlaces(tmp_path / "nowhere", train=False, cache=tmp_path / "cache")


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content[:50], lambda content: b"",
                                    lambda content: content[:-4] + b"\xff\0\0\0", lambda content: content + b"x"])
def test_a_damaged_file_is_made_anew(root, tmp_path, damage):
    expected = np.array(TinyPlaces(root).data)
    path = root / cached(root)[0]
    damaged = damage(path.read_bytes())
    path.unlink()
    path.write_bytes(damaged)
    if damaged[-1:] != b"x":        # what follows the end does no harm
        with pytest.raises(RuntimeError, match="damaged or cut short"):
            TinyPlaces(tmp_path / "nowhere", cache=root)
    np.testing.assert_array_equal(TinyPlaces(root).data, expected)


def test_unreadable_photographs_are_all_named(root):
    bad = [root / f"images/train/{name[0]}/{name}/00000001.jpg" for name in ("canyon", "lobby")]
    bad[0].write_bytes(bad[0].read_bytes()[:400])
    bad[1].write_text("no image")
    with pytest.raises(ValueError, match="2 photographs cannot be read") as caught:
        TinyPlaces(root)
    assert all(str(path) in str(caught.value) for path in bad)
    assert cached(root) == []
    assert len(TinyPlaces(root, train=False)) == 20


def replace(root, name, old, new):
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("old, new, text", [
    (f"train/b/bridge/00000002.jpg {NUMBERS['bridge']}", f"train/b/bridge/00000002.jpg {NUMBERS['coast']}",
     "mislabelled"),
    (f"train/b/bridge/00000002.jpg {NUMBERS['bridge']}", "train/b/bridge/00000002.jpg 999", "mislabelled"),
    ("00000002.jpg", "00000003.jpg", "lists 1 files that are not in .*baseball_field/00000003"),
    ("train/b/bridge/00000001.jpg", "../../etc/bridge/passwd", "expected a path in the folder"),
    ("train/b/bridge/00000001.jpg", "/../bridge/x.jpg", "expected a path in the folder"),
    (f"00000001.jpg {NUMBERS['baseball_field']}", "00000001.jpg", "line 1: expected a path in the folder and a number"),
])
def test_a_list_that_does_not_fit(root, old, new, text):
    replace(root, "train.txt", old, new)
    with pytest.raises(ValueError, match=text):
        TinyPlaces(root)


def test_lists_that_are_missing_or_short(root):
    replace(root, "val.txt", f"val/00000001.jpg {NUMBERS['baseball_field']}\n", "")
    with pytest.raises(ValueError, match="no photograph of baseball_field"):
        TinyPlaces(root, train=False)
    (root / "train.txt").unlink()
    with pytest.raises(ValueError, match="the list .*train.txt is missing"):
        TinyPlaces(root)
    (root / "train.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is no text"):
        TinyPlaces(root)


def test_folders_without_a_category(tmp_path):
    root = folders(tmp_path)
    for path in (root / "train" / "office").iterdir():
        path.unlink()
    (root / "train" / "office").rmdir()
    with pytest.raises(ValueError, match="categories without a folder: .*office"):
        TinyPlaces(root)


def test_the_bar_is_for_a_terminal(root, capsys):
    assert len(TinyPlaces(root)) == 40 and capsys.readouterr().err == ""


def test_interrupted_while_resizing(root, monkeypatch):
    small, count = places._shrink, iter(range(1000))

    def interrupting(path, size):
        if next(count) == 20:
            raise KeyboardInterrupt
        return small(path, size)

    with monkeypatch.context() as patch:
        patch.setattr(places, "_shrink", interrupting)
        with pytest.raises(KeyboardInterrupt):
            TinyPlaces(root)
    assert cached(root) == []
    assert not [thread for thread in threading.enumerate() if "ThreadPoolExecutor" in thread.name and thread.is_alive()
                and not thread.daemon and thread.join(5) is None and thread.is_alive()]
    assert len(TinyPlaces(root)) == 40


@pytest.mark.skipif(sys.platform == "win32", reason="sends Unix signals")
def test_killed_while_resizing(root):
    code = ("import os, signal, sys; from minidl.vision.datasets import TinyPlaces; "
            "from minidl.vision.datasets.beyond_torchvision import places; small = places._shrink\n"
            "def dying(path, size):\n    if 'kitchen' in str(path): os.kill(os.getpid(), signal.SIGKILL)\n"
            "    return small(path, size)\nplaces._shrink = dying; TinyPlaces(sys.argv[1])")
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": str(Path(minidl.__file__).parents[1])})
    assert done.returncode == -signal.SIGKILL and [name for name in cached(root) if name.endswith(".part")]
    assert len(TinyPlaces(root)) == 40
    assert [name.endswith(".npy") for name in cached(root)] == [True]      # the leftover is gone
