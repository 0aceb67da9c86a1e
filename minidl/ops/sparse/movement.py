"""Sparse tensors turned, cut and joined: the positions change, the values move along."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.tensorbase import SparseBase, TensorBase
from minidl.backend.device import array_module
from minidl.backend.memory_format import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from minidl.ops.index.items import GetItem
from minidl.ops.shape.join import cat as cat_values
from minidl.ops.shape.views import array_of, transpose
from minidl.ops.sparse.products import meetings

if TYPE_CHECKING:
    from minidl.ops.sparse.sparse_tensor import SparseTensor

_TURNED = {sparse_csr: sparse_csc, sparse_csc: sparse_csr, sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr}


class Movement(SparseBase):
    """The methods of a sparse tensor that change shape and positions."""

    def dim_of(self: Any, dim: int, more: int = 0) -> int:
        """A dimension, counted from the front. Errors: IndexError if there is no such one."""
        n = self.dim() + more
        if not -n <= dim < n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
        return dim % n

    def transpose(self: Any, dim0: int, dim1: int) -> SparseTensor:
        """Two sparse dimensions exchanged; CSR becomes CSC. Errors: RuntimeError for dense dimensions."""
        a, b = self.dim_of(dim0), self.dim_of(dim1)
        n = self.sparse_dim()
        if max(a, b) >= n:
            raise RuntimeError(f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: {n}, d0: {a}, "
                               f"d1: {b}")
        order = list(range(self.dim()))
        order[a], order[b] = b, a
        return self.permute(*order)

    swapaxes = swapdims = transpose

    def permute(self: Any, *dims: Any) -> SparseTensor:
        """All sparse dimensions in another order. Errors: RuntimeError if dense ones would move."""
        order = [self.dim_of(d) for d in (dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims)]
        n = self.sparse_dim()
        if sorted(order) != list(range(self.dim())) or order[n:] != list(range(n, self.dim())):
            raise RuntimeError(f"permute(sparse): expected an order of the {n} sparse dimensions, with the dense ones "
                               f"after them as they are, but got {tuple(order)}")
        if order == list(range(self.dim())):
            return self
        shape = tuple(self.shape[d] for d in order)
        if self.layout is sparse_coo:
            return self.like(self.positions[order[:n]], self.stored, shape)
        values = transpose(self.stored, 1, 2) if self.layout in (sparse_bsr, sparse_bsc) else self.stored
        return self.like(self.positions[::-1], values, shape, True, _TURNED[self.layout])

    def t(self: Any) -> SparseTensor:
        """The transposed matrix; a vector as it is. Errors: RuntimeError for more dimensions."""
        if self.dim() > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got "
                               f"{self.sparse_dim()} sparse and {self.dense_dim()} dense dimensions")
        return self.transpose(0, 1) if self.dim() == 2 else self

    T = property(t)
    mT = property(lambda self: self.transpose(-2, -1))

    def unsqueeze(self: Any, dim: int) -> SparseTensor:
        """A new dimension of size 1; it is a sparse one among or right behind the sparse ones."""
        s = self.need_coo("unsqueeze")
        dim, n = s.dim_of(dim, more=1), s.sparse_dim()
        shape = (*s.shape[:dim], 1, *s.shape[dim:])
        if dim > n:
            return s.like(s.positions, s.stored.unsqueeze(dim - n + 1), shape, s.coalesced)
        new = s.positions[:1] * 0
        positions = array_module(new).concatenate([s.positions[:dim], new, s.positions[dim:]])
        return s.like(positions, s.stored, shape, s.coalesced)

    # ------------------------------------------------------------------ parts

    def select(self: Any, dim: int, index: int) -> Any:
        """What stands at one place of a dimension: sparse while a sparse dimension is left, else dense."""
        s = self.entries()
        dim, n = s.dim_of(dim), s.sparse_dim()
        size = s.shape[dim]
        if not -size <= index < size:
            raise IndexError(f"select(): index {index} out of range for tensor of size {list(s.shape)} at dimension "
                             f"{dim}")
        index, shape = index % size, (*s.shape[:dim], *s.shape[dim + 1:])
        if dim >= n:
            return s.like(s.positions, s.stored.select(dim - n + 1, index), shape, s.coalesced)
        xp = array_module(s.positions)
        found = xp.nonzero(s.positions[dim] == index)[0]
        values = GetItem(found, once=True)(s.stored)
        if n == 1:
            return values.sum(0)
        rest = [d for d in range(n) if d != dim]
        return s.like(s.positions[rest][:, found], values, shape, s.coalesced)

    def index_select(self: Any, dim: int, index: Any) -> SparseTensor:
        """The places `index` (n,) of a dimension, in this order; a place may come several times."""
        s = self.entries()
        dim, n, wanted = s.dim_of(dim), s.sparse_dim(), array_of(index)
        if wanted.ndim != 1 or wanted.dtype.kind not in "iu":
            raise IndexError(f"index_select(): expected a vector of integers as index, but got shape "
                             f"{tuple(wanted.shape)} of {wanted.dtype}")
        shape = (*s.shape[:dim], len(wanted), *s.shape[dim + 1:])
        if dim >= n:
            return s.like(s.positions, s.stored.index_select(dim - n + 1, index), shape, s.coalesced)
        xp, size = array_module(s.positions), s.shape[dim]
        if wanted.size and not (-size <= int(wanted.min()) and int(wanted.max()) < size):
            raise IndexError(f"index_select(): index out of range for dimension {dim} of size {size}")
        order = xp.argsort(s.positions[dim], kind="stable")
        place, entry = meetings(wanted % max(1, size), s.positions[dim][order])
        entry = order[entry]
        positions = s.positions[:, entry].copy()
        positions[dim] = place
        return s.like(positions, GetItem(entry)(s.stored), shape)

    def narrow_copy(self: Any, dim: int, start: int, length: int) -> SparseTensor:
        """The places from `start` on, `length` of them."""
        s = self.need_coo("narrow_copy")
        dim, n = s.dim_of(dim), s.sparse_dim()
        start = start + s.shape[dim] if start < 0 else start
        if not 0 <= start <= start + length <= s.shape[dim]:
            raise RuntimeError(f"narrow_copy: start ({start}) + length ({length}) exceeds dimension size "
                               f"({s.shape[dim]}).")
        shape = (*s.shape[:dim], length, *s.shape[dim + 1:])
        if dim >= n:
            return s.like(s.positions, s.stored.narrow(dim - n + 1, start, length), shape, s.coalesced)
        along = s.positions[dim]
        found = array_module(along).nonzero((along >= start) & (along < start + length))[0]
        positions = s.positions[:, found].copy()
        positions[dim] -= start
        return s.like(positions, GetItem(found, once=True)(s.stored), shape, s.coalesced)

    def __getitem__(self: Any, index: Any) -> Any:
        """Numbers, None and `...`: x[0], x[:, 1], x[None]. Errors: NotImplementedError for what PyTorch has not."""
        items = index if isinstance(index, tuple) else (index,)
        whole = self.dim() - sum(1 for item in items if item is not None and item is not Ellipsis)
        result, dim = self, 0
        for item in items:
            if item is Ellipsis:
                dim += whole
            elif item is None:
                result, dim = result.unsqueeze(dim), dim + 1
            elif isinstance(item, slice) and item == slice(None) and len(items) > 1:
                dim += 1
            elif isinstance(item, int) and not isinstance(item, bool):
                if not -result.shape[dim] <= item < result.shape[dim]:
                    raise IndexError(f"index {item} is out of bounds for dimension {dim} with size "
                                     f"{result.shape[dim]}")
                result = result.select(dim, item)
            else:
                raise NotImplementedError(
                    f"sparse tensors are indexed by integers, None, : and ..., but not by {item!r}, as in PyTorch; try "
                    f"index_select(dim, index), narrow_copy(dim, start, length) or to_dense()")
        return result

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("Cannot assign to a sparse tensor; make another one, or assign to to_dense()")

    def unbind(self: Any, dim: int = 0) -> tuple[Any, ...]:
        """All parts along a dimension."""
        return tuple(self.select(dim, i) for i in range(self.shape[self.dim_of(dim)]))

    def __iter__(self) -> Any:
        return iter(self.unbind(0))

    def sparse_mask(self: Any, mask: SparseTensor) -> SparseTensor:
        """What stands at the entries of `mask`."""
        return values_at(self, mask)


def values_at(x: Any, mask: Any) -> Any:
    """A sparse tensor with the positions of `mask`, and there the values of x, dense or sparse; 0 if it has none."""
    if not isinstance(mask, SparseBase):
        raise TypeError(f"sparse_mask: expected a sparse tensor as mask, but got {type(mask).__name__}")
    if tuple(x.shape) != tuple(mask.array.shape):
        raise RuntimeError(f"sparse_mask(): operands have incompatible sizes; self has size {list(x.shape)} but mask "
                           f"has size {list(mask.array.shape)}")
    entries = mask.entries()                    # type: ignore[attr-defined]
    if isinstance(x, TensorBase):
        return entries.with_values(GetItem(tuple(entries.positions))(x)).to_layout_of(mask)
    given, xp = x.entries().coalesce(), array_module(entries.positions)
    stored, wanted = given.places(), entries.places()
    at = xp.searchsorted(stored, wanted)
    found = at < len(stored)
    found[found] = stored[at[found]] == wanted[found]
    padded = cat_values([given.stored, given.stored.new_zeros((1, *given.stored.shape[1:]))], 0)
    return entries.with_values(GetItem(xp.where(found, at, len(stored)))(padded)).to_layout_of(mask)


def cat(tensors: Sequence[Any], dim: int = 0) -> SparseTensor:
    """Sparse tensors one behind another along a dimension."""
    if not all(isinstance(s, SparseBase) for s in tensors):
        raise RuntimeError("cat: expected sparse tensors only, or dense ones only; try to_dense() or to_sparse()")
    parts = [s.need_coo("cat") for s in tensors]
    first = parts[0]
    dim, n = first.dim_of(dim), first.sparse_dim()
    for s in parts:
        if s.sparse_dim() != n or [*s.shape[:dim], *s.shape[dim + 1:]] != [*first.shape[:dim], *first.shape[dim + 1:]]:
            raise RuntimeError(f"cat: Sizes of tensors must match except in dimension {dim}. Expected "
                               f"{list(first.shape)} but got {list(s.shape)}")
    shape = (*first.shape[:dim], sum(s.shape[dim] for s in parts), *first.shape[dim + 1:])
    xp, shifted, values, start = array_module(first.positions), [], [], 0
    for s in parts:
        positions, stored = s.positions.copy(), s.stored
        if dim < n:
            positions[dim] += start
        else:       # a dense dimension: zeros before and behind
            axis = dim - n + 1
            around = [stored.new_zeros((*stored.shape[:axis], k, *stored.shape[axis + 1:]))
                      for k in (start, shape[dim] - start - s.shape[dim])]
            stored = cat_values([around[0], stored, around[1]], axis)
        shifted.append(positions)
        values.append(stored)
        start += s.shape[dim]
    return first.like(xp.concatenate(shifted, 1), cat_values(values, 0), shape)


def stack(tensors: Sequence[Any], dim: int = 0) -> SparseTensor:
    """Sparse tensors along a new dimension."""
    return cat([s.unsqueeze(dim) for s in tensors], dim)
