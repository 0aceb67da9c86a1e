"""Augment whole arrays of images, ten times faster than image by image.

Each transform takes images (N, C, H, W) or (N, H, W), tensors on the CPU or arrays, of uint8 or float32, and returns
new ones of the same kind. Every image has its own random draw. With labels it takes and returns both. N may be a batch
or a whole data set. NumPy does the work for all images together:

    augment = batched.Compose([batched.RandomCrop(padding=4, padding_mode="reflect"), batched.RandomHorizontalFlip(),
                               batched.Normalize(mean, std)])
    for images, labels in DataLoader(batched.Augmented(train, augment), batch_size=128, shuffle=True, num_workers=2):

Normalise images of bytes last: until then they need a quarter of the memory traffic.
"""
from __future__ import annotations

from minidl.vision.transforms.batched.base import Augmented, Batched, Compose, Images
from minidl.vision.transforms.batched.color import ColorJitter, Normalize, RandomGrayscale
from minidl.vision.transforms.batched.geometry import (
    AlternatingFlip,
    Cutout,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomShift,
    flip,
    pad,
)
from minidl.vision.transforms.batched.mix import CutMix, MixUp

__all__ = [
    "AlternatingFlip", "Augmented", "Batched", "ColorJitter", "Compose", "CutMix", "Cutout", "Images", "MixUp",
    "Normalize", "RandomCrop", "RandomGrayscale", "RandomHorizontalFlip", "RandomResizedCrop", "RandomShift", "flip",
    "pad",
]
