"""The product of a sparse matrix, given by its entries, and a dense one."""
from __future__ import annotations

from minidl.autograd.op import Op, Value
from minidl.backend.device import Array
from minidl.backend.kernels.sparse import sparse_matmul
from minidl.ops.index.items import GetItem
from minidl.ops.reduce.sums import sum


class SparseMatMul(Op):
    """y[i] = sum of values[k] * x[columns[k]] over the entries k of row i

    values (nnz,), x (w, n) -> (height, n). An entry receives dL/dvalues[k] = <dL/dy[row], x[column]>: the gradient of a
    sparse matrix is as sparse as the matrix.
    """

    def __init__(self, rows: Array, columns: Array, height: int) -> None:
        self.rows, self.columns, self.height = rows, columns, height

    def forward(self, values: Array, x: Array) -> Array:
        self.width = len(x)
        return sparse_matmul(values, x, self.rows, self.columns, self.height)

    def grad_values(self, g: Value, x: Value) -> Value:
        return sum(GetItem(self.rows)(g) * GetItem(self.columns)(x), -1)

    def grad_x(self, g: Value, values: Value) -> Value:
        return SparseMatMul(self.columns, self.rows, self.width)(values, g)
