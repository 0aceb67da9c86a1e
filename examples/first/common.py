"""What every example needs and none is about: the data, and how often the model is right."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import early_end

import minidl
from minidl.vision.datasets import MNIST, Digits


class Data(NamedTuple):
    """Images (N, 1, H, W) with values from 0 to 1, and labels (N,) from 0 to 9."""

    train_x: minidl.Tensor
    train_y: minidl.Tensor
    test_x: minidl.Tensor
    test_y: minidl.Tensor

    @property
    def image_size(self) -> int:
        return self.train_x.shape[-1]


def load(args: argparse.Namespace) -> Data:
    """The data set that the command line names, on its device."""
    if args.dataset == "digits":
        train, test, brightest = Digits(train=True), Digits(train=False), 16.0
    else:
        train, test = _mnist(args.data, args.download)
        brightest = 255.0

    def images(dataset: Digits | MNIST) -> minidl.Tensor:
        return (dataset.data.float() / brightest).unsqueeze(1).to(args.device)   # (N, H, W) -> (N, 1, H, W)

    data = Data(images(train), train.targets.to(args.device), images(test), test.targets.to(args.device))
    print(f"{args.dataset}: {len(data.train_x):,} training and {len(data.test_x):,} test images "
          f"of {data.image_size}x{data.image_size}")
    return data


def _mnist(folder: Path, download: bool) -> tuple[MNIST, MNIST]:
    try:
        return MNIST(folder, train=True, download=download), MNIST(folder, train=False, download=download)
    except (RuntimeError, ValueError, OSError) as error:   # not there, damaged, no network, not allowed
        reason = f"{error}".rstrip(".").replace("download=True", "--download")
        early_end.stop(f"{reason}; --data DIR names another folder")


@minidl.no_grad()
def predict(model, x: minidl.Tensor, batch: int = 1000) -> minidl.Tensor:
    """The most likely class of every image, a batch at a time."""
    return minidl.cat([model(part).argmax(dim=1) for part in x.split(batch)])


def accuracy(predictions: minidl.Tensor, labels: minidl.Tensor) -> float:
    """The share of predictions that are right."""
    return (predictions == labels).float().mean().item()


def save(state: dict[str, minidl.Tensor], path: Path) -> None:
    """Write parameters to a file."""
    try:
        minidl.save(state, path)
    except OSError as error:
        early_end.stop(f"--save: cannot write {path} ({error.strerror or error}); name another file")
    print("saved", path)
