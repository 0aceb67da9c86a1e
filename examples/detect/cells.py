"""Blood cells under the microscope, or any folder in the layout of BCCD, for detectors to find."""
from __future__ import annotations

import numpy as np
from PIL import Image

import minidl
from minidl.cli import ending
from minidl.vision.datasets import BCCD
from minidl.vision.transforms import v2
from minidl.vision.tv_tensors import BoundingBoxes
from minidl.vision.tv_tensors import Image as Pixels

AUGMENT = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip(),        # a cell has no upper side
                      v2.RandomAffine(0, (0.1, 0.1), (0.8, 1.2), fill=0.7), v2.ClampBoundingBoxes(),
                      v2.SanitizeBoundingBoxes(3)])


class Cells:
    """Images (N, 3, H, W) from 0 to 1, made smaller, and a dict of `boxes` and `labels` for each."""

    size = (192, 256)
    sides = (16, 42, 76)
    sides_of_maps = (16, 42, 76, 114)
    ratios = (0.7, 1.0, 1.4)
    most = 80
    widths = (24, 48, 96, 96, 96)
    mean, std = [0.74, 0.70, 0.71], [0.06, 0.10, 0.07]

    def __init__(self, args, split):
        try:
            data = BCCD(args.data, split)
            self.classes = data.classes
            samples = [self.smaller(*sample) for sample in data]
        except (RuntimeError, ValueError, OSError) as error:
            ending.no_data(error)
        self.x = minidl.tensor(np.stack([image for image, _ in samples])).to(args.device)
        self.targets = [{name: value.to(args.device) for name, value in target.items()} for _, target in samples]

    def smaller(self, image, target):
        height, width = self.size
        pixels = np.asarray(image.resize((width, height), Image.Resampling.BOX), np.float32) / 255
        scale = minidl.tensor([width / image.width, height / image.height] * 2)
        return pixels.transpose(2, 0, 1), {**target, "boxes": target["boxes"] * scale}

    def image(self, i):
        """What a detector is given."""
        return self.x[i]

    def to_learn(self, i):
        """An image and its target, mirrored, moved, larger or smaller."""
        boxes = BoundingBoxes(self.targets[i]["boxes"], format="XYXY", canvas_size=self.size)
        image, target = AUGMENT(Pixels(self.x[i]), {**self.targets[i], "boxes": boxes})
        return image.as_subclass(minidl.Tensor), {**target, "boxes": target["boxes"].as_subclass(minidl.Tensor)}
