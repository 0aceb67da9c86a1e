"""The standard's extension for linear algebra."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl import linalg
from minidl.array_api.dtypes import alike
from minidl.array_api.reduce import sum as sum_
from minidl.linalg import cholesky, det, eigh, eigvalsh, inv, matrix_power, qr, slogdet, svdvals
from minidl.ops import linalg as ops

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot",
    "trace", "vecdot", "vector_norm",
]


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The vector product along an axis of length 3."""
    return linalg.cross(*alike(x1, x2), dim=axis)


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """The diagonals of matrices, or those beside them."""
    return linalg.diagonal(x, offset=offset)


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The product of matrices, of a matrix and a vector, or of two vectors."""
    return ops.matmul(*alike(x1, x2))


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of matrices: "fro", "nuc", 1, 2, infinity, or a negative one of these."""
    return linalg.matrix_norm(x, ord, (-2, -1), keepdims)


def matrix_rank(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """How many singular values are larger than `rtol` times the largest."""
    return linalg.matrix_rank(x, rtol=rtol)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two axes exchanged."""
    return x.mT


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """All products of an element of one vector and one of the other."""
    return ops.outer(*alike(x1, x2))


def pinv(x: Tensor, /, *, rtol: Any = None) -> Tensor:
    """The pseudo-inverse; singular values up to `rtol` times the largest count as zero."""
    return linalg.pinv(x, rtol=rtol)


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The solution y of x1 y = x2, where x2 with one axis is a vector, and else a stack of matrices."""
    a, b = alike(x1, x2)
    if b.ndim == 1:
        return linalg.solve(a, b[:, None])[..., 0]
    batch = (*a.shape[:-2],) if a.ndim - b.ndim == 1 else ()     # else b would be a stack of vectors
    return linalg.solve(a, b.expand(*batch, *b.shape) if batch else b)


def svd(x: Tensor, /, *, full_matrices: bool = True) -> Any:
    """The singular value decomposition U, S, Vh."""
    return linalg.svd(x, full_matrices)


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Tensor:
    """The sum of products over some axes of both: the last of x1 and the first of x2, or two lists of them."""
    a, b = alike(x1, x2)
    return ops.tensordot(a, b, axes)


def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sums of diagonals."""
    return sum_(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """The inner products of vectors, of which the first is conjugated."""
    a, b = alike(x1, x2)
    return (a.conj() * b).sum(axis) if a.dtype.is_complex else (a * b).sum(axis).to(a.dtype)


def vector_norm(x: Tensor, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False,
                ord: float = 2) -> Tensor:
    """The norm of vectors along some axes, or of all elements."""
    return linalg.vector_norm(x, ord, axis, keepdims)
