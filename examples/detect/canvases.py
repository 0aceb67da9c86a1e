"""Digits on canvases, and one run of a detector that finds them: what the examples here share."""
from __future__ import annotations

import sys

import drawing
import numpy as np

import minidl
from minidl import nn, optim
from minidl.cli import arguments, ending, training
from minidl.cli.classification import draw, load_weights, save
from minidl.metrics import MeanAveragePrecision
from minidl.train import plots
from minidl.vision.datasets import MNIST, DigitCanvas, Digits

CANVAS = 64


def parse(description, defaults):
    def add_options(parser):
        parser.add_argument("--images", type=arguments.whole_number(1), metavar="N",
                            help="canvases to learn from (default: 5,000, for digits 1,000)")
    args = arguments.parse(description, defaults, extra=add_options)
    args.images = args.images or (1000 if args.dataset == "digits" else 5000)
    if args.evaluate not in (None, "test"):
        ending.stop("--evaluate: only the test canvases can be looked at; leave its value out")
    return args


class Canvases:
    """Images (N, 1, H, W) from 0 to 1, and a dict of `boxes` and `labels` for each; label 0 is the background."""

    def __init__(self, args, train):
        try:
            digits = Digits(train) if args.dataset == "digits" else MNIST(args.data, train, download=args.download)
        except (RuntimeError, ValueError, OSError) as error:
            ending.stop(f"{str(error).rstrip('.')}; --data DIR names another folder")
        scale = (2.0, 3.5) if args.dataset == "digits" else (0.6, 1.1)
        data = DigitCanvas(digits, args.images if train else 500, CANVAS, (1, 3), scale, seed=0 if train else 1)
        samples = [data[i] for i in range(len(data))]
        pixels = np.stack([np.asarray(image, np.float32) for image, _ in samples])
        self.x = minidl.tensor(pixels[:, None] / 255).to(args.device)
        self.targets = [{name: target[name].to(args.device) for name in ("boxes", "labels")} for _, target in samples]


class Batches:
    """Lists of as many images, and of their targets, in a new order each time."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def __len__(self):
        return -(-len(self.data.x) // self.size)

    def __iter__(self):
        for numbers in minidl.randperm(len(self.data.x)).split(self.size):
            yield list(self.data.x[numbers]), [self.data.targets[i] for i in numbers.tolist()]


def loss(net, images, targets):
    """The sum of the losses that the detector names."""
    return sum(net(images, targets).values()), {}


def trunk():
    """16, 32 and 64 channels; a pixel of the last map stands for 8 x 8 of the image."""
    layers, channels = [], 1
    for width, stride in ((16, 2), (32, 2), (64, 2), (64, 1)):
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    net = nn.Sequential(*layers)
    net.out_channels = channels
    return net


class Run:
    """Trains a detector on canvases, as the options say, and shows what it finds."""

    def __init__(self, args, net):
        self.args, self.net = args, net
        self.train_data, self.test_data = Canvases(args, True), Canvases(args, False)
        print(f"{args.dataset}: {len(self.train_data.x):,} training and {len(self.test_data.x):,} test canvases of "
              f"{CANVAS}x{CANVAS}; {type(net).__name__}: {sum(p.numel() for p in net.parameters()):,} parameters")
        if args.weights:
            load_weights(net, args.weights, args.device)

    def train(self):
        """Returns figures of each epoch, and whether Ctrl-C came."""
        args, batches = self.args, Batches(self.train_data, self.args.batch_size)
        optimizer = optim.AdamW(self.net.parameters(), lr=args.lr, weight_decay=1e-4)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
        return training.fit(args, self.net, batches, loss, optimizer, args.epochs, schedule=schedule, clip_norm=5.0,
                            evaluate=lambda: figures(self.found(100), self.test_data))

    @minidl.no_grad()
    def found(self, count=None):
        """Boxes, labels and scores on the first test canvases."""
        self.net.eval()
        return [one for part in self.test_data.x[:count].split(50) for one in self.net(list(part))]

    def end(self):
        args = self.args
        history, interrupted = ([], False) if args.evaluate else self.train()
        if args.save:
            save(self.net, args.save)
        found = self.found()
        if interrupted:
            print(f"interrupted after {len(history)} of {args.epochs} epochs", file=sys.stderr)
        else:
            said = figures(found, self.test_data)
            print(f"mean average precision {said['mAP@.5']:.3f} at an overlap of 0.5, {said['mAP']:.3f} by COCO's "
                  f"rule, on {len(found)} test canvases")
        if args.plot:
            curves = {"curves": lambda path: plots.curves(history, path)} if history else {}
            some = self.test_data.x[:24].cpu()
            draw(args.plot, {**curves, "found": lambda path: drawing.found(some, found, path)})
        sys.exit(ending.CTRL_C if interrupted else 0)


def figures(found, data):
    """COCO's mean average precision on the first canvases of the data."""
    metric = MeanAveragePrecision()
    metric.update([{name: value.cpu() for name, value in one.items()} for one in found],
                  [{name: value.cpu() for name, value in one.items()} for one in data.targets[:len(found)]])
    result = metric.compute()
    return {"mAP@.5": result["map_50"].item(), "mAP": result["map"].item()}
