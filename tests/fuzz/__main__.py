"""`python -m tests.fuzz`: see the docstring of the package."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.checking import torch


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description="Random programs in minidl and PyTorch.")
    parser.add_argument("--programs", type=int, default=5000, help="how many (default 5000)")
    parser.add_argument("--seed", type=int, default=0, help="a program is made from its seed and its index alone")
    parser.add_argument("--first", type=int, default=0,
                        help="index of the first program: split or continue a run by it")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--json", type=Path, help="write the table there, too")
    parser.add_argument("--show", type=int, metavar="INDEX", help="print this one program, shortened if it disagrees")
    parser.add_argument("--no-layout", action="store_true", help="do not compare contiguity and sharing of memory")
    options = parser.parse_args()
    if torch is None:
        print("The fuzzer needs PyTorch: pip install torch==2.13.0", file=sys.stderr)
        return 2
    from tests.fuzz.campaign import run_many, run_some
    from tests.fuzz.run import LAYOUT, quiet
    layout = LAYOUT and not options.no_layout
    quiet()
    if options.show is not None:
        return show(options.seed, options.show, layout)
    if options.jobs == 1 and options.programs <= 1000:
        report = run_some(options.seed, options.first, options.programs, layout, scripts=True)
    else:
        report = run_many(options.seed, options.first, options.programs, options.jobs, layout,
                          lambda line: print(line, flush=True))
    for kind in report.unexplained:
        print(f"\n# {kind.kind}, {kind.row}, program {kind.index}: {kind.detail[:200]}\n{kind.script}")
    print(report.table())
    if options.json:
        options.json.write_text(report.json(), encoding="utf-8")
    return 1 if report.unexplained else 0


def show(seed: int, index: int, layout: bool) -> int:
    """Print one program, and the shortest form of its disagreement."""
    from tests.fuzz.generate import random_program
    from tests.fuzz.judge import judge
    from tests.fuzz.program import script
    from tests.fuzz.run import Skipped
    from tests.fuzz.shorten import shorten
    try:
        program, found = random_program(seed, index, layout)
    except Skipped:
        print("# layouts differ, which is not compared")
        return 0
    if found is None:
        print(script(program, set(), ""), "\n# the libraries agree")
        return 0
    found, reason = judge(program, found)
    short = shorten(program, found, layout)
    print("\n".join(f"# {statement.text}" for statement in program))
    print(f"# {found.kind}: {found.detail}\n# {reason or 'not known'}\n")
    print(short.script if short else "# it does not come back in a second run")
    return 1


if __name__ == "__main__":
    sys.exit(main())
