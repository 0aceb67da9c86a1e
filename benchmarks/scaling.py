"""How the cost of a training step grows with batch, width, depth, sequence and image size, against the law.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --chart scaling.svg

Every curve doubles one number. For the larger half of its points, where the arithmetic outweighs the dispatch of
operations, the exponent of growth is fitted and printed beside the one that is to be expected.
"""
from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import step_times

import minidl
from minidl import nn
from minidl.nn import functional as F

Step = Callable[[], Any]


def perceptron(batch: int = 256, width: int = 256, depth: int = 4) -> Step:
    layers = [layer for _ in range(depth) for layer in (nn.Linear(width, width), nn.ReLU())]
    return train(nn.Sequential(*layers), minidl.randn(batch, width))


def convolution(size: int = 32, channels: int = 32, batch: int = 16) -> Step:
    layers = [layer for _ in range(2) for layer in (nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())]
    return train(nn.Sequential(*layers), minidl.randn(batch, channels, size, size))


def attention(length: int = 256) -> Step:
    q, k, v = (minidl.randn(4, length, 64, requires_grad=True) for _ in range(3))
    return lambda: F.scaled_dot_product_attention(q, k, v).sum().backward()


def recurrent(length: int = 32) -> Step:
    model = nn.LSTM(64, 64)
    x = minidl.randn(length, 32, 64)
    return lambda: model(x)[0].sum().backward()


def train(model: nn.Module, x: minidl.Tensor) -> Step:
    def step() -> None:
        model.zero_grad()
        model(x).square().mean().backward()
    return step


# what grows: the step, its values, and the exponent that is to be expected
CURVES: dict[str, tuple[Callable[[int], Step], list[int], float]] = {
    "perceptron: batch": (lambda n: perceptron(batch=n), [64, 128, 256, 512, 1024, 2048, 4096], 1),
    "perceptron: width": (lambda n: perceptron(width=n), [64, 128, 256, 512, 1024, 2048], 2),
    "perceptron: depth": (lambda n: perceptron(depth=n), [2, 4, 8, 16, 32, 64], 1),
    "convolution: batch": (lambda n: convolution(batch=n), [2, 4, 8, 16, 32, 64, 128], 1),
    "convolution: image side": (lambda n: convolution(size=n), [8, 16, 32, 64, 128], 2),
    "convolution: channels": (lambda n: convolution(channels=n), [16, 32, 64, 128, 256], 2),
    "attention: sequence": (attention, [128, 256, 512, 1024, 2048, 4096], 2),
    "LSTM: sequence": (recurrent, [16, 32, 64, 128, 256, 512], 1),
}


def seconds(step: Step, budget: float) -> float:
    """The median over as many calls as fit."""
    return statistics.median(step_times(step, budget))


def exponent(values: list[int], times: list[float]) -> float:
    """The slope of log(time) over log(value), for the larger half of the values."""
    half = len(values) // 2
    slope, _ = np.polyfit(np.log(values[half:]), np.log(times[half:]), 1)
    return float(slope)


def draw(curves: dict[str, tuple[list[int], list[float], float]], path: Path) -> None:
    """Time over size, both logarithmic; the dashed line is the law, through the last point."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator
    figure, grid = plt.subplots(2, 4, figsize=(13, 6.4), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    for axes, (name, (values, times, law)) in zip(grid.flat, curves.items()):
        x = np.array(values, float)
        axes.loglog(x, 1e3 * times[-1] * (x / x[-1]) ** law, "--", color="gray", label=f"law: exponent {law:g}")
        axes.loglog(x, 1e3 * np.array(times), "o-", color="#4878a8", label=f"measured: {exponent(values, times):.2f}")
        axes.set_title(name)
        axes.set_xlabel(name.split(": ")[1])
        axes.set_ylabel("ms a step")
        axes.set_xticks(values, map(str, values), minor=False, fontsize="small")
        few = max(times) < 100 * min(times)     # decades: then there are labels within them
        axes.yaxis.set_major_locator(LogLocator(subs=[1, 2, 5] if few else [1]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.minorticks_off()
        axes.legend(fontsize="small")
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="of measuring, for each point")
    parser.add_argument("--chart", type=Path, help="draw the curves here (.svg, .png)")
    args = parser.parse_args()
    minidl.manual_seed(0)
    found = {}
    for name, (make, values, law) in CURVES.items():
        times = [seconds(make(n), args.seconds) for n in values]
        found[name] = (values, times, law)
        print(f"{name:26}exponent {exponent(values, times):.2f}, to be expected {law:g}   "
              + "  ".join(f"{n}: {1e3 * t:.2f} ms" for n, t in zip(values, times)), flush=True)
    if args.chart:
        draw(found, args.chart)


if __name__ == "__main__":
    main()
