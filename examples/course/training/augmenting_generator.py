"""An augmenting generator: it measures the images once, and then gives changed batches without end.

What a lecture's listing does with 22 arguments: centring and scaling by features or by samples, whitening (ZCA, with
1e-6), turns, shifts, brightness, shear, zoom, shifts of channels, mirrors, how gaps are filled, and a share of the
images kept for validation. `fit` measures the images once; `flow` gives batches, each image changed by one affine map.

    python examples/course/training/augmenting_generator.py
    python examples/course/training/augmenting_generator.py --dataset cifar10 --data DIR --plot plots
"""
import itertools
import math
from dataclasses import dataclass, replace

import minidl
from minidl import optim
from minidl.cli import images, lesson
from minidl.cli.classification import accuracy, draw, in_batches
from minidl.nn import functional as F
from minidl.train import plots
from minidl.vision import models

DEFAULTS = {name: {"epochs": 12, "batch_size": 32} for name in ("digits", "mnist", "cifar10")}
FILLED = {"constant": "zeros", "nearest": "border", "reflect": "reflection"}


@dataclass
class Generator:
    """Batches of changed images (N, C, H, W) of values from 0 to 1; the names are those of the listing."""

    featurewise_center: bool = False
    samplewise_center: bool = False
    featurewise_std_normalization: bool = False
    samplewise_std_normalization: bool = False
    zca_whitening: bool = False
    zca_epsilon: float = 1e-6
    rotation_range: float = 0.0             # degrees
    width_shift_range: float = 0.0          # of the width
    height_shift_range: float = 0.0
    brightness_range: tuple = (1.0, 1.0)
    shear_range: float = 0.0                # degrees
    zoom_range: float = 0.0
    channel_shift_range: float = 0.0
    fill_mode: str = "nearest"
    horizontal_flip: bool = False
    vertical_flip: bool = False
    validation_split: float = 0.0

    def fit(self, x):
        """Measure the mean, the deviation and the main directions of images."""
        self.mean = x.mean((0, 2, 3), keepdim=True) if self.featurewise_center else 0.0
        self.std = x.std((0, 2, 3), keepdim=True) + 1e-6 if self.featurewise_std_normalization else 1.0
        if self.zca_whitening:
            flat = ((x - self.mean) / self.std).flatten(1)
            variance, directions = minidl.linalg.eigh((flat.T @ flat / len(flat)).double())
            self.whiten = (directions / (variance.clamp(min=0) + self.zca_epsilon).sqrt() @ directions.T).float()
        return self

    def standardised(self, x):
        """What is done to all images, those of the test as well."""
        if self.samplewise_center:
            x = x - x.mean((1, 2, 3), keepdim=True)
        if self.samplewise_std_normalization:
            x = x / (x.std((1, 2, 3), keepdim=True) + 1e-6)
        x = (x - self.mean) / self.std
        return (x.flatten(1) @ self.whiten).view(x.shape) if self.zca_whitening else x

    def changed(self, x):
        """What is drawn anew for each image."""
        def draw_up_to(most):
            return (2 * minidl.rand(len(x)) - 1) * most
        turn, shear = (draw_up_to(math.radians(degrees)) for degrees in (self.rotation_range, self.shear_range))
        zoom = [1 + draw_up_to(self.zoom_range) for _ in range(2)]
        flips = [1 - 2 * (minidl.rand(len(x)) < 0.5 * flip).float()
                 for flip in (self.horizontal_flip, self.vertical_flip)]
        across, down = (2 * draw_up_to(share) for share in (self.width_shift_range, self.height_shift_range))
        rows = [minidl.stack([turn.cos() * zoom[0] * flips[0], -(turn + shear).sin() * zoom[1], across], 1),
                minidl.stack([turn.sin() * zoom[0], (turn + shear).cos() * zoom[1] * flips[1], down], 1)]
        places = F.affine_grid(minidl.stack(rows, 1), list(x.shape), align_corners=False)
        x = F.grid_sample(x, places, padding_mode=FILLED[self.fill_mode], align_corners=False)
        low, high = self.brightness_range
        x = x * (low + (high - low) * minidl.rand(len(x), 1, 1, 1))
        return (x + (2 * minidl.rand(len(x), x.shape[1], 1, 1) - 1) * self.channel_shift_range).clamp(0, 1)

    def flow(self, x, y, batch_size=32, subset="training"):
        """Batches without end; subset: "validation" for those of the last images, which are not changed."""
        kept = len(x) - int(self.validation_split * len(x))
        while True:
            order = minidl.randperm(kept) if subset == "training" else minidl.arange(kept, len(x))
            for numbers in order.split(batch_size):
                images = self.changed(x[numbers]) if subset == "training" else x[numbers]
                yield self.standardised(images), y[numbers]


def main():
    args = lesson.parse(__doc__, defaults=DEFAULTS)
    data = images.load(args)
    x, y = data.train.x.float() / 255, data.train.y
    base = Generator(featurewise_center=True, featurewise_std_normalization=True, validation_split=0.2)
    listing = replace(base, rotation_range=10, width_shift_range=0.1, height_shift_range=0.1,
                      horizontal_flip=data.mirrored)
    ways = {"centred and scaled": base, "the listing: turned, shifted": listing,
            "and sheared, zoomed, lit": replace(listing, shear_range=10, zoom_range=0.1, brightness_range=(0.7, 1.3)),
            "whitened": replace(base, featurewise_std_normalization=False, zca_whitening=True, zca_epsilon=0.01)}
    print("                               validation      test")
    kept = len(x) - int(0.2 * len(x))
    for name, generator in ways.items():
        minidl.manual_seed(args.seed)
        generator.fit(x[:kept])
        model = models.lenet_caffe(len(data.classes), data.channels, data.size)
        optimizer = optim.Adam(model.parameters(), lr=2e-3)
        batches = generator.flow(x, y, args.batch_size)
        for some, labels in itertools.islice(batches, args.epochs * kept // args.batch_size):
            optimizer.zero_grad()
            F.cross_entropy(model(some), labels).backward()
            optimizer.step()
        right = [accuracy(in_batches(lambda part, m=model, g=generator: m(g.standardised(part)), part), labels)
                 for part, labels in ((x[kept:], y[kept:]), (data.test.x.float() / 255, data.test.y))]
        print(f"{name:30} {right[0]:10.2%} {right[1]:9.2%}")

    def rows(path):
        shown = minidl.cat([x[:8], *(ways["and sheared, zoomed, lit"].changed(x[:8]) for _ in range(3))])
        plots.images(shown, path, caption="images, and three draws of each")
    if args.plot:
        draw(args.plot, {"draws": rows})


if __name__ == "__main__":
    main()
