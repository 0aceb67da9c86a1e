"""The safetensors format: tensors by name, and nothing else.

Eight bytes give the length of a header in JSON. The header says dtype, shape and position of every tensor. See
https://github.com/huggingface/safetensors.

    >>> import minidl
    >>> from minidl.serialization import safetensors
    >>> data = safetensors.save({"weight": minidl.ones(2, 3)}, {"made by": "minidl"})
    >>> safetensors.load(data)["weight"].shape, safetensors.metadata(data)
    ((2, 3), {'made by': 'minidl'})
"""
from __future__ import annotations

import io
import itertools
import json
import math
from typing import Any

from minidl.autograd.tensorbase import wrap
from minidl.backend.dtype import float32, supported
from minidl.backend.narrow import ITEMSIZE
from minidl.serialization.files import File, LoadError, naming_errors
from minidl.serialization.storage import (
    DTYPES,
    Placement,
    Storage,
    arrays_by_name,
    check_byte_order,
    contiguous_strides,
    to_float32,
    unsupported_dtype_message,
)
from minidl.serialization.writing import atomic_writer

CODES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16",
         "int8": "I8", "uint8": "U8", "bool": "BOOL", "uint16": "U16", "uint32": "U32", "uint64": "U64",
         "complex64": "C64"}
NARROW = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz",
          "F8_E5M2FNUZ": "float8_e5m2fnuz"}
"""Dtypes that NumPy has not; their tensors become float32."""

_NAMES = {code: name for name, code in CODES.items()}
LONGEST_HEADER = 100_000_000       # the specification's limit


def save(tensors: dict[str, Any], metadata: dict[str, str] | None = None) -> bytes:
    """The contents of a safetensors file; see `save_file`."""
    stream = io.BytesIO()
    save_file(tensors, stream, metadata)
    return stream.getvalue()


def save_file(tensors: dict[str, Any], filename: Any, metadata: dict[str, str] | None = None) -> None:
    """Save tensors by name; `metadata`: texts by name.

    The format has no views: tensors that share memory are written separately, and are separate when loaded.
    Errors: TypeError unless given a dict of tensors or arrays of numbers, and texts.
    """
    check_byte_order()
    if metadata is not None and not all(isinstance(x, str) for pair in metadata.items() for x in pair):
        raise TypeError("safetensors: metadata must be a dict of str to str")
    arrays = arrays_by_name(tensors, "safetensors")
    for name, array in arrays.items():
        if array.dtype.name not in CODES:
            raise TypeError(f"safetensors: {name!r} cannot be saved: the format has no {array.dtype}")
        if name == "__metadata__":
            raise TypeError("safetensors: no tensor can be called '__metadata__'")
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))     # so that all are aligned
    ends = dict(zip(order, itertools.accumulate(arrays[name].nbytes for name in order)))
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(metadata)}
    for name, array in arrays.items():
        header[name] = {"dtype": CODES[array.dtype.name], "shape": array.shape,
                        "data_offsets": [ends[name] - array.nbytes, ends[name]]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    with atomic_writer(filename) as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            stream.write(arrays[name].tobytes())


def load(data: bytes) -> dict[str, Any]:
    """The tensors in the contents of a safetensors file. Errors: LoadError."""
    return load_file(io.BytesIO(data))


def load_file(filename: Any, device: Any = "cpu") -> dict[str, Any]:
    """The tensors of a safetensors file by name. bfloat16 and float8 become float32.

    Errors: LoadError where it is damaged, as far as one can see: the format has no checksums.
    """
    with File(filename) as file, naming_errors(file.name):
        return read(file, Placement(device))


def metadata(filename: Any) -> dict[str, str]:
    """The metadata of a safetensors file, given by name or as bytes."""
    with File(io.BytesIO(filename) if isinstance(filename, bytes) else filename) as file, naming_errors(file.name):
        return _header(file)[0].get("__metadata__", {})


class safe_open:  # noqa: N801  (the name that the package safetensors has for it)
    """A safetensors file whose tensors are read one by one: only what is asked for is ever in memory.

        >>> import os, tempfile, minidl
        >>> from minidl.serialization import safetensors
        >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
        >>> safetensors.save_file({"weight": minidl.arange(6.0).view(2, 3), "bias": minidl.zeros(2)}, path)
        >>> with safetensors.safe_open(path) as file:
        ...     print(file.keys(), file.get_tensor("bias"), file.get_slice("weight")[:, 1:])
        ['bias', 'weight'] tensor([0., 0.]) tensor([[1., 2.],
                [4., 5.]])

    Args:
        filename: a path.
        framework: the package's argument; the tensors are minidl's in any case.
        device: where the tensors are put.
    Errors: LoadError for a damaged file, KeyError for a name that is not in it.
    """

    def __init__(self, filename: Any, framework: str = "minidl", device: Any = "cpu") -> None:
        self._file, self._place = File(filename, mmap=True), Placement(device)
        with naming_errors(self._file.name):
            self._header, self._start = _checked_header(self._file)

    def keys(self) -> list[str]:
        """The names of all tensors."""
        return sorted(self._header)

    def metadata(self) -> dict[str, str]:
        """The texts that were saved beside the tensors, by name."""
        with naming_errors(self._file.name):
            return _header(self._file)[0].get("__metadata__", {})

    def get_tensor(self, name: str) -> Any:
        """The tensor of this name."""
        return self.get_slice(name)[...]

    def get_slice(self, name: str) -> Slice:
        """The tensor of this name, of which an index reads a part."""
        if name not in self._header:
            raise KeyError(f"{self._file.name} has no tensor {name!r}; it has {', '.join(self.keys()[:10])}")
        return Slice(name, self._header[name], self._start, self._file, self._place)

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.mapped = None
        self._file.stream.close()


class Slice:
    """A tensor in a file: `slice[:10]` reads the first ten rows."""

    def __init__(self, name: str, entry: dict[str, Any], start: int, file: File, place: Placement) -> None:
        self._name, self._entry, self._start, self._file, self._place = name, entry, start, file, place

    def get_shape(self) -> list[int]:
        """The shape of the whole tensor."""
        return self._entry["shape"]

    def get_dtype(self) -> str:
        """The name that the format has for its dtype, such as "F32"."""
        return self._entry["dtype"]

    def __getitem__(self, index: Any) -> Any:
        with naming_errors(self._file.name):
            mapped = _tensor(self._name, self._entry, self._start, self._file, Placement("cpu"))
        return wrap(self._place(mapped[index].array.copy(), "cpu"))


def read(file: File, place: Placement) -> dict[str, Any]:
    """The tensors of a safetensors file. Errors: LoadError."""
    header, start = _checked_header(file)
    return {name: _tensor(name, entry, start, file, place) for name, entry in header.items()}


def _checked_header(file: File) -> tuple[dict[str, Any], int]:
    """The header without the metadata, and the position of the data, which its entries cover without gaps."""
    check_byte_order()
    header, start = _header(file)
    header.pop("__metadata__", None)
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        if begin != end or stop < begin:
            raise LoadError(f"the data of {name!r} overlap others, or leave a gap: bytes {begin} to {stop}")
        end = stop
    if start + end != file.size:
        raise LoadError(f"its tensors take {end} bytes, and there are {file.size - start}")
    return header, start


def _header(file: File) -> tuple[dict[str, Any], int]:
    """The header, and the position of the data."""
    length = int.from_bytes(file.read(0, 8), "little")
    if length > LONGEST_HEADER:
        raise LoadError(f"its header would be {length} bytes long, and {LONGEST_HEADER} is the limit")
    header = json.loads(file.read(8, length).tobytes(), object_pairs_hook=_no_duplicates)
    if not isinstance(header, dict):
        raise LoadError("its header is no JSON object")
    return header, 8 + length


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise LoadError("a name stands twice in its header")
    return dict(pairs)


def _tensor(name: str, entry: dict[str, Any], start: int, file: File, place: Placement) -> Any:
    begin, stop = entry["data_offsets"]
    code, shape = entry["dtype"], entry["shape"]
    narrow = NARROW.get(code)
    if not narrow and (code not in _NAMES or DTYPES[_NAMES[code]] not in supported):
        return file.refuse(f"tensor of {code}", f"obj[{name!r}]", unsupported_dtype_message(code))
    dtype = float32 if narrow else DTYPES[_NAMES[code]]
    if math.prod(shape) * (ITEMSIZE[narrow] if narrow else dtype.itemsize) != stop - begin:
        raise LoadError(f"{name!r} has shape {shape} and dtype {code}, but {stop - begin} bytes")
    data = file.read(start + begin, stop - begin)
    if narrow:
        data = to_float32(data, narrow, file.notes)
    return Storage(place(data, "cpu")).tensor(dtype, shape, contiguous_strides(shape), 0)
