"""CUDA C++ in files beside this one, compiled for one type at a time, when it is first called."""
from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import cupy
import numpy as np

from minidl.backend.device import Array

THREADS = 256       # of a block
MOST_BLOCKS = 4096  # a thread goes on to the next element, so a grid need not be larger

NAMES = {"b1": "bool", "i1": "signed char", "u1": "unsigned char", "i2": "short", "u2": "unsigned short", "i4": "int",
         "u4": "unsigned int", "i8": "long long", "u8": "unsigned long long", "f2": "half", "f4": "float",
         "f8": "double"}
"""The types of C++ for NumPy's kinds and sizes."""


@functools.cache
def function(file: str, name: str, *dtypes: np.dtype) -> Any:
    """The kernel `name<types>` of a file."""
    full = f"{name}<{', '.join(NAMES[f'{dtype.kind}{dtype.itemsize}'] for dtype in dtypes)}>" if dtypes else name
    code = Path(__file__).with_name(file).read_text(encoding="utf-8")
    return cupy.RawModule(code=code, options=("--std=c++17",), name_expressions=(full,)).get_function(full)


def launch(kernel: Any, size: int, *args: Any) -> None:
    """Launch a kernel over `size` elements, and hand it the size first. Python numbers are 64 bits wide."""
    if size:
        blocks = min((size + THREADS - 1) // THREADS, MOST_BLOCKS)
        kernel((blocks,), (THREADS,), (np.int64(size), *args))


def rows(array: Array) -> Array:
    """The array with its elements row by row in memory, itself if they are."""
    return cupy.ascontiguousarray(array)
