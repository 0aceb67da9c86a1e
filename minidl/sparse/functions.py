"""Functions of sparse tensors, under PyTorch's names."""
from __future__ import annotations

from typing import Any

from minidl.ops import linalg
from minidl.ops.sparse import SparseTensor
from minidl.tensors.tensor import Tensor


def _need_sparse(who: str, x: object) -> SparseTensor:
    if not isinstance(x, SparseTensor):
        raise TypeError(f"sparse.{who}: expected a sparse tensor, but got {type(x).__name__}; try to_sparse() on it")
    return x


def mm(mat1: SparseTensor, mat2: Tensor) -> Tensor:
    """The product of a sparse matrix (m, k) and a dense one (k, n), with gradients for both.

    Errors: TypeError unless the first is sparse, RuntimeError where shapes or dtypes do not fit.

        >>> import minidl
        >>> minidl.sparse.mm(minidl.eye(2).to_sparse(), minidl.ones(2, 1))
        tensor([[1.],
                [1.]])
    """
    return _need_sparse("mm", mat1).matmul(mat2)


def addmm(mat: Tensor, mat1: SparseTensor, mat2: Tensor, *, beta: float = 1.0, alpha: float = 1.0) -> Tensor:
    """beta * mat + alpha * (mat1 @ mat2), mat1 being sparse.

        >>> import minidl
        >>> minidl.sparse.addmm(minidl.ones(2, 1), minidl.eye(2).to_sparse(), minidl.ones(2, 1), alpha=2.0)
        tensor([[3.],
                [3.]])
    """
    return linalg.addmm(mat, _need_sparse("addmm", mat1), mat2, beta=beta, alpha=alpha)     # type: ignore[arg-type]


def sum(input: SparseTensor, dim: int | tuple[int, ...] | None = None, dtype: Any = None) -> Any:
    """The sum of all entries, or over dimensions: sparse while a sparse dimension is left, else dense.

        >>> import minidl
        >>> minidl.sparse.sum(minidl.eye(3).to_sparse())
        tensor(3.)
    """
    x = _need_sparse("sum", input)
    return (x if dtype is None else x.to(dtype)).sum(dim)


def softmax(input: SparseTensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """exp(x) divided by its sum along a dimension, over the stored entries: those not stored count as -inf.

        >>> import minidl
        >>> s = minidl.sparse_coo_tensor([[0, 0, 1], [0, 2, 1]], [1.0, 1.0, 5.0], (2, 3))
        >>> minidl.sparse.softmax(s, dim=1).to_dense()
        tensor([[0.5000, 0.0000, 0.5000],
                [0.0000, 1.0000, 0.0000]])
    """
    x = _need_sparse("softmax", input)
    return (x if dtype is None else x.to(dtype)).softmax(dim)


def log_softmax(input: SparseTensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """log of `softmax`, at the stored entries."""
    x = _need_sparse("log_softmax", input)
    return (x if dtype is None else x.to(dtype)).log_softmax(dim)
