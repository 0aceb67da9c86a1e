"""Runs of several ranks that are broken in a random way at a random moment, and what must hold in the end.

    python -m tests.distributed.kills --runs 100 --seed 0

Each run is a training of 2 to 8 ranks, under `python -m minidl.distributed.run` or `mpiexec` alone, in which one rank
raises, exits, is killed, or calls other collectives than the others. Then all must be over within five seconds: the
status of the launcher is not 0, the cause is named, no process is left, and the checkpoint is whole or not there.
"""
from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import minidl

ROOT, PROGRAM = Path(__file__).parents[2], Path(__file__).parent / "programs" / "dying.py"
LAUNCHER = shutil.which("mpiexec", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")]))
SIGNALS = ("SIGKILL", "SIGTERM", "SIGSEGV", "SIGABRT")
SECONDS = 5.0           # in which all is over
PATIENCE = 90.0         # in which the program begins, on a busy machine
MARK = "MINIDL_KILLS"   # in the environment of all processes of a run


class Break(NamedTuple):
    """What breaks a run: `what` happens to rank `victim` at `where`, in step `step`, or after `delay` from outside."""

    what: str
    where: str
    ranks: int
    victim: int
    step: int
    delay: float
    launcher: bool

    def causes(self) -> str:
        """A pattern of what names the cause."""
        who = f"rank {self.victim} (of {self.ranks}|in comm)"
        if self.what in SIGNALS:
            return {"SIGKILL": "Killed", "SIGTERM": "Terminated", "SIGSEGV": "Segmentation fault",
                    "SIGABRT": "Abort"}[self.what]
        return {"raise": "ValueError: the cause", "import": "No module named 'a_module_that_is_not_there'",
                "exit": who, "_exit": who}.get(self.what, "ranks wait for each other|truncated|Truncate")


def draw(numbers: random.Random) -> Break:
    """A random one."""
    what = numbers.choice(["raise", "raise", "import", "exit", "_exit", "shape", "call", "skip", "leave", *SIGNALS,
                           *SIGNALS])
    ranks = numbers.choice([2, 2, 3, 4, 8])
    victim = numbers.randrange(ranks)
    if what in ("shape", "call", "skip", "leave"):
        where = "mismatch"
    elif what in SIGNALS:
        where = numbers.choice(["outside", "outside", "step", "backward", "collective", "saving"])
    else:
        where = numbers.choice(["start", "step", "forward", "backward", "saving"])
    launcher = where == "start" or numbers.random() < 0.7       # mpiexec alone knows nothing before MPI begins
    return Break(what, where, ranks, 0 if where == "saving" else victim, numbers.randrange(20), numbers.random() / 2,
                 launcher)


def attempt(how: Break, seconds: float = SECONDS) -> tuple[list[str], float]:
    """Run it; what did not hold, and how many seconds after the moment all was over; at most `seconds` is right."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = [sys.executable, "-m", "minidl.distributed.run", "--nproc-per-node"] if how.launcher else \
            [str(LAUNCHER), "-n"]
        command = [*start, str(how.ranks), *([] if how.launcher else [sys.executable]), str(PROGRAM), name, how.what,
                   how.where, str(how.victim), str(how.step)]
        with open(folder / "said", "w+") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, env={
                **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
                "MINIDL_NUM_THREADS": "1", MARK: name})
            try:
                return judged(how, process, folder, seconds)
            finally:
                for left in processes_of(name):
                    os.kill(left, signal.SIGKILL)
                process.wait()


def judged(how: Break, process: subprocess.Popen[bytes], folder: Path, seconds: float) -> tuple[list[str], float]:
    """Wait for the end, and look at what is left."""
    begin, broken = time.monotonic(), None
    while process.poll() is None and broken is None and time.monotonic() - begin < PATIENCE:
        if how.where == "outside" and (folder / "run.minidl").exists():
            time.sleep(how.delay)
            broken = time.time()
            os.kill(int((folder / f"pid{how.victim}").read_text()), getattr(signal, how.what))
        elif (folder / "moment").exists() and (folder / "moment").read_text():
            broken = float((folder / "moment").read_text())
        time.sleep(0.01)
    if broken is None and (folder / "moment").exists():
        broken = float((folder / "moment").read_text())
    said = folder / "said"
    if broken is None:
        return [f"the moment did not come: {said.read_text()[-2000:]}"], 0.0
    found, took = [], 4 * seconds
    try:
        status = process.wait(max(0.1, broken + 4 * seconds - time.time()))
        took = time.time() - broken
        if took > seconds:
            found.append(f"it took {took:.1f} s")
        if status == 0:
            found.append("status 0")
    except subprocess.TimeoutExpired:
        found.append("it hangs")
    time.sleep(0.2)         # a process that was killed is still there for a moment
    left = processes_of(str(folder))
    if left:
        found.append(f"{len(left)} processes are left")
    if not re.search(how.causes(), said.read_text()):
        found.append(f"the cause is not named: {said.read_text()[-1500:]}")
    file = folder / "run.minidl"
    if file.exists():
        try:
            minidl.load(file)
        except Exception as error:
            found.append(f"half a checkpoint: {error}")
    return found, took


def processes_of(mark: str) -> list[int]:
    """The processes of a run that are not over."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def main() -> int:
    """Break so many runs; 1 where something did not hold."""
    parser = argparse.ArgumentParser("python -m tests.distributed.kills", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    args = parser.parse_args()
    wrong, slowest = 0, 0.0
    for number in range(args.first, args.first + args.runs):
        how = draw(random.Random(f"{args.seed} {number}"))
        found, seconds = attempt(how)
        wrong, slowest = wrong + bool(found), max(slowest, seconds)
        print(f"{number:4} {seconds:5.2f} s  {how}  {'; '.join(found) or 'well'}", flush=True)
    print(f"{args.runs - wrong} of {args.runs} runs ended as they must, the slowest in {slowest:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
