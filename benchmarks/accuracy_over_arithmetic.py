"""What accuracy costs: the test accuracy of runs over the arithmetic that they had done by then, in one picture.

    python benchmarks/accuracy_over_arithmetic.py resnet20=runs/resnet airbench93=runs/speedrun --plot cost.png

A run is given as MODEL=DIR, where DIR is what `--run` of an example wrote. A training step of an image is counted as
three times the multiply-adds of the model, each two operations: one pass forward, two backward.
"""
from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.models import build, settings_of
from minidl.train import Log, plots
from minidl.utils.summary import summary
from minidl.vision import models


def operations(name: str, size: int, channels: int, classes: int) -> int:
    """Of a training step with one image."""
    if "num_classes" not in settings_of(name):
        raise SystemExit(f"{name} is no classifier")
    shape = (1, channels, size, size)
    return 3 * 2 * summary(build(name, classes, channels, size), shape).total_mult_adds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="MODEL=DIR")
    parser.add_argument("--images", type=int, default=50_000, help="in an epoch (default: 50,000)")
    parser.add_argument("--size", type=int, default=32, help="pixels a side (default: 32)")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--plot", type=Path, default=Path("accuracy_over_arithmetic.png"), metavar="FILE")
    args = parser.parse_args()

    figure = plots.figure()
    axes = figure.subplots()
    print(f"{'model':>16}  {'epochs':>6}  {'PFLOP':>7}  {'accuracy':>8}")
    for run in args.runs:
        name, _, folder = run.partition("=")
        if name not in models.list_models():
            parser.error(f"expected MODEL=DIR with a model of the registry, but got {run}")
        rows = Log(Path(folder) / "log.csv").rows()
        each = operations(name, args.size, args.channels, args.classes) * args.images / 1e15
        cost = [each * (i + 1) for i in range(len(rows))]
        accuracy = [100 * float(row["test accuracy"] or 0) for row in rows]
        axes.plot(cost, accuracy, ".-", label=name)
        print(f"{name:>16}  {len(rows):>6}  {cost[-1]:>7.3f}  {accuracy[-1]:>7.2f}%")
    axes.set(xlabel="arithmetic of training (PFLOP)", ylabel="test accuracy (%)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(args.plot)
    print("drew", args.plot)


if __name__ == "__main__":
    main()
