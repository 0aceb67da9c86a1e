"""Digits on black canvases, for detectors to find."""
from __future__ import annotations

import numpy as np

import minidl
from minidl.cli import ending
from minidl.vision.datasets import MNIST, DigitCanvas, Digits


class Canvases:
    """Images (N, 1, H, W) from 0 to 1, and a dict of `boxes` and `labels` for each; label 0 is the background."""

    size = (64, 64)
    sides = (12, 20, 30)                        # of boxes, roughly
    sides_of_maps = (18, 26, 36, 50)            # of boxes on maps 8, 16 and 32 times smaller than the image, and beyond
    ratios = (0.5, 1.0, 2.0)                    # of their height and width
    most = 20                                   # objects of an image
    widths = (16, 32, 64, 64)                   # channels of the trunk
    mean, std = [0.1], [0.3]

    def __init__(self, args, split):
        train = split == "train"
        try:
            digits = Digits(train) if args.dataset == "digits" else MNIST(args.data, train, download=args.download)
        except (RuntimeError, ValueError, OSError) as error:
            ending.no_data(error)
        scale = (2.0, 3.5) if args.dataset == "digits" else (0.6, 1.1)
        count = args.images if train else min(args.images // 2, 500)
        data = DigitCanvas(digits, count, self.size[0], (1, 3), scale, seed=0 if train else 1)
        samples = [data[i] for i in range(len(data))]
        pixels = np.stack([np.asarray(image, np.float32) for image, _ in samples])
        self.x = minidl.tensor(pixels[:, None] / 255).to(args.device)
        self.targets = [{name: target[name].to(args.device) for name in ("boxes", "labels")} for _, target in samples]
        self.classes = [name.split()[0] for name in data.classes]

    def image(self, i):
        """What a detector is given."""
        return self.x[i]

    def to_learn(self, i):
        """An image and its target. They stay as they are: a mirrored digit is another one, or none."""
        return self.image(i), self.targets[i]
