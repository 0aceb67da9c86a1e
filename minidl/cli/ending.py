"""How a program ends early, without a traceback."""
from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import NoReturn

CTRL_C = 130          # the exit status that shells give a program that was ended by Ctrl-C
BROKEN_PIPE = 141     # and one whose reader has left, such as `head`
_PROGRAM = os.getpid()      # its forked processes get Ctrl-C too, and leave the word to it


def stop(message: object) -> NoReturn:
    """End the program with one line: what is wrong, what to try."""
    text = "; ".join(line.strip().rstrip(".") for line in str(message).splitlines()).replace(":; ", ": ")
    sys.exit(f"{program().name}: error: {text}")


def no_data(error: Exception) -> NoReturn:
    """End the program, since what `--data` names cannot be read."""
    said = str(error).rstrip(".")
    if isinstance(error, OSError) and error.filename:
        said = f"cannot read {error.filename}: {error.strerror}"
    for of_functions, of_programs in (("download=True", "--download"), (" with is_valid_file=", "")):
        said = said.replace(of_functions, of_programs)
    stop(f"{said}; --data DIR names another folder")


def tell_interrupted(done: int, planned: int) -> None:
    """Say that Ctrl-C came, and after how many epochs."""
    print(f"interrupted after {done} of {planned} epochs", file=sys.stderr)


def program() -> Path:
    """The file of the program, `minidl` for `python -m minidl`."""
    path = Path(sys.argv[0])
    return path if path.name != "__main__.py" else Path("minidl")


def without_traceback() -> None:
    """Make Ctrl-C and a closed pipe end the program quietly."""
    signal.signal(signal.SIGINT, _at_once)
    sys.excepthook = functools.partial(_uncaught, sys.excepthook)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)     # rows appear as they come, in a file or a pipe as well


class CtrlC:
    """Inside the `with`, Ctrl-C only sets a mark.

    A training reads the mark after each step: `fit(stop=ctrl_c)`.

    A second Ctrl-C ends the program at once.
    """

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self) -> bool:
        return self.pressed

    def __enter__(self) -> CtrlC:
        signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exc_info: object) -> None:
        signal.signal(signal.SIGINT, _at_once)

    def _note(self, *_: object) -> None:
        self.pressed = True
        signal.signal(signal.SIGINT, _at_once)


def _at_once(number: int, frame: FrameType | None) -> NoReturn:
    if os.getpid() == _PROGRAM:
        print("interrupted", file=sys.stderr, flush=True)
    os._exit(CTRL_C)        # an exception might be caught by a library


def _uncaught(before: Callable[..., object], kind: type[BaseException], error: BaseException,
              trace: TracebackType | None) -> None:
    if issubclass(kind, BrokenPipeError):
        os._exit(BROKEN_PIPE)
    before(kind, error, trace)
