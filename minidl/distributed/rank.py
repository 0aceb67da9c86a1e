"""One of the processes that `minidl.distributed.run` starts: it joins the others before its program begins.

So the others end with it wherever it fails, also before `init_process_group`.
"""
from __future__ import annotations

import importlib


def main() -> None:
    """Run the program that the command line names."""
    importlib.import_module("mpi4py.MPI")
    importlib.import_module("mpi4py.run").main()


if __name__ == "__main__":
    main()
