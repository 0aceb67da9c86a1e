"""Linear algebra with error codes: each function also returns `info`, 0 for success.

In a batch, matrices with a solution get it; for the others, result and gradient are nan.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.autograd.tensorbase import wrap
from minidl.backend.device import Array, array_module
from minidl.backend.kernels.lu import lu_factor
from minidl.ops.base import return_types
from minidl.ops.base.declaration import public
from minidl.ops.elementwise import where
from minidl.ops.linalg import Cholesky, Inverse, Solve
from minidl.ops.linalg.decompositions import cholesky_factor, failing_order
from minidl.ops.linalg.equations import (
    check_matrix,
    check_right_hand_side,
    identity_like,
    is_vector,
    mH,
    mT,
    same_batch,
)
from minidl.ops.linalg.lu_factors import check_info, first_zero
from minidl.ops.shape import reshape, unsqueeze
from minidl.ops.shape.views import array_of, as_result

if TYPE_CHECKING:
    from minidl.tensors.tensor import Tensor


@public
def inv_ex(A: Tensor, *, check_errors: bool = False, out: Sequence[Tensor] | None = None) -> return_types.InverseResult:
    """`inv`, and the matrices without an inverse: a named tuple (inverse, info).

    info: (*), int32: 0 where there is an inverse, else the number, from 1, of the first 0 on the diagonal of U in
    A = P L U. Errors: LinAlgError, with `check_errors`, where info is not 0.

        >>> import minidl
        >>> minidl.linalg.inv_ex(minidl.tensor([[1.0, 2.0], [2.0, 4.0]])).info
        tensor(2, dtype=int32)
    """
    who = "linalg.inv_ex"
    check_matrix(who, A, square=True)
    info = first_zero(lu_factor(array_of(A))[0])
    if check_errors:
        check_info(info, f"{who}: The diagonal element {{}} is zero, the inversion could not be completed because the "
                         f"input matrix is singular.")
    return return_types.linalg_inv_ex(_fill_with_nan(Inverse()(_replace_singular(A, info)), info), wrap(info))


@public
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False,
             out: Sequence[Tensor] | None = None) -> return_types.SolveResult:
    """`solve`, and the matrices without a solution: a named tuple (result, info); info as for `inv_ex`.

        >>> import minidl
        >>> minidl.linalg.solve_ex(minidl.tensor([[2.0]]), minidl.tensor([4.0]))
        linalg_solve_ex(result=tensor([2.]), info=tensor(0, dtype=int32))
    """
    who = "linalg.solve_ex"
    check_matrix(who, A, square=True)
    if is_vector(A, B, who):
        X, info = solve_ex(A, unsqueeze(B, -1), check_errors=check_errors)
        return return_types.linalg_solve_ex(reshape(X, X.shape[:-1]), info)
    if not left:
        X, info = solve_ex(mT(A), mT(B), check_errors=check_errors)
        return return_types.linalg_solve_ex(as_result(mT(X)), info)
    check_right_hand_side(who, A, B)
    info = first_zero(lu_factor(array_of(A))[0])
    if check_errors:
        check_info(info, f"{who}: The solver failed because the input matrix is singular.")
    X = Solve()(*same_batch(who, _replace_singular(A, info), B))
    return return_types.linalg_solve_ex(_fill_with_nan(X, info), wrap(info))


@public
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False,
                out: Sequence[Tensor] | None = None) -> return_types.CholeskyResult:
    """`cholesky`, and the matrices that are not positive-definite: a named tuple (L, info).

    info: (*), int32: 0 where there is a factor, else the order of the first leading minor that is not
    positive-definite. Errors: LinAlgError, with `check_errors`, where info is not 0.

        >>> import minidl
        >>> minidl.linalg.cholesky_ex(minidl.tensor([[1.0, 2.0], [2.0, 1.0]])).info
        tensor(2, dtype=int32)
    """
    who = "linalg.cholesky_ex"
    check_matrix(who, A, square=True)
    A = mH(A) if upper else A
    info = _indefinite_order(array_of(A))
    if check_errors:
        check_info(info, f"{who}: The factorization could not be completed because the input is not positive-definite "
                         f"(the leading minor of order {{}} is not positive-definite).")
    L = _fill_with_nan(Cholesky()(_replace_singular(A, info)), info)
    return return_types.linalg_cholesky_ex(mH(L) if upper else L, wrap(info))


def _indefinite_order(a: Array) -> Array:
    """For each matrix, the order of the first minor that is not positive-definite; 0 if all are."""
    xp = array_module(a)
    info = xp.zeros(a.shape[:-2], np.int32)
    if cholesky_factor(a) is None:
        for index in np.ndindex(*a.shape[:-2]):
            if cholesky_factor(a[index]) is None:
                info[index] = failing_order(a[index])
    return info


def _replace_singular(A: Any, info: Array) -> Any:
    """A, with the identity in place of the matrices without a solution."""
    return where(wrap((info != 0)[..., None, None]), wrap(identity_like(A, A.shape[-1])), A)


def _fill_with_nan(y: Any, info: Array) -> Any:
    """Write nan into the results of the matrices without a solution."""
    return where(wrap((info != 0)[..., None, None]), math.nan, y)
