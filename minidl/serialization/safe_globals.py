"""What a PyTorch file may name beyond tensors: classes that the user has named, NumPy's arrays and numbers, sets.

Nothing else is looked up, whatever `weights_only` says.
"""
from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minidl.serialization.files import LoadError
from minidl.serialization.torch_pickle import Callee, require_type

_safe: dict[str, Any] = {}      # classes and functions by the names that files have for them


def add_safe_globals(safe_globals: Sequence[Any]) -> None:
    """Let `load` make objects of these classes and call these functions, where a PyTorch file asks for them.

    An object is made by `__new__`, and gets its attributes by `__setstate__` or in `__dict__`: that code runs. Name
    only what you trust with whatever arguments a file has. A pair (class, name) gives the name in the file.

        >>> import argparse, minidl
        >>> minidl.serialization.add_safe_globals([argparse.Namespace])
        >>> minidl.serialization.get_safe_globals()
        [<class 'argparse.Namespace'>]
        >>> minidl.serialization.clear_safe_globals()
    """
    for given in safe_globals:
        known, name = given if isinstance(given, tuple) else (given, f"{given.__module__}.{given.__qualname__}")
        if not callable(known) or not isinstance(name, str):
            raise TypeError(f"add_safe_globals: expected classes and functions, or pairs of one and its name in the "
                            f"file, but got {given!r}")
        _safe[name] = known


def get_safe_globals() -> list[Any]:
    """The classes and functions that `add_safe_globals` has named."""
    return list(_safe.values())


def known_classes() -> dict[str, Any]:
    """What `add_safe_globals` has named, by the names that files have for it."""
    return _safe


def clear_safe_globals() -> None:
    """Forget what `add_safe_globals` has named."""
    _safe.clear()


@contextlib.contextmanager
def safe_globals(safe_globals: Sequence[Any]) -> Iterator[None]:
    """`add_safe_globals` for a block."""
    before = dict(_safe)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _safe.clear()
        _safe.update(before)


def names(weights_only: bool) -> dict[str, Any]:
    """The names that a file may look up beside those of tensors."""
    return {**({} if weights_only else _NUMPY), **{name: Callee(known) for name, known in _safe.items()}}


def build(value: Any, state: Any) -> bool:
    """Give an object of a class that was named, an array or a dtype its state. Returns whether it is one of these."""
    if isinstance(value, np.ndarray):
        value.__setstate__(_state_of_array(state))
    elif isinstance(value, np.dtype):
        if not isinstance(state, tuple) or len(state) < 4 or state[1] not in ("<", "=", "|") or state[3] is not None:
            raise LoadError(f"refuses a NumPy dtype of state {state!r}: numbers in the byte order of this machine only")
    elif type(value) not in _safe.values():
        return False
    elif hasattr(value, "__setstate__"):
        value.__setstate__(state)
    else:
        attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
        for name, part in {**(attributes or {}), **(slots or {})}.items():
            object.__setattr__(value, require_type(name, str), part)
    return True


# ---------------------------------------------------------------------- NumPy

def _dtype(kind: Any, *_: Any) -> np.dtype:
    if not isinstance(kind, str) or not re.fullmatch(r"[biufcSU]\d{1,4}", kind):
        raise LoadError(f"refuses the NumPy dtype {kind!r}: numbers and texts only")
    return np.dtype(kind)


def _scalar(dtype: Any, data: Any) -> Any:
    return np.frombuffer(require_type(data, bytes), require_type(dtype, np.dtype))[0]


def _new_array(*_: Any) -> np.ndarray:
    """An array that gets its shape, dtype and numbers by `build`."""
    return np.ndarray((0,), np.int8)


def _state_of_array(state: Any) -> tuple[Any, ...]:
    """Check what `ndarray.__setstate__` is to be handed. Errors: LoadError."""
    version, shape, dtype, by_columns, data = require_type(state, tuple) if len(state) == 5 else (None,) * 5
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape) \
            or not isinstance(dtype, np.dtype) or dtype.hasobject or not isinstance(data, bytes) \
            or math.prod(shape) * dtype.itemsize != len(data):
        raise LoadError("it holds a NumPy array whose shape, dtype and bytes do not fit")
    return version, shape, dtype, bool(by_columns), data


def _refuse_array_class(*_: Any) -> Any:
    """The class of an array: an argument, never called."""
    raise LoadError("refuses to call `numpy.ndarray`")


def _set(items: Any = ()) -> set[Any]:
    parts = require_type(items, list)
    for part in parts:
        if part is not None and not isinstance(part, (str, bytes, int, float)):
            raise LoadError(f"refuses a {type(part).__name__} in a set")
    return set(parts)


_NUMPY = {"numpy.dtype": Callee(_dtype), "numpy.ndarray": Callee(_refuse_array_class), "__builtin__.set": Callee(_set),
          "builtins.set": Callee(_set),
          **{f"numpy.{core}.multiarray.{name}": Callee(function) for core in ("core", "_core")
             for name, function in (("scalar", _scalar), ("_reconstruct", _new_array))}}
