"""PyTorch's files, without PyTorch: read `torch.save`, write for `torch.load`.

Since PyTorch 1.6 a file is a zip archive. `data.pkl` is a pickle of the containers, in which tensors refer to storages;
`data/0`, `data/1`, ... hold the numbers. Before, a file was one stream. `torch_pickle` reads only those parts of pickle
that state dicts need; nothing in the file is ever run.
"""
from __future__ import annotations

import io
import struct
import sys
import zipfile
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.autograd.tensorbase import memory_of, wrap
from minidl.backend.device import Array, Device, move, to_numpy
from minidl.backend.dtype import float32, supported, uint8
from minidl.backend.narrow import FLOAT8
from minidl.backend.torch_types import OF as DTYPE_OF
from minidl.backend.torch_types import Size
from minidl.backend.torch_types import dtype as DType
from minidl.nn.parameter import Parameter
from minidl.serialization import safe_globals, torch_pickle
from minidl.serialization.files import File, LoadError, Refused
from minidl.serialization.storage import Placement, Roots, Storage, cannot_save, check_byte_order, to_float32
from minidl.serialization.torch_pickle import ORDERED_DICT, Call, Callee, Name, Persistent, checked_key, require_type
from minidl.tensors.tensor import Tensor

STORAGE_NAMES = {"float64": "Double", "float32": "Float", "float16": "Half", "int64": "Long", "int32": "Int",
                 "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "complex64": "ComplexFloat",
                 "complex128": "ComplexDouble"}
BFLOAT16 = "bfloat16"
_UNTYPED = Name("torch.storage", "UntypedStorage")     # bytes, for tensors of dtypes that have no storage of their own


class TypedStorage(Storage):
    """A storage of one dtype, as in PyTorch's pickles."""

    def __init__(self, data: Array, dtype: np.dtype, little: bool = True, notes: list[str] | None = None) -> None:
        super().__init__(data)
        self.dtype, self.little = dtype, little
        self.notes = [] if notes is None else notes     # those of the file


class Narrow(NamedTuple):
    """A dtype that NumPy has not, as an argument in a pickle."""

    name: str


class UnreadStorage(TypedStorage):
    """A storage that has not been read yet; its tensors are empty."""

    def __init__(self, kind: str, location: str, count: int) -> None:
        super().__init__(np.empty(0, np.uint8), float32)
        self.kind, self.location, self.count = kind, location, count

    def tensor(self, dtype: Any, shape: Any, strides: Any, offset: Any) -> Any:
        return super().tensor(float32, (0,), (1,), 0)


# ---------------------------------------------------------------------- names allowed in a pickle

def _rebuild_tensor(storage: Any, storage_offset: Any, size: Any, stride: Any, requires_grad: Any = False,
                    backward_hooks: Any = None, metadata: Any = None) -> Any:
    dtype = require_type(storage, TypedStorage).dtype
    return _tensor(storage, dtype, storage_offset, size, stride, requires_grad, metadata)


def _rebuild_tensor_of_bytes(storage: Any, storage_offset: Any, size: Any, stride: Any, requires_grad: Any,
                             backward_hooks: Any, dtype: Any, metadata: Any = None) -> Any:
    """A tensor in a storage of bytes: uint16, uint32, uint64, and float8, which becomes float32."""
    if not require_type(storage, TypedStorage).little:
        raise LoadError("it holds bytes of a machine whose numbers begin with the high byte")
    if isinstance(dtype, Narrow):
        bytes_of = storage.tensor(uint8, size, stride, storage_offset)
        numbers = to_float32(to_numpy(memory_of(bytes_of)).reshape(-1), dtype.name, storage.notes).view(np.float32)
        return wrap(move(numbers.reshape(bytes_of.shape), bytes_of.device))
    return _tensor(storage, require_type(dtype, DType).dtype, storage_offset, size, stride, requires_grad, metadata)


def _tensor(storage: TypedStorage, dtype: np.dtype, offset: Any, size: Any, stride: Any, requires_grad: Any,
            metadata: Any) -> Any:
    if metadata:
        raise LoadError("it holds a tensor that is to be conjugated or negated on reading; save x.resolve_conj() "
                        "or x.resolve_neg() instead")
    tensor = storage.tensor(dtype, size, stride, offset)
    tensor.requires_grad = bool(requires_grad)
    return tensor


def _rebuild_parameter(data: Any, requires_grad: Any, *_: Any) -> Any:
    return Parameter(data, bool(requires_grad))


def _rebuild_from_type(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """A tensor with attributes. The attributes are ignored."""
    return torch_pickle.call(function, arguments)


def _refuse_tensor_class(*_: Any) -> Any:
    """The class of a tensor with attributes: an argument, never called."""
    raise LoadError("refuses to call `torch.Tensor`")


def _encode(text: str, encoding: str) -> bytes:
    """Bytes in pickles that Python 2 could read."""
    if encoding != "latin1":
        raise LoadError("refuses `_codecs.encode` to anything but latin1")
    return text.encode("latin1")


def _ordered_dict(items: Any = ()) -> Any:
    return OrderedDict((checked_key(key), value) for key, value in items)


def _counter(counts: Any = ()) -> Any:
    return Counter(require_type(counts, dict))


def _empty_bytes() -> bytes:
    """Empty bytes in such pickles: a call of `bytes` without arguments."""
    return b""


def _allowed_names() -> dict[str, Any]:
    names: dict[str, Any] = {
        "torch._utils._rebuild_tensor": Callee(_rebuild_tensor),
        "torch._utils._rebuild_tensor_v2": Callee(_rebuild_tensor),
        "torch._utils._rebuild_tensor_v3": Callee(_rebuild_tensor_of_bytes),
        "torch._utils._rebuild_parameter": Callee(_rebuild_parameter),
        "torch._utils._rebuild_parameter_with_state": Callee(_rebuild_parameter),
        "torch._tensor._rebuild_from_type_v2": Callee(_rebuild_from_type),
        "torch.Tensor": Callee(_refuse_tensor_class),
        "torch.Size": Callee(Size),
        "torch.device": Callee(Device),
        "collections.OrderedDict": Callee(_ordered_dict),
        "collections.Counter": Callee(_counter),
        "_codecs.encode": Callee(_encode),
        "__builtin__.bytes": Callee(_empty_bytes),
        "torch.BFloat16Storage": BFLOAT16, "torch.cuda.BFloat16Storage": BFLOAT16, ".".join(_UNTYPED): "uint8",
    }
    for name, storage in STORAGE_NAMES.items():
        names |= {f"torch.{storage}Storage": name, f"torch.cuda.{storage}Storage": name}
    for dtype in DTYPE_OF.values():
        names[f"torch.{dtype.name}"] = dtype
    names |= {f"torch.{name}": Narrow(name) for name in FLOAT8}
    return names


NAMES = _allowed_names()


def _reference(reference: Any) -> tuple[str, str, str, int]:
    """Read a pickle's reference to a storage: kind, key, device, number of elements."""
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage" \
            or any(part is not None for part in reference[5:]):
        raise LoadError("refuses a reference to something that is no storage")
    kind, key, location, count = reference[1:5]
    if not all(isinstance(x, str) for x in (kind, key, location)) or type(count) is not int or count < 0:
        raise LoadError("refuses a reference to a storage that makes no sense")
    return kind, key, location, count


def _make_storage(kind: str, data: np.ndarray, location: str, little: bool, file: File,
                  place: Placement) -> TypedStorage:
    """A storage of bytes from a file."""
    if kind == BFLOAT16:
        data = data if little else data.view(np.uint16).byteswap()
        return TypedStorage(place(to_float32(data, BFLOAT16, file.notes), location), float32)
    dtype = np.dtype(kind)
    data = data if little else data.view(dtype).byteswap().view(np.uint8)
    return TypedStorage(place(data, location), dtype, little, file.notes)


def _run(stream: Any, file: File, persistent: Callable[..., TypedStorage]) -> Any:
    """Run a pickle and check the result. The file notes refused objects.

    `persistent` makes a storage from the parts of a `_reference`. Errors: LoadError for refused objects, unless
    skip_refused.
    """
    refused: list[str] = []

    def load_persistent(reference: Any) -> Any:
        if isinstance(reference, tuple) and len(reference) == 4 and isinstance(reference[1], Refused):
            return reference[1]     # a class, with its source
        if isinstance(reference, tuple) and len(reference) in (5, 6) and isinstance(reference[1], Refused):
            return Refused(reference[1].name, reference)    # a storage of a dtype that minidl does not have
        return persistent(*_reference(reference))

    try:
        names = {**NAMES, **safe_globals.names(file.weights_only)}
        value = torch_pickle.run(stream, names, load_persistent, refused, safe_globals.build)
        file.refused = _find_refused(value)
    except Exception as error:
        if refused and not file.skip_refused:
            raise torch_pickle.refusal(refused[0]) from error   # the other errors follow from it
        raise
    if refused:
        file.check_refused(str(torch_pickle.refusal(file.refused[0][0].name if file.refused else refused[0])))
    return value


def _find_refused(value: Any) -> list[tuple[Refused, str]]:
    """Find the refused objects in a pickle's result, with their paths.

    Each comes once; objects inside it are skipped. Errors: LoadError for anything else than tensors, plain values and
    containers.
    """
    found: list[tuple[Refused, str]] = []
    to_see: list[tuple[Any, Any]] = [(value, None)]     # with its path, as linked pairs (step, path of the parent)
    seen = set()
    while to_see:
        part, path = to_see.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, (Callee, Storage)):
            raise LoadError(f"refuses a bare {type(part).__name__} where a tensor or a plain value belongs")
        if isinstance(part, Refused):
            found.append((part, _format_path(path)))
        elif isinstance(part, dict):
            to_see += [(item, (f"[{key!r}]", path)) for key, item in reversed(part.items())
                       if isinstance(item, _NESTED)]
            to_see += [(key, (" (in a key)", path)) for key in part if isinstance(key, (tuple, Refused))]
        elif isinstance(part, (list, tuple)):
            to_see += [(part[i], (f"[{i}]", path)) for i in reversed(range(len(part))) if isinstance(part[i], _NESTED)]
    return found


_NESTED = (dict, list, tuple, Refused, Callee, Storage)


def _format_path(path: Any) -> str:
    steps = []
    while path:
        step, path = path
        steps.append(step)
    return "".join(["obj", *reversed(steps)])


# ---------------------------------------------------------------------- reading

def read_zip(file: File, archive: zipfile.ZipFile, place: Placement) -> Any:
    """Read a zip archive of `torch.save`. Errors: LoadError."""
    records = {info.filename: info for info in archive.infolist()}
    pickled = min((name for name in records if name.split("/")[-1] == "data.pkl"), key=len)
    prefix = pickled.removesuffix("data.pkl")
    for name, info in records.items():
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            how = "encrypted" if info.flag_bits & 1 else "compressed (deflated, or the like)"
            raise LoadError(f"its record {name.removeprefix(prefix)!r} is {how}: the archive was packed anew, for "
                            f"torch.save does no such thing. Unpack it, and pack it as it was: unzip FILE -d unpacked "
                            f"&& cd unpacked && zip -0 -r ../weights.pt .")
    if len(records) != len(archive.infolist()) or sum(info.file_size for info in records.values()) > file.size:
        raise LoadError("its records overlap, or two of them have one name")

    def read(name: str, check: bool = True) -> Array:
        info = records.get(prefix + name)
        if info is None:
            raise LoadError(f"its record {name!r} is missing")
        # a local header has 30 bytes; the last four are the lengths of the name and of the extra field
        lengths = struct.unpack("<HH", file.read(info.header_offset + 26, 4))
        data = file.read(info.header_offset + 30 + sum(lengths), info.file_size)
        if check and zlib.crc32(data) != info.CRC:
            raise LoadError(f"its record {name!r} is damaged: the checksum does not fit")
        return data

    little = prefix + "byteorder" not in records or read("byteorder").tobytes() == b"little"
    storages: dict[tuple[str, str], TypedStorage] = {}

    def persistent(kind: str, key: str, location: str, _: int) -> TypedStorage:
        if (kind, key) not in storages:
            data = read(f"data/{key}", check=file.mapped is None)
            storages[kind, key] = _make_storage(kind, data, location, little, file, place)
        return storages[kind, key]

    return _run(io.BytesIO(read("data.pkl").tobytes()), file, persistent)


MAGIC_NUMBER, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def read_stream(file: File, place: Placement) -> Any:
    """Read a file of `torch.save` before PyTorch 1.6.

    It has four pickles, the keys of the storages, and their numbers. Errors: LoadError.
    """
    stream = file.stream
    stream.seek(0)
    if torch_pickle.run(stream, {}, _reference) != MAGIC_NUMBER:
        raise LoadError("a pickle, but not one of torch.save: refused, since a pickle can run any code")
    if torch_pickle.run(stream, {}, _reference) != PROTOCOL:
        raise LoadError("of a protocol that no PyTorch has written")
    little = torch_pickle.run(stream, {}, _reference)["little_endian"]
    start = stream.tell()

    # run the pickle twice: to learn the sizes of the storages, which come later, and to make tensors
    unread: dict[str, UnreadStorage] = {}

    def note(kind: str, key: str, location: str, count: int) -> UnreadStorage:
        return unread.setdefault(key, UnreadStorage(kind, location, count))

    _run(stream, file, note)
    storages: dict[str, TypedStorage] = {}
    keys = torch_pickle.run(stream, {}, _reference)
    position = stream.tell()
    for key in map(checked_key, keys):
        if key not in unread:
            raise LoadError(f"the length of its storage {key!r} is not known, since its tensors are refused; in "
                            f"PyTorch, torch.save(torch.load(f), f) makes a file of the present kind of it")
        kind, location, count = unread[key].kind, unread[key].location, unread[key].count
        if int.from_bytes(file.read(position, 8), "little" if little else "big") != count:
            raise LoadError(f"its storage {key!r} has not the {count} elements that its tensors speak of")
        size = count * (2 if kind == BFLOAT16 else np.dtype(kind).itemsize)
        storages[key] = _make_storage(kind, file.read(position + 8, size), location, little, file, place)
        position += 8 + size
    stream.seek(start)
    return _run(stream, file, lambda kind, key, location, count: storages[key])


# ---------------------------------------------------------------------- writing

def write(value: Any, open_file: Callable[[], Any]) -> None:
    """Save a zip archive that `torch.load(f)` reads, with `weights_only=True` too.

    Errors: TypeError for objects that PyTorch's files do not hold. All checks come before the file is opened.
    """
    check_byte_order()
    roots = Roots(value)
    records: dict[tuple[int, DType], tuple[str, Any]] = {}   # a storage has one dtype

    def replace(part: Any, path: str) -> Any:
        if isinstance(part, Parameter):
            return Call(Name("torch._utils", "_rebuild_parameter"),
                        (part.detach(), part.requires_grad, Call(ORDERED_DICT, ())))
        if isinstance(part, Tensor):
            number, offset, strides = roots.place(part.array)
            if any(s < 0 for s in strides):
                raise TypeError(f"save: {path} runs backwards through its memory, which PyTorch's tensors cannot do; "
                                f"clone() it first, or use minidl's own format: format='minidl'")
            root = roots.roots[number]
            key, data = records.setdefault((number, part.dtype), (str(len(records)), root.used()))
            name = part.dtype.name
            typed = name in STORAGE_NAMES
            storage = Persistent(("storage", Name("torch", f"{STORAGE_NAMES[name]}Storage") if typed else _UNTYPED, key,
                                  root.location, data.nbytes // (part.dtype.itemsize if typed else 1)))
            arguments = storage, offset, part.array.shape, strides, part.requires_grad, Call(ORDERED_DICT, ())
            return Call(Name("torch._utils", "_rebuild_tensor_v2"), arguments) if typed else \
                Call(Name("torch._utils", "_rebuild_tensor_v3"), (*arguments, Name("torch", name)))
        if isinstance(part, (np.dtype, DType)) and part in supported:
            return Name("torch", part.name)
        if isinstance(part, Size):
            return Call(Name("torch", "Size"), (tuple(part),))
        if isinstance(part, Device):
            return Call(Name("torch", "device"), (str(part),))
        if isinstance(part, (np.ndarray, np.generic)):
            raise TypeError(f"save: {path} is a {type(part).__name__}, which PyTorch refuses to load; try "
                            f"minidl.tensor(...) or .item(), or minidl's own format, which takes it: format='minidl'")
        raise cannot_save(part, path)

    pickled = torch_pickle.emit(value, replace)
    contents = {"data.pkl": pickled, "byteorder": sys.byteorder.encode(), "version": b"3\n",
                **{f"data/{key}": data for key, data in records.values()}}
    with open_file() as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            info = zipfile.ZipInfo(f"archive/{name}")
            info.file_size = len(data)
            with archive.open(info, "w") as record:
                record.write(memoryview(data))


