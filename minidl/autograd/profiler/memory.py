"""The arrays and the memory of arguments and results, for `profile` and `summary`."""
from __future__ import annotations

from typing import Any

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.layout import owner


def arrays_of(value: Any) -> list[Any]:
    """All arrays, and the arrays of all tensors, in nested tuples, lists and dicts."""
    if isinstance(value, TensorBase):
        return [value.array]
    if isinstance(value, (tuple, list)):
        return [array for part in value for array in arrays_of(part)]
    if isinstance(value, dict):
        return arrays_of(list(value.values()))
    return [value] if hasattr(value, "nbytes") and hasattr(value, "base") else []


def new_bytes(result: Any, inputs: Any) -> int:
    """The bytes of memory of a result that are not memory of its inputs."""
    known = {id(owner(array)) for array in arrays_of(inputs)}
    return sum(array.nbytes for array in arrays_of(result) if id(owner(array)) not in known)
