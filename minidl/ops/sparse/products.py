"""Products with sparse matrices, which are given by their entries."""
from __future__ import annotations

from typing import Any

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.sparse import sparse_matmul
from minidl.ops.index.items import GetItem
from minidl.ops.reduce.sums import sum


class SparseMatMul(Op):
    """y[i] = sum of values[k] * x[columns[k]] over the entries k of row i

    values (nnz,), x (w, n) -> (height, n). An entry receives dL/dvalues[k] = <dL/dy[row], x[column]>: the gradient of a
    sparse matrix is as sparse as the matrix.
    """

    complex_rules = "conjugated"

    def __init__(self, rows: Array, columns: Array, height: int) -> None:
        self.rows, self.columns, self.height = rows, columns, height

    def forward(self, values: Array, x: Array) -> Array:
        self.width = len(x)
        return sparse_matmul(values, x, self.rows, self.columns, self.height)

    def grad_values(self, g: Value, x: Value) -> Value:
        return sum(GetItem(self.rows)(g) * GetItem(self.columns)(x), -1)

    def grad_x(self, g: Value, values: Value) -> Value:
        return SparseMatMul(self.columns, self.rows, self.width)(values, g)


def sparse_times_sparse(a: Any, b: Any) -> Any:
    """The product (m, k) (k, n) of two sparse matrices in COO form, as another, coalesced.

    Each entry (i, k) of `a` meets all entries (k, j) of `b`: their products are entries at (i, j), and add up. So the
    work is that of the products which are not zero, and gradients pass to the values of both.
    """
    a, b = a.coalesce(), b.coalesce()
    xp, (rows, inner) = array_module(a.positions), a.positions
    left, right = meetings(inner, b.positions[0])
    positions = xp.stack([rows[left], b.positions[1][right]])
    values = GetItem(left)(a.stored) * GetItem(right)(b.stored)
    return a.like(positions, values, (a.shape[0], b.shape[1])).coalesce()


def meetings(wanted: Array, along: Array) -> tuple[Array, Array]:
    """All pairs (i, k) with wanted[i] = along[k], i after i. `along` is sorted."""
    xp = array_module(along)
    starts = xp.searchsorted(along, wanted)
    counts = xp.searchsorted(along, wanted, side="right") - starts
    ends = xp.cumsum(counts)
    which = xp.searchsorted(ends, xp.arange(int(ends[-1]) if ends.size else 0), side="right")
    return which, xp.arange(len(which)) - (ends - counts)[which] + starts[which]


def sampled_product(positions: Array, a: Any, b: Any) -> Any:
    """(a b) at some positions (2, nnz) only, for dense a (m, k) and b (k, n): (nnz,)."""
    return sum(GetItem(positions[0])(a) * GetItem(positions[1])(b.t()), -1)
