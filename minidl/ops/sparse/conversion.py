"""From dense to sparse: which entries are kept."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.backend.device import array_module
from minidl.backend.memory_format import layout as Layout
from minidl.backend.memory_format import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from minidl.ops.base.declaration import public
from minidl.ops.index.items import GetItem
from minidl.ops.shape.views import array_of
from minidl.ops.sparse.movement import values_at
from minidl.ops.sparse.sparse_tensor import COMPRESSED, SparseTensor, check_blocks

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def to_sparse(input: Tensor, sparse_dim: int | Layout | None = None, *, layout: Layout | None = None,
              blocksize: tuple[int, int] | None = None, dense_dim: int | None = None) -> SparseTensor:
    """The entries that are not zero, in COO form or that of `layout`; gradients pass to them.

    sparse_dim: positions are along so many first dimensions only, and what is behind is kept whole. dense_dim: the
    same, told from behind, for the compressed layouts. blocksize (height, width): for `sparse_bsr` and `sparse_bsc`,
    which keep blocks. Errors: RuntimeError for other layouts and numbers of dimensions.

        >>> import minidl
        >>> minidl.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse().values()
        tensor([2., 3.])
    """
    if isinstance(sparse_dim, Layout):
        sparse_dim, layout = None, sparse_dim
    if isinstance(input, SparseTensor):
        return input.to_sparse(sparse_dim, layout=layout, blocksize=blocksize)
    if layout is strided:
        return input    # type: ignore[return-value]
    x = array_of(input)
    if layout in COMPRESSED:
        return _compressed(input, x, layout, blocksize, dense_dim)
    if layout not in (None, sparse_coo):
        raise RuntimeError(f"to_sparse: expected a layout such as sparse_coo or sparse_csr, but got {layout}")
    if blocksize is not None:
        raise RuntimeError("dense_to_sparse: conversion from Strided to Sparse with blocksize argument given is not "
                           "supported")
    n = x.ndim - (dense_dim or 0) if sparse_dim is None else sparse_dim
    if not 0 <= n <= x.ndim:
        raise RuntimeError(f"dense_to_sparse: sparse_dim argument must be in [0,{x.ndim}] range, but {n} is given")
    if not n:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    return _entries(input, x, n)


def _entries(input: Any, x: Any, n: int) -> SparseTensor:
    """Where any of the numbers behind the first n dimensions is not zero."""
    stored = x != 0
    if n < x.ndim:
        stored = stored.any(axis=tuple(range(n, x.ndim)))
    positions = array_module(x).stack(array_module(x).nonzero(stored))
    values: Any = GetItem(tuple(positions), once=True)(input)
    return SparseTensor(positions, values, x.shape, coalesced=True)


def _compressed(input: Any, x: Any, layout: Layout | None, blocksize: Any, dense_dim: int | None) -> SparseTensor:
    """A matrix in a compressed layout; whole blocks are kept, and numbers behind the first two dimensions."""
    dense = dense_dim or 0
    assert layout is not None
    if x.ndim < 2:
        raise RuntimeError(f"to_{layout.name}: expected a sparse matrix, of two dimensions, but got {x.ndim}")
    if not 0 <= dense <= x.ndim - 2:
        raise RuntimeError(f"dense_to_{layout.name}: dense_dim argument must be in [0,{x.ndim - 2}] range, but {dense} "
                           f"is given")
    if dense < x.ndim - 2:
        raise NotImplementedError(f"to_{layout.name}: stacks of compressed matrices are not implemented, and this has "
                                  f"{x.ndim - 2 - dense} dimensions before; try to_sparse(), or dense_dim=")
    if layout in (sparse_bsr, sparse_bsc):
        check_blocks(blocksize, x.shape, layout)
    return _entries(input, x, 2).compress(layout, blocksize)


def _named(name: str, layout: Layout, blocks: bool) -> Any:
    """`to_sparse(layout=...)` under the name of its layout."""
    if blocks:
        def convert(input: Tensor, blocksize: tuple[int, int], dense_dim: int | None = None) -> SparseTensor:
            return to_sparse(input, layout=layout, blocksize=blocksize, dense_dim=dense_dim)
    else:
        def convert(input: Tensor, dense_dim: int | None = None) -> SparseTensor:  # type: ignore[misc]
            return to_sparse(input, layout=layout, dense_dim=dense_dim)
    convert.__name__ = convert.__qualname__ = name
    what = "blocks of a matrix that are not all zero, blocksize (height, width)" if blocks else \
        "entries of a matrix that are not zero"
    convert.__doc__ = f"The {what}, in {layout.name[-3:].upper()} form. Errors: RuntimeError unless 2-D."
    return public(convert)


to_sparse_csr = _named("to_sparse_csr", sparse_csr, blocks=False)
to_sparse_csc = _named("to_sparse_csc", sparse_csc, blocks=False)
to_sparse_bsr = _named("to_sparse_bsr", sparse_bsr, blocks=True)
to_sparse_bsc = _named("to_sparse_bsc", sparse_bsc, blocks=True)


@public
def to_dense(input: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """A dense tensor as it is, perhaps in another dtype; of a sparse one, the tensor with its zeros."""
    if isinstance(input, SparseTensor):
        return input.to_dense(dtype)
    return input if dtype is None else input.to(dtype)


@public
def sparse_mask(input: Tensor, mask: SparseTensor) -> SparseTensor:
    """What stands in a dense tensor at the entries of a sparse one.

        >>> import minidl
        >>> minidl.arange(4).reshape(2, 2).sparse_mask(minidl.eye(2).to_sparse()).values()
        tensor([0, 3])
    """
    return values_at(input, mask)


# ---------------------------------------------------------------------- what a dense tensor says of them

def sparse_dim(input: Tensor) -> int:
    """0: a dense tensor has no sparse dimensions."""
    return 0


def dense_dim(input: Tensor) -> int:
    """The number of dimensions."""
    return input.ndim


PARTS = ("coalesce", "is_coalesced", "indices", "values", "crow_indices", "col_indices", "ccol_indices", "row_indices")
_WANTED = {"values": "", "crow_indices": "row compressed ", "col_indices": "row compressed ",
           "ccol_indices": "column compressed ", "row_indices": "column compressed "}


def refused_by_dense(name: str) -> Any:
    """The method of a dense tensor that says why it has no such part."""
    def method(input: Tensor) -> Any:
        raise RuntimeError(f"{name} expected sparse {_WANTED.get(name, 'coordinate ')}tensor layout but got Strided; "
                           f"try to_sparse() first")
    method.__name__ = method.__qualname__ = name
    method.__doc__ = "Errors: RuntimeError, always: this is a part of sparse tensors; see `to_sparse`."
    return method
