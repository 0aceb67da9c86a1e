"""Have OpenBLAS use all of the processor.

Versions of OpenBLAS that are older than the processor do not know it, and fall back on kernels without AVX-512: on a
Zen 5 machine a matrix product in single precision ran at 240 instead of 450 GFLOP/s. OpenBLAS reads the name of its
kernels from the environment when NumPy is loaded. So where minidl is imported before NumPy, on an AMD processor with
AVX-512, it names them, unless the user has. (OpenBLAS knows those of Intel.) `python -m minidl info` shows what is
in use.
"""
from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"
AVX512 = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}


def advise(cpuinfo: str) -> str | None:
    """The name of the kernels to use, given the text of /proc/cpuinfo; None if OpenBLAS should choose."""
    of_first_core = dict(line.split(":", 1) for line in cpuinfo.split("\n\n")[0].splitlines() if ":" in line)
    fields = {name.strip(): value for name, value in of_first_core.items()}
    is_amd = fields.get("vendor_id", "").strip() == "AuthenticAMD"
    return "SkylakeX" if is_amd and set(fields.get("flags", "").split()) >= AVX512 else None


def choose_kernels() -> None:
    """Set the variable, if it is not too late and the user has not."""
    path = Path("/proc/cpuinfo")
    if "numpy" in sys.modules or VARIABLE in os.environ or not path.exists():
        return
    name = advise(path.read_text(encoding="utf-8", errors="replace"))
    if name is not None:
        os.environ[VARIABLE] = name


choose_kernels()
