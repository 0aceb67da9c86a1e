"""The four changes that importing minidl makes to the process, each with its reason.

The environment variable MINIDL_LEAVE_ALONE names the changes to leave out: "freed_memory,warnings", or "all".
`python -m minidl info` lists what was done. This file runs before NumPy is loaded, and so imports nothing of minidl.
"""
from __future__ import annotations

import ctypes
import os
import platform
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

NAMES = ("blas_kernels", "freed_memory", "blas_threads", "warnings")

_asked = {name.strip() for name in os.environ.get("MINIDL_LEAVE_ALONE", "").split(",")} - {""}
if _asked - {*NAMES, "all"}:
    warnings.warn(f"MINIDL_LEAVE_ALONE: expected names out of {', '.join(NAMES)} or all, but got "
                  f"{', '.join(sorted(_asked - {*NAMES, 'all'}))}", stacklevel=2)

states: dict[str, str] = {}
"""A description of what was done, by name."""


def is_left_alone(name: str) -> bool:
    """Whether the user asked to leave this change out."""
    return bool({name, "all"} & _asked)


def _do(name: str, change: Callable[[], str]) -> None:
    """Make a change, unless it is to be left out, and keep the description that `change` returns."""
    states[name] = "left alone, as MINIDL_LEAVE_ALONE asks" if is_left_alone(name) else change()


# ---------------------------------------------------------------------- blas_kernels

# A version of OpenBLAS that is older than the processor does not know it, and uses kernels without AVX-512: on a Zen 5
# machine a matrix product in single precision ran at 240 instead of 450 GFLOP/s. OpenBLAS reads the name of its kernels
# from the environment when NumPy is loaded. So minidl sets this name, if it is imported before NumPy, on an AMD
# processor with AVX-512, and if the user has not set it. (OpenBLAS recognises the processors of Intel.)

CORE_VARIABLE = "OPENBLAS_CORETYPE"
AVX512 = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}


def best_core(cpuinfo: str) -> str | None:
    """The name of the kernels to use, given the text of /proc/cpuinfo; None if OpenBLAS should choose."""
    of_first_core = dict(line.split(":", 1) for line in cpuinfo.split("\n\n")[0].splitlines() if ":" in line)
    fields = {name.strip(): value for name, value in of_first_core.items()}
    is_amd = fields.get("vendor_id", "").strip() == "AuthenticAMD"
    return "SkylakeX" if is_amd and set(fields.get("flags", "").split()) >= AVX512 else None


def _choose_blas_kernels() -> str:
    path = Path("/proc/cpuinfo")
    if CORE_VARIABLE in os.environ:
        return f"{CORE_VARIABLE}={os.environ[CORE_VARIABLE]}, which was set before"
    if "numpy" in sys.modules:
        return "left to OpenBLAS: NumPy was imported before minidl"
    name = best_core(path.read_text(encoding="utf-8", errors="replace")) if path.exists() else None
    if name is None:
        return "left to OpenBLAS, which knows this processor"
    os.environ[CORE_VARIABLE] = name
    return f"{CORE_VARIABLE}={name} was set: OpenBLAS may be older than this processor"


# ---------------------------------------------------------------------- freed_memory

# The C library returns large blocks to the operating system as soon as they are freed, and a training step frees
# nearly all memory that it allocated. Then the next step gets the same memory page by page, and the kernel zeroes each
# page first: for LeNet this took a third of the time. So minidl lets the GNU C library keep up to `KEPT_BYTES`. Blocks
# above the library's own limit of 32 MiB still come from the system, as they should. Nothing is changed if the user has
# set the C library's own variables, or if the library is another one.
#
# Source: mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html

KEPT_BYTES = 1 << 30
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3   # mallopt's numbers for how much to keep, and for what counts as large


def _keep_freed_memory() -> str:
    users = [name for name in os.environ if name.startswith("MALLOC_") or name == "GLIBC_TUNABLES"]
    if users:
        return f"left to the C library: {users[0]} is set"
    if platform.libc_ver()[0] != "glibc":
        return "left to the C library, which is not GNU's"
    libc = ctypes.CDLL(None)
    if not (libc.mallopt(_MMAP_THRESHOLD, 32 << 20) and libc.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)):
        return "left to the C library, which declined"
    return f"up to {KEPT_BYTES >> 20} MiB are kept for the next step"


# ---------------------------------------------------------------------- blas_threads

# NumPy's BLAS library has threads of its own. It has as many as minidl, but only one while minidl's threads work on
# blocks: two teams of threads on the same cores slow each other down.

def _hold_blas() -> str:
    if not blas.manage(blas.NUMPY_MODULE):
        return "left to BLAS, which is not OpenBLAS; pip install threadpoolctl"
    return "BLAS is held to one while minidl's threads work"


# ---------------------------------------------------------------------- warnings

# log(0) is -inf and 0/0 is nan, without a warning, as in PyTorch. NumPy would warn. Only the warnings from minidl's own
# arithmetic are hidden, and NumPy's settings are left alone.

def _hide_warnings() -> str:
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minidl\.(ops|backend|autograd|optim)")
    return "NumPy's of division by zero, overflow and nan are hidden where minidl computes"


_do("blas_kernels", _choose_blas_kernels)
_do("freed_memory", _keep_freed_memory)
_do("warnings", _hide_warnings)
from minidl.backend import blas  # noqa: E402  (it loads NumPy, and with it OpenBLAS, which reads the variable)

_do("blas_threads", _hold_blas)
