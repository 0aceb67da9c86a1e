"""Three ways through a sequence: recurrence, convolution, attention.

A recurrent layer goes step by step, so that nothing is parallel, and what is read first reaches the end through all
steps. A convolution does all places at once, but one layer sees few neighbours: many layers, or wide gaps, are needed.
Self-attention does all places at once and sees all in one step; its scores need memory that grows with the square of
the length, unless they are computed in blocks and forgotten. Measured: a forward and a backward pass of one layer
(of the convolution: of as many as it takes to see all, with kernels of 3), and the steps from one end to the other.

    python examples/sequences/three_ways.py
    python examples/sequences/three_ways.py --lengths 64 128 256 512 1024 2048 --plot plots
"""
import argparse
import time
import tracemalloc
from pathlib import Path

import minidl
from minidl import nn
from minidl.cli import arguments, ending
from minidl.cli.classification import draw
from minidl.train import plots

ending.without_traceback()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--lengths", type=arguments.whole_number(2), nargs="+", default=[32, 64, 128, 256, 512, 1024],
                    metavar="T")
parser.add_argument("--width", type=arguments.whole_number(4), default=64, metavar="N", help="of a vector, even")
parser.add_argument("--rounds", type=arguments.whole_number(1), default=9, metavar="N", help="of which the best counts")
parser.add_argument("--seed", type=arguments.whole_number(0), default=0, metavar="N")
parser.add_argument("--device", default="cpu")
parser.add_argument("--compiled", action="store_true", help="kernels compiled by Numba")
parser.add_argument("--plot", type=Path, metavar="DIR", help="draw pictures into DIR (needs matplotlib)")
args = arguments.prepared(parser.parse_args())


class Recurrent(nn.Module):
    """A GRU: the state passes through as many steps as there are vectors."""

    def __init__(self, length):
        super().__init__()
        self.gru, self.steps = nn.GRU(args.width, args.width, batch_first=True), length - 1

    def forward(self, x):
        return self.gru(x)[0]


class Convolutional(nn.Module):
    """Causal convolutions with kernels of 3 and gaps 1, 2, 4, ..., until the last place sees the first."""

    def __init__(self, length):
        super().__init__()
        self.layers, reach = nn.ModuleList(), 1
        while reach < length:
            gap = 2 ** len(self.layers)
            self.layers.append(nn.Conv1d(args.width, args.width, 3, dilation=gap))
            reach += 2 * gap
        self.steps = len(self.layers)

    def forward(self, x):
        x = x.transpose(1, 2)
        for layer in self.layers:
            x = layer(nn.functional.pad(x, (2 * layer.dilation[0], 0))).relu() + x
        return x.transpose(1, 2)


class Attentive(nn.Module):
    """Self-attention of 4 heads; with `scores` they are kept, as they are defined, else computed in blocks."""

    steps = 1

    def __init__(self, length, scores):
        super().__init__()
        self.attention, self.scores = nn.MultiheadAttention(args.width, 4, batch_first=True), scores

    def forward(self, x):
        return self.attention(x, x, x, need_weights=self.scores)[0]


def measured(layer, length):
    """Milliseconds of a forward and a backward pass, MiB at its peak, whether the end has seen the beginning."""
    x = minidl.randn(1, length, args.width, device=args.device).requires_grad_()

    def both_ways(last=slice(None)):
        x.grad = None
        layer(x)[:, last].square().sum().backward()
        return x.grad
    seen = bool((both_ways(-1)[0, 0] != 0).any()) or length > 100       # where it is far, the slope may vanish
    seconds = []
    for _ in range(args.rounds):
        start = time.process_time()
        both_ways()
        seconds.append(time.process_time() - start)
    tracemalloc.start()
    both_ways()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return 1000 * min(seconds), peak / 2 ** 20, seen


WAYS = {"recurrent (GRU)": Recurrent, "convolutions, gaps 1, 2, 4, ...": Convolutional,
        "attention, all scores kept": lambda length: Attentive(length, True),
        "attention, in blocks": lambda length: Attentive(length, False)}
found = {}
print(f"{'':34}{'length':>7}{'milliseconds':>14}{'MiB':>8}{'steps between the ends':>25}")
for name, make in WAYS.items():
    for length in args.lengths:
        layer = make(length).to(args.device)
        milliseconds, peak, seen = measured(layer, length)
        assert seen, f"{name}: the last place does not see the first"
        found[name, length] = milliseconds, peak, layer.steps
        print(f"{name:34}{length:>7}{milliseconds:>14.1f}{peak:>8.1f}{layer.steps:>25}", flush=True)


def compared(path):
    figure = plots.figure(12, 4)
    for number, (axes, label) in enumerate(zip(figure.subplots(1, 3), (
            "milliseconds of the processor", "MiB at the peak", "steps between the ends"))):
        for mark, name in zip("osv^", WAYS):
            axes.plot(args.lengths, [found[name, length][number] for length in args.lengths], marker=mark, label=name)
        axes.set(xscale="log", yscale="log", xlabel="length", title=label)
        axes.set_xticks(args.lengths, args.lengths)
        axes.minorticks_off()
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    plots.save(figure, path)


if args.plot:
    draw(args.plot, {"compared": compared})
