"""Pickles of arrays, read in a way that cannot run code.

CIFAR is published as pickles, and a pickle can call any function of any module. Here the pickle runs on a machine that
calls only two functions, which make bytes (`_ALLOWED_CALLS`). For all other calls it records a `Refused`.
`_build_arrays` makes NumPy's arrays from these records, after a check of every number. Protocols up to 4 are supported,
which the data sets use.
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
    """Read a pickle of plain data and NumPy's arrays of numbers.

    Plain data are dicts, lists, numbers, text and bytes. Text and bytes of Python 2 come as str, as with
    `pickle.load(file, encoding="latin1")`.
    Errors: FileNotFoundError; ValueError for a file that is damaged, cut short, or contains anything else.

        >>> import pickle, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "batch"
        >>> _ = path.write_bytes(pickle.dumps({"data": np.arange(3, dtype=np.uint8), "labels": [1, 2]}, protocol=2))
        >>> read_pickle(path)
        {'data': array([0, 1, 2], dtype=uint8), 'labels': [1, 2]}
    """
    content = Path(path).read_bytes()
    refused: list[str] = []
    try:
        value = run(io.BytesIO(content), _ALLOWED_CALLS, _no_reference, refused)
        for name in refused:
            if name not in _KNOWN:
                raise LoadError(f"refuses `{name}`: only plain data and NumPy's arrays of numbers are read, and a "
                                "pickle that asks for anything else could run any code")
        return _build_arrays(value)
    except (LoadError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError,
            RecursionError) as error:
        raise ValueError(f"read_pickle: cannot read {path} ({len(content):,} bytes): it is damaged, cut short or no "
                         f"such pickle ({type(error).__name__}: {error}). Delete it and get it again, for the data "
                         "sets of minidl.vision with download=True") from error


def _encode(text: Any, encoding: Any) -> bytes:
    """Bytes as Python 3 pickles them in a protocol without bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise LoadError(f"expected text in latin1, got {type(text).__name__} in {encoding!r}")
    return text.encode("latin1")


_ALLOWED_CALLS = {"_codecs.encode": Callee(_encode), "__builtin__.bytes": Callee(lambda: b"")}


def _no_reference(_: Any) -> Any:
    raise LoadError("it refers to something outside of the file")


def _build_arrays(value: Any) -> Any:
    """The value, with arrays instead of their records."""
    if isinstance(value, dict):
        return {key: _build_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_build_arrays(item) for item in value]
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
    """The dtype of plain numbers from its record: `numpy.dtype('u1')` with state (3, '<', ...)."""
    if not isinstance(noted, Refused) or noted.name != "numpy.dtype":
        raise LoadError(f"expected the type of an array, got {noted!r}")
    code = noted.arguments[0]
    order = noted.state[1] if isinstance(noted.state, tuple) and len(noted.state) > 1 else "="
    if not isinstance(code, str) or code[:1] not in tuple("buif") or order not in tuple("<>=|"):
        raise LoadError(f"arrays of {code!r} are not read, plain numbers are")
    return np.dtype(order.replace("|", "=") + code)
