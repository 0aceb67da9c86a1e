"""ImageFolder, DatasetFolder and FakeData."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minidl.utils.data import DataLoader
from minidl.vision.datasets import DatasetFolder, FakeData, ImageFolder, VisionDataset
from minidl.vision.datasets.folder import IMG_EXTENSIONS, find_classes, is_image_file, make_dataset
from tests.vision.reference import torchvision


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("dog/2.png", "dog/10.JPG", "dog/deep/er/1.bmp", "cat/x.jpeg", "cat/notes.txt", "cat/y.webp",
                 "bird/z.ppm"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no image")
        else:
            Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8)).save(path)
    (tmp_path / "readme.png").write_bytes(b"no class")
    return tmp_path


def names(data):
    return [(Path(path).relative_to(data.root).as_posix(), label) for path, label in data.samples]


def test_image_folder(root):
    data = ImageFolder(root)
    assert data.classes == ["bird", "cat", "dog"] and data.class_to_idx == {"bird": 0, "cat": 1, "dog": 2}
    assert names(data) == [("bird/z.ppm", 0), ("cat/x.jpeg", 1), ("cat/y.webp", 1), ("dog/10.JPG", 2), ("dog/2.png", 2),
                           ("dog/deep/er/1.bmp", 2)]
    assert data.imgs is data.samples and data.targets == [0, 1, 1, 2, 2, 2] and len(data) == 6
    image, label = data[4]
    assert image.mode == "RGB" and image.size == (7, 5) and label == 2
    data = ImageFolder(root, transform=lambda image: np.asarray(image), target_transform=lambda label: -label)
    images, labels = next(iter(DataLoader(data, batch_size=6)))
    assert images.shape == (6, 5, 7, 3) and labels.tolist() == [0, -1, -1, -2, -2, -2]


def test_against_torchvision(root):
    theirs = torchvision("datasets")
    ours, reference = ImageFolder(root), theirs.ImageFolder(root)
    found, expected = ([(Path(path), label) for path, label in data.samples] for data in (ours, reference))
    assert found == expected
    assert ours.classes == reference.classes and ours.extensions == reference.extensions == IMG_EXTENSIONS
    for (a, i), (b, j) in zip(ours, reference):
        assert i == j and a.tobytes() == b.tobytes()
    assert repr(ours) == repr(reference)
    assert repr(ImageFolder(root, transform=abs)) == repr(theirs.ImageFolder(root, transform=abs))
    (root / "empty").mkdir()
    for arguments in ({}, {"is_valid_file": lambda path: False}):
        messages = []
        for kind in (ImageFolder, theirs.ImageFolder):
            with pytest.raises(FileNotFoundError) as caught:
                kind(root, **arguments)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]
    assert ImageFolder(root, allow_empty=True).classes == theirs.ImageFolder(root, allow_empty=True).classes


def test_dataset_folder(root):
    data = DatasetFolder(root, loader=lambda path: Path(path).stat().st_size, extensions=(".txt",), allow_empty=True)
    assert list(data) == [(8, 1)]
    only = DatasetFolder(root, loader=str, is_valid_file=lambda path: path.endswith("z.ppm"), allow_empty=True)
    assert names(only) == [("bird/z.ppm", 0)]

    class TwoOfThem(ImageFolder):
        def find_classes(self, directory):
            return ["dog", "cat"], {"dog": 0, "cat": 1}

    assert [label for _, label in TwoOfThem(root).samples] == [1, 1, 0, 0, 0]


def test_errors(root, tmp_path):
    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder in"):
        ImageFolder(root / "bird")
    with pytest.raises(FileNotFoundError):
        ImageFolder(root / "nowhere")
    with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
        DatasetFolder(root, str)
    with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
        DatasetFolder(root, str, extensions=(".png",), is_valid_file=is_image_file)
    with pytest.raises(ValueError, match="at least one entry"):
        make_dataset(root, {}, (".png",))
    with pytest.raises(ValueError, match="cannot be None"):
        DatasetFolder.make_dataset(root, None, (".png",))
    assert find_classes(root)[0] == ["bird", "cat", "dog"]
    assert len(make_dataset(root, extensions=".png", allow_empty=True)) == 1


@pytest.mark.parametrize("damage", [b"", b"no image", None])
def test_a_damaged_image_is_named(root, damage):
    path = root / "dog" / "2.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000] if damage is None else damage)
    with pytest.raises(OSError, match=r"dog.2\.png: it is no image, or it is damaged or cut short"):
        ImageFolder(root)[4]
    with pytest.raises(OSError, match=r"dog.2\.png"):
        list(DataLoader(ImageFolder(root, transform=np.asarray), batch_size=2))
    path.unlink()
    data = ImageFolder(root)
    data.samples.append((str(path), 0))
    with pytest.raises(FileNotFoundError):
        data[-1]


def test_an_error_in_a_transform_says_of_which_file(root):
    def fails(image):
        raise RuntimeError("too small")

    with pytest.raises(RuntimeError, match="too small") as caught:
        ImageFolder(root, transform=fails)[0]
    assert "z.ppm" in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))


def test_transforms_of_both(root):
    class Pairs(VisionDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return self.transformed("sample", 4)

    assert Pairs(root, transforms=lambda x, y: (y, x))[0] == (4, "sample")
    with pytest.raises(ValueError, match="Only transforms or"):
        Pairs(root, transforms=lambda x, y: (x, y), transform=str)
    assert "Number of datapoints: 1" in repr(Pairs(root)) and "Target transform: <class 'int'>" in repr(
        Pairs(root, target_transform=int))


def test_fake_data():
    data = FakeData(size=5, image_size=(3, 6, 4), num_classes=3)
    assert len(data) == 5
    for i in range(5):
        image, label = data[i]
        again, same = data[i]
        assert image.mode == "RGB" and image.size == (4, 6) and image.tobytes() == again.tobytes()
        assert type(label) is int and label == same and 0 <= label < 3
    assert len({data[i][0].tobytes() for i in range(5)}) == 5
    assert FakeData(5, (3, 6, 4), random_offset=2)[0][0].tobytes() == FakeData(5, (3, 6, 4))[2][0].tobytes()
    for settings in ({"size": -1}, {"num_classes": 0}, {"image_size": 5}, {"image_size": (2, 4, 4)}):
        with pytest.raises(ValueError, match="FakeData: expected"):
            FakeData(**settings)
    with pytest.raises(IndexError, match="FakeData index out of range"):
        data[5]
    assert FakeData(2, (1, 4, 4), transform=np.asarray)[0][0].shape == (4, 4)
    assert len({FakeData(200)[i][1] for i in range(60)}) == 10
    with pytest.raises(ValueError, match="1 or 3 channels"):
        FakeData(image_size=(2, 4, 4))
