"""The largest singular values and principal components, from random projections."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import device_of
from minidl.ops.base import return_types
from minidl.ops.base.declaration import public
from minidl.ops.linalg.decompositions import qr, svd
from minidl.ops.linalg.equations import check_matrix, mT
from minidl.ops.reduce.sums import mean
from minidl.ops.shape.views import array_of
from minidl.random import default_generator

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> return_types.USV:
    """Approximate the q largest singular values: A ~ U diag(S) V^T, a named tuple (U, S, V).

    A: (*, m, n); U: (*, m, q), S: (*, q), V: (*, n, q), where q is min(m, n) at most. With M, those of A - M.
    If q is somewhat larger than the rank of A, the result is exact. niter: how often the vectors are multiplied by A
    A^T; each turns them towards the largest singular values, so a larger niter is more accurate.

    Source: Halko, Martinsson, Tropp, "Finding structure with randomness", 2009, algorithms 4.4 and 5.1,
    https://arxiv.org/abs/0909.4061

        >>> import minidl
        >>> A = minidl.outer(minidl.tensor([3.0, 4.0]), minidl.tensor([0.0, 1.0, 0.0]))     # of rank 1
        >>> minidl.svd_lowrank(A, q=1).S
        tensor([5.])
    """
    check_matrix("svd_lowrank", A, kinds="f")
    A = A if M is None else A - M
    q = min(6 if q is None else q, *A.shape[-2:])
    if A.shape[-2] < A.shape[-1]:       # fewer rows than columns: cheaper to orthonormalize
        U, S, V = _svd_of_tall(mT(A), q, 2 if niter is None else niter)
        return return_types.svd_lowrank(V, S, U)
    return _svd_of_tall(A, q, 2 if niter is None else niter)


def _svd_of_tall(A: Any, q: int, niter: int) -> return_types.USV:
    Q = _range_finder(A, q, niter)                              # (*, m, q), A ~ Q Q^T A
    U, S, Vh = svd(mT(Q) @ A, full_matrices=False)              # a small matrix: (*, q, n)
    return return_types.svd_lowrank(Q @ U, S, mT(Vh))


def _range_finder(A: Any, q: int, niter: int) -> Any:
    """Orthonormal columns that nearly span the range of A: A, applied to q random vectors."""
    a = array_of(A)
    draws = default_generator(device_of(a)).stream.standard_normal((A.shape[-1], q), dtype=a.dtype)
    Q = qr(A @ (wrap(draws) if a is not A else draws)).Q
    for _ in range(niter):
        Q = qr(mT(A) @ Q).Q
        Q = qr(A @ Q).Q
    return Q


@public
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> return_types.USV:
    """Approximate principal components of the rows of A: `svd_lowrank` of A minus its mean row.

    A: (*, m, n), one row per sample. The columns of V: (*, n, q) are the directions in which the samples vary most;
    `A @ V` is the samples in these directions, and S**2 / (m - 1) their variances. q is min(6, m, n) unless given;
    `center=False` keeps the mean. Errors: ValueError where q is out of range or niter negative.

        >>> import minidl
        >>> samples = minidl.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])       # they vary along the first axis
        >>> minidl.pca_lowrank(samples, q=1).V.abs()
        tensor([[1.],
                [0.]])
    """
    check_matrix("pca_lowrank", A, kinds="f")
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"pca_lowrank: q (={q}) must be non-negative integer and not greater than min(m, n)="
                         f"{min(m, n)}")
    if niter < 0:
        raise ValueError(f"pca_lowrank: niter (={niter}) must be non-negative integer")
    return return_types.pca_lowrank(*svd_lowrank(A - mean(A, -2, keepdim=True) if center else A, q, niter))
