"""Keypoints matched: two views of one point shall look alike to a network, which a known warp gives for free.

Who bends an image knows which of its points are the same, as who scans a room knows it of his pictures (Chang et al.,
"Matterport3D", 2017). A small network learns descriptors of patches from such pairs by a triplet loss with the hardest
other patch of the batch (Mishchuk et al., 2017). It is compared with plain pixels and with histograms of gradients, the
descriptor of SIFT for upright patches (Lowe, 1999): how many other patches are taken for the same if 95 % of the same
ones shall be found?

    python examples/free_labels/matching.py
    python examples/free_labels/matching.py --dataset tinyplaces --data DIR --size 64 --compiled --plot plots
"""
import sys

import numpy as np
import probe
from patches import SIDE, gradients, pairs, pixels

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, training
from minidl.cli.classification import in_batches
from minidl.nn import functional as F
from minidl.train import plots
from minidl.train.objective import evaluated

DEFAULTS = {
    "shapes": {"epochs": 5, "batch_size": 128, "lr": 3e-3},
    "cifar10": {"epochs": 20, "batch_size": 128, "lr": 3e-3},
    "tinyplaces": {"epochs": 20, "batch_size": 128, "lr": 3e-3},
}
STEPS = 40          # in an epoch
TESTED = 2000               # pairs of patches


class Descriptor(nn.Sequential):
    """Descriptors (N, 64) of length 1."""

    def __init__(self):
        layers = []
        for inputs, outputs, stride in ((1, 32, 1), (32, 64, 2), (64, 64, 2)):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        super().__init__(*layers, nn.Flatten(), nn.Linear(64 * (SIDE // 4) ** 2, 64))

    def forward(self, x):
        mean, std = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
        return F.normalize(super().forward((x - mean) / (std + 1e-3)))


class Pairs:
    """Batches of two views, drawn anew each time."""

    def __len__(self):
        return STEPS

    def __iter__(self):
        for _ in range(STEPS):
            yield [view.to(args.device) for view in pairs(data.train, args.batch_size)]


def objective(model, first, second):
    a, b = model(first), model(second)
    with minidl.no_grad():
        others = minidl.cdist(a, b) + 10 * minidl.eye(len(a)).to(a.device)
    return F.triplet_margin_loss(a, b, b[others.argmin(1)]), {}


def distances(describe):
    """Of the same points, and of each and the next one's."""
    a, b = (describe(view) for view in test)
    return (a - b).norm(dim=1).numpy(), (a - b.roll(1, 0)).norm(dim=1).numpy()


def error(same, other):
    """The share of others that are as near as 95 % of the same are."""
    return float((other <= np.quantile(same, 0.95)).mean())


def learned(x):
    return evaluated(model, lambda: in_batches(lambda part: model(part.to(args.device)), x)).cpu()


def compared(path):
    """Some pairs, and the distances by each descriptor."""
    figure = plots.figure(11, 5)
    above, below = figure.subfigures(2, 1)
    for axes, image in zip(above.subplots(2, 12).T.flat, minidl.stack([v[:12, 0] for v in test], 1).flatten(0, 1)):
        axes.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
    above.suptitle("points in one view (above) and another (below)", fontsize=10)
    for axes, (name, (same, other)) in zip(below.subplots(1, 3), found.items()):
        axes.hist([same, other], bins=40, histtype="stepfilled", alpha=0.6, label=["the same point", "another"])
        axes.axvline(np.quantile(same, 0.95), color="k", linestyle="--")
        axes.set(title=f"{name}: error {error(same, other):.1%}", xlabel="distance", yticks=[])
    below.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)
    plots.save(figure, path)


args = arguments.parse(__doc__, DEFAULTS, extra=probe.add_images)
data = probe.load(args)
test = pairs(data.test, TESTED)
model = Descriptor().to(args.device)
ways = {"pixels": pixels, "gradients": gradients, "learned": learned}
print(f"{args.dataset}: error at 95 % recall of {TESTED:,} pairs, before learning {error(*distances(learned)):.1%}")
optimizer = optim.AdamW(model.parameters(), lr=args.lr)
schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, args.epochs * STEPS)
history, interrupted = training.fit(args, model, Pairs(), objective, optimizer, args.epochs, schedule=schedule,
                                    evaluate=lambda: {"error": error(*distances(learned))})
found = {name: distances(describe) for name, describe in ways.items()}
print(", ".join(f"{name} {error(*two):.1%}" for name, two in found.items()))
if args.plot:
    classification.draw(args.plot, {**classification.curves(history), "compared": compared})
sys.exit(130 if interrupted else 0)
