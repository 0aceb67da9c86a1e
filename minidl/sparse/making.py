"""New sparse tensors, of positions and values."""
from __future__ import annotations

from typing import Any

from minidl.backend.device import array_module
from minidl.backend.memory_format import layout as Layout
from minidl.backend.memory_format import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from minidl.ops.sparse import SparseTensor, positions_from
from minidl.sparse.invariants import check_sparse_tensor_invariants
from minidl.tensors.creation import as_tensor, zeros
from minidl.tensors.tensor import Tensor

_TORCH = {sparse_coo: "Sparse", None: "none"}
_PARTS = {sparse_csr: ("crow", "col", "rows", "cols"), sparse_csc: ("ccol", "row", "cols", "rows"),
          sparse_bsr: ("crow", "col", "row blocks", "col blocks"),
          sparse_bsc: ("ccol", "row", "col blocks", "row blocks")}


def sparse_coo_tensor(indices: Any = None, values: Any = None, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False, check_invariants: bool | None = None,
                      is_coalesced: bool | None = None) -> SparseTensor:
    """A tensor with `values` (nnz, ...) at the positions `indices` (sparse_dim, nnz), and zeros elsewhere.

    Values at one position add up. Gradients pass to `values`. `size` follows from the indices where it is left out;
    `sparse_coo_tensor(size=(2, 3))` is empty. Errors: RuntimeError where shapes do not fit, or an index is too large.

        >>> import minidl
        >>> minidl.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
        tensor([[0., 0., 3.],
                [4., 0., 0.]])
    """
    if indices is not None and values is None and size is None:
        indices, size = None, indices                   # sparse_coo_tensor((2, 3))
    if indices is None:
        size = tuple(size)
        return SparseTensor(zeros(len(size), 0, dtype="int64", device=device).array,
                            zeros(0, dtype=dtype, device=device, requires_grad=requires_grad), size, coalesced=True)
    stored = _values(values, dtype, device, requires_grad)
    positions = positions_from(as_tensor(indices, device=stored.device), "sparse_coo_tensor")
    if positions.ndim == 1:
        positions = positions.reshape(-1, 1) if positions.size else positions.reshape(1, 0)
    if positions.ndim != 2 or stored.dim() < 1:
        raise RuntimeError(f"sparse_coo_tensor: expected indices (sparse_dim, nnz) and values (nnz, ...), but got "
                           f"shapes {tuple(positions.shape)} and {tuple(stored.shape)}")
    n, dense = positions.shape[0], stored.dim() - 1
    if size is None:
        size = (*(int(row.max()) + 1 if row.size else 0 for row in positions), *stored.shape[1:])
    size = tuple(size)
    if len(size) != n + dense:
        raise RuntimeError(f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
                           f"sparse_dim = {n}, dense_dim = {dense}")
    if positions.shape[1] != stored.shape[0]:
        raise RuntimeError(f"indices and values must have same nnz, but got nnz from indices: {positions.shape[1]}, "
                           f"nnz from values: {stored.shape[0]}")
    if size[n:] != tuple(stored.shape[1:]):
        raise RuntimeError(f"values has incorrect size, expected {[stored.shape[0], *size[n:]]}, got "
                           f"{list(stored.shape)}")
    _check_range(positions, size)
    sparse = SparseTensor(positions, stored, size)
    places = sparse.places()
    in_order = bool((places[1:] > places[:-1]).all())
    if is_coalesced and not in_order and _must_hold(check_invariants):
        raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")
    sparse.coalesced = sparse.coalesced or bool(is_coalesced) and in_order
    return sparse


def sparse_compressed_tensor(compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *,
                             dtype: Any = None, layout: Layout | None = None, device: Any = None,
                             requires_grad: bool = False, check_invariants: bool | None = None) -> SparseTensor:
    """A matrix row by row (`layout` sparse_csr, sparse_bsr) or column by column (sparse_csc, sparse_bsc).

    Row i has the values from compressed_indices[i] to compressed_indices[i + 1], which stand in the columns
    `plain_indices` (nnz,). values (nnz, ...), or (nnz, height, width, ...) for blocks. Gradients pass to them. `size`
    follows from the indices where it is left out. Entries of a row that are not in order are put in order.

    Errors: RuntimeError where these do not fit each other, and, if `check_invariants`, where a row is out of order;
    NotImplementedError for stacks of matrices.

        >>> import minidl
        >>> minidl.sparse_compressed_tensor([0, 1, 3], [2, 0, 1], [3.0, 4.0, 5.0], (2, 3), layout=minidl.sparse_csr)
        tensor(crow_indices=tensor([0, 1, 3]),
               col_indices=tensor([2, 0, 1]),
               values=tensor([3., 4., 5.]), size=(2, 3), nnz=3, layout=minidl.sparse_csr)
    """
    if layout not in _PARTS:
        raise RuntimeError(f"sparse_compressed_tensor expected sparse compressed tensor layout but got "
                           f"{_TORCH.get(layout, layout)}")
    assert layout is not None
    stored = _values(values, dtype, device, requires_grad)
    ends, plain = (positions_from(as_tensor(given, device=stored.device), f"{layout.name}_tensor")
                   for given in (compressed_indices, plain_indices))
    blocks = 2 if layout in (sparse_bsr, sparse_bsc) else 0
    axis = 0 if layout in (sparse_csr, sparse_bsr) else 1
    _check_parts(layout, ends, plain, stored, blocks)
    block = tuple(stored.shape[1:3]) if blocks else (1, 1)
    if size is None:
        along = [0, 0]
        along[axis], along[1 - axis] = ends.size - 1, int(plain.max()) + 1 if plain.size else 0
        size = (along[0] * block[0], along[1] * block[1], *stored.shape[1 + blocks:])
    size = tuple(size)
    _check_size(layout, axis, size, block, ends, plain, stored, blocks)
    xp = array_module(plain)
    major = (xp.searchsorted(ends, xp.arange(plain.size), side="right") - 1).astype(plain.dtype)
    places = major.astype("int64") * max(1, size[1 - axis]) + plain
    sparse = SparseTensor(xp.stack([major, plain][::1 if axis == 0 else -1]), stored, size, True, layout)
    if bool((places[1:] > places[:-1]).all()):
        return sparse
    compressed, name, major_name, _ = _PARTS[layout]
    if _must_hold(check_invariants):
        raise RuntimeError(f"`{name}_indices[..., {compressed}_indices[..., i - 1]:{compressed}_indices[..., i]] for "
                           f"all i = 1, ..., n{major_name} are sorted and distinct along the last dimension values` is "
                           f"not satisfied.")
    return SparseTensor(sparse.entries().positions, sparse.entries().stored, size).compress(layout, block)


def _check_parts(layout: Layout, ends: Any, plain: Any, stored: Any, blocks: int) -> None:
    """Errors: RuntimeError unless the pointers go up from 0 to the number of entries; PyTorch's words."""
    compressed, name, *_ = (f"{part}_indices" for part in _PARTS[layout][:2])
    if not ends.ndim:
        raise RuntimeError(f"{compressed} must have dimensionality >= 1 but got 0")
    if ends.ndim > 1:
        raise NotImplementedError(f"{layout.name}_tensor: stacks of matrices are not implemented, and {compressed} has "
                                  f"{ends.ndim} dimensions; try sparse_coo_tensor")
    if stored.dim() <= blocks:
        raise RuntimeError(f"values must have dimensionality > sum of batch and block dimensionalities (=0 + {blocks}) "
                           f"but got {stored.dim()}")
    if ends.dtype != plain.dtype:
        raise RuntimeError(f"{compressed} and {name} must have the same dtype, but got {ends.dtype} and {plain.dtype}")
    nnz = stored.shape[0]
    if plain.ndim != 1 or plain.size != nnz:
        raise RuntimeError(f"{name}.shape[-1] must be equal to nnz (={nnz}) as defined by values.shape[0], but got "
                           f"{plain.shape[-1] if plain.ndim else 'a number'}")
    if not ends.size or int(ends[0]):
        raise RuntimeError(f"`{compressed}[..., 0] == 0` is not satisfied.")
    if int(ends[-1]) != nnz:
        raise RuntimeError(f"`{compressed}[..., -1] == nnz` is not satisfied.")
    if bool((ends[1:] < ends[:-1]).any()):
        raise RuntimeError(f"`0 <= {compressed}[..., 1:] - {compressed}[..., :-1]` is not satisfied.")


def _check_size(layout: Layout, axis: int, size: tuple[int, ...], block: tuple[int, int], ends: Any, plain: Any,
                stored: Any, blocks: int) -> None:
    compressed, name, major, minor = _PARTS[layout]
    dense = stored.dim() - 1 - blocks
    if len(size) != 2 + dense:
        raise RuntimeError(f"tensor dimensionality must be sum of batch, base, and dense dimensionalities (=0 + 2 + "
                           f"{dense}) but got {len(size)}")
    for d in (0, 1):
        if blocks and (not block[d] or size[d] % block[d]):
            raise RuntimeError(f"tensor shape[{d}] (={size[d]}) must be divisible with blocksize[{d}] (={block[d]}) as "
                               f"defined by values shape")
    if size[2:] != tuple(stored.shape[1 + blocks:]):
        raise RuntimeError(f"values has incorrect size, expected the dense dimensions {list(size[2:])}, got "
                           f"{list(stored.shape[1 + blocks:])}")
    along, across = size[axis] // block[axis], size[1 - axis] // block[1 - axis]
    if ends.size != along + 1:
        raise RuntimeError(f"{compressed}_indices.shape[-1] must be equal to the number of {major} + 1 (={along + 1}), "
                           f"but got {ends.size}")
    if plain.size and not (0 <= int(plain.min()) and int(plain.max()) < across):
        raise RuntimeError(f"`0 <= {name}_indices < n{minor}` is not satisfied.")


def sparse_csr_tensor(crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False,
                      check_invariants: bool | None = None) -> SparseTensor:
    """A matrix row by row: row i has the `values` from crow_indices[i] to crow_indices[i + 1], in these columns.

    Errors: RuntimeError where these do not fit each other; see `sparse_compressed_tensor`.

        >>> import minidl
        >>> minidl.sparse_csr_tensor([0, 1, 3], [2, 0, 1], [3.0, 4.0, 5.0], (2, 3)).to_dense()
        tensor([[0., 0., 3.],
                [4., 5., 0.]])
    """
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, dtype=dtype, layout=sparse_csr,
                                    device=device, requires_grad=requires_grad, check_invariants=check_invariants)


def sparse_csc_tensor(ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False,
                      check_invariants: bool | None = None) -> SparseTensor:
    """A matrix column by column; see `sparse_compressed_tensor`."""
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, dtype=dtype, layout=sparse_csc,
                                    device=device, requires_grad=requires_grad, check_invariants=check_invariants)


def sparse_bsr_tensor(crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False,
                      check_invariants: bool | None = None) -> SparseTensor:
    """A matrix in blocks, row by row: values (nnz, height, width); see `sparse_compressed_tensor`."""
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, dtype=dtype, layout=sparse_bsr,
                                    device=device, requires_grad=requires_grad, check_invariants=check_invariants)


def sparse_bsc_tensor(ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False,
                      check_invariants: bool | None = None) -> SparseTensor:
    """A matrix in blocks, column by column: values (nnz, height, width); see `sparse_compressed_tensor`."""
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, dtype=dtype, layout=sparse_bsc,
                                    device=device, requires_grad=requires_grad, check_invariants=check_invariants)


def _values(values: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """A tensor of values; a leaf of its own if `requires_grad`."""
    stored = as_tensor(values, dtype=dtype, device=device)
    return stored.detach().clone().requires_grad_() if requires_grad else stored


def _must_hold(check_invariants: bool | None) -> bool:
    return check_sparse_tensor_invariants.is_enabled() if check_invariants is None else check_invariants


def _check_range(positions: Any, size: tuple[int, ...]) -> None:
    for dim, row in enumerate(positions):
        if row.size and not (0 <= int(row.min()) and int(row.max()) < size[dim]):
            wrong = int(row.min()) if int(row.min()) < 0 else int(row.max())
            raise RuntimeError(f"size is inconsistent with indices: for dim {dim}, size is {size[dim]} but found index "
                               f"{wrong}")
