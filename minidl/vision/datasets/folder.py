"""DatasetFolder and ImageFolder: a folder for each class."""
from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from minidl.autograd.errors import annotate
from minidl.vision.datasets.vision import VisionDataset

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def has_file_allowed_extension(filename: str, extensions: str | Sequence[str]) -> bool:
    """Whether a file's name ends in an extension, in any case.

        >>> has_file_allowed_extension("a/B.JPG", (".jpg", ".png"))
        True
    """
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether a file's name is an image's (`IMG_EXTENSIONS`)."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: str | Path) -> tuple[list[str], dict[str, int]]:
    """The names of all folders in a folder, sorted, and their numbers.

    Errors: FileNotFoundError if there is none.
    """
    classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(directory: str | Path, class_to_idx: dict[str, int] | None = None,
                 extensions: str | Sequence[str] | None = None,
                 is_valid_file: Callable[[str], bool] | None = None,
                 allow_empty: bool = False) -> list[tuple[str, int]]:
    """All samples in folders named after classes: `(path, class)`, sorted by class, then by path.

    Errors: ValueError unless exactly one of extensions and is_valid_file is given, or if class_to_idx is empty;
    FileNotFoundError for classes without a file, unless allow_empty.
    """
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    elif not class_to_idx:
        raise ValueError("'class_to_index' must have at least one entry to collect any samples.")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    samples, empty = [], []
    for name in sorted(class_to_idx):
        paths = [os.path.join(folder, file)
                 for folder, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=True))
                 for file in sorted(files)]
        if is_valid_file is not None:
            paths = [path for path in paths if is_valid_file(path)]
        elif extensions is not None:
            paths = [path for path in paths if has_file_allowed_extension(path, extensions)]
        samples += [(path, class_to_idx[name]) for path in paths]
        if not paths:
            empty.append(name)
    if empty and not allow_empty:
        message = f"Found no valid file for the classes {', '.join(empty)}. "
        if extensions is not None:
            names = extensions if isinstance(extensions, str) else ", ".join(extensions)
            message += f"Supported extensions are: {names}"
        raise FileNotFoundError(message)
    return samples


def open_image(path: str | Path, mode: str | None = None) -> Image.Image:
    """An image file as a PIL image, with all its pixels read; in another mode, if one is given.

    Errors: OSError for a file that is no image, or is cut short; the message names the file.
    """
    try:
        with open(path, "rb") as file:
            image = Image.open(file)
            image.load()
            return image if mode is None else image.convert(mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:   # Pillow raises all of them
        if isinstance(error, OSError) and error.filename is not None:   # the file could not be opened
            raise
        raise OSError(f"cannot read {path}: it is no image, or it is damaged or cut short ({error}); "
                      "get it again, or leave it out with is_valid_file=") from error


def pil_loader(path: str | Path) -> Image.Image:
    """An image file as a PIL image in mode 'RGB'; errors as `open_image`."""
    return open_image(path, "RGB")


def default_loader(path: str | Path) -> Image.Image:
    """As `pil_loader`."""
    return pil_loader(path)


class DatasetFolder(VisionDataset[tuple[Any, Any]]):
    """Samples in files, in a folder for each class: `root/dog/x.ext`, `root/cat/sub/y.ext`.

    root: the folder of the classes' folders. loader: makes a sample from a path. extensions: which files are samples;
    is_valid_file: instead of extensions, a function from a path to whether it is a sample. transform, target_transform:
    applied to each sample and class number. allow_empty: allow classes without a file.

    `classes` are the folders' names, sorted, `class_to_idx` their numbers, `samples` all `(path, number)`, `targets`
    the numbers. A subclass may override `find_classes` and `make_dataset`.
    Errors: FileNotFoundError if there is no class, or a class has no file; ValueError unless exactly one of
    extensions and is_valid_file is given.
    """

    def __init__(self, root: str | Path, loader: Callable[[str], Any], extensions: Sequence[str] | None = None,
                 transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None,
                 is_valid_file: Callable[[str], bool] | None = None, allow_empty: bool = False) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        root = os.path.expanduser(root)
        self.classes, self.class_to_idx = self.find_classes(root)
        self.samples = self.make_dataset(root, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.loader = loader
        self.extensions = extensions
        self.targets = [target for _, target in self.samples]

    @staticmethod
    def make_dataset(directory: str | Path, class_to_idx: dict[str, int], extensions: Sequence[str] | None = None,
                     is_valid_file: Callable[[str], bool] | None = None,
                     allow_empty: bool = False) -> list[tuple[str, int]]:
        """All `(path, class number)`; see the function of the same name."""
        if class_to_idx is None:    # else the function would find classes itself, not by an overridden find_classes
            raise ValueError("The class_to_idx parameter cannot be None.")
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory: str | Path) -> tuple[list[str], dict[str, int]]:
        """The classes, and the number of each; see the function of the same name."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        sample = self.loader(path)
        try:
            return self.transformed(sample, target)
        except Exception as error:
            annotate(error, f"in the transforms, of {path}")
            raise

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images in a folder for each class: `root/dog/x.png`, `root/cat/sub/y.jpg`.

    As `DatasetFolder`, with files named as images (`IMG_EXTENSIONS`) and a loader that gives PIL images in mode
    'RGB'. `imgs` is another name for `samples`.

        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (root / name).mkdir()
        ...     Image.new("L", (4, 3)).save(root / name / "1.png")
        >>> images = ImageFolder(root)
        >>> images.classes, len(images), images[1][0].size, images[1][1]
        (['cat', 'dog'], 2, (4, 3), 1)
    """

    def __init__(self, root: str | Path, transform: Callable[[Any], Any] | None = None,
                 target_transform: Callable[[Any], Any] | None = None,
                 loader: Callable[[str], Any] = default_loader,
                 is_valid_file: Callable[[str], bool] | None = None, allow_empty: bool = False) -> None:
        super().__init__(root, loader, IMG_EXTENSIONS if is_valid_file is None else None, transform=transform,
                         target_transform=target_transform, is_valid_file=is_valid_file, allow_empty=allow_empty)
        self.imgs = self.samples
