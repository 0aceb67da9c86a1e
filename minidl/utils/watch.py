"""What `profile` and `summary` ask of the arguments and results of the calls that they watch."""
from __future__ import annotations

from typing import Any

from minidl.autograd.tensorbase import TensorBase
from minidl.backend.layout import owner


def arrays_of(value: Any) -> list[Any]:
    """The arrays of all tensors in nested tuples, lists and dicts; also those that are there as arrays."""
    if isinstance(value, TensorBase):
        return [value.array]
    if isinstance(value, (tuple, list)):
        return [array for part in value for array in arrays_of(part)]
    if isinstance(value, dict):
        return arrays_of(list(value.values()))
    return [value] if hasattr(value, "nbytes") and hasattr(value, "base") else []


def new_bytes(result: Any, inputs: Any) -> int:
    """How many bytes of memory a result takes that its inputs do not take already."""
    known = {id(owner(array)) for array in arrays_of(inputs)}
    return sum(array.nbytes for array in arrays_of(result) if id(owner(array)) not in known)
