"""Images with values from 0 to 1, and a network that learned them, for the programs of this folder to look into."""
from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import scenes
from scenes import Images

import minidl
from minidl import nn, optim
from minidl.cli import arguments, classification, images
from minidl.nn import functional as F
from minidl.train import Classification, fit
from minidl.utils.data import DataLoader, TensorDataset
from minidl.vision import models

DEFAULTS = {
    "shapes": {"epochs": 15, "batch_size": 32, "lr": 1e-2},
    "digits": {"epochs": 20, "batch_size": 64, "lr": 5e-3},
    "mnist": {"epochs": 2, "batch_size": 128, "lr": 5e-3},
    "fashion": {"epochs": 3, "batch_size": 128, "lr": 5e-3},
    "cifar10": {"epochs": 10, "batch_size": 128, "lr": 5e-3},
    "tinyplaces": {"epochs": 15, "batch_size": 128, "lr": 5e-3},
}
PARTS = {"vit": lambda data: models.VisionTransformer(
             image_size=data.size, patch_size=max(2, data.size // 12), num_layers=3, num_heads=4, hidden_dim=64,
             mlp_dim=128, num_classes=len(data.classes)),
         "swin": lambda data: models.SwinTransformer(
             patch_size=[4, 4], embed_dim=32, depths=[2, 2], num_heads=[2, 4], window_size=[6, 6],
             stochastic_depth_prob=0.0, num_classes=len(data.classes)),
         "cct": lambda data: models.CCT(3, 4, 64, 2, 2, num_classes=len(data.classes), image_size=data.size)}


class Data(NamedTuple):
    train: Images
    test: Images
    classes: list[str]

    @property
    def size(self) -> int:
        return self.train.x.shape[-1]

    @property
    def channels(self) -> int:
        return self.train.x.shape[1]


class Net(nn.Module):
    """Four convolutions, the mean over all places, a linear layer: scores whose class activation map is exact."""

    def __init__(self, channels: int, classes: int, size: int) -> None:
        super().__init__()
        first = 7 if size >= 16 else 3
        widths = [channels, 16, 32, 64, 64]
        self.features = nn.Sequential()
        for number, (inputs, outputs) in enumerate(zip(widths, widths[1:]), 1):
            kernel = first if number == 1 else 3
            conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
            self.features.add_module(f"conv{number}", conv)
            self.features.add_module(f"norm{number}", nn.BatchNorm2d(outputs))
            self.features.add_module(f"relu{number}", nn.ReLU())
            if number < 3:
                self.features.add_module(f"pool{number}", nn.MaxPool2d(2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, classes)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        return self.fc(self.pool(self.features(2 * x - 1)).flatten(1))


def add_options(parser) -> None:
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of the network, which does not learn then")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the trained weights to FILE")
    parser.add_argument("--images", type=arguments.whole_number(20), metavar="N",
                        help="to learn from (default: 2,000 scenes of shapes; all of other data)")


def load(args) -> Data:
    """The data set that the options name."""
    if args.dataset == "shapes":
        count = args.images or 2000
        return Data(scenes.to_learn(count, args.seed), scenes.draw(min(400, count), args.seed + 1), list(scenes.KINDS))
    data = images.load(args)
    train, test = (Images(part.x[:number].float() / 255, part.y[:number])
                   for part, number in ((data.train, args.images), (data.test, None)))
    return Data(train, test, data.classes)


def learned(args, data: Data, make=None, check=lambda model: None) -> nn.Module:
    """A network that has learned the data, or read `--weights`; check: refuses options that do not fit it, before."""
    model = (make(data) if make else Net(data.channels, len(data.classes), data.size)).to(args.device)
    check(model)
    if args.weights:
        classification.load_weights(model, args.weights, args.device)
    else:
        train(model, data.train, args)
    model.eval()
    if args.save:
        classification.save(model, args.save)
    print(f"{type(model).__name__}: {sum(p.numel() for p in model.parameters()):,} parameters, test accuracy "
          f"{accuracy(model, data.test, args.device):.2%} of {len(data.test.x):,} images")
    return model


def train(model: nn.Module, part: Images, args, objective=None) -> None:
    """Adam, with a rate that rises and falls once. Of scenes it learns which kinds there are, of others the class."""
    batches = DataLoader(TensorDataset(part.x.to(args.device), part.y.to(args.device)), args.batch_size, shuffle=True)
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))

    def mirrored(model, x, y):
        """The loss of a batch in a mirror, where that changes no class."""
        turns = minidl.rand(3) < 0.5
        if args.dataset in ("shapes", "cifar10", "tinyplaces") and turns[0]:
            x = x.flip(3)
        if args.dataset == "shapes":
            x = x.flip(2) if turns[1] else x
            x = x.transpose(2, 3) if turns[2] else x
        if y.ndim == 2:
            return F.binary_cross_entropy_with_logits(model(x), y), {}
        return Classification()(model, x, y)
    fit(model, batches, objective or mirrored, optimizer, args.epochs, schedule=schedule, show=True)


def scores(model, x: minidl.Tensor, device="cpu") -> minidl.Tensor:
    """The scores of all images, without gradients."""
    return classification.in_batches(lambda part: model(part.to(device)), x).cpu()


def accuracy(model, part: Images, device="cpu") -> float:
    return classification.accuracy(scores(model, part.x, device), part.y)


def parse(doc: str, extra=lambda parser: None, defaults=DEFAULTS):
    """The options of the programs of this folder."""
    def both(parser) -> None:
        add_options(parser)
        extra(parser)
    return arguments.parse(doc, defaults, extra=both, keeps=False)
