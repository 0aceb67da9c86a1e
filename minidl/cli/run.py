"""`minidl run script.py args`: a program written for PyTorch, on minidl."""
from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any

from minidl.torch_names import as_torch


def add_run(parser: argparse.ArgumentParser) -> None:
    """Describe the words of `minidl run` to their parser."""
    parser.add_argument("-m", dest="is_module", action="store_true", help="the program is a module, as for python -m")
    parser.add_argument("program", help="a file of Python, or with -m, a module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program finds in sys.argv")
    parser.set_defaults(run_command=run)


class _Arguments(list[str]):
    """`sys.argv`. A process that is spawned reads it first, and calls `as_torch` as it does."""

    def __reduce__(self) -> Any:
        return _in_child, (list(self),)


def _in_child(arguments: list[str]) -> _Arguments:
    as_torch()
    return _Arguments(arguments)


def run(args: argparse.Namespace) -> None:
    """Run a program that imports `torch`, which is minidl."""
    as_torch()
    sys.argv = _Arguments([args.program, *args.arguments])
    if args.is_module:
        sys.path.insert(0, "")
        runpy.run_module(args.program, run_name="__main__", alter_sys=True)
        return
    if not Path(args.program).exists():
        raise SystemExit(f"minidl run: expected a program, but there is no file {args.program}; for a module, try -m")
    sys.path.insert(0, str(Path(args.program).resolve().parent))
    runpy.run_path(args.program, run_name="__main__")
