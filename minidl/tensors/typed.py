"""`FloatTensor`, `LongTensor` and the like: the names of old PyTorch programs for tensors of one dtype.

They make tensors, and work as dtypes (`x.type(minidl.LongTensor)`) and in `isinstance(x, minidl.LongTensor)`.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend import dtype as dtypes
from minidl.backend.device import array_module, is_array
from minidl.tensors.tensor import Tensor


class _OneDtype(type):
    """The metaclass of classes whose instances are the Tensors of one dtype."""

    dtype: np.dtype

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype

    def __call__(cls, *data: Any) -> Any:
        if len(data) != 1 or isinstance(data[0], int):
            return wrap(np.empty(data or (0,), cls.dtype))
        source = data[0].array if isinstance(data[0], TensorBase) else data[0]
        return wrap(array_module(source).array(source, cls.dtype) if is_array(source) else np.array(source, cls.dtype))


class FloatTensor(metaclass=_OneDtype):
    """float32; `FloatTensor(data)` copies the data, `FloatTensor(2, 3)` has this size and unset values.

        >>> import minidl
        >>> minidl.FloatTensor([1, 2])
        tensor([1., 2.])
        >>> minidl.LongTensor([1, 2]).type(minidl.FloatTensor).dtype
        minidl.float32
    """

    dtype = dtypes.float32


class DoubleTensor(metaclass=_OneDtype):
    """float64; see `FloatTensor`."""

    dtype = dtypes.float64


class HalfTensor(metaclass=_OneDtype):
    """float16; see `FloatTensor`."""

    dtype = dtypes.float16


class LongTensor(metaclass=_OneDtype):
    """int64; see `FloatTensor`."""

    dtype = dtypes.int64


class IntTensor(metaclass=_OneDtype):
    """int32; see `FloatTensor`."""

    dtype = dtypes.int32


class ShortTensor(metaclass=_OneDtype):
    """int16; see `FloatTensor`."""

    dtype = dtypes.int16


class CharTensor(metaclass=_OneDtype):
    """int8; see `FloatTensor`."""

    dtype = dtypes.int8


class ByteTensor(metaclass=_OneDtype):
    """uint8; see `FloatTensor`."""

    dtype = dtypes.uint8


class BoolTensor(metaclass=_OneDtype):
    """bool; see `FloatTensor`."""

    dtype = dtypes.bool
