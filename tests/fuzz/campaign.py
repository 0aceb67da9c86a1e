"""Many programs: in one process or several, with progress, a table at the end, and one short script for each kind."""
from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field

from tests.fuzz import run as running
from tests.fuzz.generate import random_program
from tests.fuzz.judge import judge
from tests.fuzz.run import Skipped, quiet
from tests.fuzz.shorten import shorten

CHUNK = 1000


@dataclass
class Kind:
    """Disagreements of one kind that one line of the table gave."""

    kind: str
    row: str
    reason: str             # "" if it is not known
    count: int
    index: int              # of the first program that showed it
    statement: str
    detail: str
    script: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}: {self.row}: {self.reason}"


@dataclass
class Report:
    """What a number of programs gave."""

    seed: int
    first: int
    programs: int = 0
    statements: int = 0
    skipped: int = 0        # programs that end early since layouts differ and are not compared
    seconds: float = 0.0
    kinds: dict[str, Kind] = field(default_factory=dict)

    def add(self, kind: Kind) -> None:
        key = kind.key
        if key in self.kinds:
            known = self.kinds[key]
            known.count += kind.count
            if kind.index < known.index:
                self.kinds[key] = Kind(**{**asdict(kind), "count": known.count})
        else:
            self.kinds[key] = kind

    def merge(self, other: Report) -> None:
        self.programs += other.programs
        self.statements += other.statements
        self.skipped += other.skipped
        for kind in other.kinds.values():
            self.add(kind)

    def count(self, silent: bool | None = None, known: bool | None = None, kind: str = "") -> int:
        return sum(k.count for k in self.kinds.values()
                   if (silent is None or silent == (k.kind not in running.REFUSALS))
                   and (known is None or known == bool(k.reason)) and (not kind or k.kind == kind))

    @property
    def unexplained(self) -> list[Kind]:
        return [kind for kind in self.kinds.values() if not kind.reason]

    def line(self) -> str:
        """One line of progress."""
        rate = self.programs / max(self.seconds, 1e-9)
        return (f"{self.programs} programs, {rate:.0f}/s, silent differences {self.count(silent=True, known=False)} "
                f"(known {self.count(silent=True, known=True)}), minidl refuses "
                f"{self.count(kind=running.MINIDL_REFUSES)}, PyTorch refuses {self.count(kind=running.TORCH_REFUSES)}, "
                f"other error types {self.count(kind='error type')}, skipped {self.skipped}")

    def table(self) -> str:
        """A line for each kind, most frequent first; then the shares."""
        lines = [f"{'count':>7}  {'first':>7}  kind, line of the table: minidl's and PyTorch's"]
        for kind in sorted(self.kinds.values(), key=lambda k: (bool(k.reason), k.kind, -k.count)):
            lines.append(f"{kind.count:>7}  {kind.index:>7}  {kind.kind}, {kind.row}: {kind.detail[:150]!r}"
                         + (f" [{kind.reason}]" if kind.reason else ""))
        share = 100 * self.count(kind=running.MINIDL_REFUSES) / max(1, self.programs)
        lines += ["", self.line(), f"seed {self.seed}, programs {self.first} to {self.first + self.programs - 1}, "
                  f"{self.statements} statements, {self.seconds:.0f} s; "
                  f"{share:.2f} % of programs run in PyTorch and are refused by minidl"]
        return "\n".join(lines)

    def json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def run_some(seed: int, first: int, count: int, layout: bool, seconds: float = float("inf"),
             scripts: bool = False) -> Report:
    """Run programs `first` to `first + count - 1`, or as many as the time allows."""
    quiet()
    running.LAYOUT = layout
    report = Report(seed, first)
    start = time.perf_counter()
    for index in range(first, first + count):
        if time.perf_counter() - start > seconds:
            break
        report.programs += 1
        try:
            program, found = random_program(seed, index)
            found, reason = judge(program, found) if found is not None else (None, "")
        except Skipped:
            report.skipped += 1
            continue
        except Exception as error:      # one program must not end a night's run
            report.add(Kind("fuzzer fails", type(error).__name__, "", 1, index, "", str(error)))
            continue
        report.statements += len(program)
        if found is not None:
            kind = Kind(found.kind, found.row, reason, 1, index, found.statement, found.detail)
            if scripts and not reason and kind.key not in report.kinds:
                short = shorten(program, found)
                kind.script = short.script if short else "it does not come back in a second run\n"
            report.add(kind)
    report.seconds = time.perf_counter() - start
    return report


def run_apart(seed: int, first: int, count: int, layout: bool) -> Report:
    """`run_some` in a process of its own, as a program can crash PyTorch: it is found by halves, and reported."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        try:
            return pool.submit(run_some, seed, first, count, layout).result()
        except BrokenProcessPool:
            pass
    report = Report(seed, first)
    if count == 1:
        report.programs = 1
        report.add(Kind("crash", "the process died", "", 1, first, "", f"see --show {first}"))
        return report
    half = count // 2
    report.merge(run_apart(seed, first, half, layout))
    report.merge(run_apart(seed, first + half, count - half, layout))
    return report


def run_many(seed: int, first: int, count: int, jobs: int, layout: bool, show: Callable[[str], None]) -> Report:
    """Share programs out among processes; `show` is called with a line about every ten seconds."""
    report = Report(seed, first)
    start = last = time.perf_counter()
    chunks = range(first, first + count, CHUNK)
    with ThreadPoolExecutor(jobs) as pool:
        pending = [pool.submit(run_apart, seed, at, min(CHUNK, first + count - at), layout) for at in chunks]
        try:
            for done in as_completed(pending):
                report.merge(done.result())
                report.seconds = time.perf_counter() - start
                if time.perf_counter() - last > 10:
                    last = time.perf_counter()
                    left = (count - report.programs) * report.seconds / report.programs
                    show(f"{report.line()}, {left / 60:.0f} min left")
        except KeyboardInterrupt:
            for one in pending:
                one.cancel()
            show(f"interrupted; a run with --first {first + report.programs // CHUNK * CHUNK} goes on about there")
    for kind in report.unexplained:
        if kind.kind == "crash":
            continue
        try:
            program, found = random_program(seed, kind.index, layout)
        except Exception:       # as it is reported
            continue
        short = shorten(program, found, layout) if found else None
        kind.script = short.script if short else "it does not come back in a second run\n"
    return report
