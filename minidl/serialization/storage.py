"""The memory behind tensors: shared memory stays shared in a file.

Saving finds the memory behind each array, so that views stay views; loading restores it.
"""
from __future__ import annotations

import math
import sys
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.autograd.tensorbase import memory_of, wrap
from minidl.backend.device import Array, array_module, as_device, device_of, is_array, memory_order, move, to_numpy
from minidl.backend.dtype import supported
from minidl.backend.narrow import widened
from minidl.serialization.files import LoadError
from minidl.tensors.tensor import Tensor


class Described(NamedTuple):
    """What stands in a file for an object: a kind that `modules.py` knows, and plain values."""

    kind: str
    parts: Any


DTYPES: dict[str, np.dtype] = {dtype.name: dtype for dtype in supported}
"""The dtypes that can be saved, by name."""

_ALIGNMENT = 16     # memory is cut at multiples of this, so that numbers of every dtype stay aligned

# ---------------------------------------------------------------------- saving


def arrays_in(value: Any) -> Iterator[Array]:
    """All arrays in nested containers, from tensors and NumPy.

    Only dtypes that can be saved count. Errors: TypeError for a tensor as a key of a dict.
    """
    if isinstance(value, (Tensor, np.ndarray)):
        array = memory_of(value) if isinstance(value, Tensor) else value
        if array.dtype.name in DTYPES:
            yield array
    elif type(value) in (dict, OrderedDict, Counter):
        for key, part in value.items():
            for _ in arrays_in(key):
                raise TypeError(f"save: a dict has {key!r} as a key, and the keys in a file are plain values")
            yield from arrays_in(part)
    elif type(value) in (list, tuple):
        for part in value:
            yield from arrays_in(part)
    elif isinstance(value, Described):
        yield from arrays_in(value.parts)


class Root:
    """A piece of memory behind arrays, and its used part."""

    def __init__(self, number: int, owner: np.ndarray, location: str) -> None:
        self.number = number
        self.data = _in_memory_order(owner).reshape(-1).view(np.uint8)
        self.address = _address(self.data)
        self.location = location
        self.low, self.high = self.data.nbytes, 0

    def use(self, array: np.ndarray) -> None:
        if array.size:
            start = _address(array) - self.address
            reach = [(n - 1) * s for n, s in zip(array.shape, array.strides)]
            low = start + sum(min(r, 0) for r in reach)
            self.low = min(self.low, low // _ALIGNMENT * _ALIGNMENT)
            self.high = max(self.high, start + sum(max(r, 0) for r in reach) + array.itemsize)

    def used(self) -> Array:
        return self.data[self.low:self.high]


class Roots:
    """The pieces of memory behind all arrays in nested containers, each once.

    Only the used part of a piece is saved. Arrays on a GPU are copied to the host one by one, so two of their tensors
    share memory in the file only if they are the same array.
    """

    def __init__(self, value: Any) -> None:
        self._on_host: dict[int, tuple[Array, np.ndarray, Root]] = {}    # by id of the array, which it keeps alive
        self._by_owner: dict[int, tuple[np.ndarray, Root]] = {}
        for array in arrays_in(value):
            if id(array) not in self._on_host:
                self._on_host[id(array)] = array, *self._host(array)
        self.roots = [root for _, root in self._by_owner.values()]

    def _host(self, array: Array) -> tuple[np.ndarray, Root]:
        """The array on the host in native byte order, and its root."""
        location = str(device_of(array))
        host = to_numpy(array)
        host = host.astype(host.dtype.newbyteorder("="), copy=False)
        owner = host
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        if not _is_dense(owner) or (_address(host) - _address(owner)) % host.itemsize \
                or any(s % host.itemsize for s in host.strides):
            owner = host = host.copy()      # foreign memory with gaps: not shared in the file
        if id(owner) not in self._by_owner:
            self._by_owner[id(owner)] = owner, Root(len(self._by_owner), owner, location)
        root = self._by_owner[id(owner)][1]
        root.use(host)
        return host, root

    def place(self, array: Array) -> tuple[int, int, tuple[int, ...]]:
        """The number of an array's root, its offset and its strides. Both count elements."""
        _, host, root = self._on_host[id(array)]
        offset = _address(host) - root.address - root.low if host.size else 0
        return root.number, offset // host.itemsize, tuple(s // host.itemsize for s in host.strides)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _in_memory_order(owner: np.ndarray) -> np.ndarray:
    """The array with its axes in memory order: largest strides first."""
    return owner.transpose(memory_order(owner))


def _is_dense(owner: np.ndarray) -> bool:
    """Whether an array fills its memory without gaps, in any axis order."""
    return _in_memory_order(owner).flags.c_contiguous


def arrays_by_name(tensors: Any, who: str) -> dict[str, np.ndarray]:
    """A flat dict of tensors or arrays as arrays on the host. Errors: TypeError for anything else."""
    if not isinstance(tensors, dict):
        raise TypeError(f"{who}: expected a dict of tensors, but got {type(tensors).__name__}")
    arrays = {}
    for name, value in tensors.items():
        if not isinstance(name, str) or not (isinstance(value, Tensor) or is_array(value)):
            raise TypeError(f"{who}: the format holds tensors by name only, but got a {type(value).__name__} under "
                            f"{name!r}; nested state goes into minidl's own format: "
                            f"minidl.save(obj, f, format='minidl')")
        array = to_numpy(value.array if isinstance(value, Tensor) else value)
        arrays[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    return arrays


def cannot_save(value: Any, path: str) -> TypeError:
    """The error for a value that no file can hold."""
    kind = type(value).__name__
    if hasattr(value, "state_dict"):
        hint = ("; save its state instead: minidl.save(model.state_dict(), f), and later "
                "model.load_state_dict(minidl.load(f))")
    elif isinstance(value, (dict, list, tuple)):
        hint = f"; make it a plain {next(k.__name__ for k in (dict, list, tuple) if isinstance(value, k))} first"
    else:
        hint = ""
    return TypeError(f"save: {path} is a {kind}, and a file holds tensors and plain containers only, never code{hint}")


def check_byte_order() -> None:
    """Errors: RuntimeError on a machine whose numbers begin with the high byte."""
    if sys.byteorder != "little":
        raise RuntimeError("minidl's files hold little-endian numbers, and this machine has big-endian ones")


# ---------------------------------------------------------------------- loading


def unsupported_dtype_message(dtype: Any) -> str:
    """The error message for a dtype that tensors cannot have."""
    return f"it holds a tensor of {dtype}, a dtype that minidl does not have"


class Storage:
    """A piece of memory from a file, on the device of its tensors.

    Every tensor is checked to stay inside it. Tensors of one storage share memory, as they did when saved.
    """

    def __init__(self, data: Array) -> None:
        self.data = data
        self.version = [0, ""]      # shared: a write into one tensor counts for all

    def tensor(self, dtype: np.dtype, shape: Sequence[int], strides: Sequence[int], offset: int) -> Any:
        """A tensor in this memory; strides and offset count elements.

        Errors: LoadError where it would reach outside.
        """
        if dtype not in supported:
            raise LoadError(unsupported_dtype_message(dtype))
        result = wrap(self.array(dtype, shape, strides, offset))
        result.version = self.version
        return result

    def array(self, dtype: np.dtype, shape: Sequence[int], strides: Sequence[int], offset: int) -> Array:
        """The same as `tensor`, as an array."""
        if len(shape) != len(strides) or any(type(n) is not int for n in (*shape, *strides, offset)) \
                or any(n < 0 for n in shape):
            raise LoadError("it holds a tensor whose shape, strides and offset make no sense")
        if not all(shape):
            return array_module(self.data).empty(tuple(shape), dtype)
        reach = [(n - 1) * s for n, s in zip(shape, strides)]
        first, last = (offset + sum(pick(r, 0) for r in reach) for pick in (min, max))
        if first < 0 or (last + 1) * dtype.itemsize > self.data.nbytes:
            raise LoadError(f"a tensor of shape {tuple(shape)} with strides {tuple(strides)} from element {offset} on "
                            f"reaches outside its memory of {self.data.nbytes} bytes")
        start, steps = offset * dtype.itemsize, [s * dtype.itemsize for s in strides]
        if isinstance(self.data, np.ndarray):
            return np.ndarray(tuple(shape), dtype, self.data, start, steps)
        stop = self.data.nbytes - (self.data.nbytes - start) % dtype.itemsize
        return array_module(self.data).lib.stride_tricks.as_strided(self.data[start:stop].view(dtype), shape, steps)


class Placement:
    """Where to load storages: `map_location`, in all of PyTorch's forms."""

    def __init__(self, map_location: Any) -> None:
        self.map_location = map_location

    def __call__(self, data: np.ndarray, location: str) -> Array:
        """Move the bytes of a storage to their new device.

        location: the device on which they were saved. Errors: LoadError where that device is not available.
        """
        try:
            wanted = self.map_location
            if wanted is None:
                wanted = location
            elif isinstance(wanted, dict):
                wanted = wanted.get(location, location)
            elif callable(wanted):
                wanted = wanted(wrap(data), location)
                if isinstance(wanted, Tensor):
                    if wanted.array.nbytes != data.nbytes:
                        raise ValueError(f"map_location returned {wanted.array.nbytes} bytes for a storage of "
                                         f"{data.nbytes}")
                    return wanted.array
                wanted = location
            return move(data, as_device(wanted))
        except Exception as error:
            raise LoadError(f"its tensors of device {location!r} cannot be placed ({error}); try "
                            f"map_location='cpu'") from error


def contiguous_strides(shape: Sequence[int]) -> list[int]:
    """The strides of an array in row-major order."""
    return [math.prod(shape[i + 1:]) for i in range(len(shape))]


def to_float32(data: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Convert bytes of a dtype that NumPy has not, such as bfloat16, to bytes of float32. The user gets a note."""
    note = f"{name} tensors became float32, which holds all their values"
    if note not in notes:
        notes.append(note)
    return widened(data, name).view(np.uint8)
