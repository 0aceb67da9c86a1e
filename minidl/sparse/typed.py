"""`sparse.FloatTensor` and its kin: the names of old PyTorch programs for sparse tensors (COO) of one dtype."""
from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import dtype as dtypes
from minidl.ops.sparse import SparseTensor
from minidl.sparse.making import sparse_coo_tensor


class _OneDtype(type):
    """The metaclass of classes whose instances are the sparse tensors of one dtype."""

    dtype: np.dtype

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, SparseTensor) and instance.is_sparse and instance.dtype == cls.dtype

    def __call__(cls, *data: Any) -> Any:
        sizes = all(isinstance(size, int) for size in data)
        return sparse_coo_tensor(data, dtype=cls.dtype) if sizes else sparse_coo_tensor(*data, dtype=cls.dtype)


class FloatTensor(metaclass=_OneDtype):
    """float32; `FloatTensor(indices, values, size)` is `sparse_coo_tensor` of it, `FloatTensor(2, 3)` is empty.

        >>> import minidl
        >>> minidl.sparse.FloatTensor(minidl.tensor([[0, 1]]), minidl.tensor([2.0, 3.0]), (3,)).to_dense()
        tensor([2., 3., 0.])
    """

    dtype = dtypes.float32


class DoubleTensor(metaclass=_OneDtype):
    """float64; see `FloatTensor`."""

    dtype = dtypes.float64


class LongTensor(metaclass=_OneDtype):
    """int64; see `FloatTensor`."""

    dtype = dtypes.int64
