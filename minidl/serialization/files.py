"""Untrusted files: every size is checked, every error names the file."""
from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.backend.device import Array


class LoadError(RuntimeError):
    """The error for a file that cannot be loaded.

    It is damaged, of an unknown kind, or holds something that does not belong into a state dict. The message names the
    file and what is wrong. No model is changed: only `load_state_dict` writes into one, after a successful `load`.
    """


class Refused:
    """The placeholder of `load(f, skip_refused=True)` for an object that is not loaded.

    It has the object's name; nothing was built and nothing was called. `arguments`, `state` and `contents` are what the
    file would have passed to the constructor and to `__setstate__`, and put into the object as a list or a dict.
    """

    def __init__(self, name: str, arguments: Any = ()) -> None:
        self.name = name
        self.arguments = arguments
        self.state: Any = None
        self.contents: list[Any] = []

    def __repr__(self) -> str:
        return f"<refused: {self.name}>"


_SKIP = "load(f, skip_refused=True) loads all else, and puts a placeholder there"


class File:
    """A file to read: its name, its size, and pieces of it as byte arrays.

    `f` is a path, or a stream with `read`, which is read to its end. With `mmap` the pieces are not read but mapped:
    the system reads the parts that are used, and writing into a piece never changes the file.
    """

    def __init__(self, f: Any, mmap: bool = False, skip_refused: bool = False,
                 weights_only: bool = True) -> None:
        self.notes: list[str] = []      # warnings for the user, although loading works
        self.refused: list[tuple[Refused, str]] = []    # objects that were not loaded, and their paths
        self.skip_refused = skip_refused
        self.weights_only = weights_only
        self.mapped: np.ndarray | None = None
        if isinstance(f, (str, os.PathLike)):
            self.name = os.fsdecode(f)
            self.stream: Any = _open(self.name)
            status = os.fstat(self.stream.fileno())
            self.size = status.st_size
            if not stat.S_ISREG(status.st_mode):        # a pipe has no size, and cannot be read twice
                with self.stream as pipe:
                    contents = pipe.read()
                self.stream, self.size = io.BytesIO(contents), len(contents)
            elif mmap and self.size:
                self.mapped = np.memmap(self.stream, mode="c")
        elif mmap:
            raise ValueError("f must be a file path in order to use the mmap argument")
        elif hasattr(f, "read"):
            self.name = str(getattr(f, "name", "the stream"))
            contents = f.read()
            if not isinstance(contents, (bytes, bytearray)):
                raise TypeError(f"load: expected a binary stream, but {self.name} gives {type(contents).__name__}; "
                                f"open it with mode 'rb'")
            self.stream, self.size = io.BytesIO(contents), len(contents)
        else:
            raise TypeError(f"load: expected a path or a binary stream, but got {type(f).__name__}")

    def __enter__(self) -> File:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stream.close()

    def read(self, start: int, count: int) -> Array:
        """`count` bytes from `start` on, as a writable array. Errors: LoadError past the end."""
        if start < 0 or count < 0 or start + count > self.size:
            raise LoadError(f"cut off: it has {self.size} bytes, and {count} were expected from byte {start} on")
        if self.mapped is not None:
            return np.ndarray(count, np.uint8, self.mapped, start)
        self.stream.seek(start)
        return read_exactly(self.stream, count)

    def refuse(self, name: str, where: str, why: str) -> Refused:
        """A placeholder for a refused object. Errors: LoadError unless skip_refused."""
        if not self.skip_refused:
            raise LoadError(f"{why}. It stands at {where}; {_SKIP}")
        self.refused.append((Refused(name), where))
        return self.refused[-1][0]

    def check_refused(self, why: str) -> None:
        """Errors: LoadError, with the paths of all refused objects, unless skip_refused."""
        if not self.skip_refused:
            raise LoadError(f"{why}. Refused: {self.describe_refused() or 'what is not loaded anyway'}; {_SKIP}")

    def describe_refused(self) -> str:
        """Names and paths of the refused objects, for a message."""
        named = [f"`{refused.name}` at {where}" for refused, where in self.refused]
        return ", ".join(named[:10]) + (f", and {len(named) - 10} more" if named[10:] else "")


def read_exactly(stream: Any, count: int) -> Array:
    """The next `count` bytes of a stream. Errors: LoadError if there are fewer."""
    data: Array = np.empty(count, np.uint8)
    done = 0
    while done < count:
        got = stream.readinto(memoryview(data)[done:])
        if not got:
            raise LoadError(f"cut off: {count} bytes were expected, and {done} came")
        done += got
    return data


@contextlib.contextmanager
def naming_errors(name: str) -> Iterator[None]:
    """Turn every error inside into a LoadError that names the file."""
    try:
        yield
    except LoadError as error:
        raise LoadError(f"{name}: {error}") from error.__cause__
    except Exception as error:   # untrusted contents can fail in any way
        raise LoadError(f"{name}: damaged ({type(error).__name__}: {error})") from error


# ---------------------------------------------------------------------- paths


def path_of(f: Any) -> str | None:
    """The path of a file given by path; None for a stream."""
    return os.fsdecode(f) if isinstance(f, (str, os.PathLike)) else None


def _open(path: str) -> Any:
    """Open a file to read. Errors: OSError."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, f"load: expected a file, but this is a folder{_guess_folder(path)}", path)
    if not os.path.exists(path):
        check_folder(path, "load")
    return open(path, "rb")


def _guess_folder(path: str) -> str:
    """Guess from a folder's contents what it is, for the error."""
    names = sorted(os.listdir(path))
    if "saved_model.pb" in names:
        return ": a SavedModel of TensorFlow"
    if "data.pkl" in names:
        return f": a file of PyTorch that was unpacked; `zip -0 -r weights.pt {os.path.basename(path)}` packs it again"
    files = [name for name in names if name.endswith((".safetensors", ".pt", ".pth", ".bin", ".npz", ".npy", ".mdl"))]
    return f"; it holds {', '.join(map(repr, files[:3]))}{', ...' if files[3:] else ''}" if files else ""


def check_folder(path: str, who: str) -> None:
    """Errors: FileNotFoundError if the folder of `path` is missing, naming the missing part; NotADirectoryError."""
    folder = os.path.dirname(path) or os.curdir
    if os.path.isdir(folder):
        return
    there, missing = os.path.split(os.path.abspath(folder))
    while missing and not os.path.isdir(there):
        there, missing = os.path.split(there)
    if os.path.lexists(os.path.join(there, missing)):
        raise NotADirectoryError(errno.ENOTDIR, f"{who}: {os.path.join(there, missing)!r} is not a folder", path)
    hint = f"; Python does not know '~': os.path.expanduser({path!r})" if folder.startswith("~") else \
        f"; make it first: os.makedirs({folder!r}, exist_ok=True)" if who != "load" else ""
    raise FileNotFoundError(errno.ENOENT, f"{who}: there is no folder {folder!r}: {there!r} has no {missing!r}{hint}",
                            path)
