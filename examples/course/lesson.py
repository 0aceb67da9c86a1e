"""What the figures about networks and their training share: options, the digits, and a grid of axes."""
import argparse
from pathlib import Path

from minidl.cli import arguments, ending, images
from minidl.train import plots


def parse(description, extra=None, defaults=None):
    """The options of a program; with `defaults`, those of one that trains on images."""
    if defaults:
        return arguments.parse(description, defaults, extra=extra, keeps=False)
    ending.without_traceback()
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")
    if extra:
        extra(parser)
    return arguments.prepared(parser.parse_args())


def whole(parser, name, default, told, least=1):
    """Add an option that is a whole number."""
    parser.add_argument(f"--{name}", type=arguments.whole_number(least), default=default, metavar="N",
                        help=f"{told} (default: {default})")


def tensors(args):
    """Normalised images and labels to train on and to test with, on the device, and the data they are of."""
    data = images.load(args)
    parts = [(data.normalise(part.x), part.y.to(args.device)) for part in (data.train, data.test)]
    return (*parts[0], *parts[1], data)


def grid(rows, columns, width=2.4, height=2.2, **settings):
    """A figure and its axes (rows, columns)."""
    figure = plots.figure(width * columns, height * rows)
    return figure, figure.subplots(rows, columns, squeeze=False, **settings)
