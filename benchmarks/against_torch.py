"""minidl against PyTorch on twenty small programs: time, memory, and how much of the machine is used.

    python benchmarks/against_torch.py
    python benchmarks/against_torch.py --only twelve --threads 1        # those that are measured since the beginning
    python benchmarks/against_torch.py --only lenet vit --rounds 9 --json times.json --chart times.svg
    python benchmarks/against_torch.py --only nerf gpt_writes                   # beyond the twenty
    python benchmarks/against_torch.py --only resnet50 resnet50_inference        # needs torchvision, and 4 GB of memory
    python benchmarks/against_torch.py --device cuda                            # seven programs on a GPU: see on_gpu.py

Each library runs in a process of its own with the same number of threads, in turn, round by round, so that a busy
machine disturbs all alike; minidl runs in plain NumPy and, where Numba is installed, with its compiled kernels. For
each program and both, the table shows the median time of minidl's step, its ratio to PyTorch's with the spread over the
rounds, the ratio of the peak memory that is needed beyond that of the imported library, the page faults of a step of
both libraries, and the rate of minidl's arithmetic as a part of the rate of NumPy's matrix product, measured in the
same rounds.

The programs stand in `workloads.py`, `recipes.py` and `generators.py`, once for both. The last line names the kernels
of OpenBLAS: where OPENBLAS_CORETYPE names those of an older processor, NumPy's products are slower, and PyTorch's are
not.
"""
from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import math
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import on_gpu
from generators import GENERATORS
from measure import call_time, in_turn, ratios, step_times
from recipes import RECIPES
from workloads import LARGE, WORKLOADS

TWENTY = [*WORKLOADS, *RECIPES, "vae", "ddpm", "pixelcnn", "gpt"]
ALL = WORKLOADS | RECIPES | GENERATORS | LARGE

# the library, and what its processes find in their environment besides the number of threads
CONTESTANTS = {
    "plain": ("minidl", {"MINIDL_NUMBA": "0"}),
    "compiled": ("minidl", {"MINIDL_NUMBA": "1"}),
    "PyTorch": ("torch", {"MINIDL_LEAVE_ALONE": "all"}),     # where minidl reads its images
}
if importlib.util.find_spec("numba") is None:
    del CONTESTANTS["compiled"]


# ---------------------------------------------------------------------- one process, one library, one program

def measure(library: str, workload: str, seconds: float, precision: str) -> dict[str, float]:
    """Seconds a step, its page faults, peak memory in MiB, and a step's multiply-adds where they can be counted."""
    lib = importlib.import_module(library)
    lib.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    lib.set_float32_matmul_precision(precision)
    lib.manual_seed(0)
    before = forget_peak_memory()
    step = ALL[workload](lib)
    macs = count_macs(step) if library == "minidl" else 0
    times = step_times(step, seconds, warm_up=2)
    faults = page_faults()
    for _ in range(5):
        step()
    faults = (page_faults() - faults) / 5
    return {"seconds": statistics.median(times), "faults": faults, "mib": peak_memory() - before, "macs": macs}


def page_faults() -> float:
    """How often the system has given this process a page of memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def forget_peak_memory() -> float:
    """The memory of this process now, in MiB. On Linux the peak starts anew: importing a library has one of its own."""
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def peak_memory() -> float:
    """The most memory that this process has had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def count_macs(step: Any) -> int:
    """The multiply-adds of one step's matrix products and convolutions, by the definitions of the kernels.

    Counting bodies are a layer before the real ones; each notes its arguments and declines. What a kernel asks of
    another one is part of its own work, and not counted again.
    """
    from minidl.backend.kernel import prefer
    from minidl.backend.kernels import attention, conv, matmul, rnn
    total, inside = 0, False

    def counts(kernel: Any, macs: Any) -> None:
        def counted(*args: Any) -> Any:
            nonlocal total, inside
            if inside:
                return NotImplemented
            total += macs(*args)
            inside = True
            try:
                return kernel(*args)
            finally:
                inside = False

        kernel.register("numpy", layer="counting")(counted)

    counts(matmul.matmul, lambda a, b: len(a) * b.size if a.ndim == 2 else a.size * b.shape[-1])
    counts(matmul.linear_forward, lambda x, weight, bias: len(x) * weight.size)
    counts(conv.conv2d_forward, lambda x, w, geometry, b=None: len(x) * w.size * math.prod(
        conv.conv2d_output_size(x.shape[2:], w.shape[2:], geometry)))
    counts(conv.conv2d_input_grad, lambda g, w, *_: w.size * g.size // g.shape[1])
    counts(conv.conv2d_weight_grad, lambda x, g, size, geometry:
           g.size * x.shape[1] // geometry.groups * math.prod(size))
    counts(rnn.lstm_walk, lambda y, state, trace, w_hh, *_: w_hh.size * len(y))
    counts(rnn.lstm_walk_back, lambda gy, gstate, gsums, gprojected, trace, w_hh, *_: w_hh.size * len(gy))
    counts(attention.attention_forward, lambda q, k, v, *_:
           (q.shape[-1] + v.shape[-1]) * q.size // q.shape[-1] * k.shape[-2])
    counts(attention.attention_grad, lambda g, q, k, v, *_: (3 * q.size + 2 * g.size) * k.shape[-2])
    prefer("counting")
    step()
    prefer("counting", on=False)
    return total


# ---------------------------------------------------------------------- all of them, in turn

def in_process(contestant: str, workload: str, seconds: float, threads: int, precision: str) -> dict[str, float]:
    return run_alone(contestant, [__file__, "--measure", CONTESTANTS[contestant][0], workload, "--seconds",
                                  str(seconds), "--precision", precision], threads)


def run_alone(contestant: str, command: list[str], threads: int) -> dict[str, Any]:
    """What a Python program prints last, as JSON, in the contestant's environment."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MINIDL_NUM_THREADS")
    environment = {**os.environ, **CONTESTANTS[contestant][1], **dict.fromkeys(names, str(threads))}
    result = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        raise SystemExit(result.stderr)
    return json.loads(result.stdout)


def machine_rate() -> float:
    """Multiply-adds a second of a large float32 matrix product."""
    a = np.random.default_rng(0).standard_normal((1536, 1536), dtype=np.float32)
    return 1536**3 / min(call_time(lambda: a @ a) for _ in range(8))


def compare(workload: str, rounds: int, seconds: float, threads: int, precision: str) -> dict[str, dict[str, float]]:
    """All contestants in turn, `rounds` times; minidl's results, in plain NumPy and compiled, beside PyTorch's."""
    runs = in_turn(list(CONTESTANTS), lambda name: in_process(name, workload, seconds, threads, precision), rounds)
    theirs, found = runs.pop("PyTorch"), {}
    for name, ours in runs.items():
        ratio, spread = ratios([run["seconds"] for run in ours], [run["seconds"] for run in theirs])
        mib, faults, median = (statistics.median(run[key] for run in ours) for key in ("mib", "faults", "seconds"))
        found[name] = {
            "milliseconds": 1e3 * median, "ratio": ratio, "lowest": spread[0],
            "highest": spread[-1], "mib": mib, "memory_ratio": mib / statistics.median(run["mib"] for run in theirs),
            "faults": faults, "their_faults": statistics.median(run["faults"] for run in theirs),
            "macs_per_second": ours[0]["macs"] / median}
    return found


def geometric_means(rows: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    names = list(next(iter(rows.values())))
    return {name: math.exp(statistics.fmean(math.log(row[name]["ratio"]) for row in rows.values())) for name in names}


def draw(rows: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    """Bars of the ratios with their spread; PyTorch is the line at 1."""
    from matplotlib import pyplot as plt
    figure, axes = plt.subplots(figsize=(8, 0.55 * len(rows) + 1.2), layout="constrained")
    colors = {"plain": "#4878a8", "compiled": "#d08a48"}
    contestants = list(next(iter(rows.values())))
    height = 0.8 / len(contestants)
    for k, name in enumerate(contestants):
        found = [row[name] for row in rows.values()]
        ratios = [row["ratio"] for row in found]
        spread = [[row["ratio"] - row["lowest"] for row in found], [row["highest"] - row["ratio"] for row in found]]
        places = [i + height * (k - (len(contestants) - 1) / 2) for i in range(len(rows))]
        axes.barh(places, ratios, height, xerr=spread, color=colors[name], ecolor="#555555", capsize=2,
                  label="plain NumPy" if name == "plain" else "with compiled kernels")
        for place, ratio in zip(places, ratios):
            axes.annotate(f"{ratio:.2f}", (0, place), xytext=(4, 0), textcoords="offset points", va="center",
                          color="white", fontsize="small")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(rows)), [name.replace("_", " ") for name in rows])
    axes.invert_yaxis()
    axes.set_xlabel("time of a step, PyTorch = 1 (less is faster)")
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=["twelve", *ALL, "vit_s_16"], metavar="WORKLOAD",
                        help="%(choices)s")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precisions", nargs="+", default=on_gpu.PRECISIONS, choices=on_gpu.PRECISIONS,
                        help="with --device cuda (default: all)")
    parser.add_argument("--modes", nargs="+", default=on_gpu.MODES, choices=on_gpu.MODES,
                        help="with --device cuda (default: both)")
    parser.add_argument("--tiny", action="store_true", help="with --device cuda: small images and few steps")
    parser.add_argument("--alone", action="store_true", help="with --device cuda: minidl without PyTorch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring, for each process")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", default="highest", choices=["highest", "high", "medium"],
                        help="of float32 products, in both libraries (default: highest)")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--chart", type=Path, help="draw the ratios here (.svg, .png)")
    parser.add_argument("--measure", nargs=2, metavar=("LIBRARY", "WORKLOAD"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure, args.seconds, args.precision)))
        return

    if args.device == "cuda":
        on_gpu.main(args)
        return

    from minidl.backend.blas import blas_core  # not in PyTorch's processes
    args.only = list(WORKLOADS) if args.only == ["twelve"] else args.only or TWENTY
    rows = {}
    print(f"{'':30}{'minidl':>11}{'time':>8}   {'spread':14}{'memory':>10}{'ratio':>8}{'page faults':>18}"
          f"{'of the GEMM rate':>18}")
    for workload in args.only:
        rate = machine_rate()
        rows[workload] = compare(workload, args.rounds, args.seconds, args.threads, args.precision)
        for name, row in rows[workload].items():
            row["share"] = row["macs_per_second"] / rate
            print(f"{workload:20}{name:10}{row['milliseconds']:>8.1f} ms{row['ratio']:>8.2f}   "
                  f"{row['lowest']:.2f} to {row['highest']:<7.2f}{row['mib']:>6.0f} MiB{row['memory_ratio']:>8.2f}"
                  f"{row['faults']:>9,.0f}{row['their_faults']:>9,.0f}{row['share']:>17.0%}", flush=True)
    means = geometric_means(rows)
    for name, mean in means.items():
        highest = max(row[name]["ratio"] for row in rows.values())
        print(f"{name}: geometric mean of the ratios {mean:.2f}, highest {highest:.2f}")
    print(f"{args.threads} threads, {2e-9 * rate:.0f} GFLOP/s in a float32 matrix product by OpenBLAS's kernels for "
          f"{blas_core()}")
    if args.json:
        found = {"threads": args.threads, "geometric_means": means, "workloads": rows}
        args.json.write_text(json.dumps(found, indent=2))
    if args.chart:
        draw(rows, args.chart)


if __name__ == "__main__":
    main()
