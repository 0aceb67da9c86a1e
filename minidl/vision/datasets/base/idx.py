"""The idx format, in which MNIST and its relatives are published.

An idx file is an array of numbers, big-endian throughout:

    2 bytes        zero
    1 byte         number type (see `_TYPES`)
    1 byte         number of dimensions, d
    d x 4 bytes    sizes
    the rest       the numbers, last index fastest

Published at http://yann.lecun.com/exdb/mnist (Y. LeCun, C. Cortes, C. Burges), often compressed by gzip or xz.
"""
from __future__ import annotations

import gzip
import lzma
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> np.ndarray:
    """Read an idx file, plain or compressed, into a new array.

    The array has the machine's byte order. The sizes in the header are compared with the length of
    the file; they never decide how much memory is taken.
    Errors: FileNotFoundError; ValueError for a file that does not match its header, with what was
    expected, what was found, and what to do.

        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
        >>> _ = path.write_bytes(bytes([0, 0, 0x08, 1,  0, 0, 0, 3,  7, 8, 9]))
        >>> read_idx(path)
        array([7, 8, 9], dtype=uint8)
    """
    path = Path(path)
    try:
        content = _read(path) if path.is_file() else None
    except FileNotFoundError:   # it was removed meanwhile
        content = None
    if content is None:
        raise FileNotFoundError(f"read_idx: there is no file {path}")
    if len(content) < 4:
        raise _damaged(path, f"it ends within the 4-byte magic number, after {len(content)} bytes")
    zeros, code, ndim = content[:2], content[2], content[3]
    if zeros != b"\0\0" or code not in _TYPES:
        raise _damaged(path, "it is no idx file: expected two zero bytes and one of the types "
                            f"{', '.join(f'0x{known:02x}' for known in _TYPES)}, "
                            f"got 0x{content[:3].hex()}")
    start = 4 + 4 * ndim
    if len(content) < start:
        raise _damaged(path, f"it ends within the header: expected {start:,} bytes of it for "
                            f"{ndim} dimensions, got {len(content):,} bytes")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", ndim, offset=4))
    dtype = np.dtype(_TYPES[code])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        kind = "it is cut short" if len(content) < expected else "bytes follow its end"
        raise _damaged(path, f"{kind}: expected {expected:,} bytes for shape {shape} of "
                            f"{dtype.name}, got {len(content):,} bytes")
    numbers = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return numbers.astype(dtype.newbyteorder("="))  # a copy, since `content` cannot be written to


_COMPRESSED: dict[bytes, Any] = {b"\x1f\x8b": gzip, b"\xfd7": lzma}     # by the first two bytes


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        module = _COMPRESSED.get(file.read(2))
    if module is None:
        if path.suffix in (".gz", ".xz"):
            kind = "gzip" if path.suffix == ".gz" else "xz"
            raise _damaged(path, f"it is named {path.suffix} but holds no {kind} data"
                                + (" (it is empty)" if path.stat().st_size == 0 else ""))
        return path.read_bytes()
    try:
        with module.open(path) as file:
            return file.read()
    except FileNotFoundError:
        raise
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        kind = "gzip" if module is gzip else "xz"
        raise _damaged(path, f"its {kind} data is damaged or cut short ({error})") from error


def _damaged(path: Path, what: str) -> ValueError:
    return ValueError(f"read_idx: cannot read {path}: {what}. Delete it and get it again, for "
                      "the data sets of minidl.vision with download=True")
