"""Functions of sparse tensors, under PyTorch's names."""
from __future__ import annotations

from typing import Any

from minidl.backend.device import array_module
from minidl.backend.memory_format import layout as Layout
from minidl.backend.memory_format import sparse_coo, sparse_csc, sparse_csr, strided
from minidl.ops import linalg
from minidl.ops.index import index_reduce, index_select
from minidl.ops.index.items import GetItem
from minidl.ops.shape.views import array_of
from minidl.ops.sparse import SparseTensor, sampled_product, sparse_softmax
from minidl.tensors.creation import zeros
from minidl.tensors.tensor import Tensor


def _need_sparse(who: str, x: object) -> SparseTensor:
    if not isinstance(x, SparseTensor):
        raise TypeError(f"sparse.{who}: expected a sparse tensor, but got {type(x).__name__}; try to_sparse() on it")
    return x


def mm(mat1: Any, mat2: Any, reduce: str = "sum") -> Any:
    """The product of matrices (m, k) and (k, n), with gradients for both; sparse if both are, else dense.

    reduce: 'mean', 'amax' or 'amin' of a row's products instead of their sum, for a CSR matrix times a dense one; a row
    without entries gives zeros. Graph networks gather their neighbours so.
    Errors: RuntimeError where shapes or dtypes do not fit, or for another reduction.

        >>> import minidl
        >>> minidl.sparse.mm(minidl.eye(2).to_sparse(), minidl.ones(2, 1))
        tensor([[1.],
                [1.]])
        >>> minidl.sparse.mm(minidl.tensor([[1.0, 2.0]]).to_sparse_csr(), minidl.tensor([[3.0], [4.0]]), "amax")
        tensor([[8.]])
    """
    if reduce == "sum":
        return linalg.mm(mat1, mat2)
    if reduce not in ("mean", "amax", "amin"):
        raise RuntimeError(f"sparse.mm: reduce expects 'sum', 'mean', 'amax' or 'amin', got {reduce!r}")
    if _need_sparse("mm", mat1).layout is not sparse_csr or not isinstance(mat2, Tensor):
        raise RuntimeError(f"sparse.mm(reduce={reduce!r}) expects a CSR matrix and a dense one; try "
                           "to_sparse_csr() and to_dense()")
    if mat1.ndim != 2 or mat2.ndim != 2 or mat1.shape[1] != mat2.shape[0]:
        raise RuntimeError(f"sparse.mm: matrices of shapes {tuple(mat1.shape)} and {tuple(mat2.shape)} do not fit")
    rows, columns = mat1.to_sparse_coo().indices()
    products = mat1.values()[:, None] * index_select(mat2, 0, columns)
    return index_reduce(zeros(mat1.shape[0], mat2.shape[1], dtype=products.dtype, device=products.device), 0, rows,
                        products, reduce, include_self=False)


def addmm(mat: Any, mat1: Any, mat2: Any, *, beta: float = 1.0, alpha: float = 1.0) -> Any:
    """beta * mat + alpha * (mat1 @ mat2), mat1 being sparse.

        >>> import minidl
        >>> minidl.sparse.addmm(minidl.ones(2, 1), minidl.eye(2).to_sparse(), minidl.ones(2, 1), alpha=2.0)
        tensor([[3.],
                [3.]])
    """
    if isinstance(mat, SparseTensor):       # of two sparse ones
        return (mat * beta).plus(mm(mat1, mat2) * alpha)
    return linalg.addmm(mat, mat1, mat2, beta=beta, alpha=alpha)


def sampled_addmm(input: SparseTensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1.0,
                  alpha: float = 1.0) -> SparseTensor:
    """beta * input + alpha * (mat1 @ mat2), computed only where `input`, a CSR matrix, has entries.

    mat1 (m, k) and mat2 (k, n) are dense. Errors: RuntimeError for other layouts and shapes.

        >>> import minidl
        >>> minidl.sparse.sampled_addmm(minidl.eye(2).to_sparse_csr(), minidl.ones(2, 3), minidl.ones(3, 2)).values()
        tensor([4., 4.])
    """
    s = _need_sparse("sampled_addmm", input)
    if s.layout is not sparse_csr:
        raise RuntimeError(f"sampled_addmm: expected input in CSR form, but got {s.layout}; try to_sparse_csr()")
    if (mat1.dim(), mat2.dim()) != (2, 2) or mat1.shape[1] != mat2.shape[0] or tuple(s.shape) != (
            mat1.shape[0], mat2.shape[1]):
        raise RuntimeError(f"sampled_addmm: mat1 and mat2 shapes cannot be multiplied to the shape of input: "
                           f"{tuple(mat1.shape)}, {tuple(mat2.shape)} and {tuple(s.shape)}")
    return s.with_values(s.stored * beta + sampled_product(s.positions, mat1, mat2) * alpha)


def hspmm(mat1: SparseTensor, mat2: Tensor) -> SparseTensor:
    """The product of a sparse and a dense matrix as a sparse tensor of whole rows: those of `mat1` with entries."""
    s = _need_sparse("hspmm", mat1).need_coo("hspmm")
    rows = array_module(s.positions).unique(s.positions[0])
    return SparseTensor(rows[None], GetItem(rows, once=True)(s.matmul(mat2)), (s.shape[0], mat2.shape[1]), True)


def smm(input: SparseTensor, mat: Tensor) -> SparseTensor:
    """The product of a sparse and a dense matrix, in COO form with all its entries."""
    return _need_sparse("smm", input).smm(mat)


def sum(input: SparseTensor, dim: int | tuple[int, ...] | None = None, dtype: Any = None) -> Any:
    """The sum of all entries, or over dimensions: sparse while a sparse dimension is left, else dense.

        >>> import minidl
        >>> minidl.sparse.sum(minidl.eye(3).to_sparse())
        tensor(3.)
    """
    return _need_sparse("sum", input).sum(dim, dtype)


def softmax(input: SparseTensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """exp(x) divided by its sum along a dimension, over the stored entries: those not stored count as -inf.

        >>> import minidl
        >>> s = minidl.sparse_coo_tensor([[0, 0, 1], [0, 2, 1]], [1.0, 1.0, 5.0], (2, 3))
        >>> minidl.sparse.softmax(s, dim=1).to_dense()
        tensor([[0.5000, 0.0000, 0.5000],
                [0.0000, 1.0000, 0.0000]])
    """
    x = _need_sparse("softmax", input)
    return sparse_softmax(x if dtype is None else x.to(dtype), dim, in_logs=False)


def log_softmax(input: SparseTensor, dim: int, *, dtype: Any = None) -> SparseTensor:
    """log of `softmax`, at the stored entries."""
    x = _need_sparse("log_softmax", input)
    return sparse_softmax(x if dtype is None else x.to(dtype), dim, in_logs=True)


def spdiags(diagonals: Tensor, offsets: Tensor, shape: tuple[int, int], layout: Layout | None = None) -> SparseTensor:
    """A matrix with the rows of `diagonals` (n, length) on its diagonals `offsets` (n,): 0 the main one, 1 above it.

    Column j of a row of `diagonals` goes to column j of the matrix. layout: sparse_coo, sparse_csr or sparse_csc.
    Errors: RuntimeError for other shapes and layouts, and for an offset that comes twice.

        >>> import minidl
        >>> minidl.sparse.spdiags(minidl.tensor([1.0, 2.0, 3.0]), minidl.tensor([1]), (2, 3)).to_dense()
        tensor([[0., 2., 0.],
                [0., 0., 3.]])
    """
    if layout not in (None, sparse_coo, sparse_csr, sparse_csc):
        raise RuntimeError(f"Only output layouts (Sparse, SparseCsc, SparseCsr) are supported, got "
                           f"{'Strided' if layout is strided else layout}")
    rows, places = diagonals if diagonals.dim() == 2 else diagonals.unsqueeze(0), array_of(offsets).reshape(-1)
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    if rows.dim() != 2 or places.dtype != "int64":
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {places.dtype}" if rows.dim() == 2 else
                           "Diagonals must be vector or matrix")
    if len(places) != len(rows):
        raise RuntimeError(f"Number of diagonals ({len(rows)}) does not match the number of offsets ({len(places)})")
    xp, (height, width) = array_module(places), shape
    if len(xp.unique(places)) != len(places):
        raise RuntimeError("Offset tensor contains duplicate values")
    columns = xp.arange(min(width, rows.shape[1]))
    inside = columns - places[:, None]                      # the row of the matrix, for each number
    which = xp.nonzero((inside >= 0) & (inside < height))
    positions = xp.stack([inside[which], which[1]])
    return SparseTensor(positions, GetItem(which, once=True)(rows), (height, width)).to_sparse(layout=layout)
