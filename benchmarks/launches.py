"""What a training step asks of a GPU: launches, waits and the time of the host. It needs no GPU.

    python benchmarks/launches.py
    python benchmarks/launches.py resnet20 vit --by-name

CuPy and g++ must be installed. CuPy runs, and the device below it computes nothing (`tests/backend/cuda/on_cpu`): so
every launch is seen, and the time is that of Python, minidl and CuPy alone; a GPU's driver adds some 2 us a launch.
A launch is a kernel or a matrix product; fills and copies of memory are counted apart. PyTorch's column, where it is
installed, is the number of operators that it dispatches in the same step, views and new memory left out.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from workloads import WORKLOADS, Step  # noqa: E402

from tests.backend.cuda import on_cpu  # noqa: E402

PROGRAMS = [name for name in WORKLOADS if name not in ("chain", "knn")]


def counted(step: Step) -> tuple[dict[str, int], Counter[str], float]:
    """Of a step: what it asks for by kind, its launches by name, and the milliseconds of the fastest one of many."""
    for _ in range(2):
        step()                          # the memory pool, and what is kept
    with on_cpu.counted() as found:
        step()
    kinds: Counter[str] = Counter()
    for (kind, _), count in found.items():
        kinds["launch" if kind == "library" else kind] += count
    names = Counter({name: count for (kind, name), count in found.items() if kind in ("launch", "library")})
    times: list[float] = []
    while len(times) < 5 or sum(times) < 0.5:
        start = time.process_time()
        step()
        times.append(time.process_time() - start)
    return dict(kinds), names, 1e3 * min(times)


def operators(name: str) -> int | None:
    """PyTorch's operators in a step, or None where it is not installed."""
    try:
        import torch
        from torch.utils._python_dispatch import TorchDispatchMode
    except ImportError:
        return None

    class Count(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.total += not (function.is_view or "empty" in str(function) or "detach" in str(function))
            return function(*args, **(kwargs or {}))

    made = torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD
    try:
        for kind in made:               # on a GPU this is the default
            setattr(torch.optim, kind.__name__, lambda *a, kind=kind, **k: kind(*a, foreach=True, **k))
        step = WORKLOADS[name](torch)
    finally:
        for kind in made:
            setattr(torch.optim, kind.__name__, kind)
    step()
    with Count() as count:
        step()
    return count.total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", default=PROGRAMS, help=", ".join(PROGRAMS))
    parser.add_argument("--by-name", action="store_true", help="list the launches of each program")
    parser.add_argument("--json", action="store_true", help="print one line of JSON, without PyTorch and times")
    args = parser.parse_args()
    on_cpu.install(devices=1, dry=True)

    import minidl
    minidl.set_default_device("cuda")
    results = {}
    if not args.json:
        print(f"{'program':20}{'launches':>9}{'PyTorch':>9}{'fills':>7}{'waits':>7}{'host ms':>9}")
    for name in args.programs:
        kinds, names, milliseconds = counted(WORKLOADS[name](minidl))
        results[name] = {"launches": kinds.get("launch", 0), "waits": kinds.get("wait", 0)}
        if args.json:
            continue
        found = operators(name)
        print(f"{name:20}{kinds.get('launch', 0):>9}{'' if found is None else found:>9}{kinds.get('fill', 0):>7}"
              f"{kinds.get('wait', 0):>7}{milliseconds:>9.1f}", flush=True)
        for launch, count in names.most_common() if args.by_name else ():
            print(f"{count:>9}  {launch}")
    if args.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
