"""The CuPy wheel on a machine without a GPU: below it, g++ and NumPy play the CUDA runtime, driver and libraries.

    on_cpu.install()        # before the first `import cupy`; needs g++ and nm
    import cupy

What is real: all that CuPy does in Python and Cython (types, indices, views, generated code, the memory pool) and the
text of every kernel, CuPy's and minidl's, which g++ compiles with `shim.h`. The threads of a block are fibers, so that
barriers and shuffles work. What stands in: memory (`runtime.py`), the launch (`driver.cpp`), and the libraries of
NVIDIA (`libraries.py`). It says nothing about speed, races, or the last digits of a GPU's functions.

`install(dry=True)` computes nothing and compiles nothing: all memory is zero. Launches can still be counted, and the
time that is left is that of Python and CuPy.
"""
from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("MINIDL_CUDA_ON_CPU") or Path(tempfile.gettempdir()) / "minidl-cuda-on-cpu")

counts: Counter[tuple[str, str]] = Counter()    # (kind, name): a launch, a call of a library, a wait, a copy, a fill


def count(kind: str, name: str = "") -> None:
    counts[kind, name] += 1


def built(source: Path, target: str, *flags: str) -> Path:
    """A shared object of a C++ file, made once for each text of it."""
    key = hashlib.sha256(source.read_bytes() + repr(flags).encode()).hexdigest()[:16]
    path = CACHE / f"library-{key}" / target
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        subprocess.run(["g++", "-O1", "-w", "-shared", "-fPIC", f"-Wl,-soname,{target}", "-o", part, source, "-ldl",
                        *flags], check=True)
        part.replace(path)
    return path


def install(devices: int = 2, dry: bool = False) -> None:
    """Make `import cupy` work here, with so many GPUs that are none."""
    if "cupy" in sys.modules:
        raise RuntimeError("on_cpu.install() comes before the first `import cupy`")
    CACHE.mkdir(parents=True, exist_ok=True)
    texts = b"".join(path.read_bytes() for path in (HERE / "shim.h", HERE / "compiler.py"))
    made_with = hashlib.sha256(texts).hexdigest()[:16]
    os.environ["CUPY_CACHE_DIR"] = str(CACHE / f"{'dry' if dry else 'kernels'}-{made_with}")
    os.environ["CUPY_ACCELERATORS"] = ""        # CUB's kernels are compiled for GPUs alone

    from tests.backend.cuda.on_cpu import compiler, libraries, runtime
    driver = ctypes.CDLL(str(built(HERE / "driver.cpp", "libcuda.so.1")), mode=ctypes.RTLD_GLOBAL)
    libraries.load()
    runtime.install(devices, driver, dry)
    import cupy  # noqa: F401
    compiler.install(dry)
    libraries.install(dry)
    runtime.observe(driver)


def has_gpu() -> bool:
    """Whether a driver finds a GPU on this machine; the one that `install` loads has no such function."""
    try:
        driver, number = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
    except OSError:
        return False
    return (hasattr(driver, "cuDeviceGetCount") and driver.cuInit(0) == 0
            and driver.cuDeviceGetCount(ctypes.byref(number)) == 0 and number.value > 0)


@contextmanager
def counted() -> Iterator[Counter[tuple[str, str]]]:
    """What the block asks of the GPU, by kind and name."""
    before, found = counts.copy(), Counter()
    yield found
    found.update(counts - before)
