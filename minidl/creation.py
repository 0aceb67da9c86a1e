"""New tensors: from data, filled, in ranges, and random."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend import dtype as dtypes
from minidl.backend.device import (
    Device,
    as_device,
    device_of,
    get_library,
    is_array,
    move,
    same_device,
    to_numpy,
)
from minidl.backend.dtype import get_default_dtype
from minidl.backend.random import Generator, default_generator
from minidl.ops.dims import sizes
from minidl.tensor import Tensor

# ---------------------------------------------------------------------- from data

def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested sequences of numbers, an array or a Tensor.

    Python floats become the default dtype (float32), ints int64, bools bool; arrays keep theirs.

        >>> import minidl
        >>> minidl.tensor([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]])

    Errors: ValueError for sequences of unequal length, TypeError for what is not numbers.
    """
    return _finish(_copied(data, dtype, device), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing memory with it where dtype and device allow."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if is_array(data) and (dtype is None or data.dtype == np.dtype(dtype)):
        array = _supported(np.asarray(data) if isinstance(data, np.ndarray) else data)
        return wrap(array if device is None else move(array, as_device(device)))
    return wrap(_copied(data, dtype, device))


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array: what is written to one is seen in the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return wrap(_supported(np.asarray(array)))


def _copied(data: Any, dtype: Any, device: Any) -> Any:
    """A fresh array of the data on the device."""
    if isinstance(data, Tensor):
        data = data.array
    if is_array(data) and not isinstance(data, np.ndarray):   # an array of another library
        target = device_of(data) if device is None else as_device(device)
        moved = move(_supported(data), target)
        return moved.astype(dtype or data.dtype, copy=moved is data)
    host = data if isinstance(data, np.ndarray) else _from_nested(data, dtype)
    array = np.array(host, dtype=dtype or host.dtype.newbyteorder("="), order="C", subok=False)
    return move(_supported(array), as_device(device))


def _from_nested(data: Any, dtype: Any) -> np.ndarray:
    """Numbers and nested sequences of them as an array of the dtype that they imply."""
    try:
        array = np.array(_without_tensors(data))
    except ValueError as error:
        raise ValueError(f"tensor: expected sequences of equal length at every level, got unequal ones; pad "
                         f"them, or make a list of tensors ({error})") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"tensor: expected numbers or nested sequences of numbers, but got "
                        f"{type(_first_leaf(data)).__name__} (NumPy dtype {array.dtype})")
    if dtype is None and (array.size == 0 or isinstance(_first_leaf(data), float)
                          and not isinstance(_first_leaf(data), np.generic) or array.dtype.kind == "f"
                          and not hasattr(_first_leaf(data), "dtype")):
        array = array.astype(get_default_dtype())
    return array


def _without_tensors(data: Any) -> Any:
    if isinstance(data, Tensor):
        return to_numpy(data.array)
    return [_without_tensors(x) for x in data] if isinstance(data, (list, tuple)) else data


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and len(data):
        data = data[0]
    return data


def _supported(array: Any) -> Any:
    if array.dtype not in dtypes.supported:
        names = ", ".join(map(str, dtypes.supported))
        raise TypeError(f"can't convert an array of dtype {array.dtype} to a tensor. The supported dtypes are: "
                        f"{names}; convert it first, with array.astype('float32') for instance")
    return array


def _finish(array: Any, requires_grad: bool) -> Tensor:
    result = wrap(array)
    if requires_grad:
        result.requires_grad = True
    return result


# ---------------------------------------------------------------------- filled

def _size(size: tuple[Any, ...]) -> tuple[int, ...]:
    """`f(2, 3)` and `f((2, 3))` are the same."""
    shape = sizes(size)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
    return shape


def _filled(shape: tuple[int, ...], value: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    target = as_device(device)
    library = get_library(target)
    with library.on(target):
        array = library.xp.empty(shape, dtype) if value is None else \
            library.xp.zeros(shape, dtype) if value == 0 else library.xp.full(shape, value, dtype)
    return _finish(array, requires_grad)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros. Its size is given as numbers or as one tuple."""
    return _filled(_size(size), 0, dtype or get_default_dtype(), device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones. Its size is given as numbers or as one tuple."""
    return _filled(_size(size), 1, dtype or get_default_dtype(), device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose values are whatever the memory held."""
    return _filled(_size(size), None, dtype or get_default_dtype(), device, requires_grad)


def full(size: Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """A tensor full of one value; without `dtype`, of the dtype that the value implies."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    if dtype is None:
        dtype = _from_nested(fill_value, None).dtype
    return _filled(_size((size,) if isinstance(size, (tuple, list)) else (size,)), fill_value,
                   dtype, device, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None,
        requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere."""
    array = np.eye(n, m, dtype=dtype or get_default_dtype())
    return _finish(move(array, as_device(device)), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape, dtype and device of `input`."""
    return zeros(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape, dtype and device of `input`."""
    return ones(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Unset memory of the shape, dtype and device of `input`."""
    return empty(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """One value in the shape, dtype and device of `input`."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


# ---------------------------------------------------------------------- ranges

def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """start, start + step, ... below `end`; `arange(n)` counts from 0. Whole numbers give int64.

        >>> import minidl
        >>> minidl.arange(1, 2, 0.25)
        tensor([1.0000, 1.2500, 1.5000, 1.7500])
    """
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: from {start} to {end} by {step}")
    if dtype is None and any(isinstance(x, float) for x in (start, end, step)):
        dtype = get_default_dtype()
    return _finish(move(np.arange(start, end, step, dtype=dtype or np.int64), as_device(device)), requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` values from `start` to `end`, both included."""
    array = np.linspace(start, end, steps, dtype=dtype or get_default_dtype())
    return _finish(move(array, as_device(device)), requires_grad)


def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` values from base**start to base**end, evenly spaced on a logarithmic scale."""
    array = np.logspace(start, end, steps, base=base, dtype=dtype or get_default_dtype())
    return _finish(move(array, as_device(device)), requires_grad)


# ---------------------------------------------------------------------- random

def _stream(generator: Generator | None, device: Any) -> tuple[Any, Device]:
    """The random stream to draw from, and the device that it is on."""
    if generator is None:
        device = as_device(device)
        return default_generator(device).stream, device
    if device is not None and not same_device(as_device(device), generator.device):
        raise RuntimeError(f"Expected a '{as_device(device)}' device type for generator but found "
                           f"'{generator.device}'")
    return generator.stream, generator.device


def _floating(draw: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """float32 and float64 are drawn as such, float16 from float32."""
    dtype = np.dtype(dtype or get_default_dtype())
    if dtype.kind != "f":
        raise RuntimeError(f"random numbers from a continuous distribution need a floating dtype, not {dtype}; "
                           f"randint gives integers")
    return draw(shape, dtype=np.float32).astype(dtype) if dtype == np.float16 else draw(shape, dtype=dtype)


def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """Uniform on [0, 1)."""
    stream, _ = _stream(generator, device)
    return _finish(_floating(stream.random, _size(size), dtype), requires_grad)


def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """Normal with mean 0 and variance 1."""
    stream, _ = _stream(generator, device)
    return _finish(_floating(stream.standard_normal, _size(size), dtype), requires_grad)


def randint(low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
            device: Any = None, requires_grad: bool = False) -> Tensor:
    """Whole numbers from `low` to `high - 1`; `randint(high, size)` starts at 0."""
    if size is None:
        low, high, size = 0, low, high
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    stream, _ = _stream(generator, device)
    array = stream.integers(low, high, size=_size((size,)))
    return _finish(array.astype(dtype or np.int64, copy=False), requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    stream, target = _stream(generator, device)
    xp = get_library(target).xp
    order = stream.permutation(n) if hasattr(stream, "permutation") else xp.argsort(stream.random(n))
    return wrap(order.astype(dtype or np.int64, copy=False))


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None, device: Any = None) -> Tensor:
    """Normal with the given mean and standard deviation: numbers with a `size`, or tensors."""
    like = mean if isinstance(mean, Tensor) else std if isinstance(std, Tensor) else None
    if like is None:
        return randn(size, generator=generator, dtype=dtype, device=device) * std + mean
    shape = np.broadcast_shapes(getattr(mean, "shape", ()), getattr(std, "shape", ()))
    return randn(shape, generator=generator, dtype=like.dtype, device=like.device) * std + mean


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """1 with probability `input`, else 0, element by element."""
    draws = rand(input.shape, generator=generator, device=input.device, dtype=input.dtype)
    return (draws < input.detach()).to(input.dtype)


def rand_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`rand` in the shape, dtype and device of `input`."""
    return rand(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def randn_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`randn` in the shape, dtype and device of `input`."""
    return randn(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def randint_like(input: Tensor, low: int, high: int | None = None, *, dtype: Any = None, device: Any = None) -> Tensor:
    """`randint` in the shape, dtype and device of `input`."""
    if high is None:
        low, high = 0, low
    return randint(low, high, input.shape, dtype=dtype or input.dtype, device=device or input.device)
