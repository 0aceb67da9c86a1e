"""Data sets with lists of images and labels: DTD, Food101, FGVCAircraft, SUN397, Flowers102, StanfordCars, CLEVR."""
from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from minidl.vision.datasets.base.published import LabelledFiles, Loader
from minidl.vision.datasets.base.reading import damaged, inside, parse_lines, read_json, read_lines, read_mat, reading
from minidl.vision.datasets.folder import default_loader
from minidl.vision.datasets.utils import check_integrity, download_and_extract_archive, download_url, verify_str_arg
from minidl.vision.datasets.vision import Transform


class _Split(LabelledFiles):
    """Labelled files with a `split`, the first of `_SPLITS` by default, which is 'train'."""

    def __init__(self, root: str | Path, split: str = "train", transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False,
                 loader: Loader = default_loader) -> None:
        self._split = verify_str_arg(split, "split", self._SPLITS)
        super().__init__(root, transform, target_transform, download, loader)


class DTD(LabelledFiles):
    """Textures with 47 describing words, 120 images of each, in `root/dtd/dtd`.

    split: 'train', 'val' or 'test'. partition: 1 to 10, which of ten ways to split. Other arguments as for
    `LabelledFiles`.
    Source: M. Cimpoi et al., "Describing textures in the wild", CVPR 2014.
    """

    _ARCHIVES = [("https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
                  "fff73e5086ae6bdbea199a49dfb8a4c1")]
    _SPLITS = ("train", "val", "test")

    def __init__(self, root: str | Path, split: str = "train", partition: int = 1, transform: Transform | None = None,
                 target_transform: Transform | None = None, download: bool = False,
                 loader: Loader = default_loader) -> None:
        self._split = verify_str_arg(split, "split", self._SPLITS)
        if not isinstance(partition, int) or not 1 <= partition <= 10:
            raise ValueError("Parameter 'partition' should be an integer with `1 <= partition <= 10`, but got "
                             f"{partition} instead")
        self._partition = partition
        super().__init__(root, transform, target_transform, download, loader)

    @property
    def _archive_root(self) -> Path:
        return Path(self.root) / "dtd"

    def _needed(self) -> list[Path]:
        return [self._archive_root / "dtd"]

    def _list(self) -> tuple[list[Any], list[Any]]:
        names = self._needed()[0] / "labels" / f"{self._split}{self._partition}.txt"
        pairs = parse_lines(names, _two_parts, "<class>/<image>")
        self.classes = sorted({name for name, _ in pairs})
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        images = self._needed()[0] / "images"
        return [Path(inside(images, "/".join(pair), names)) for pair in pairs], [self.class_to_idx[c] for c, _ in pairs]

    def extra_repr(self) -> str:
        return f"split={self._split}, partition={self._partition}"


def _two_parts(line: str) -> tuple[str, str]:
    first, second = line.split("/")
    return first, second


class Food101(_Split):
    """Photographs of 101 dishes, 750 of each to train on and 250 to test with, in `root/food-101`.

    split: 'train' or 'test'. Other arguments as for `LabelledFiles`.
    Source: L. Bossard, M. Guillaumin, L. Van Gool, "Food-101 - Mining discriminative components with random forests",
    ECCV 2014.
    """

    _ARCHIVES = [("http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz", "85eeb15f3717b99a5da872d97d918f87")]
    _SPLITS = ("train", "test")

    def _needed(self) -> list[Path]:
        return [Path(self.root) / "food-101" / name for name in ("meta", "images")]

    def _list(self) -> tuple[list[Any], list[Any]]:
        meta, images = self._needed()
        file = meta / f"{self._split}.json"
        listed = read_json(file)
        self.classes = sorted(listed)
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        files, labels = [], []
        for name, paths in listed.items():
            if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
                raise damaged(file, f"expected a list of names under {name!r}")
            files += [Path(inside(images, f"{path}.jpg", file)) for path in paths]
            labels += [self.class_to_idx[name]] * len(paths)
        return files, labels


class FGVCAircraft(LabelledFiles):
    """Photographs of 10,000 aircraft of 100 variants, in `root/fgvc-aircraft-2013b`.

    split: 'train', 'val', 'trainval' or 'test'. annotation_level: what the label is: 'variant' (100), 'family' (70) or
    'manufacturer' (41). Other arguments as for `LabelledFiles`.
    Source: S. Maji et al., "Fine-grained visual classification of aircraft", 2013.
    """

    _ARCHIVES = [("https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz", None)]
    _CLASSES_OF: ClassVar[dict[str, str]] = {"variant": "variants.txt", "family": "families.txt",
                                             "manufacturer": "manufacturers.txt"}

    def __init__(self, root: str | Path, split: str = "trainval", annotation_level: str = "variant",
                 transform: Transform | None = None, target_transform: Transform | None = None, download: bool = False,
                 loader: Loader = default_loader) -> None:
        self._split = verify_str_arg(split, "split", ("train", "val", "trainval", "test"))
        self._annotation_level = verify_str_arg(annotation_level, "annotation_level", self._CLASSES_OF)
        super().__init__(root, transform, target_transform, download, loader)

    def _needed(self) -> list[Path]:
        return [Path(self.root) / "fgvc-aircraft-2013b"]

    def _list(self) -> tuple[list[Any], list[Any]]:
        data = self._needed()[0] / "data"
        self.classes = [line.strip() for line in read_lines(data / self._CLASSES_OF[self._annotation_level])]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        names = data / f"images_{self._annotation_level}_{self._split}.txt"

        def parse(line: str) -> tuple[str, int]:
            image, name = line.split(" ", 1)
            return image, self.class_to_idx[name]

        pairs = parse_lines(names, parse, "<image> <class>, with a known class,")
        return [inside(data / "images", f"{image}.jpg", names) for image, _ in pairs], [label for _, label in pairs]


class SUN397(LabelledFiles):
    """Photographs of 397 kinds of scenes, 108,754 in all, in `root/SUN397`.

    Arguments as for `LabelledFiles`; there is no `split`. The images are sorted by path.
    Source: J. Xiao et al., "SUN database: large-scale scene recognition from abbey to zoo", CVPR 2010.
    """

    _ARCHIVES = [("http://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz", "8ca2778205c41d23104230ba66911c7a")]

    def _needed(self) -> list[Path]:
        return [Path(self.root) / "SUN397"]

    def _list(self) -> tuple[list[Any], list[Any]]:
        folder = self._needed()[0]
        self.classes = [line[3:].strip() for line in read_lines(folder / "ClassName.txt")]      # `/a/abbey`
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        files = sorted(folder.rglob("sun_*.jpg"))
        names = ["/".join(path.relative_to(folder).parts[1:-1]) for path in files]
        strange = [path for path, name in zip(files, names) if name not in self.class_to_idx]
        if strange:
            raise damaged(folder / "ClassName.txt", f"it has no class for {strange[0]}")
        return list(files), [self.class_to_idx[name] for name in names]


class Flowers102(_Split):
    """Photographs of 102 kinds of flowers: 1,020 to train on, 1,020 to validate, 6,149 to test with.

    They are in `root/flowers-102`. split: 'train', 'val' or 'test'. Other arguments as for `LabelledFiles`.
    Source: M. Nilsback, A. Zisserman, "Automated flower classification over a large number of classes", 2008.
    """

    _SPLITS = ("train", "val", "test")
    _download_url_prefix = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
    _file_dict: ClassVar[dict[str, tuple[str, str]]] = {
        "image": ("102flowers.tgz", "52808999861908f626f3c1f4e79d11fa"),
        "label": ("imagelabels.mat", "e0620be6f572b9609742df49c70aed4d"),
        "setid": ("setid.mat", "a5357ecc9cb78c4bef273ce3793fc85c"),
    }
    _splits_map: ClassVar[dict[str, str]] = {"train": "trnid", "val": "valid", "test": "tstid"}
    classes: ClassVar[list[str]] = [
        "pink primrose", "hard-leaved pocket orchid", "canterbury bells", "sweet pea", "english marigold",
        "tiger lily", "moon orchid", "bird of paradise", "monkshood", "globe thistle", "snapdragon", "colt's foot",
        "king protea", "spear thistle", "yellow iris", "globe-flower", "purple coneflower", "peruvian lily",
        "balloon flower", "giant white arum lily", "fire lily", "pincushion flower", "fritillary", "red ginger",
        "grape hyacinth", "corn poppy", "prince of wales feathers", "stemless gentian", "artichoke", "sweet william",
        "carnation", "garden phlox", "love in the mist", "mexican aster", "alpine sea holly", "ruby-lipped cattleya",
        "cape flower", "great masterwort", "siam tulip", "lenten rose", "barbeton daisy", "daffodil", "sword lily",
        "poinsettia", "bolero deep blue", "wallflower", "marigold", "buttercup", "oxeye daisy", "common dandelion",
        "petunia", "wild pansy", "primula", "sunflower", "pelargonium", "bishop of llandaff", "gaura", "geranium",
        "orange dahlia", "pink-yellow dahlia?", "cautleya spicata", "japanese anemone", "black-eyed susan",
        "silverbush", "californian poppy", "osteospermum", "spring crocus", "bearded iris", "windflower",
        "tree poppy", "gazania", "azalea", "water lily", "rose", "thorn apple", "morning glory", "passion flower",
        "lotus", "toad lily", "anthurium", "frangipani", "clematis", "hibiscus", "columbine", "desert-rose",
        "tree mallow", "magnolia", "cyclamen", "watercress", "canna lily", "hippeastrum", "bee balm", "ball moss",
        "foxglove", "bougainvillea", "camellia", "mallow", "mexican petunia", "bromelia", "blanket flower",
        "trumpet creeper", "blackberry lily",
    ]

    @property
    def _archive_root(self) -> Path:
        return Path(self.root) / "flowers-102"

    def _needed(self) -> list[Path]:
        return [self._archive_root / name for name in ("jpg", "imagelabels.mat", "setid.mat")]

    def _wrong(self) -> list[str]:
        return [f"{self._archive_root / name} is not the published file"
                for name, md5 in (self._file_dict["label"], self._file_dict["setid"])
                if not check_integrity(self._archive_root / name, md5)]

    def download(self) -> None:
        """Get the images, the labels and the split, unless they are there and right."""
        if not self._check_exists() or self._wrong():
            name, md5 = self._file_dict["image"]
            download_and_extract_archive(self._download_url_prefix + name, self._archive_root, md5=md5)
            for name, md5 in (self._file_dict["label"], self._file_dict["setid"]):
                download_url(self._download_url_prefix + name, self._archive_root, md5=md5)

    def _list(self) -> tuple[list[Any], list[Any]]:
        for wrong in self._wrong():
            raise self._not_found(wrong)
        images, labels, split = self._needed()
        numbers = read_mat(split, self._splits_map[self._split], squeeze_me=True)
        of_all = read_mat(labels, "labels", squeeze_me=True)
        with reading(split, "it names images without a label"):
            if len(numbers) and not (numbers.min() >= 1 and numbers.max() <= len(of_all)):
                raise ValueError(f"numbers from {numbers.min()} to {numbers.max()}, {len(of_all)} labels")
            return ([images / f"image_{number:05d}.jpg" for number in numbers.tolist()],
                    (of_all[numbers - 1].astype(int) - 1).tolist())


class StanfordCars(_Split):
    """Photographs of cars of 196 kinds: 8,144 to train on and 8,041 to test with, in `root/stanford_cars`.

    split: 'train' or 'test'. Other arguments as for `LabelledFiles`. Its publisher took the archives away, so
    `download=True` is an error: put `devkit/`, `cars_train/`, `cars_test/` and `cars_test_annos_withlabels.mat` there.
    Source: J. Krause, M. Stark, J. Deng, L. Fei-Fei, "3D object representations for fine-grained categorization", 2013.
    """

    _SPLITS = ("train", "test")

    def _needed(self) -> list[Path]:
        folder = Path(self.root) / "stanford_cars"
        labels = "devkit/cars_train_annos.mat" if self._split == "train" else "cars_test_annos_withlabels.mat"
        return [folder / "devkit", folder / labels, folder / f"cars_{self._split}"]

    def download(self) -> None:
        """Refuse. Errors: ValueError."""
        raise ValueError("The original URL is broken so the StanfordCars dataset cannot be downloaded anymore.")

    def _not_found(self, what: str) -> RuntimeError:
        return RuntimeError(f"StanfordCars: Dataset not found. {what}; get it from elsewhere")

    def _list(self) -> tuple[list[Any], list[Any]]:
        devkit, file, images = self._needed()
        names = devkit / "cars_meta.mat"
        rows = read_mat(file, "annotations", squeeze_me=True)
        with reading(names):
            self.classes = read_mat(names, "class_names", squeeze_me=True).tolist()
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        with reading(file, "it has no fields fname and class"):
            files = [inside(images, str(row["fname"]), file) for row in rows]
            labels = [int(row["class"]) - 1 for row in rows]
        if not all(0 <= label < len(self.classes) for label in labels):
            raise damaged(file, f"expected classes from 1 to {len(self.classes)}")
        return files, labels

    def extra_repr(self) -> str:
        return ""


class CLEVRClassification(_Split):
    """Drawn scenes of simple bodies; the label is how many there are: 70,000 to train on, in `root/clevr/CLEVR_v1.0`.

    split: 'train', 'val' (15,000) or 'test' (15,000, whose labels are None). Other arguments as for `LabelledFiles`.
    Source: J. Johnson et al., "CLEVR: a diagnostic dataset for compositional language and elementary visual reasoning",
    CVPR 2017.
    """

    _ARCHIVES = [("https://dl.fbaipublicfiles.com/clevr/CLEVR_v1.0.zip", "b11922020e72d0cd9154779b2d3d07d2")]
    _SPLITS = ("train", "val", "test")

    @property
    def _archive_root(self) -> Path:
        return Path(self.root) / "clevr"

    def _needed(self) -> list[Path]:
        return [self._archive_root / "CLEVR_v1.0"]

    def _list(self) -> tuple[list[Any], list[Any]]:
        folder = self._needed()[0]
        files = sorted((folder / "images" / self._split).glob("*"))
        if self._split == "test":
            return list(files), [None] * len(files)
        scenes = folder / "scenes" / f"CLEVR_{self._split}_scenes.json"
        with reading(scenes, "it has no scenes with image_filename and objects"):
            counts = {scene["image_filename"]: len(scene["objects"]) for scene in read_json(scenes)["scenes"]}
        unknown = [path for path in files if path.name not in counts]
        if unknown:
            raise damaged(scenes, f"it has no scene of {unknown[0].name}")
        return list(files), [counts[path.name] for path in files]
