"""Where an array lives, and which array library computes on it.

A tensor has no device field: its device is a property of its array. An `ArrayLibrary` says, for one
type of array, which module computes on it and how arrays are copied to and from it. NumPy is always
registered, CuPy when a CUDA device is first asked for. A test may register a substitute of its own.
"""
from __future__ import annotations

import contextlib
import functools
import importlib
import struct
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""A raw array of any registered library: `numpy.ndarray`, `cupy.ndarray`, ..."""

_NAMES_ONLY = frozenset("meta mps xpu hpu mtia xla ipu".split())
"""PyTorch's devices that programs compare with, and no array library serves."""


class Device:
    """A place for arrays: `Device('cpu')`, `Device('cuda')`, `Device('cuda:1')`, `Device('cuda', 1)`, or of another.

    A number alone is that of a GPU: `Device(1)`.
    """

    __slots__ = ("type", "index")

    type: str
    index: int | None

    def __init__(self, type: str | Device | int, index: int | None = None) -> None:
        if isinstance(type, Device):
            index = type.index if index is None else index
            type = type.type
        elif isinstance(type, int):
            index, type = type, "cuda"
        elif not isinstance(type, str):
            raise TypeError(f"device(): expected a name such as 'cpu' or 'cuda:0', a number or a device, but got "
                            f"{type.__class__.__name__}")
        kind, colon, number = type.partition(":")
        if colon:
            if index is not None or not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'; expected something like 'cpu' or 'cuda:0'")
            index = int(number)
        if kind != "cuda" and kind not in _by_device and kind not in _NAMES_ONLY:
            known = ", ".join(sorted({*_by_device, "cuda"}))
            raise RuntimeError(f"Expected one of {known} device type at start of device string: {kind}")
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "index", index)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"attribute {name!r} of 'minidl.device' objects is not writable")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return Device, (self.type, self.index)

    def __enter__(self) -> Device:
        """Make new tensors on this device inside the block, where none is named."""
        _choice.before.append(_choice.device)
        _choice.device = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        _choice.device = _choice.before.pop()

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (")" if self.index is None else f", index={self.index})")


class OutOfMemoryError(RuntimeError, MemoryError):
    """The memory of a GPU does not suffice."""


class _Choice(threading.local):
    """The default device of one thread, and its GPU."""

    def __init__(self) -> None:
        self.device: Device | None = None   # the CPU
        self.before: list[Device | None] = []
        self.gpu = 0                        # what "cuda" without a number stands for


_choice = _Choice()


_PCG64 = struct.Struct("<16s16sII")     # the state of NumPy's generator: state, increment, half a number kept back


class ArrayLibrary:
    """NumPy, as the pattern that every other array library follows."""

    name = "numpy"            # the key under which kernels register faster bodies
    device_type = "cpu"
    array_type: type = np.ndarray
    xp: Any = np              # the NumPy-compatible module
    several = False           # whether there are several devices, one of which is current

    @functools.cached_property
    def special(self) -> ModuleType:
        """The module of special functions (erf, digamma, ...), imported on first use."""
        return importlib.import_module("scipy.special")

    @functools.cached_property
    def fft(self) -> ModuleType:
        """The module of Fourier transforms, imported on first use. SciPy's keep single precision."""
        return importlib.import_module("scipy.fft")

    def device(self, array: Array) -> Device:
        return _cpu

    def on(self, device: Device) -> contextlib.AbstractContextManager[Any]:
        """A context in which `xp` makes its arrays on `device`."""
        return contextlib.nullcontext()

    def number(self, device: Device) -> int:
        """The number of a device among those of its kind. Errors: RuntimeError if there is no such device."""
        return device.index or 0

    def select(self, array: Array) -> None:
        """Make the device of `array` the current one, on which results are made. Only called where `several`."""

    def synchronize(self, device: Device) -> None:
        """Wait until the device has done all that it was asked for."""

    def from_numpy(self, array: np.ndarray, device: Device) -> Array:
        """Copy a NumPy array to `device`; for NumPy itself, the array as it is."""
        return array

    def from_numpy_later(self, array: np.ndarray, device: Device) -> Array:
        """`from_numpy`, which may read a pinned array after it has returned."""
        return self.from_numpy(array, device)

    def pin(self, array: np.ndarray) -> np.ndarray:
        """A copy of an array of the host, in memory that devices read by themselves."""
        return array

    def is_pinned(self, array: np.ndarray) -> bool:
        """Whether the array lies in such memory."""
        return False

    def use_on(self, array: Array, stream: Any) -> None:
        """Keep the memory of an array, after the last array in it, until a stream has done its work up to then."""

    def to_numpy(self, array: Array) -> np.ndarray:
        """Copy an array of this library to the host."""
        return array

    def assert_none(self, bad: Array, error: type[Exception], message: str) -> None:
        """Raise `error(message)` if an element is true. A GPU does so when it is next waited for."""
        if bool(bad.any()):
            raise error(message)

    def assert_in_range(self, positions: Array, least: int, end: int, error: type[Exception], message: str,
                        allowed: int | None = None) -> None:
        """Raise `error` unless least <= positions < end, or equal to `allowed`, as `assert_none` does.

        The message may hold `{position}`.
        """
        bad = (positions < least) | (positions >= end)
        if allowed is not None:
            bad = bad & (positions != allowed)
        if bool(bad.any()):
            raise error(message.replace("{position}", str(int(positions[bad][0]))))

    def random(self, seed: int, device: Device) -> Any:
        """A generator with NumPy's `random`, `standard_normal` and `integers`."""
        return np.random.default_rng(seed)

    def restarted(self, stream: Any, start: Any) -> Any:
        """`start`, or `stream` when it has become `start`, so that whoever holds it draws on from there."""
        return start

    def random_state(self, stream: Any) -> bytes:
        """The state of a generator that `random` made."""
        state = stream.bit_generator.state
        return _PCG64.pack(*(state["state"][name].to_bytes(16, "little") for name in ("state", "inc")),
                           state["has_uint32"], state["uinteger"])

    def random_from(self, state: bytes, device: Device) -> Any:
        """A generator with this state. Errors: RuntimeError if `state` has another length."""
        check_state(state, _PCG64.size)
        *numbers, has_uint32, uinteger = _PCG64.unpack(state)
        stream = self.random(0, device)
        stream.bit_generator.state = {
            "bit_generator": "PCG64", "has_uint32": has_uint32, "uinteger": uinteger,
            "state": {name: int.from_bytes(n, "little") for name, n in zip(("state", "inc"), numbers)}}
        return stream


def check_state(state: bytes, size: int) -> None:
    """Raise RuntimeError unless the state of a generator has `size` bytes."""
    if len(state) != size:
        raise RuntimeError(f"set_state: expected the state of a stream in {size} bytes, but got {len(state)}")


_by_device: dict[str, ArrayLibrary] = {}
_by_type: dict[type, ArrayLibrary] = {}
on_register: list[Callable[[ArrayLibrary], None]] = []      # called for each library that is registered from now on


def register_library(library: ArrayLibrary) -> None:
    """Register an array library, so that its device can be named and its arrays become tensors."""
    _by_device[library.device_type] = library
    _by_type[library.array_type] = library
    for function in on_register:
        function(library)


_numpy = ArrayLibrary()
register_library(_numpy)
_cpu = Device("cpu")


def library_of(array: Array) -> ArrayLibrary:
    """The library of an array, whose device becomes current; Python and NumPy scalars count as NumPy's."""
    if type(array) is np.ndarray:
        return _numpy
    library = _by_type.get(type(array), _numpy)
    if library.several:
        library.select(array)
    return library


def array_module(array: Array) -> Any:
    """`numpy`, `cupy`, ...: the module that computes on this array, whose device becomes current."""
    if type(array) is np.ndarray:
        return np
    library = _by_type.get(type(array), _numpy)
    if library.several:
        library.select(array)
    return library.xp


def is_array(value: object) -> bool:
    """Whether `value` is a raw array of a registered library."""
    return type(value) in _by_type or isinstance(value, np.ndarray)


def get_library(device: Device) -> ArrayLibrary:
    """The library that serves a device. Errors: RuntimeError where CUDA or CuPy is missing, and for "meta"."""
    if device.type in _NAMES_ONLY:
        raise RuntimeError(f"device {device.type}: minidl has no tensors there, and the name is only there to be "
                           f"compared; try device cpu")
    if device.type not in _by_device:  # only 'cuda' gets past Device's own check unregistered
        register_library(_cupy())
    return _by_device[device.type]


def made_on(device: Device, make: Callable[[Any], Array]) -> Array:
    """`make(xp)`, made on `device` by its array module, so that nothing is copied and a step can be captured."""
    library = get_library(device)
    with library.on(device):
        return make(library.xp)


def _cupy() -> ArrayLibrary:
    try:
        return importlib.import_module("minidl.backend.cuda.library").library()
    except ImportError as error:
        raise RuntimeError(
            "device 'cuda' needs CuPy, which is not installed; try: pip install 'minidl[cuda12]', or 'minidl[cuda13]' "
            "for CUDA 13") from error


def chosen_gpu() -> int:
    """The number of the GPU that "cuda" stands for in this thread: the first, unless set otherwise."""
    return _choice.gpu


def choose_gpu(number: int) -> None:
    """Let "cuda" stand for another GPU in this thread."""
    _choice.gpu = number


def as_device(device: Device | str | int | None) -> Device:
    """`'cuda:1'`, `1` or a `Device` as a `Device`; None is the default device."""
    if device is None:
        return _choice.device or Device("cpu")
    return device if isinstance(device, Device) else Device(device)


def get_default_device() -> Device:
    """Where new tensors are made when no device is named: the CPU, unless set otherwise.

        >>> import minidl
        >>> minidl.get_default_device()
        device(type='cpu')
    """
    return as_device(None)


def set_default_device(device: Device | str | int | None) -> None:
    """Make new tensors on `device` where none is named, in this thread; None is the CPU.

    `with minidl.device(...)` does so inside a block. A function that shares memory with its argument, such as
    `from_numpy`, ignores it. Errors: RuntimeError where the device cannot be used.

        >>> import minidl
        >>> minidl.set_default_device("cpu")
    """
    chosen = None if device is None else as_device(device)
    if chosen is not None:
        get_library(chosen)
    _choice.device = chosen


def memory_order(array: Array) -> list[int]:
    """The axes of an array in the order of memory, the axis with the largest stride first."""
    return sorted(range(array.ndim), key=lambda axis: -array.strides[axis])


def empty_dense(array: Array, dtype: Any = None) -> Array:
    """A new array with the shape and memory order of `array`, without gaps.

    Expanded axes keep their place: NumPy's order="K" alone would move them inwards. Source: PyTorch's
    `infer_dense_strides`.
    """
    if 0 not in array.strides or not is_expanded(array):
        return array_module(array).empty_like(array, dtype)
    dtype = array.dtype if dtype is None else dtype
    axes: list[int] = []    # outermost first: an axis goes in front of those with shorter steps
    for axis in range(array.ndim):
        place, step = len(axes), abs(array.strides[axis])
        for i in reversed(range(len(axes))):
            other = abs(array.strides[axes[i]])
            if other and step > other:
                place = i
            elif other and step:
                break
        axes.insert(place, axis)
    result = array_module(array).empty([array.shape[axis] for axis in axes], dtype)
    return result.transpose([axes.index(axis) for axis in range(array.ndim)])


def dense_copy(array: Array, dtype: Any = None) -> Array:
    """A copy, in `dtype` if given, with the memory order of `empty_dense`."""
    dtype = array.dtype if dtype is None else dtype
    if not is_expanded(array):
        array_module(array)     # makes its device current, on which the copy is made
        return array.astype(dtype, order="K")
    copy = empty_dense(array, dtype)
    copy[...] = array
    return copy


def is_expanded(array: Array) -> bool:
    """Whether elements along an axis share one place in memory."""
    return 0 in array.strides and any(step == 0 and n > 1 for step, n in zip(array.strides, array.shape))


def device_of(array: Array) -> Device:
    return _by_type.get(type(array), _numpy).device(array)


def same_device(a: Device, b: Device) -> bool:
    """Whether two devices are one; `cuda` without an index is the GPU chosen in this thread, at first the first."""
    return a.type == b.type and (a.index == b.index or number_of(a) == number_of(b))


def number_of(device: Device) -> int:
    """The number of a device among those of its kind."""
    return device.index if device.index is not None else _choice.gpu if device.type == "cuda" else 0


def to_numpy(array: Array) -> np.ndarray:
    return _by_type.get(type(array), _numpy).to_numpy(array)


def move(array: Array, device: Device, non_blocking: bool = False) -> Array:
    """`array` on `device`: itself when it is there already, else a copy through the host, with its memory order.

    With `non_blocking`, a pinned array may be read after the call.
    """
    if same_device(device_of(array), device):
        return array
    library = get_library(device)
    send = library.from_numpy_later if non_blocking else library.from_numpy
    if array.flags.c_contiguous:
        return send(to_numpy(array), device)
    array = dense_copy(array) if is_expanded(array) else array
    axes = memory_order(array)
    return send(to_numpy(array.transpose(axes)), device).transpose([axes.index(axis) for axis in range(array.ndim)])


def is_pinned(array: Array) -> bool:
    """Whether an array lies in memory of the host that devices read by themselves."""
    return any(library.is_pinned(array) for library in _by_device.values())


def cuda_is_available() -> bool:
    """Whether `device='cuda'` would work here."""
    try:
        get_library(Device("cuda"))
    except RuntimeError:
        return False
    return True
