"""Pickles of arrays, read without the power to run code.

CIFAR is published as pickles, and a pickle may name any function of any module and have it called. Here the pickle is
run by a machine that calls two functions of this file only, which make bytes (`_CALLED`); of all else that it asks for,
it gets a note of what was asked. From the notes that NumPy's arrays leave, the arrays are made, after a look at every
number. Protocols up to 4 are read, which is what the data sets use.
"""
from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from minidl.serialization.files import LoadError, Refused
from minidl.serialization.torch_pickle import Callee, run

_ARRAY = {f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")}
_KNOWN = _ARRAY | {"numpy.ndarray", "numpy.dtype"}


def read_pickle(path: str | Path) -> Any:
    """The value of a pickle made of dicts, lists, numbers, text, bytes and NumPy's arrays of numbers.

    Text and bytes of Python 2 come as str, as with `pickle.load(file, encoding="latin1")`.
    Errors: FileNotFoundError; ValueError for a file that is damaged, cut short, or asks for anything else.

        >>> import pickle, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "batch"
        >>> _ = path.write_bytes(pickle.dumps({"data": np.arange(3, dtype=np.uint8), "labels": [1, 2]}, protocol=2))
        >>> read_pickle(path)
        {'data': array([0, 1, 2], dtype=uint8), 'labels': [1, 2]}
    """
    content = Path(path).read_bytes()
    refused: list[str] = []
    try:
        value = run(io.BytesIO(content), _CALLED, _no_reference, refused)
        for name in refused:
            if name not in _KNOWN:
                raise LoadError(f"refuses `{name}`: only plain data and NumPy's arrays of numbers are read, and a "
                                "pickle that asks for anything else could run any code")
        return _made(value)
    except (LoadError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError,
            RecursionError) as error:
        raise ValueError(f"read_pickle: cannot read {path} ({len(content):,} bytes): it is damaged, cut short or no "
                         f"such pickle ({type(error).__name__}: {error}). Delete it and get it again, for the data "
                         "sets of minidl.vision with download=True") from error


def _encoded(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes with a protocol that has none."""
    if not isinstance(text, str) or encoding != "latin1":
        raise LoadError(f"expected text in latin1, got {type(text).__name__} in {encoding!r}")
    return text.encode("latin1")


_CALLED = {"_codecs.encode": Callee(_encoded), "__builtin__.bytes": Callee(lambda: b"")}


def _no_reference(_: Any) -> Any:
    raise LoadError("it refers to something outside of the file")


def _made(value: Any) -> Any:
    """The value with arrays in the place of what was noted of them."""
    if isinstance(value, dict):
        return {key: _made(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_made(item) for item in value]
    if not isinstance(value, Refused):
        return value
    if value.name not in _ARRAY:
        raise LoadError(f"a lone `{value.name}`")
    _, shape, dtype, by_columns, content = value.state
    if isinstance(content, str):
        content = content.encode("latin1")
    kind = _dtype(dtype)
    if not isinstance(shape, tuple) or any(type(size) is not int or size < 0 for size in shape) or len(shape) > 8:
        raise LoadError(f"an array of shape {shape!r}")
    if not isinstance(content, bytes) or len(content) != math.prod(shape) * kind.itemsize:
        raise LoadError(f"an array of shape {shape} and {kind.name} needs {math.prod(shape) * kind.itemsize:,} bytes, "
                        f"got {len(content) if isinstance(content, bytes) else type(content).__name__}")
    return np.frombuffer(content, kind).reshape(shape, order="F" if by_columns else "C").astype(kind.newbyteorder("="))


def _dtype(noted: Any) -> np.dtype:
    """A type of plain numbers; `numpy.dtype('u1')` with state (3, '<', ...) says it."""
    if not isinstance(noted, Refused) or noted.name != "numpy.dtype":
        raise LoadError(f"expected the type of an array, got {noted!r}")
    code = noted.arguments[0]
    order = noted.state[1] if isinstance(noted.state, tuple) and len(noted.state) > 1 else "="
    if not isinstance(code, str) or code[:1] not in tuple("buif") or order not in tuple("<>=|"):
        raise LoadError(f"arrays of {code!r} are not read, plain numbers are")
    return np.dtype(order.replace("|", "=") + code)
