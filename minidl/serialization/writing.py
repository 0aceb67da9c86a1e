"""Write files as a whole or not at all; clean up leftovers."""
from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import shutil
import time
import zlib
from collections.abc import Iterator
from typing import Any

from minidl.serialization.files import check_folder, path_of

try:
    import fcntl
except ImportError:     # Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def atomic_writer(f: Any, who: str = "save") -> Iterator[Any]:
    """A stream whose contents become the file `f`, unless anything fails.

    The contents go to a new file in the same folder, which then replaces the old one in a single step. `f` may also be
    a stream with `write`; then the contents go straight to it. who: what errors name.
    """
    if hasattr(f, "write"):
        with _buffered(f, who) as stream:
            yield stream
        return
    name = path_of(f)
    if name is None:
        raise TypeError(f"{who}: expected a path or a binary stream, but got {type(f).__name__}")
    path = os.path.realpath(name)               # a link stays a link: its target is replaced
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, f"{who}: expected the name of a file, but this is a folder", name)
    old = os.path.exists(path)
    if old and not os.path.isfile(path):
        with open(path, "wb") as stream:        # a device is written to directly
            yield stream
        return
    if old and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, f"{who}: the file is there, and it may not be written to", name)
    check_folder(name, who)
    check_folder(path, who)                     # the target's folder, where the name is a link
    start = os.path.join(os.path.dirname(path), f".minidl-{zlib.crc32(os.fsencode(os.path.basename(path))):08x}-")
    _remove_leftovers(start)
    temporary, stream = _new_file(start, who)
    try:
        with stream:
            if old:
                shutil.copymode(path, temporary)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())           # on the disk before the old file goes
            if fcntl:
                os.replace(temporary, path)     # still locked, so no other save removes it as a leftover
        if not fcntl:
            os.replace(temporary, path)         # Windows cannot rename an open file
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    if os.name == "posix":
        with contextlib.suppress(PermissionError):      # the folder may be writable but not readable
            handle = os.open(os.path.dirname(path), os.O_RDONLY)
            try:
                os.fsync(handle)                # make the rename durable too
            finally:
                os.close(handle)


@contextlib.contextmanager
def _buffered(f: Any, who: str) -> Iterator[Any]:
    """The stream; with a buffer in front if its `write` may write only a part."""
    if isinstance(f, io.TextIOBase):
        raise TypeError(f"{who}: expected a binary stream, but this one takes text; open it with mode 'wb'")
    if not isinstance(f, io.RawIOBase):
        yield f
        return
    stream = io.BufferedWriter(f)
    try:
        yield stream
        stream.flush()
    finally:
        stream.detach()


def _new_file(start: str, who: str) -> tuple[str, Any]:
    """The path of a new file, and the file, locked. The system frees the lock however the process ends."""
    while True:
        path = f"{start}{secrets.token_hex(8)}.tmp"
        try:
            stream = open(path, "xb")
        except OSError as error:
            raise type(error)(error.errno, f"{who}: no file can be made in {os.path.dirname(path)!r} "
                              f"({error.strerror}); save elsewhere, or into a stream that you open") from None
        if not fcntl:
            return path, stream
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:                 # another save is just removing it as a leftover
            stream.close()
            continue
        except OSError:                         # a file system without locks: there nobody removes leftovers
            return path, stream
        if os.path.exists(path):                # it was not removed before the lock
            return path, stream
        stream.close()


def _remove_leftovers(start: str) -> None:
    """Remove the leftovers of killed saves to this name. A locked file is still being written."""
    folder, start = os.path.split(start)
    with contextlib.suppress(OSError):          # a leftover that cannot be removed does no harm
        for name in os.listdir(folder):
            if name.startswith(start) and name.endswith(".tmp"):
                _remove_if_dead(os.path.join(folder, name))


def _remove_if_dead(path: str) -> None:
    with contextlib.suppress(OSError):
        if not fcntl:
            if time.time() - os.path.getmtime(path) > 60:   # a younger one may still wait to be renamed
                os.unlink(path)                 # Windows cannot remove an open file
            return
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)
