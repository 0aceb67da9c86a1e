"""Seconds of training until a network is as good as it should be: the same program in minidl and PyTorch, in turn.

    python benchmarks/time_to_accuracy.py lenet --data DIR
    python benchmarks/time_to_accuracy.py lenet speedrun gpt --data DIR --seeds 3 --threads 1

    lenet       LeNet on MNIST, to 99 % of the test images
    speedrun    the network of the speed run on CIFAR-10, to 92.5 %
    gpt         a GPT on tiny Shakespeare, to 1.9 nats a character

DIR holds MNIST/raw, cifar-10-batches-py and tinyshakespeare/input.txt, as minidl's data sets and examples leave them.
Each run is a process of its own with the same number of threads. The clock stands still while the network is tested,
which is every so many steps, and while data are loaded. minidl runs with its compiled kernels where Numba is installed.
Both start from the same weights and see the same batches, so that luck decides nothing: the numbers of steps differ by
rounding alone, and, in the speed run, by how images are moved.
"""
from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from against_torch import CONTESTANTS, run_alone
from generators import transformer
from measure import in_turn
from recipes import augmented, speed_net
from workloads import lenet_layers

import minidl


class Program(NamedTuple):
    """A training: `steps` gives nothing after each, and `test` the figure that should reach `target`."""

    steps: Iterator[None]
    test: Callable[[], float]
    target: float
    every: int      # steps between two tests
    rises: bool = True


def lenet(lib: ModuleType, data: Path, draw: np.random.Generator) -> Program:
    """5 epochs of Adam in batches of 64, with a rate that falls along a cosine."""
    from minidl.vision.datasets import MNIST
    train, test = (images(lib, MNIST(data, train=part)) for part in (True, False))
    model = begun(lib, lenet_layers)
    optimizer = lib.optim.Adam(model.parameters(), lr=2e-3)
    total = 5 * len(train[0]) // 64
    schedule = lib.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)

    def steps() -> Iterator[None]:
        for _ in range(5):
            for rows in lib.from_numpy(draw.permutation(len(train[0]))).split(64):
                learn(lib, optimizer, schedule, lib.nn.functional.cross_entropy(
                    model(train[0][rows].float() / 255), train[1][rows]))
                yield

    return Program(steps(), lambda: accuracy(lib, model, test, lambda x: x.float() / 255), 0.99, every=200)


def speedrun(lib: ModuleType, data: Path, draw: np.random.Generator) -> Program:
    """airbench93 in batches of 512: one triangle of rates, 64 times higher for biases of norms, weights that follow."""
    from minidl.vision.datasets import CIFAR10
    train, test = (images(lib, CIFAR10(data, train=part, verify=False)) for part in (True, False))
    mean, std = (lib.tensor(values).reshape(3, 1, 1) for values in ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)))

    def normalised(x: Any) -> Any:
        return (x.float() / 255 - mean) / std

    model = begun(lib, speed_net)
    with lib.no_grad():
        model.whiten.weight.copy_(lib.from_numpy(whitening(normalised(train[0][:5000]).numpy())))
        lib.nn.init.zeros_(model.whiten.bias)
    biases = [p for name, p in model.named_parameters() if "norm" in name and p.requires_grad]
    others = [p for name, p in model.named_parameters() if "norm" not in name and p.requires_grad]
    total, decay = 12 * -(-len(train[0]) // 512), 0.0153 / 11.5
    optimizer = lib.optim.SGD([{"params": others, "lr": 0.75, "weight_decay": decay},
                               {"params": biases, "lr": 0.75 * 64, "weight_decay": decay / 64}],
                              lr=0.75, momentum=0.85, nesterov=True)
    peak = 0.23 * total
    schedule = lib.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.2 + 0.8 * step / peak if step < peak else 1 - 0.98 * (step - peak) / (total - peak))

    state = [v for v in model.state_dict().values() if v.is_floating_point()]
    slow = [v.clone() for v in state]

    def steps() -> Iterator[None]:
        step = 0
        for epoch in range(12):
            model.whiten.bias.requires_grad = epoch < 3
            for rows in lib.from_numpy(draw.permutation(len(train[0]))).split(512):
                learn(lib, optimizer, schedule, lib.nn.functional.cross_entropy(
                    model(normalised(augmented(lib, train[0][rows], 2))), train[1][rows], label_smoothing=0.2))
                step += 1
                if step % 5 == 0:       # the model moves on to an average of itself, which follows ever more slowly
                    with lib.no_grad():
                        for average, fast in zip(slow, state):
                            average.lerp_(fast, 1 - 0.95 ** 5 * (step / total) ** 3)
                            fast.copy_(average)
                yield

    def both(x: Any) -> Any:
        return lib.cat([normalised(x), normalised(x.flip(-1))])

    return Program(steps(), lambda: accuracy(lib, model, test, both), 0.925, every=-(-len(train[0]) // 512))


def gpt(lib: ModuleType, data: Path, draw: np.random.Generator) -> Program:
    """1,500 steps of AdamW with one cycle of rates, on 12 windows of 64 characters."""
    text = np.frombuffer((data / "tinyshakespeare" / "input.txt").read_bytes(), np.uint8)
    numbers = lib.from_numpy(np.unique(text, return_inverse=True)[1].astype(np.int64))
    train, test = numbers[:len(text) * 9 // 10], numbers[len(text) * 9 // 10:]
    windows = lib.arange(65)
    model, total = begun(lib, transformer), 1500
    optimizer = lib.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.99), weight_decay=0.1)
    schedule = lib.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=total, pct_start=0.05)

    def loss(x: Any) -> Any:
        return lib.nn.functional.cross_entropy(model(x[:, :-1], [None] * 4)[0].flatten(0, 1), x[:, 1:].flatten())

    def steps() -> Iterator[None]:
        for _ in range(total):
            error = loss(train[lib.from_numpy(draw.integers(0, len(train) - 65, (12, 1))) + windows])
            optimizer.zero_grad()
            error.backward()
            lib.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            yield

    def nats() -> float:
        with lib.no_grad():
            return loss(test[lib.arange(256)[:, None] * ((len(test) - 65) // 256) + windows]).item()

    return Program(steps(), nats, 1.9, every=100, rises=False)


PROGRAMS = {f.__name__: f for f in (lenet, speedrun, gpt)}


# ---------------------------------------------------------------------- what they share

def images(lib: ModuleType, data_set: Any) -> tuple[Any, Any]:
    """All images (N, C, H, W) of bytes and their labels, as tensors of the library."""
    x, y = np.asarray(data_set.data), np.asarray(data_set.targets, np.int64)
    x = x[:, None] if x.ndim == 3 else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return lib.tensor(x), lib.tensor(y)


def begun(lib: ModuleType, build: Callable[[ModuleType], Any]) -> Any:
    """A model of the library with the weights that minidl draws."""
    drawn, model = build(minidl).state_dict(), build(lib)
    model.load_state_dict({name: lib.from_numpy(value.numpy()) for name, value in drawn.items()})
    return model


def learn(lib: ModuleType, optimizer: Any, schedule: Any, loss: Any) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()


def accuracy(lib: ModuleType, model: Any, test: tuple[Any, Any], prepared: Callable[[Any], Any]) -> float:
    """The part of the test images that the model is right about; of several views of an image, the sum counts."""
    model.eval()
    with lib.no_grad():
        right = sum(int((model(prepared(x)).unflatten(0, (-1, len(x))).sum(0).argmax(1) == y).sum())
                    for x, y in zip(test[0].split(500), test[1].split(500)))
    model.train()
    return right / len(test[1])


def whitening(x: np.ndarray) -> np.ndarray:
    """Kernels (24, 3, 2, 2) that whiten patches of the images: scaled principal directions, with both signs."""
    patches = np.lib.stride_tricks.sliding_window_view(x, (2, 2), (2, 3)).transpose(0, 2, 3, 1, 4, 5).reshape(-1, 12)
    values, vectors = np.linalg.eigh(np.cov(patches.T))
    kernels = (vectors / np.sqrt(values + 5e-4)).T[::-1].reshape(12, 3, 2, 2).astype(np.float32)
    return np.concatenate([kernels, -kernels])


def train(library: str, name: str, data: Path, seed: int) -> dict[str, Any]:
    """Seconds and steps until the target, and the figures on the way."""
    lib = importlib.import_module(library)
    lib.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    for each in (lib, minidl):
        each.manual_seed(seed)
    program = PROGRAMS[name](lib, data, np.random.default_rng(seed))
    seconds, figures, start = 0.0, [], time.perf_counter()
    for step, _ in enumerate(program.steps, start=1):
        if step % program.every == 0:
            seconds += time.perf_counter() - start
            figures.append(program.test())
            if (figures[-1] >= program.target) == program.rises:
                return {"seconds": seconds, "steps": step, "figures": figures}
            start = time.perf_counter()
    return {"seconds": None, "steps": step, "figures": figures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", default=list(PROGRAMS), metavar="PROGRAM", help=", ".join(PROGRAMS))
    parser.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--train", nargs=2, metavar=("LIBRARY", "SEED"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        print(json.dumps(train(args.train[0], args.programs[0], args.data, int(args.train[1]))))
        return
    ours = "compiled" if "compiled" in CONTESTANTS else "plain"
    for name in args.programs:
        seeds = {ours: iter(range(args.seeds)), "PyTorch": iter(range(args.seeds))}

        def run(contestant: str, name: str = name, seeds: dict[str, Iterator[int]] = seeds) -> dict[str, Any]:
            command = [__file__, name, "--data", str(args.data), "--train", CONTESTANTS[contestant][0],
                       str(next(seeds[contestant]))]
            found = run_alone(contestant, command, args.threads)
            print(f"{name:10}{contestant:10}{found['seconds'] or float('nan'):>8.1f} s {found['steps']:>6} steps, "
                  f"at last {found['figures'][-1]:.4f}", flush=True)
            return found

        runs = in_turn([ours, "PyTorch"], run, args.seeds)
        if any(found["seconds"] is None for library in runs.values() for found in library):
            print(f"{name}: not all reached it")
            continue
        seconds = {key: statistics.median(found["seconds"] for found in library) for key, library in runs.items()}
        step = {key: statistics.median(found["seconds"] / found["steps"] for found in library)
                for key, library in runs.items()}
        print(f"{name}: {seconds[ours]:.1f} s, PyTorch {seconds['PyTorch']:.1f} s: "
              f"{seconds[ours] / seconds['PyTorch']:.2f} of its time; a step {step[ours] / step['PyTorch']:.2f}")


if __name__ == "__main__":
    main()
