"""What single data sets do besides: archives they unpack, questions they answer, files of other kinds."""
from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minidl.vision import datasets
from minidl.vision.datasets import coco, imagenet, mnist, omniglot, phototour
from minidl.vision.datasets.base import published
from minidl.vision.datasets.labelled import classfolders, inaturalist, pcam
from minidl.vision.datasets.voc import VOCDetection
from tests.vision.datasets import layouts
from tests.vision.datasets.layouts import idx, mat, noise, picture, text
from tests.vision.reference import torchvision


def jpeg(seed: int) -> bytes:
    target = io.BytesIO()
    Image.fromarray(noise(6, 8, 3, seed=seed)).save(target, "JPEG")
    return target.getvalue()


def tar(files: dict[str, bytes], compression: str = "") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=f"w:{compression}") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


# ---------------------------------------------------------------- ImageNet

WNIDS = ["n02119789", "n02100735"]


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """The three archives of ImageNet, of two classes and a group, with their sums."""
    folder = tmp_path / "devkit"
    rows = np.empty((3, 1), [(name, object) for name in ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children",
                                                           "children", "wordnet_height", "num_train_images")])
    for i, (wnid, names, children) in enumerate([(WNIDS[0], "kit fox, Vulpes macrotis", 0),
                                                 (WNIDS[1], "English setter", 0), ("n00001740", "entity", 2)]):
        rows[i, 0] = (i + 1, wnid, names, "gloss", children, np.arange(children), 0, 2)
    mat(folder / "meta.mat", synsets=rows)
    prefix = "ILSVRC2012_devkit_t12/data/"
    files = {
        "devkit": tar({prefix + "meta.mat": (folder / "meta.mat").read_bytes(),
                       prefix + "ILSVRC2012_validation_ground_truth.txt": b"2\n1\n2\n"}, "gz"),
        "train": tar({f"{wnid}.tar": tar({f"{wnid}_{i}.JPEG": jpeg(i) for i in range(2)}) for wnid in WNIDS}),
        "val": tar({f"ILSVRC2012_val_0000000{i}.JPEG": jpeg(i) for i in (2, 1, 3)}),
    }
    sums = {}
    for part, content in files.items():
        name = imagenet.ARCHIVE_META[part][0]
        (tmp_path / name).write_bytes(content)
        sums[part] = (name, hashlib.md5(content).hexdigest())
    monkeypatch.setattr(imagenet, "ARCHIVE_META", sums)
    return tmp_path


def test_imagenet_from_its_archives(archives):
    train, val = datasets.ImageNet(archives), datasets.ImageNet(str(archives), split="val")
    assert train.wnids == sorted(WNIDS) and train.wnid_to_idx == {"n02100735": 0, "n02119789": 1}
    assert train.classes == [("English setter",), ("kit fox", "Vulpes macrotis")]
    assert train.class_to_idx == {"English setter": 0, "kit fox": 1, "Vulpes macrotis": 1}
    assert train.targets == [0, 0, 1, 1] and train.imgs is train.samples
    assert [(Path(path).name[-6], label) for path, label in val.samples] == [("1", 0), ("3", 0), ("2", 1)]
    assert val[0][0].size == (8, 6) and "Split: val" in repr(val) and val.root == str(archives)
    assert imagenet.load_meta_file(archives) == ({"n02119789": ("kit fox", "Vulpes macrotis"),
                                                  "n02100735": ("English setter",)},
                                                 ["n02100735", "n02119789", "n02100735"])
    for name, _ in imagenet.ARCHIVE_META.values():
        (archives / name).unlink()
    assert len(datasets.ImageNet(archives)) == 4       # the folders are enough


def test_imagenet_meta_is_read_by_both(archives):
    theirs = torchvision("datasets.imagenet")
    imagenet.parse_devkit_archive(archives)
    assert theirs.load_meta_file(archives) == imagenet.load_meta_file(archives)
    theirs_read = torchvision("datasets").ImageNet
    imagenet.parse_train_archive(archives)
    ours, reference = datasets.ImageNet(archives), theirs_read(archives)
    assert ours.class_to_idx == reference.class_to_idx and repr(ours) == repr(reference)
    assert ours.samples == reference.samples and ours.classes == reference.classes
    import torch
    torch.save(({"n1": ("a", "b")}, ["n1"]), archives / "meta.bin")
    assert imagenet.load_meta_file(archives) == ({"n1": ("a", "b")}, ["n1"])


def test_imagenet_errors(archives, tmp_path):
    with pytest.raises(RuntimeError, match="archive ILSVRC2012_devkit_t12.tar.gz is not present"):
        datasets.ImageNet(tmp_path / "empty")
    with pytest.raises(RuntimeError, match="meta file meta.bin is not present"):
        imagenet.load_meta_file(tmp_path)
    imagenet.parse_devkit_archive(archives)
    with pytest.raises(ValueError, match="holds 3 images, but there are classes for 1"):
        imagenet.parse_val_archive(archives, wnids=["n1"])
    (archives / "ILSVRC2012_img_train.tar").write_bytes(b"cut")
    with pytest.raises(RuntimeError, match="ILSVRC2012_img_train.tar is not present in the root directory or is corr"):
        datasets.ImageNet(archives)
    assert not (archives / "train").exists()
    (archives / "meta.bin").write_bytes(b"noise")
    with pytest.raises(ValueError, match=r"cannot use .*meta\.bin"):
        imagenet.load_meta_file(archives)


# ---------------------------------------------------------------- archives of others

def test_omniglot_unpacks_its_archive(tmp_path, monkeypatch):
    layouts.omniglot(tmp_path / "made")
    source = tmp_path / "made" / "omniglot-py"
    target = tmp_path / "omniglot-py" / "images_background_small1.zip"
    target.parent.mkdir()
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted((source / "images_background_small1").rglob("*.png")):
            archive.write(path, path.relative_to(source))
    with pytest.raises(RuntimeError, match="no such .zip as published"):
        datasets.Omniglot(tmp_path, background="small1")
    md5 = hashlib.md5(target.read_bytes()).hexdigest()
    monkeypatch.setitem(omniglot.Omniglot.zips_md5, "images_background_small1", md5)
    data = datasets.Omniglot(tmp_path, background="small1")
    assert len(data) == 8 and [label for _, label in data] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert data._characters[1] == "Greek/character02" and data[0][0].mode == "L"


def test_cityscapes_unpacks_its_archives(tmp_path):
    layouts.cityscapes(tmp_path / "made")
    for name, folder in (("leftImg8bit_trainvaltest", "leftImg8bit"), ("gtFine_trainvaltest", "gtFine")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for path in (tmp_path / "made" / folder).rglob("*.*"):
                archive.write(path, path.relative_to(tmp_path / "made"))
    assert len(datasets.Cityscapes(tmp_path, split="val")) == 2
    with pytest.raises(RuntimeError, match="leftImg8bit_trainextra.zip"):
        datasets.Cityscapes(tmp_path, split="train_extra", mode="coarse")


@pytest.fixture
def fetched(monkeypatch):
    """What would be fetched: (URL, folder, MD5), with `write` in place of the download."""
    def stands_in(module, write):
        calls = []

        def fetch(url, root, *args, md5=None, **kwargs):
            calls.append((url, Path(root), md5))
            write(url, Path(root))

        for name in ("download_and_extract_archive", "download_url"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, fetch)
        return calls
    return stands_in


def test_downloads(tmp_path, fetched, monkeypatch):
    calls = fetched(published, lambda url, root: layouts.eurosat(root.parent))
    assert len(datasets.EuroSAT(tmp_path, download=True)) == 9
    datasets.EuroSAT(tmp_path, download=True)
    (url, root, md5), = calls
    assert url.endswith("EuroSAT.zip") and root == tmp_path / "eurosat" and len(md5) == 32

    def signs(url, root):
        if url.endswith("Images.zip"):
            layouts.gtsrb(root.parent)

    calls = fetched(classfolders, signs)
    assert len(datasets.GTSRB(tmp_path, split="test", download=True)) == 3
    assert [url.rpartition("/")[2] for url, _, _ in calls] == ["GTSRB_Final_Test_Images.zip", "GTSRB_Final_Test_GT.zip"]

    def letters(url, root):
        (root / "gzip").mkdir(parents=True)
        for kind, array in (("images-idx3", noise(3, 28, 28)), ("labels-idx1", noise(3, limit=10))):
            (root / "gzip" / f"emnist-mnist-train-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(array)))

    fetched(mnist, letters)
    assert len(datasets.EMNIST(tmp_path, "mnist", download=True)) == 3
    assert (tmp_path / "EMNIST" / "raw" / "emnist-mnist-train-images-idx3-ubyte").exists()

    def nature(url, root):
        layouts.inaturalist("2018")(root / "made")
        (root / "made" / "2018").rename(root / "train_val2018")

    calls = fetched(inaturalist, nature)
    assert len(datasets.INaturalist(tmp_path, "2018", download=True)) == 4 and (tmp_path / "2018").is_dir()


def test_a_download_without_contents(tmp_path, fetched):
    fetched(published, lambda url, root: None)
    with pytest.raises(RuntimeError, match=r"Dataset not found or corrupted.*images is missing"):
        datasets.OxfordIIITPet(tmp_path, download=True)


# ---------------------------------------------------------------- COCO

def test_questions_to_coco(tmp_path):
    layouts.coco(tmp_path)
    ours = datasets.CocoDetection(tmp_path / "images", tmp_path / "annotations.json").coco
    assert ours.getAnnIds(139) == [9, 7, 6] and ours.getAnnIds(imgIds=[139], catIds=18) == [9, 6]
    assert ours.getCatIds(catNms=["dog"]) == [18] and ours.getImgIds(catIds=[18, 90]) == [139]
    assert ours.loadCats(90)[0]["name"] == "toothbrush" and ours.loadImgs([4])[0]["file_name"] == "sub/1.jpg"
    reference = pytest.importorskip("pycocotools.coco").COCO(str(tmp_path / "annotations.json"))
    for arguments in ({}, {"imgIds": 139}, {"imgIds": [285, 139]}, {"catIds": [90]}, {"imgIds": [139], "catIds": [18]},
                      {"areaRng": [1, 20]}, {"iscrowd": True}, {"imgIds": 139, "iscrowd": False}, {"imgIds": [77]}):
        assert ours.getAnnIds(**arguments) == reference.getAnnIds(**arguments)
    for arguments in ({}, {"catNms": "dog"}, {"supNms": ["indoor", "animal"]}, {"catIds": 18}, {"catNms": ["none"]}):
        assert ours.getCatIds(**arguments) == reference.getCatIds(**arguments)
    for arguments in ({}, {"catIds": 18}, {"catIds": [18, 90]}, {"imgIds": [285, 4]}, {"imgIds": [4], "catIds": 90}):
        assert sorted(ours.getImgIds(**arguments)) == sorted(reference.getImgIds(**arguments))
    for name in ("imgs", "anns", "cats", "dataset"):
        assert getattr(ours, name) == getattr(reference, name)
    assert dict(ours.imgToAnns) == dict(reference.imgToAnns)
    assert {key: sorted(ids) for key, ids in ours.catToImgs.items()} == {
        key: sorted(ids) for key, ids in reference.catToImgs.items()}


def test_masks_of_coco(tmp_path):
    layouts.coco(tmp_path)
    ours = datasets.CocoDetection(tmp_path / "images", tmp_path / "annotations.json").coco
    triangle = ours.loadAnns(9)[0]
    runs = {"id": 1, "image_id": 4, "segmentation": {"size": [7, 9], "counts": [10, 3, 50]}}
    assert ours.annToMask(triangle).shape == (7, 9) and ours.annToMask(runs).sum() == 3
    for damage in ({"segmentation": 3}, {"segmentation": {"size": [7, 9], "counts": [1]}}, {"image_id": 1},
                   {"segmentation": [[1, 2, 3]]}):
        with pytest.raises(ValueError, match="annToMask: cannot draw annotation 9"):
            ours.annToMask({**triangle, **damage})
    del triangle["segmentation"]
    with pytest.raises(ValueError, match="cannot draw annotation 9: KeyError: 'segmentation'"):
        ours.annToMask(triangle)
    reference = pytest.importorskip("pycocotools.coco").COCO(str(tmp_path / "annotations.json"))
    for annotation in (*reference.anns.values(), runs):
        np.testing.assert_array_equal(ours.annToMask(annotation), reference.annToMask(annotation))


@pytest.mark.parametrize("change, what", [
    (lambda content: content.pop("images"), "expected a list under 'images'"),
    (lambda content: content["images"][1].pop("file_name"), r"images\[1\] has no 'file_name'"),
    (lambda content: content["annotations"][2].pop("image_id"), r"annotations\[2\] has no 'image_id'"),
    (lambda content: content["categories"].append("dog"), r"categories\[2\] has no 'id'"),
    (lambda content: content.update(annotations={}), "expected a list under 'annotations', got dict"),
])
def test_coco_with_something_missing(tmp_path, change, what):
    layouts.coco(tmp_path)
    content = json.loads((tmp_path / "annotations.json").read_text())
    change(content)
    layouts.as_json(tmp_path / "annotations.json", content)
    with pytest.raises(ValueError, match=rf"cannot use .*annotations\.json: {what}"):
        datasets.CocoDetection(tmp_path / "images", tmp_path / "annotations.json")


def test_coco_index_and_files(tmp_path):
    layouts.coco(tmp_path)
    data = datasets.CocoDetection(tmp_path / "images", tmp_path / "annotations.json")
    with pytest.raises(ValueError, match="Index must be of type integer"):
        data[[0, 1]]
    data.coco.imgs[4]["file_name"] = "../../secret.jpg"
    with pytest.raises(ValueError, match="no file in"):
        data[0]
    content = json.loads((tmp_path / "annotations.json").read_text())
    del content["annotations"][0]["caption"], content["annotations"]
    layouts.as_json(tmp_path / "annotations.json", content)
    assert datasets.CocoCaptions(tmp_path / "images", tmp_path / "annotations.json")[0][1] == []
    assert coco.COCO().getImgIds() == []


# ---------------------------------------------------------------- BCCD, CamVid, VOC

def test_bccd_boxes(tmp_path):
    layouts.bccd(tmp_path)
    data = datasets.BCCD(tmp_path)
    image, target = data[1]
    assert image.mode == "RGB" and len(data) == 2 and len(datasets.BCCD(tmp_path, "val")) == 1
    assert target["boxes"].tolist() == [[0, 1, 9, 7], [3, 3, 4, 4], [2, 0, 8, 5]]
    assert [data.classes[i] for i in target["labels"].tolist()] == ["WBC", "Platelets", "RBC"]
    file = tmp_path / "BCCD" / "Annotations" / "BloodImage_00002.xml"
    for box in (("RBC", 5, 1, 3, 2), ("RBC", 1, 1, 99, 2), ("Lymph", 1, 1, 3, 3)):
        text(file, layouts.voc_xml("BloodImage_00002", [box]))
        with pytest.raises(ValueError, match=r"cannot use .*BloodImage_00002\.xml"):
            data[1]
    text(file, layouts.voc_xml("BloodImage_00002", []))
    assert data[1][1]["boxes"].shape == (0, 4) and data[1][1]["labels"].shape == (0,)
    text(file, "<annotation><object><name>RBC</name></object></annotation>")
    with pytest.raises(ValueError, match="no annotation of objects with `name` and `bndbox`"):
        data[1]


def test_camvid_pairs(tmp_path):
    layouts.camvid(tmp_path)
    data = datasets.CamVid(tmp_path, "val")
    image, mask = data[0]
    assert image.mode == "RGB" and mask.mode == "L" and image.size == mask.size and len(data.classes) == 12
    assert np.asarray(mask).max() <= 11 == data.ignore_index
    picture(Path(data.masks[0]), (4, 4), "L", 12)
    with pytest.raises(ValueError, match=r"0001TP_006690\.png: it has \(4, 4\) pixels"):
        data[0]
    picture(Path(data.masks[0]), mode="L", limit=200)
    with pytest.raises(ValueError, match=r"0001TP_006690\.png: expected numbers of classes up to 11"):
        data[0]
    Path(data.masks[1]).unlink()
    with pytest.raises(ValueError, match="0006R0_f00930 is not in both"):
        datasets.CamVid(tmp_path, "val")


def test_voc_xml_with_entities_is_refused(tmp_path):
    layouts.voc("2012")(tmp_path)
    data = datasets.VOCDetection(tmp_path)
    bomb = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><annotation><object>&y;</object></annotation>'
    text(Path(data.annotations[0]), bomb)
    with pytest.raises(ValueError, match=r"2007_000027\.xml.*declares the entity 'x'"):
        data[0]
    text(Path(data.annotations[0]), "<a>" * 5000 + "</a>" * 5000)
    with pytest.raises(ValueError, match=r"2007_000027\.xml"):
        data[0]


def test_voc_trees():
    from xml.etree.ElementTree import fromstring
    theirs = torchvision("datasets.voc").VOCDetection
    for tree in ("<a/>", "<a>x</a>", "<annotation><b>1</b><b>2</b><c/></annotation>",
                 "<annotation><object><part><name>h</name></part><part><name>f</name></part></object></annotation>",
                 "<annotation>text<object/></annotation>"):
        assert VOCDetection.parse_voc_xml(fromstring(tree)) == theirs.parse_voc_xml(fromstring(tree))


# ---------------------------------------------------------------- PCAM, PhotoTour

def test_pcam(tmp_path, monkeypatch):
    """With a stand-in for h5py that reads NumPy's files."""
    class File:
        def __init__(self, path):
            self.path = path

        def __enter__(self):
            with open(self.path, "rb") as file:
                return dict(np.load(file))

        def __exit__(self, *_):
            pass

    module = types.ModuleType("h5py")
    module.File = File
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RuntimeError, match="h5py is not found"):
        datasets.PCAM(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", module)
    with pytest.raises(RuntimeError, match="valid_x.h5 is missing"):
        datasets.PCAM(tmp_path, split="val")
    (tmp_path / "pcam").mkdir()
    images, labels = noise(4, 96, 96, 3), noise(4, 1, 1, 1, limit=2)
    for (name, _, _), (key, array) in zip(pcam.PCAM._FILES["train"], (("x", images), ("y", labels))):
        with open(tmp_path / "pcam" / name, "wb") as file:
            np.savez(file, **{key: array})
    data = datasets.PCAM(tmp_path, target_transform=lambda label: -label)
    assert len(data) == 4 and [label for _, label in data] == (-labels.ravel().astype(int)).tolist()
    assert data[2][0].mode == "RGB" and data[2][0].tobytes() == images[2].tobytes()
    with open(tmp_path / "pcam" / pcam.PCAM._FILES["train"][1][0], "wb") as file:
        np.savez(file, y=labels[:2])
    with pytest.raises(ValueError, match=r"train_y\.h5.*labels \(2, 1, 1, 1\)"):
        datasets.PCAM(tmp_path)


def test_phototour_caches(tmp_path):
    layouts.phototour(tmp_path)
    data = datasets.PhotoTour(tmp_path, "liberty", train=False)
    first, second, same = data[0]
    assert first.shape == second.shape == (64, 64) and int(same) == 1 and int(data[1][2]) == 0 and len(data) == 3
    reference = torchvision("datasets").PhotoTour(tmp_path, "liberty")        # it reads what we wrote
    assert reference.data.numpy().tolist() == data.data.tolist()
    (tmp_path / "liberty.pt").write_bytes(b"noise")
    with pytest.raises(ValueError, match=r"cannot use .*liberty\.pt: .*delete it"):
        datasets.PhotoTour(tmp_path, "liberty")
    (tmp_path / "liberty.pt").unlink()
    text(tmp_path / "liberty" / "m50_100000_100000_0.txt", "0 0 0 12 0 0 0")
    with pytest.raises(ValueError, match="there are 12 patches, it names patch 12"):
        datasets.PhotoTour(tmp_path, "liberty")
    picture(tmp_path / "liberty" / "patches0000.bmp", (100, 64), "L")
    with pytest.raises(ValueError, match="100x64 pixels are no patches"):
        datasets.PhotoTour(tmp_path, "liberty")
    assert phototour.PhotoTour.means["liberty"] == 0.4437


# ---------------------------------------------------------------- small things

def test_categories_of_inaturalist(tmp_path):
    layouts.inaturalist("2021_train")(tmp_path)
    data = datasets.INaturalist(tmp_path)
    assert data.category_name("phylum", 1) == "Chordata" and data.category_name("full", 0).startswith("00000_")
    for kind, number in (("super", 0), ("phylum", 7)):
        with pytest.raises(ValueError, match="Invalid category"):
            data.category_name(kind, number)
    (tmp_path / "2021_train" / "00003_Plantae_a_b_c_d_e_f").mkdir()
    with pytest.raises(RuntimeError, match="Unexpected category id 00003, expecting 00002"):
        datasets.INaturalist(tmp_path)


def test_labels_may_be_replaced(tmp_path):
    layouts.svhn(tmp_path)
    datasets.SVHN.split_list["train"], before = ["", "train_32x32.mat", None], datasets.SVHN.split_list["train"]
    try:
        data = datasets.SVHN(tmp_path)
    finally:
        datasets.SVHN.split_list["train"] = before
    data.data, data.labels = data.data[1:3], data.labels[1:3] * 0
    assert len(data) == 2 and data[1][1] == 0 and data.targets is data.labels


@pytest.mark.parametrize("path, names", [
    ("folder", "IMG_EXTENSIONS DatasetFolder ImageFolder default_loader find_classes has_file_allowed_extension "
               "is_image_file make_dataset pil_loader"),
    ("vision", "StandardTransform VisionDataset"), ("utils", "download_url extract_archive"), ("mnist", "MNIST QMNIST"),
    ("cifar", "CIFAR100"), ("imagenet", "ImageNet ARCHIVE_META META_FILE load_meta_file parse_devkit_archive "
                                        "parse_train_archive parse_val_archive"),
    ("voc", "VOCDetection VOCSegmentation DATASET_YEAR_DICT"), ("coco", "CocoCaptions CocoDetection"),
    ("celeba", "CelebA"), ("cityscapes", "Cityscapes"), ("lfw", "LFWPairs LFWPeople"), ("caltech", "Caltech101"),
    ("svhn", "SVHN"), ("stl10", "STL10"), ("usps", "USPS"), ("semeion", "SEMEION"), ("sbd", "SBDataset"),
    ("sbu", "SBU"),
    ("omniglot", "Omniglot"), ("phototour", "PhotoTour"), ("flickr", "Flickr30k Flickr8k"), ("fakedata", "FakeData"),
])
def test_modules_of_torchvisions_names(path, names):
    module = __import__(f"minidl.vision.datasets.{path}", fromlist=["x"])
    assert all(hasattr(module, name) for name in names.split())


def test_a_page_in_place_of_annotations(tmp_path):
    """What a server sends when it has had enough is well-formed, and no annotation."""
    page = "<html><body>Quota exceeded</body></html>"
    layouts.voc("2012")(tmp_path)
    layouts.bccd(tmp_path)
    for data in (datasets.VOCDetection(tmp_path), datasets.BCCD(tmp_path)):
        text(Path(data.targets[0]), page)
        with pytest.raises(ValueError, match=r"cannot use .*\.xml: expected an <annotation>, got a <html>"):
            data[0]
    layouts.flickr8k(tmp_path)
    captions = tmp_path / "captions.html"
    captions.write_text(captions.read_text().partition("</table>")[0])
    with pytest.raises(ValueError, match=r"captions\.html: it ends within the table"):
        datasets.Flickr8k(tmp_path, captions)
    captions.write_text(page)
    with pytest.raises(ValueError, match=r"captions\.html: it has no table of captions"):
        datasets.Flickr8k(tmp_path, captions)
