"""`minidl convert`: images with boxes from one layout into another."""
from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli import ending
from minidl.vision.datasets import BoxedImages
from minidl.vision.datasets.boxed.folder import LAYOUTS


def add_convert(parser: argparse.ArgumentParser) -> None:
    """The options of `minidl convert`."""
    parser.description = BoxedImages.__doc__
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", type=Path, help="the folder to read")
    parser.add_argument("target", type=Path, help="the folder to write; images are copied")
    parser.add_argument("--from", dest="read", choices=list(LAYOUTS), required=True)
    parser.add_argument("--to", dest="written", choices=list(LAYOUTS), required=True)
    parser.add_argument("--split", default="train", metavar="NAME", help="the part to convert (default: train)")
    parser.add_argument("--classes", nargs="+", metavar="NAME", help="their names, in the order of their numbers")
    parser.set_defaults(run_command=convert)


def convert(args: argparse.Namespace) -> None:
    """Read, check and write."""
    try:
        data = BoxedImages(args.source, args.read, args.split, args.classes)
        data.write(args.target, args.written)
    except (ValueError, OSError) as error:
        ending.stop(f"convert: {error}")
    print(f"{len(data):,} images with {sum(len(each.boxes) for each in data.annotations):,} boxes of "
          f"{len(data.classes) - 1} classes are in {args.target}")
