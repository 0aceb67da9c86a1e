"""Where the time of a step goes: the share of every kernel, for the programs of `workloads.py`.

    python benchmarks/breakdown.py
    MINIDL_NUMBA=1 python benchmarks/breakdown.py resnet20 unet

A kernel's time includes that of the kernels that it asks for help. What is left over is elementwise operations,
copies, and the dispatch of operations in Python.
"""
from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

from workloads import WORKLOADS

import minidl
from minidl.backend.kernel import Kernel


@contextmanager
def timed_kernels() -> Iterator[Counter[str]]:
    """Inside, the seconds spent in each kernel that an operation calls."""
    seconds: Counter[str] = Counter()
    untimed, inside = Kernel.__call__, False

    def timed(kernel: Kernel, *args: Any) -> Any:
        nonlocal inside
        if inside or current_thread() is not main_thread():
            return untimed(kernel, *args)
        inside, start = True, time.perf_counter()
        try:
            return untimed(kernel, *args)
        finally:
            inside = False
            seconds[kernel.generic.__name__] += time.perf_counter() - start

    Kernel.__call__ = timed     # type: ignore[method-assign]
    try:
        yield seconds
    finally:
        Kernel.__call__ = untimed   # type: ignore[method-assign]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring, for each program")
    args = parser.parse_args()
    for name in args.workloads:
        minidl.manual_seed(0)
        step = WORKLOADS[name](minidl)
        for _ in range(2):
            step()
        steps, start = 0, time.perf_counter()
        with timed_kernels() as seconds:
            while steps < 3 or time.perf_counter() - start < args.seconds:
                step()
                steps += 1
        total = time.perf_counter() - start
        shares = [(kernel, spent / total) for kernel, spent in seconds.most_common() if spent > 0.01 * total]
        rest = 1 - sum(share for _, share in shares)
        found = ", ".join(f"{kernel} {share:.0%}" for kernel, share in [*shares, ("everything else", rest)])
        print(f"{name:20}{1e3 * total / steps:>8.1f} ms  {found}", flush=True)


if __name__ == "__main__":
    main()
