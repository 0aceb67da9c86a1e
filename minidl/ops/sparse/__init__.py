"""Sparse tensors: positions and values of the entries that are not zero."""
from minidl.ops.sparse.products import SparseMatMul
from minidl.ops.sparse.sparse_tensor import SparseTensor, positions_from
from minidl.ops.sparse.conversion import to_dense, to_sparse, to_sparse_csr
