"""`minidl info`: what minidl found on this machine."""
from __future__ import annotations

import argparse
import importlib.util
import platform

import numpy
import scipy

import minidl
from minidl.backend import blas, process
from minidl.backend.device import cuda_is_available
from minidl.cli.compiling import compile_all


def add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--compile", action="store_true", help="compile all kernels now (Numba), and keep them on disk")
    parser.set_defaults(run_command=_run)


def _run(args: argparse.Namespace) -> None:
    if args.compile:
        compile_all()
    print(info())


def info() -> str:
    """Versions, processor, threads, and what was done to the process, as lines of text.

        >>> from minidl.cli.info import info
        >>> print(info().splitlines()[0])   # doctest: +ELLIPSIS
        minidl           ...
    """
    rows = {
        "minidl": minidl.__version__,
        "Python": platform.python_version(),
        "NumPy, SciPy": f"{numpy.__version__}, {scipy.__version__}",
        "BLAS kernels": blas.blas_core() or "not OpenBLAS, or its name cannot be asked for",
        "threads": f"{minidl.get_num_threads()} (MINIDL_NUM_THREADS or minidl.set_num_threads changes it)",
        "compiled kernels": "on" if minidl.backends.numba.enabled else
                            "off (minidl.backends.numba.enabled = True, or MINIDL_NUMBA=1)"
                            if minidl.backends.numba.is_available() else "need Numba: pip install minidl[numba]",
        "GPU": "CuPy, device 'cuda'" if cuda_is_available() else "none that CuPy can use",
        "extras": ", ".join(name for name in ("cupy", "matplotlib", "numba") if importlib.util.find_spec(name))
                  or "none",
    }
    lines = [f"{name:17}{value}" for name, value in rows.items()]
    lines += ["", "what importing minidl does to the process (MINIDL_LEAVE_ALONE=name,name or all: not to do it)"]
    lines += [f"  {name:15}{process.states[name]}" for name in process.NAMES]
    return "\n".join(lines)
