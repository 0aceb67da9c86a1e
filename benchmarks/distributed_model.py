"""What a sum over many ranks costs, from latency and bandwidth: the model of distributed.py.

A message of n bytes takes a + n b seconds (latency a, seconds per byte b), an addition c seconds per byte. p ranks that
sum n bytes then need, in rounds that all take part in,

    ring                2 (p - 1) a + 2 n (p - 1)/p b + n (p - 1)/p c       pieces of n/p bytes go around twice
    recursive doubling  log p (a + n b + n c)                               each round with a rank twice as far away
    halving, doubling   2 log p a + 2 n (p - 1)/p b + n (p - 1)/p c         the same, with pieces that halve
    tree                2 log p (a + n b) + log p n c                       up to rank 0, and down again

with logarithms of base 2. Source: Thakur, Rabenseifner and Gropp, "Optimization of collective communication operations
in MPICH", 2005
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidl.train import plots


class Machine(NamedTuple):
    """Seconds: `latency` of a message, and for each byte of a message (`a_byte`) and of a sum (`addition`)."""

    latency: float
    a_byte: float
    addition: float

    @staticmethod
    def of(sizes: Sequence[int], messages: Sequence[float], additions: Sequence[float]) -> Machine:
        """From measured seconds: the latency of the smallest message, slopes of those from 64 KiB to 4 MiB.

        That is what travels at once: `minidl.distributed` sums larger tensors in pieces of 4 MiB.
        """
        chosen = [i for i, size in enumerate(sizes) if 2 ** 16 <= size <= 2 ** 22]
        n = np.array([sizes[i] for i in chosen])

        def slope(seconds: Sequence[float]) -> float:
            return float(np.median(np.array([seconds[i] for i in chosen]) / n))
        return Machine(min(messages), slope(messages), slope(additions))


def ring(p: float, n: float, m: Machine) -> float:
    return 2 * (p - 1) * m.latency + n * (p - 1) / p * (2 * m.a_byte + m.addition)


def recursive_doubling(p: float, n: float, m: Machine) -> float:
    return float(np.log2(p)) * (m.latency + n * (m.a_byte + m.addition))


def halving_and_doubling(p: float, n: float, m: Machine) -> float:
    return 2 * float(np.log2(p)) * m.latency + n * (p - 1) / p * (2 * m.a_byte + m.addition)


def tree(p: float, n: float, m: Machine) -> float:
    return float(np.log2(p)) * (2 * (m.latency + n * m.a_byte) + n * m.addition)


ALGORITHMS: dict[str, Callable[[float, float, Machine], float]] = {
    "ring": ring, "recursive doubling": recursive_doubling, "halving, doubling": halving_and_doubling, "tree": tree}
ETHERNET = Machine(30e-6, 1 / 1.1e9, 0.0)       # these are stated, not measured: 10 Gbit/s by TCP,
FABRIC = Machine(5e-6, 1 / 11e9, 0.0)           # 100 Gbit/s between accelerators
ACCELERATOR = 1e14                              # operations a second
RANKS = [2 ** power for power in range(1, 13)]


class Network(NamedTuple):
    """Parameters, and operations of a training step of the batch that one rank has: 3 passes, 2 for a multiply-add."""

    parameters: float
    operations: float

    def seconds(self, rate: float) -> float:
        """Of computing a step at so many operations a second."""
        return self.operations / rate


NETWORKS = {"ResNet-50, 32 images": Network(25.6e6, 6 * 4.1e9 * 32),
            "ViT-B/16, 32 images": Network(86.6e6, 6 * 17.6e9 * 32),
            "GPT-2, 8 texts of 1,024": Network(124e6, 6 * 124e6 * 8 * 1024)}


def efficiency(network: Network, p: int, machine: Machine, rate: float,
               algorithm: Callable[[float, float, Machine], float] = ring) -> float:
    """The share of a step that is computing, where the sum of float32 gradients waits for all of it."""
    computing = network.seconds(rate)
    return computing / (computing + algorithm(p, 4 * network.parameters, machine))


def settings(machine: Machine, rate: float) -> dict[str, tuple[Machine, float]]:
    """What connects the ranks, and how fast each computes."""
    return {"this machine": (machine, rate), "its cores, 10 Gbit/s": (ETHERNET, rate),
            "100 TFLOP/s, 100 Gbit/s": (FABRIC, ACCELERATOR)}


def efficiency_table(machine: Machine, rate: float) -> str:
    """Shares of computing in a step, in Markdown."""
    counts = [2, 16, 128, 1024, 4096]
    lines = ["| ranks | network | computing | " + " | ".join(f"{p:,}" for p in counts) + " |",
             "|---|---|---|" + "---|" * len(counts)]
    for where, (m, r) in settings(machine, rate).items():
        for name, network in NETWORKS.items():
            shares = " | ".join(f"{efficiency(network, p, m, r):.1%}" for p in counts)
            lines.append(f"| {where} | {name} | {1e3 * network.seconds(r):,.0f} ms | {shares} |")
    return "\n".join(lines)


def chart(path: Path, machine: Machine, rate: float, sizes: Sequence[int], measured: Sequence[float]) -> None:
    """Draw a sum over two ranks by size, one of ResNet-50's gradients by algorithm, and what remains for computing.

    Lines are dotted for this machine, full for its cores and 10 Gbit/s, dashed for accelerators.
    """
    figure = plots.figure(12.0, 4.0)
    left, middle, right = figure.subplots(1, 3)
    left.loglog(sizes, measured, "o", label="measured")
    left.loglog(sizes, [ring(2, n, machine) for n in sizes], label="2 a + n b + n c / 2")
    left.set(title="sum over two ranks", xlabel="bytes", ylabel="seconds")
    for name, algorithm in ALGORITHMS.items():
        middle.loglog(RANKS, [algorithm(p, 4 * 25.6e6, ETHERNET) for p in RANKS], label=name)
    middle.set(title="102 MB by 10 Gbit/s", xlabel="ranks", ylabel="seconds")
    for number, (name, network) in enumerate(NETWORKS.items()):
        for (m, r), style in zip(settings(machine, rate).values(), (":", "-", "--")):
            shares = [100 * efficiency(network, p, m, r) for p in RANKS]
            right.semilogx(RANKS, shares, style, color=f"C{number}", label=name if style == "-" else None)
    right.set(title="computing in a step", xlabel="ranks", ylabel="%", ylim=(0, 102))
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    plots.save(figure, path)
