"""The two functions: `save`, and `load`, which finds out by itself what kind of file it is given."""
from __future__ import annotations

import functools
import zipfile
from collections.abc import Callable
from typing import Any

from minidl.backend.warn import warn
from minidl.serialization import file_format, numpy_files, safetensors, torch_files
from minidl.serialization.files import File, LoadError, damage, written
from minidl.serialization.storage import Placement

_WRITERS: dict[str, Callable[[Any, Callable[[], Any]], None]] = {
    "minidl": file_format.write, "pt": torch_files.write, "npz": numpy_files.write,
}


def save(obj: Any, f: Any, *, format: str = "minidl") -> None:
    """Save tensors in nested containers: a `state_dict`, or a dict of several and some numbers.

        >>> import io, minidl
        >>> from minidl import nn
        >>> model, file = nn.Linear(3, 2), io.BytesIO()
        >>> minidl.save({"model": model.state_dict(), "epoch": 3}, file)
        >>> _ = file.seek(0)
        >>> checkpoint = minidl.load(file)
        >>> model.load_state_dict(checkpoint["model"])
        <All keys matched successfully>

    The old file, if there is one, is replaced in one step when the new one is complete; if anything goes wrong it
    stays as it was. Tensors that share memory share it again when they are loaded.

    Args:
        obj: dicts, `OrderedDict`s, `Counter`s, lists and tuples, of Tensors, Parameters, numbers, strings, bytes, None,
            dtypes and devices; NumPy arrays and the state of random generators in minidl's own format only.
        f: a path, or a binary stream.
        format: "minidl", with checksums over every byte; "pt", which `torch.load` reads; "safetensors" and "npz", for
            a flat dict of tensors.

    Errors: TypeError for what no file can hold, such as a model instead of its `state_dict()`; ValueError for a
    container that contains itself, or an unknown format.
    """
    try:
        if format == "safetensors":
            safetensors.save_file(obj, f)
        elif format in _WRITERS:
            _WRITERS[format](obj, functools.partial(written, f))
        else:
            raise ValueError(f"save: format is one of {', '.join([*_WRITERS, 'safetensors'])}, but got {format!r}")
    except RecursionError:
        raise ValueError("save: the containers are nested too deeply, or one contains itself") from None


def load(f: Any, map_location: Any = None, *, weights_only: bool = True, mmap: bool = False) -> Any:
    """What was saved by `minidl.save` or `torch.save`, or a safetensors, `.npz` or `.npy` file.

    The kind of file is known by its contents. No code in a file is ever run: a PyTorch file may hold tensors,
    parameters and plain containers, and whatever else it asks for is refused by name. bfloat16 becomes float32, with a
    warning.

    Args:
        f: a path, or a binary stream, which is read to its end.
        map_location: where to bring the tensors: a device, a dict from saved devices to others, or a function of a
            storage (as a Tensor of bytes) and its device that returns the storage on its new device, or None. If not
            given, tensors go to the device that they were on.
        weights_only: only True is possible.
        mmap: do not read the numbers, but map them: they are brought in when they are first used. Their
            checksums are then not compared. For paths only.

    Errors: LoadError for a file that is damaged, cut off, of an unknown kind, or asks for code to run;
    FileNotFoundError; ValueError for `weights_only=False`, or `mmap` with a stream.
    """
    if not weights_only:
        raise ValueError("load: weights_only=False would let the file run any code, which minidl never does; files "
                         "that hold more than tensors and plain containers are read by pickle or torch.load")
    with File(f, mmap) as file, damage(file.name):
        result = _reader(file)(file, Placement(map_location))
    for note in file.notes:
        warn(f"{file.name}: {note}")
    return result


def _reader(file: File) -> Callable[[File, Placement], Any]:
    """The function that reads a file of this kind, which its first bytes give away."""
    head = file.read(0, min(file.size, 16)).tobytes()
    if not head:
        raise LoadError("it is empty; a stream that was just written to must be rewound first, with f.seek(0)")
    if head.startswith(file_format.MAGIC):
        return file_format.read
    if head.startswith(b"PK\x03\x04"):
        return _read_archive
    if head.startswith(numpy_files.MAGIC):
        return numpy_files.read_npy
    if head.startswith(b"\x80"):
        return torch_files.read_stream
    if head[8:9] == b"{":
        return safetensors.read
    raise LoadError(f"it is no file that minidl knows (its own, PyTorch's, safetensors, .npz, .npy), or damaged: it "
                    f"begins with {head!r}")


def _read_archive(file: File, place: Placement) -> Any:
    """A zip archive: PyTorch's or NumPy's."""
    with zipfile.ZipFile(file.stream) as archive:
        names = archive.namelist()
        if any(name.endswith("data.pkl") for name in names):
            return torch_files.read_zip(file, archive, place)
        if all(name.endswith(".npy") for name in names):
            return numpy_files.read_npz(file, archive, place)
    raise LoadError(f"a zip archive, but neither of PyTorch nor of NumPy: it holds {', '.join(names[:4])}")
