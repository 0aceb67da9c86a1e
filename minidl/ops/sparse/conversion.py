"""From dense to sparse: which entries are kept."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.backend.device import array_module
from minidl.backend.memory_format import layout as Layout
from minidl.backend.memory_format import sparse_coo, sparse_csr
from minidl.ops.base.declaration import public
from minidl.ops.index.items import GetItem
from minidl.ops.shape.views import array_of
from minidl.ops.sparse.sparse_tensor import SparseTensor

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def to_sparse(input: Tensor, sparse_dim: int | Layout | None = None, *, layout: Layout | None = None) -> SparseTensor:
    """The entries that are not zero, in COO form; gradients pass to them.

    sparse_dim: positions are along so many first dimensions only, and what is behind is kept whole. layout:
    `sparse_coo` or `sparse_csr`. Errors: RuntimeError for other layouts and numbers of dimensions.

        >>> import minidl
        >>> minidl.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse().values()
        tensor([2., 3.])
    """
    if isinstance(sparse_dim, Layout):
        sparse_dim, layout = None, sparse_dim
    if layout not in (None, sparse_coo, sparse_csr):
        raise RuntimeError(f"to_sparse: expected layout sparse_coo or sparse_csr, but got {layout}")
    x = array_of(input)
    n = x.ndim if sparse_dim is None else sparse_dim
    if not 0 < n <= x.ndim:
        raise RuntimeError(f"to_sparse: expected a sparse_dim from 1 to {x.ndim}, but got {n}")
    stored = x != 0
    if n < x.ndim:
        stored = stored.any(axis=tuple(range(n, x.ndim)))
    positions = array_module(x).stack(array_module(x).nonzero(stored))
    values: Any = GetItem(tuple(positions), once=True)(input)
    sparse = SparseTensor(positions, values, x.shape, coalesced=True)
    return sparse.to_sparse_csr() if layout is sparse_csr else sparse


@public
def to_sparse_csr(input: Tensor) -> SparseTensor:
    """The entries of a matrix that are not zero, in CSR form. Errors: RuntimeError unless 2-D.

        >>> import minidl
        >>> minidl.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse_csr().crow_indices()
        tensor([0, 1, 2])
    """
    return to_sparse(input).to_sparse_csr()


@public
def to_dense(input: Tensor) -> Tensor:
    """A dense tensor as it is; of a sparse one, the tensor with its zeros."""
    return input.to_dense() if isinstance(input, SparseTensor) else input
