"""The examples' data sets by name, as arrays in memory, and batches."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from minidl.cli import ending
from minidl.nn.functional import avg_pool2d, interpolate, pad
from minidl.tensors.creation import arange, as_tensor, randperm
from minidl.tensors.tensor import Tensor
from minidl.vision.datasets import CIFAR10, MNIST, Digits, FashionMNIST, ImageFolder, TinyPlaces
from minidl.vision.datasets.base.images import InMemoryImages
from minidl.vision.datasets.folder import open_image


class Images(NamedTuple):
    """Images (N, C, H, W) of uint8, labels (N,), names of the classes."""

    x: Tensor
    y: Tensor
    classes: list[str]


class ImageData(NamedTuple):
    """A data set: images to train on and to test with.

    mean, std: of each channel (C, 1, 1), on the device. mirrored: whether an image in a mirror shows the same class.
    """

    train: Images
    test: Images
    mean: Tensor
    std: Tensor
    mirrored: bool

    @property
    def channels(self) -> int:
        return self.train.x.shape[1]

    @property
    def size(self) -> int:
        return self.train.x.shape[-1]

    @property
    def classes(self) -> list[str]:
        return self.train.classes

    def normalise(self, images: Tensor) -> Tensor:
        """Images for a network: on the device, float32, normalised by channel."""
        return (images.to(self.mean.device).float() / 255 - self.mean) / self.std

    def coloured(self) -> ImageData:
        """The data set with grey images repeated in three channels."""
        if self.channels == 3:
            return self
        train, test = (part._replace(x=part.x.expand(-1, 3, -1, -1)) for part in (self.train, self.test))
        return self._replace(train=train, test=test)

    def enlarged(self, least: int) -> ImageData:
        """The data set with images of at least `least` pixels a side.

        They grow by a whole factor, for networks with much pooling.
        """
        times = -(-least // self.size)
        if times == 1:
            return self
        train, test = (part._replace(x=interpolate(part.x.float(), scale_factor=times, mode="bilinear").byte())
                       for part in (self.train, self.test))
        return self._replace(train=train, test=test)

    def halved(self) -> ImageData:
        """The data set with images of half the size, each pixel the mean of four: a quarter of the work."""
        train, test = (part._replace(x=avg_pool2d(part.x.float(), 2).round().byte())
                       for part in (self.train, self.test))
        return self._replace(train=train, test=test)

    def framed(self, size: int) -> ImageData:
        """The data set with a black frame that makes smaller images `size` pixels wide and high.

        A network that halves its images several times divides 32 pixels without a rest, but not 28.
        """
        missing = max(0, size - self.size)
        sides = [missing // 2, missing - missing // 2] * 2
        train, test = (part._replace(x=pad(part.x, sides)) for part in (self.train, self.test))
        return self._replace(train=train, test=test)


def load(args: argparse.Namespace, say: bool = True) -> ImageData:
    """Load the data set that the options name.

    The program ends with one line if the files are missing or damaged.

    A CIFAR-10 with other checksums than the published ones is used, and `say` prints that it is another one.

        >>> from minidl.cli import arguments, images
        >>> data = images.load(arguments.parse("a lesson", {"digits": {}}, []))
        >>> data.train.x.shape, data.train.x.dtype, data.classes[:3]
        ((1438, 1, 8, 8), minidl.uint8, ['0', '1', '2'])
    """
    try:
        train, test = (arrays_of(_dataset(args, train, say)) for train in (True, False))
    except (RuntimeError, ValueError, OSError) as error:    # not there, damaged, no network, not allowed
        ending.no_data(error)
    if not (len(train.x) and len(test.x)):
        ending.stop(f"{args.dataset}: expected images in {args.data}, but there are {len(train.x)} to train on and "
                    f"{len(test.x)} to test with")
    some = train.x[:10_000].float() / 255
    mean, std = (statistic(some, (0, 2, 3)).reshape(-1, 1, 1).to(args.device)
                 for statistic in (Tensor.mean, Tensor.std))
    return ImageData(train, test, mean, std, mirrored=args.dataset in ("fashion", "cifar10", "tinyplaces"))


def _dataset(args: argparse.Namespace, train: bool, say: bool) -> InMemoryImages:
    if args.dataset == "digits":
        return Digits(train=train)
    if args.dataset == "tinyplaces":
        return TinyPlaces(args.data, train, args.size)
    if args.dataset == "cifar10":
        return _cifar10(args, train, say and train)
    return {"mnist": MNIST, "fashion": FashionMNIST}[args.dataset](args.data, train, download=args.download)


def _cifar10(args: argparse.Namespace, train: bool, say: bool) -> CIFAR10:
    folder = args.data.parent if args.data.name == CIFAR10.base_folder else args.data    # that folder itself will do
    try:
        return CIFAR10(folder, train, download=args.download)
    except RuntimeError:
        if args.download:
            raise
        data = CIFAR10(folder, train, verify=False)     # what it cannot read either, it says
    if say:
        print(f"cifar10: the files in {args.data} are not those that were published, but can be read; they are used")
    return data


def arrays_of(dataset: InMemoryImages) -> Images:
    """All images in one array, with values up to 255, and the labels."""
    array = np.asarray(dataset.data)
    if isinstance(dataset, Digits):
        array = np.rint(array * (255 / 16)).astype(np.uint8)
    return Images(_channels_first(array), as_tensor(np.asarray(dataset.targets, np.int64)), list(dataset.classes))


def _channels_first(array: np.ndarray) -> Tensor:
    """(N, H, W) or (N, H, W, C) -> (N, C, H, W)."""
    return as_tensor(np.ascontiguousarray(array[:, None] if array.ndim == 3 else array.transpose(0, 3, 1, 2)))


def photograph(path: Path, size: int, mode: str = "RGB", option: str = "--image") -> np.ndarray:
    """The middle square of any image file, as a viewer shows it: (size, size, 3) of uint8.

    It is turned as the camera was held; what is transparent lies on white; 16 bits a pixel become 8. mode: "L" for
    (size, size) in grey. Ends the program, which was given the path for `option`, if it is no image, or is damaged.

        >>> import tempfile
        >>> from minidl.cli import images
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGBA", (3, 2)).save(f"{folder}/nothing.png")
        ...     images.photograph(f"{folder}/nothing.png", 1).tolist()
        [[[255, 255, 255]]]
    """
    try:
        image = ImageOps.exif_transpose(open_image(path))
    except OSError as error:
        damaged = str(error).replace(" with is_valid_file=", "")
        ending.stop(f"{option}: {f'cannot read {path}: {error.strerror}' if error.strerror else damaged}")
    if image.mode[0] in "IF":           # more than 8 bits: whole numbers of 16, or fractions of 1
        whole = np.asarray(image) * (255 if image.mode == "F" else 1 / 257)
        image = Image.fromarray(np.rint(whole).clip(0, 255).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(ImageOps.fit(image.convert(mode), (size, size), Image.Resampling.BILINEAR))


class _Folders(ImageFolder):
    """Hidden folders, such as `.ipynb_checkpoints`, are no classes."""

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        classes = [name for name in super().find_classes(directory)[0] if not name.startswith(".")]
        return classes, {name: number for number, name in enumerate(classes)}


def folder_of(path: Path, like: ImageData) -> Images:
    """Read a folder that holds a folder of images for each class.

    Of each image the middle square is taken, as large and as colourful as the images of the data set `like`.

    Ends the program where a folder has the name of no class, or holds no images, or an image is damaged.
    """
    try:
        found = _Folders(path)
    except (OSError, ValueError, RuntimeError) as error:
        ending.stop(f"--evaluate {path}: {getattr(error, 'strerror', None) or error}")
    if unknown := sorted(set(found.classes) - set(like.classes)):
        ending.stop(f"--evaluate {path}: {', '.join(unknown[:3])} is no class of the data set; those are "
                    f"{', '.join(like.classes)}")
    mode = "L" if like.channels == 1 else "RGB"
    pixels = [photograph(Path(image), like.size, mode, f"--evaluate {path}") for image, _ in found.samples]
    labels = [like.classes.index(found.classes[label]) for label in found.targets]
    return Images(_channels_first(np.stack(pixels)), as_tensor(np.array(labels, np.int64)), like.classes)


class Batches:
    """Normalised batches of the training images of a data set in memory.

    batch_size: images in a batch; a last batch that is not full is left out, unless it is the only one.
    augment: `augment(images, indices=numbers)` gives new images (N, C, H, W) of uint8; see
    `minidl.vision.transforms.batched`. numbers: the images to use, all by default. prepare: what makes of them what the
    network sees; `data.normalise` by default.

        >>> from minidl.cli import arguments, images
        >>> data = images.load(arguments.parse("a lesson", {"digits": {}}, []))
        >>> batches = images.Batches(data, 100)
        >>> len(batches), next(iter(batches))[0].shape
        (14, (100, 1, 8, 8))
    """

    def __init__(self, data: ImageData, batch_size: int, augment: Callable[..., Tensor] | None = None,
                 numbers: Tensor | None = None, prepare: Callable[[Tensor], Tensor] | None = None) -> None:
        self.data, self.augment, self.prepare = data, augment, prepare or data.normalise
        self.numbers = arange(len(data.train.x)) if numbers is None else numbers
        self.batch_size = min(batch_size, len(self.numbers))

    def __len__(self) -> int:
        return len(self.numbers) // self.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = self.numbers[randperm(len(self.numbers))]
        for numbers in order.split(self.batch_size)[:len(self)]:
            images = self.data.train.x[numbers]
            if self.augment:
                images = self.augment(images, indices=numbers.numpy())
            yield self.prepare(images), self.data.train.y[numbers].to(self.data.mean.device)
