"""Data sets with torchvision's names; `Digits` and synthetic ones need no download."""
from minidl.utils.download import download, extract_archive
from minidl.vision.datasets import utils
from minidl.vision.datasets.base.idx import read_idx
from minidl.vision.datasets.beyond_torchvision.camvid import CamVid
from minidl.vision.datasets.beyond_torchvision.canvas import DigitCanvas
from minidl.vision.datasets.beyond_torchvision.digits import Digits
from minidl.vision.datasets.beyond_torchvision.places import TinyPlaces
from minidl.vision.datasets.beyond_torchvision.shapes import SyntheticShapes
from minidl.vision.datasets.beyond_torchvision.solids import SyntheticSolids
from minidl.vision.datasets.boxed import BoxedImages
from minidl.vision.datasets.caltech import Caltech101, Caltech256
from minidl.vision.datasets.celeba import CelebA
from minidl.vision.datasets.cifar import CIFAR10, CIFAR100
from minidl.vision.datasets.cityscapes import Cityscapes
from minidl.vision.datasets.coco import CocoCaptions, CocoDetection
from minidl.vision.datasets.fakedata import FakeData
from minidl.vision.datasets.flickr import Flickr8k, Flickr30k
from minidl.vision.datasets.folder import DatasetFolder, ImageFolder
from minidl.vision.datasets.imagenet import ImageNet
from minidl.vision.datasets.labelled.classfolders import GTSRB, Country211, EuroSAT, Imagenette, RenderedSST2
from minidl.vision.datasets.labelled.fer2013 import FER2013
from minidl.vision.datasets.labelled.inaturalist import INaturalist
from minidl.vision.datasets.labelled.kitti import Kitti
from minidl.vision.datasets.labelled.listed import (
    DTD,
    SUN397,
    CLEVRClassification,
    FGVCAircraft,
    Flowers102,
    Food101,
    StanfordCars,
)
from minidl.vision.datasets.labelled.oxford_iiit_pet import OxfordIIITPet
from minidl.vision.datasets.labelled.pcam import PCAM
from minidl.vision.datasets.labelled.places365 import Places365
from minidl.vision.datasets.labelled.widerface import WIDERFace
from minidl.vision.datasets.lfw import LFWPairs, LFWPeople
from minidl.vision.datasets.mnist import EMNIST, KMNIST, MNIST, QMNIST, FashionMNIST, MovingMNIST
from minidl.vision.datasets.omniglot import Omniglot
from minidl.vision.datasets.phototour import PhotoTour
from minidl.vision.datasets.sbd import SBDataset
from minidl.vision.datasets.sbu import SBU
from minidl.vision.datasets.semeion import SEMEION
from minidl.vision.datasets.stl10 import STL10
from minidl.vision.datasets.svhn import SVHN
from minidl.vision.datasets.usps import USPS
from minidl.vision.datasets.vision import VisionDataset
from minidl.vision.datasets.voc import BCCD, VOCDetection, VOCSegmentation
from minidl.vision.datasets.wrap import wrap_dataset_for_transforms_v2

__all__ = [
    "BCCD",
    "CIFAR10",
    "CIFAR100",
    "DTD",
    "EMNIST",
    "FER2013",
    "GTSRB",
    "KMNIST",
    "MNIST",
    "PCAM",
    "QMNIST",
    "SBU",
    "SEMEION",
    "STL10",
    "SUN397",
    "SVHN",
    "USPS",
    "BoxedImages",
    "CLEVRClassification",
    "Caltech101",
    "Caltech256",
    "CamVid",
    "CelebA",
    "Cityscapes",
    "CocoCaptions",
    "CocoDetection",
    "Country211",
    "DatasetFolder",
    "DigitCanvas",
    "Digits",
    "EuroSAT",
    "FGVCAircraft",
    "FakeData",
    "FashionMNIST",
    "Flickr8k",
    "Flickr30k",
    "Flowers102",
    "Food101",
    "INaturalist",
    "ImageFolder",
    "ImageNet",
    "Imagenette",
    "Kitti",
    "LFWPairs",
    "LFWPeople",
    "MovingMNIST",
    "Omniglot",
    "OxfordIIITPet",
    "PhotoTour",
    "Places365",
    "RenderedSST2",
    "SBDataset",
    "StanfordCars",
    "SyntheticShapes",
    "SyntheticSolids",
    "TinyPlaces",
    "VOCDetection",
    "VOCSegmentation",
    "VisionDataset",
    "WIDERFace",
    "download",
    "extract_archive",
    "read_idx",
    "utils",
    "wrap_dataset_for_transforms_v2",
]
