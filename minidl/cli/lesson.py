"""The options and the drawing of short programs that show one figure of a course."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minidl.cli import arguments, ending, images
from minidl.tensors.tensor import Tensor
from minidl.train import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def parse(description: str, extra: Callable[[argparse.ArgumentParser], object] | None = None,
          defaults: arguments.Defaults | None = None) -> argparse.Namespace:
    """The options of a program, read and checked: `--seed`, `--device`, `--plot`. Seeds all random numbers.

    extra: adds further options to the parser. defaults: of each data set, for a program that trains on images.
    """
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


def whole(parser: argparse.ArgumentParser, name: str, default: int, told: str, least: int = 1) -> None:
    """Add an option that is a whole number."""
    parser.add_argument(f"--{name}", type=arguments.whole_number(least), default=default, metavar="N",
                        help=f"{told} (default: {default})")


def tensors(args: argparse.Namespace) -> tuple[Tensor, Tensor, Tensor, Tensor, images.ImageData]:
    """Normalised images and labels to train on, and to test with, on the device; and the data that they are of."""
    data = images.load(args)
    train, test = ((data.normalise(part.x), part.y.to(args.device)) for part in (data.train, data.test))
    return (*train, *test, data)


def grid(rows: int, columns: int, width: float = 2.4, height: float = 2.2) -> tuple[Figure, Any]:
    """A figure and its axes (rows, columns); width and height are those of one of them, in inches."""
    figure = plots.figure(width * columns, height * rows)
    return figure, figure.subplots(rows, columns, squeeze=False)
