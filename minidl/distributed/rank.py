"""One of the processes that `minidl.distributed.run` starts: it joins the others before its program begins.

So the others end with it wherever it fails, also before `init_process_group`.
"""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

from minidl.distributed.engines import world


def main() -> None:
    """Run the program that the command line names."""
    world()
    is_module = sys.argv[1] == "-m"
    sys.argv = sys.argv[1 + is_module:]
    try:
        if is_module:
            sys.path[0] = ""
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:       # also where the program does not say sys.exit
        sys.exit(end.code)


if __name__ == "__main__":
    main()
