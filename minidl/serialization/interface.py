"""`save`, and `load`, which detects the kind of a file."""
from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from minidl.backend.warn import warn
from minidl.serialization import file_format, numpy_files, safetensors, torch_files
from minidl.serialization.files import File, naming_errors, path_of
from minidl.serialization.kinds import kind_of, kind_of_archive, open_archive
from minidl.serialization.modules import holds_objects
from minidl.serialization.storage import Placement
from minidl.serialization.writing import atomic_writer

_WRITERS: dict[str, Callable[[Any, Callable[[], Any]], None]] = {
    "minidl": file_format.write, "pt": torch_files.write, "npz": numpy_files.write,
}
_FORMATS = {".pt": "pt", ".pth": "pt", ".safetensors": "safetensors", ".npz": "npz"}
_READERS: dict[str, Callable[[File, Placement], Any]] = {
    "minidl": file_format.read, "safetensors": safetensors.read, "npy": numpy_files.read_npy,
    "pt stream": torch_files.read_stream,
}


def save(obj: Any, f: Any, *, format: str | None = None) -> None:
    """Save tensors in nested containers, such as a `state_dict`, or whole modules.

        >>> import io, minidl
        >>> from minidl import nn
        >>> model, file = nn.Linear(3, 2), io.BytesIO()
        >>> minidl.save({"model": model.state_dict(), "epoch": 3}, file)
        >>> _ = file.seek(0)
        >>> checkpoint = minidl.load(file)
        >>> model.load_state_dict(checkpoint["model"])
        <All keys matched successfully>

    An old file is replaced in one step when the new one is complete; after an error the old file is unchanged.
    Tensors that share memory share it again when they are loaded.

    Args:
        obj: dicts, `OrderedDict`s, `Counter`s, lists and tuples, of Tensors, Parameters, numbers, strings, bytes, None,
            dtypes and devices; in minidl's own format only, NumPy arrays, the state of random generators, sparse
            tensors, modules without their hooks, and objects of classes named by `serialization.add_safe_globals`.
        f: a path, or a binary stream.
        format: "minidl", with checksums over every byte; "pt", which `torch.load` reads; "safetensors" and "npz", for
            a flat dict of tensors. If not given, the name decides: `.pt` and `.pth` mean "pt", `.safetensors` and
            `.npz` their own formats; all other names, and streams without a name, mean "minidl". So does ".pt" where
            there is a module, whose class PyTorch would not find.

    Errors: TypeError for objects that no file can hold, such as a module that has a lambda; ValueError for a
    container that contains itself, or an unknown format; OSError where no file can be written.
    """
    if format is None:
        format = _FORMATS.get(os.path.splitext(path_of(f) or str(getattr(f, "name", "")))[1].lower(), "minidl")
        if format == "pt" and holds_objects(obj):
            format = "minidl"
    try:
        if format == "safetensors":
            safetensors.save_file(obj, f)
        elif format in _WRITERS:
            _WRITERS[format](obj, functools.partial(atomic_writer, f))
        else:
            raise ValueError(f"save: format is one of {', '.join([*_WRITERS, 'safetensors'])}, but got {format!r}")
    except RecursionError:
        raise ValueError("save: the containers are nested too deeply, or one contains itself") from None


def load(f: Any, map_location: Any = None, *, weights_only: bool = True, mmap: bool = False,
         skip_refused: bool = False) -> Any:
    """Load a file of `minidl.save` or `torch.save`, or of safetensors or NumPy.

    NumPy's files are `.npz` and `.npy`. The contents decide about the kind of file. No code in a file is ever run: a
    PyTorch file may hold tensors, parameters and plain containers; anything else is refused by name. bfloat16 becomes
    float32, with a warning.

    Args:
        f: a path, or a binary stream, which is read to its end.
        map_location: where to put the tensors: a device, a dict from saved devices to others, or a function of a
            storage (as a Tensor of bytes) and its device that returns the storage on its new device, or None. If not
            given, tensors go to the device that they were on.
        weights_only: False also takes NumPy's arrays and numbers, and sets, from PyTorch's files. No code of a file is
            run then either. Classes come if `serialization.add_safe_globals` has named them; modules of `minidl.nn` and
            `minidl.vision` come from minidl's own files in any case.
        mmap: map the numbers instead of reading them: they are read when they are first used. Their checksums are then
            not compared. For paths only.
        skip_refused: load the rest of a file with refused objects, such as an `argparse.Namespace` beside the weights.
            A `serialization.Refused` of that name replaces each, and a warning says where. No code is run then either.

    Errors: LoadError for a file that is damaged, cut off, of an unknown kind, or wants code to run;
    FileNotFoundError; ValueError for `mmap` with a stream.
    """
    with File(f, mmap, skip_refused, weights_only) as file, naming_errors(file.name):
        kind = kind_of(file)
        result = (_read_archive if kind == "zip" else _READERS[kind])(file, Placement(map_location))
    if file.refused:
        file.notes.append(f"left out {file.describe_refused()}")
    for note in file.notes:
        warn(f"{file.name}: {note}")
    return result


def _read_archive(file: File, place: Placement) -> Any:
    """A zip archive: PyTorch's or NumPy's."""
    with open_archive(file) as archive:
        read = torch_files.read_zip if kind_of_archive(archive.namelist()) == "pt" else numpy_files.read_npz
        return read(file, archive, place)
