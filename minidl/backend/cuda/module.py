"""CUDA C++ in the files of `kernels/`, compiled for one type at a time, when it is first called."""
from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import cupy
import numpy as np

from minidl.backend.device import Array, memory_order

KERNELS = Path(__file__).parent / "kernels"
THREADS = 256       # of a block
MOST_BLOCKS = 4096  # a thread goes on to the next element, so a grid need not be larger

NAMES = {"b1": "bool", "i1": "signed char", "u1": "unsigned char", "i2": "short", "u2": "unsigned short", "i4": "int",
         "u4": "unsigned int", "i8": "long long", "u8": "unsigned long long", "f2": "half", "f4": "float",
         "f8": "double"}
"""The types of C++ for NumPy's kinds and sizes."""


@functools.cache
def function(file: str, name: str, *parameters: Any) -> Any:
    """The kernel `name<parameters>` of a file; a parameter is a dtype, a bool or a number."""
    full = f"{name}<{', '.join(map(_in_cpp, parameters))}>" if parameters else name
    return cupy.RawModule(code=source(file), options=("--std=c++17",), name_expressions=(full,)).get_function(full)


def source(file: str) -> str:
    """The text of a file, with that of the headers beside it in the place of their #include."""
    text = (KERNELS / file).read_text(encoding="utf-8")
    return re.sub(r'#include "(\w+\.cuh)"\n', lambda found: source(found[1]), text)


def _in_cpp(parameter: Any) -> str:
    if isinstance(parameter, np.dtype):
        return NAMES[f"{parameter.kind}{parameter.itemsize}"]
    return str(parameter).lower()


def launch(kernel: Any, size: int, *args: Any) -> None:
    """Launch a kernel over `size` elements, and hand it the size first. Python numbers are 64 bits wide."""
    if size:
        kernel((blocks_for(size),), (THREADS,), (size, *args))


def rows(array: Array) -> Array:
    """The array with its elements row by row in memory, itself if they are."""
    return cupy.ascontiguousarray(array)


def is_real(array: Array) -> bool:
    """Whether the array holds floating numbers that kernels here compute with."""
    return array.dtype.kind == "f" and array.dtype.itemsize <= 8


def is_dense(array: Array) -> bool:
    """Whether the elements lie in memory without gaps, in any order."""
    return array.flags.c_contiguous or array.transpose(memory_order(array)).flags.c_contiguous


def blocks_for(size: int) -> int:
    """How many blocks of THREADS threads go over so many elements."""
    return min((size + THREADS - 1) // THREADS, MOST_BLOCKS)


def steps(array: Array) -> np.void:
    """The strides of an array in elements, as one argument of a kernel."""
    return _steps(array.strides, array.itemsize)


@functools.lru_cache(4096)
def _steps(strides: tuple[int, ...], itemsize: int) -> np.void:
    return np.void(np.array([step // itemsize for step in strides], np.int64).tobytes())


def record(values: Any, dtype: np.dtype) -> np.void:
    """A record of values as one argument of a kernel.

    As a scalar of bytes: of an array, or of fields, CuPy would ask NumPy for more, which takes longer than the launch.
    """
    return np.void(np.array(values, dtype).tobytes())
