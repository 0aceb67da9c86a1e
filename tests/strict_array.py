"""A stand-in for a GPU array: it computes with NumPy inside, and refuses every silent way out.

`StrictArray` behaves as `cupy.ndarray` does where that differs from NumPy: `np.asarray` of it is an error,
NumPy arrays do not mix with it, reductions give 0-d arrays and not scalars, ufuncs dispatch to it, and results are made
on the current device. Registered as device "strict", it lets the whole battery run as if on a GPU, on any machine.
"""
from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.autograd.errors import guard_library
from minidl.autograd.tensorbase import wrap
from minidl.backend.device import ArrayLibrary, Device, move, register_library

waits: list[str] = []       # what the CPU would have waited for on a GPU
WAIT = {"argpartition", "argwhere", "bincount", "flatnonzero", "nonzero", "partition", "unique"}    # in CuPy


class StrictArray:
    """An array that must be moved to the host explicitly."""

    __slots__ = ("_values", "base", "device")

    def __init__(self, values: Any, base: Any = None) -> None:
        self._values = np.asarray(values)
        self.base = base
        self.device = current if base is None else base.device

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed: move the tensor to the CPU explicitly")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.logical_not and self.dtype.kind == "c" or method == "at" and ufunc is not np.add:
            raise TypeError(f"{ufunc.__name__}.{method}: CuPy has it not for {self.dtype}")
        return _call(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _call(function, args, kwargs)

    # what every array has
    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    itemsize = property(lambda self: self._values.itemsize)
    nbytes = property(lambda self: self._values.nbytes)
    strides = property(lambda self: self._values.strides)
    flags = property(lambda self: self._values.flags)
    T = property(lambda self: _wrapped(self._values.T, self))
    real = property(lambda self: _wrapped(self._values.real, self))
    imag = property(lambda self: _wrapped(self._values.imag, self))

    def get(self) -> np.ndarray:
        waits.append("get")
        return self._values

    def item(self, *args: Any) -> Any:
        return self.get().item(*args)

    def tolist(self) -> Any:
        return self.get().tolist()

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Any:
        return (_wrapped(v, self) for v in self._values)

    def __bool__(self) -> bool:
        return bool(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __index__(self) -> int:
        return self.get().__index__()

    def __getitem__(self, key: Any) -> Any:
        return _wrapped(self._values[self._in_range(key)], self)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._values[self._in_range(key)] = _unwrapped(value)

    def _in_range(self, key: Any) -> Any:
        """An index whose positions wrap around, as CuPy's do; so an error is minidl's."""
        if any(getattr(part, "dtype", None) == np.bool_ for part in (key if isinstance(key, tuple) else (key,))):
            waits.append("a mask")
        if isinstance(key, StrictArray) and key.dtype.kind in "iu" and self.shape and self.shape[0]:
            return key._values % self.shape[0]
        return _unwrapped(key, strict=False)

    def __repr__(self) -> str:
        return f"StrictArray({self._values!r})"

    __hash__ = None  # type: ignore[assignment]


def _method(name: str) -> Any:
    def method(self: StrictArray, *args: Any, **kwargs: Any) -> Any:
        if name == "clip" and self.dtype.kind == "b" and None in args:
            raise TypeError("clip: CuPy takes two bounds for bools")
        result = _call(getattr(self._values, name), args, kwargs, source=self)
        if name == "diagonal":      # NumPy hands it out read-only, CuPy does not
            result._values.setflags(write=self._values.flags.writeable)
        return result
    return method


for _name in ["reshape", "transpose", "astype", "copy", "sum", "mean", "max", "min", "prod", "any", "all", "argmax",
              "argmin", "cumsum", "cumprod", "ravel", "squeeze", "swapaxes", "take", "repeat", "clip", "round",
              "fill", "dot", "nonzero", "view", "flatten", "var", "std", "diagonal", "argsort", "sort", "trace",
              "conj"]:
    setattr(StrictArray, _name, _method(_name))


def _operator(name: str) -> Any:
    def operator(self: StrictArray, *others: Any) -> Any:
        if not all(isinstance(x, (StrictArray, int, float, complex, bool, np.generic)) for x in others):
            if any(isinstance(x, np.ndarray) and x.ndim for x in others):
                raise TypeError(f"Unsupported type {type(others[0])}: a NumPy array does not mix with a strict one")
            return NotImplemented
        result = getattr(self._values, name)(*[_unwrapped(x) for x in others])
        if name.startswith("__i") and name != "__invert__":
            self._values = result
            return self
        return result if result is NotImplemented else _wrapped(result)
    return operator


for _name in ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"]:
    for _prefix in ("", "r", "i"):
        setattr(StrictArray, f"__{_prefix}{_name}__", _operator(f"__{_prefix}{_name}__"))
for _name in ["neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt", "ge"]:
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))


def _unwrapped(value: Any, strict: bool = True) -> Any:
    if isinstance(value, StrictArray):
        return value._values
    if isinstance(value, tuple):
        return tuple(_unwrapped(v, strict) for v in value)
    if isinstance(value, list):
        return [_unwrapped(v, strict) for v in value]
    if strict and isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>: a NumPy array does not mix with a strict one")
    return value


def _wrapped(value: Any, source: Any = None) -> Any:
    """Results are strict arrays again; views remember the array whose memory they look into."""
    if isinstance(value, (np.ndarray, np.generic)):
        if source is not None and value is source._values:
            return source
        base = None
        if source is not None and isinstance(value, np.ndarray) and np.may_share_memory(value, source._values):
            base = source if source.base is None else source.base
        return StrictArray(value, base)
    if isinstance(value, tuple):
        wrapped = [_wrapped(v, source) for v in value]
        return type(value)(*wrapped) if hasattr(value, "_fields") else tuple(wrapped)
    return [_wrapped(v, source) for v in value] if isinstance(value, list) else value


def _call(function: Any, args: Any, kwargs: Any, source: Any = None) -> Any:
    out = kwargs.get("out")
    if getattr(function, "__name__", "") in WAIT:
        waits.append(function.__name__)
    result = function(*_unwrapped(tuple(args)), **{k: _unwrapped(v) for k, v in kwargs.items()})
    if out is not None:
        return out[0] if isinstance(out, tuple) else out
    if source is None:
        source = next((a for a in args if isinstance(a, StrictArray)), None)
    return _wrapped(result, source)


class _StrictModule(types.ModuleType):
    """NumPy's functions on strict arrays only."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(np, name)
        if name == "asarray" or name == "array":
            return lambda x, *args, **kwargs: StrictArray(value(_unwrapped(x, strict=False), *args, **kwargs)) \
                if not isinstance(x, StrictArray) else _call(value, (x, *args), kwargs)
        if isinstance(value, type) or not callable(value):
            return value
        if isinstance(value, np.ufunc):
            return _StrictUfunc(value)
        return lambda *args, **kwargs: _call(value, args, kwargs)


class _StrictUfunc:
    def __init__(self, ufunc: np.ufunc) -> None:
        self._ufunc = ufunc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _call(self._ufunc, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ufunc, name)
        return (lambda *args, **kwargs: _call(method, args, kwargs)) if callable(method) else method


xp = _StrictModule("strict")
xp.ndarray = StrictArray  # type: ignore[attr-defined]
xp.lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(  # type: ignore[attr-defined]
    sliding_window_view=lambda x, *a, **k: _call(np.lib.stride_tricks.sliding_window_view, (x, *a), k),
    as_strided=lambda x, *a, **k: _call(np.lib.stride_tricks.as_strided, (x, *a), k)))


class _StrictSpecial(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        import scipy.special
        return _StrictUfunc(getattr(scipy.special, name))


class _StrictFourier(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        import scipy.fft
        function = getattr(scipy.fft, name)
        return lambda *args, **kwargs: _call(function, args, kwargs)


class StrictStream:
    """A generator whose draws are strict arrays."""

    def __init__(self, seed: int, device: Device) -> None:
        self._stream, self._device = np.random.default_rng(seed), device

    def __getattr__(self, name: str) -> Any:
        if name not in ("random", "standard_normal", "integers"):   # what CuPy's generator has too
            raise AttributeError(name)
        method = getattr(self._stream, name)

        def draw(*args: Any, **kwargs: Any) -> StrictArray:
            with library.on(self._device):
                return StrictArray(method(*args, **kwargs))
        return draw


class StrictLibrary(ArrayLibrary):
    name = "strict"
    device_type = "strict"
    array_type = StrictArray
    xp = xp
    special = _StrictSpecial("strict.special")
    fft = _StrictFourier("strict.fft")

    def device(self, array: Any) -> Device:
        return array.device

    @contextlib.contextmanager
    def on(self, device: Device) -> Any:
        before = current
        make_current(device)
        yield
        make_current(before)

    def assert_none(self, bad: Any, error: type[Exception], message: str) -> None:
        super().assert_none(_unwrapped(bad), error, message)        # a GPU does not wait

    def assert_in_range(self, positions: Any, least: int, end: int, error: type[Exception], message: str,
                        allowed: int | None = None) -> None:
        super().assert_in_range(_unwrapped(positions), least, end, error, message, allowed)

    def select(self, array: Any) -> None:
        make_current(array.device)

    def from_numpy(self, array: np.ndarray, device: Device) -> Any:
        with self.on(device):
            return StrictArray(array.copy())

    def to_numpy(self, array: Any) -> np.ndarray:
        return array.get()

    def random(self, seed: int, device: Device) -> Any:
        return StrictStream(seed, device)

    def random_state(self, stream: Any) -> bytes:
        return super().random_state(stream._stream)

    def random_from(self, state: bytes, device: Device) -> Any:
        stream = StrictStream(0, device)
        stream._stream = ArrayLibrary().random_from(state, device)
        return stream


library = StrictLibrary()
register_library(library)
current = Device("strict")      # where results are made, whichever device the operands are on, as in CuPy

tested = Device("strict", 1)
"""Where the battery runs once more: pytest's option `--device` names another, such as cuda or cuda:1."""


def use(device: str) -> None:
    """Let the battery run on another device than the strict one."""
    global tested
    tested = Device(device)


def make_current(device: Device) -> None:
    """Let results be made on a device."""
    global current
    current = device


@contextlib.contextmanager
def several_devices() -> Iterator[None]:
    """A machine with several strict devices, of which the first is current at first."""
    library.several = True
    guard_library(library)
    make_current(Device("strict"))
    try:
        yield
    finally:
        library.several = False
        guard_library(library)
        make_current(Device("strict"))


def leaf(tensor: Any) -> Any:
    """A leaf with the values of a CPU tensor, on the device that is tested; of strict ones the second, if any."""
    alone = tested.type == "strict" and not library.several
    result = wrap(move(tensor.array.copy(), Device("strict") if alone else tested))
    result.requires_grad = tensor.requires_grad
    return result
