"""New sparse tensors, of positions and values."""
from __future__ import annotations

from typing import Any

from minidl.backend.device import array_module
from minidl.backend.memory_format import sparse_csr
from minidl.ops.sparse import SparseTensor, positions_from
from minidl.tensors.creation import as_tensor, zeros
from minidl.tensors.tensor import Tensor


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
    if positions.ndim == 1 and not positions.size:
        positions = positions.reshape(1, 0)
    if positions.ndim != 2 or stored.dim() < 1 or positions.shape[1] != stored.shape[0]:
        raise RuntimeError(f"sparse_coo_tensor: expected indices (sparse_dim, nnz) and values (nnz, ...), but got "
                           f"shapes {tuple(positions.shape)} and {tuple(stored.shape)}")
    n = positions.shape[0]
    if size is None:
        size = (*(int(row.max()) + 1 if row.size else 0 for row in positions), *stored.shape[1:])
    size = tuple(size)
    if len(size) != n + stored.dim() - 1 or tuple(size[n:]) != tuple(stored.shape[1:]):
        raise RuntimeError(f"sparse_coo_tensor: number of dimensions must be sparse_dim ({n}) + dense_dim "
                           f"({stored.dim() - 1}), with the sizes {tuple(stored.shape[1:])} last, but got size {size}")
    _check_range("sparse_coo_tensor", positions, size)
    return SparseTensor(positions, stored, size, bool(is_coalesced))


def sparse_csr_tensor(crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None,
                      device: Any = None, requires_grad: bool = False,
                      check_invariants: bool | None = None) -> SparseTensor:
    """A matrix row by row: row i has the `values` from crow_indices[i] to crow_indices[i + 1], in these columns.

    Errors: RuntimeError where these do not fit each other.

        >>> import minidl
        >>> minidl.sparse_csr_tensor([0, 1, 3], [2, 0, 1], [3.0, 4.0, 5.0], (2, 3)).to_dense()
        tensor([[0., 0., 3.],
                [4., 5., 0.]])
    """
    stored = _values(values, dtype, device, requires_grad)
    ends = positions_from(as_tensor(crow_indices, device=stored.device), "sparse_csr_tensor")
    columns = positions_from(as_tensor(col_indices, device=stored.device), "sparse_csr_tensor")
    xp = array_module(columns)
    lengths = ends[1:] - ends[:-1] if ends.ndim == 1 and ends.size else ends
    if (ends.ndim != 1 or not ends.size or stored.dim() != 1 or columns.shape != tuple(stored.shape)
            or int(ends[0]) or int(ends[-1]) != columns.size or bool((lengths < 0).any())):
        raise RuntimeError(f"sparse_csr_tensor: expected crow_indices from 0 to nnz, and nnz columns and values, but "
                           f"got shapes {tuple(ends.shape)}, {tuple(columns.shape)} and {tuple(stored.shape)}")
    rows = xp.searchsorted(ends, xp.arange(columns.size), side="right") - 1
    if size is None:
        size = (ends.size - 1, int(columns.max()) + 1 if columns.size else 0)
    if len(size) != 2 or size[0] != ends.size - 1:
        raise RuntimeError(f"sparse_csr_tensor: expected a size of {ends.size - 1} rows, but got {tuple(size)}")
    positions = xp.stack([rows, columns.astype(rows.dtype)])
    _check_range("sparse_csr_tensor", positions, size)
    places = rows * size[1] + columns
    in_order = bool((places[1:] > places[:-1]).all())
    sparse = SparseTensor(positions, stored, tuple(size), coalesced=in_order, layout=sparse_csr)
    return sparse if in_order else sparse.coalesce()


def _values(values: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """A tensor of values; a leaf of its own if `requires_grad`."""
    stored = as_tensor(values, dtype=dtype, device=device)
    return stored.detach().clone().requires_grad_() if requires_grad else stored


def _check_range(who: str, positions: Any, size: tuple[int, ...]) -> None:
    for dim, row in enumerate(positions):
        if row.size and not (0 <= int(row.min()) and int(row.max()) < size[dim]):
            wrong = int(row.min()) if int(row.min()) < 0 else int(row.max())
            raise RuntimeError(f"{who}: size is inconsistent with indices: for dim {dim}, size is {size[dim]} but "
                               f"found index {wrong}")
