"""`python -m minidl.distributed.run --nproc-per-node 2 PROGRAM ARGUMENTS`: several processes of one program.

    python -m minidl.distributed.run --nproc-per-node 2 train.py --epochs 3

They are started by `mpiexec`, which `pip install 'minidl[mpi]'` brings along, and share the machine's cores. Where one
of them raises, exits with another status than 0 or is killed, all end at once, and so does this command with that
status.
"""
from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any


def launcher() -> str:
    """The path of `mpiexec`. Errors: SystemExit where it, or mpi4py, is not there."""
    beside = Path(sysconfig.get_path("scripts")) / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None or importlib.util.find_spec("mpi4py") is None:
        missing = "mpiexec" if found is None else "mpi4py"
        sys.exit(f"minidl.distributed.run: {missing} is not installed; try pip install 'minidl[mpi]'")
    return found


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(words: list[str] | None = None) -> int:
    """Run the program; its status."""
    parser = argparse.ArgumentParser("python -m minidl.distributed.run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nproc-per-node", "--nproc_per_node", type=int, default=1, metavar="N",
                        help="how many processes (default 1)")
    parser.add_argument("-m", "--module", action="store_true", help="PROGRAM is a module, as in python -m")
    parser.add_argument("program", metavar="PROGRAM")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENTS")
    args = parser.parse_args(words)
    if args.nproc_per_node < 1:
        parser.error(f"--nproc-per-node expects at least 1, got {args.nproc_per_node}")
    threads = str(max(1, cores() // args.nproc_per_node))
    environment = {"MINIDL_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads,
                   **os.environ}
    program = ["-m", "minidl.distributed.rank", *(["-m"] if args.module else []), args.program, *args.arguments]
    command = [launcher(), "-n", str(args.nproc_per_node), sys.executable, *program]
    with subprocess.Popen(command, env=environment) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return _status(process)


def _status(process: subprocess.Popen[Any]) -> int:
    """The status in the end, also after Ctrl-C, which the processes get themselves; 128 + a signal, as in a shell."""
    while True:
        try:
            status = process.wait()
            return status if status >= 0 else 128 - status
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main())
