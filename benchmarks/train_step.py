"""One training step of an MLP and of LeNet: time, peak memory, and how much of the machine it uses.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --against torch

Each library runs in a process of its own, in turn, round by round. The rate of the machine is that of NumPy's own
matrix product on 1024 x 1024 float32, measured in the same rounds.
"""
from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np

BATCH = 128
# multiply-adds of one image forward; backward costs twice as much (no gradient of the first input is needed)
MLP_LAYERS = [(784, 512), (512, 256), (256, 10)]
MLP_MACS = [inputs * outputs for inputs, outputs in MLP_LAYERS]
LENET_MACS = [20 * 25 * 24 * 24, 50 * 20 * 25 * 8 * 8, 800 * 500, 500 * 10]


def flops(macs: list[int]) -> int:
    """Floating-point operations of a training step: forward, weight gradients, input gradients but the first."""
    return 2 * BATCH * (3 * sum(macs) - macs[0])


FLOPS = {"mlp": flops(MLP_MACS), "lenet": flops(LENET_MACS)}


def build(library: str, workload: str):
    """A function that makes one training step. The code is the same for both libraries: that is the point."""
    if library == "torch":
        import torch as lib
        from torch import nn, optim
        lib.set_num_threads(2)
    else:
        import minidl as lib
        from minidl import nn, optim

    lib.manual_seed(0)
    if workload == "mlp":
        x = lib.randn(BATCH, 784)
        model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    else:
        x = lib.randn(BATCH, 1, 28, 28)
        model = nn.Sequential(
            nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))
    y = lib.randint(0, 10, (BATCH,))
    loss_function = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters())

    def step() -> float:
        loss = loss_function(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def measure(library: str, workload: str, steps: int) -> None:
    """In a process of its own: seconds a step, peak memory over that before, and the rate of the machine."""
    step = build(library, workload)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        step()
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before   # KiB on Linux
    print(json.dumps({"seconds": statistics.median(times), "peak_mib": peak / 1024}))


def machine_rate() -> float:
    """Floating-point operations a second of a large matrix product."""
    a = np.random.default_rng(0).standard_normal((1024, 1024), dtype=np.float32)
    best = float("inf")
    for _ in range(8):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 1024 ** 3 / best


def in_process(*args: str) -> dict[str, float]:
    result = subprocess.run([sys.executable, __file__, *args], capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    return json.loads(result.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", choices=["torch"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--measure", nargs=2, metavar=("LIBRARY", "WORKLOAD"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        return measure(*args.measure, args.steps)

    libraries = ["minidl"] + ([args.against] if args.against else [])
    print(f"{'':8}{'library':10}{'step':>10}{'of the GEMM rate':>18}{'peak memory':>14}   ratio of times (spread)")
    for workload in FLOPS:
        found: dict[str, list[dict[str, float]]] = {library: [] for library in libraries}
        rates = []
        for _ in range(args.rounds):
            rates.append(machine_rate())
            for library in libraries:
                found[library].append(in_process("--measure", library, workload, "--steps", str(args.steps)))
        for library in libraries:
            seconds = [run["seconds"] for run in found[library]]
            share = statistics.median(FLOPS[workload] / s / rate for s, rate in zip(seconds, rates))
            peak = statistics.median(run["peak_mib"] for run in found[library])
            ratios = sorted(run["seconds"] / other["seconds"]
                            for run, other in zip(found[library], found[libraries[-1]]))
            print(f"{workload:8}{library:10}{statistics.median(seconds) * 1e3:>7.2f} ms{share:>18.1%}{peak:>10.1f} MiB"
                  f"   {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(f"machine: {statistics.median(rates) / 1e9:.0f} GFLOP/s in a float32 matrix product")


if __name__ == "__main__":
    main()
