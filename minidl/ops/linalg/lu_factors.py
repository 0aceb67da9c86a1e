"""A = P L U by Gaussian elimination, for many equations with one matrix.

L is lower triangular with ones on its diagonal, U upper triangular, and P undoes the row exchanges. In packed form, one
matrix LU holds both triangles, and `pivots` the exchanges: step i exchanged the rows i and pivots[i] - 1.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidl.autograd.op import Op
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.lu import lu_factor as factor
from minidl.backend.kernels.lu import row_order
from minidl.ops.base import return_types
from minidl.ops.base.declaration import public
from minidl.ops.index.along_axis import index_along
from minidl.ops.index.items import GetItem
from minidl.ops.linalg.equations import (
    LinAlgError,
    Solve,
    batch_element,
    check_matrix,
    check_right_hand_side,
    identity_like,
    mH,
    mT,
    same_batch,
    solve_triangular,
    wrap_like,
)
from minidl.ops.shape.join import cat
from minidl.ops.shape.movement import tril, triu
from minidl.ops.shape.views import array_of, as_result

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


class LUFactor(Op):
    """LU, pivots = the packed form of a = P L U; below, a' = P^T a = L U

    For square matrices, let W(M) be the part of M below the diagonal, and V(M) = M - W(M) the rest. Then

        ga' = L^-T (W(L^T gL) + V(gU U^T)) U^-T

    (de Hoog, Anderssen, Lukas, 2011, "Differentiation of matrix functionals using triangular factorization"). For a
    wide matrix [X Y] the right part of U is L^-1 Y; for a tall one [X; Y] the lower part of L is Y U^-1. The
    gradients of these parts are those of a solution. For a complex a, read every T as H.
    """

    materialize = False
    complex_rules = "as written"

    def forward(self, a: Array) -> Any:
        return factor(a)

    def backward(self, g: Any, out: Any) -> Any:
        g, (LU, pivots) = g[0], out
        m, n = LU.shape[-2:]
        k = min(m, n)
        square = LU[..., :k, :k]
        L, U = tril(square, -1) + identity_like(LU, k), triu(square)
        gL, gU = tril(g[..., :k, :k], -1), triu(g[..., :k, :k])
        rest = None
        if n > k:       # the right part of U
            rest = Solve()(mH(L), g[..., :, k:])
            gL = gL - tril(rest @ mH(LU[..., :, k:]), -1)
        elif m > k:     # the lower part of L
            rest = mH(Solve()(U, mH(g[..., k:, :])))
            gU = gU - triu(mH(LU[..., k:, :]) @ rest)
        inner = tril(mH(L) @ gL, -1) + triu(gU @ mH(U))
        ga = mH(Solve()(U, mH(Solve()(mH(L), inner))))
        if rest is not None:
            ga = cat([ga, rest], -1 if n > k else -2)
        order = row_order(array_of(pivots), m)
        return [permuted_rows(ga, array_module(order).argsort(order, axis=-1))]


def permuted_rows(x: Any, order: Array) -> Any:
    """y[..., i, :] = x[..., order[i], :]; each matrix of the batch may have its own order."""
    xp = array_module(order)
    rows = xp.broadcast_to(order[..., None], (*order.shape, x.shape[-1]))
    return GetItem(index_along(rows, rows.ndim - 2), once=True)(x)


def first_zero(lu: Array) -> Array:
    """The position of the first 0 on U's diagonal, counted from 1; 0 if there is none: LAPACK's `info`."""
    xp = array_module(lu)
    zero = lu.diagonal(0, lu.ndim - 2, lu.ndim - 1) == 0
    if not zero.shape[-1]:
        return xp.zeros(zero.shape[:-1], "int32")
    return xp.where(zero.any(axis=-1), zero.argmax(axis=-1) + 1, 0).astype("int32")


def check_info(info: Array, message: str) -> None:
    """Errors: LinAlgError that names the first matrix whose `info` is not 0; {} is its number."""
    if bool((info != 0).any()):
        numbers = info.reshape(-1).tolist()
        index = next(i for i, n in enumerate(numbers) if n)
        who, _, text = message.partition(": ")
        raise LinAlgError(f"{who}: {batch_element(info.shape, index)}{text.format(numbers[index])}")


# ---------------------------------------------------------------------- functions


@public
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False,
                 out: Sequence[Tensor] | None = None) -> return_types.LUFactorExResult:
    """`lu_factor` without the check for a singular U: a named tuple (LU, pivots, info).

    info: (*), the position of the first 0 on U's diagonal, counted from 1; 0 if there is none. Errors: LinAlgError,
    with `check_errors`, where info is not 0; RuntimeError for pivot=False, as in PyTorch on the CPU.

        >>> import minidl
        >>> minidl.linalg.lu_factor_ex(minidl.tensor([[1.0, 2.0], [2.0, 4.0]])).info
        tensor(2, dtype=int32)
    """
    return _factorize("linalg.lu_factor_ex", A, pivot, check_errors)


def _factorize(who: str, A: Any, pivot: bool, check_errors: bool) -> return_types.LUFactorExResult:
    check_matrix(who, A)
    if not pivot:
        raise RuntimeError(f"{who}: LU without pivoting is not implemented; leave pivot=True")
    LU, pivots = LUFactor()(A)
    info = first_zero(array_of(LU))
    if check_errors:
        check_info(info, f"{who}: U[{{0}},{{0}}] is zero and using it on lu_solve would result in a division by zero. "
                         f"If you still want to perform the factorization, consider calling linalg.lu(A) or "
                         f"linalg.lu_factor_ex(A)")
    return return_types.linalg_lu_factor_ex(LU, pivots, wrap_like(A, info))


@public
def lu_factor(A: Tensor, *, pivot: bool = True, out: Sequence[Tensor] | None = None) -> return_types.LUFactorResult:
    """A = P L U in packed form, for `lu_solve`: a named tuple (LU, pivots).

    A: (*, m, n). LU: (*, m, n), with U on and above the diagonal and L below. pivots: (*, min(m, n)), int32.
    Errors: LinAlgError where U has a 0 on its diagonal, RuntimeError for pivot=False.

        >>> import minidl
        >>> minidl.linalg.lu_factor(minidl.tensor([[1.0, 2.0], [2.0, 5.0]]))
        linalg_lu_factor(LU=tensor([[ 2.0000,  5.0000],
                [ 0.5000, -0.5000]]), pivots=tensor([2, 2], dtype=int32))
    """
    return return_types.linalg_lu_factor(*_factorize("linalg.lu_factor", A, pivot, True)[:2])


@public
def lu(A: Tensor, *, pivot: bool = True, out: Sequence[Tensor] | None = None) -> return_types.LUResult:
    """A = P L U: a named tuple (P, L, U).

    A: (*, m, n); with k = min(m, n), P: (*, m, m) is a permutation, L: (*, m, k) lower triangular with ones on its
    diagonal, U: (*, k, n) upper triangular. Errors: RuntimeError for pivot=False, as in PyTorch on the CPU.

        >>> import minidl
        >>> P, L, U = minidl.linalg.lu(minidl.tensor([[1.0, 2.0], [2.0, 5.0]]))
        >>> L, U
        (tensor([[1.0000, 0.0000],
                [0.5000, 1.0000]]), tensor([[ 2.0000,  5.0000],
                [ 0.0000, -0.5000]]))
    """
    return return_types.linalg_lu(*lu_unpack(*_factorize("linalg.lu", A, pivot, False)[:2]))


@public
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True,
              unpack_pivots: bool = True, *, out: Sequence[Tensor] | None = None) -> return_types.LUResult:
    """Unpack P, L and U from the result of `lu_factor`: a named tuple (P, L, U).

    L and U are empty unless `unpack_data`, P unless `unpack_pivots`. Errors: RuntimeError unless pivots are int32.

        >>> import minidl
        >>> factors = minidl.linalg.lu_factor(minidl.tensor([[1.0, 2.0], [2.0, 5.0]]))
        >>> minidl.lu_unpack(*factors).P
        tensor([[0., 1.],
                [1., 0.]])
    """
    _check_pivots("lu_unpack", LU_pivots)
    xp, (m, n) = array_module(array_of(LU_data)), LU_data.shape[-2:]
    P = L = U = wrap_like(LU_data, xp.empty((0,), LU_data.dtype))
    k = min(m, n)
    if unpack_data:
        L = tril(LU_data[..., :, :k], -1) + xp.eye(m, k, dtype=LU_data.dtype)
        U = triu(LU_data[..., :k, :])
    if unpack_pivots:
        order = row_order(array_of(LU_pivots), m)
        P = wrap_like(LU_data, (order[..., None, :] == xp.arange(m)[:, None]).astype(LU_data.dtype))
    return return_types.lu_unpack(P, L, U)


def _check_pivots(who: str, pivots: Any) -> None:
    if pivots.dtype != "int32":
        raise RuntimeError(f"{who}: LU_pivots is expected to be a tensor of int32, but it is {pivots.dtype}; it should "
                           f"be what linalg.lu_factor returns")


@public
def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False,
             out: Tensor | None = None) -> Tensor:
    """Solve A X = B, or X A = B with `left=False`, given the result of `lu_factor`.

    B: (*, n, k), or (*, k, n) with `left=False`. With `adjoint` the matrix is A^H.
    Errors: RuntimeError where sizes or dtypes do not fit, LinAlgError where U is singular.

        >>> import minidl
        >>> factors = minidl.linalg.lu_factor(minidl.tensor([[2.0, 1.0], [1.0, 1.0]]))
        >>> minidl.linalg.lu_solve(*factors, minidl.tensor([[4.0], [3.0]]))
        tensor([[1.],
                [2.]])
    """
    who = "linalg.lu_solve"
    check_matrix(who, LU, square=True, name="LU")
    _check_pivots(who, pivots)
    check_matrix(who, B, name="B")
    if not left:
        return as_result(mH(lu_solve(LU, pivots, mH(B), adjoint=not adjoint)))
    check_right_hand_side(who, LU, B)
    LU, B = same_batch(who, LU, B)
    xp, order = array_module(array_of(LU)), row_order(array_of(pivots), LU.shape[-1])
    order = xp.broadcast_to(order, LU.shape[:-1])
    if adjoint:         # U^H L^H P^T X = B
        y = solve_triangular(mH(LU), B, upper=False)
        y = solve_triangular(mH(LU), y, upper=True, unitriangular=True)
        return permuted_rows(y, xp.argsort(order, axis=-1))
    y = solve_triangular(LU, permuted_rows(B, order), upper=False, unitriangular=True)
    return solve_triangular(LU, y, upper=True)


# ---------------------------------------------------------------------- PyTorch's older forms


@public
def older_lu(A: Tensor, pivot: bool = True, get_infos: bool = False, *,
             out: Sequence[Tensor] | None = None) -> tuple[Tensor, ...]:
    """`linalg.lu_factor` in PyTorch's older form, `minidl.lu`; with `get_infos`, `linalg.lu_factor_ex`.

        >>> import minidl
        >>> minidl.lu(minidl.tensor([[1.0, 2.0], [2.0, 5.0]]))[1]
        tensor([2, 2], dtype=int32)
    """
    found = _factorize("lu", A, pivot, not get_infos)
    return return_types.lu_with_info(*found) if get_infos else return_types.lu(*found[:2])


@public
def older_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`linalg.lu_solve(LU_data, LU_pivots, b)` in PyTorch's older form, `minidl.lu_solve`.

        >>> import minidl
        >>> minidl.lu_solve(minidl.tensor([[4.0]]), *minidl.lu(minidl.tensor([[2.0]])))
        tensor([[2.]])
    """
    return lu_solve(LU_data, LU_pivots, b)


@public
def triangular_solve(b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False, *,
                     out: Sequence[Tensor] | None = None) -> return_types.TriangularSolveResult:
    """`linalg.solve_triangular(A, b, upper=upper)` in PyTorch's older form: (solution, a copy of A).

    With `transpose` the matrix is A^T.

        >>> import minidl
        >>> minidl.triangular_solve(minidl.tensor([[4.0]]), minidl.tensor([[2.0]])).solution
        tensor([[2.]])
    """
    matrix, upper = (mT(A), not upper) if transpose else (A, upper)
    return return_types.triangular_solve(solve_triangular(matrix, b, upper=upper, unitriangular=unitriangular), A + 0)
