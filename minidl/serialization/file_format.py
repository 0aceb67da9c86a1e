"""minidl's own file format: a preamble, a header in JSON, the raw numbers.

docs/file_format.md describes it. Loading builds only the values named here: a file contains no code, and loading looks
up none.
"""
from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.device import Device
from minidl.backend.torch_types import Size
from minidl.backend.torch_types import dtype as DType
from minidl.nn.parameter import Parameter
from minidl.serialization.files import File, LoadError
from minidl.serialization.modules import Rebuilder, describe
from minidl.serialization.storage import (
    DTYPES,
    Described,
    Placement,
    Roots,
    Storage,
    cannot_save,
    check_byte_order,
)
from minidl.tensors.tensor import Tensor

MAGIC = b"\x89minidl\n"
VERSION = 1
_PREAMBLE = struct.Struct("<8sIIQ")     # magic, version, checksum of the rest up to the data, length of the header
_ALIGNMENT = 64
_DICTS: dict[str, Any] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_DICT_NAMES = {kind: name for name, kind in _DICTS.items()}


def round_up(length: int) -> int:
    """Round `length` up to where the next piece may begin."""
    return -(-length // _ALIGNMENT) * _ALIGNMENT


# ---------------------------------------------------------------------- saving


def write(value: Any, open_file: Callable[[], Any]) -> None:
    """Save nested containers of tensors and plain values. All checks come before the file is opened."""
    check_byte_order()
    value = describe(value)
    roots = Roots(value)
    contents = encode(value, roots, "obj")
    pieces = [root.used() for root in roots.roots]
    memories = [[piece.nbytes, zlib.crc32(_padding(piece), zlib.crc32(piece)), root.location]
                for piece, root in zip(pieces, roots.roots)]
    header = json.dumps({"memories": memories, "contents": contents}, separators=(",", ":")).encode("ascii")
    header = header.ljust(round_up(_PREAMBLE.size + len(header)) - _PREAMBLE.size)
    with open_file() as stream:
        stream.write(_PREAMBLE.pack(MAGIC, VERSION, _checksum(VERSION, header), len(header)) + header)
        for piece in pieces:
            stream.write(memoryview(piece))
            stream.write(_padding(piece))


def _padding(piece: np.ndarray) -> bytes:
    return bytes(round_up(piece.nbytes) - piece.nbytes)


def _checksum(version: int, header: Any) -> int:
    """The checksum of the preamble (with checksum 0) and the header."""
    return zlib.crc32(header, zlib.crc32(_PREAMBLE.pack(MAGIC, version, 0, len(header))))


def encode(value: Any, roots: Roots, path: str) -> Any:
    """A value as JSON: `{"kind": ...}`, or the value itself where JSON has it.

    Errors: TypeError for a value that no file can hold; it names the path to the value.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Tensor):
        kind = "parameter" if isinstance(value, Parameter) else "tensor"
        return {kind: {**_view(value.array, roots, path), "requires_grad": value.requires_grad}}
    if type(value) in (np.ndarray, np.memmap):
        return {"array": _view(value, roots, path)}
    if isinstance(value, np.generic):
        return {"number": [value.dtype.name, base64.b64encode(_plain(value, path).tobytes()).decode()]}
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if type(value) in _DICT_NAMES:
        return {_DICT_NAMES[type(value)]: [[encode(key, roots, f"the key {key!r} of {path}"),
                                            encode(part, roots, f"{path}[{key!r}]")] for key, part in value.items()]}
    if isinstance(value, Size):
        return {"size": list(value)}
    if isinstance(value, Described):
        return {value.kind: encode(value.parts, roots, path)}
    if type(value) in (list, tuple):
        parts = [encode(part, roots, f"{path}[{i}]") for i, part in enumerate(value)]
        return parts if type(value) is list else {"tuple": parts}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (np.dtype, DType)) and value.name in DTYPES:
        return {"dtype": value.name}
    if isinstance(value, Device):
        return {"device": str(value)}
    if isinstance(value, np.random.Generator) and type(value.bit_generator) is np.random.PCG64:
        return {"generator": encode(value.bit_generator.state, roots, path)}
    raise cannot_save(value, path)


def _view(array: Any, roots: Roots, path: str) -> dict[str, Any]:
    """How an array views its memory."""
    _plain(array, path)
    memory, offset, strides = roots.place(array)
    return {"dtype": array.dtype.name, "shape": array.shape, "strides": strides, "offset": offset, "memory": memory}


def _plain(array: Any, path: str) -> Any:
    """The array. Errors: TypeError unless it holds numbers."""
    if array.dtype.name not in DTYPES:
        raise TypeError(f"save: {path} is an array of {array.dtype}; a file holds arrays of numbers: "
                        f"{', '.join(DTYPES)}")
    return array


# ---------------------------------------------------------------------- loading


def read(file: File, place: Placement) -> Any:
    """The saved value. Errors: LoadError wherever a byte is not as it was written."""
    check_byte_order()
    magic, version, checksum, length = _PREAMBLE.unpack(file.read(0, _PREAMBLE.size))
    if version != VERSION:
        raise LoadError(f"it says it is of version {version} of minidl's format, and this minidl reads version "
                        f"{VERSION}: it is damaged, or of a later minidl")
    header = file.read(_PREAMBLE.size, length)
    if _checksum(version, header) != checksum:
        raise LoadError("its header is damaged: the checksum does not fit")
    described = json.loads(header.tobytes())
    storages, start = [], _PREAMBLE.size + length
    for number, (size, checksum, location) in enumerate(described["memories"]):
        data = file.read(start, round_up(size))
        if file.mapped is None and zlib.crc32(data) != checksum:
            raise LoadError(f"its data are damaged: the checksum of memory {number}, bytes {start} to {start + size}, "
                            f"does not fit")
        storages.append((place(data[:size], location), data[:size]))
        start += round_up(size)
    if start != file.size:
        raise LoadError(f"it goes on after its end: {file.size - start} bytes too many")
    objects = Rebuilder(lambda name, why: file.refuse(name, "obj", why))
    return decode(described["contents"], [Storage(placed) for placed, _ in storages],
                  [Storage(data) for _, data in storages], objects)


def decode(node: Any, tensors: list[Storage], arrays: list[Storage], objects: Rebuilder) -> Any:
    """The inverse of `encode`. NumPy arrays stay on the host, wherever the tensors are."""
    def inside(part: Any) -> Any:
        return decode(part, tensors, arrays, objects)

    if isinstance(node, list):
        return [inside(part) for part in node]
    if not isinstance(node, dict):
        return node
    (kind, what), = node.items()
    if kind in ("tensor", "parameter"):
        tensor = tensors[what["memory"]].tensor(*_view_of(what))
        if kind == "parameter":
            return Parameter(tensor, what["requires_grad"])
        tensor.requires_grad = what["requires_grad"]
        return tensor
    if kind == "array":
        return arrays[what["memory"]].array(*_view_of(what))
    if kind in _DICTS:
        pairs = [(inside(key), inside(part)) for key, part in what]
        return _DICTS[kind](dict(pairs))
    if kind == "tuple":
        return tuple(inside(what))
    if kind == "generator":
        generator = np.random.PCG64()
        generator.state = inside(what)
        return np.random.Generator(generator)
    if kind == "number":
        return np.frombuffer(base64.b64decode(what[1]), DTYPES[what[0]])[0]
    return _PLAIN[kind](what) if kind in _PLAIN else objects.rebuild(kind, what, inside)


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "float": float, "bytes": base64.b64decode, "device": Device, "dtype": DType, "size": Size,
}


def _view_of(what: dict[str, Any]) -> tuple[np.dtype, list[int], list[int], int]:
    return DTYPES[what["dtype"]], what["shape"], what["strides"], what["offset"]
