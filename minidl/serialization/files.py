"""Files from outside and to the disk: reading with every size checked, writing whole or not at all."""
from __future__ import annotations

import contextlib
import io
import os
import secrets
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.backend.device import Array


class LoadError(RuntimeError):
    """A file cannot be loaded: it is damaged, of an unknown kind, or holds what a state dict does not hold.

    The message says which file, and what is wrong with it. Nothing has been touched: a model is only written to by
    `load_state_dict`, with what a successful `load` has returned.
    """


class File:
    """A file that is being read: its name, its size, and pieces of it as arrays of bytes.

    `f` is a path, or a stream with `read`, which is read to its end. With `mmap` the pieces are not read but mapped:
    the system brings in what is looked at, and what is written into them never reaches the file.
    """

    def __init__(self, f: Any, mmap: bool = False) -> None:
        self.notes: list[str] = []      # what the user should know although loading works
        self.mapped: np.ndarray | None = None
        if isinstance(f, (str, os.PathLike)):
            self.name = os.fspath(f)
            self.stream: Any = open(f, "rb")
            self.size = os.fstat(self.stream.fileno()).st_size
            if mmap and self.size:
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
        """`count` bytes from `start` on, as an array that may be written to. Errors: LoadError past the end."""
        if start < 0 or count < 0 or start + count > self.size:
            raise LoadError(f"cut off: it has {self.size} bytes, and {count} were expected from byte {start} on")
        if self.mapped is not None:
            return np.ndarray(count, np.uint8, self.mapped, start)
        self.stream.seek(start)
        return read_exactly(self.stream, count)


def read_exactly(stream: Any, count: int) -> Array:
    """The next `count` bytes of a stream. Errors: LoadError if there are not so many."""
    data: Array = np.empty(count, np.uint8)
    done = 0
    while done < count:
        got = stream.readinto(memoryview(data)[done:])
        if not got:
            raise LoadError(f"cut off: {count} bytes were expected, and {done} came")
        done += got
    return data


@contextlib.contextmanager
def damage(name: str) -> Iterator[None]:
    """Whatever goes wrong inside is the fault of the file: a LoadError that names it."""
    try:
        yield
    except LoadError as error:
        raise LoadError(f"{name}: {error}") from error.__cause__
    except Exception as error:   # contents from outside can fail in any way
        raise LoadError(f"{name}: damaged ({type(error).__name__}: {error})") from error


@contextlib.contextmanager
def written(f: Any) -> Iterator[Any]:
    """A stream whose contents become the file `f`: whole, or if anything fails not at all.

    All is written to a new file in the same folder, which then takes the place of the old one in a single step.
    `f` may also be a stream with `write`, which is simply written to.
    """
    if hasattr(f, "write"):
        yield f
        return
    path = os.path.realpath(os.fspath(f))       # a link stays a link: what it leads to is replaced
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as stream:        # a device takes what it is given; a folder is an error
            yield stream
        return
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".minidl-{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            if os.path.exists(path):
                shutil.copymode(path, temporary)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())           # on the disk before the old file goes
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)                    # the new name too
        finally:
            os.close(handle)
