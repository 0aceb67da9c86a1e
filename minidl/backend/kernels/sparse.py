"""Products of a sparse matrix, given by its entries, and a dense one."""
from __future__ import annotations

from minidl.backend.device import Array
from minidl.backend.kernel import kernel
from minidl.backend.kernels.scatter import scatter_add


@kernel
def sparse_matmul(values: Array, dense: Array, rows: Array, columns: Array, height: int) -> Array:
    """y[rows[k]] += values[k] * dense[columns[k]] for every entry k; y (height, n)."""
    return scatter_add(values[:, None] * dense[columns], rows, (height, dense.shape[1]))
