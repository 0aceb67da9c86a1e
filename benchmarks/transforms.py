"""Images a second that the transforms deliver, beside torchvision's: one by one, and in batches.

    python benchmarks/transforms.py
    python benchmarks/transforms.py --only Resize ColorJitter --rounds 9

Each transform gets the same images in both libraries, in turn, round by round: a PIL image of 500x375 pixels, a tensor
of 256x256, of bytes and of float32, and batches of 32 such tensors, one draw for all of it. The last column is the
batched transform of minidl, which makes a draw for each image, against torchvision's one by one, as a data loader would
call it. A policy does something else at each call, so the mean of 100 calls a round counts. --v2 measures the classes
of v2; --compiled puts Numba's kernels in front.
"""
from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from measure import call_time, in_turn
from PIL import Image
from torchvision import transforms
from torchvision.transforms import v2

import minidl
from minidl.vision import transforms as our_transforms
from minidl.vision.transforms import batched
from minidl.vision.transforms import v2 as our_v2

# name and arguments, the same for both
TRANSFORMS: list[tuple[str, Any]] = [
    ("Resize", {"size": 224, "antialias": True}),
    ("CenterCrop", {"size": 224}),
    ("RandomCrop", {"size": 224, "padding": 4}),
    ("RandomResizedCrop", {"size": 224, "antialias": True}),
    ("RandomHorizontalFlip", {"p": 1.0}),
    ("Pad", {"padding": 8}),
    ("ColorJitter", {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}),
    ("RandomGrayscale", {"p": 1.0}),
    ("RandomRotation", {"degrees": 30}),
    ("RandomAffine", {"degrees": 15, "translate": (0.1, 0.1), "scale": (0.9, 1.1)}),
    ("RandomPerspective", {"p": 1.0}),
    ("GaussianBlur", {"kernel_size": 5}),
    ("RandomPosterize", {"bits": 4, "p": 1.0}),
    ("RandomSolarize", {"threshold": 128, "p": 1.0}),
    ("RandomAutocontrast", {"p": 1.0}),
    ("RandomEqualize", {"p": 1.0}),
    ("RandomAdjustSharpness", {"sharpness_factor": 2.0, "p": 1.0}),
    ("RandAugment", {}),
    ("TrivialAugmentWide", {}),
    ("ToTensor", {}),
    ("ConvertImageDtype", {"dtype": "float32"}),
    ("Normalize", {"mean": [0.5] * 3, "std": [0.25] * 3}),
    ("RandomErasing", {"p": 1.0}),
]
BATCHED: dict[str, batched.Batched] = {
    "RandomCrop": batched.RandomCrop(224, padding=4), "RandomHorizontalFlip": batched.RandomHorizontalFlip(1.0),
    "ColorJitter": batched.ColorJitter(0.4, 0.4, 0.4), "Normalize": batched.Normalize([0.5] * 3, [0.25] * 3)}

# The tables of a size are kept: an epoch has few sizes that are new, but its first images have nothing else.
WARM_UP = {"RandomResizedCrop": 300}

POLICIES = {"RandAugment", "TrivialAugmentWide"}

# those that do not take PIL images, uint8 tensors and float tensors alike
FOR_PIL, FOR_FLOATS, FOR_BYTES = {"ToTensor"}, {"Normalize", "RandomErasing"}, {
    "ConvertImageDtype", "RandomPosterize", "RandomEqualize", "RandAugment", "TrivialAugmentWide"}
FOR_TENSORS = FOR_FLOATS | {"ConvertImageDtype"}


def images(name: str, lib: Any) -> dict[str, tuple[Any, int]]:
    """What the transform gets, and of how many images it is made."""
    rng = np.random.default_rng(0)
    photo, pixels = rng.integers(0, 256, (375, 500, 3), np.uint8), rng.integers(0, 256, (32, 3, 256, 256), np.uint8)
    found: dict[str, tuple[Any, int]] = {}
    if name not in FOR_TENSORS:
        found["PIL"] = Image.fromarray(photo), 1
    if name in FOR_PIL:
        return found
    for kind, left_out in (("uint8", FOR_FLOATS), ("float32", FOR_BYTES)):
        if name not in left_out:
            batch = lib.from_numpy(pixels if kind == "uint8" else np.float32(pixels) / 255)
            found |= {kind: (batch[0], 1), f"{kind} x32": (batch, 32)}
    return found


def transform(module: Any, lib: Any, name: str, arguments: dict[str, Any], kind: str) -> Callable[[Any], Any]:
    if name == "RandomSolarize":
        arguments = {**arguments, "threshold": 0.5 if kind.startswith("float32") else 128}
    return getattr(module, name)(**{key: getattr(lib, value) if key == "dtype" else value
                                    for key, value in arguments.items()})


def compare(first: Callable[[], Any], second: Callable[[], Any], rounds: int, sizes: tuple[int, int],
            warm_up: int = 1, is_policy: bool = False) -> tuple[float, float]:
    """Images a second of the first, and how many times those of the second, each at its quickest round.

    They are seconds of the thread that runs, so that other programs on the machine do not count.
    warm_up: calls of the first before anything is measured.
    """
    calls = {"first": first, "second": second}
    for _ in range(warm_up):
        first()
    number = {name: 100 if is_policy else max(1, round(0.03 / min(call_time(call) for _ in range(2))))
              for name, call in calls.items()}
    found = in_turn(list(calls), lambda name: call_time(calls[name], number[name], time.thread_time), rounds)
    seconds = [(statistics.mean if is_policy else min)(times) / size for times, size in zip(found.values(), sizes)]
    return 1 / seconds[0], seconds[1] / seconds[0]


def compared(name: str, arguments: dict[str, Any], rounds: int, ours: Any, theirs: Any
             ) -> dict[str, tuple[float, float]]:
    """A cell for each kind of image that both take."""
    x, y = images(name, minidl), images(name, torch)
    cells = {kind: compare(partial(transform(ours, minidl, name, arguments, kind), x[kind][0]),
                           partial(transform(theirs, torch, name, arguments, kind), y[kind][0]), rounds,
                           (x[kind][1],) * 2, WARM_UP.get(name, 1), name in POLICIES) for kind in x}
    if name in BATCHED:
        kind = "float32" if name in FOR_FLOATS else "uint8"
        cells["batched"] = compare(partial(BATCHED[name], x[f"{kind} x32"][0]),
                                   partial(transform(theirs, torch, name, arguments, kind), y[kind][0]), rounds,
                                   (32, 1))
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[name for name, _ in TRANSFORMS], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--v2", action="store_true")
    parser.add_argument("--compiled", action="store_true")
    args = parser.parse_args()
    ours, theirs = (our_v2, v2) if args.v2 else (our_transforms, transforms)
    minidl.backends.numba.enabled = args.compiled
    torch.set_num_threads(1)     # as a worker of a data loader has it
    minidl.set_num_threads(1)
    columns = ["PIL", "uint8", "uint8 x32", "float32", "float32 x32", "batched"]
    print(f"{'images a second':24}" + "".join(f"{column:>18}" for column in columns))
    for name, arguments in TRANSFORMS:
        if args.only and name not in args.only:
            continue
        cells = compared(name, arguments, args.rounds, ours, theirs)
        print(f"{name:24}" + "".join(f"{cells[c][0]:>10,.0f}{cells[c][1]:>7.2f}x" if c in cells else f"{'-':>18}"
                                     for c in columns), flush=True)
    print("images a second of minidl, and how many times torchvision's that is")


if __name__ == "__main__":
    main()
