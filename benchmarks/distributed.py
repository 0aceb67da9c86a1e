"""What several processes cost: sums over ranks beside MPI's own, and a training on two ranks beside one.

    python benchmarks/distributed.py                    # all, and docs/distributed_cost.svg: 5 minutes, on quiet cores
    python benchmarks/distributed.py --rounds 3 --chart cost.svg

A sum by `minidl.distributed.all_reduce` takes turns with `Allreduce` of mpi4py on the bare array, size by size; two
ranks take turns with one, each on one thread. Messages to and fro between two ranks give latency and bandwidth, from
which distributed_model.py computes what thousands of ranks would cost.
"""
from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from distributed_model import Machine, chart, efficiency_table
from measure import in_turn, ratios

import minidl
import minidl.distributed as dist
from minidl import nn, optim
from minidl.utils.summary import summary
from minidl.vision import models

SIZES = [4 ** power for power in range(5, 14)]          # bytes: 1 KiB to 64 MiB
BATCH = 64                                              # images of 32 pixels, for each rank


def calls_for(size: int) -> int:
    """How many calls make one measurement of about ten milliseconds."""
    return max(1, min(500, 2 ** 24 // size))


def timed(function: Any, calls: int) -> float:
    """Seconds of one call, for the slowest rank."""
    function()              # what it works on is in the cache then
    dist.barrier()
    start = time.perf_counter()
    for _ in range(calls):
        function()
    seconds = minidl.tensor((time.perf_counter() - start) / calls, dtype=minidl.float64)
    dist.all_reduce(seconds, dist.ReduceOp.MAX)
    return seconds.item()


def sums(rounds: int) -> dict[str, Any]:
    """Seconds of a sum of each size, ours and MPI's in turn; of messages to and fro; and of one addition."""
    engine = dist.group.WORLD.engine
    found: dict[str, Any] = {"ours": [], "own": [], "messages": [], "added": []}
    for size in SIZES:
        x, other = minidl.zeros(size // 4), np.zeros(size // 4, np.float32)
        array = x.array                                 # the same memory for both

        def own(array: Any = array) -> None:
            engine.comm.Allreduce(engine.mpi.IN_PLACE, array)

        def to_and_fro(array: Any = array) -> None:
            if engine.rank == 0:
                engine.comm.Send(array, 1)
            engine.comm.Recv(array, 1 - engine.rank)
            if engine.rank == 1:
                engine.comm.Send(array, 0)
        step = {"ours": lambda x=x: dist.all_reduce(x), "own": own, "messages": to_and_fro,
                "added": lambda a=array, b=other: np.add(a, b, out=a)}
        times = in_turn(list(step), lambda name, step=step, size=size: timed(step[name], calls_for(size)), rounds)
        for name, values in times.items():
            found[name].append(values)
    return found


def training(steps: int) -> float:
    """Seconds of a training step of ResNet-20."""
    model = nn.parallel.DistributedDataParallel(models.resnet20())
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = minidl.randn(BATCH, 3, 32, 32), minidl.arange(BATCH) % 10

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    step()
    return timed(step, steps)


def work(args: argparse.Namespace) -> None:
    """What each rank does."""
    dist.init_process_group()
    found = sums(args.rounds) if args.work == "sums" else training(args.steps)
    if dist.get_rank() == 0:
        args.into.write_text(json.dumps(found))


def on_ranks(ranks: int, *words: str) -> Any:
    """What rank 0 of so many has found, each on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        threads = dict.fromkeys(("MINIDL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        subprocess.run([sys.executable, "-m", "minidl.distributed.run", "--nproc-per-node", str(ranks), __file__,
                        "--into", str(file), *words], check=True, env={**os.environ, **threads})
        return json.loads(file.read_text())


def said(size: int) -> str:
    return f"{size // 2 ** 20} MiB" if size >= 2 ** 20 else f"{size // 1024} KiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="in which all take turns (default 15)")
    parser.add_argument("--steps", type=int, default=5, help="of training in a round (default 5)")
    parser.add_argument("--chart", type=Path, default=Path(__file__).parents[1] / "docs" / "distributed_cost.svg")
    parser.add_argument("--work", choices=["sums", "training"], help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args)
        return
    found = on_ranks(2, "--work", "sums", "--rounds", str(args.rounds))
    print("| bytes | MPI's own | minidl | ratio |\n|---|---|---|---|")
    for size, ours, own in zip(SIZES, found["ours"], found["own"]):
        print(f"| {said(size)} | {1e6 * min(own):,.1f} us | {1e6 * min(ours):,.1f} us | {ratios(ours, own)[0]:.2f} |")
    machine = Machine.of(SIZES, [min(times) / 2 for times in found["messages"]],
                         [min(times) for times in found["added"]])
    print(f"\nlatency {1e6 * machine.latency:.1f} us, bandwidth {1e-9 / machine.a_byte:.1f} GB/s, "
          f"addition {1e-9 / machine.addition:.1f} GB/s")

    rounds = max(3, args.rounds // 3)
    times = in_turn(["1", "2"], lambda ranks: on_ranks(int(ranks), "--work", "training", "--steps", str(args.steps)),
                    rounds)
    shares = [one / two for one, two in zip(times["1"], times["2"])]
    one, two = (BATCH * ranks / min(times[str(ranks)]) for ranks in (1, 2))
    print(f"ResNet-20: {one:,.0f} images/s on one rank, {two:,.0f} on two, each on one thread with a batch of {BATCH}: "
          f"{statistics.median(shares):.2f} of twice (median of {rounds} rounds; {min(shares):.2f} to "
          f"{max(shares):.2f})")
    arithmetic = 3 * 2 * summary(models.resnet20(), (1, 3, 32, 32)).total_mult_adds * BATCH / min(times["1"])
    print(f"which is {arithmetic / 1e9:.1f} GFLOP/s a rank\n")
    print(efficiency_table(machine, arithmetic))
    chart(args.chart, machine, arithmetic, SIZES, [min(times) for times in found["ours"]])
    print("drew", args.chart)


if __name__ == "__main__":
    main()
