"""`SparseTensor`: the entries of a tensor that are not zero, and what can be computed with them.

It is the positions of entries, and a Tensor of their values; so gradients pass through the values, and a gradient of
the sparse tensor is one of its values. Values at a position that is named twice add up. All layouts keep positions:

| layout | positions | values | order |
|---|---|---|---|
| COO | (sparse_dim, nnz) | (nnz, dense...) | any; coalesced: row by row, each once |
| CSR, CSC | (2, nnz) of entries | (nnz, dense...) | row by row, column by column |
| BSR, BSC | (2, nnz) of blocks | (nnz, height, width, dense...) | row by row, column by column |

The pointers of the compressed layouts, where each row or column begins, follow from the positions.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from minidl.autograd.tensorbase import TensorBase, wrap
from minidl.backend.device import Array, array_module
from minidl.backend.memory_format import layout as Layout
from minidl.backend.memory_format import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from minidl.backend.torch_types import Size
from minidl.ops.index.items import GetItem, ScatterAdd
from minidl.ops.shape.views import Reshape, array_of, as_result, reshape
from minidl.ops.sparse.arithmetic import Arithmetic
from minidl.ops.sparse.movement import Movement, cat, stack
from minidl.ops.sparse.products import SparseMatMul, sparse_times_sparse

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

BY_ROWS, BLOCKS = (sparse_csr, sparse_bsr), (sparse_bsr, sparse_bsc)
COMPRESSED = (sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)
_TORCH = {sparse_coo: "Sparse", sparse_csr: "SparseCsr", sparse_csc: "SparseCsc", sparse_bsr: "SparseBsr",
          sparse_bsc: "SparseBsc", strided: "Strided"}


class SparseTensor(Arithmetic, Movement):
    """A tensor of which only some entries are stored: `minidl.sparse_coo_tensor`, `Tensor.to_sparse`.

    positions: an entry's (or block's) place along the sparse dimensions; values: see above. It is no Tensor: a function
    that is not made for it refuses it.

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

    __array_ufunc__ = None      # NumPy's operators hand over to the ones below

    def __init__(self, positions: Array, values: Tensor, shape: tuple[int, ...], coalesced: bool = False,
                 layout: Layout = sparse_coo) -> None:
        self.positions, self.stored, self.layout = positions, values, layout
        self.shape, self.coalesced = Size(shape), coalesced or values.shape[0] < 2

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a sparse tensor has no {name!r}; what is there is listed in minidl.sparse, and "
                             f"to_dense() has all that a Tensor has")

    def like(self, positions: Array, values: Any, shape: tuple[int, ...], coalesced: bool = False,
             layout: Layout = sparse_coo) -> SparseTensor:
        """Another sparse tensor, in COO form if not told otherwise."""
        return SparseTensor(positions, values, shape, coalesced, layout)

    def with_values(self, values: Any) -> SparseTensor:
        """Other values at the same positions."""
        return SparseTensor(self.positions, values, self.shape, self.coalesced, self.layout)

    # ------------------------------------------------------------------ what it is

    dtype = property(lambda self: self.stored.dtype)
    device = property(lambda self: self.stored.device)
    ndim = property(lambda self: len(self.shape))
    requires_grad = property(lambda self: self.stored.requires_grad,
                             lambda self, value: self.requires_grad_(value))
    is_leaf = property(lambda self: self.stored.is_leaf)
    grad_fn = property(lambda self: self.stored.grad_fn)
    is_sparse = property(lambda self: self.layout is sparse_coo)
    is_sparse_csr = property(lambda self: self.layout is sparse_csr)
    is_cuda = property(lambda self: self.stored.is_cuda)
    is_cpu = property(lambda self: self.stored.is_cpu)
    data = property(lambda self: self.detach())

    @property
    def grad(self) -> SparseTensor | None:
        """The gradient of a leaf, at the positions of its entries."""
        return None if self.stored.grad is None else self.with_values(self.stored.grad)

    @grad.setter
    def grad(self, value: SparseTensor | None) -> None:
        self.stored.grad = None if value is None else value.entries().coalesce().stored

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Record operations on the values."""
        self.stored.requires_grad_(requires_grad)
        return self

    def backward(self, gradient: SparseTensor | None = None, **kwargs: Any) -> None:
        """Gradients of the values, weighted with those of `gradient` at the same positions."""
        given = None if gradient is None else gradient.entries().sparse_mask(self.entries()).stored
        self.stored.backward(given, **kwargs)

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

    nelement = numel

    def element_size(self) -> int:
        """The bytes of one value."""
        return self.stored.element_size()

    def is_contiguous(self) -> bool:
        """False: there is no array of all elements."""
        return False

    def is_same_size(self, other: Any) -> bool:
        """Whether the shapes are equal."""
        return self.shape == tuple(other.shape)

    def sparse_dim(self) -> int:
        """How many dimensions the positions are along."""
        return self.positions.shape[0]

    def dense_dim(self) -> int:
        """How many dimensions the values of one position have."""
        return len(self.shape) - self.sparse_dim()

    def _nnz(self) -> int:
        """The number of stored entries, or blocks; one that is named twice counts twice."""
        return self.stored.shape[0]

    nnz = _nnz

    def is_coalesced(self) -> bool:
        """Whether no position is named twice, and all are in order."""
        self.need_coo("is_coalesced")
        return self.coalesced

    def __len__(self) -> int:
        return self.shape[0]

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Any:
        if other is None or isinstance(other, str):
            return False
        raise NotImplementedError("sparse tensors are not compared entry by entry, since equal zeros would be stored; "
                                  "try to_dense() first")

    def __bool__(self) -> bool:
        raise RuntimeError("Boolean value of a sparse tensor is ambiguous; try .any() or to_dense()")

    def __reduce_ex__(self, protocol: Any) -> Any:
        return SparseTensor, (self.positions, self.stored, tuple(self.shape), self.coalesced, self.layout)

    def __deepcopy__(self, memo: Any) -> SparseTensor:
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                               "protocol at the moment; detach() or clone() this one.")
        result = self.with_values(self.stored.__deepcopy__(memo))
        result.positions = self.positions.copy()
        return result

    # ------------------------------------------------------------------ its parts

    def need_coo(self, who: str) -> SparseTensor:
        """The tensor. Errors: RuntimeError unless it is in COO form."""
        if self.layout is not sparse_coo:
            raise RuntimeError(f"{who} expected sparse coordinate tensor layout but got {_TORCH[self.layout]}; try "
                               f"to_sparse() first")
        return self

    def _indices(self) -> Tensor:
        """The positions (sparse_dim, nnz), coalesced or not."""
        return wrap(self.need_coo("_indices").positions)

    def _values(self) -> Tensor:
        """The values (nnz, ...), coalesced or not."""
        return self.need_coo("_values").stored

    def indices(self) -> Tensor:
        """The positions (sparse_dim, nnz) of a coalesced tensor. Errors: RuntimeError unless it is one."""
        return wrap(self._coalesced("indices").positions)

    def values(self) -> Tensor:
        """The values (nnz, ...): of a COO tensor, if it is coalesced. Errors: RuntimeError unless it is."""
        return self.stored if self.layout is not sparse_coo else self._coalesced("values").stored

    def _coalesced(self, who: str) -> SparseTensor:
        if not self.need_coo(who).coalesced:
            raise RuntimeError(f"Cannot get {who} on an uncoalesced tensor, please call .coalesce() first")
        return self

    def crow_indices(self) -> Tensor:
        """Where the entries, or blocks, of each row begin, and the last one's end: (rows + 1,)."""
        return self._pointers("crow_indices", "row", 0)

    def col_indices(self) -> Tensor:
        """The column of each entry, or block, (nnz,)."""
        return self._compressed("col_indices", "row", 1)

    def ccol_indices(self) -> Tensor:
        """Where the entries, or blocks, of each column begin, and the last one's end: (columns + 1,)."""
        return self._pointers("ccol_indices", "column", 1)

    def row_indices(self) -> Tensor:
        """The row of each entry, or block, (nnz,)."""
        return self._compressed("row_indices", "column", 0)

    def _compressed(self, who: str, what: str, axis: int) -> Tensor:
        if self.layout not in COMPRESSED or (self.layout in BY_ROWS) != (what == "row"):
            raise RuntimeError(f"{who} expected sparse {what} compressed tensor layout but got {_TORCH[self.layout]}")
        return wrap(self.positions[axis])

    def _pointers(self, who: str, what: str, axis: int) -> Tensor:
        places = array_of(self._compressed(who, what, axis))
        xp, size = array_module(places), self.shape[axis] // self.blocksize()[axis]
        return wrap(xp.searchsorted(places, xp.arange(size + 1)).astype(places.dtype))

    def blocksize(self) -> tuple[int, int]:
        """The height and width of a block; (1, 1) where there are none."""
        return tuple(self.stored.shape[1:3]) if self.layout in BLOCKS else (1, 1)   # type: ignore[return-value]

    # ------------------------------------------------------------------ other forms

    def places(self) -> Array:
        """The positions as numbers, row by row."""
        places = self.positions[0]
        for positions, size in zip(self.positions[1:], self.shape[1:]):
            places = places * size + positions
        return places

    def coalesce(self) -> SparseTensor:
        """Each position once, in order; values of one position are added up."""
        if self.need_coo("coalesce").coalesced:
            return self
        xp = array_module(self.positions)
        places, which = xp.unique(self.places(), return_inverse=True)
        which = which.reshape(-1)
        positions = xp.stack(xp.unravel_index(places, self.shape[:self.sparse_dim()])).astype(self.positions.dtype)
        values = ScatterAdd(which, (len(places), *self.stored.shape[1:]))(self.stored)
        return SparseTensor(positions, values, self.shape, True)

    def merged(self) -> SparseTensor:
        """This tensor with each position once; of the compressed ones none is there twice."""
        return self.coalesce() if self.layout is sparse_coo else self

    def entries(self) -> SparseTensor:
        """This tensor in COO form, with the entries in the order in which they are stored."""
        if self.layout is sparse_coo:
            return self
        if self.layout not in BLOCKS:
            return SparseTensor(self.positions, self.stored, self.shape, self.layout is sparse_csr)
        xp, (height, width) = array_module(self.positions), self.blocksize()
        inside = xp.stack(xp.divmod(xp.arange(height * width), width))             # (2, entries of a block)
        corner = self.positions * xp.asarray([[height], [width]])
        positions = (corner[:, :, None] + inside[:, None, :]).reshape(2, -1)
        return SparseTensor(positions, reshape(self.stored, (-1, *self.stored.shape[3:])), self.shape)

    def to_dense(self, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
        """A Tensor with zeros where nothing is stored."""
        s = self.entries()
        dense: Any = ScatterAdd(tuple(s.positions), tuple(s.shape))(s.stored)
        return dense if dtype is None else dense.to(dtype)

    def to_sparse(self, sparse_dim: int | Layout | None = None, *, layout: Layout | None = None, blocksize: Any = None,
                  dense_dim: int | None = None) -> SparseTensor:
        """This tensor in COO form, or in that of `layout`."""
        if isinstance(sparse_dim, Layout):
            sparse_dim, layout = None, sparse_dim
        if sparse_dim not in (None, self.sparse_dim()):
            raise RuntimeError("to_sparse: conversion from Sparse to Sparse with sparse_dim argument "
                               "!=self.sparse_dim() is not supported; try to_dense() first")
        return self.entries() if layout in (None, sparse_coo) else self.compress(layout, blocksize)

    def to_sparse_coo(self) -> SparseTensor:
        """This tensor in COO form."""
        return self.entries()

    def to_sparse_csr(self, dense_dim: int | None = None) -> SparseTensor:
        """This matrix in CSR form: entries row by row. Errors: RuntimeError unless it is a matrix."""
        return self.compress(sparse_csr, None)

    def to_sparse_csc(self, dense_dim: int | None = None) -> SparseTensor:
        """This matrix in CSC form: entries column by column. Errors: RuntimeError unless it is a matrix."""
        return self.compress(sparse_csc, None)

    def to_sparse_bsr(self, blocksize: Any, dense_dim: int | None = None) -> SparseTensor:
        """This matrix in BSR form: blocks of blocksize (height, width), row by row."""
        return self.compress(sparse_bsr, blocksize)

    def to_sparse_bsc(self, blocksize: Any, dense_dim: int | None = None) -> SparseTensor:
        """This matrix in BSC form: blocks of blocksize (height, width), column by column."""
        return self.compress(sparse_bsc, blocksize)

    def to_layout_of(self, other: Any) -> SparseTensor:
        """This tensor in the layout of another, in blocks of the same size."""
        return self if other.layout is self.layout else self.compress(other.layout, other.blocksize())

    def compress(self, layout: Any, blocksize: Any) -> SparseTensor:
        """This matrix in a compressed form. Errors: RuntimeError where layout, shape and blocks do not fit."""
        if layout not in COMPRESSED:
            raise RuntimeError(f"to_sparse: expected layout sparse_coo, sparse_csr, sparse_csc, sparse_bsr or "
                               f"sparse_bsc, but got {layout}")
        if self.sparse_dim() != 2:
            raise RuntimeError(f"to_{layout.name}: expected a sparse matrix, of two sparse dimensions, but got "
                               f"{self.sparse_dim()}")
        s = self.entries().coalesce()
        if layout in BLOCKS:
            s = s.in_blocks(check_blocks(blocksize, self.shape, layout))
        elif blocksize not in (None, (1, 1)):
            raise RuntimeError(f"to_sparse: conversion to {_TORCH[layout]} with blocksize argument given is not "
                               f"supported")
        if layout in BY_ROWS:
            return SparseTensor(s.positions, s.stored, s.shape, True, layout)
        xp = array_module(s.positions)
        order = xp.argsort(s.positions[1], kind="stable")
        positions = xp.ascontiguousarray(s.positions[:, order])
        return SparseTensor(positions, GetItem(order, once=True)(s.stored), s.shape, True, layout)

    def in_blocks(self, blocksize: tuple[int, int]) -> SparseTensor:
        """The blocks that hold an entry, row by row, as a tensor whose positions are those of blocks."""
        (height, width), xp = blocksize, array_module(self.positions)
        row, column = self.positions
        across = self.shape[1] // width
        blocks, which = xp.unique(row // height * across + column // width, return_inverse=True)
        values = ScatterAdd((which.reshape(-1), row % height, column % width),
                            (len(blocks), height, width, *self.stored.shape[1:]), once=True)(self.stored)
        positions = xp.stack(xp.divmod(blocks, max(1, across)))
        return SparseTensor(positions, values, self.shape, True, sparse_bsr)

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

    def conj(self) -> SparseTensor:
        """The complex conjugates."""
        return self.with_values(self.stored.conj())

    def to(self, *args: Any, **kwargs: Any) -> SparseTensor:
        """The values in another dtype or on another device, as `Tensor.to`."""
        values = self.stored.to(*args, **kwargs)
        positions = wrap(self.positions).to(values.device).array
        return SparseTensor(positions, values, self.shape, self.coalesced, self.layout)

    def type_as(self, other: Any) -> SparseTensor: return self.to(other.dtype)
    def cpu(self) -> SparseTensor: return self.to("cpu")
    def cuda(self, device: Any = None) -> SparseTensor: return self.to("cuda" if device is None else device)

    def numpy(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    __array__ = numpy

    # ------------------------------------------------------------------ products

    def matmul(self, other: Any) -> Any:
        """The product with a dense matrix (w, n), or a vector (w,): dense; with a sparse matrix: sparse.

        Errors: RuntimeError for other shapes and dtypes.
        """
        if self.sparse_dim() != 2 or self.dense_dim():
            raise RuntimeError(f"matmul: expected a sparse matrix, of two sparse dimensions and no dense one, but got "
                               f"{self.sparse_dim()} and {self.dense_dim()}")
        if not isinstance(other, (TensorBase, SparseTensor)):
            raise TypeError(f"matmul(): argument 'other' must be Tensor, not {type(other).__name__}")
        x: Any = other
        if x.dim() not in (1, 2) or x.shape[0] != self.shape[1]:
            raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({tuple(self.shape)} and "
                               f"{tuple(x.shape)})")
        if x.dtype != self.dtype:
            raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {self.dtype} != {x.dtype}")
        a = self.entries()
        if isinstance(x, SparseTensor):
            product = sparse_times_sparse(a, x.entries())
            return product if self.layout is sparse_coo else product.to_sparse_csr()
        columns = x if x.dim() == 2 else x.unsqueeze(-1)
        product = SparseMatMul(a.positions[0], a.positions[1], a.shape[0])(a.stored, columns)
        return product if x.dim() == 2 else as_result(product, Reshape((a.shape[0],)))

    mm = mv = __matmul__ = matmul

    def __rmatmul__(self, other: Any) -> Any:
        product = self.t().matmul(other.t() if other.dim() == 2 else other).t()
        product.view_of = None      # nobody else holds its memory
        return product

    def smm(self, mat: Tensor) -> SparseTensor:
        """The product with a dense matrix, in COO form with all its entries."""
        product = self.matmul(mat)
        xp = array_module(self.positions)
        positions = xp.stack([p.reshape(-1) for p in xp.indices(product.shape)])
        return SparseTensor(positions, reshape(product, (-1,)), product.shape, True)


def _cast(name: str) -> Any:
    def method(self: SparseTensor) -> SparseTensor:
        return self.with_values(getattr(self.stored, name)())
    method.__name__, method.__doc__ = name, f"The values as `Tensor.{name}`."
    return method


for _name in ("half", "float", "double", "short", "int", "long", "bool"):
    setattr(SparseTensor, _name, _cast(_name))
SparseTensor.cat, SparseTensor.stack = staticmethod(cat), staticmethod(stack)   # type: ignore[attr-defined]


def check_blocks(blocksize: Any, shape: tuple[int, ...], layout: Layout) -> tuple[int, int]:
    """The size of blocks. Errors: RuntimeError unless it is two numbers that divide the sizes of the matrix."""
    who = f"dense_to_{layout.name}"
    if blocksize is None:
        raise RuntimeError(f"dense_to_sparse: conversion from Strided to {_TORCH[layout]} without blocksize argument "
                           f"given is not supported")
    if len(blocksize) != 2 or min(blocksize) < 1:
        raise RuntimeError(f"{who}: blocksize needs to be positive, but got {list(blocksize)}")
    height, width = blocksize
    if shape[0] % height or shape[1] % width:
        raise RuntimeError(f"{who}: tensor sparse size ({shape[0]},{shape[1]}) must be divisible by given blocksize "
                           f"({height},{width})")
    return height, width


def positions_from(indices: Any, who: str) -> Array:
    """The array of positions. Errors: RuntimeError unless they are integers."""
    positions = array_of(indices)
    if positions.dtype.kind not in "iu":
        raise RuntimeError(f"{who}: expected integers as indices, but got {positions.dtype}")
    return positions
