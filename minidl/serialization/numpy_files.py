"""NumPy's files: `.npy` holds one array, `.npz` a zip archive of several."""
from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.dtype import supported
from minidl.serialization.files import File, LoadError, read_exactly
from minidl.serialization.storage import (
    DTYPES,
    Placement,
    Storage,
    arrays_by_name,
    contiguous_strides,
    unsupported_dtype_message,
)

MAGIC = b"\x93NUMPY"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_MAX_BYTES, _MAX_RATIO = 2**30, 100     # an array of more bytes and of a higher compression ratio is refused


def write(value: Any, open_file: Callable[[], Any]) -> None:
    """Save a dict of tensors as `numpy.savez` does. Errors: TypeError for anything else."""
    arrays = arrays_by_name(value, "save")
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise TypeError(f"save: {name!r} is an array of {array.dtype}; a file holds arrays of numbers")
    with open_file() as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as record:
                np.lib.format.write_array(record, array, allow_pickle=False)


def read_npz(file: File, archive: zipfile.ZipFile, place: Placement) -> dict[str, Any]:
    """The tensors of an archive by name. Errors: LoadError."""
    records = archive.infolist()
    total = sum(info.file_size for info in records)
    if sum(info.compress_size for info in records) > file.size or total > max(_MAX_BYTES, _MAX_RATIO * file.size):
        raise LoadError(f"refuses to make {total} bytes of a file of {file.size}: its records overlap, or it is a bomb")
    result = {}
    for info in records:
        with archive.open(info) as record:
            name = info.filename.removesuffix(".npy")
            result[name] = _read_array(record, info.file_size, place, file, f"obj[{name!r}]")
    return result


def read_npy(file: File, place: Placement) -> Any:
    """The tensor of a file of one array. Errors: LoadError."""
    file.stream.seek(0)
    return _read_array(file.stream, file.size, place, file, "obj")


def _read_array(stream: Any, size: int, place: Placement, file: File, where: str) -> Any:
    """The array in exactly the next `size` bytes."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise LoadError(f"an array of version {version} of NumPy's format, which holds no plain numbers")
    shape, by_columns, dtype = _HEADERS[version](stream)
    if dtype.name not in DTYPES:
        return file.refuse(f"array of {dtype}", where, f"it holds an array of {dtype}, and a tensor holds numbers; "
                                                        f"objects would be pickles, which can run any code")
    if DTYPES[dtype.name] not in supported:
        return file.refuse(f"array of {dtype}", where, unsupported_dtype_message(dtype))
    data = read_exactly(stream, min(size, math.prod(shape) * dtype.itemsize))
    if data.nbytes != math.prod(shape) * dtype.itemsize or stream.read(1):
        raise LoadError(f"an array of shape {shape} and dtype {dtype} takes {math.prod(shape) * dtype.itemsize} bytes, "
                        f"and there are others")
    if not dtype.isnative:
        data = data.view(dtype).byteswap().view(np.uint8)
    strides = contiguous_strides(shape[::-1])[::-1] if by_columns else contiguous_strides(shape)
    return Storage(place(data, "cpu")).tensor(DTYPES[dtype.name], shape, strides, 0)
