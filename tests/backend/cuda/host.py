"""The `.cu` files of minidl on a machine without a GPU: g++ compiles them, and their threads run one after the other.

It needs neither CUDA nor CuPy. It says nothing of speed or of races; values, indices and number types are those of a
GPU. It serves kernels whose threads do not wait for each other.
"""
from __future__ import annotations

import ctypes
import functools
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl

SOURCES = Path(minidl.__file__).parent / "backend" / "cuda" / "kernels"
HERE = Path(__file__).parent

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")

# a table of its own, so that the one of minidl is checked too
TYPES = {np.bool_: "bool", np.int8: "signed char", np.uint8: "unsigned char", np.int16: "short", np.int32: "int",
         np.int64: "long long", np.float16: "half", np.float32: "float", np.float64: "double"}


def text(file: str) -> str:
    """The text of a file with that of the headers beside it."""
    code = (SOURCES / file).read_text(encoding="utf-8")
    return re.sub(r'#include "(\w+\.cuh)"', lambda found: text(found[1]), code)


@functools.cache
def compiled(file: str, instances: tuple[str, ...]) -> ctypes.CDLL:
    """A `.cu` file as a shared object, with an entry for each instance of a kernel."""
    entries = [f'extern "C" void entry{i}(unsigned blocks, unsigned threads, void **args) '
               f"{{ run(&{instance}, blocks, threads, args); }}" for i, instance in enumerate(instances)]
    code = text(file).replace("#include <cuda_fp16.h>", "")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
        source.write_text("\n".join(['#include "host.h"', code, *entries]), encoding="utf-8")
        subprocess.run(["g++", "-std=c++17", "-O1", "-Wall", "-Wno-unknown-pragmas", "-shared", "-fPIC",
                        "-ffp-contract=off", f"-I{HERE}", str(source), "-o", str(target)], check=True)
        return ctypes.CDLL(str(target))


class Kernels:
    """The instances of a file's kernels: `kernels("scatter_add<float>", size, array, number, ...)`."""

    def __init__(self, file: str, instances: list[str]) -> None:
        self.file, self.instances = file, tuple(instances)

    def __call__(self, instance: str, size: int, *args: Any, blocks: int = 2, threads: int = 32) -> None:
        """Run one over `size` elements: arrays are handed over by address, NumPy scalars by value."""
        library = compiled(self.file, self.instances)
        held = [np.array(a.ctypes.data, np.uint64) if isinstance(a, np.ndarray) else np.array(a)
                for a in (np.int64(size), *args)]
        pointers = (ctypes.c_void_p * len(held))(*[a.ctypes.data for a in held])
        getattr(library, f"entry{self.instances.index(instance)}")(blocks, threads, pointers)
