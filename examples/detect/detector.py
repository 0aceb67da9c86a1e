"""One run of a detector on digits or on blood cells: what the examples here share."""
from __future__ import annotations

import time

import drawing
from canvases import Canvases
from cells import Cells

import minidl
from minidl import nn, optim
from minidl.cli import arguments, ending, training
from minidl.cli.classification import finish, load_weights, save
from minidl.metrics import MeanAveragePrecision


def parse(description, defaults):
    def add_options(parser):
        parser.add_argument("--images", type=arguments.whole_number(2), metavar="N",
                            help="canvases to learn from, and half as many, at most 500, to test on (default: 5,000, "
                                 "for digits 1,000)")
        parser.add_argument("--split", metavar="NAME", help="the list in ImageSets/Main of bccd, blood cells, to test "
                                                            "on (default: val)")
    args = arguments.parse(description, defaults, extra=add_options)
    args.images = args.images or (1000 if args.dataset == "digits" else 5000)
    if args.evaluate not in (None, "test"):
        ending.stop("--evaluate: leave its value out; --data and --split name the images to look at")
    if args.split and args.dataset != "bccd":
        ending.stop("--split is for --dataset bccd; canvases are made anew")
    args.split = args.split or ("val" if args.dataset == "bccd" else "test")
    return args


class Batches:
    """Lists of as many images and of their targets, in a new order each time, changed a little where that may be."""

    def __init__(self, data, size):
        self.data, self.size = data, size

    def __len__(self):
        return -(-len(self.data.x) // self.size)

    def __iter__(self):
        for numbers in minidl.randperm(len(self.data.x)).split(self.size):
            yield tuple(zip(*(self.data.to_learn(i) for i in numbers.tolist())))


def loss(net, images, targets):
    """The sum of the losses that the detector names."""
    return sum(net(images, targets).values()), {}


def trunk(data, *more, halvings=3):
    """A convolution for each of the widths, and of more; the first ones halve rows and columns."""
    layers, channels = [], len(data.mean)
    for i, width in enumerate((*data.widths, *more)):
        conv = nn.Conv2d(channels, width, 3, 2 if i < halvings else 1, 1, bias=False)
        layers += [conv, nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    net = nn.Sequential(*layers)
    net.out_channels = channels
    return net


class Run:
    """Trains a detector, as the options say, and shows what it finds.

    kind: of data; if not given, as `--dataset` says.
    """

    def __init__(self, args, kind=None):
        self.args = args
        kind = kind or (Cells if args.dataset == "bccd" else Canvases)
        self.test_data = kind(args, args.split)
        self.train_data = None if args.evaluate else kind(args, "train")
        self.data = self.train_data or self.test_data

    def train(self, net):
        """Returns figures of each epoch, and whether Ctrl-C came."""
        args, batches = self.args, Batches(self.train_data, self.args.batch_size)
        optimizer = optim.AdamW(net.parameters(), lr=args.lr, weight_decay=1e-4)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
        return training.fit(args, net, batches, loss, optimizer, args.epochs, schedule=schedule, clip_norm=5.0,
                            evaluate=lambda: figures(found(net, self.test_data, 100), self.test_data))

    def end(self, net):
        """Train, or look at weights; report, save, draw, and end the program."""
        args, data = self.args, self.test_data
        net.to(args.device)
        print(f"{args.dataset}: {len(self.train_data.x) if self.train_data else 0:,} training and {len(data.x):,} test "
              f"images of {data.size[1]}x{data.size[0]}; {type(net).__name__}: "
              f"{sum(p.numel() for p in net.parameters()):,} parameters")
        if args.weights:
            load_weights(net, args.weights, args.device)
        history, interrupted = ([], False) if args.evaluate else self.train(net)
        if args.save:
            save(net, args.save)
        start = time.perf_counter()
        results = found(net, data, len(data.x))
        seconds = time.perf_counter() - start

        def report():
            said = figures(results, data)
            print(f"mean average precision {said['mAP@.5']:.3f} at an overlap of 0.5, {said['mAP']:.3f} by COCO's "
                  f"rule, on {len(results)} test images, found in {1000 * seconds / len(results):.1f} ms each")
        finish(args, history, interrupted, report, {
            "found": lambda path: drawing.found(data, results, path),
            "precision_recall": lambda path: drawing.precision_recall(data, results, path)})


@minidl.no_grad()
def found(net, data, count):
    """Boxes, labels and scores of the first images."""
    net.eval()
    numbers = range(len(data.x))[:count]
    return [one for start in numbers[::50] for one in net([data.image(i) for i in numbers[start:start + 50]])]


def figures(results, data):
    """COCO's mean average precision on the first images of the data."""
    metric = MeanAveragePrecision()
    metric.update([{name: value.cpu() for name, value in one.items()} for one in results],
                  [{name: value.cpu() for name, value in one.items()} for one in data.targets[:len(results)]])
    result = metric.compute()
    return {"mAP@.5": result["map_50"].item(), "mAP": result["map"].item()}
