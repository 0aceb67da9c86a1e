"""Images a second that a DataLoader delivers, for each data set and set-up, and its share of an epoch of ResNet-20.

    python benchmarks/loading.py
    python benchmarks/loading.py --data DIR --seconds 3

Without --data, the data sets are the shipped digits and noise of CIFAR-10's shape. DIR is a folder of data sets as
`minidl.vision.datasets` reads them: MNIST, cifar-10-batches-py, miniplaces; those that are missing are left out.
"""
from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from workloads import WORKLOADS

import minidl
from minidl.utils.data import DataLoader, Dataset
from minidl.vision import datasets
from minidl.vision import transforms as T
from minidl.vision.datasets.base.images import InMemoryImages
from minidl.vision.transforms import batched

BATCH = 128
WORKERS: dict[str, dict[str, Any]] = {
    "in the loop": {},
    "2 threads": {"num_workers": 2},
    "2 processes": {"num_workers": 2, "multiprocessing_context": "fork"},
}


class Noise(InMemoryImages):
    """20,000 images of CIFAR-10's shape."""

    classes = [str(i) for i in range(10)]

    def __init__(self, transform: Callable[[Any], Any] | None = None) -> None:
        rng = np.random.default_rng(0)
        super().__init__(rng.integers(0, 256, (20_000, 32, 32, 3), np.uint8), rng.integers(0, 10, 20_000).tolist(),
                         transform, None)


def data_sets(root: str | None) -> Iterator[tuple[str, Callable[..., Dataset[Any]]]]:
    """Name and maker, which takes a transform."""
    yield "digits", lambda transform=None: datasets.Digits(transform=transform)
    if root is None:
        yield "noise 32x32", Noise
        return
    for name, make in (
            ("mnist", lambda transform=None: datasets.MNIST(root, transform=transform)),
            ("cifar10", lambda transform=None: datasets.CIFAR10(root, transform=transform, verify=False)),
            ("tinyplaces 32", lambda transform=None: datasets.TinyPlaces(root, transform=transform)),
            ("tinyplaces 64", lambda transform=None: datasets.TinyPlaces(root, size=64, transform=transform))):
        try:
            make()
        except (RuntimeError, ValueError) as error:
            print(f"{name} is left out: {str(error).splitlines()[0]}")
        else:
            yield name, make


def set_ups(make: Callable[..., Dataset[Any]]) -> Iterator[tuple[str, Dataset[Any]]]:
    """What is done with each image: nothing, crop, flip and normalise at once, or the same image by image."""
    augment = batched.Compose([batched.RandomCrop(padding=2, padding_mode="reflect"), batched.RandomHorizontalFlip(),
                               batched.Normalize([0.5], [0.25])])
    plain = make()
    size = np.asarray(plain[0][0]).shape[0]
    yield "as it is", plain
    yield "batched", batched.Augmented(plain, augment)
    yield "one by one", make(transform=T.Compose([
        T.RandomCrop(size, padding=2, padding_mode="reflect"), T.RandomHorizontalFlip(), T.ToTensor(),
        T.Normalize([0.5], [0.25])]))


def rate(dataset: Dataset[Any], seconds: float, options: dict[str, Any]) -> float:
    """Images a second, over so many seconds; the first batch, which starts the workers, aside."""
    loader = DataLoader(dataset, BATCH, shuffle=True, persistent_workers="num_workers" in options, **options)
    images, start = 0, 0.0
    for batch in itertools.chain.from_iterable(itertools.repeat(loader)):
        if not start:
            start = time.perf_counter()
            continue
        images += len(batch[0])
        spent = time.perf_counter() - start
        if spent > seconds:
            return images / spent
    raise AssertionError


def step_of_resnet20(steps: int = 8) -> float:
    """Seconds for a batch: the fastest of several."""
    step = WORKLOADS["resnet20"](minidl)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="the folder of data sets")
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring, for each set-up")
    args = parser.parse_args()
    minidl.manual_seed(0)
    step = step_of_resnet20()
    print(f"a step of ResNet-20 on {BATCH} images takes {step:.3f} s: {BATCH / step:,.0f} images a second\n")
    print(f"| data set | each image | {' | '.join(WORKERS)} | share of an epoch of ResNet-20 |")
    print("|---|---|" + "---|" * (len(WORKERS) + 1))
    for name, make in data_sets(args.data):
        for what, dataset in set_ups(make):
            rates = [rate(dataset, args.seconds, options) for options in WORKERS.values()]
            loading = BATCH / rates[0]
            print(f"| {name} | {what} | {' | '.join(f'{r:,.0f}' for r in rates)} | "
                  f"{loading / (loading + step):.1%} |", flush=True)


if __name__ == "__main__":
    main()
