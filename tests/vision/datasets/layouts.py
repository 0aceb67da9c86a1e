"""Small data sets in the layouts of their publishers, written by functions `write(root)`, and how they are read.

The pictures are noise, fixed by their names. `LAYOUTS` has a row for each data set: its name, the function, and the
arguments of each way to read it.
"""
from __future__ import annotations

import bz2
import csv
import importlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image


def picture(path: Path, size: tuple[int, int] = (9, 7), mode: str = "RGB", limit: int = 256) -> None:
    """Write a picture of noise, (width, height), with values below `limit`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    shape = size[::-1] if mode in ("L", "P") else (*size[::-1], 3)
    image = Image.fromarray(rng.integers(0, limit, shape, np.uint8))
    if mode == "P":
        image.putpalette([i for i in range(256) for _ in range(3)])
    image.save(path)


def text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def as_json(path: Path, content: Any) -> None:
    text(path, json.dumps(content))


def mat(path: Path, **variables: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    importlib.import_module("scipy.io").savemat(path, variables)


def idx(array: np.ndarray) -> bytes:
    code = {"uint8": 8, "int32": 12}[array.dtype.name]
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def noise(*shape: int, limit: int = 256, dtype: Any = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, limit, shape).astype(dtype)


# ---------------------------------------------------------------- in the format of MNIST

def mnist(name: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        folder = root / name / "raw"
        folder.mkdir(parents=True)
        for part, count in (("train", 6), ("t10k", 4)):
            (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(noise(count, 28, 28)))
            (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(noise(count, limit=10)))
    return write


EMNIST_CLASSES = {"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 26, "digits": 10, "mnist": 10}


def emnist(root: Path) -> None:
    folder = root / "EMNIST" / "raw"
    folder.mkdir(parents=True)
    for split, classes in EMNIST_CLASSES.items():
        for part, count in (("train", 6), ("test", 4)):
            (folder / f"emnist-{split}-{part}-images-idx3-ubyte").write_bytes(idx(noise(count, 28, 28)))
            labels = noise(count, limit=classes) + (split == "letters")
            (folder / f"emnist-{split}-{part}-labels-idx1-ubyte").write_bytes(idx(labels.astype(np.uint8)))


def qmnist(root: Path) -> None:
    folder = root / "QMNIST" / "raw"
    folder.mkdir(parents=True)
    for part, count in (("qmnist-train", 6), ("qmnist-test", 10_003), ("xnist", 5)):
        labels = noise(count, 8, limit=2000, dtype=np.int32)
        labels[:, 0] %= 10
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(noise(count, 28, 28)))
        (folder / f"{part}-labels-idx2-int").write_bytes(idx(labels))


# ---------------------------------------------------------------- numbers in one file

def svhn(root: Path) -> None:
    for split, count in (("train", 5), ("test", 3), ("extra", 4)):
        labels = noise(count, 1, limit=10) + 1
        mat(root / f"{split}_32x32.mat", X=noise(32, 32, 3, count), y=labels)


def stl10(root: Path) -> None:
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    for split, count in (("train", 6), ("test", 3), ("unlabeled", 2)):
        (folder / f"{split}_X.bin").write_bytes(noise(count, 3, 96, 96).tobytes())
        if split != "unlabeled":
            (folder / f"{split}_y.bin").write_bytes((noise(count, limit=10) + 1).astype(np.uint8).tobytes())
    text(folder / "class_names.txt", "airplane", "bird", "car")
    text(folder / "fold_indices.txt", *(f"{i % 6} {(i + 2) % 6} 5 " for i in range(10)))


def usps(root: Path) -> None:
    for name, count in (("usps.bz2", 5), ("usps.t.bz2", 3)):
        values = np.random.default_rng(1).uniform(-1, 1, (count, 256)).round(6)
        lines = [f"{i + 1} " + " ".join(f"{k + 1}:{value}" for k, value in enumerate(row)) + "\n"
                 for i, row in enumerate(values.tolist())]
        (root / name).write_bytes(bz2.compress("".join(lines).encode()))


def semeion(root: Path) -> None:
    pixels, labels = noise(6, 256, limit=2), np.eye(10, dtype=np.uint8)[noise(6, limit=10)]
    rows = [" ".join(f"{value:.4f}" for value in pixel) + " " + " ".join(map(str, mark)) + " "
            for pixel, mark in zip(pixels.tolist(), labels.tolist())]
    text(root / "semeion.data", *rows)


def fer2013(name: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        folder = root / "fer2013"
        folder.mkdir(parents=True)
        header = {"fer2013": ["emotion", "pixels", "Usage"], "icml_face_data": ["emotion", " Usage", " pixels"]}
        parts = {name: header.get(name, ["emotion", "pixels"])}
        if name == "train":
            parts["test"] = ["pixels"]
        for file, columns in parts.items():
            with open(folder / f"{file}.csv", "w", newline="") as target:
                table = csv.DictWriter(target, [column.strip() for column in columns], extrasaction="ignore",
                                       quoting=csv.QUOTE_NONNUMERIC)
                target.write(",".join(columns) + "\n")
                for i, usage in enumerate(["Training", "PublicTest", "PrivateTest", "Training"]):
                    pixels = " ".join(map(str, noise(48 * 48, seed=i).tolist()))
                    table.writerow({"emotion": str(i), "pixels": pixels, "Usage": usage})
    return write


def moving_mnist(root: Path) -> None:
    (root / "MovingMNIST").mkdir(parents=True)
    np.save(root / "MovingMNIST" / "mnist_test_seq.npy", noise(20, 3, 64, 64))


def phototour(root: Path) -> None:
    for number in range(2):
        picture(root / "liberty" / f"patches000{number}.bmp", (192, 128), "L")
    text(root / "liberty" / "info.txt", *(f"{i // 2} 0" for i in range(12)))
    text(root / "liberty" / "m50_100000_100000_0.txt", "0 0 0 1 0 0 0", "3 1 0 5 2 0 0", "11 5 0 2 5 0 0")


# ---------------------------------------------------------------- images and labels

def eurosat(root: Path) -> None:
    for name in ("AnnualCrop", "Forest", "River"):
        for i in range(3):
            picture(root / "eurosat" / "2750" / name / f"{name}_{i}.jpg")


def country211(root: Path) -> None:
    for split in ("train", "valid", "test"):
        for name in ("AD", "ZW"):
            for i in range(2):
                picture(root / "country211" / split / name / f"{split}{i}.jpg")


def imagenette(root: Path) -> None:
    for folder in ("imagenette2", "imagenette2-320", "imagenette2-160"):
        for split in ("train", "val"):
            for wnid in ("n03000684", "n01440764", "n03888257"):
                for i in range(2):
                    picture(root / folder / split / wnid / f"{wnid}_{split}{i}.JPEG")


def rendered_sst2(root: Path) -> None:
    for split in ("train", "valid", "test"):
        for name in ("negative", "positive"):
            for i in range(2):
                picture(root / "rendered-sst2" / split / name / f"{split}{i}.png")


def gtsrb(root: Path) -> None:
    folder = root / "gtsrb"
    for label in (0, 1, 14):
        for i in range(2):
            picture(folder / "GTSRB" / "Training" / f"{label:05d}" / f"00000_0000{i}.ppm")
        text(folder / "GTSRB" / "Training" / f"{label:05d}" / f"GT-{label:05d}.csv", "Filename;Width")
    rows = []
    for i in range(3):
        picture(folder / "GTSRB" / "Final_Test" / "Images" / f"0000{i}.ppm")
        rows.append(f"0000{i}.ppm;9;7;1;1;8;6;{i * 5}")
    text(folder / "GT-final_test.csv", "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId", *rows)


def dtd(root: Path) -> None:
    folder = root / "dtd" / "dtd"
    names = [f"{name}/{name}_000{i}.jpg" for name in ("braided", "zigzagged", "banded") for i in range(3)]
    for name in names:
        picture(folder / "images" / name)
    for partition in (1, 10):
        for i, split in enumerate(("train", "val", "test")):
            text(folder / "labels" / f"{split}{partition}.txt", *names[(i + partition) % 3::3])


def food101(root: Path) -> None:
    for split in ("train", "test"):
        listed = {name: [f"{name}/{split}{i}" for i in range(2)] for name in ("waffles", "apple_pie", "pho")}
        for name in sum(listed.values(), []):
            picture(root / "food-101" / "images" / f"{name}.jpg")
        as_json(root / "food-101" / "meta" / f"{split}.json", listed)


def aircraft(root: Path) -> None:
    data = root / "fgvc-aircraft-2013b" / "data"
    classes = {"variant": ["707-320", "A300B4"], "family": ["Boeing 707", "A300"], "manufacturer": ["Boeing", "Airbus"]}
    for level, file in (("variant", "variants"), ("family", "families"), ("manufacturer", "manufacturers")):
        text(data / f"{file}.txt", *classes[level])
        for k, split in enumerate(("train", "val", "trainval", "test")):
            names = [f"{k}00{i}" for i in range(3)]
            text(data / f"images_{level}_{split}.txt", *(f"{name} {classes[level][i % 2]}" for i, name in
                                                         enumerate(names)))
            for name in names:
                picture(data / "images" / f"{name}.jpg")


def sun397(root: Path) -> None:
    names = ["/a/abbey", "/a/apartment_building/outdoor", "/z/zoo"]
    text(root / "SUN397" / "ClassName.txt", *names)
    for name in names:
        for i in range(2):
            picture(root / "SUN397" / name[1:] / f"sun_{name[3]}{i}.jpg")


def flowers102(root: Path) -> None:
    folder = root / "flowers-102"
    for i in range(1, 10):
        picture(folder / "jpg" / f"image_{i:05d}.jpg")
    mat(folder / "imagelabels.mat", labels=np.array([[1, 102, 3, 3, 7, 9, 1, 2, 50]], np.uint8))
    mat(folder / "setid.mat", trnid=np.array([[1, 5, 9]]), valid=np.array([[2, 4]]), tstid=np.array([[3, 6, 7, 8]]))


def stanford_cars(root: Path) -> None:
    folder = root / "stanford_cars"
    mat(folder / "devkit" / "cars_meta.mat", class_names=np.array(["AM General Hummer", "Acura RL", "BMW M3"], object))
    kind = [(name, object) for name in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")]
    for split, file in (("train", "devkit/cars_train_annos.mat"), ("test", "cars_test_annos_withlabels.mat")):
        rows = [(1, 1, 5, 5, i + 1, f"0000{i}.jpg") for i in range(3)]
        mat(folder / file, annotations=np.array([rows], dtype=kind).reshape(1, 3))
        for i in range(3):
            picture(folder / f"cars_{split}" / f"0000{i}.jpg")


def clevr(root: Path) -> None:
    folder = root / "clevr" / "CLEVR_v1.0"
    for split in ("train", "val", "test"):
        names = [f"CLEVR_{split}_00000{i}.png" for i in range(3)]
        for name in names:
            picture(folder / "images" / split / name)
        if split != "test":
            as_json(folder / "scenes" / f"CLEVR_{split}_scenes.json", {"info": {}, "scenes": [
                {"image_filename": name, "objects": [{}] * (i + 3)} for i, name in enumerate(names)]})


def omniglot(root: Path) -> None:
    for folder in ("images_background", "images_evaluation", "images_background_small1"):
        for alphabet in ("Greek", "Korean"):
            for character in ("character01", "character02"):
                for i in range(2):
                    place = root / "omniglot-py" / folder / alphabet / character
                    picture(place / f"{len(alphabet)}_0{i}.png", mode="L")
        (root / "omniglot-py" / f"{folder}.zip").write_bytes(b"")


def places365(root: Path) -> None:
    text(root / "categories_places365.txt", "/a/airfield 0", "/a/apartment_building/outdoor 1", "/z/zen_garden 2")
    lists: dict[str, list[str]] = {}
    for variant in ("standard", "challenge"):
        names = ["/a/airfield/1.jpg 0", "/a/apartment_building/outdoor/2.jpg 1", "/z/zen_garden/3.jpg 2"]
        lists[f"train_{variant}"] = names
        for line in names:
            for size in ("256", "large"):
                picture(root / f"data_{size}_{variant}" / line.split()[0][1:])
    lists["val"] = ["Places365_val_1.jpg 2", "Places365_val_2.jpg 0"]
    lists["test"] = ["Places365_test_1.jpg", "Places365_test_2.jpg"]
    for split in ("val", "test"):
        for line in lists[split]:
            for size in ("256", "large"):
                picture(root / f"{split}_{size}" / line.split()[0])
    for name, lines in lists.items():
        text(root / f"places365_{name}.txt", *lines)


def caltech101(root: Path) -> None:
    folder = root / "caltech101"
    for name, annotated in (("Faces", "Faces_2"), ("accordion", "accordion"), ("BACKGROUND_Google", "none")):
        for i in (1, 2):
            picture(folder / "101_ObjectCategories" / name / f"image_{i:04d}.jpg", mode="L" if i == 2 else "RGB")
            outline = np.arange(6.).reshape(2, 3) * i
            mat(folder / "Annotations" / annotated / f"annotation_{i:04d}.mat", obj_contour=outline)


def caltech256(root: Path) -> None:
    for number, name in enumerate(("001.ak47", "002.american-flag", "003.backpack"), 1):
        for i in range(1, 3):
            picture(root / "caltech256" / "256_ObjectCategories" / name / f"{number:03d}_{i:04d}.jpg")
    text(root / "caltech256" / "256_ObjectCategories" / "002.american-flag" / "RENAME2", "not a picture")


def inaturalist(version: str) -> Callable[[Path], None]:
    folders = {"2017": ["Amphibia/Rana", "Aves/Corvus"], "2018": ["Amphibia/1", "Aves/0"],
               "2021_train": ["00000_Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus_terrestris",
                              "00001_Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_corax"]}[version]

    def write(root: Path) -> None:
        for folder in folders:
            for i in range(2):
                picture(root / version / folder / f"{i}.jpg")
    return write


def lfw(root: Path) -> None:
    folder = root / "lfw-py"
    for person, count in (("Ann_Lee", 2), ("Bo_Li", 1), ("Cy_Ng", 3)):
        for i in range(1, count + 1):
            for images in ("lfw", "lfw_funneled", "lfw-deepfunneled"):
                picture(folder / images / person / f"{person}_{i:04d}.jpg")
    for name in ("lfw.tgz", "lfw-funneled.tgz", "lfw-deepfunneled.tgz"):
        (folder / name).write_bytes(b"")
    text(folder / "lfw-names.txt", "Ann_Lee\t2", "Bo_Li\t1", "Cy_Ng\t3")
    text(folder / "people.txt", "2", "1", "Ann_Lee\t2", "2", "Bo_Li\t1", "Cy_Ng\t3")
    text(folder / "peopleDevTrain.txt", "2", "Ann_Lee\t2", "Cy_Ng\t3")
    text(folder / "peopleDevTest.txt", "1", "Bo_Li\t1")
    fold = ["Ann_Lee\t1\t2", "Ann_Lee\t1\tBo_Li\t1"]
    text(folder / "pairs.txt", "2\t1", *fold, "Cy_Ng\t1\t3", "Bo_Li\t1\tCy_Ng\t2")
    for name in ("pairsDevTrain.txt", "pairsDevTest.txt"):
        text(folder / name, "1", *fold)


# ---------------------------------------------------------------- boxes, masks, captions

def voc_xml(name: str, boxes: list[tuple[str, int, int, int, int]]) -> str:
    things = "".join(f"<object><name>{kind}</name><difficult>0</difficult><bndbox><xmin>{a}</xmin><ymin>{b}</ymin>"
                     f"<xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>" for kind, a, b, c, d in boxes)
    return (f"<annotation>\n\t<folder>VOC</folder><filename>{name}.jpg</filename><empty/><size><width>9</width>"
            f"<height>7</height><depth>3</depth></size>{things}</annotation>")


def voc(year: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        folder = root / ("TrainVal/" if year == "2011" else "") / "VOCdevkit" / f"VOC{year}"
        names = ["2007_000027", "2007_000032", "2007_000033"]
        for i, name in enumerate(names):
            picture(folder / "JPEGImages" / f"{name}.jpg")
            picture(folder / "SegmentationClass" / f"{name}.png", mode="P", limit=21)
            text(folder / "Annotations" / f"{name}.xml", voc_xml(name, [("dog", 1, 2, 8, 6), ("cat", 3, 1, 9, 7)][:i]))
        for kind in ("Main", "Segmentation"):
            for i, split in enumerate(("train", "val", "trainval", "test")):
                text(folder / "ImageSets" / kind / f"{split}.txt", *names[i % 3:])
    return write


def bccd(root: Path) -> None:
    folder = root / "BCCD"
    for i, name in enumerate(("BloodImage_00000", "BloodImage_00001", "BloodImage_00002")):
        picture(folder / "JPEGImages" / f"{name}.jpg")
        boxes = [("WBC", 1, 2, 9, 7), ("Platelets", 4, 4, 4, 4), ("RBC", 3, 1, 8, 5)][:i + 1]
        text(folder / "Annotations" / f"{name}.xml", voc_xml(name, boxes))
    text(folder / "ImageSets" / "Main" / "train.txt", "BloodImage_00000", "BloodImage_00002")
    text(folder / "ImageSets" / "Main" / "val.txt", "BloodImage_00001")


def camvid(root: Path) -> None:
    for split in ("train", "val"):
        for name in ("0001TP_006690", "0006R0_f00930"):
            picture(root / "CamVid" / split / f"{name}.png")
            picture(root / "CamVid" / f"{split}annot" / f"{name}.png", mode="L", limit=12)


def sbd(root: Path) -> None:
    sparse = importlib.import_module("scipy.sparse")
    for split in ("train", "val", "train_noval"):
        text(root / f"{split}.txt", "2008_000002", "2008_000003")
    for name in ("2008_000002", "2008_000003"):
        picture(root / "img" / f"{name}.jpg")
        edges = np.empty((20, 1), object)
        for i in range(20):
            edges[i, 0] = sparse.csc_matrix(noise(7, 9, limit=2, seed=i).astype(float))
        whole = np.empty((1, 1), [("Boundaries", object), ("Segmentation", object)])
        whole[0, 0] = edges, noise(7, 9, limit=21)
        mat(root / "cls" / f"{name}.mat", GTcls=whole)


def coco(root: Path) -> None:
    for name in ("000000000139.jpg", "000000000285.jpg", "sub/1.jpg"):
        picture(root / "images" / name, mode="L" if name.startswith("sub") else "RGB")
    images = [{"id": 285, "file_name": "000000000285.jpg", "height": 7, "width": 9},
              {"id": 139, "file_name": "000000000139.jpg", "height": 7, "width": 9},
              {"id": 4, "file_name": "sub/1.jpg", "height": 7, "width": 9}]
    annotations = [{"id": 9 - i, "image_id": image, "category_id": kind, "bbox": [i, 1, 3, 2.5], "area": 7.5 * i,
                    "iscrowd": i % 2, "segmentation": [[0, 0, 4, 0, 4, 5]], "caption": f"caption {i}"}
                   for i, (image, kind) in enumerate([(139, 18), (285, 90), (139, 90), (139, 18)])]
    categories = [{"id": 18, "name": "dog", "supercategory": "animal"},
                  {"id": 90, "name": "toothbrush", "supercategory": "indoor"}]
    as_json(root / "annotations.json", {"info": {}, "images": images, "annotations": annotations,
                                        "categories": categories})


def cityscapes(root: Path) -> None:
    for mode, splits in (("gtFine", ("train", "test", "val")), ("gtCoarse", ("train", "train_extra", "val"))):
        for split in splits:
            for city in ("aachen", "bochum"):
                name = f"{city}_000000_000019"
                picture(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png")
                folder = root / mode / split / city
                for ending, kind in (("instanceIds", "L"), ("labelIds", "L"), ("color", "RGB")):
                    picture(folder / f"{name}_{mode}_{ending}.png", mode=kind)
                as_json(folder / f"{name}_{mode}_polygons.json", {"imgHeight": 7, "objects": [{"label": city}]})


def celeba(root: Path) -> None:
    folder = root / "celeba"
    names = [f"00000{i}.jpg" for i in range(1, 7)]
    rng = np.random.default_rng(0)
    for name in names:
        picture(folder / "img_align_celeba" / name)
    text(folder / "list_eval_partition.txt", *(f"{name} {i % 3}" for i, name in enumerate(names)))
    text(folder / "identity_CelebA.txt", *(f"{name} {i * 7}" for i, name in enumerate(names)))

    def table(file: str, columns: list[str], values: np.ndarray) -> None:
        rows = [f"{name} " + " ".join(f"{value:>2}" for value in row) for name, row in zip(names, values.tolist())]
        text(folder / file, str(len(names)), " ".join(columns), *rows)

    table("list_attr_celeba.txt", [f"attribute_{i}" for i in range(40)], rng.integers(0, 2, (6, 40)) * 2 - 1)
    table("list_bbox_celeba.txt", ["image_id", "x_1", "y_1", "width", "height"], rng.integers(0, 200, (6, 4)))
    table("list_landmarks_align_celeba.txt", [f"point_{i}" for i in range(10)], rng.integers(0, 200, (6, 10)))


def pets(root: Path) -> None:
    folder = root / "oxford-iiit-pet"
    rows = ["Abyssinian_1 1 1 1", "american_bulldog_10 2 2 1", "Abyssinian_2 1 1 1", "great_pyrenees_3 3 2 2"]
    for split in ("trainval", "test"):
        text(folder / "annotations" / f"{split}.txt", *rows)
    for row in rows:
        name = row.split()[0]
        picture(folder / "images" / f"{name}.jpg", mode="L" if "great" in name else "RGB")
        picture(folder / "annotations" / "trimaps" / f"{name}.png", mode="L", limit=4)


def kitti(root: Path) -> None:
    for part in ("training", "testing"):
        for i in range(3):
            picture(root / "Kitti" / "raw" / part / "image_2" / f"00000{i}.png")
            if part == "training":
                text(root / "Kitti" / "raw" / part / "label_2" / f"00000{i}.txt",
                     *["Pedestrian 0.00 0 -0.20 712.40 143.00 810.73 307.92 1.89 0.48 1.20 1.84 1.47 8.41 0.01"] * i)


def widerface(root: Path) -> None:
    folder = root / "widerface"
    for split in ("train", "val", "test"):
        names = [f"0--Parade/0_Parade_{split}_{i}.jpg" for i in range(2)]
        for name in names:
            picture(folder / f"WIDER_{split}" / "images" / name)
        if split == "test":
            text(folder / "wider_face_split" / "wider_face_test_filelist.txt", *names)
        else:
            text(folder / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt", names[0], "2",
                 "449 330 122 149 0 0 0 0 0 0 ", "361 98 263 339 1 2 0 1 0 1 ", names[1], "0", "0 0 0 0 0 0 0 0 0 0 ")


def flickr8k(root: Path) -> None:
    rows = ""
    for number in ("1000268201", "123"):
        picture(root / f"{number}_693b08cb0e.jpg")
        link = f"http://www.flickr.com/photos/user/{number}/"
        rows += (f"<tr><td><a href='{link}'>{link}</a></td><td><ul><li>A child &amp; a dog .</li>"
                 f"<li>Two of {number} .</li></ul></td></tr>\n")
    rows += "<tr><td>Image Not Found</td><td><ul><li>Nobody sees this .</li></ul></td></tr>"
    text(root / "captions.html", f"<html><body><h1>8k</h1>\n<table border='1'>{rows}</table><a>end</a></body></html>")


def flickr30k(root: Path) -> None:
    for name in ("1000092795.jpg", "10002456.jpg"):
        picture(root / name)
    text(root / "captions.token", *(f"{name}.jpg#{i}\tCaption {i} of {name} ." for name in ("10002456", "1000092795")
                                    for i in range(2)))


def sbu(root: Path) -> None:
    folder = root / "dataset"
    for i in range(2):
        picture(folder / f"416{i}_5c2ea.jpg")
    urls = [f"http://static.flickr.com/41/416{i}_5c2ea.jpg" for i in range(3)]
    text(folder / "SBU_captioned_photo_dataset_urls.txt", *urls)
    text(folder / "SBU_captioned_photo_dataset_captions.txt", "A tree .", "A boat .", "Gone .")
    (root / "SBUCaptionedPhotoDataset.tar.gz").write_bytes(b"")


# ---------------------------------------------------------------- the table

class Layout(NamedTuple):
    name: str                       # of the class
    write: Callable[[Path], None]
    ways: tuple[dict[str, Any], ...] = ({},)        # to read it; a value that is a Path lies in the root
    folder: str = ""                # the root of the class, in the root

    def arguments(self, root: Path, way: dict[str, Any]) -> dict[str, Any]:
        return {"root": str(root / self.folder),
                **{key: str(root / value) if isinstance(value, Path) else value for key, value in way.items()}}


def each(**values: Any) -> tuple[dict[str, Any], ...]:
    """One way for each value of one argument."""
    (name, options), = values.items()
    return tuple({name: option} for option in options)


TRAIN = each(train=(True, False))
TWO = each(split=("train", "test"))
THREE = each(split=("train", "val", "test"))
LAYOUTS = [
    Layout("FashionMNIST", mnist("FashionMNIST"), TRAIN),
    Layout("KMNIST", mnist("KMNIST"), TRAIN),
    Layout("MNIST", mnist("MNIST"), TRAIN),
    Layout("EMNIST", emnist, tuple({"split": split, "train": train} for split in EMNIST_CLASSES
                                   for train in (True, False))),
    Layout("QMNIST", qmnist, (*each(what=("train", "test", "test10k", "test50k", "nist")), *TRAIN, {"compat": False})),
    Layout("SVHN", svhn, each(split=("train", "test", "extra"))),
    Layout("STL10", stl10, (*each(split=("train", "test", "unlabeled", "train+unlabeled")),
                            {"folds": 0}, {"split": "train+unlabeled", "folds": 9})),
    Layout("USPS", usps, TRAIN),
    Layout("SEMEION", semeion, ({"download": False},)),
    Layout("FER2013", fer2013("train"), TWO),
    Layout("FER2013", fer2013("fer2013"), TWO),
    Layout("FER2013", fer2013("icml_face_data"), TWO),
    Layout("MovingMNIST", moving_mnist, ({}, {"split": "train"}, {"split": "test", "split_ratio": 4})),
    Layout("PhotoTour", phototour, ({"name": "liberty"}, {"name": "liberty", "train": False})),
    Layout("EuroSAT", eurosat),
    Layout("Country211", country211, each(split=("train", "valid", "test"))),
    Layout("Imagenette", imagenette, ({}, {"split": "val", "size": "320px"}, {"size": "160px"})),
    Layout("RenderedSST2", rendered_sst2, THREE),
    Layout("GTSRB", gtsrb, TWO),
    Layout("DTD", dtd, (*THREE, {"partition": 10})),
    Layout("Food101", food101, TWO),
    Layout("FGVCAircraft", aircraft, (*each(split=("train", "val", "trainval", "test")),
                                      *each(annotation_level=("variant", "family", "manufacturer")))),
    Layout("SUN397", sun397),
    Layout("Flowers102", flowers102, THREE),
    Layout("StanfordCars", stanford_cars, TWO),
    Layout("CLEVRClassification", clevr, THREE),
    Layout("Omniglot", omniglot, each(background=(True, False))),
    Layout("Places365", places365, (*each(split=("train-standard", "train-challenge", "val", "test")),
                                    {"small": True})),
    Layout("Caltech101", caltech101, ({}, *each(target_type=("annotation", ["annotation", "category"])))),
    Layout("Caltech256", caltech256),
    Layout("INaturalist", inaturalist("2017"), ({"version": "2017"}, {"version": "2017", "target_type": "super"})),
    Layout("INaturalist", inaturalist("2018"), ({"version": "2018", "target_type": ["full", "super"]},)),
    Layout("INaturalist", inaturalist("2021_train"), ({}, {"target_type": ["phylum", "full", "genus"]})),
    Layout("LFWPeople", lfw, (*each(split=("10fold", "train", "test")), {"image_set": "original"})),
    Layout("LFWPairs", lfw, (*each(split=("10fold", "train", "test")), {"image_set": "deepfunneled"})),
    Layout("VOCDetection", voc("2012"), each(image_set=("train", "val", "trainval"))),
    Layout("VOCDetection", voc("2011"), ({"year": "2011"},)),
    Layout("VOCSegmentation", voc("2007"), ({"year": "2007", "image_set": "test"}, {"year": "2007"})),
    Layout("SBDataset", sbd, (*each(image_set=("train", "val", "train_noval")), {"mode": "segmentation"})),
    Layout("CocoDetection", coco, ({"annFile": Path("annotations.json")},), "images"),
    Layout("CocoCaptions", coco, ({"annFile": Path("annotations.json")},), "images"),
    Layout("Cityscapes", cityscapes, (
        *THREE, {"target_type": ["polygon", "semantic"]}, {"target_type": "color", "mode": "coarse"},
        {"mode": "coarse", "split": "train_extra", "target_type": "polygon"})),
    Layout("CelebA", celeba, (*each(split=("train", "valid", "test", "all")),
                              *each(target_type=("identity", "bbox", ["landmarks", "attr", "identity"], [])))),
    Layout("OxfordIIITPet", pets, (*each(split=("trainval", "test")),
                                   *each(target_types=("segmentation", ["binary-category", "category"], [])))),
    Layout("Kitti", kitti, TRAIN),
    Layout("WIDERFace", widerface, THREE),
    Layout("Flickr8k", flickr8k, ({"ann_file": Path("captions.html")},)),
    Layout("Flickr30k", flickr30k, ({"ann_file": Path("captions.token")},)),
    Layout("SBU", sbu, ({"download": False},)),
]
OURS_ONLY = [Layout("BCCD", bccd, each(image_set=("train", "val"))),
             Layout("CamVid", camvid, each(image_set=("train", "val")))]
