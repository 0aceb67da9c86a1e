"""Sparse tensors: made of positions and values, computed with as dense ones, with gradients.

    >>> import minidl
    >>> graph = minidl.sparse_coo_tensor([[0, 1, 1], [1, 0, 2]], [1.0, 0.5, 0.5], (3, 3))
    >>> minidl.sparse.mm(graph, minidl.tensor([[1.0], [2.0], [3.0]]))
    tensor([[2.],
            [2.],
            [0.]])

The layouts are COO, CSR, CSC, BSR and BSC. There are conversions, sums, products with numbers, dense and sparse
tensors, functions that keep zeros (`sqrt`, `tanh`), `softmax`, and indexing as far as PyTorch has it. Gradients pass to
the values, and to dense factors, at any order. Not there: stacks of compressed matrices, and what would leave no zeros;
`to_dense()` has all that a Tensor has.
"""
from minidl import left_out
from minidl.ops.sparse import SparseTensor
from minidl.sparse.functions import addmm, hspmm, log_softmax, mm, sampled_addmm, smm, softmax, spdiags, sum
from minidl.sparse.invariants import check_sparse_tensor_invariants
from minidl.sparse.making import (
    sparse_bsc_tensor,
    sparse_bsr_tensor,
    sparse_compressed_tensor,
    sparse_coo_tensor,
    sparse_csc_tensor,
    sparse_csr_tensor,
)
from minidl.sparse.typed import DoubleTensor, FloatTensor, LongTensor

__all__ = [
    "DoubleTensor", "FloatTensor", "LongTensor", "SparseTensor", "addmm", "check_sparse_tensor_invariants", "hspmm",
    "log_softmax", "mm", "sampled_addmm", "smm", "softmax", "sparse_bsc_tensor", "sparse_bsr_tensor",
    "sparse_compressed_tensor", "sparse_coo_tensor", "sparse_csc_tensor", "sparse_csr_tensor", "spdiags", "sum",
]

left_out.explain(globals(), __name__)
