"""minidl against PyTorch on a GPU: what `against_torch.py --device cuda` runs.

    python benchmarks/against_torch.py --device cuda --json gpu.json
    python benchmarks/against_torch.py --device cuda --only resnet18 gpt --precisions float32 --modes captured
    python benchmarks/against_torch.py --device cuda --tiny --rounds 1 --alone      # does it run? also without a GPU

Each library runs in a process of its own, in turn, round by round. A time is that between two events on the GPU, around
as many steps as fit, by the number of steps; the first steps are not counted, and no step reads its loss. The host's
time is that until all of them are asked for. The memory is the most that tensors took, with that of a captured graph.

In float32 nothing is rounded to TF32, in either library. In "tf32", PyTorch may in products and convolutions, and
minidl in products, since its convolutions sum in float32. In "half", the step runs under autocast, in
bfloat16 in PyTorch, and in float16 in minidl, which has no bfloat16: the speed is compared, not the loss.
"""
from __future__ import annotations

import contextlib
import functools
import importlib
import json
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from generators import GENERATORS
from measure import in_turn, ratios
from workloads import WORKLOADS, Step, classify, momentum, vision_models

PRECISIONS, MODES = ["float32", "tf32", "half"], ["eager", "captured"]
LIBRARIES = {"minidl": "minidl", "PyTorch": "torch"}


# ---------------------------------------------------------------------- the programs

def resnet18(lib: ModuleType, tiny: bool = False) -> Step:
    """ResNet-18 on 224 x 224 images, batch 64, SGD with momentum."""
    return _images(lib, vision_models(lib).resnet18(num_classes=10), momentum(lib), tiny)


def resnet50(lib: ModuleType, tiny: bool = False) -> Step:
    """ResNet-50 on 224 x 224 images, batch 64, SGD with momentum."""
    return _images(lib, vision_models(lib).resnet50(num_classes=10), momentum(lib), tiny)


def vit_s_16(lib: ModuleType, tiny: bool = False) -> Step:
    """ViT-S/16 on 224 x 224 images, batch 64, AdamW."""
    size, depth = (32, 2) if tiny else (224, 12)
    model = vision_models(lib).VisionTransformer(size, 16, depth, 6, 384, 1536, num_classes=10)
    return _images(lib, model, lib.optim.AdamW, tiny)


def _images(lib: ModuleType, model: Any, optimizer: Callable[..., Any], tiny: bool) -> Step:
    return classify(lib, model, lib.randn(*((2, 3, 32, 32) if tiny else (64, 3, 224, 224))), optimizer)


PROGRAMS: dict[str, Callable[..., Step]] = {
    "resnet18": resnet18, "resnet50": resnet50, "vit_s_16": vit_s_16, "dcgan": WORKLOADS["dcgan"],
    "lstm": WORKLOADS["lstm"], "unet": WORKLOADS["unet"], "gpt": GENERATORS["gpt"]}


# ---------------------------------------------------------------------- one process, one library, one program

def measure(library: str, workload: str, precision: str, mode: str, seconds: float, tiny: bool) -> dict[str, float]:
    """Milliseconds of a step on the GPU and of the host, and the most memory in MiB."""
    lib = importlib.import_module(library)
    lib.set_default_device("cuda")
    lib.backends.cuda.matmul.allow_tf32 = lib.backends.cudnn.allow_tf32 = precision == "tf32"
    lib.manual_seed(0)
    program = functools.partial(PROGRAMS[workload], tiny=tiny) if workload in globals() else PROGRAMS[workload]
    with unread(lib), capturable(lib):
        step = program(lib)
        if precision == "half":
            step = in_half(lib, step)
        lib.cuda.reset_peak_memory_stats()
        step = warmed_up(lib, step, 1 if tiny else 5)
        if mode == "captured":
            step = captured(lib, step)
        first, _ = timed(lib, step, 1)
        number = max(1, int(1e3 * seconds / 5 / max(first, 1e-3)))
        times = [timed(lib, step, 1 if tiny else number) for _ in range(1 if tiny else 5)]
    on_gpu, by_host = (statistics.median(column) for column in zip(*times))
    return {"milliseconds": on_gpu, "host": by_host, "mib": lib.cuda.max_memory_allocated() / 2**20}


def timed(lib: ModuleType, step: Step, number: int) -> tuple[float, float]:
    """Milliseconds of a step between two events, and until the host has asked for it."""
    start, end = (lib.cuda.Event(enable_timing=True) for _ in range(2))
    lib.cuda.synchronize()
    begin = time.perf_counter()
    start.record()
    for _ in range(number):
        step()
    end.record()
    by_host = time.perf_counter() - begin
    end.synchronize()
    return start.elapsed_time(end) / number, 1e3 * by_host / number


def warmed_up(lib: ModuleType, step: Step, number: int) -> Step:
    """The step, after some on a stream of their own, as a capture wants it."""
    side = lib.cuda.Stream()
    side.wait_stream(lib.cuda.current_stream())
    with lib.cuda.stream(side):
        for _ in range(number):
            step()
    lib.cuda.current_stream().wait_stream(side)
    return step


def captured(lib: ModuleType, step: Step) -> Step:
    graph = lib.cuda.CUDAGraph()
    with lib.cuda.graph(graph):
        result = step()

    def replay() -> Any:
        graph.replay()
        return result

    return replay


def in_half(lib: ModuleType, step: Step) -> Step:
    dtype = lib.bfloat16 if lib.__name__ == "torch" else lib.float16

    def under_autocast() -> Any:
        with lib.autocast("cuda", dtype=dtype, cache_enabled=False):
            return step()

    return under_autocast


@contextlib.contextmanager
def unread(lib: ModuleType) -> Iterator[None]:
    """The programs read their loss in each step, which waits for the GPU; here they do not."""
    item = lib.Tensor.item
    lib.Tensor.item = lambda loss: loss.detach()
    try:
        yield
    finally:
        lib.Tensor.item = item


@contextlib.contextmanager
def capturable(lib: ModuleType) -> Iterator[None]:
    """Let the optimizers of the programs be captured."""
    made = {name: getattr(lib.optim, name) for name in ("Adam", "AdamW")}
    for name, kind in made.items():
        setattr(lib.optim, name, functools.partial(kind, capturable=True))
    try:
        yield
    finally:
        for name, kind in made.items():
            setattr(lib.optim, name, kind)


# ---------------------------------------------------------------------- both, in turn

def in_process(contestant: str, task: list[str], args: Namespace) -> dict[str, float]:
    command = [__file__, LIBRARIES[contestant], *task, str(args.seconds), str(int(args.tiny))]
    result = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    return json.loads(result.stdout.splitlines()[-1])


def main(args: Namespace) -> None:
    contestants = ["minidl"] if args.alone else list(LIBRARIES)
    rows = {}
    print(f"{'':30}{'minidl':>11}{'host':>11}{'time':>8}   {'spread':14}{'memory':>10}{'ratio':>8}")
    for workload in args.only or PROGRAMS:
        for precision in args.precisions:
            for mode in args.modes:
                task = [workload, precision, mode]
                runs = in_turn(contestants, functools.partial(in_process, task=task, args=args), args.rounds)
                rows[" ".join(task)] = row = {
                    key: statistics.median(run[key] for run in runs["minidl"]) for key in runs["minidl"][0]}
                text = f"{workload:12}{precision:9}{mode:9}{row['milliseconds']:>8.2f} ms{row['host']:>8.2f} ms"
                if not args.alone:
                    times, theirs = ([run["milliseconds"] for run in runs[name]] for name in contestants)
                    row["ratio"], spread = ratios(times, theirs)
                    row["memory_ratio"] = row["mib"] / statistics.median(run["mib"] for run in runs["PyTorch"])
                    text += f"{row['ratio']:>8.2f}   {spread[0]:.2f} to {spread[-1]:<7.2f}"
                text += f"{row['mib']:>6.0f} MiB"
                print(text + ("" if args.alone else f"{row['memory_ratio']:>8.2f}"), flush=True)
    if not args.alone:
        found = [row["ratio"] for row in rows.values()]
        print(f"geometric mean of the ratios {statistics.geometric_mean(found):.2f}, highest {max(found):.2f}")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    if sys.argv[1] == "minidl":
        from tests.backend.cuda import on_cpu
        if not on_cpu.has_gpu():        # CuPy on the CPU: the program is known to run, the times say nothing
            on_cpu.install(devices=1)
    name, program, precision, mode, seconds, tiny = sys.argv[1:]
    print(json.dumps(measure(name, program, precision, mode, float(seconds), tiny == "1")))
