"""Linear algebra under the names of `torch.linalg`. `minidl.ops` defines and explains the functions."""
# ruff: noqa: I001  (grouped for the reader)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl import left_out
from minidl.ops import base, linalg, shape
from minidl.ops.linalg import (
    vander, cholesky, eigh, eigvalsh, lstsq, matrix_rank, pinv, qr, svd, svdvals, eig, eigvals, householder_product,
    matmul, multi_dot, vecdot,
)
from minidl.ops.torch_names import cholesky_ex, inv_ex, solve_ex
from minidl.ops.linalg import (
    lu, lu_factor, lu_factor_ex, lu_solve, cond, matrix_exp, matrix_norm, matrix_power, norm, vector_norm, LinAlgError,
    det, inv, slogdet, solve, solve_triangular, tensorinv, tensorsolve,
)

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul",
    "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]


@base.public
def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Any:
    """The vector product along `dim`, which must have size 3.

        >>> import minidl
        >>> minidl.linalg.cross(minidl.tensor([1.0, 0.0, 0.0]), minidl.tensor([0.0, 1.0, 0.0]))
        tensor([0., 0., 1.])
    """
    return linalg.cross(input, other, dim)


@base.public
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of a batch of matrices, as a view with a new last axis.

        >>> import minidl
        >>> minidl.linalg.diagonal(minidl.eye(3).expand(2, 3, 3)).shape
        (2, 3)
    """
    return shape.diagonal(A, offset, dim1, dim2)


left_out.explain(globals(), __name__)
