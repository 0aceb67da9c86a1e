"""Sparse tensors: positions and values of the entries that are not zero."""
from minidl.ops.sparse.products import SparseMatMul, sampled_product
from minidl.ops.sparse.sparse_tensor import SparseTensor, positions_from
from minidl.ops.sparse.movement import cat, stack
from minidl.ops.sparse.softmax import sparse_softmax
from minidl.ops.sparse.conversion import (
    PARTS, dense_dim, refused_by_dense, sparse_dim, sparse_mask, to_dense, to_sparse, to_sparse_bsc, to_sparse_bsr,
    to_sparse_csc, to_sparse_csr,
)
