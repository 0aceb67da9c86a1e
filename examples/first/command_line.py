"""The command line of the examples. What cannot work is refused before anything is computed, in one line."""
from __future__ import annotations

import argparse
import contextlib
import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import early_end  # comes before what takes time to import
import plots

import minidl


def parse(description: str, epochs: int | None = None, batch_size: int | None = None, lr: float | None = None,
          ks: Sequence[int] | None = None) -> argparse.Namespace:
    """The arguments of an example. The numbers are defaults; what an example does not have is None, and no option."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", choices=["digits", "mnist"], default="digits",
                        help="digits: 1,797 images of 8x8, inside the package; mnist: 70,000 of 28x28")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where MNIST lies (default: data)")
    parser.add_argument("--download", action="store_true", help="download MNIST into DIR if it is not there")
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")
    if epochs is not None:
        parser.add_argument("--epochs", type=whole_number(1), default=epochs, metavar="N", help=f"default: {epochs}")
        parser.add_argument("--max-steps", type=whole_number(1), metavar="N", help="stop after N steps, to try things")
        parser.add_argument("--batch-size", type=whole_number(1), default=batch_size, metavar="N",
                            help=f"images in a step (default: {batch_size})")
        parser.add_argument("--lr", type=positive_number, default=lr, help=f"learning rate at first (default: {lr})")
        parser.add_argument("--save", type=Path, metavar="FILE", help="write the trained parameters to FILE")
    if ks is not None:
        parser.add_argument("--k", type=whole_number(1, 1000), nargs="+", default=ks, metavar="K",
                            help="which k to compare")
    args = parser.parse_args()

    if args.dataset == "digits" and (args.data or args.download):
        early_end.stop("--data and --download are for --dataset mnist; the digits are part of the package")
    args.data = args.data or Path("data")
    try:
        minidl.zeros(1, device=args.device)
    except RuntimeError as error:
        early_end.stop(f"--device {args.device}: {error}")
    if args.plot:
        if not plots.can_draw():
            early_end.stop("--plot needs matplotlib; try: pip install 'minidl[plot]'")
        check_folder("--plot", args.plot)
    if epochs is not None and args.save:
        if args.save.is_dir():
            early_end.stop(f"--save: {args.save} is a folder; name a file, such as {args.save / 'model.minidl'}")
        check_folder("--save", args.save.parent)
    minidl.manual_seed(args.seed)
    return args


def check_folder(option: str, folder: Path) -> None:
    """Make the folder, and end the program where no file can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        early_end.stop(f"{option}: cannot write into the folder {folder} ({error.strerror}); name another one")


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Reads a whole number that is `least` or more, and `most` or less."""
    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            number = int(text)
            if least <= number <= (number if most is None else most):
                return number
        wanted = f"{least} or more" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"expected a whole number, {wanted}, but got '{text}'")
    return read


def positive_number(text: str) -> float:
    """Reads a finite number above 0."""
    with contextlib.suppress(ValueError):
        number = float(text)
        if 0 < number < math.inf:
            return number
    raise argparse.ArgumentTypeError(f"expected a number above 0, such as 0.01, but got '{text}'")
