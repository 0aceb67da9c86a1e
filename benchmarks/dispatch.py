"""What an operation costs beyond its arithmetic: tiny tensors, where only dispatch counts.

    python benchmarks/dispatch.py

Prints the time of one op on 4 elements, recorded and unrecorded, over the bare NumPy call; and of a chain of 400
ops, forward and backward, against PyTorch's where it is installed. All are measured in turn, round by round, so that
a busy machine disturbs them alike; medians and their spread over the rounds are shown.
"""
from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import numpy as np
from measure import call_time, in_turn, ratios

import minidl

try:
    import torch
except ImportError:
    torch = None


def rounds(functions: dict[str, Callable[[], object]], count: int, number: int) -> dict[str, list[float]]:
    """Seconds a call of each function, `count` times, in turn."""
    for function in functions.values():
        function()
    return in_turn(list(functions), lambda name: call_time(functions[name], number), count)


def chain(x):
    """Forward and backward through 400 ops on 4 numbers."""
    def run() -> None:
        x.grad = None
        y = x
        for _ in range(100):
            y = (y * 0.5 + 1.0).tanh() - x
        y.sum().backward()
    return run


def show(title: str, times: dict[str, list[float]], base: str) -> None:
    print(f"\n{title}\n{'':28}{'median':>10}{'ratio':>8}   spread of the ratio")
    for name, values in times.items():
        ratio, spread = ratios(values, times[base])
        low, high = spread[len(spread) // 10], spread[-1 - len(spread) // 10]
        print(f"{name:28}{statistics.median(values) * 1e6:>7.2f} us{ratio:>8.2f}"
              f"   {low:.2f} to {high:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()

    a, b = np.ones(4, np.float32), np.full(4, 2, np.float32)
    x, y = minidl.from_numpy(a), minidl.from_numpy(b)
    w = minidl.ones(4, requires_grad=True)
    show("one addition of 4 numbers", rounds({
        "np.add(a, b)": lambda: np.add(a, b),
        "minidl, not recorded": lambda: x + y,
        "minidl, recorded": lambda: w + y,
    }, args.rounds, 5000), base="np.add(a, b)")

    chains = {"minidl": chain(minidl.randn(4, requires_grad=True))}
    if torch is not None:
        chains["PyTorch"] = chain(torch.randn(4, requires_grad=True))
    show("a chain of 400 ops, forward and backward", rounds(chains, args.rounds, 10), base=list(chains)[-1])


if __name__ == "__main__":
    main()
