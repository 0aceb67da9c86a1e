"""How an example ends early, without a traceback: something is missing, Ctrl-C, or nobody reads its output any more.

Imported before the libraries, since Ctrl-C may come while they are being imported.
"""
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

CTRL_C = 130          # the exit status that shells give a program that was ended by Ctrl-C
BROKEN_PIPE = 141     # and one whose reader has left, such as `head`


def stop(message: object) -> NoReturn:
    """End the program with one line that says what is wrong, and what to try."""
    sys.exit(f"{Path(sys.argv[0]).name}: error: {'; '.join(map(str.strip, str(message).splitlines()))}")


def interrupted(*_) -> NoReturn:
    """End the program at once; an exception might be caught by a library that is just being imported."""
    print("interrupted", file=sys.stderr, flush=True)
    os._exit(CTRL_C)


def _uncaught(kind, error, trace) -> None:
    if issubclass(kind, KeyboardInterrupt):
        interrupted()
    if issubclass(kind, BrokenPipeError):
        os._exit(BROKEN_PIPE)
    if isinstance(error, ModuleNotFoundError) and error.name in ("minidl", "numpy", "tqdm", "PIL"):
        print(f"{error.name} is not installed for {sys.executable}; try: {sys.executable} -m pip install "
              f"{Path(__file__).parents[2]}", file=sys.stderr)
        return
    sys.__excepthook__(kind, error, trace)


signal.signal(signal.SIGINT, interrupted)
sys.excepthook = _uncaught
sys.stdout.reconfigure(line_buffering=True)   # rows appear as they come, in a file or a pipe as well
