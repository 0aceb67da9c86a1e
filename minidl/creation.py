"""New tensors: from data, filled, in ranges, and random."""
from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend import dtype as dtypes
from minidl.backend.device import (
    Device,
    array_module,
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
from minidl.ops.broadcast import broadcast_shape
from minidl.ops.checks import natural
from minidl.ops.dims import sizes

if TYPE_CHECKING:
    from minidl.tensor import Tensor

# ---------------------------------------------------------------------- from data

def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested sequences of numbers, an array or a Tensor.

    Python floats become the default dtype (float32), complex numbers its complex one (complex64), ints int64, bools
    bool; arrays keep theirs.

        >>> import minidl
        >>> minidl.tensor([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]])

    Errors: ValueError for sequences of unequal length, TypeError for what is not numbers.
    """
    return _finish(_copied(data, dtype, device), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing memory with it where dtype and device allow."""
    if isinstance(data, TensorBase):
        return data.to(device=device, dtype=dtype)  # type: ignore[attr-defined]
    if is_array(data) and (dtype is None or data.dtype == np.dtype(dtype)):
        array = _supported(np.asarray(data) if isinstance(data, np.ndarray) else data)
        return wrap(array if device is None else move(array, as_device(device)))
    return wrap(_copied(data, dtype, device))


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool | None = None) -> Tensor:
    """`obj` as a tensor: a tensor, an array, a buffer of bytes or nested sequences. It shares memory where it can.

    copy: True for memory of its own in any case, False for an error where memory cannot be shared. requires_grad: as
    `obj` unless given; False detaches.
    Errors: ValueError where `copy=False` and a copy is needed.

        >>> import minidl
        >>> x = minidl.zeros(2)
        >>> minidl.asarray(x) is x, minidl.asarray([1, 2])
        (True, tensor([1, 2]))
    """
    if not isinstance(obj, TensorBase) and not is_array(obj) and _is_buffer(obj):
        obj = np.frombuffer(obj, dtype or get_default_dtype())
    result = as_tensor(obj, dtype, device)
    shares = result.array is (obj.array if isinstance(obj, TensorBase) else obj)
    if copy is False and not shares:
        raise ValueError(f"asarray: can't alias {type(obj).__name__} into a tensor of {result.dtype} on "
                         f"{result.device}; try copy=None")
    if copy and shares:
        result = result.clone()
    if requires_grad is False:
        return result.detach() if result.requires_grad else result
    return result.requires_grad_() if requires_grad and not result.requires_grad else result


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array: what is written to one is seen in the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return wrap(_supported(np.asarray(array)))


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of another library's array, on the CPU or a GPU, by the DLPack protocol.

        >>> import minidl, numpy as np
        >>> minidl.from_dlpack(np.arange(3))
        tensor([0, 1, 2])

    Errors: TypeError for what does not speak the protocol.
    """
    if not hasattr(ext_tensor, "__dlpack__") or not hasattr(ext_tensor, "__dlpack_device__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__ and __dlpack_device__, such as an array of "
                        f"NumPy, CuPy or PyTorch, but got {type(ext_tensor).__name__}")
    kind = int(ext_tensor.__dlpack_device__()[0])
    xp = get_library(Device("cpu" if kind == 1 else "cuda")).xp     # DLPack numbers the CPU 1, CUDA 2
    return wrap(_supported(xp.from_dlpack(ext_tensor)))


def to_dlpack(tensor: Tensor) -> Any:
    """The memory of a tensor as a DLPack capsule, for the `from_dlpack` of other libraries that do not ask for it
    themselves. Errors: BufferError for a tensor that requires grad."""
    return tensor.__dlpack__()


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-D tensor that shares the memory of a bytearray, or of whatever else speaks Python's buffer protocol:
    `count` elements (all, unless given) from byte `offset` on.

        >>> import minidl
        >>> minidl.frombuffer(bytearray([1, 0, 2, 0]), dtype=minidl.int16)
        tensor([1, 2], dtype=int16)

    Errors: ValueError where the bytes do not make up whole elements.
    """
    try:
        length = memoryview(buffer).nbytes
    except TypeError:
        raise ValueError(f"frombuffer: {type(buffer).__name__} object does not implement Python buffer protocol; "
                         f"try minidl.tensor(...)") from None
    size = np.dtype(dtype).itemsize
    if not length or count == 0:
        raise ValueError(f"frombuffer: both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(f"frombuffer: offset ({offset} bytes) must be non-negative and no greater than buffer "
                         f"length ({length} bytes) minus 1")
    if count < 0 and (length - offset) % size:
        raise ValueError(f"frombuffer: buffer length ({length} bytes) after offset ({offset} bytes) must be a "
                         f"multiple of element size ({size})")
    if count > 0 and offset + count * size > length:
        raise ValueError(f"frombuffer: requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) "
                         f"must not be greater than actual buffer length ({length} bytes)")
    return _finish(_supported(np.frombuffer(buffer, dtype, count, offset)), requires_grad)


def _is_buffer(obj: Any) -> bool:
    """Whether `obj` speaks Python's buffer protocol, as bytes do."""
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


def _copied(data: Any, dtype: Any, device: Any) -> Any:
    """A fresh array of the data on the device."""
    if isinstance(data, TensorBase):
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
    if array.dtype.kind in "Ou" and isinstance(_first_leaf(data), int):
        array = _large_integers(data, dtype)
    if array.dtype.kind not in "biufc":
        kind = TypeError if dtype is not None or array.dtype.kind in "US" else RuntimeError
        raise kind(f"Could not infer dtype of {type(_first_leaf(data)).__name__}: tensor() takes numbers, or nested "
                   f"sequences of numbers")
    if dtype is None and (array.size == 0 or isinstance(_first_leaf(data), float)
                          and not isinstance(_first_leaf(data), np.generic) or array.dtype.kind == "f"
                          and not hasattr(_first_leaf(data), "dtype")):
        array = array.astype(get_default_dtype())
    if array.dtype.kind == "c" and dtype is not None and np.dtype(dtype).kind != "c":
        raise TypeError(f"tensor: must be real numbers, not complex, for dtype={np.dtype(dtype)}")
    if dtype is not None:
        _check_range(array, np.dtype(dtype))
    return array.astype(dtypes.default_complex()) if dtype is None and _implies_complex(array, data) else array


def _large_integers(data: Any, dtype: Any) -> np.ndarray:
    """Python's integers may be larger than int64: then they need a floating dtype."""
    try:
        return np.array(_without_tensors(data), np.int64 if dtype is None else dtype)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long: an integer is too large for int64; "
                         "try dtype=minidl.float64") from None


def _check_range(array: np.ndarray, dtype: np.dtype) -> None:
    """Errors: RuntimeError where a number is beyond an integer dtype. Whole numbers below 0 may count down from the
    largest of an unsigned one, as in C."""
    if dtype.kind not in "iu" or array.dtype.kind not in "iuf" or not array.size:
        return
    info = np.iinfo(dtype)
    least = -info.max if dtype.kind == "u" and array.dtype.kind != "f" else info.min
    if not (array.min() >= least and array.max() <= info.max):      # nan is beyond, too
        raise RuntimeError(f"value cannot be converted to type {dtype} without overflow: numbers from {array.min()} to "
                           f"{array.max()} were given, {dtype} has {info.min} to {info.max}")


def _implies_complex(array: np.ndarray, data: Any) -> bool:
    """Whether the data are Python's complex numbers, which NumPy takes for complex128."""
    return array.dtype.kind == "c" and not hasattr(_first_leaf(data), "dtype")


def _without_tensors(data: Any) -> Any:
    if isinstance(data, TensorBase):
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

def _size(dims: tuple[Any, ...], size: Any = ()) -> tuple[int, ...]:
    """`f(2, 3)`, `f((2, 3))` and `f(size=(2, 3))` are the same."""
    shape = sizes(dims or (size,))
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


def zeros(*dims: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros. Its size is given as numbers or as one tuple."""
    return _filled(_size(dims, size), 0, dtype or get_default_dtype(), device, requires_grad)


def ones(*dims: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones. Its size is given as numbers or as one tuple."""
    return _filled(_size(dims, size), 1, dtype or get_default_dtype(), device, requires_grad)


def empty(*dims: Any, size: Any = (), dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose values are whatever the memory held."""
    return _filled(_size(dims, size), None, dtype or get_default_dtype(), device, requires_grad)


def full(size: Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """A tensor full of one value; without `dtype`, of the dtype that the value implies."""
    if isinstance(fill_value, TensorBase):
        fill_value = fill_value.array.item()
    if not isinstance(fill_value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type(fill_value).__name__}")
    if dtype is None:
        dtype = _from_nested(fill_value, None).dtype
    elif np.dtype(dtype).kind in "iu":
        _check_range(_from_nested(fill_value, dtype), np.dtype(dtype))
    return _filled(_size((size,) if isinstance(size, (tuple, list)) else (size,)), fill_value,
                   dtype, device, requires_grad)


def empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None,
                  requires_grad: bool = False) -> Tensor:
    """A tensor of unset values in which neighbours along axis i lie `stride[i]` elements apart in memory.

        >>> import minidl
        >>> minidl.empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
    """
    shape, strides = _size((size,)), sizes((stride,))
    if len(shape) != len(strides):
        raise RuntimeError(f"empty_strided: mismatch in length of strides and shape: {strides} and {shape}")
    reach = sum([(n - 1) * step for n, step in zip(shape, strides)]) + 1 if 0 not in shape else 0
    memory = empty(reach, dtype=dtype, device=device).array
    steps = tuple([step * memory.itemsize for step in strides])
    return _finish(array_module(memory).lib.stride_tricks.as_strided(memory, shape, steps), requires_grad)


def empty_permuted(size: Any, physical_layout: Any, *, dtype: Any = None, device: Any = None,
                   requires_grad: bool = False) -> Tensor:
    """A tensor of unset values whose axes lie in memory in the order `physical_layout`, the outermost first.

        >>> import minidl
        >>> minidl.empty_permuted((2, 3, 4), (0, 2, 1)).stride()
        (12, 1, 3)
    """
    shape, order = _size((size,)), sizes((physical_layout,))
    if sorted(order) != list(builtins.range(len(shape))):
        raise RuntimeError(f"empty_permuted: expected physical_layout to name each dimension of {shape} once, but got "
                           f"{order}")
    array = empty([shape[i] for i in order], dtype=dtype, device=device).array
    return _finish(array.transpose(sorted(builtins.range(len(order)), key=order.__getitem__)), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None,
        requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere."""
    natural("eye", "n", n)
    natural("eye", "m", n if m is None else m)
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


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a tensor without dimensions, of the default floating dtype unless `dtype` is given."""
    return full((), s, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad)


# ------------------------------------------------------------- of the dtype and device of another: Tensor's methods

def new(input: Any, *data: Any) -> Tensor:
    """`new_tensor(data)`, or for sizes, `new(2, 3)`, `new_empty` of that size: the old name of both."""
    sized = len(data) != 1 or isinstance(data[0], int)
    return new_empty(input, data or (0,)) if sized else new_tensor(input, *data)


def new_tensor(input: Any, data: Any, *, dtype: Any = None, device: Any = None,
               requires_grad: bool = False) -> Tensor:
    """`tensor(data)` of the dtype and device of `input`."""
    return tensor(data, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


def new_zeros(input: Any, *dims: Any, size: Any = (), dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """`zeros(size)` of the dtype and device of `input`."""
    return zeros(_size(dims, size), dtype=dtype or input.dtype, device=device or input.device,
                 requires_grad=requires_grad)


def new_ones(input: Any, *dims: Any, size: Any = (), dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`ones(size)` of the dtype and device of `input`."""
    return ones(_size(dims, size), dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


def new_empty(input: Any, *dims: Any, size: Any = (), dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """`empty(size)` of the dtype and device of `input`."""
    return empty(_size(dims, size), dtype=dtype or input.dtype, device=device or input.device,
                 requires_grad=requires_grad)


def new_empty_strided(input: Any, size: Any, stride: Any, *, dtype: Any = None, device: Any = None,
                      requires_grad: bool = False) -> Tensor:
    """`empty_strided(size, stride)` of the dtype and device of `input`."""
    return empty_strided(size, stride, dtype=dtype or input.dtype, device=device or input.device,
                         requires_grad=requires_grad)


def new_full(input: Any, size: Sequence[int], fill_value: Any, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`full(size, fill_value)` of the dtype and device of `input`."""
    return full(size, fill_value, dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


# ---------------------------------------------------------------------- ranges

def _check_steps(start: Any, end: Any, step: Any) -> None:
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not math.isfinite(end - start):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError(f"upper bound and lower bound inconsistent with step sign: from {start} to {end} by {step}")


def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None,
           requires_grad: bool = False) -> Tensor:
    """start, start + step, ... below `end`; `arange(n)` counts from 0. Whole numbers give int64.

        >>> import minidl
        >>> minidl.arange(1, 2, 0.25)
        tensor([1.0000, 1.2500, 1.5000, 1.7500])
    """
    if end is None:
        start, end = 0, start
    _check_steps(start, end, step)
    if dtype is None and any(isinstance(x, float) for x in (start, end, step)):
        dtype = get_default_dtype()
    return _finish(move(np.arange(start, end, step, dtype=dtype or np.int64), as_device(device)), requires_grad)


def range(start: Any, end: Any, step: Any = 1, *, dtype: Any = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """start, start + step, ... up to `end`, which is included; floating unless `dtype` is given. Deprecated in PyTorch:
    use `arange`.

        >>> import minidl
        >>> minidl.range(1, 3)
        tensor([1., 2., 3.])
    """
    _check_steps(start, end, step)
    array = start + np.arange(math.floor((end - start) / step) + 1) * step
    return _finish(move(array.astype(dtype or get_default_dtype()), as_device(device)), requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """`steps` values from `start` to `end`, both included."""
    array = np.linspace(start, end, natural("linspace", "steps", steps), dtype=dtype or get_default_dtype())
    return _finish(move(array, as_device(device)), requires_grad)


def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` values from base**start to base**end, evenly spaced on a logarithmic scale."""
    array = np.logspace(start, end, natural("logspace", "steps", steps), base=base, dtype=dtype or get_default_dtype())
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
    """float32 and float64 are drawn as such, float16 from float32, and a complex number as its two parts."""
    dtype = np.dtype(dtype or get_default_dtype())
    if dtype.kind == "c":
        return draw((*shape, 2), dtype=dtypes.real_of(dtype)).view(dtype)[..., 0]
    if dtype.kind != "f":
        raise RuntimeError(f"random numbers from a continuous distribution need a floating dtype, not {dtype}; "
                           f"randint gives integers")
    return draw(shape, dtype=np.float32).astype(dtype) if dtype == np.float16 else draw(shape, dtype=dtype)


def rand(*dims: Any, size: Any = (), generator: Generator | None = None, dtype: Any = None, device: Any = None,
         requires_grad: bool = False) -> Tensor:
    """Uniform on [0, 1); of a complex dtype, so are both parts."""
    stream, _ = _stream(generator, device)
    return _finish(_floating(stream.random, _size(dims, size), dtype), requires_grad)


def randn(*dims: Any, size: Any = (), generator: Generator | None = None, dtype: Any = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:
    """Normal with mean 0 and variance 1; of a complex dtype each part has the variance 1/2."""
    stream, _ = _stream(generator, device)
    draws = _floating(stream.standard_normal, _size(dims, size), dtype)
    return _finish(draws * math.sqrt(0.5) if draws.dtype.kind == "c" else draws, requires_grad)


def randint(low: Any = 0, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
            device: Any = None, requires_grad: bool = False) -> Tensor:
    """Whole numbers from `low` to `high - 1`; `randint(high, size)` starts at 0."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    for name, bound in (("low", low), ("high", high)):
        if not hasattr(bound, "__index__"):
            raise TypeError(f"randint(): argument '{name}' must be int, not {type(bound).__name__}")
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    kind = np.dtype(dtype or np.int64)
    least, largest = (0, 1) if kind.kind == "b" else (low, high)
    if kind.kind in "iu":
        least, largest = np.iinfo(kind).min, np.iinfo(kind).max
    if low < least:
        raise RuntimeError(f"randint: from is out of bounds for {kind}, whose least number is {least}, but got "
                           f"low={low}")
    if high - 1 > largest:
        raise RuntimeError(f"randint: to - 1 is out of bounds for {kind}, whose largest number is {largest}, but got "
                           f"high={high}")
    stream, _ = _stream(generator, device)
    array = stream.integers(low, high, size=_size((size,)))
    return _finish(array.astype(kind, copy=False), requires_grad)


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None) -> Tensor:
    """The numbers 0 to n - 1 in random order."""
    stream, target = _stream(generator, device)
    xp = get_library(target).xp
    n = natural("randperm", "n", n)
    order = stream.permutation(n) if hasattr(stream, "permutation") else xp.argsort(stream.random(n))
    return wrap(order.astype(dtype or np.int64, copy=False))


def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal with the given mean and standard deviation: numbers with a `size`, or tensors."""
    if isinstance(std, (int, float)) and std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    like: Any = mean if isinstance(mean, TensorBase) else std if isinstance(std, TensorBase) else None
    if like is None:
        draws = randn(size, generator=generator, dtype=dtype, device=device) * std + mean
        return draws.requires_grad_(requires_grad)
    shape = broadcast_shape("normal", getattr(mean, "shape", ()), getattr(std, "shape", ()))
    if isinstance(getattr(std, "array", None), np.ndarray) and (std.array < 0).any():   # a GPU is not waited for
        raise RuntimeError("normal expects all elements of std >= 0.0")
    return randn(shape, generator=generator, dtype=like.dtype, device=like.device) * std + mean


def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with probability `input`, else 0, element by element; with `p`, that is the probability everywhere.

    Errors: RuntimeError where a probability lies outside [0, 1], NotImplementedError unless floating without `p`.

        >>> import minidl
        >>> minidl.bernoulli(minidl.tensor([0.0, 1.0]))
        tensor([0., 1.])
    """
    if p is None and input.dtype.kind != "f":
        raise NotImplementedError(f"bernoulli: expected floating-point probabilities, but got {input.dtype}; "
                                  f"try .float(), or p=...")
    chance: Any = input.detach() if p is None else p
    values = input.array if p is None else np.asarray(p)
    if isinstance(values, np.ndarray) and not ((values >= 0) & (values <= 1)).all():    # a GPU is not waited for
        raise RuntimeError("bernoulli: expected all probabilities p to hold 0 <= p <= 1; they may be logits that "
                           "want a sigmoid() first")
    floating = input.dtype if input.dtype.kind == "f" else get_default_dtype()
    draws = rand(input.shape, generator=generator, device=input.device, dtype=floating)
    return (draws < chance).to(input.dtype)


def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
              requires_grad: bool = False) -> Tensor:
    """`rand` in the shape, dtype and device of `input`."""
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, device=device or input.device,
                requires_grad=requires_grad)


def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
               requires_grad: bool = False) -> Tensor:
    """`randn` in the shape, dtype and device of `input`."""
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, device=device or input.device,
                 requires_grad=requires_grad)


def randint_like(input: Tensor, low: int, high: int | None = None, *, generator: Generator | None = None,
                 dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`randint` in the shape, dtype and device of `input`."""
    if high is None:
        low, high = 0, low
    return randint(low, high, input.shape, generator=generator, dtype=dtype or input.dtype,
                   device=device or input.device, requires_grad=requires_grad)
