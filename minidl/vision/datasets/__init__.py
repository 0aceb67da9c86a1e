"""Data sets to learn from, with torchvision's names; `Digits` needs no download."""
from minidl.vision.datasets.digits import Digits
from minidl.vision.datasets.download import download, extract_archive
from minidl.vision.datasets.idx import read_idx
from minidl.vision.datasets.mnist import MNIST, FashionMNIST

__all__ = ["MNIST", "Digits", "FashionMNIST", "download", "extract_archive", "read_idx"]
