"""`SparseTensor`: the entries of a tensor that are not zero, and what can be computed with them.

It is the positions of entries, and a Tensor of their values; so gradients pass through the values, and a gradient of
the sparse tensor is one of its values. Values at a position that is named twice add up.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from minidl.autograd.tensorbase import SparseBase, TensorBase, wrap
from minidl.backend.device import Array, array_module, is_array
from minidl.backend.kernels.scatter_reduce import scatter_reduce
from minidl.backend.memory_format import layout, sparse_coo, sparse_csr
from minidl.backend.torch_types import Size
from minidl.ops.elementwise.exponential import exp, log
from minidl.ops.index.items import GetItem, ScatterAdd
from minidl.ops.reduce.sums import sum as sum_of
from minidl.ops.shape.join import cat
from minidl.ops.shape.views import array_of
from minidl.ops.sparse.products import SparseMatMul

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class SparseTensor(SparseBase):
    """A tensor of which only some entries are stored: `minidl.sparse_coo_tensor`, `Tensor.to_sparse`.

    positions (sparse_dim, nnz): an entry's place along the first dimensions; values (nnz, ...), the dense rest behind.
    It is no Tensor: a function that is not made for it refuses it.

        >>> import minidl
        >>> s = minidl.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3))
        >>> s
        tensor(indices=tensor([[0, 1],
                               [2, 0]]),
               values=tensor([3., 4.]),
               size=(2, 3), nnz=2, layout=minidl.sparse_coo)
        >>> s @ minidl.ones(3, 1)
        tensor([[3.],
                [4.]])
    """

    is_sparse: bool
    __array_ufunc__ = None      # NumPy's operators hand over to the ones below

    def __init__(self, positions: Array, values: Tensor, shape: tuple[int, ...], coalesced: bool = False,
                 layout: layout = sparse_coo) -> None:
        self.positions, self.stored, self.layout = positions, values, layout
        self.shape, self.coalesced = Size(shape), coalesced or values.shape[0] < 2
        self.is_sparse = layout is sparse_coo
        self.is_sparse_csr = layout is sparse_csr

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a sparse tensor has no {name!r}; what is there is listed in minidl.sparse, and "
                             f"to_dense() has all that a Tensor has")

    def with_values(self, values: Any) -> SparseTensor:
        """Other values at the same positions."""
        return SparseTensor(self.positions, values, self.shape, self.coalesced, self.layout)

    # ------------------------------------------------------------------ what it is

    dtype = property(lambda self: self.stored.dtype)
    device = property(lambda self: self.stored.device)
    ndim = property(lambda self: len(self.shape))
    requires_grad = property(lambda self: self.stored.requires_grad)
    is_leaf = property(lambda self: self.stored.is_leaf)
    grad_fn = property(lambda self: self.stored.grad_fn)

    @property
    def grad(self) -> SparseTensor | None:
        """The gradient of a leaf, at the positions of its entries."""
        return None if self.stored.grad is None else self.with_values(self.stored.grad)

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Record operations on the values."""
        self.stored.requires_grad_(requires_grad)
        return self

    def is_floating_point(self) -> bool:
        """Whether the values are floating-point numbers."""
        return self.stored.is_floating_point()

    def is_complex(self) -> bool:
        """Whether the values are complex."""
        return self.stored.is_complex()

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one size of it."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        """The number of entries, with the zeros."""
        return self.shape.numel()

    def sparse_dim(self) -> int:
        """How many dimensions the positions are along."""
        return self.positions.shape[0]

    def dense_dim(self) -> int:
        """How many dimensions the values of one position have."""
        return self.stored.dim() - 1

    def _nnz(self) -> int:
        """The number of stored entries; one that is named twice counts twice."""
        return self.stored.shape[0]

    nnz = _nnz

    def is_coalesced(self) -> bool:
        """Whether no position is named twice, and all are in order."""
        return self.coalesced

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        names = ("crow_indices", "col_indices") if self.is_sparse_csr else ("indices",)
        shown = {name: getattr(self, "_indices" if name == "indices" else name)() for name in names}
        shown["values"] = self.stored.detach()
        text = ",\n       ".join(f"{name}={repr(value)}".replace("\n", "\n" + " " * (8 + len(name)))
                                 for name, value in shown.items())
        grad = "" if not self.requires_grad else ", requires_grad=True" if self.is_leaf else ", grad_fn=..."
        return f"tensor({text},\n       size={tuple(self.shape)}, nnz={self._nnz()}, layout={self.layout}{grad})"

    # ------------------------------------------------------------------ its parts

    def _need(self, wanted: layout, who: str) -> None:
        if self.layout is not wanted:
            raise RuntimeError(f"{who} expected a tensor of layout {wanted}, but got {self.layout}")

    def _indices(self) -> Tensor:
        """The positions (sparse_dim, nnz), coalesced or not."""
        self._need(sparse_coo, "indices")
        return wrap(self.positions)

    def _values(self) -> Tensor:
        """The values (nnz, ...), coalesced or not."""
        self._need(sparse_coo, "values")
        return self.stored

    def indices(self) -> Tensor:
        """The positions (sparse_dim, nnz) of a coalesced tensor. Errors: RuntimeError unless it is one."""
        self._need_coalesced("indices")
        return self._indices()

    def values(self) -> Tensor:
        """The values (nnz, ...) of a coalesced tensor. Errors: RuntimeError unless it is one."""
        self._need_coalesced("values")
        return self.stored

    def _need_coalesced(self, who: str) -> None:
        if not self.coalesced:
            raise RuntimeError(f"Cannot get {who} on an uncoalesced tensor, please call .coalesce() first")

    def crow_indices(self) -> Tensor:
        """Where the entries of each row begin, and the last one's end: (rows + 1,)."""
        self._need(sparse_csr, "crow_indices")
        xp = array_module(self.positions)
        return wrap(xp.searchsorted(self.positions[0], xp.arange(self.shape[0] + 1)))

    def col_indices(self) -> Tensor:
        """The column of each entry, (nnz,)."""
        self._need(sparse_csr, "col_indices")
        return wrap(self.positions[1])

    # ------------------------------------------------------------------ other forms

    def _places(self) -> Array:
        """The positions as numbers, row by row."""
        places = self.positions[0]
        for positions, size in zip(self.positions[1:], self.shape[1:]):
            places = places * size + positions
        return places

    def coalesce(self) -> SparseTensor:
        """Each position once, in order; values of one position are added up."""
        if self.coalesced:
            return self
        xp = array_module(self.positions)
        places, which = xp.unique(self._places(), return_inverse=True)
        which = which.reshape(-1)
        positions = xp.stack(xp.unravel_index(places, self.shape[:self.sparse_dim()]))
        values = ScatterAdd(which, (len(places), *self.stored.shape[1:]))(self.stored)
        return SparseTensor(positions, values, self.shape, True, self.layout)

    def to_dense(self) -> Tensor:
        """A Tensor with zeros where nothing is stored."""
        return ScatterAdd(tuple(self.positions), self.shape)(self.stored)

    def to_sparse(self, layout: layout | None = None) -> SparseTensor:
        """This tensor in COO form, or in that of `layout`."""
        return self.to_sparse_csr() if layout is sparse_csr else self.to_sparse_coo()

    def to_sparse_coo(self) -> SparseTensor:
        """This tensor in COO form."""
        return SparseTensor(self.positions, self.stored, self.shape, self.coalesced)

    def to_sparse_csr(self) -> SparseTensor:
        """This matrix in CSR form: entries row by row. Errors: RuntimeError unless it is a matrix."""
        self._need_matrix("to_sparse_csr")
        s = self.coalesce()
        return SparseTensor(s.positions, s.stored, s.shape, True, sparse_csr)

    def detach(self) -> SparseTensor:
        """The same numbers, without a gradient."""
        return self.with_values(self.stored.detach())

    def zero_(self) -> SparseTensor:
        """Remove all entries, in place."""
        self.positions, self.stored, self.coalesced = self.positions[:, :0], self.stored.detach()[:0], True
        return self

    def clone(self) -> SparseTensor:
        """A copy, which passes gradients on."""
        return self.with_values(self.stored.clone())

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """The values in another dtype or on another device, as `Tensor.to`."""
        values = self.stored.to(*args, **kwargs)
        positions = wrap(self.positions).to(values.device).array
        return SparseTensor(positions, values, self.shape, self.coalesced, self.layout)

    def float(self) -> SparseTensor:
        """In float32."""
        return self.with_values(self.stored.float())

    def double(self) -> SparseTensor:
        """In float64."""
        return self.with_values(self.stored.double())

    def t(self) -> SparseTensor:
        """The transposed matrix, in COO form."""
        self._need_matrix("t")
        return self.transpose(0, 1)

    T = property(t)

    def transpose(self, dim0: int, dim1: int) -> SparseTensor:
        """Two sparse dimensions exchanged, in COO form. Errors: IndexError for others."""
        n = self.sparse_dim()
        a, b = (d % self.dim() if -self.dim() <= d < self.dim() else n for d in (dim0, dim1))
        if max(a, b) >= n:
            raise IndexError(f"transpose: expected two of the {n} sparse dimensions, but got {dim0} and {dim1}")
        order = list(range(n))
        order[a], order[b] = b, a
        shape = [self.shape[d] for d in order]
        return SparseTensor(self.positions[order], self.stored, (*shape, *self.shape[n:]), a == b and self.coalesced)

    # ------------------------------------------------------------------ arithmetic

    def _need_matrix(self, who: str) -> None:
        if self.sparse_dim() != 2 or self.dense_dim():
            raise RuntimeError(f"{who}: expected a sparse matrix, of two sparse dimensions and no dense one, but got "
                               f"{self.sparse_dim()} and {self.dense_dim()}")

    def matmul(self, other: Tensor) -> Tensor:
        """The product with a dense matrix (w, n), or a vector (w,): dense.

        Errors: RuntimeError for other shapes and dtypes, NotImplementedError with another sparse matrix.
        """
        self._need_matrix("matmul")
        if isinstance(other, SparseTensor):
            raise NotImplementedError("the product of two sparse matrices is not implemented: to_dense() one of them")
        if not isinstance(other, TensorBase):
            raise TypeError(f"matmul(): argument 'other' must be Tensor, not {type(other).__name__}")
        dense: Any = other
        if dense.dim() not in (1, 2) or dense.shape[0] != self.shape[1]:
            raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({tuple(self.shape)} and "
                               f"{tuple(dense.shape)})")
        if dense.dtype != self.dtype:
            raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {self.dtype} != {dense.dtype}")
        columns = dense if dense.dim() == 2 else dense.unsqueeze(-1)
        product = SparseMatMul(self.positions[0], self.positions[1], self.shape[0])(self.stored, columns)
        return product if dense.dim() == 2 else product.squeeze(-1)

    mm = __matmul__ = matmul

    def __rmatmul__(self, other: Any) -> Any:
        return self.t().matmul(other.t()).t()

    def __add__(self, other: Any) -> Any:
        return self.add(other)

    __radd__ = __add__

    def add(self, other: Any, *, alpha: complex = 1) -> Any:
        """The sum: sparse with another sparse tensor, dense with a dense one.

        Errors: RuntimeError where shapes differ, TypeError with a number.
        """
        if alpha != 1:
            other = other * alpha
        return self.plus(wrap(other)).array if is_array(other) else self.plus(other)

    def plus(self, other: Any) -> Any:
        """The sum: sparse with a sparse tensor, dense with a dense one. Entries are in order if they were in both."""
        if isinstance(other, TensorBase):
            return self.to_dense() + other      # type: ignore[operator]
        if not isinstance(other, SparseTensor):
            raise TypeError(f"add: a sparse tensor plus {type(other).__name__} would have no zeros; try to_dense()")
        if self.shape != other.shape or self.sparse_dim() != other.sparse_dim():
            raise RuntimeError(f"add: expected sparse tensors of one shape, but got {tuple(self.shape)} and "
                               f"{tuple(other.shape)}")
        xp = array_module(self.positions)
        values = cat([self.stored, other.stored], 0)
        total = SparseTensor(xp.concatenate([self.positions, other.positions], 1), values, self.shape,
                             layout=self.layout)
        return total.coalesce() if self.coalesced and other.coalesced else total

    def __neg__(self) -> SparseTensor:
        return self.with_values(-self.stored)

    def __sub__(self, other: Any) -> Any:
        return self.add(other, alpha=-1)

    def __rsub__(self, other: Any) -> Any:
        return (-self).add(other)

    def mul(self, other: Any) -> SparseTensor:
        """Times a number, a 0-d tensor, or entry by entry a dense tensor of this shape."""
        return self.with_values(self.stored * self._at_entries(other, "mul"))

    __mul__ = __rmul__ = mul

    def div(self, other: Any) -> SparseTensor:
        """Divided by a number, a 0-d tensor, or entry by entry by a dense tensor of this shape."""
        return self.with_values(self.stored / self._at_entries(other, "div"))

    __truediv__ = div

    def _at_entries(self, other: Any, who: str) -> Any:
        """A number as it is; of a dense tensor, what stands at the entries."""
        if isinstance(other, SparseTensor):
            raise NotImplementedError(f"{who} of two sparse tensors is not implemented: to_dense() one of them")
        if not isinstance(other, TensorBase) or not other.array.ndim:
            return other
        if other.array.shape != self.shape:
            raise RuntimeError(f"{who}: expected a dense tensor of shape {tuple(self.shape)}, but got "
                               f"{tuple(other.array.shape)}")
        return GetItem(tuple(self.positions))(other)

    def sum(self, dim: int | tuple[int, ...] | None = None) -> Any:
        """The sum of all entries, or over dimensions: sparse while a sparse dimension is left."""
        if dim is None:
            return self.stored.sum()
        dims = {d % self.dim() for d in ((dim,) if isinstance(dim, int) else dim)}
        n = self.sparse_dim()
        behind = [d - n + 1 for d in dims if d >= n]
        values = sum_of(self.stored, tuple(behind)) if behind else self.stored
        kept = [d for d in range(n) if d not in dims]
        if not kept:
            return values.sum(0)
        shape = [size for d, size in enumerate(self.shape) if d not in dims]
        return SparseTensor(self.positions[kept], values, tuple(shape)).coalesce()

    def log_softmax(self, dim: int) -> SparseTensor:
        """log of `softmax`."""
        return self._softmax(dim, in_logs=True)

    def softmax(self, dim: int) -> SparseTensor:
        """exp(x) divided by its sum along a sparse dimension, over stored entries: what is not stored is -inf."""
        return self._softmax(dim, in_logs=False)

    def _softmax(self, dim: int, in_logs: bool) -> SparseTensor:
        if not -self.dim() <= dim < self.dim():
            raise IndexError(f"Dimension out of range (expected to be in range of [{-self.dim()}, {self.dim() - 1}], "
                             f"but got {dim})")
        dim, s = dim % self.dim(), self.coalesce()
        if dim >= s.sparse_dim():
            values = s.stored.log_softmax(dim - s.sparse_dim() + 1) if in_logs else s.stored.softmax(
                dim - s.sparse_dim() + 1)
            return s.with_values(values)
        # Which lines along `dim` the entries are on.
        others = [d for d in range(s.sparse_dim()) if d != dim]
        xp, line = array_module(s.positions), s.positions[0] * 0
        for d in others:
            line = line * s.shape[d] + s.positions[d]
        lines, which = xp.unique(line, return_inverse=True)
        which, shape = which.reshape(-1), (len(lines), *s.stored.shape[1:])
        largest = scatter_reduce(xp.full(shape, -xp.inf, s.stored.array.dtype), which, s.stored.array, np.maximum)
        shifted = s.stored - wrap(largest[which])       # exp cannot overflow, and the quotient is the same
        weights = exp(shifted)
        total = GetItem(which)(ScatterAdd(which, shape)(weights))
        return s.with_values(shifted - log(total) if in_logs else weights / total)


def positions_from(indices: Any, who: str) -> Array:
    """The array of positions. Errors: RuntimeError unless they are integers."""
    positions = array_of(indices)
    if positions.dtype.kind not in "iu":
        raise RuntimeError(f"{who}: expected integers as indices, but got {positions.dtype}")
    return positions
