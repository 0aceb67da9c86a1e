"""Sparse tensors: made of positions and values, multiplied with dense ones, with gradients for both.

    >>> import minidl
    >>> graph = minidl.sparse_coo_tensor([[0, 1, 1], [1, 0, 2]], [1.0, 0.5, 0.5], (3, 3))
    >>> minidl.sparse.mm(graph, minidl.tensor([[1.0], [2.0], [3.0]]))
    tensor([[2.],
            [2.],
            [0.]])

There are COO and CSR tensors, sums, scalar factors, products with dense matrices, `softmax` and conversions. Not there:
BSR, BSC and CSC layouts, products of two sparse matrices, indexing; `to_dense()` has all that a Tensor has.
"""
from minidl import left_out
from minidl.ops.sparse import SparseTensor
from minidl.sparse.functions import addmm, log_softmax, mm, softmax, sum
from minidl.sparse.making import sparse_coo_tensor, sparse_csr_tensor

__all__ = [
    "SparseTensor", "addmm", "log_softmax", "mm", "softmax", "sparse_coo_tensor", "sparse_csr_tensor", "sum",
]

left_out.explain(globals(), __name__)
