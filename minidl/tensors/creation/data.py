"""New tensors from data: lists, arrays, buffers, the tensors of other libraries."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend import dtype as dtypes
from minidl.backend.device import as_device, device_of, is_array, move, to_numpy
from minidl.backend.dtype import get_default_dtype

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, nested sequences of numbers, an array or a Tensor.

    Python floats become the default dtype (float32), complex numbers its complex form (complex64), ints int64, bools
    bool. Arrays keep their dtype.

        >>> import minidl
        >>> minidl.tensor([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]])

    Errors: ValueError for sequences of unequal length, TypeError for data that are no numbers.
    """
    return finish(_copied(data, dtype, device), requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, which shares its memory where dtype and device allow."""
    if isinstance(data, TensorBase):
        return data.to(device=device, dtype=dtype)  # type: ignore[attr-defined]
    if is_array(data) and (dtype is None or data.dtype == np.dtype(dtype)):
        array = supported(np.asarray(data) if isinstance(data, np.ndarray) else data)
        return wrap(array if device is None else move(array, as_device(device)))
    return wrap(_copied(data, dtype, device))


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None,
            requires_grad: bool | None = None) -> Tensor:
    """A tensor, an array, a buffer of bytes or nested sequences as a tensor.

    It shares memory with `obj` if possible.

    copy: True for new memory in any case, False for an error where memory cannot be shared. requires_grad: by default
    as in `obj`; False detaches.
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
    """A tensor that shares the memory of a NumPy array: a write into one changes the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return wrap(supported(np.asarray(array)))


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-D tensor that shares the memory of a bytearray or another buffer.

    It has `count` elements (by default all) from byte `offset` on. A buffer is any object with Python's buffer
    protocol.

        >>> import minidl
        >>> minidl.frombuffer(bytearray([1, 0, 2, 0]), dtype=minidl.int16)
        tensor([1, 2], dtype=int16)

    Errors: ValueError if the bytes are not a whole number of elements.
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
    return finish(supported(np.frombuffer(buffer, dtype, count, offset)), requires_grad)


def _is_buffer(obj: Any) -> bool:
    """Whether `obj` has Python's buffer protocol, like bytes."""
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


def _copied(data: Any, dtype: Any, device: Any) -> Any:
    """A new array of the data on the device."""
    if isinstance(data, TensorBase):
        data = data.array
    if is_array(data) and not isinstance(data, np.ndarray):   # an array of another library
        target = device_of(data) if device is None else as_device(device)
        moved = move(supported(data), target)
        return moved.astype(dtype or data.dtype, copy=moved is data)
    host = data if isinstance(data, np.ndarray) else from_nested(data, dtype)
    array = np.array(host, dtype=dtype or host.dtype.newbyteorder("="), order="C", subok=False)
    return move(supported(array), as_device(device))


def from_nested(data: Any, dtype: Any) -> np.ndarray:
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
    if dtype is None:
        return array.astype(_implied_dtype(data, array), copy=False)
    if array.dtype.kind == "c" and np.dtype(dtype).kind != "c":
        raise TypeError(f"tensor: must be real numbers, not complex, for dtype={np.dtype(dtype)}")
    check_range(array, np.dtype(dtype))
    return array


def _implied_dtype(data: Any, array: np.ndarray) -> np.dtype:
    """The dtype of an array of the data: Python's floats and complex numbers count as of the default dtype."""
    if array.size == 0:
        return get_default_dtype()
    if array.dtype.kind not in "fc":
        return array.dtype
    defaults = {float: get_default_dtype(), complex: dtypes.default_complex()}
    kinds = [kind if isinstance(kind, np.dtype) else defaults.get(kind) for kind in _kinds(data)]
    wide = [kind for kind in kinds if kind is not None and kind.kind in "fc"]     # integers do not widen these
    return np.result_type(*wide) if wide else defaults[complex if array.dtype.kind == "c" else float]


def _kinds(data: Any) -> set[Any]:
    """The types of the numbers in the data, and the dtypes of the arrays, tensors and NumPy numbers."""
    if not isinstance(data, (list, tuple)):
        return {data.array.dtype if isinstance(data, TensorBase) else getattr(data, "dtype", type(data))}
    kinds = set(map(type, data))
    return kinds if kinds <= {bool, int, float, complex} else set().union(*map(_kinds, data))


def _large_integers(data: Any, dtype: Any) -> np.ndarray:
    """An array of integers beyond int64, which needs a floating dtype."""
    try:
        return np.array(_without_tensors(data), np.int64 if dtype is None else dtype)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long: an integer is too large for int64; "
                         "try dtype=minidl.float64") from None


def check_range(array: np.ndarray, dtype: np.dtype) -> None:
    """Raise RuntimeError if a number is beyond the range of an integer dtype.

    Negative whole numbers may wrap around in an unsigned dtype, as in C.
    """
    if dtype.kind not in "iu" or array.dtype.kind not in "iuf" or not array.size:
        return
    info = np.iinfo(dtype)
    least = -info.max if dtype.kind == "u" and array.dtype.kind != "f" else info.min
    if not (array.min() >= least and array.max() <= info.max):      # nan is out of range, too
        raise RuntimeError(f"value cannot be converted to type {dtype} without overflow: numbers from {array.min()} to "
                           f"{array.max()} were given, {dtype} has {info.min} to {info.max}")


def _without_tensors(data: Any) -> Any:
    if isinstance(data, TensorBase):
        return to_numpy(data.array)
    return [_without_tensors(x) for x in data] if isinstance(data, (list, tuple)) else data


def _first_leaf(data: Any) -> Any:
    while isinstance(data, (list, tuple)) and len(data):
        data = data[0]
    return data


def supported(array: Any) -> Any:
    """The array. Errors: TypeError for a dtype that no tensor can have."""
    if array.dtype not in dtypes.supported:
        names = ", ".join(map(str, dtypes.supported))
        raise TypeError(f"can't convert an array of dtype {array.dtype} to a tensor. The supported dtypes are: "
                        f"{names}; convert it first, with array.astype('float32') for instance")
    return array


def finish(array: Any, requires_grad: bool) -> Tensor:
    result = wrap(array)
    if requires_grad:
        result.requires_grad = True
    return result
