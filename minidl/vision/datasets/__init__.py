"""Data sets with torchvision's names; `Digits` and synthetic ones need no download."""
from minidl.utils.download import download, extract_archive
from minidl.vision.datasets.canvas import DigitCanvas
from minidl.vision.datasets.cifar import CIFAR10, CIFAR100
from minidl.vision.datasets.digits import Digits
from minidl.vision.datasets.fakedata import FakeData
from minidl.vision.datasets.folder import DatasetFolder, ImageFolder
from minidl.vision.datasets.idx import read_idx
from minidl.vision.datasets.mnist import MNIST, FashionMNIST
from minidl.vision.datasets.places import TinyPlaces
from minidl.vision.datasets.shapes import SyntheticShapes
from minidl.vision.datasets.vision import VisionDataset

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "MNIST",
    "DatasetFolder",
    "DigitCanvas",
    "Digits",
    "FakeData",
    "FashionMNIST",
    "ImageFolder",
    "SyntheticShapes",
    "TinyPlaces",
    "VisionDataset",
    "download",
    "extract_archive",
    "read_idx",
]
