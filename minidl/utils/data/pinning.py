"""Batches in pinned memory, from which a GPU copies by itself."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.tensors.tensor import Tensor


def pin_memory(data: Any, device: Any = None) -> Any:
    """The same data with its Tensors in pinned memory; an object with a method `pin_memory` pins itself."""
    if isinstance(data, Tensor) or hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, Mapping):
        pinned = {name: pin_memory(value) for name, value in data.items()}
        return pinned if type(data) is dict else type(data)(pinned)     # type: ignore[call-arg]
    if isinstance(data, tuple) and hasattr(data, "_fields"):            # a NamedTuple
        return type(data)(*map(pin_memory, data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return tuple(map(pin_memory, data)) if type(data) is tuple else list(map(pin_memory, data))
    return data
